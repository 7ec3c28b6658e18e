"""The joint embedding's data, loss and checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from partimento.embed.joint import JointEmbedding, contrastive_loss, truth_loss
from partimento.embed.words import PAD
from partimento.train.captioning import training_words
from partimento.train.embed_data import MelWindows
from partimento.train.embed_prompts import Prompts
from partimento.train.recipe import Recipe
from partimento.train.sample_kinds import Matrix, Sample
from partimento.train.task import StepResult, held_out_of

_N_VALID = 4
_VALID_BATCH = 64
_LEAST_PER_SIDE = 5


class EmbedTask:
    """Trains :class:`JointEmbedding` to tell which words belong to which sound, and which prompts are true of it.

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
        self._shape = (recipe.embed_model.window_frames, recipe.embed_model.n_mels)
        self._prompts = train.prompts
        self._rate_hz = train.layout.frame_rate_hz

    def to(self, device: torch.device) -> None:
        """Move the model."""
        self.model.to(device)

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Frames, words and true prompts of a step, one row ``n * n_mels + L + C`` per window, by seed, step and index."""
        found = self._train.batch(np.random.default_rng([self.seed, step + 1_000, index]), self.settings.batch)
        return torch.from_numpy(np.concatenate([part.reshape(len(part), -1).astype(np.float32) for part in found], axis=1))

    def before_step(self, step: int, device: torch.device) -> str | None:
        """Nothing has to be set up."""
        return None

    def step(self, batch: Tensor, autocast: torch.autocast) -> StepResult:
        """Contrastive loss of a batch and the loss of the prompts."""
        n, bands = self._shape
        mel = batch[:, : n * bands].reshape(-1, n, bands)
        ids, wanted = batch[:, n * bands : -len(self._prompts)].long(), batch[:, -len(self._prompts) :]
        ids = ids[:, : max(1, int((ids != PAD).sum(dim=1).max()))]  # what no text reaches costs time and says nothing
        with autocast:
            sounds, words = self.model.embed_audio(mel), self.model.embed_words(ids)
            prompts = self.model.embed_words(self._prompts.draw(batch.device))
        similarities, truths = self.model.similarities(sounds, words), self.model.truths(sounds, prompts)
        loss = contrastive_loss(similarities, ids)
        asked = truth_loss(truths, wanted, self._prompts.weights.to(batch.device))
        figures = {
            "right": _found(similarities, ids, 1), "prompts": asked, "heard": self._heard(truths, wanted),
            "scale": self.model.log_scale.detach().exp(),
        }  # fmt: skip
        return StepResult(loss + self.settings.prompt_weight * asked, figures, len(mel) * n / self._rate_hz)

    @torch.no_grad()
    def validate(self, device: torch.device) -> dict[str, float]:
        """Held-out loss in batches of 64, how often a text finds its sound among the first one and ten, instruments' AUC."""
        if self._valid is None:
            return {}
        self.model.eval()
        sums = {"valid_loss": 0.0, "valid_r1": 0.0, "valid_r10": 0.0}
        prompts = self.model.embed_words(self._prompts.first(device))
        truths, wanted = [], []
        for i in range(_N_VALID):
            mel, said, true = self._valid.batch(np.random.default_rng([self.seed, 999, i]), _VALID_BATCH)
            ids, sounds = torch.from_numpy(said).to(device), self.model.embed_audio(torch.from_numpy(mel).to(device))
            similarities = self.model.similarities(sounds, self.model.embed_words(ids))
            sums["valid_loss"] += float(contrastive_loss(similarities, ids)) / _N_VALID
            sums["valid_r1"] += float(_found(similarities, ids, 1)) / _N_VALID
            sums["valid_r10"] += float(_found(similarities, ids, 10)) / _N_VALID
            truths.append(self.model.truths(sounds, prompts))
            wanted.append(torch.from_numpy(true).to(device))
        self.model.train()
        return sums | {"valid_heard": float(self._heard(torch.cat(truths), torch.cat(wanted), _LEAST_PER_SIDE))}

    def _heard(self, truths: Tensor, wanted: Tensor, least: int = 1) -> Tensor:
        """Area under the ROC curve of instruments, the mean of those with ``least`` windows on each side."""
        n = len(self._prompts.played)
        return mean_auc(truths[:, :n].detach(), wanted[:, :n], least)

    @torch.no_grad()
    def samples(self, device: torch.device, most_s: float) -> list[Sample]:
        """The similarities of a held-out batch."""
        if self._valid is None:
            return []
        mel, said, _ = self._valid.batch(np.random.default_rng([self.seed, 999, 0]), _VALID_BATCH)
        sounds, words = self.model.embed_audio(torch.from_numpy(mel).to(device)), torch.from_numpy(said).to(device)
        similarities = self.model.similarities(sounds, self.model.embed_words(words)).float().cpu().numpy()
        return [Matrix("similarities", similarities, "similarities of held-out pairs (right: the diagonal)")]

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words: no better than guessing within the batch."""
        loss = figures["valid_loss"]
        return [f"held-out loss {loss:.2f} is chance level"] if loss > 0.98 * math.log(_VALID_BATCH) else []


def mean_auc(scores: Tensor, wanted: Tensor, least: int) -> Tensor:
    """How often a true row scores above one that is not: the mean of the columns of ``[B, C]`` with ``least`` of each.

    Chance (0.5) where there is no such column.
    """
    true, false = (wanted > 0).float(), (wanted == 0).float()
    above = (scores[:, None] > scores[None]).float() + 0.5 * (scores[:, None] == scores[None]).float()
    found = torch.einsum("ijc,ic,jc->c", above, true, false) / (true.sum(dim=0) * false.sum(dim=0)).clamp_min(1.0)
    counted = (true.sum(dim=0) >= least) & (false.sum(dim=0) >= least)
    return found[counted].mean() if bool(counted.any()) else scores.new_tensor(0.5)


def _found(similarities: Tensor, ids: Tensor, most: int) -> Tensor:
    """Share of texts whose sound (or one with the same words) is among the first ``most``."""
    best = similarities.T.topk(min(most, len(ids)), dim=1).indices
    same = (ids[:, None] == ids[None]).all(dim=-1)
    return same.gather(1, best).any(dim=1).float().mean()


def embed_task(
    recipe: Recipe,
    data: Sequence[Path],
    valid: Sequence[Path] | None,
    say: Callable[[str], None],
    on_skip: Callable[[str, str], None] = lambda name, reason: None,
) -> tuple[Recipe, EmbedTask]:
    """The recipe completed with its vocabulary, and its task.

    Args:
        recipe: with ``task: embed``.
        data: caches of log-mel features; their training split.
        valid: caches whose validation split is held out; None takes ``data``.
        say: gets a line on how much there is.
        on_skip: gets the name of an item that cannot be read, and the reason.

    Raises:
        FileError: no cache. RequestError: other features.
    """
    text = recipe.text if recipe.text.words else replace(recipe.text, words=training_words())
    recipe = replace(recipe, text=text)

    def windows(folders: Sequence[Path], split: str, prompts: Prompts | None = None) -> MelWindows:
        return MelWindows(folders, recipe.embed, text, recipe.embed_model, prompts, split, on_skip)

    train = windows(data, "train")
    say(f"{train.n_items} items, {train.duration_s / 3600:.2f} h of sound with words")
    return recipe, EmbedTask(recipe, train, held_out_of(partial(windows, prompts=train.prompts), data, valid, say))
