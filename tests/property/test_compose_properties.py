"""Any valid plan composes, and what the plan fixes holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partimento.compose.frame import Sketch
from partimento.compose.frame_build import build_frame
from partimento.compose.harmony import write_chords
from partimento.compose.lead import lead_tracks
from partimento.compose.melody import write_melody
from partimento.plan.plan import BarRange, Character, ChordAt, ChordLane, KeyAt, MetreAt, Origin, PartPlan, Plan, TempoAt, Value
from partimento.score.chord_names import parse_chord
from partimento.score.instruments import instrument
from partimento.score.score import Section
from partimento.score.timing import Key, Metre
from partimento.styles import style_ids

METRES = st.sampled_from(
    [Metre(4, 4), Metre(3, 4), Metre(6, 8), Metre(5, 4), Metre(7, 8), Metre(12, 8), Metre(2, 4), Metre(9, 16)]
)
KEYS = st.builds(
    Key, st.integers(0, 11), st.sampled_from(["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"])
)
LEADS = st.sampled_from(["flute", "violin", "trumpet", "voice", "piano", "tuba", "glockenspiel", "synth_lead", "erhu"])
UNIT = st.floats(0, 1)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    metre, bpm = draw(METRES), draw(st.floats(40, 220))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    sections, at = [], 0
    for i, size in enumerate(sizes):
        material = draw(st.sampled_from("abi"))
        sections.append(Section(f"s{i}", material, at, size, draw(UNIT)))
        at += size
    exact = at * metre.bar_quarters * 60 / bpm
    duration = max(2.0, exact * draw(st.floats(0.98, 1.02)))
    names = draw(st.lists(LEADS, min_size=1, max_size=3, unique=True))
    starts = [draw(st.integers(0, at - 1)) for _ in names]
    parts = tuple(
        PartPlan(name, name, "melody", Origin.SAID, (BarRange(start, at),)) for name, start in zip(names, starts, strict=True)
    )
    chords = None
    if draw(st.booleans()):
        symbols = draw(st.lists(st.sampled_from(["C", "F#m7b5", "Bb7/D", "Ebmaj9", "Asus4", None]), min_size=1, max_size=4))
        items = [ChordAt(float(i), i + 1.0, parse_chord(s) if s else None) for i, s in enumerate(symbols)]
        chords = ChordLane(tuple(items), float(len(symbols)), draw(st.booleans()))
    key_lane = [KeyAt(0, draw(KEYS))]
    if draw(st.booleans()) and at > 2:
        key_lane.append(KeyAt(draw(st.integers(1, at - 1)), draw(KEYS)))
    return Plan(
        caption="",
        language="en",
        style=Value(draw(st.sampled_from(style_ids()))),
        tempo=Value((TempoAt(0, bpm),)),
        key=Value(tuple(key_lane)),
        metre=Value((MetreAt(0, metre),)),
        n_bars=Value(at),
        duration_s=Value(duration),
        sections=Value(tuple(sections)),
        parts=parts,
        chords=Value(chords),
        character=Value(
            Character(energy=draw(UNIT), density=draw(UNIT), tension=draw(UNIT), register=draw(UNIT), legato=draw(UNIT))
        ),
        ending=Value(draw(st.sampled_from(["final", "loop", "fade"]))),
    )


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), seed=st.integers(0, 2**32))
def test_any_plan_has_frame_chords_and_tune(plan: Plan, seed: int) -> None:
    frame = build_frame(plan)
    rng = np.random.default_rng(seed)
    chords = write_chords(frame, rng)
    phrases, melody = write_melody(frame, chords, rng)
    assert sum(bar.quarters for bar in frame.bars) == pytest.approx(frame.length)
    assert frame.final_start <= frame.final_release <= frame.length
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(chords))
    assert all(0 <= c.start < c.end <= frame.length + 1e-6 for c in chords)
    assert [p.start_bar for p in phrases[1:]] == [p.end_bar for p in phrases[:-1]]
    assert phrases[-1].end_bar == len(frame.bars)
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(melody)), "one line"
    assert all(0 <= n.start < n.end <= frame.length + 1e-6 for n in melody)
    for track in lead_tracks(Sketch(frame, chords, phrases, melody), rng):
        low, high = instrument(track.instrument).range
        part = plan.part(track.name)
        assert all(low <= n.pitch <= high for n in track.notes)
        for note in track.notes:
            bar = max(b.index for b in frame.bars if b.start <= note.start + 1e-6)
            assert part.plays_in(bar)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(plan=plans(), seed=st.integers(0, 1000))
def test_given_chords_are_never_changed(plan: Plan, seed: int) -> None:
    lane = plan.chords.value
    if lane is None:
        return
    frame = build_frame(plan)
    spans = write_chords(frame, np.random.default_rng(seed))
    for bar in frame.bars:
        if bar.index >= lane.n_bars and not lane.loop:
            break
        item = lane.chords[bar.index % int(lane.n_bars)]
        inside = [s.chord for s in spans if bar.start - 1e-6 <= s.start < bar.end - 1e-6]
        assert inside == ([item.chord] if item.chord else [])
