"""Chord helpers."""

from __future__ import annotations

import pytest

from partimento.score.chord import Chord
from partimento.score.chord_text import parse_chord
from partimento.score.harmony import (
    available_tensions,
    chord_function,
    chord_tones_in_range,
    diatonic_chords,
    guide_tones,
    is_chord_tone,
    is_diatonic,
    nearest_chord_tone,
    transpose_chord,
)
from partimento.score.timing import Key


def chord(text: str) -> Chord:
    found = parse_chord(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("key", "sevenths", "symbols"),
    [
        (Key(0), False, "C Dm Em F G Am Bdim"),
        (Key(0), True, "Cmaj7 Dm7 Em7 Fmaj7 G7 Am7 Bm7b5"),
        (Key(9, "minor"), True, "Am7 Bm7b5 Cmaj7 Dm7 E7 Fmaj7 G#dim7"),
        (Key(10), False, "Bb Cm Dm Eb F Gm Adim"),
        (Key(2, "dorian"), False, "Dm Em F G Am Bdim C"),
    ],
)
def test_diatonic_chords(key, sevenths, symbols):
    assert [c.symbol for c in diatonic_chords(key, sevenths)] == symbols.split()
    assert all(is_diatonic(c, key) for c in diatonic_chords(key, sevenths))


def test_functions():
    key = Key(0)
    assert [chord_function(chord(s), key) for s in ("C", "Dm7", "Em", "F", "G7", "Am", "Bdim")] == [
        "tonic", "subdominant", "tonic", "subdominant", "dominant", "tonic", "dominant",
    ]  # fmt: skip
    assert chord_function(chord("D7"), key) == "chromatic"
    assert chord_function(chord("Ab"), key) == "chromatic"
    assert chord_function(chord("G#dim7"), Key(9, "minor")) == "dominant"
    assert not is_diatonic(chord("C7"), key)
    assert not is_diatonic(chord("C/Bb"), key)


def test_transposing_keeps_the_chord_and_spells_for_the_key():
    moved = transpose_chord(chord("Am7/G"), -2, Key(5))
    assert (moved.symbol, moved.root, moved.bass) == ("Gm7/F", 7, 5)
    assert transpose_chord(chord("A"), 1, Key(10)).symbol == "Bb"
    assert transpose_chord(transpose_chord(chord("F#m7b5"), 5), -5).intervals == (0, 3, 6, 10)


def test_chord_tones():
    c7 = chord("C7")
    assert chord_tones_in_range(c7, 58, 67) == (58, 60, 64, 67)
    assert is_chord_tone(70, c7)
    assert not is_chord_tone(71, c7)
    assert is_chord_tone(62, chord("C/D"))
    assert [nearest_chord_tone(p, chord("C")) for p in (60, 61, 62, 66)] == [60, 60, 60, 67]
    assert guide_tones(c7) == (4, 10)
    assert guide_tones(chord("C6")) == (4, 9)
    assert guide_tones(chord("C5")) == ()


def test_tensions_avoid_what_clashes():
    assert 17 not in available_tensions(chord("Cmaj7"), Key(0))
    assert available_tensions(chord("Fmaj7"), Key(0)) == (14, 18, 21)
    assert 17 in available_tensions(chord("Dm7"), Key(0))
    assert {13, 20} <= set(available_tensions(chord("E7"), Key(9, "minor")))
    assert 14 not in available_tensions(chord("C9"), Key(0))
