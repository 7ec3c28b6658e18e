"""What the loop asks of whatever it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn


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

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words."""
        ...
