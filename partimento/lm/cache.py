"""What a Transformer keeps between steps: keys and values of the past, and those of the text."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


class KvCache:
    """Keys and values of all layers in memory that is taken once.

    Args:
        n_layers, rows, n_heads, head_width: of the model and the batch.
        capacity: positions.
        like: a tensor of the wanted device and type.
    """

    def __init__(self, n_layers: int, rows: int, n_heads: int, head_width: int, capacity: int, like: Tensor) -> None:
        shape = (n_layers, rows, n_heads, capacity, head_width)
        self._keys = torch.zeros(shape, dtype=like.dtype, device=like.device)
        self._values = torch.zeros_like(self._keys)
        self.capacity = capacity
        self.length = 0

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write ``[rows, heads, n, width]`` behind the past; gives views of past and present. Call :meth:`advance` after."""
        end = self.length + keys.shape[2]
        assert end <= self.capacity, "the cache is made for the whole sequence"
        self._keys[layer, :, :, self.length : end] = keys
        self._values[layer, :, :, self.length : end] = values
        return self._keys[layer, :, :, :end], self._values[layer, :, :, :end]

    def advance(self, n: int) -> None:
        """``n`` positions are now past (after all layers have appended)."""
        self.length += n


@dataclass(frozen=True, slots=True, eq=False)
class TextContext:
    """The text's keys and values for each layer's cross-attention, computed once per piece.

    Attributes:
        keys, values: one ``[rows, heads, L, width]`` per layer.
        mask: boolean ``[rows, 1, 1, L]``, True on real positions, or None when all are. Only the first ``rows`` rows of a
            batch listen to a text: the rest are unconditional, whose cross-attention is exactly zero (keys and values of
            a zeroed text are zero and the projections have no bias), so it is left out.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor | None

    @property
    def rows(self) -> int:
        """Rows of the batch that have a text."""
        return self.keys[0].shape[0]
