"""Weights in 4 or 8 bits, one scale per group of inputs, chosen for the least squared error.

Round to nearest with symmetric scales (Krishnamoorthi, "Quantizing deep convolutional networks", 2018, section 2.2). In 4 bits
the number farthest from zero of a group takes the level -8, which positive scales would leave unused, and the scale is then
fitted to the rounded levels by least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

GROUP = 64
"""Inputs that share a scale: smaller groups cost memory traffic, larger ones exactness."""
_SHRINKS = (1.0, 0.925, 0.85)
_BLOCK = 1 << 18  # numbers worked on at once: they stay in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """A matrix ``[outputs, inputs]`` as levels times scales.

    Attributes:
        levels: int8 ``[outputs, groups, group]``; -8 to 7 with 4 bits, -127 to 127 with 8.
        scales: float16 ``[outputs, groups, 1]``, of either sign with 4 bits.
        bits: 4 or 8.
    """

    levels: Tensor
    scales: Tensor
    bits: int

    def dense(self) -> Tensor:
        """The matrix that it stands for, float32."""
        return (self.levels.float() * self.scales.float()).flatten(1)


def quantize(weight: Tensor, bits: int, group: int = GROUP) -> Quantized:
    """Round ``[outputs, inputs]`` to ``bits`` (4 or 8), ``group`` inputs to a scale; ``group`` must divide the inputs."""
    outputs, inputs = weight.shape
    assert bits in (4, 8), bits
    assert inputs % group == 0, (inputs, group)
    levels = torch.empty(outputs, inputs // group, group, dtype=torch.int8)
    scales = torch.empty(outputs, inputs // group, 1, dtype=torch.float16)
    step = max(1, _BLOCK // inputs)
    for start in range(0, outputs, step):
        block = weight[start : start + step].float().view(-1, inputs // group, group)
        rounded, scale = _rounded4(block) if bits == 4 else _rounded8(block)
        levels[start : start + step], scales[start : start + step] = rounded, scale
    return Quantized(levels, scales, bits)


def _rounded8(block: Tensor) -> tuple[Tensor, Tensor]:
    """Levels and scales of groups ``[n, groups, group]`` in 8 bits; the error is too small for a search to pay."""
    scale = _kept(block.abs().amax(dim=2, keepdim=True) / 127)
    return _levels(block, scale, -127, 127), scale


def _rounded4(block: Tensor) -> tuple[Tensor, Tensor]:
    """Levels and scales of groups in 4 bits: the best of :data:`_SHRINKS`, each fitted to its levels by least squares."""
    low, high = block.amin(dim=2, keepdim=True), block.amax(dim=2, keepdim=True)
    farthest = torch.where(-low > high, low, high) / -8
    best, levels, scales = None, torch.empty(0), torch.empty(0)
    for shrink in _SHRINKS:
        tried = _levels(block, _kept(farthest * shrink), -8, 7)
        power = (tried * tried).sum(dim=2, keepdim=True)
        fitted = _kept((tried * block).sum(dim=2, keepdim=True) / power.clamp(min=1))
        error = (block - tried * fitted).square_().sum(dim=2, keepdim=True)
        if best is None:
            best, levels, scales = error, tried, fitted
            continue
        better = error < best
        best = torch.where(better, error, best)
        levels, scales = torch.where(better, tried, levels), torch.where(better, fitted, scales)
    return levels, scales


def _kept(scale: Tensor) -> Tensor:
    """Scales as float16 keeps them, as float32; the levels then make up for the rounding."""
    return scale.half().float()


def _levels(block: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
    """Nearest levels, as floats; zero where a group is all zero (or too small for float16)."""
    return (block / torch.where(scale == 0, torch.inf, scale)).round_().clamp_(low, high)
