"""What a training run knows, on disk and back.

A checkpoint is a folder ``step-00001234`` with ``model.safetensors`` (averaged weights: what is shipped),
``config.json`` (the recipe) and ``trainer.pt`` (raw weights, optimiser, counters: for going on exactly). It is
written under another name and renamed, so a run killed at any moment leaves the last complete one.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from partimento.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from partimento.errors import FileError, ParseError
from partimento.train.recipe import Recipe, recipe_from, to_plain

TRAINER_FILE = "trainer.pt"
_PREFIX = "step-"
_KEEP = 2


@dataclass(slots=True)
class TrainState:
    """Counters of a run.

    Attributes:
        step: optimiser steps done.
        audio_s: seconds of training material seen.
        wall_s: seconds spent training, over all chunks.
        best: lowest validation figure so far.
    """

    step: int = 0
    audio_s: float = 0.0
    wall_s: float = 0.0
    best: float = float("inf")


class Ema:
    """Moving average of a model's parameters (buffers are taken as they are)."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.values = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model after step ``step``."""
        weight = 1.0 - min(self._decay, (1.0 + step) / (10.0 + step))
        parameters = dict(model.named_parameters())
        torch._foreach_lerp_(list(self.values.values()), [parameters[name].detach() for name in self.values], weight)

    def weights(self, model: nn.Module) -> dict[str, Tensor]:
        """Averaged parameters and present buffers, as a state dict."""
        return {name: self.values.get(name, value).detach() for name, value in model.state_dict().items()}


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.name.startswith(_PREFIX) and p.suffix == "" and (p / WEIGHTS_FILE).exists())


def save_checkpoint(
    folder: Path, recipe: Recipe, state: TrainState, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer
) -> Path:
    """Write a checkpoint and delete all but the last two. Returns its folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{_PREFIX}{state.step:08d}"
    temporary = folder / f"{final.name}.partial"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    save_file({k: v.contiguous() for k, v in ema.weights(model).items()}, str(temporary / WEIGHTS_FILE))
    (temporary / CONFIG_FILE).write_text(json.dumps(to_plain(recipe), indent=2) + "\n", encoding="utf-8")
    counters = {name: getattr(state, name) for name in TrainState.__slots__}
    torch.save(
        {"state": counters, "model": model.state_dict(), "ema": ema.values, "optimizer": optimizer.state_dict()},
        temporary / TRAINER_FILE,
    )
    if final.exists():
        shutil.rmtree(final)
    os.replace(temporary, final)
    for old in checkpoints(folder)[:-_KEEP]:
        shutil.rmtree(old)
    return final


def load_training(checkpoint: Path, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer) -> TrainState | None:
    """Restore a run exactly; None (and only the weights restored) when the optimiser's file is not there."""
    path = checkpoint / TRAINER_FILE
    if not path.exists():
        load_weights(checkpoint, model)
        ema.values = {name: p.detach().clone() for name, p in model.named_parameters()}
        return None
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    ema.values = {name: saved["ema"][name].to(p.device) for name, p in model.named_parameters()}
    return TrainState(**saved["state"])


def load_weights(path: Path, model: nn.Module) -> None:
    """Load ``model.safetensors`` (any float type) from a checkpoint folder or a file.

    Raises:
        FileError: no such file, or it does not fit the model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = path / WEIGHTS_FILE if path.is_dir() else path
    try:
        weights = load_file(str(file))
        own = model.state_dict()
        model.load_state_dict({k: v.to(own[k].dtype) if k in own else v for k, v in weights.items()})
    except FileNotFoundError as error:
        raise FileError(f"no weights at {file}") from error
    except (SafetensorError, RuntimeError) as error:
        raise FileError(f"{file} does not hold weights of this model: {str(error).splitlines()[0]}") from error


def load_config(checkpoint: Path) -> Recipe:
    """The recipe saved in a checkpoint folder. Raises FileError or ParseError."""
    path = checkpoint / CONFIG_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"no {CONFIG_FILE} in {checkpoint}") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"{path} is not JSON: {error}") from error
    return recipe_from(data, str(path))
