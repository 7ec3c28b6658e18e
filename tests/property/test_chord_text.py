"""The chord parser takes any text: it reads it or points at what it cannot read."""

from __future__ import annotations

import contextlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.errors import ParseError, PartimentoError
from partimento.score.chord_quality import BASES, parse_quality
from partimento.score.chord_text import chord_symbol, harte, make_chord, parse_chord, parse_chords, roman
from partimento.score.text import parse_key, parse_metre
from partimento.score.timing import Key

MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
KEYS = st.builds(Key, st.integers(0, 11), st.sampled_from(MODES))
WORDS = "Am7 D7/F# Gmaj9 % | || |: :| x2 - , / . N.C. C: (b9) V/V ii7 bVII °7 Bb♭ ＃ ｜ b # m maj sus 13 alt on 1 5 6 -> [ ]"
PIECES = st.sampled_from((*WORDS.split(), "\n"))
MESSY = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map(" ".join), st.lists(PIECES, max_size=14).map("".join))


@settings(max_examples=250, deadline=None)
@given(MESSY, st.none() | KEYS)
def test_any_text_is_read_or_refused(text, key):
    try:
        bars = parse_chords(text, key)
    except ParseError as error:
        refused: ParseError | None = error
    else:
        refused = None
    if refused is not None:
        assert refused.position is not None
        assert 0 <= refused.position <= max(0, len(text))
        return
    assert bars
    for bar in bars:
        assert bar[0].start == 0
        assert bar[-1].end == 1
        assert all(a.end == b.start for a, b in pairwise(bar))
        assert all(slot.start < slot.end for slot in bar)
        for slot in bar:
            if slot.chord is not None:
                again = parse_chord(slot.chord.symbol)
                assert again is not None
                assert (again.root, again.intervals, again.bass) == (slot.chord.root, slot.chord.intervals, slot.chord.bass)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 11),
    st.sets(st.sampled_from([*range(1, 16), 17, 18, 20, 21]), max_size=6),
    st.integers(0, 11),
    KEYS,
)
def test_any_chord_can_be_written_and_read(root, upper, bass, key):
    chord = make_chord(root, (0, *sorted(upper)), bass)
    for text in (chord.symbol, chord_symbol(chord, key), harte(chord)):
        again = parse_chord(text)
        assert again is not None
        assert (again.root, again.intervals, again.bass) == (chord.root, chord.intervals, chord.bass), text


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 11), st.sampled_from(BASES), st.integers(0, 11), KEYS)
def test_roman_numerals_round_trip(root, base, bass, key):
    chord = make_chord(root, parse_quality(base), bass)
    again = parse_chord(roman(chord, key), key)
    assert again is not None
    assert (again.root, again.intervals, again.bass) == (chord.root, chord.intervals, chord.bass)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_keys_and_metres_never_crash(text):
    for read in (parse_key, parse_metre):
        with contextlib.suppress(PartimentoError):
            read(text)
