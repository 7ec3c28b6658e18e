"""Weights under published names to ours and back, by a table; what is missing, extra or misshapen is named.

A table gives, for each of our tensors, the published tensors (or rows of one) that make it up along axis 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partimento.errors import FileError

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One published tensor, or rows of it.

    Attributes:
        key: published name.
        rows: first and last + 1 row used, as shares of all rows ``(first, last, of)``; None for all.
    """

    key: str
    rows: tuple[int, int, int] | None = None


Table = dict[str, tuple[Part, ...]]


def _some(names: Collection[str]) -> str:
    """The first few of many names."""
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def assemble(tensors: Mapping[str, Tensor], table: Table, model: nn.Module, source: str) -> dict[str, Tensor]:
    """Our state from published tensors.

    Args:
        tensors: published name to tensor.
        table: how they map.
        model: whose shapes they must have (the meta device will do).
        source: the file, for messages.

    Raises:
        FileError: missing or extra keys, or another shape; the message names them.
    """
    check_table(tensors, table, model, source)
    return {name: joined(tensors, parts) for name, parts in table.items()}


def check_table(tensors: Mapping[str, Tensor], table: Table, model: nn.Module, source: str) -> None:
    """Raise what :func:`assemble` raises, without putting anything together."""
    check_keys(tensors, {part.key for parts in table.values() for part in parts}, source)
    own = model.state_dict()
    assert set(own) == set(table), "a table names every tensor of its model"
    for name, parts in table.items():
        for part in parts:
            count = own[name].shape[0] // len(parts)
            if part.rows is not None:
                first, last, of = part.rows
                count = count * of // (last - first)
            found, shape = tuple(tensors[part.key].shape), (count, *own[name].shape[1:])
            if found != shape:
                raise FileError(f"{source}: {part.key} has shape {found}; its configuration asks for {shape}")


def joined(tensors: Mapping[str, Tensor], parts: tuple[Part, ...]) -> Tensor:
    """One of our tensors, float32, from the published ones."""
    pieces = []
    for part in parts:
        tensor = tensors[part.key]
        if part.rows is not None:
            first, last, of = part.rows
            tensor = tensor[tensor.shape[0] * first // of : tensor.shape[0] * last // of]
        pieces.append(tensor.float())
    return torch.cat(pieces) if len(pieces) > 1 else pieces[0]


def check_keys(found: Collection[str], wanted: Collection[str], source: str) -> None:
    """Raise a ``FileError`` that names what of ``wanted`` is not found and what is found but not wanted."""
    groups = (("missing", set(wanted) - set(found)), ("unknown", set(found) - set(wanted)))
    words = [f"{label} {_some(names)}" for label, names in groups if names]
    if words:
        raise FileError(f"{source} does not hold what its configuration says: {'; '.join(words)}")


def fill(model: nn.Module, state: Mapping[str, Tensor], source: str, assign: bool = False) -> None:
    """Load a state that has our names; what is missing, extra or misshapen is named.

    With ``assign`` its tensors become the model's own, without copying; for a model made on the meta device.

    Raises:
        FileError: as said.
    """
    own = model.state_dict()
    check_keys(state, own, source)
    for name, tensor in own.items():
        if state[name].shape != tensor.shape:
            shapes = f"{tuple(state[name].shape)}; its configuration asks for {tuple(tensor.shape)}"
            raise FileError(f"{source}: {name} has shape {shapes}")
    model.load_state_dict({name: tensor.float() for name, tensor in state.items()}, assign=assign)
    model.eval().requires_grad_(False)


def take_apart(state: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """Published tensors from our state: the inverse of :func:`assemble`."""
    out: dict[str, Tensor] = {}
    rows: dict[str, dict[int, Tensor]] = {}
    for name, parts in table.items():
        for part, piece in zip(parts, state[name].chunk(len(parts)), strict=True):
            if part.rows is None:
                out[part.key] = piece.contiguous()
            else:
                rows.setdefault(part.key, {})[part.rows[0]] = piece
    return out | {key: torch.cat([pieces[i] for i in sorted(pieces)]) for key, pieces in rows.items()}
