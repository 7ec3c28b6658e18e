"""A whole step as one compiled function, and where its machine code is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserWideCacheLocator

from partimento.lm import kernel_data, kernels, kernels_attention, kernels_product, lanes, sharing
from partimento.lm.kernel_data import Model, Past, Room, Sizes, Text
from partimento.lm.kernels import norm_rows, round_rows
from partimento.lm.kernels_attention import cross_attention, self_attention
from partimento.lm.kernels_product import product
from partimento.lm.sharing import compiled
from partimento.paths import cache_dir

LAYER_MATRICES, LAYER_NORMS = 6, 3
"""Of each layer in reading order: fused queries, keys and values, their output; the text's queries and output; feed-forward in
and out. A layer that hears no text leaves its two empty."""
PHASES = 14
"""Of a layer, at most; three more follow the last."""


@compiled
def step(
    model: Model, sizes: Sizes, past: Past, text: Text, room: Room, before: int, new: int, heads: bool, thread: int
) -> None:  # fmt: skip
    """From the embeddings of ``new`` positions of every sequence to their logits, with ``before`` positions past.

    Without ``heads`` there are no logits: the positions become a past to go on from.

    Every thread calls this with a number of its own and everything else the same.
    """
    rows, heard, fused = past.sequences * new, text.sequences * new, sizes.heads * sizes.head
    phase = 0
    for layer in range(sizes.layers):
        matrix, norm = layer * LAYER_MATRICES, layer * LAYER_NORMS
        phase = norm_rows(model, sizes, room, norm, rows, phase)
        phase = product(model, room, matrix, rows, room.fused, 3 * fused, phase)
        asked = heads or layer + 1 < sizes.layers
        phase = self_attention(sizes, past, room, layer, before, new, asked, thread, phase)
        if not asked:  # later positions hear of the last layer its keys and values only
            return
        phase = round_rows(room, room.attended, sizes.attended, rows, phase)
        phase = product(model, room, matrix + 1, rows, room.x, sizes.d, phase)
        if heard:
            phase = norm_rows(model, sizes, room, norm + 1, heard, phase)
            phase = product(model, room, matrix + 2, heard, room.fused, fused, phase)
            phase = cross_attention(sizes, text, room, layer, new, thread, phase)
            phase = round_rows(room, room.attended, sizes.attended, heard, phase)
            phase = product(model, room, matrix + 3, heard, room.x, sizes.d, phase)
        phase = norm_rows(model, sizes, room, norm + 2, rows, phase)
        phase = product(model, room, matrix + 4, rows, room.inner, sizes.ffn, phase)
        phase = round_rows(room, room.inner, sizes.ffn, rows, phase)
        phase = product(model, room, matrix + 5, rows, room.x, sizes.d, phase)
    phase = norm_rows(model, sizes, room, sizes.layers * LAYER_NORMS, rows, phase)
    product(model, room, sizes.layers * LAYER_MATRICES, rows, room.logits, sizes.logits, phase)


@compiled
def project(model: Model, room: Room, matrix: int, width: int, rows: int, stride: int, phase: int) -> None:
    """Rows of ``x``, ``width`` numbers each, times a matrix to rows of ``fused``; ``phase`` is the first that is free, 0."""
    phase = round_rows(room, room.x, width, rows, phase)
    product(model, room, matrix, rows, room.fused, stride, phase)


class _Locator(UserWideCacheLocator):  # type: ignore[misc]
    """Machine code lies in the user's cache folder, and is made anew when any of the sources that it is made of changes."""

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)  # type: ignore[no-untyped-call]
        self._cache_path = str(cache_dir() / "kernels")

    def get_source_stamp(self) -> str:
        """A digest of the sources."""
        modules = (lanes, sharing, kernel_data, kernels, kernels_attention, kernels_product)
        files = [__file__, *(str(module.__file__) for module in modules)]
        return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


class _Kept(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Locator]  # noqa: RUF012


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _Kept


def _keep(function: Any) -> None:
    """Keep the function's machine code from one process to the next, where the folder for it can be written."""
    try:
        function._cache = _Cache(function.py_func)  # type: ignore[no-untyped-call]
    except RuntimeError:  # numba's word for no folder: each process compiles for itself
        return


_keep(step)
_keep(project)
