"""What a fine-tuning run is: kept in its checkpoints, so that only the same run goes on from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from partimento.checkpoints import CONFIG_FILE
from partimento.errors import FileError, RequestError
from partimento.train.recipe import Recipe

TASK = "finetune"
RANK = 16
BATCH = 2


@dataclass(frozen=True, slots=True)
class FinetuneTraining:
    """Adapters and their data.

    Attributes:
        base: the model that they are for, as asked for.
        base_sha256: of its language model.
        rank: of the adapters.
        alpha: adapters count ``alpha / rank`` times.
        batch: windows per step.
        window_frames: token frames per window.
        condition_dropout: how often a window is learned without its text, for guidance.
    """

    base: str = ""
    base_sha256: str = ""
    rank: int = RANK
    alpha: float = 2.0 * RANK
    batch: int = BATCH
    window_frames: int = 1500
    condition_dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class FinetuneRecipe(Recipe):
    """A training run of adapters; what it does not use has no meaning.

    Attributes:
        finetune: see there.
    """

    finetune: FinetuneTraining = field(default_factory=FinetuneTraining)


def refuse_another(checkpoint: Path, wanted: FinetuneRecipe) -> None:
    """Raise unless a checkpoint is of this run (how long it is to be may change).

    Raises:
        RequestError: of another base, rank, batch, window or seed. FileError: its configuration cannot be read.
    """
    path = checkpoint / CONFIG_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found, seed = msgspec.convert(data["finetune"], FinetuneTraining), int(data["run"]["seed"])
    except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise FileError(f"{checkpoint} is not of 'partimento train finetune'; take another --out") from error
    names = [name for name in FinetuneTraining.__slots__ if name != "base"]
    changed = [name for name in names if getattr(found, name) != getattr(wanted.finetune, name)]
    if changed or seed != wanted.run.seed:
        was = f"{changed[0]} {getattr(found, changed[0])}" if changed else f"seed {seed}"
        raise RequestError(f"{checkpoint.parent} was begun with {was}; give the same, or another --out")
