from __future__ import annotations

import numpy as np
import pytest

from partimento.compose import compose
from partimento.compose.frame_build import build_frame
from partimento.compose.sketching import given_tune, harmonise
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


def test_short_tune_returns_with_the_sections(plan_of):
    plan = plan_of(
        sections="A:a:4:0.5 A:a:4:0.5 B:b:4:0.5",
        parts=(sketch_part(12),),
        sketch=(tune_track([60, 62, 64, 65] * 3),),
        ending="loop",
    )
    starts = [n.start for n in given_tune(build_frame(plan)) if n.pitch == 60]
    assert starts == [0.0, 4.0, 8.0, 16.0, 20.0, 24.0, 32.0, 36.0, 40.0]


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
