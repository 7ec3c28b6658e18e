"""The language model on a GPU: static memory, each step one CUDA graph.

Launching a step's several hundred kernels one by one takes a GPU longer than running them. A graph replays them with one
call, but with the same addresses and shapes each time: the past stands in memory of fixed size, the position in a tensor, and
attention reads a span of whole blocks of which what is still to come is masked. There is one graph per span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from partimento.lm.cache import KvCache, TextContext

if TYPE_CHECKING:
    from partimento.lm.transformer import MusicGenLm

BLOCK = 256
"""Spans are multiples of this many positions: fewer graphs against less memory read for nothing."""
_WARM = 2


class StaticCache(KvCache):
    """A past whose single steps write to where a tensor says, so that they can be replayed.

    Args:
        n_layers, rows, n_heads, head_width, capacity, like: as of :class:`KvCache`; the capacity is rounded up to whole blocks.

    Attributes:
        x: the step's input ``[R, 1, d]``.
        position: where it is written, int64 ``[1]``.
    """

    def __init__(self, n_layers: int, rows: int, n_heads: int, head_width: int, capacity: int, like: Tensor) -> None:
        super().__init__(n_layers, rows, n_heads, head_width, -(-capacity // BLOCK) * BLOCK, like)
        self.x = torch.zeros(rows, 1, n_heads * head_width, dtype=like.dtype, device=like.device)
        self.position = torch.zeros(1, dtype=torch.int64, device=like.device)
        self._places = torch.arange(self.capacity, device=like.device)
        self._span = 0
        self.replayed: dict[int, tuple[Any, Tensor]] = {}
        self.text: TextContext | None = None

    def span(self) -> int:
        """Positions that the next step reads."""
        return (self.length // BLOCK + 1) * BLOCK

    def stepping(self, span: int) -> Tensor:
        """From now on :meth:`append` takes single steps that read ``span`` positions; gives their mask. 0: several at once."""
        self._span = span
        return (self._places[:span] <= self.position)[None, None, None]

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`KvCache`; of single steps the views end with the span."""
        if not self._span:
            return super().append(layer, keys, values)
        self._keys[layer].index_copy_(2, self.position, keys)
        self._values[layer].index_copy_(2, self.position, values)
        return self._keys[layer, :, :, : self._span], self._values[layer, :, :, : self._span]


class StaticRunner:
    """Runs a model's layers with static shapes, and becomes its runner.

    Args:
        lm: on the device where it runs.
        graphs: replay steps as CUDA graphs; False runs the very same steps call by call, on any device.
    """

    def __init__(self, lm: MusicGenLm, graphs: bool) -> None:
        self._lm, self._graphs = lm, graphs
        self._pool: Any = None
        lm.runner = self

    def cache(self, rows: int, capacity: int) -> StaticCache:
        """An empty past."""
        config = self._lm.config
        return StaticCache(
            config.n_layers, rows, config.n_heads, config.width // config.n_heads, capacity, self._lm.out_norm.weight
        )

    def text(self, text: Tensor, mask: Tensor | None) -> TextContext:
        """Keys and values of a projected text for every layer."""
        return self._lm.keys_values(text, mask)

    def __call__(self, x: Tensor, text: TextContext | None, cache: Any, wanted: int) -> Tensor:
        """Logits ``[R, wanted, K * N]`` of the last of embeddings ``[R, n, d]``."""
        if cache is None:
            return self._lm.run_layers(x, text, None, wanted)
        assert cache.length + x.shape[1] <= cache.capacity, "the cache is made for the whole sequence"
        if x.shape[1] == 1:
            out = self._one(x, text, cache)
        else:
            cache.stepping(0)
            out = self._lm.run_layers(x, text, cache, wanted)
        cache.advance(x.shape[1])
        return out

    def _one(self, x: Tensor, text: TextContext | None, cache: StaticCache) -> Tensor:
        """A single step, by a graph when there are graphs."""
        cache.x.copy_(x)
        cache.position.fill_(cache.length)
        span = cache.span()
        if not self._graphs:
            return self._step(text, cache, span)
        if cache.text is not text:  # the graphs hold the addresses of the text that they were made with
            cache.replayed.clear()
            cache.text = text
        if span not in cache.replayed:
            cache.replayed[span] = self._capture(text, cache, span)
        graph, out = cache.replayed[span]
        graph.replay()
        return out.clone()

    def _step(self, text: TextContext | None, cache: StaticCache, span: int) -> Tensor:
        """What a graph holds: the step at ``cache.position``. Doing it twice changes nothing."""
        return self._lm.run_layers(cache.x, text, cache, 1, cache.stepping(span))

    def _capture(self, text: TextContext | None, cache: StaticCache, span: int) -> tuple[Any, Tensor]:
        """A graph of the step and where its logits will stand."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries take their memory at first use, which a graph must not
            for _ in range(_WARM):
                self._step(text, cache, span)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        with torch.cuda.graph(graph, pool=self._pool):
            out = self._step(text, cache, span)
        return graph, out
