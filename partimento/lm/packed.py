"""Weights in the order in which :mod:`partimento.lm.kernels_product` reads them.

A matrix is cut into blocks of 16 outputs, these into groups of 64 inputs. A group is 16 vectors of 64 bytes, each with 4 inputs
of all 16 outputs, as the processor's instruction for 8-bit products takes them; with 4 bits two such vectors share their bytes,
the first in the low halves. Levels are kept from zero up (128 or 8 added): the instruction multiplies unsigned by signed bytes.
"""

from __future__ import annotations

import mmap

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partimento.lm.kernel_data import VECTOR
from partimento.lm.quantize import GROUP, quantize


def padded(n: int, to: int) -> int:
    """``n``, or the next multiple of ``to``."""
    return -(-n // to) * to


def pad_heads(weight: Tensor, heads: int, axis: int) -> Tensor:
    """A matrix of which one axis goes over heads, each padded to whole vectors with zeros."""
    width = weight.shape[axis] // heads
    if width % VECTOR == 0:
        return weight
    apart = weight.unflatten(axis, (heads, width))  # type: ignore[no-untyped-call]
    shape = list(apart.shape)
    shape[axis + 1] = padded(width, VECTOR)
    wide = weight.new_zeros(shape)
    wide.narrow(axis + 1, 0, width).copy_(apart)
    return wide.flatten(axis, axis + 1)


class Packer:
    """Memory for all matrices of a model, filled one by one.

    Args:
        shapes: outputs, inputs, bits and kind (as in ``places``) of each matrix in turn; no outputs where there is none.

    Attributes:
        weights, scales, places: as :class:`~partimento.lm.kernel_data.Model` has them.
    """

    def __init__(self, shapes: list[tuple[int, int, int, int]]) -> None:
        places, w, s = [], 0, 0
        for outputs, inputs, bits, kind in shapes:
            blocks, groups = padded(outputs, VECTOR) // VECTOR, padded(inputs, GROUP) // GROUP
            places.append((w, s, blocks, groups, bits, kind))
            w += blocks * groups * VECTOR * GROUP * bits // 8
            s += blocks * groups * VECTOR
        self.weights: NDArray[np.uint8] = in_large_pages(w)
        self.scales: NDArray[np.uint16] = np.empty(s, np.uint16)
        self.places = np.array(places, np.int64)

    def put(self, index: int, weight: Tensor) -> None:
        """Quantise a matrix ``[outputs, inputs]`` and write it to its place."""
        w, s, blocks, groups, bits, _ = (int(number) for number in self.places[index])
        wide = torch.zeros(blocks * VECTOR, groups * GROUP)
        wide[: weight.shape[0], : weight.shape[1]] = weight
        quantized = quantize(wide, bits)
        levels = quantized.levels.view(torch.uint8) ^ 128 if bits == 8 else (quantized.levels + 8).view(torch.uint8)
        levels = levels.view(blocks, VECTOR, groups, GROUP // 4, 4).permute(0, 2, 3, 1, 4)
        out = torch.from_numpy(self.weights[w : w + levels.numel() * bits // 8])
        if bits == 4:
            levels = levels[:, :, 0::2] | levels[:, :, 1::2] << 4
        out.view(levels.shape).copy_(levels)
        scales = quantized.scales.view(blocks, VECTOR, groups).transpose(1, 2)
        self.scales[s : s + scales.numel()] = scales.contiguous().numpy().view(np.uint16).ravel()


def in_large_pages(size: int) -> NDArray[np.uint8]:
    """Zeros for what every step reads from end to end, in large pages where the system has them: small ones cost look-ups."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.frombuffer(mmap.mmap(-1, max(size, 1)), np.uint8)
    # Private: memory that processes could share, Python's default, gets no large pages by advice.
    memory = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)
