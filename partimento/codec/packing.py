"""Weights in a quarter of their size: big matrices as 8-bit integers with one scale per row, everything else as float16.

Rounding a row to 255 steps moves its weights by at most 0.4 % of the row's largest; figures before and after are compared
whenever weights are released (:mod:`partimento.evaluate.release`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

SCALE_SUFFIX = ".int8_scale"
_SMALLEST = 16_384
_STEPS = 127.0


def pack(state: Mapping[str, Tensor], *, drop: Collection[str] = (), keep: Collection[str] = ()) -> dict[str, Tensor]:
    """Smaller tensors of a state dict.

    Args:
        state: names to tensors.
        drop: names to leave out (what only training needs).
        keep: names that stay float16 although they are big (codebooks).
    """
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in drop:
            continue
        if value.dim() >= 2 and value.numel() >= _SMALLEST and name not in keep and value.is_floating_point():
            rows = value.detach().float().flatten(1)
            scale = (rows.abs().amax(dim=1) / _STEPS).clamp_min(1e-8)
            packed[name] = torch.round(rows / scale[:, None]).to(torch.int8).reshape(value.shape).contiguous()
            packed[name + SCALE_SUFFIX] = scale
        else:
            packed[name] = (value.detach().half() if value.is_floating_point() else value.detach()).contiguous()
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float32 tensors of :func:`pack`'s result, or of an ordinary state dict."""
    out: dict[str, Tensor] = {}
    for name, value in packed.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        scale = packed.get(name + SCALE_SUFFIX)
        if scale is not None:
            out[name] = value.float() * scale.float().reshape(-1, *([1] * (value.dim() - 1)))
        else:
            out[name] = value.float() if value.is_floating_point() else value
    return out
