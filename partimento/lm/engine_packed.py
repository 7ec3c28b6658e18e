"""The language model on the CPU with weights of 8 or 4 bits, each step one call of compiled code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from partimento.lm.cache import TextContext
from partimento.lm.compiled_step import LAYER_MATRICES, LAYER_NORMS, PHASES, project, step
from partimento.lm.kernel_data import VECTOR, Model, Past, Room, Sizes, Text
from partimento.lm.kernels_attention import QUERIES
from partimento.lm.kernels_product import ADD, GELU, SET
from partimento.lm.packed import Packer, in_large_pages, pad_heads, padded
from partimento.lm.quantize import GROUP
from partimento.lm.sharing import LINE, Team
from partimento.threads import one_thread

if TYPE_CHECKING:
    from partimento.lm.transformer import Layer, LmConfig, MusicGenLm

HEAD_BITS = 8
"""Heads and what turns text into keys and values: few numbers, and the heads' errors go straight into the logits."""
ROWS = 128
"""Rows that are worked on at once: room for them is small, and the weights are read often enough from the processor's cache."""


class PackedCache:
    """A past, and room for the steps that go on from it.

    Args:
        sizes: of the model.
        rows: sequences.
        capacity: positions.

    Attributes:
        rows, capacity: as given.
        length: positions that are past.
        past: keys and values; memory that is not used yet is not taken.
        heard: what the sequences listened to last, packed, and what it was packed from.
    """

    def __init__(self, sizes: Sizes, rows: int, capacity: int) -> None:
        self.rows, self.capacity, self.length = rows, capacity, 0
        places = sizes.layers * rows * sizes.heads * padded(capacity, VECTOR)
        self.past = Past(
            in_large_pages(places * sizes.head), np.zeros(places, np.float32),
            in_large_pages(places * sizes.head).view(np.int8), np.zeros(places, np.float32), rows, padded(capacity, VECTOR),
        )  # fmt: skip
        self.heard: tuple[TextContext | None, Text] | None = None
        self.room: Room | None = None


class PackedRunner:
    """Runs the layers of a model, and becomes its runner; the model's own layers are gone afterwards.

    Args:
        lm: float32, on the CPU.
        bits: 4 or 8.
    """

    def __init__(self, lm: MusicGenLm, bits: int) -> None:
        config = lm.config
        self._sizes, self._cross = padded_sizes(config), config.cross_attention
        self._logits = config.n_codebooks * config.cardinality
        self._team = Team(torch.get_num_threads())
        with one_thread():  # quantising is many small operations, which threads would only hold up
            self._model = _packed(lm, self._sizes, bits)
        lm.layers = nn.ModuleList()
        lm.heads = nn.Identity()
        lm.embed.to(torch.bfloat16)
        lm.runner = self
        # Compiles, where that was not done before: no first sound waits for it.
        x = torch.zeros(1, 1, config.width)
        self(x, self.text(x, None) if self._cross else None, None, 1)

    def cache(self, rows: int, capacity: int) -> PackedCache:
        """An empty past."""
        return PackedCache(self._sizes, rows, capacity)

    def text(self, text: Tensor, mask: Tensor | None) -> TextContext:
        """Keys and values of a projected text for every layer."""
        sizes, (rows, n, width) = self._sizes, text.shape
        stride, head = 2 * sizes.heads * sizes.head, sizes.head_width
        keys, values = [], []
        room = make_room(sizes, rows * n, 0, 1)
        for layer in range(sizes.layers):
            room.x.reshape(rows * n, -1)[:, :width] = text.float().reshape(rows * n, width).numpy()
            room.counts.fill(0)
            project(self._model, room, sizes.layers * LAYER_MATRICES + 1 + layer, sizes.d, rows * n, stride, 0)
            both = torch.from_numpy(room.fused[: rows * n * stride]).view(rows, n, 2, sizes.heads, sizes.head)
            k, v = both[..., :head].permute(2, 0, 3, 1, 4).clone()
            keys.append(k)
            values.append(v)
        return TextContext(tuple(keys), tuple(values), mask)

    def __call__(self, x: Tensor, text: TextContext | None, cache: Any, wanted: int) -> Tensor:
        """Logits ``[R, wanted, K * N]`` of the last of embeddings ``[R, n, d]``."""
        rows, n = x.shape[:2]
        cache = cast(PackedCache, cache or self.cache(rows, n))
        assert cache.length + n <= cache.capacity, "the cache is made for the whole sequence"
        logits, left = [], n
        for part in torch.split(x, max(1, ROWS // rows), dim=1):
            left -= part.shape[1]
            asked = left < wanted
            self._run(part, text, cache, asked)
            if asked:
                logits.append(self._logits_of(cache, rows, part.shape[1]))
        return torch.cat(logits, dim=1)[:, -wanted:]

    def _run(self, x: Tensor, text: TextContext | None, cache: PackedCache, heads: bool) -> None:
        """A step of few positions; ``heads`` for their logits."""
        sizes, (rows, n, width) = self._sizes, x.shape
        if cache.heard is None or cache.heard[0] is not text:
            cache.heard, cache.room = (text, pack_text(sizes, text)), None
        heard = cache.heard[1]
        if cache.room is None or len(cache.room.x) < rows * n * sizes.d:
            cache.room = make_room(sizes, rows * n, max(cache.past.capacity, heard.length), self._team.size)
        room = cache.room
        room.x[: rows * n * sizes.d].reshape(rows * n, sizes.d)[:, :width] = x.float().reshape(rows * n, width).numpy()
        room.counts.fill(0)
        self._team.run(step, self._model, sizes, cache.past, heard, room, cache.length, n, heads)
        cache.length += n

    def _logits_of(self, cache: PackedCache, rows: int, n: int) -> Tensor:
        """What the last step left."""
        width = self._sizes.logits
        room = cast(Room, cache.room)
        return torch.from_numpy(room.logits[: rows * n * width]).view(rows, n, width)[..., : self._logits].clone()


def padded_sizes(config: LmConfig) -> Sizes:
    """Widths as they are padded."""
    head_width = config.width // config.n_heads
    head = padded(head_width, VECTOR)
    return Sizes(
        config.n_layers, config.n_heads, head, head_width, config.width, padded(config.width, GROUP),
        padded(config.n_heads * head, GROUP), padded(config.ffn, GROUP), padded(config.n_codebooks * config.cardinality, VECTOR),
    )  # fmt: skip


def _packed(lm: MusicGenLm, sizes: Sizes, bits: int) -> Model:
    """All matrices and norms; takes the layers of ``lm`` away as it goes, so that memory stays low."""
    config, attended = lm.config, sizes.heads * sizes.head
    text = 1 if config.cross_attention else 0
    of_layer = [
        (3 * attended, config.width, bits, SET), (config.width, attended, bits, ADD),
        (text * attended, text * config.width, bits, SET), (text * config.width, text * attended, bits, ADD),
        (config.ffn, config.width, bits, GELU), (config.width, config.ffn, bits, ADD),
    ]  # fmt: skip
    of_text = [(2 * attended, config.width, HEAD_BITS, SET)] * sizes.layers * text
    packer = Packer([*of_layer * sizes.layers, (sizes.logits, config.width, HEAD_BITS, SET), *of_text])
    norms = np.zeros((sizes.layers * LAYER_NORMS + 1, 2, sizes.d), np.float32)
    for index in range(sizes.layers):
        layer = cast("Layer", lm.layers[index])
        first, heads = index * LAYER_MATRICES, sizes.heads
        packer.put(first, pad_heads(_weight(layer.self_attn.in_proj), 3 * heads, 0))
        packer.put(first + 1, pad_heads(_weight(layer.self_attn.out_proj), heads, 1))
        if layer.cross_attn is not None:
            packer.put(first + 2, pad_heads(_weight(layer.cross_attn.q_proj), heads, 0))
            packer.put(first + 3, pad_heads(_weight(layer.cross_attn.out_proj), heads, 1))
            packer.put(sizes.layers * LAYER_MATRICES + 1 + index, pad_heads(_weight(layer.cross_attn.kv_proj), 2 * heads, 0))
        packer.put(first + 4, _weight(layer.linear1))
        packer.put(first + 5, _weight(layer.linear2))
        for place, norm in enumerate((layer.norm1, layer.norm_cross, layer.norm2)):
            if norm is not None:
                norms[index * LAYER_NORMS + place, :, : config.width] = _of_norm(norm)
        lm.layers[index] = nn.Identity()
    packer.put(sizes.layers * LAYER_MATRICES, _weight(lm.heads))
    norms[-1, :, : config.width] = _of_norm(lm.out_norm)
    return Model(packer.weights, packer.scales, packer.places, norms.ravel(), lm.out_norm.eps)


def _weight(layer: nn.Module) -> Tensor:
    return cast(nn.Linear, layer).weight.detach().float()


def _of_norm(norm: nn.LayerNorm) -> Any:
    return torch.stack([norm.weight, norm.bias]).detach().float().numpy()


def make_room(sizes: Sizes, rows: int, span: int, threads: int) -> Room:
    """Room for so many rows; what is padding stays zero."""

    def _floats(n: int) -> Any:
        return np.zeros(rows * n, np.float32)

    widest = max(sizes.d, sizes.attended, sizes.ffn)
    fused = 3 * sizes.heads * sizes.head
    return Room(
        _floats(sizes.d), _floats(fused), _floats(sizes.attended), _floats(sizes.ffn), _floats(sizes.logits),
        np.zeros(rows * widest, np.int8), _floats(widest // GROUP), np.zeros(rows * widest // GROUP, np.int32),
        np.zeros(threads * QUERIES * span, np.float32), np.zeros(threads * (QUERIES + 1) * sizes.head, np.uint8),
        np.zeros(2 * LINE * (sizes.layers * PHASES + 3), np.int64), span,
    )  # fmt: skip


def pack_text(sizes: Sizes, text: TextContext | None) -> Text:
    """The text as a step takes it; rows without one are not asked to listen."""
    nothing = np.zeros(1, np.float32)
    if text is None:
        return Text(nothing, nothing, nothing, 0, 0)
    rows, heads, n, width = text.keys[0].shape
    length = padded(n, VECTOR)
    keys = np.zeros((sizes.layers, rows, heads, sizes.head, length), np.float32)
    values = np.zeros((sizes.layers, rows, heads, length, sizes.head), np.float32)
    for layer in range(sizes.layers):
        keys[layer, ..., :width, :n] = text.keys[layer].transpose(2, 3).numpy() / math.sqrt(width)
        values[layer, ..., :n, :width] = text.values[layer].numpy()
    heard = np.full((rows, length), -np.inf, np.float32)
    heard[:, :n] = 0 if text.mask is None else np.where(text.mask[:, 0, 0].numpy(), 0, -np.inf)
    return Text(keys.ravel(), values.ravel(), heard.ravel(), rows, length)
