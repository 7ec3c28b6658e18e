"""MusicXML and ABC readers: any text is read or refused; any score on the grid comes back."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.errors import FileError
from partimento.score.abc import abc_text, parse_abc
from partimento.score.musicxml import musicxml_bytes, parse_musicxml
from partimento.score.score import KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import Key, Metre

ABC_SOUP = (
    "A b C, d' ^F _B =c 2 /2 3/2 z4 Z2 | || |: :| :: |1 |2 [1 ( ) (3 [CEG] - > << { } \" ! [K:D] [M:3/4] V:2 K:Am & . ~ w:la % \\"
)
XML_SOUP = (
    "note rest chord grace pitch step octave alter duration tie backup forward "
    "harmony root root-step kind degree attributes divisions time key"
)
POSITIONS = st.integers(0, 96).map(lambda i: i / 12)
LENGTHS = st.integers(1, 60).map(lambda i: i / 12)
NOTES = st.builds(Note, POSITIONS, LENGTHS, st.integers(24, 100), st.integers(1, 127))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from([*ABC_SOUP.split(), "\n"]), max_size=30).map(" ".join)))
def test_any_abc_body_is_read_or_refused(body):
    with contextlib.suppress(FileError):
        parse_abc("X:1\nL:1/8\nK:G\n" + body)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    tag = draw(st.sampled_from(XML_SOUP.split()))
    inner = draw(st.sampled_from(["", "1", "-3", "C", "999999999999", "x", "1e9", "nan"]))
    if depth < 3:
        inner += "".join(draw(st.lists(elements(depth + 1), max_size=3)))
    return f"<{tag}>{inner}</{tag}>"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(elements(), max_size=5).map("".join), min_size=1, max_size=4))
def test_any_measures_are_read_or_refused(measures):
    bars = "".join(f"<measure>{m}</measure>" for m in measures)
    with contextlib.suppress(FileError):
        score = parse_musicxml(f"<score-partwise><part id='P1'>{bars}</part></score-partwise>".encode())
        assert score.n_bars >= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(NOTES, min_size=1, max_size=16),
    st.sampled_from([(4, 4), (3, 4), (7, 8), (6, 8), (5, 4), (2, 2)]),
    st.integers(0, 11),
)
def test_scores_on_the_grid_come_back(notes, metre, tonic):
    # A pitch struck while it sounds is ambiguous on paper; keep one note per pitch.
    once = {n.pitch: n for n in notes}
    line = tuple(sorted(once.values(), key=lambda n: (n.start, n.pitch)))
    bar = Metre(*metre)
    length = -(-max(n.end for n in line) // bar.bar_quarters) * bar.bar_quarters
    track = Track("a", "chords", "piano", 0, False, line)
    score = Score((track,), length, metres=(MetrePoint(0, bar),), keys=(KeyPoint(0.0, Key(tonic)),))
    wanted = [(round(n.start * 12), round(n.end * 12), n.pitch) for n in line]
    for again in (parse_musicxml(musicxml_bytes(score)), parse_abc(abc_text(score))):
        assert again.length == length
        read = sorted(again.tracks[0].notes, key=lambda n: (round(n.start * 12), n.pitch))
        if max(len(line), 1) <= 8:  # within the voices that notation allows
            assert [(round(n.start * 12), round(n.end * 12), n.pitch) for n in read] == wanted
        else:
            assert {n.pitch for n in read} <= set(once)
