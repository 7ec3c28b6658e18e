from __future__ import annotations

import numpy as np
import pytest

from partimento.compose import compose
from partimento.compose.frame_build import build_frame
from partimento.compose.harmonising import harmonise, heard_chords, is_harmony
from partimento.compose.sketching import given_tune, holes, returns
from partimento.plan.plan import BarRange, Origin, PartPlan
from partimento.score.score import Note, Track
from partimento.score.timing import Key

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def tune_track(pitches, quarters=1.0, **fields):
    notes = tuple(Note(i * quarters, quarters, p) for i, p in enumerate(pitches))
    return Track("tune", "melody", "flute", 73, False, notes, **fields)


def sketch_part(bars=8, role="melody", index=0, name="flute"):
    return PartPlan(name, name, role, Origin.GIVEN, (BarRange(0, bars),), sketch=index)


def band(bars=8):
    return (
        PartPlan("piano", "piano", "chords", Origin.SAID, (BarRange(0, bars),)),
        PartPlan("bass", "bass", "bass", Origin.SAID, (BarRange(0, bars),)),
    )


def test_given_tune_is_kept_note_for_note(plan_of):
    track = tune_track(
        [
            60,
            64,
            67,
            72,
            71,
            67,
            62,
            67,
            69,
            65,
            60,
            65,
            67,
            71,
            74,
            67,
            60,
            64,
            67,
            64,
            65,
            69,
            65,
            62,
            67,
            65,
            64,
            62,
            60,
            60,
            60,
            60,
        ]
    )
    plan = plan_of(sections="A:a:8:0.5", parts=(sketch_part(), *band()), sketch=(track,))
    score = compose(plan, np.random.default_rng(1))
    assert score.track("flute").notes == track.notes
    assert score.track("piano").notes


def test_harmony_fits_the_tune_and_ends_on_the_tonic(plan_of):
    pitches = [60, 64, 67, 64, 65, 69, 72, 69, 67, 71, 74, 71, 72, 67, 64, 60] * 2
    plan = plan_of(sections="A:a:8:0.5", parts=(sketch_part(),), sketch=(tune_track(pitches),))
    frame = build_frame(plan)
    chords = harmonise(frame, given_tune(frame))
    symbols = [c.chord.symbol for c in chords]
    assert symbols[:4] == ["C", "F", "G", "C"]
    assert chords[-1].chord.root == 0
    assert chords[-1].end == pytest.approx(frame.length)


def test_minor_tune_gets_minor_chords(plan_of):
    pitches = [69, 72, 76, 72, 74, 77, 74, 69, 76, 80, 83, 80, 81, 76, 72, 69] * 2
    plan = plan_of(sections="A:a:8:0.5", key=Key(9, "minor"), parts=(sketch_part(),), sketch=(tune_track(pitches),))
    frame = build_frame(plan)
    symbols = [c.chord.symbol for c in harmonise(frame, given_tune(frame))]
    assert symbols[0] == "Am"
    assert symbols[1] == "Dm"
    assert symbols[2] in ("E", "E7")


def test_a_section_of_the_tunes_material_is_a_return(plan_of):
    plan = plan_of(
        sections="A:a:4:0.5 A:a:4:0.5 B:b:4:0.5 A:a:4:0.5",
        parts=(sketch_part(16), *band(16)),
        sketch=(tune_track([60, 62, 64, 65] * 4),),
        ending="loop",
    )
    frame = build_frame(plan)
    assert [(r.at, r.source, r.number) for r in returns(frame)] == [(16.0, 0.0, 1), (48.0, 0.0, 2)]
    tune = given_tune(frame)
    assert holes(frame, tune) == ((8, 12),)
    lead = compose(plan, np.random.default_rng(0)).track("flute").notes
    assert [(n.start, n.pitch) for n in lead if n.start < 16] == [(float(i), (60, 62, 64, 65)[i % 4]) for i in range(16)]
    assert all(any(4 * b <= n.start < 4 * b + 4 for n in lead) for b in range(8, 12))
    second = {n.start - 16 for n in lead if 16 <= n.start < 32}
    assert second >= {float(i) for i in range(16)}  # varied: what is added lies between the tune's own notes


def test_an_outro_brings_the_tunes_end_and_an_upbeat_returns(plan_of):
    notes = (Note(3.0, 1.0, 67), *(Note(4.0 + i, 1.0, 60 + i % 8) for i in range(15)))
    track = Track("tune", "melody", "flute", 73, False, notes)
    plan = plan_of(
        sections="upbeat:i:1:0.4 A:a:4:0.5 A:a:4:0.5 outro:a:2:0.5",
        parts=(sketch_part(11), *band(11)),
        sketch=(track,),
        ending="loop",
    )
    frame = build_frame(plan)
    found = returns(frame)
    assert [(r.at, r.source, r.pickup, r.number) for r in found] == [(20.0, 4.0, 1.0, 1), (36.0, 12.0, 0.0, 0)]
    starts = [n.start for n in given_tune(frame)]
    assert 19.0 in starts
    assert [n.pitch for n in given_tune(frame) if n.start >= 36] == [n.pitch for n in notes if n.start >= 12]


def test_several_given_parts_return_as_they_are(plan_of):
    tune = tune_track([60, 64, 67, 64] * 4)
    chords = Track("keys", "chords", "piano", 0, False, tuple(Note(4.0 * i, 4.0, p) for i in range(4) for p in (48, 52, 55)))
    keys = PartPlan("keys", "piano", "chords", Origin.GIVEN, (BarRange(0, 8),), sketch=1)
    plan = plan_of(sections="A:a:4:0.5 A:a:4:0.5", parts=(sketch_part(), keys), sketch=(tune, chords), ending="loop")
    score = compose(plan, np.random.default_rng(0))
    assert [(n.start - 16, n.pitch) for n in score.track("keys").notes if n.start >= 16] == [
        (n.start, n.pitch) for n in chords.notes
    ]
    assert len(score.track("flute").notes) == 32


def test_chords_come_from_given_parts(plan_of):
    triads = ((48, 64, 67, 72), (53, 65, 69, 72), (47, 62, 67, 74), (45, 60, 64, 69))  # C, F, G/B, Am
    notes = tuple(Note(4.0 * i, 4.0, p) for i in range(8) for p in triads[i % 4])
    keys = Track("keys", "chords", "piano", 0, False, notes)
    part = PartPlan("keys", "piano", "chords", Origin.GIVEN, (BarRange(0, 8),), sketch=0)
    plan = plan_of(sections="A:a:8:0.5", parts=(part, band()[1]), sketch=(keys,))
    assert is_harmony(notes)
    symbols = [c.chord.symbol for c in heard_chords(build_frame(plan), notes)]
    assert symbols == ["C", "F", "G/B", "Am"] * 2
    score = compose(plan, np.random.default_rng(0))
    assert [c.chord.symbol for c in score.chords] == symbols
    at = [min(n.pitch for n in score.track("bass").notes if n.start <= 4.0 * i + 0.5 < n.end) % 12 for i in range(4)]
    assert at == [0, 5, 11, 9]


def test_one_line_is_no_harmony_and_fifths_are_named_only_when_nobody_comps(plan_of):
    assert not is_harmony(tune_track([60, 62, 64]).notes)
    fifths = tuple(Note(4.0 * i, 4.0, p) for i in range(8) for p in (45, 52))
    track = Track("keys", "chords", "piano", 0, False, fifths)
    plan = plan_of(
        sections="A:a:8:0.5",
        key=Key(9, "minor"),
        parts=(PartPlan("keys", "piano", "chords", Origin.GIVEN, (BarRange(0, 8),), sketch=0),),
        sketch=(track,),
    )
    frame = build_frame(plan)
    assert {c.chord.symbol for c in heard_chords(frame, fifths, thirds=True)} == {"Am"}
    assert {c.chord.intervals for c in heard_chords(frame, fifths, thirds=False)} == {(0, 7)}


def test_other_melody_parts_double_a_given_tune(plan_of):
    violin = PartPlan("violin", "violin", "melody", Origin.SAID, (BarRange(0, 8),))
    track = tune_track([60, 64, 67, 64] * 8)
    score = compose(plan_of(sections="A:a:8:0.5", parts=(sketch_part(), violin), sketch=(track,)), np.random.default_rng(0))
    assert [n.start for n in score.track("violin").notes] == [n.start for n in track.notes]
    assert {(a.pitch - b.pitch) % 12 for a, b in zip(score.track("violin").notes, track.notes, strict=True)} == {0}


def test_other_given_tracks_stay_as_they_are(plan_of):
    chords = Track("keys", "chords", "piano", 0, False, (Note(0.0, 4.0, 60), Note(0.0, 4.0, 64), Note(4.0, 2.0, 65)))
    part = PartPlan("keys", "piano", "chords", Origin.GIVEN, (BarRange(0, 8),), sketch=0)
    flute = PartPlan("flute", "flute", "melody", Origin.SAID, (BarRange(0, 8),))
    score = compose(plan_of(sections="A:a:8:0.5", parts=(part, flute), sketch=(chords,)), np.random.default_rng(0))
    assert score.track("keys").notes == chords.notes
    assert score.track("flute").notes


def test_given_notes_beyond_the_piece_are_cut(plan_of):
    plan = plan_of(sections="A:a:4:0.5", parts=(sketch_part(4),), sketch=(tune_track([60] * 40),))
    notes = given_tune(build_frame(plan))
    assert len(notes) == 16
    assert notes[-1].end <= 16.0
