"""Notes cut into what can be written."""

from __future__ import annotations

import pytest

from partimento.score.notation import MAX_VOICES, UNITS, VALUES, split, to_units, written_bars
from partimento.score.score import MetrePoint, Note, Score, Track
from partimento.score.timing import Metre

BEATS = [0, 48, 96, 144]


def bars(metre: Metre, length: float, *notes: Note):
    track = Track("a", "chords", "piano", 0, False, notes)
    return written_bars(Score((track,), length, metres=(MetrePoint(0, metre),)), track)


@pytest.mark.parametrize(
    ("position", "units", "pieces"),
    [
        (0, 192, [192]),
        (0, 144, [144]),
        (24, 48, [48]),
        (36, 48, [12, 36]),
        (0, 240, [144, 96]),
        (32, 64, [16, 48]),
        (16, 32, [32]),
        (0, 64, [64]),
        (24, 144, [24, 96, 24]),
    ],
)
def test_split(position, units, pieces):
    assert [u for _, u in split(position, units, BEATS)] == pieces


def test_every_length_at_every_place_can_be_written():
    for position in range(0, 192, 1):
        for units in range(1, 193 - position):
            pieces = split(position, units, BEATS)
            assert sum(u for _, u in pieces) == units
            assert all(u in VALUES for _, u in pieces)
            assert pieces[0][0] == position


def test_bars_are_filled_in_every_voice():
    notes = (Note(0.5, 3, 60), Note(1, 6, 64), Note(2, 1 / 3, 67), Note(6.75, 0.25, 72), Note(0.5, 3, 55))
    for bar in bars(Metre(7, 8), 10.5, *notes):
        for voice in bar.voices:
            assert sum(s.units for s in voice) == bar.units
            at = 0
            for symbol in voice:
                assert symbol.start == at
                at += symbol.units


def test_ties_hold_a_note_together():
    found = [
        (b.index, s.start, s.units, s.tied_from, s.tied_to)
        for b in bars(Metre(), 8, Note(3, 2.5, 60))
        for s in b.voices[0]
        if s.notes
    ]
    assert found == [(0, 144, 48, False, True), (1, 0, 72, True, False)]


def test_an_empty_bar_is_one_rest():
    second = bars(Metre(5, 8), 5.0, Note(0, 1, 60))[1]
    assert [(s.units, s.whole_bar, s.notes) for s in second.voices[0]] == [(120, True, ())]


def test_voices_are_bounded_and_unisons_written_once():
    crowd = tuple(Note(i / 8, 8, 40 + i) for i in range(20))
    assert all(len(b.voices) <= MAX_VOICES for b in bars(Metre(), 12, *crowd))
    twice = bars(Metre(), 4, Note(0, 1, 60), Note(0, 1, 60))
    assert [len(s.notes) for s in twice[0].voices[0] if s.notes] == [1]


def test_off_grid_notes_go_to_the_nearest_value():
    assert to_units(1.02) == UNITS
    assert to_units(1 / 3) == 16
    assert to_units(0.3333) == 16
    assert to_units(0.26) == 12
