"""The score performer with a learned tune: the built-in score model writes the lead, rules and sampler do the rest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from partimento.models.performer import CONTROLS, Support
from partimento.models.score_performer import ScorePerformer
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Performance
from partimento.score.score import Score

NAME = "mini-score"


def compose_learned(plan: Plan, rng: np.random.Generator) -> Score:
    """A piece whose tune the built-in score model writes.

    Args:
        plan: the resolved request.
        rng: the only source of chance.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        UnsupportedError: a metre that the model does not know.
    """
    from partimento.compose import compose
    from partimento.compose.learned import LearnedTune
    from partimento.score_lm.loading import load_score_model

    return compose(plan, rng, LearnedTune(load_score_model(NAME)))


class MiniScorePerformer(ScorePerformer):
    """Like the score performer in everything but who writes the tune."""

    name = NAME
    description = "as score, but the built-in score model writes the tune (learned, experimental; needs PyTorch)"
    support: ClassVar[dict[str, Support]] = ScorePerformer.support | {
        control: Support.LEARNED for control in ("words", "style") if control in CONTROLS
    }

    def perform(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Performance:
        """Compose the plan with a learned tune and render it (see :class:`partimento.models.performer.Performer`)."""
        self.check(request)
        return self.play(compose_learned(plan, rng), request)

    def provenance(self, request: GenerateRequest) -> dict[str, str]:
        """As of the score performer, and the hash of the model's weights."""
        from importlib import metadata

        from partimento.checkpoints import built_in

        weights = {"weights_sha256": built_in(NAME).entry.sha256, "torch": metadata.version("torch")}
        return super().provenance(request) | weights
