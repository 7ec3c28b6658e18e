from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from partimento.compose.frame_build import build_frame
from partimento.compose.harmony import split_bar, write_chords
from partimento.compose.harmony_book import book, extended, numeral, parse_bars
from partimento.plan.plan import ChordAt, ChordLane, KeyAt, Value
from partimento.score.chord_names import parse_chord
from partimento.score.timing import Key, Metre
from partimento.styles import style, style_ids

MODES = ("major", "minor", "dorian", "mixolydian", "lydian", "phrygian", "locrian")


def chords_of(plan, seed=0):
    frame = build_frame(plan)
    return frame, write_chords(frame, np.random.default_rng(seed))


def in_bar(frame, spans, bar):
    return [s.chord for s in spans if frame.bars[bar].start - 1e-6 <= s.start < frame.bars[bar].end - 1e-6]


@pytest.mark.parametrize(
    ("token", "key", "symbol"),
    [
        ("V7/vi", Key(0, "major"), "E7"),
        ("iio/3", Key(9, "minor"), "Bdim/D"),
        ("i7/7", Key(9, "minor"), "Am7/G"),
        ("bVI", Key(9, "minor"), "F"),
        ("bVII", Key(2, "mixolydian"), "C"),
        ("vi7b5", Key(9, "minor"), "F#m7b5"),
        ("bII", Key(5, "major"), "Gb"),
        ("I/5", Key(7, "major"), "G/D"),
    ],
)
def test_numerals_count_from_the_major_scale(token, key, symbol):
    assert numeral(token, key).symbol == symbol


def test_every_numeral_of_every_style_is_a_chord_whose_symbol_reads_back():
    tokens = set()
    for style_id in style_ids():
        for mode in MODES:
            the_book = book(style(style_id), mode)
            for rows in (the_book.loops, the_book.openings, the_book.closings, the_book.bridges, the_book.endings):
                assert rows
                tokens |= {token for bars in rows for bar in bars for token in bar}
            assert all(len(bars) == 4 for bars in (*the_book.openings, *the_book.closings, *the_book.bridges))
    for token in sorted(tokens):
        chord = numeral(token, Key(3, "major"))
        again = parse_chord(chord.symbol)
        assert again is not None
        assert (again.root, again.intervals, again.bass) == (chord.root, chord.intervals, chord.bass), token


def test_sevenths_are_those_of_the_scale():
    key = Key(0, "major")
    assert extended(numeral("I", key), key, seventh=True, ninth=False).symbol == "Cmaj7"
    assert extended(numeral("V", key), key, seventh=True, ninth=False).symbol == "G7"
    assert extended(numeral("I", key), key, seventh=True, ninth=False, dominant=True).symbol == "C7"
    assert extended(numeral("iii", key), key, seventh=True, ninth=True).symbol == "Em7"  # its ninth is not in the scale


def test_percent_repeats_the_bar_before():
    assert parse_bars("I | % | IV V") == (("I",), ("I",), ("IV", "V"))


@pytest.mark.parametrize("style_id", style_ids())
def test_composed_chords_cover_the_piece_and_end_on_the_tonic(plan_of, style_id):
    for seed in range(3):
        mode = max(style(style_id).modes, key=style(style_id).modes.__getitem__)
        frame, spans = chords_of(plan_of(style_id, key=Key(2, mode), sections="i:i:4:0.3 A:a:8:0.5 B:b:8:0.7 A:a:8:0.5"), seed)
        assert spans[0].start == 0
        assert spans[-1].end == pytest.approx(frame.length)
        assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(spans))
        assert spans[-1].chord.root == 2
        assert spans[-1].start == pytest.approx(frame.final_start)
        assert spans[-2].chord.root != 2


def test_material_returns_with_its_chords_and_contrasts_with_other_material(plan_of):
    plan = plan_of("pop", sections="A:a:8:0.5 B:b:8:0.7 A:a:8:0.5 B:b:8:0.7", ending="loop")
    for seed in range(4):
        frame, spans = chords_of(plan, seed)
        rows = [[c.symbol for c in in_bar(frame, spans, b)] for b in range(32)]
        assert rows[0:7] == rows[16:23]
        assert rows[8:15] == rows[24:31]
        assert rows[0:8] != rows[8:16]


def test_twelve_bar_blues_keeps_its_form(plan_of):
    frame, spans = chords_of(plan_of("blues", sections="A:a:12:0.5", key=Key(9, "mixolydian"), ending="loop"))
    roots = [in_bar(frame, spans, b)[0].root for b in (0, 4, 6, 8)]
    assert roots == [9, 2, 9, 4]


def test_key_change_is_prepared_by_its_dominant(plan_of):
    plan = replace(
        plan_of("pop", sections="A:a:8:0.5 A:a:8:0.7"), key=Value((KeyAt(0, Key(0, "major")), KeyAt(8, Key(2, "major"))))
    )
    frame, spans = chords_of(plan)
    before = next(s for s in spans if s.end == pytest.approx(frame.bars[8].start))
    assert before.chord.root == 9
    assert before.chord.is_dominant
    first, later = in_bar(frame, spans, 0)[0], in_bar(frame, spans, 8)[0]
    assert later.root == (first.root + 2) % 12


def lane(text, n_bars=None, loop=True):
    bars = text.split(" | ")
    items = []
    for i, bar in enumerate(bars):
        names = bar.split()
        for k, name in enumerate(names):
            items.append(ChordAt(i + k / len(names), i + (k + 1) / len(names), None if name == "NC" else parse_chord(name)))
    return ChordLane(tuple(items), n_bars or len(bars), loop)


def test_given_chords_are_kept_exactly_and_looped(plan_of):
    frame, spans = chords_of(plan_of(chords=lane("Am7 | D7/F# | Gmaj9 C | NC"), sections="A:a:10:0.5"))
    symbols = [[c.symbol for c in in_bar(frame, spans, b)] for b in range(10)]
    assert symbols == [["Am7"], ["D7/F#"], ["Gmaj9", "C"], [], ["Am7"], ["D7/F#"], ["Gmaj9", "C"], [], ["Am7"], ["D7/F#"]]
    assert spans[2].start == 8.0
    assert spans[3].start == 10.0


def test_given_chords_in_other_metres(plan_of):
    frame, spans = chords_of(plan_of(chords=lane("C F | G"), metre="3/4", sections="A:a:4:0.5"))
    assert [s.start for s in spans] == [0.0, 1.5, 3.0, 6.0, 7.5, 9.0]
    assert spans[-1].end == pytest.approx(frame.length)


def test_bars_beyond_given_chords_are_composed(plan_of):
    frame, spans = chords_of(plan_of(chords=lane("C | F", loop=False), sections="A:a:8:0.5"))
    assert [s.chord.symbol for s in spans[:2]] == ["C", "F"]
    assert spans[-1].end == pytest.approx(frame.length)
    assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("metre", "n", "starts"),
    [
        ("4/4", 2, [0, 2, 4]),
        ("3/4", 2, [0, 2, 3]),
        ("3/4", 3, [0, 1, 2, 3]),
        ("6/8", 2, [0, 1.5, 3]),
        ("7/8", 2, [0, 2, 3.5]),
        ("4/4", 3, [0, 1, 3, 4]),
    ],
)
def test_chords_change_on_felt_beats(metre, n, starts):
    numerator, denominator = map(int, metre.split("/"))
    the_metre = Metre(numerator, denominator)
    edges = split_bar(the_metre, the_metre.bar_quarters, n)
    assert edges == starts
    assert set(edges[:-1]) <= set(the_metre.beat_quarters)


def test_same_seed_same_chords_and_seeds_differ(plan_of):
    plan = plan_of("jazz")
    assert chords_of(plan, 3)[1] == chords_of(plan, 3)[1]
    assert len({chords_of(plan, seed)[1] for seed in range(6)}) > 3
