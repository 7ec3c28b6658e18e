"""Any progression, anywhere in the bar, in any style: the chords are there and nothing breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partimento.compose.arrange import arrange
from partimento.report.harmony_checks import chord_passes, chord_tone_share, comping_tracks, held_to_chords
from partimento.score.score import ChordSpan, Score
from partimento.styles import style_ids

METRES = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8", "9/8", "12/8")
CUTS = (0.25, 1 / 3, 0.5, 0.6, 2 / 3, 0.75)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    style_id=st.sampled_from(style_ids()),
    metre=st.sampled_from(METRES),
    energy=st.floats(0.0, 1.0),
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.sampled_from(CUTS), min_size=4, max_size=4),
)
def test_chords_are_where_they_should_be(
    kit: Any, style_id: str, metre: str, energy: float, seed: int, cuts: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    plan = kit.plan(style_id, metre=metre, energies=(energy,))
    plain = kit.sketch(plan, seed=seed, tune=any(p.role == "melody" for p in plan.parts))
    chords = kit.random_chords(rng, 8)
    spans = []
    for bar, cut in zip(plain.frame.bars, cuts, strict=True):
        middle = bar.start + bar.quarters * cut
        if middle > plain.frame.final_start:
            spans.append(ChordSpan(bar.start, bar.end, chords.pop()))
        else:
            spans += [ChordSpan(bar.start, middle, chords.pop()), ChordSpan(middle, bar.end, chords.pop())]
    sketch = replace(plain, chords=tuple(spans))
    tracks = arrange(sketch, rng)
    comping = comping_tracks(Score(tracks, sketch.frame.length)) if tracks else ()
    if any(t.role in ("chords", "pad", "arpeggio") for t in comping):
        missing = [p for p in chord_passes(comping, sketch.chords) if not p.there]
        assert not missing
        share = chord_tone_share(held_to_chords(comping), sketch.chords)
        assert share is not None
        assert share >= 0.9
