"""What a training run knows, on disk and back.

A checkpoint is a folder ``step-00001234`` with ``model.safetensors`` (averaged weights: what is shipped),
``config.json`` (the recipe) and ``trainer.pt`` (raw weights, optimiser, counters: for going on exactly). It is
written under another name and renamed, so a run killed at any moment leaves the last complete one.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from partimento.checkpoints import CONFIG_FILE, WEIGHTS_FILE, model_files
from partimento.codec.mini import MiniCodec
from partimento.codec.packing import SCALE_SUFFIX, unpack
from partimento.errors import FileError, ParseError
from partimento.train.recipe import Recipe, recipe_from, to_plain

TRAINER_FILE = "trainer.pt"
_PREFIX = "step-"
_KEEP = 2
_ENTRIES, _SUMS, _COUNTS = "quantizer.entries", "quantizer.sums", "quantizer.counts"


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


@contextmanager
def lent(model: nn.Module, weights: dict[str, Tensor]) -> Iterator[None]:
    """Other parameters (by name) in a model; afterwards its own again, bit for bit."""
    own = {name: p.detach().clone() for name, p in model.named_parameters()}

    def put(values: dict[str, Tensor]) -> None:
        """Copy into the parameters where they are: the optimiser knows these."""
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(values[name])

    try:
        put(weights)
        yield
    finally:
        put(own)


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.name.startswith(_PREFIX) and p.suffix == "" and (p / WEIGHTS_FILE).exists())


def save_checkpoint(
    folder: Path, recipe: Recipe, state: TrainState, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer
) -> Path:
    """Write a checkpoint and delete all but the last two. Returns its folder.

    Raises:
        FileError: it cannot be written (full disk, permission); those before it stay.
    """
    from safetensors import SafetensorError

    final = folder / f"{_PREFIX}{state.step:08d}"
    temporary = folder / f"{final.name}.partial"
    try:
        _write_checkpoint(temporary, recipe, state, model, ema, optimizer)
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors wrap the system's errors in theirs
        shutil.rmtree(temporary, ignore_errors=True)
        why = (error.strerror if isinstance(error, OSError) else None) or "the disk is full or does not take it"
        raise FileError(
            f"cannot write the checkpoint {final}: {why}; make room ({_free(folder)}) and give the same command: it goes on from "
            "the one before"
        ) from error
    for old in checkpoints(folder)[:-_KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def _free(folder: Path) -> str:
    """Room on a folder's disk, in words."""
    try:
        return f"{shutil.disk_usage(folder).free / 2**20:.0f} MiB are free"
    except OSError:
        return "how much is free is not known"


def _write_checkpoint(
    temporary: Path, recipe: Recipe, state: TrainState, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer
) -> None:
    """All files of a checkpoint in a new folder."""
    from safetensors.torch import save_file

    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in ema.weights(model).items()}, str(temporary / WEIGHTS_FILE))
    (temporary / CONFIG_FILE).write_text(json.dumps(to_plain(recipe), indent=2) + "\n", encoding="utf-8")
    counters = {name: getattr(state, name) for name in TrainState.__slots__}
    torch.save(
        {"state": counters, "model": model.state_dict(), "ema": ema.values, "optimizer": optimizer.state_dict()},
        temporary / TRAINER_FILE,
    )


def read_training(checkpoint: Path) -> dict[str, Any] | None:
    """What ``trainer.pt`` holds; None when it is not there and the weights are whole.

    Raises:
        FileError: damaged, or nothing can be gone on from.
    """
    path = checkpoint / TRAINER_FILE
    if not path.exists():
        damage = _weights_damage(checkpoint)
        if damage:
            raise FileError(f"{WEIGHTS_FILE}: {damage}")
        return None
    try:
        with zipfile.ZipFile(path) as parts:  # torch itself compares no checksums
            if parts.testzip() is not None:
                raise FileError(f"{TRAINER_FILE} has other bytes than were written")
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        TrainState(**saved["state"])
        missing = {"model", "optimizer", "ema"}.difference(saved)
    except FileError:
        raise
    except (
        RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError, TypeError,
        AttributeError, zlib.error,
    ) as error:  # fmt: skip
        raise FileError(f"{TRAINER_FILE} is cut off or not one of ours: {type(error).__name__}") from error
    if missing:
        raise FileError(f"{TRAINER_FILE} lacks {min(missing)}")
    return saved


def _weights_damage(checkpoint: Path) -> str:
    """What is wrong with a checkpoint's weights, in words; empty when they are whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(checkpoint / WEIGHTS_FILE), "pt"):
            return ""
    except (OSError, SafetensorError) as error:
        return str(error).splitlines()[0]


def restore(
    checkpoint: Path, saved: dict[str, Any] | None, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer
) -> TrainState | None:
    """Put back what :func:`read_training` read; None (and only the weights put back) when the optimiser's file was not there.

    Raises:
        FileError: it does not fit the model.
    """
    if saved is None:
        load_weights(checkpoint, model)
        ema.values = {name: p.detach().clone() for name, p in model.named_parameters()}
        return None
    try:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        ema.values = {name: saved["ema"][name].to(p.device) for name, p in model.named_parameters()}
    except (RuntimeError, ValueError, KeyError) as error:
        why = _misfit(saved["model"], model.state_dict()) or str(error).splitlines()[0]
        raise FileError(f"{checkpoint} is not of this recipe's model: {why}; give another --out") from error
    return TrainState(**saved["state"])


def weights_file(source: str | os.PathLike[str]) -> Path:
    """Where weights are: a file, a checkpoint folder, a run's folder (its newest whole checkpoint), or a built-in name.

    Raises:
        FileError: none of these.
    """
    path = Path(source)
    if path.is_dir() and not (path / WEIGHTS_FILE).exists():
        newest = next((found for found in reversed(checkpoints(path)) if not _weights_damage(found)), None)
        if newest is None:
            raise FileError(f"{path} holds no weights: give a run's folder, one of its step-… folders, or a built-in name")
        return newest / WEIGHTS_FILE
    return path if path.is_file() else model_files(source)[0]


def load_weights(source: str | os.PathLike[str], model: nn.Module) -> None:
    """Load weights (any float type, packed ones too) from where :func:`weights_file` says.

    Released codecs lack the averages behind their codebooks; those begin as after k-means, from the codebooks themselves. A codec
    whose decoder has fewer blocks is completed.

    Raises:
        FileError: no such file, or it does not fit the model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = weights_file(source)
    try:
        stored = load_file(str(file))
    except FileNotFoundError as error:
        raise FileError(f"no weights at {file}") from error
    except (SafetensorError, OSError) as error:
        raise FileError(f"{file} is damaged: {str(error).splitlines()[0]}") from error
    own = model.state_dict()
    weights = unpack(stored) if any(name.endswith(SCALE_SUFFIX) for name in stored) else stored
    if _SUMS in own and _ENTRIES in weights and _SUMS not in weights:
        weights |= {_SUMS: weights[_ENTRIES].clone(), _COUNTS: torch.ones_like(own[_COUNTS])}
    if isinstance(model, MiniCodec):
        weights = model.with_new_blocks(weights)
    try:
        model.load_state_dict({k: v.to(own[k].dtype) if k in own else v for k, v in weights.items()})
    except RuntimeError as error:
        why = _misfit(weights, own) or str(error).splitlines()[0]
        raise FileError(f"{file} does not hold weights of this model: {why}") from error


def _misfit(found: dict[str, Tensor], own: dict[str, Tensor]) -> str:
    """The first tensor that does not fit, in words; empty when all do."""
    for name, value in own.items():
        if name not in found:
            return f"no {name} in it"
        if found[name].shape != value.shape:
            return f"{name} is {list(found[name].shape)}, the recipe's {list(value.shape)}"
    return next((f"{name} is not in the recipe's model" for name in found if name not in own), "")


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
