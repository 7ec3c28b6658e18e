"""Weights in a quarter of their size: big matrices as 8-bit integers with one scale per row, everything else as float16.

Rounding a row to 255 steps moves its weights by at most 0.4 % of the row's largest; figures before and after are compared
whenever weights are released (:mod:`partimento.evaluate.release`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from partimento.errors import FileError

Model = TypeVar("Model", bound=nn.Module)
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


def filled(model: Model, packed: Mapping[str, Tensor], weights: Path, config: Path) -> Model:
    """A network with the weights of :func:`pack` or of an ordinary state dict, ready for use: evaluation mode, no gradients.

    Args:
        model: float32, of the shapes that ``config`` says; changed in place.
        packed: names to tensors.
        weights, config: files that they were read from, for the message.

    Raises:
        FileError: weights that do not fit the network.
    """
    try:
        model.load_state_dict(unpack(packed))
    except RuntimeError as error:
        raise FileError(f"{weights} does not fit {config}: {str(error).splitlines()[0]}") from error
    return model.eval().requires_grad_(False)
