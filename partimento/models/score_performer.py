"""The score performer: compose, then the sampler. Exact, with exact stems; the default."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from partimento.errors import UnsupportedError
from partimento.models.performer import CONTROLS, Support
from partimento.plan.plan import Plan
from partimento.plan.request import LEARNED_ONLY, GenerateRequest
from partimento.plan.result import Performance
from partimento.score.score import Score

# A recording says nothing exact to a composer of notes until it has been transcribed.
_REFUSED = dict.fromkeys(("melody (recording)", "drums (recording)", "style audio"), Support.REFUSED)


class ScorePerformer:
    """Rules write a score, the offline sampler plays it from a SoundFont."""

    name = "score"
    description = "composes a score from the plan and plays it with the built-in sampler; exact, with stems and MIDI"
    licence = "Apache-2.0 (SoundFont: see provenance)"
    support: ClassVar[dict[str, Support]] = {control: _REFUSED.get(control, Support.EXACT) for control in CONTROLS}

    def perform(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Performance:
        """Compose the plan and render it (see :class:`partimento.models.performer.Performer`)."""
        from partimento.compose import compose

        self.check(request)
        return self.play(compose(plan, rng), request)

    def check(self, request: GenerateRequest) -> None:
        """Raise UnsupportedError for what no composer of notes can follow."""
        for field, option in (("story", "--story"), ("extends", "going on from a recording")):
            if getattr(request, field) is not None:
                raise UnsupportedError(f"the score performer cannot follow {option}; --model DIR with a MusicGen checkpoint can")
        if request.engine != "auto":
            way_out = "leave it out, or give --model DIR with a MusicGen checkpoint"
            raise UnsupportedError(f"the score performer is not run by an engine, so it has no --engine; {way_out}")
        for field, option in LEARNED_ONLY.items():
            if getattr(request, field) is not None:
                way_out = "leave it out, or give --model DIR with a MusicGen checkpoint"
                raise UnsupportedError(f"the score performer draws no codes, so it has no {option}; {way_out}")

    def play(self, score: Score, request: GenerateRequest) -> Performance:
        """Render and mix a finished score."""
        from partimento.score.mix import render_mix

        mixed = render_mix(score, request.soundfont, request.sample_rate)
        return Performance(mixed.audio, mixed.stems, score, mixed.common_gain_db)

    def provenance(self, request: GenerateRequest) -> dict[str, str]:
        """Name, licence and SHA-256 of the SoundFont."""
        from partimento.score.soundfont import find_soundfont

        info = find_soundfont(request.soundfont)
        return {"soundfont": info.name, "soundfont_licence": info.licence, "soundfont_sha256": info.sha256}
