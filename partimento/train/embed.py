"""The joint embedding's data, loss and checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from partimento.embed.joint import JointEmbedding, contrastive_loss
from partimento.train.captioning import training_words
from partimento.train.embed_data import MelWindows
from partimento.train.recipe import Recipe
from partimento.train.task import StepResult, held_out_of

_N_VALID = 4
_VALID_BATCH = 64


class EmbedTask:
    """Trains :class:`JointEmbedding` to tell which words belong to which sound.

    Args:
        recipe: the run; its text tower's vocabulary is complete.
        train: windows to learn from.
        valid: windows to check with.
    """

    def __init__(self, recipe: Recipe, train: MelWindows, valid: MelWindows | None = None) -> None:
        self.settings = recipe.embed
        self.seed = recipe.run.seed
        torch.manual_seed(self.seed)
        self.model = JointEmbedding(recipe.embed_model, recipe.text)
        self._train, self._valid = train, valid
        self._shape = (recipe.embed.window_frames, recipe.embed_model.n_mels)
        self._rate_hz = train.layout.frame_rate_hz

    def to(self, device: torch.device) -> None:
        """Move the model."""
        self.model.to(device)

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Frames and words of a step, one row ``n * n_mels + L`` per window, decided by the seed, the step and the index."""
        mel, ids = self._train.batch(np.random.default_rng([self.seed, step + 1_000, index]), self.settings.batch)
        return torch.from_numpy(np.concatenate([mel.reshape(len(mel), -1), ids.astype(np.float32)], axis=1))

    def before_step(self, step: int, device: torch.device) -> str | None:
        """Nothing has to be set up."""
        return None

    def step(self, batch: Tensor, autocast: torch.autocast) -> StepResult:
        """Contrastive loss of a batch."""
        n, bands = self._shape
        mel, ids = batch[:, : n * bands].reshape(-1, n, bands), batch[:, n * bands :].long()
        with autocast:
            similarities = self.model.similarities(mel, ids).float()
        loss = contrastive_loss(similarities, ids)
        figures = {"right": _found(similarities, ids, 1), "scale": self.model.log_scale.detach().exp()}
        return StepResult(loss, figures, len(mel) * n / self._rate_hz)

    @torch.no_grad()
    def validate(self, device: torch.device) -> dict[str, float]:
        """Held-out loss in batches of 64, and how often a text finds its sound among the first one and the first ten."""
        if self._valid is None:
            return {}
        self.model.eval()
        sums = {"valid_loss": 0.0, "valid_r1": 0.0, "valid_r10": 0.0}
        for i in range(_N_VALID):
            mel, words = self._valid.batch(np.random.default_rng([self.seed, 999, i]), _VALID_BATCH)
            ids = torch.from_numpy(words).to(device)
            similarities = self.model.similarities(torch.from_numpy(mel).to(device), ids)
            sums["valid_loss"] += float(contrastive_loss(similarities, ids)) / _N_VALID
            sums["valid_r1"] += float(_found(similarities, ids, 1)) / _N_VALID
            sums["valid_r10"] += float(_found(similarities, ids, 10)) / _N_VALID
        self.model.train()
        return sums

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words: no better than guessing within the batch."""
        loss = figures["valid_loss"]
        return [f"held-out loss {loss:.2f} is chance level"] if loss > 0.98 * math.log(_VALID_BATCH) else []


def _found(similarities: Tensor, ids: Tensor, most: int) -> Tensor:
    """Share of texts whose sound (or one with the same words) is among the first ``most``."""
    best = similarities.T.topk(min(most, len(ids)), dim=1).indices
    same = (ids[:, None] == ids[None]).all(dim=-1)
    return same.gather(1, best).any(dim=1).float().mean()


def embed_task(
    recipe: Recipe, data: Sequence[Path], valid: Sequence[Path] | None, say: Callable[[str], None]
) -> tuple[Recipe, EmbedTask]:
    """The recipe completed with its vocabulary, and its task.

    Args:
        recipe: with ``task: embed``.
        data: caches of log-mel features; their training split.
        valid: caches whose validation split is held out; None takes ``data``.
        say: gets a line on how much there is.

    Raises:
        FileError: no cache. RequestError: other features.
    """
    text = recipe.text if recipe.text.words else replace(recipe.text, words=training_words())
    recipe = replace(recipe, text=text)

    def windows(folders: Sequence[Path], split: str) -> MelWindows:
        return MelWindows(folders, recipe.embed, text, recipe.embed_model.n_mels, split)

    train = windows(data, "train")
    say(f"{train.n_items} items, {train.duration_s / 3600:.2f} h of sound with words")
    return recipe, EmbedTask(recipe, train, held_out_of(windows, data, valid, say))
