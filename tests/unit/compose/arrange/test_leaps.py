"""Accompanying lines of small ensembles move like players: rarely an octave, never two."""

from __future__ import annotations

import numpy as np
import pytest

from partimento.compose import compose
from partimento.interpret import make_plan
from partimento.plan.request import GenerateRequest
from partimento.score.instruments import instrument


@pytest.mark.parametrize("words", ["woodwind trio", "brass quintet", "wind quintet", "a piece for flute, clarinet and cello"])
@pytest.mark.parametrize("seed", [0, 1])
def test_lines_of_small_ensembles_leap_little(words, seed):
    score = compose(make_plan(GenerateRequest(words=words)), np.random.default_rng(seed))
    for track in score.tracks:
        pitches = [n.pitch for n in track.notes]
        sizes = np.abs(np.diff(pitches))
        low, high = instrument(track.instrument).range
        assert low <= min(pitches) <= max(pitches) <= high
        assert sizes.max() <= 15
        assert np.mean(sizes > 12) <= 0.03
