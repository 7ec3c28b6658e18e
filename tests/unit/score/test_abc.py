"""ABC: folk tunes in, any score out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from partimento.errors import FileError
from partimento.score.abc import abc_text, parse_abc, read_abc, write_abc
from partimento.score.abc_fields import AbcKey, length_of, read_key, read_tempo, signature, tuplet
from partimento.score.chord_text import parse_chord
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint


def tune(body: str, head: str = "X:1\nM:4/4\nL:1/8\nK:C\n") -> Score:
    return parse_abc(head + body + "\n")


def notes(score: Score, index: int = 0) -> list[tuple[float, float, int]]:
    return [(round(n.start, 4), round(n.duration, 4), n.pitch) for n in score.tracks[index].notes]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C2 D2 E2 F2|", [(0, 1, 60), (1, 1, 62), (2, 1, 64), (3, 1, 65)]),
        ("C,,2 c2 c'2 c''2|", [(0, 1, 36), (1, 1, 72), (2, 1, 84), (3, 1, 96)]),
        ("C3/2D/ E/2F/2 z4 G|", [(0, 0.75, 60), (0.75, 0.25, 62), (1, 0.25, 64), (1.25, 0.25, 65), (3.5, 0.5, 67)]),
        ("C>D E<F G4|", [(0, 0.75, 60), (0.75, 0.25, 62), (1, 0.25, 64), (1.25, 0.75, 65), (2, 2, 67)]),
        (
            "(3CDE (3:2:3F2G2A2 c4|",
            [(0, 0.3333, 60), (0.3333, 0.3333, 62), (0.6667, 0.3333, 64),
             (1, 0.6667, 65), (1.6667, 0.6667, 67), (2.3333, 0.6667, 69), (3, 2, 72)],
        ),
        ("^C2 C2 _E2 =E2|C2 E2 z4|", [(0, 1, 61), (1, 1, 61), (2, 1, 63), (3, 1, 64), (4, 1, 60), (5, 1, 64)]),
        ("[CEG]4 [Ace]2 z2|", [(0, 2, 60), (0, 2, 64), (0, 2, 67), (2, 1, 69), (2, 1, 72), (2, 1, 76)]),
        ("C4- C2 D2-|D4 z4|", [(0, 3, 60), (3, 3, 62)]),
        ("{d}C2 !trill!D2 ~E2 (F2|G4) .A4|", [(0, 1, 60), (1, 1, 62), (2, 1, 64), (3, 1, 65), (4, 2, 67), (6, 2, 69)]),
        ("Z2|C8|", [(8, 4, 60)]),
        ("C8 & G,4 A,4|", [(0, 2, 55), (0, 4, 60), (2, 2, 57)]),
        ("C4 % a remark\nD4|", [(0, 2, 60), (2, 2, 62)]),
    ],
)  # fmt: skip
def test_notes(body, expected):
    assert notes(tune(body)) == expected


@pytest.mark.parametrize(
    ("body", "pitches"),
    [
        ("|:C8:|D8|", [60, 60, 62]),
        ("C8|D8:|E8|", [60, 62, 60, 62, 64]),
        ("|:C8|1 D8:|2 E8||F8|", [60, 62, 60, 64, 65]),
        ("|:C8|[1 D8:|[2 E8|]", [60, 62, 60, 64]),
        ("C8::D8:|", [60, 60, 62, 62]),
    ],
)
def test_repeats(body, pitches):
    assert [n.pitch for n in tune(body).tracks[0].notes] == pitches


def test_headers_chords_and_upbeat():
    score = parse_abc('X:3\nT:A Reel\nT:second title\nM:6/8\nQ:3/8=60\nK:Dmix\nA|"D"d2e f2g|"A7"a3 "^fast""G"g3|\n')
    assert (score.title, str(score.metre), str(score.key), score.tempo_bpm) == ("A Reel", "6/8", "D mixolydian", 90)
    assert notes(score)[:4] == [(2.5, 0.5, 69), (3, 1, 74), (4, 0.5, 76), (4.5, 1, 78)]
    assert [(c.start, c.end, c.chord.symbol) for c in score.chords] == [(3, 6, "D"), (6, 7.5, "A7"), (7.5, 9, "G")]


def test_voices_programs_and_inline_fields():
    text = (
        'X:1\nM:4/4\nL:1/4\nV:1 name="Violin"\nV:2 name="Low one" octave=-1\nK:G\n'
        "V:1\n%%MIDI program 40\nGABF|[K:F]B4|[M:3/4]c3|\nV:2\n%%MIDI program 42\nG4|[K:F]B4|c3|\nV:3 clef=perc\nC4|\n"
    )
    score = parse_abc(text)
    assert [(t.name, t.instrument, t.program, t.is_drum) for t in score.tracks[:2]] == [
        ("Violin", "violin", 40, False),
        ("Low one", "cello", 42, False),
    ]
    assert score.tracks[2].is_drum
    assert [n.pitch for n in score.tracks[0].notes] == [67, 69, 71, 66, 70, 72]
    assert [n.pitch for n in score.tracks[1].notes] == [55, 58, 60]
    assert [(p.bar, str(p.metre)) for p in score.metres] == [(0, "4/4"), (2, "3/4")]
    assert [str(p.key) for p in score.keys] == ["G major", "F major"]


@pytest.mark.parametrize(
    ("text", "fifths", "mode"),
    [
        ("G", 1, "major"), ("Am", 0, "minor"), ("A minor", 0, "minor"), ("D dor", 0, "dorian"), ("Bb", -2, "major"),
        ("F#m", 3, "minor"), ("Emix", 3, "mixolydian"), ("HP", 2, "mixolydian"), ("none", 0, None),
    ],
)  # fmt: skip
def test_key_fields(text, fifths, mode):
    key = read_key(text, AbcKey())
    assert (key.fifths, key.mode) == (fifths, mode)


def test_lengths_tempos_tuplets_signatures():
    assert [length_of(t) for t in ("", "2", "/", "//", "/4", "3/2", "3/")] == [
        1, 2, Fraction(1, 2), Fraction(1, 4), Fraction(1, 4), Fraction(3, 2), Fraction(3, 2),
    ]  # fmt: skip
    assert [read_tempo(t, Fraction(1, 8)) for t in ("1/4=100", '"Allegro" 1/2=60', "3/8=40", "120", "C=90", "fast")] == [
        100, 120, 60, 60, 45, 0,
    ]  # fmt: skip
    assert tuplet(3, None, None, False) == (Fraction(2, 3), 3)
    assert tuplet(5, "4", "6", False) == (Fraction(4, 5), 6)
    assert tuplet(2, None, None, True) == (Fraction(3, 2), 2)
    assert signature(3) == {"F": 1, "C": 1, "G": 1}
    assert signature(-2) == {"B": -1, "E": -1}
    assert read_key("G exp _b ^f", AbcKey()).accidentals == {"B": -1, "F": 1}


def span(start: float, end: float, text: str) -> ChordSpan:
    chord = parse_chord(text)
    assert chord is not None
    return ChordSpan(start, end, chord)


def full_score() -> Score:
    lead = (Note(0.5, 1, 72), Note(1.5, 1 / 3, 73), Note(1.5 + 1 / 3, 1 / 3, 75), Note(1.5 + 2 / 3, 1 / 3, 73), Note(3, 4, 70))
    held = (Note(0, 7, 48), Note(0, 2, 55), Note(0, 2, 60), Note(1, 2.25, 64), Note(1, 2.25, 66), Note(5, 2, 55))
    return Score(
        (
            Track("Flute", "melody", "flute", 73, False, tuple(replace(n, velocity=80) for n in lead)),
            Track("Grand", "chords", "piano", 0, False, held),
            Track("Drums", "drums", "drums", 0, True, (Note(0, 0.25, 36), Note(1, 0.25, 42), Note(1, 0.25, 38))),
        ),
        length=7.0,
        tempos=(TempoPoint(0, 96), TempoPoint(3.5, 120)),
        metres=(MetrePoint(0, Metre(7, 8, (2, 2, 3))),),
        keys=(KeyPoint(0, Key(10)), KeyPoint(3.5, Key(0, "dorian"))),
        chords=(span(0, 2, "Bbmaj7"), span(3.5, 5, "F7b9/A")),
        sections=(Section("A", "A", 0, 1), Section("B", "B", 1, 1)),
        title="Tune",
    )


def test_written_scores_read_back(tmp_path):
    score = full_score()
    again = read_abc(write_abc(score, tmp_path / "a.abc"))
    for name in ("length", "tempos", "metres", "keys", "chords", "title"):
        assert getattr(again, name) == getattr(score, name), name
    assert [(s.name, s.start_bar) for s in again.sections] == [("A", 0), ("B", 1)]
    for written, read in zip(score.tracks, again.tracks, strict=True):
        assert (read.name, read.instrument, read.program, read.is_drum) == (
            written.name, written.instrument, written.program, written.is_drum,
        )  # fmt: skip
        assert sorted((n.pitch, round(n.start, 4), round(n.end, 4)) for n in read.notes) == sorted(
            (n.pitch, round(n.start, 4), round(n.end, 4)) for n in written.notes
        )
    assert abc_text(score) == abc_text(score)


@pytest.mark.parametrize("key", [Key(t, m) for t in range(12) for m in ("major", "minor")], ids=str)
def test_accidentals_are_right_in_every_key(key):
    line = tuple(Note(i / 4, 0.25, 48 + (i * 7) % 31) for i in range(64))
    score = Score((Track("a", "melody", "piano", 0, False, line),), 16.0, keys=(KeyPoint(0, key),))
    assert [n.pitch for n in parse_abc(abc_text(score)).tracks[0].notes] == [n.pitch for n in line]


def test_music21_reads_what_we_write():
    music21 = pytest.importorskip("music21")
    line = tuple(Note(i / 2, 0.5, 60 + (i * 7) % 19) for i in range(32))
    score = Score((Track("a", "melody", "piano", 0, False, line),), 16.0, keys=(KeyPoint(0, Key(5, "minor")),))
    stream = music21.converter.parseData(abc_text(score), format="abc")
    assert [p.midi for n in stream.flatten().notes for p in n.pitches] == [n.pitch for n in line]


@pytest.mark.parametrize(
    ("text", "says"), [("hello", "K:"), ("X:1\nK:C\n", "no notes"), ("", "empty"), ("X:1\nT:x\nABc|\n", "K:")]
)
def test_what_is_no_tune_is_refused(tmp_path, text, says):
    path = tmp_path / "x.abc"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=says):
        read_abc(path)
