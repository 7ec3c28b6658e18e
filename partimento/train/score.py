"""The score model's data, loss and checks."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from partimento.compose.learned import SHORTEST
from partimento.score_lm.grammar import rules_of
from partimento.score_lm.grid import to_score
from partimento.score_lm.model import ScoreModel
from partimento.score_lm.tokens import excerpt
from partimento.score_lm.write import write_bars
from partimento.train.recipe import Recipe
from partimento.train.sample_kinds import Piece, Sample
from partimento.train.score_data import ScoreWindows
from partimento.train.task import StepResult

_N_VALID = 4
_N_SAMPLES, _SAMPLE_BARS = 2, 8


class ScoreTask:
    """Trains :class:`ScoreModel` to say the next token.

    Args:
        recipe: the run.
        train: windows to learn from.
        valid: windows to check with.
    """

    def __init__(self, recipe: Recipe, train: ScoreWindows, valid: ScoreWindows | None = None) -> None:
        self.settings = recipe.score
        self.seed = recipe.run.seed
        torch.manual_seed(self.seed)
        self.model = ScoreModel(recipe.score_model)
        self._train, self._valid = train, valid

    def to(self, device: torch.device) -> None:
        """Move the model."""
        self.model.to(device)

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Windows ``[B, T, CHANNELS]`` of a step, decided by the seed, the step and the index alone (exact resume)."""
        rng = np.random.default_rng([self.seed, step + 1_000, index])
        return torch.from_numpy(self._train.batch(rng, self.settings.batch))

    def before_step(self, step: int, device: torch.device) -> str | None:
        """Nothing has to be set up."""
        return None

    def loss(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the negative log-likelihoods (nats) of tokens to be learned in ``[B, T, CHANNELS]``, and their number."""
        logits = self.model(rows[:, :-1, 0], rows[:, :-1, 3:]).float()
        wanted, learned = rows[:, 1:, 0], rows[:, 1:, 1].bool()
        return functional.cross_entropy(logits[learned], wanted[learned], reduction="sum"), learned.sum()

    def step(self, batch: Tensor, autocast: torch.autocast) -> StepResult:
        """Mean loss of windows."""
        with autocast:
            total, n = self.loss(batch)
        mean = total / n.clamp_min(1)
        return StepResult(mean, {"tokens": n.float()}, float(batch[..., 2].sum()) / 1000.0)

    @torch.no_grad()
    def validate(self, device: torch.device) -> dict[str, float]:
        """Held-out loss per token: ``valid_loss`` in nats, ``valid_bits`` in bits."""
        if self._valid is None:
            return {}
        self.model.eval()
        total, n = 0.0, 0
        for i in range(_N_VALID):
            rows = torch.from_numpy(self._valid.batch(np.random.default_rng([self.seed, 999, i]), 8))
            value, count = self.loss(rows.to(device))
            total, n = total + float(value), n + int(count)
        self.model.train()
        return {"valid_loss": total / n, "valid_bits": total / n / math.log(2.0)}

    @torch.no_grad()
    def samples(self, device: torch.device, most_s: float) -> list[Sample]:
        """Two tunes over the bars, chords and conditions of held-out ones."""
        if self._valid is None:
            return []
        rng = np.random.default_rng([self.seed, 998])
        model = copy.deepcopy(self.model).float().cpu()  # it writes on the CPU
        out: list[Sample] = []
        for i, lead in enumerate(self._valid.leads(rng, _N_SAMPLES)):
            grid = excerpt(lead, 0, min(len(lead.bars), _SAMPLE_BARS))
            rules = tuple(replace(rule, shortest=SHORTEST) for rule in rules_of(grid))
            out.append(
                Piece(str(i + 1), to_score(write_bars(model, grid, 0, rules, rng)), f"a tune over held-out chords, {i + 1}")
            )
        return out

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words: no better than chance."""
        chance = math.log(len(self.model.config.vocabulary))
        return [f"held-out loss {figures['valid_loss']:.2f} is chance level"] if figures["valid_loss"] > 0.95 * chance else []
