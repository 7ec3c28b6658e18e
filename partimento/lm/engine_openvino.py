"""The language model run by OpenVINO on the CPU, with weights of 4 or 8 bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from partimento.lm.cache import TextContext
from partimento.lm.quantize import GROUP
from partimento.lm.shelf import Shelf, give_back

if TYPE_CHECKING:
    from partimento.lm.transformer import MusicGenLm

_LET_GO_S = 0.05
KEPT = {4: 2, 8: 1}
"""Compiled steps that stand in memory at once, by bits; each holds the matrices anew. To make one takes about a second."""
PIECE_ROWS = 2
"""Rows of a guided piece. A step of so few rows is compiled for their number: it is made of many operations that are small."""


@dataclass(slots=True, eq=False)
class RequestCache:
    """A past that an inference request keeps.

    Attributes:
        rows: sequences.
        capacity: positions; the request's memory grows as needed, this is only held to.
        length: positions that are past.
        request: the request, of the graph that the first call chose; None before.
        single: that graph takes one position at a time.
        text: what the request listens to now.
    """

    rows: int
    capacity: int
    length: int = 0
    request: Any = None
    single: bool = False
    text: TextContext | None = field(default=None, repr=False)


class OpenVinoRunner:
    """Runs the layers of a model by compiled graphs, and becomes its runner; the model's own layers are gone afterwards.

    Args:
        lm: float32, on the CPU.
        bits: 4 or 8.
    """

    def __init__(self, lm: MusicGenLm, bits: int) -> None:
        import openvino as ov

        from partimento.lm.openvino_graph import build_step, build_text

        config = lm.config
        self._shape = (config.n_heads, config.width // config.n_heads)
        self._n_layers, self._cross = config.n_layers, config.cross_attention
        self._shelf = Shelf()
        threads = torch.get_num_threads()
        # Quantising is many small operations, which threads would only hold up.
        torch.set_num_threads(1)
        try:
            self._core, self._settings = ov.Core(), _settings(threads)
            if self._cross:
                self._text = self._core.compile_model(build_text(lm, self._shelf), "CPU", self._settings)
                self._bring(lambda: self.text(torch.zeros(1, 1, config.width), None))
            self._graph = build_step(lm, bits, self._shelf)
        finally:
            torch.set_num_threads(threads)
        self._steps: dict[int | None, Any] = {}
        self._kept, self._making = KEPT[bits], Lock()
        lm.layers = nn.ModuleList()
        lm.heads = nn.Identity()
        lm.embed.to(torch.bfloat16)
        lm.runner = self
        # What the first sound will need: a prefix, or single steps of one guided piece.
        self._step(None if config.melody_classes is not None else PIECE_ROWS)

    def _bring(self, make: Callable[[], Any]) -> Any:
        """Compile a graph and run it once. In one or the other the plug-in brings the matrices into the form that it multiplies
        with: no first sound waits for that, and what it makes them from leaves memory, also while it is at work.
        """
        done = Event()

        def _let_go() -> None:
            while not done.wait(_LET_GO_S):
                self._shelf.drop()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(_let_go)
            try:
                made = make()
            finally:
                done.set()
        self._shelf.drop()
        return made

    def _step(self, rows: int | None) -> Any:
        """The compiled step of ``rows`` sequences of one position each, or (None) of any."""
        with self._making:
            if rows not in self._steps:
                while len(self._steps) >= self._kept:
                    self._steps.pop(next(iter(self._steps)))
                give_back()
                self._steps[rows] = self._bring(lambda: self._compiled(rows))
                give_back()
            return self._steps[rows]

    def _compiled(self, rows: int | None) -> Any:
        """Compile a step, and run it once."""
        from partimento.lm.openvino_graph import fix_step

        step = self._core.compile_model(self._graph if rows is None else fix_step(self._graph, rows), "CPU", self._settings)
        x = torch.zeros(rows or PIECE_ROWS, 1, self._shape[0] * self._shape[1])
        self._infer(x, None, RequestCache(x.shape[0], 1, request=self._request(step, x.shape[0])))
        return step

    def _request(self, step: Any, rows: int) -> Any:
        """A request of a compiled step with an empty past."""
        import numpy as np
        import openvino as ov

        request = step.create_infer_request()
        request.set_tensor("rows", ov.Tensor(np.arange(rows, dtype=np.int32)))
        return request

    def cache(self, rows: int, capacity: int) -> RequestCache:
        """An empty past."""
        return RequestCache(rows, capacity)

    def text(self, text: Tensor, mask: Tensor | None) -> TextContext:
        """Keys and values of a projected text for every layer."""
        assert self._text is not None, "a model with cross-attention"
        made = self._text.create_infer_request().infer([text.float().contiguous().numpy()])
        tensors = [torch.from_numpy(made[i].copy()) for i in range(2 * self._n_layers)]
        return TextContext(tuple(tensors[: self._n_layers]), tuple(tensors[self._n_layers :]), mask)

    def __call__(self, x: Tensor, text: TextContext | None, cache: Any) -> Tensor:
        """Logits ``[R, n, K * N]`` of embeddings ``[R, n, d]``."""
        rows, n = x.shape[:2]
        cache = cache or self.cache(rows, n)
        assert cache.length + n <= cache.capacity, "the cache is made for the whole sequence"
        if cache.request is None:
            # For its whole life: moving a past between graphs would round it once more.
            cache.single = n == 1 and rows <= PIECE_ROWS
            cache.request = self._request(self._step(rows if cache.single else None), rows)
        if n > 1 and cache.single:
            return torch.cat([self._infer(part, text, cache) for part in torch.split(x, 1, dim=1)], dim=1)
        return self._infer(x, text, cache)

    def _infer(self, x: Tensor, text: TextContext | None, cache: RequestCache) -> Tensor:
        """The same by a cache that has its request, in one go."""
        import openvino as ov

        if self._cross and (cache.length == 0 or cache.text is not text):
            self._listen(cache, text)
        cache.request.set_tensor("x", ov.Tensor(x.float().contiguous().numpy()))
        cache.request.infer()
        cache.length += x.shape[1]
        return torch.from_numpy(cache.request.get_output_tensor(0).data.copy())

    def _listen(self, cache: RequestCache, text: TextContext | None) -> None:
        """Give the request its text; rows without one hear a single zero, which adds exactly nothing."""
        import openvino as ov

        heads, width = self._shape
        n = 1 if text is None else text.keys[0].shape[2]
        heard = torch.zeros(cache.rows, 1, 1, n)
        if text is not None and text.mask is not None:
            heard[: text.rows].masked_fill_(~text.mask, -torch.inf)
        cache.request.set_tensor("heard", ov.Tensor(heard.numpy()))
        for index in range(self._n_layers):
            keys, values = torch.zeros(cache.rows, heads, width, n), torch.zeros(cache.rows, heads, n, width)
            if text is not None:
                keys[: text.rows] = text.keys[index].transpose(2, 3) / math.sqrt(width)
                values[: text.rows] = text.values[index]
            cache.request.set_tensor(f"keys_{index}", ov.Tensor(keys.numpy()))
            cache.request.set_tensor(f"values_{index}", ov.Tensor(values.numpy()))
        cache.text = text


def _settings(threads: int) -> dict[str, Any]:
    """How the CPU plug-in runs one sequence at a time as fast as it can."""
    return {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
        # float32 between the matrices: the kernels that read whole groups of 8-bit activations take no other.
        "INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,
        # The attention kernel is bound by its instructions: 8-bit keys and values take it a third less time than float32 or 16.
        "KV_CACHE_PRECISION": "u8",
    }  # fmt: skip
