from __future__ import annotations

import numpy as np
import pytest

from partimento.compose.novelty import MIN_BITS, count_surprise, least_surprise, longest_unison
from partimento.compose.traits import INDEX, N_TRAITS, TRAITS, rhythm_traits, traits
from partimento.compose.tune_grid import TuneGround, harmony_of, measuring_ground
from partimento.compose.tune_model import tune_model
from partimento.evaluate.compose_data import Tune
from partimento.evaluate.compose_features import features
from partimento.score.chord_names import parse_chord
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key, Metre


def random_tune(seed, metre, key):
    """A tune with rests, triplets, syncopation and a chordless bar."""
    rng = np.random.default_rng(seed)
    at, notes = float(rng.integers(0, 3)), []
    while at < 20 * metre.bar_quarters:
        length = float(rng.choice([0.25, 1 / 3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]))
        start = round(at * 24) / 24
        notes.append(Note(start, round(length * 24) / 24, int(rng.integers(58, 80))))
        at += length + float(rng.choice([0.0, 0.0, 0.0, 0.5, 1.0]))
    names = ["C", "Am7", "F/A", "G7", "Dm"]
    bar = metre.bar_quarters
    spans = tuple(ChordSpan(i * bar, (i + 1) * bar, parse_chord(names[i % 5])) for i in range(1, 20) if i % 7)
    return Tune("x", tuple(notes), spans, metre, key, 21, 120.0)


def measured(tune):
    n = tune.n_bars + 3
    bar = tune.metre.bar_quarters
    ground = TuneGround(tuple(bar * i for i in range(n + 1)), (tune.metre,) * n, (tune.key,) * n, tune.chords, (0,) * n)
    starts, lengths, pitches = (np.round(a * 24).astype(np.int64) for a in tune.arrays)
    return starts, lengths, pitches // 24, measuring_ground(ground, harmony_of(ground))


@pytest.mark.parametrize("metre", [Metre(4, 4), Metre(3, 4), Metre(6, 8), Metre(2, 2), Metre(7, 8)])
@pytest.mark.parametrize("key", [Key(0, "major"), Key(9, "minor")])
def test_quick_computation_agrees_with_the_evaluations(metre, key):
    for seed in range(3):
        tune = random_tune(seed, metre, key)
        expected = features(tune)
        assert tuple(expected) == TRAITS
        np.testing.assert_allclose(traits(*measured(tune)), list(expected.values()), err_msg=str(seed))


def test_rhythm_traits_are_those_without_pitches():
    starts, lengths, pitches, ground = measured(random_tune(3, Metre(4, 4), Key(0, "major")))
    whole, part = traits(starts, lengths, pitches, ground), rhythm_traits(starts, lengths, ground)
    known = ~np.isnan(part)
    np.testing.assert_allclose(part[known], whole[known])
    assert not known[INDEX["interval_step"]]
    assert known[INDEX["phrase_bars"]]
    assert known.sum() >= 15


def test_scores_and_values_of_the_model_are_inverse():
    model = tune_model()
    values = model.to_values(np.linspace(-2, 2, 9)[:, None] * np.ones(N_TRAITS))
    again = model.to_values(model.to_scores(values))
    np.testing.assert_allclose(again, values, atol=0.02 * (1 + np.abs(values).max()))


def test_scales_are_more_ordinary_than_tunes():
    surprise = tune_model().surprise
    eighths = np.arange(20) * 12
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 62, 64, 65, 67, 69])
    rng = np.random.default_rng(0)
    jumpy = 60 + rng.integers(0, 14, 20)
    uneven = np.cumsum(rng.choice([6, 12, 18, 24, 36], 20))
    assert least_surprise(eighths, scale, surprise) < MIN_BITS < least_surprise(uneven, jumpy, surprise)
    assert least_surprise(eighths[:5], scale[:5], surprise) == float("inf")


def test_surprise_is_counted():
    table = count_surprise([(np.array([0, 24, 48, 72]), np.array([60, 62, 64, 66]))])
    assert table.interval[1].argmin() == 16 + 2
    assert np.allclose((2.0**-table.interval).sum(axis=1), 1.0)


def test_longest_unison_counts_equal_intervals():
    assert longest_unison(np.array([60, 60, 60, 62, 62, 60])) == 2
    assert longest_unison(np.array([60, 62])) == 0
