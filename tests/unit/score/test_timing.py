"""Metres, keys and tempo maps."""

from __future__ import annotations

from itertools import pairwise

import pytest

from partimento.errors import RequestError
from partimento.score.timing import Key, Metre, TempoMap, TempoPoint


@pytest.mark.parametrize(
    ("metre", "quarters", "groups", "beats"),
    [
        (Metre(4, 4), 4.0, (1, 1, 1, 1), (0.0, 1.0, 2.0, 3.0)),
        (Metre(3, 4), 3.0, (1, 1, 1), (0.0, 1.0, 2.0)),
        (Metre(2, 2), 4.0, (1, 1), (0.0, 2.0)),
        (Metre(6, 8), 3.0, (3, 3), (0.0, 1.5)),
        (Metre(12, 8), 6.0, (3, 3, 3, 3), (0.0, 1.5, 3.0, 4.5)),
        (Metre(3, 8), 1.5, (1, 1, 1), (0.0, 0.5, 1.0)),
        (Metre(7, 8), 3.5, (2, 2, 3), (0.0, 1.0, 2.0)),
        (Metre(7, 8, (3, 2, 2)), 3.5, (3, 2, 2), (0.0, 1.5, 2.5)),
        (Metre(5, 4, (3, 2)), 5.0, (3, 2), (0.0, 3.0)),
        (Metre(11, 16), 2.75, (2, 2, 2, 2, 3), (0.0, 0.5, 1.0, 1.5, 2.0)),
    ],
)
def test_metre_lengths_and_beats(metre, quarters, groups, beats):
    assert metre.bar_quarters == quarters
    assert metre.beat_groups == groups
    assert metre.beat_quarters == beats


def test_compound_metres():
    assert [Metre(n, 8).is_compound for n in (3, 5, 6, 7, 9, 12)] == [False, False, True, False, True, True]
    assert not Metre(6, 4).is_compound


@pytest.mark.parametrize("wrong", [{"numerator": 0}, {"numerator": 33}, {"denominator": 3}, {"numerator": 7, "groups": (3, 3)}])
def test_impossible_metres_are_refused(wrong):
    with pytest.raises(RequestError):
        Metre(**wrong)


@pytest.mark.parametrize(
    ("key", "fifths"),
    [
        (Key(0), 0),
        (Key(7), 1),
        (Key(5), -1),
        (Key(6), 6),
        (Key(1), -5),
        (Key(9, "minor"), 0),
        (Key(0, "minor"), -3),
        (Key(2, "dorian"), 0),
        (Key(7, "mixolydian"), 0),
        (Key(4, "phrygian"), 0),
        (Key(5, "lydian"), 0),
        (Key(11, "locrian"), 0),
    ],
)
def test_key_signatures(key, fifths):
    assert key.fifths == fifths


def test_keys_spell_and_move():
    assert Key(5).spell(10) == "Bb"
    assert Key(7).spell(6) == "F#"
    assert Key(9, "minor").transposed(3) == Key(0, "minor")
    assert str(Key(10)) == "Bb major"
    assert Key(2, "dorian").is_minor
    assert not Key(7, "mixolydian").is_minor
    with pytest.raises(RequestError):
        Key(0, "blues")


def test_tempo_map_and_its_inverse():
    tempo_map = TempoMap([TempoPoint(0, 120), TempoPoint(4, 60), TempoPoint(8, 240)])
    assert tempo_map.seconds(4) == pytest.approx(2.0)
    assert tempo_map.seconds(8) == pytest.approx(6.0)
    assert tempo_map.seconds(12) == pytest.approx(7.0)
    for quarter in (-1.0, 0.0, 0.3, 3.999, 4.0, 6.5, 8.0, 100.25):
        assert tempo_map.quarters(tempo_map.seconds(quarter)) == pytest.approx(quarter)
    assert [tempo_map.bpm_at(q) for q in (0, 3.9, 4, 7.9, 8, 99)] == [120, 120, 60, 60, 240, 240]
    seconds = [tempo_map.seconds(q / 10) for q in range(-20, 200)]
    assert all(a < b for a, b in pairwise(seconds))


@pytest.mark.parametrize("points", [[], [TempoPoint(1, 120)], [TempoPoint(0, 120), TempoPoint(0, 90)]])
def test_tempo_maps_begin_at_zero_and_ascend(points):
    with pytest.raises(ValueError):
        TempoMap(points)


@pytest.mark.parametrize("bpm", [0, 19.9, 401, 10_000])
def test_tempo_limits(bpm):
    with pytest.raises(RequestError, match="20 to 400"):
        TempoPoint(0, bpm)
