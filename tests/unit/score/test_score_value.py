"""The score value: bars, sections, looking things up."""

from __future__ import annotations

import pytest

from partimento.score.chord_text import parse_chord
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint


def track(name: str = "a", *notes: Note) -> Track:
    return Track(name, "melody", "piano", 0, False, notes or (Note(0, 1, 60),))


def test_bar_starts_in_odd_and_changing_metres():
    score = Score(
        (track(),), 3.5 * 2 + 4 + 3, metres=(MetrePoint(0, Metre(7, 8)), MetrePoint(2, Metre()), MetrePoint(3, Metre(6, 8)))
    )
    assert score.bar_starts == (0.0, 3.5, 7.0, 11.0)
    assert [score.metre_at(b) for b in range(4)] == [Metre(7, 8), Metre(7, 8), Metre(), Metre(6, 8)]
    assert [score.bar_at(q) for q in (0, 3.4, 3.5, 7, 10.99, 11, 99)] == [0, 0, 1, 2, 2, 3, 3]
    assert score.bar_span(1) == (3.5, 7.0)
    assert score.bar_span(3) == (11.0, 14.0)


@pytest.mark.parametrize(
    ("length", "n_bars"), [(4.0, 1), (8.0, 2), (8.1, 2), (16.5, 4), (17.3, 4), (17.4, 5), (19.0, 5), (0.5, 1)]
)
def test_a_short_rest_at_the_end_belongs_to_the_bar_before(length, n_bars):
    score = Score((track("a", Note(0, 0.5, 60)),), length)
    assert score.n_bars == n_bars
    assert score.bar_span(n_bars - 1)[1] == length


@pytest.mark.parametrize(("length", "n_bars"), [(8.5, 3), (4.3, 2), (9.3, 3)])
def test_a_short_rest_is_a_bar_where_the_last_chord_has_no_other_place(length, n_bars):
    """The last beat of the bar before is not within the last 15 % of the piece."""
    assert Score((track("a", Note(0, 0.5, 60)),), length).n_bars == n_bars


def test_duration_follows_the_tempo_map():
    score = Score((track(),), 8.0, tempos=(TempoPoint(0, 120), TempoPoint(4, 60)))
    assert score.duration_s == pytest.approx(6.0)
    assert score.tempo_bpm == 120


def test_chords_and_keys_at_a_place():
    am, d7 = parse_chord("Am"), parse_chord("D7")
    assert am is not None
    assert d7 is not None
    score = Score(
        (track(),),
        12.0,
        keys=(KeyPoint(0, Key(9, "minor")), KeyPoint(8, Key(2))),
        chords=(ChordSpan(0, 4, am), ChordSpan(6, 8, d7)),
    )
    assert [score.chord_at(q) for q in (0, 3.9, 4, 5, 6, 8)] == [am, am, None, None, d7, None]
    assert [score.key_at(q) for q in (0, 7.9, 8)] == [Key(9, "minor"), Key(9, "minor"), Key(2)]


def test_tracks_by_name():
    score = Score((track("a"), track("b")), 4.0)
    changed = track("b", Note(1, 1, 72))
    assert score.track("b").notes[0].pitch == 60
    assert score.with_track(changed).track("b") is changed
    assert [t.name for t in score.with_track(track("c")).tracks] == ["a", "b", "c"]
    with pytest.raises(KeyError):
        score.track("c")


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="unique"):
        Score((track("a"), track("a")), 4.0)
    with pytest.raises(ValueError, match="length"):
        Score((track(),), 0.0)
    with pytest.raises(ValueError, match="bar 0"):
        Score((track(),), 4.0, metres=(MetrePoint(1, Metre()),))
    with pytest.raises(ValueError, match="role"):
        Track("a", "boss", "piano", 0, False, ())
    for wrong in ((-1, 1, 60, 80), (0, 0, 60, 80), (0, 1, 128, 80), (0, 1, 60, 0)):
        with pytest.raises(ValueError):
            Note(*wrong)


def test_values():
    assert Section("verse", "A", 4, 8).end_bar == 12
    assert Note(1.5, 0.5, 60).end == 2.0
    chord = parse_chord("Cm7/Bb")
    assert chord is not None
    assert (chord.third, chord.seventh, chord.is_minor, chord.is_dominant) == (3, 10, True, False)
    assert chord.pitch_classes == (0, 3, 7, 10)
    diminished = parse_chord("Bdim7")
    assert diminished is not None
    assert diminished.seventh == 8
    power = parse_chord("C5")
    assert power is not None
    assert power.third is None
