"""Bar-against-bar comparison on tunes whose repetitions are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from partimento.errors import PartimentoError
from partimento.metrics import self_similarity as sim

# four bars of 4/4: A, A a tone higher, A again, one whole note
ONSETS = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12]
DURATIONS = [1, 1, 2, 1, 1, 2, 1, 1, 2, 4]
PITCHES = [60, 64, 62, 62, 66, 64, 60, 64, 62, 60]


def test_profiles_hold_rhythm_contour_figure() -> None:
    first, second, third, last = sim.bar_profiles(ONSETS, DURATIONS, PITCHES)
    assert first.rhythm == ((0, 24), (24, 24), (48, 48))
    assert first.contour == (3, 1, -1)
    assert first.events == third.events != second.events
    assert first.figure == second.figure
    assert last.contour == (1,)


def test_lag_shares() -> None:
    profiles = sim.bar_profiles(ONSETS, DURATIONS, PITCHES)
    rhythms = [p.rhythm for p in profiles]
    assert math.isnan(sim.lag_share(rhythms, 1))
    assert sim.lag_share(rhythms, 1, min_pairs=2) == pytest.approx(2 / 3)
    assert sim.lag_share(rhythms, 2, min_pairs=2) == pytest.approx(1 / 2)


def test_empty_bars_are_left_out_of_pairs() -> None:
    profiles = sim.bar_profiles([0, 8], [1, 1], [60, 60])
    assert [bool(p.events) for p in profiles] == [True, False, True]
    assert sim.lag_share([p.rhythm for p in profiles], 2, min_pairs=1) == 1.0
    assert math.isnan(sim.lag_share([p.rhythm for p in profiles], 1, min_pairs=1))


def test_best_match_sees_transposition_and_repeats_do_not() -> None:
    profiles = sim.bar_profiles(ONSETS, DURATIONS, PITCHES)
    # bar 4 shares only its first onset: 2 * 1 / (3 + 1)
    assert sim.best_earlier_matches(profiles) == pytest.approx((1.0, 1.0, 0.5))
    assert sim.repeated_share(profiles) == pytest.approx(1 / 3)


def test_identical_bars_of_two_pieces() -> None:
    a = sim.bar_profiles(ONSETS, DURATIONS, PITCHES)
    b = sim.bar_profiles([0, 4, 5, 6], [4, 1, 1, 2], [60, 60, 64, 62])  # the last bar, then the first
    assert sim.identical_share(a, b) == sim.identical_share(b, a) == pytest.approx((3 + 2) / (4 + 2))
    assert sim.aligned_share(a, b) == 0.0
    assert sim.aligned_share(a, a) == 1.0
    assert math.isnan(sim.identical_share(a, ()))


def test_soft_matrices() -> None:
    chroma = sim.chroma_matrix(ONSETS, PITCHES)
    groove = sim.groove_matrix(ONSETS)
    assert chroma.shape == groove.shape == (4, 4)
    np.testing.assert_allclose(np.diag(chroma), 1.0)
    assert groove[0, 1] == pytest.approx(1.0)
    assert groove[0, 3] == pytest.approx(1 / math.sqrt(3))
    assert chroma[0, 2] == pytest.approx(1.0)


def test_rounding_keeps_a_note_just_before_the_bar_line_in_the_next_bar() -> None:
    assert len(sim.bar_profiles([0, 3.9999], [1, 1], [60, 60])) == 2


def test_evaluate_names_and_bad_input() -> None:
    figures = sim.evaluate(ONSETS, DURATIONS, PITCHES, lags=(1, 2))
    assert set(figures) == {"rhythm_lag1", "rhythm_lag2", "contour_lag1", "contour_lag2", "repeated_bars", "best_earlier_match"}
    assert math.isnan(sim.evaluate([], [], [])["best_earlier_match"])
    with pytest.raises(PartimentoError, match="do not match"):
        sim.evaluate([0, 1], [1, 1], [60])
