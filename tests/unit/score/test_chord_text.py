"""Chord text: symbols in three notations, bars, repeats, and errors that point."""

from __future__ import annotations

from itertools import pairwise

import pytest

from partimento.errors import ParseError
from partimento.score.chord import Chord
from partimento.score.chord_quality import BASES, parse_quality, quality_text
from partimento.score.chord_text import MAX_TEXT_BARS, chord_symbol, harte, make_chord, parse_chord, parse_chords, roman
from partimento.score.timing import Key

C_MAJOR, A_MINOR = Key(0), Key(9, "minor")


def symbols(text: str, key: Key | None = None) -> list[list[str]]:
    return [[s.chord.symbol if s.chord else "N.C." for s in bar] for bar in parse_chords(text, key)]


@pytest.mark.parametrize(
    ("text", "root", "intervals", "bass"),
    [
        ("C", 0, (0, 4, 7), 0),
        ("Am7", 9, (0, 3, 7, 10), 9),
        ("D7/F#", 2, (0, 4, 7, 10), 6),
        ("Gmaj9", 7, (0, 4, 7, 11, 14), 7),
        ("Bbmaj7#11/D", 10, (0, 4, 7, 11, 18), 2),
        ("F♯m7♭5", 6, (0, 3, 6, 10), 6),
        ("Bø7", 11, (0, 3, 6, 10), 11),
        ("B°7", 11, (0, 3, 6, 9), 11),
        ("Bo", 11, (0, 3, 6), 11),
        ("C-7", 0, (0, 3, 7, 10), 0),
        ("C-9", 0, (0, 3, 7, 10, 14), 0),
        ("C7-9", 0, (0, 4, 7, 10, 13), 0),
        ("C7-5", 0, (0, 4, 6, 10), 0),
        ("C7+", 0, (0, 4, 8, 10), 0),
        ("C+7", 0, (0, 4, 8, 10), 0),
        ("C7+9", 0, (0, 4, 7, 10, 15), 0),
        ("CΔ", 0, (0, 4, 7, 11), 0),
        ("CM7", 0, (0, 4, 7, 11), 0),
        ("Cm7", 0, (0, 3, 7, 10), 0),
        ("C^7", 0, (0, 4, 7, 11), 0),
        ("Cj7", 0, (0, 4, 7, 11), 0),
        ("Cm(maj7)", 0, (0, 3, 7, 11), 0),
        ("CmM7", 0, (0, 3, 7, 11), 0),
        ("Cm/maj7", 0, (0, 3, 7, 11), 0),
        ("C6", 0, (0, 4, 7, 9), 0),
        ("C6/9", 0, (0, 4, 7, 9, 14), 0),
        ("C69/E", 0, (0, 4, 7, 9, 14), 4),
        ("C13", 0, (0, 4, 7, 10, 14, 21), 0),
        ("C13b9", 0, (0, 4, 7, 10, 13, 21), 0),
        ("Cm11", 0, (0, 3, 7, 10, 14, 17), 0),
        ("Csus", 0, (0, 5, 7), 0),
        ("C2", 0, (0, 2, 7), 0),
        ("C7sus4b9", 0, (0, 5, 7, 10, 13), 0),
        ("Cadd9", 0, (0, 4, 7, 14), 0),
        ("C/9", 0, (0, 4, 7, 14), 0),
        ("C5", 0, (0, 7), 0),
        ("C7no3", 0, (0, 7, 10), 0),
        ("C7omit5", 0, (0, 4, 10), 0),
        ("C7(b9,#11)", 0, (0, 4, 7, 10, 13, 18), 0),
        ("C7(b9 #11)", 0, (0, 4, 7, 10, 13, 18), 0),
        ("E7alt", 4, (0, 4, 10, 13, 15, 18, 20), 4),
        ("Caug", 0, (0, 4, 8), 0),
        ("Cmb6", 0, (0, 3, 7, 8), 0),
        ("Abb5", 8, (0, 4, 6), 8),
        ("am", 9, (0, 3, 7), 9),
        ("bb7", 10, (0, 4, 7, 10), 10),
        ("Am7onD", 9, (0, 3, 7, 10), 2),
        ("ConE", 0, (0, 4, 7), 4),
        ("Ｃｍ７", 0, (0, 3, 7, 10), 0),
        ("A:min7", 9, (0, 3, 7, 10), 9),
        ("C:maj7/3", 0, (0, 4, 7, 11), 4),
        ("C:7/b7", 0, (0, 4, 7, 10), 10),
        ("D:hdim7", 2, (0, 3, 6, 10), 2),
        ("G:(1,3,5)", 7, (0, 4, 7), 7),
        ("C:min7(*5,11)", 0, (0, 3, 10, 17), 0),
        ("C:maj(9)", 0, (0, 4, 7, 14), 0),
    ],
)
def test_symbol_means_its_notes(text, root, intervals, bass):
    chord = parse_chord(text)
    assert chord is not None
    assert (chord.root, chord.intervals, chord.bass) == (root, intervals, bass)


@pytest.mark.parametrize("text", ["N.C.", "NC", "n.c.", "N", "-", "X"])
def test_no_chord(text):
    assert parse_chord(text) is None


@pytest.mark.parametrize(
    ("key", "text", "symbol"),
    [
        (C_MAJOR, "ii7", "Dm7"),
        (C_MAJOR, "Imaj7", "Cmaj7"),
        (C_MAJOR, "bVII", "Bb"),
        (C_MAJOR, "V/V", "D"),
        (C_MAJOR, "V7/ii", "A7"),
        (C_MAJOR, "vii°7/V", "F#dim7"),
        (C_MAJOR, "viiø7", "Bm7b5"),
        (C_MAJOR, "iv6", "Fm6"),
        (C_MAJOR, "IIm7", "Dm7"),
        (C_MAJOR, "I64", "C/G"),
        (C_MAJOR, "V65", "G7/B"),
        (C_MAJOR, "V42", "G7/F"),
        (C_MAJOR, "IV/3", "F/A"),
        (A_MINOR, "VI", "F"),
        (A_MINOR, "bVI", "F"),
        (A_MINOR, "VII", "G"),
        (A_MINOR, "vii°", "G#dim"),
        (A_MINOR, "#vi°", "F#dim"),
        (A_MINOR, "bII", "Bb"),
        (Key(3), "V7", "Bb7"),
    ],
)
def test_roman_numerals(key, text, symbol):
    chord = parse_chord(text, key)
    assert chord is not None
    assert chord.symbol == symbol


@pytest.mark.parametrize("key", [Key(t, m) for t in range(12) for m in ("major", "minor", "dorian", "mixolydian")], ids=str)
def test_every_writer_is_read_back(key):
    for root in range(12):
        for i, base in enumerate(BASES):
            chord = make_chord(root, parse_quality(base), (root + 7 * i) % 12)
            for text in (chord.symbol, chord_symbol(chord, key), harte(chord), roman(chord, key)):
                again = parse_chord(text, key)
                assert again is not None
                assert (again.root, again.intervals, again.bass) == (chord.root, chord.intervals, chord.bass), text


def test_canonical_qualities_are_their_own_text():
    assert all(quality_text(parse_quality(base)) == base for base in BASES)


def test_mir_eval_understands_what_we_write():
    mir_chord = pytest.importorskip("mir_eval.chord")
    for base in BASES:
        intervals = parse_quality(base)
        for bass in range(12):
            root, bitmap, bass_number = mir_chord.encode(harte(make_chord(3, intervals, bass)))
            assert root == 3
            assert bass_number == (bass - 3) % 12
            for third_or_seventh in (4, 7, 10, 11):
                assert (bitmap[third_or_seventh] == 1) == (third_or_seventh in intervals or third_or_seventh == bass_number)


def test_spelling_follows_the_key():
    flat_seven = Chord(10, (0, 4, 7), 10, "A#")
    assert chord_symbol(flat_seven, Key(5)) == "Bb"
    assert chord_symbol(flat_seven, C_MAJOR) == "Bb"
    assert chord_symbol(flat_seven) == "A#"
    assert chord_symbol(Chord(6, (0, 3, 6, 9), 6, "Gbdim7"), C_MAJOR) == "F#dim7"
    assert chord_symbol(Chord(2, (0, 4, 7, 10), 6, "D7"), Key(5)) == "D7/F#"
    assert chord_symbol(None) == "N.C."


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("Am7 | D7/F# | Gmaj9 | %", [["Am7"], ["D7/F#"], ["Gmaj9"], ["Gmaj9"]]),
        ("|: Am | F :| x3 | C |", [["Am"], ["F"]] * 3 + [["C"]]),
        ("|: Am | F :|: C :|", [["Am"], ["F"], ["Am"], ["F"], ["C"], ["C"]]),
        ("Am | F :| C", [["Am"], ["F"], ["Am"], ["F"], ["C"]]),
        ("Am F x2", [["Am"], ["F"], ["Am"], ["F"]]),
        ("Am | F x2\nC | G", [["Am"], ["F"], ["Am"], ["F"], ["C"], ["G"]]),
        ("| Am | F |\n| C || G |", [["Am"], ["F"], ["C"], ["G"]]),
        ("Am, F, C, G", [["Am"], ["F"], ["C"], ["G"]]),
        ("Am、F，C；G", [["Am"], ["F"], ["C"], ["G"]]),
        ("Am → F -> C => G", [["Am"], ["F"], ["C"], ["G"]]),
        ("Am-F-C-G", [["Am"], ["F"], ["C"], ["G"]]),
        ("C-7 F-7 B-7b5", [["Cm7"], ["Fm7"], ["Bm7b5"]]),
        ("Am / F / C / G", [["Am"], ["F"], ["C"], ["G"]]),
        ("Am | - | C", [["Am"], ["N.C."], ["C"]]),
        ("Am N.C. | C", [["Am", "N.C."], ["C"]]),
        ("Am | | F", [["Am"], ["Am"], ["F"]]),
        ("C7 (b9) | (D7)", [["C7b9"], ["D7"]]),
        ("Ａｍ７｜Ｄ７，Ｇ", [["Am7"], ["D7", "G"]]),
        ("A:min7 D:7 | C:maj7/3 N", [["Am7", "D7"], ["Cmaj7/E", "N.C."]]),
    ],
)
def test_bars(text, bars):
    assert symbols(text) == bars


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i - VI - III - VII", ["Am", "F", "C", "G"]),
        ("i-VI-III-VII", ["Am", "F", "C", "G"]),
        ("i VI III VII", ["Am", "F", "C", "G"]),
        ("i–bVII–bVI–V7", ["Am", "G", "F", "E7"]),
        ("6415", ["F", "Dm", "Am", "Em"]),
    ],
)
def test_roman_bars(text, expected):
    assert symbols(text, A_MINOR) == [[s] for s in expected]


def test_digits_are_triads_of_the_scale():
    assert symbols("4536251", C_MAJOR) == [["F"], ["G"], ["Em"], ["Am"], ["Dm"], ["G"], ["C"]]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Am D7", None),
        ("Am D7 | G", [(0.0, 0.5), (0.5, 1.0)]),
        ("Am / / D7 | G", [(0.0, 0.75), (0.75, 1.0)]),
        ("Am . . D7 | G", [(0.0, 0.75), (0.75, 1.0)]),
        ("Am// D7 | G", [(0.0, 0.75), (0.75, 1.0)]),
        ("Am | / D7", None),
    ],
)
def test_chords_share_their_bar(text, spans):
    bars = parse_chords(text)
    for bar in bars:
        assert bar[0].start == 0
        assert bar[-1].end == 1
        assert all(a.end == b.start for a, b in pairwise(bar))
    if spans:
        assert [(s.start, s.end) for s in bars[0]] == spans


def test_hold_at_the_start_of_a_bar_keeps_the_chord_before():
    assert symbols("Am | / D7") == [["Am"], ["Am", "D7"]]


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("Am | Dmq7 | G", 7, "Dm7"),
        ("Am | Q", 5, "root"),
        ("Hm7", 0, "Bm7"),
        ("C:foo", 2, "shorthand"),
        ("C:7(b15)", 4, "degree"),
        ("C/Z", 1, "/Z"),
        ("Am |: F", 3, "closes"),
        ("% | Am", 0, "before"),
        ("ii7 | V7", 0, "key"),
        ("", 0, "Am7"),
        ("|", 0, "Am7"),
        ("x2", 0, "repeat"),
        ("Am7 | Cmjaor7", 8, "Cmaj7"),
    ],
)
def test_errors_point_at_the_token_and_say_what_would_be_valid(text, position, says):
    with pytest.raises(ParseError) as caught:
        parse_chords(text)
    assert caught.value.position == position
    assert caught.value.text == text
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_texts_cannot_unfold_without_end():
    with pytest.raises(ParseError, match=str(MAX_TEXT_BARS)):
        parse_chords("Am | F x99\n" * 50)
    with pytest.raises(ParseError, match="longer than"):
        parse_chord("V/" * 5000 + "V", C_MAJOR)
    with pytest.raises(ParseError, match="in one bar"):
        parse_chords("Am " * 100 + "| F")
