"""What the loop asks of whatever it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from partimento.errors import FileError
from partimento.train.sample_kinds import Sample

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class StepResult:
    """Loss of a batch and what to log.

    Attributes:
        loss: scalar to minimise.
        figures: name to value.
        audio_s: seconds of sound (or of written music) in the batch.
    """

    loss: Tensor
    figures: dict[str, Tensor]
    audio_s: float


class Task(Protocol):
    """Data, losses and a model. What a batch holds depends on the seed and its number only."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        ...

    def to(self, device: torch.device) -> None:
        """Move the model and constants."""
        ...

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Batch ``index`` of a step."""
        ...

    def before_step(self, step: int, device: torch.device) -> str | None:
        """Work that some steps need first; may return a line to log."""
        ...

    def step(self, batch: Tensor, autocast: torch.autocast, /) -> StepResult:
        """Loss of a batch."""
        ...

    def validate(self, device: torch.device) -> dict[str, float]:
        """Figures on held-out data, ``valid_loss`` among them; empty without such data."""
        ...

    def samples(self, device: torch.device, most_s: float) -> list[Sample]:
        """What can be heard or seen of the model, which is in evaluation mode, on held-out data; none without such data.

        The same data and chance each time. ``most_s`` is about how many seconds it may take.
        """
        ...

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words."""
        ...


def held_out_of(
    windows: Callable[[Sequence[Path], str], W], data: Sequence[Path], valid: Sequence[Path] | None, say: Callable[[str], None]
) -> W | None:
    """The windows to check with, or None where the training folders have no validation split.

    Args:
        windows: makes them from folders and a split.
        data: training folders.
        valid: folders given for checking; these must have the split.
        say: gets a line when there is nothing to check with.

    Raises:
        FileError: ``valid`` has no validation split.
    """
    try:
        return windows(valid or data, "valid")
    except FileError:
        if valid is not None:
            raise
    say("nothing of the validation split is there: no validation")
    return None
