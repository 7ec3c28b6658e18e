"""Loudness and timing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from partimento.compose.arrange import arrange, perform
from partimento.compose.frame import Sketch
from partimento.plan.plan import Character, DynamicAt, Value
from partimento.score.score import Note, Score, Track


def played(sketch: Sketch, seed: int = 0) -> Score:
    tracks = arrange(sketch, np.random.default_rng(1))
    lead = tuple(
        Track(p.name, "melody", p.instrument, 0, False, sketch.melody) for p in sketch.frame.plan.parts if p.role == "melody"
    )
    frame = sketch.frame
    score = Score((*lead, *tracks), frame.length, frame.tempos, chords=sketch.chords)
    return perform(score, frame.plan, sketch, np.random.default_rng(seed))


@pytest.mark.parametrize("style_id", ["jazz", "techno", "ballad", "salsa", "celtic"])
def test_order_is_kept_and_nothing_leaves_the_piece(kit: Any, style_id: str) -> None:
    score = played(kit.sketch(kit.plan(style_id)))
    seconds = score.tempo_map.seconds
    for track in score.tracks:
        onsets: dict[float, list[float]] = {}
        for n in track.notes:
            onsets.setdefault(round(n.start, 5), []).append(seconds(n.start) + n.nudge_s)
            assert seconds(n.start) + n.nudge_s >= -1e-6
            assert seconds(n.end) + n.nudge_s <= score.duration_s + 1e-4
        firsts = [min(v) for _, v in sorted(onsets.items())]
        assert all(a <= b + 1e-5 for a, b in pairwise(firsts))


def test_only_velocity_and_nudge_change_and_the_seed_decides(kit: Any) -> None:
    sketch = kit.sketch(kit.plan("pop"))
    first, again, other = played(sketch, 1), played(sketch, 1), played(sketch, 2)
    assert first == again
    assert first != other
    for a, b in zip(first.tracks, other.tracks, strict=True):
        assert [(n.start, n.duration, n.pitch) for n in a.notes] == [(n.start, n.duration, n.pitch) for n in b.notes]


def test_dynamics_lane_is_followed(kit: Any) -> None:
    plan = replace(kit.plan("pop", energies=(0.6, 0.6, 0.6)), dynamics=Value((DynamicAt(0.0, 0.1), DynamicAt(12.0, 0.95))))
    score = played(kit.sketch(plan))
    for track in score.tracks:
        early = [n.velocity for n in track.notes if n.start < 8]
        late = [n.velocity for n in track.notes if 36 < n.start < 44]
        if early and late:
            assert np.mean(late) > np.mean(early) + 15, track.name


def test_swing_delays_offbeat_eighths_only(kit: Any) -> None:
    def delays(swing: float) -> tuple[float, float]:
        sketch = kit.sketch(kit.plan("pop", tempo=120.0, character=Character(swing=swing, humanize=0.0)))
        notes = [n for t in played(sketch).tracks if t.role in ("drums", "bass") for n in t.notes]
        off = [n.nudge_s for n in notes if abs(n.start % 1 - 0.5) < 1e-6]
        on = [n.nudge_s for n in notes if n.start % 1 < 1e-6]
        return float(np.mean(off)), float(np.max(np.abs(on)))

    straight, hard = delays(0.0), delays(1.0)
    assert abs(straight[0]) < 1e-6
    assert hard[0] == pytest.approx(0.5 / 6, abs=0.01)
    assert hard[1] < 1e-6


def test_humanize_zero_is_exact_and_one_is_loose(kit: Any) -> None:
    def spread(humanize: float) -> float:
        sketch = kit.sketch(kit.plan("rock", character=Character(humanize=humanize)))
        return float(np.std([n.nudge_s for t in played(sketch).tracks if t.role == "bass" for n in t.notes]))

    assert spread(0.0) == 0.0
    assert 0.003 < spread(1.0) < 0.02


def test_the_users_own_tracks_are_left_alone(kit: Any) -> None:
    plan = kit.plan("pop", parts=(kit.part("piano", "melody", (0, 12), sketch=0), kit.part("bass", "bass", (0, 12))))
    own = Track("piano melody", "melody", "piano", 0, False, (Note(0.0, 1.0, 60, 33), Note(1.0, 1.0, 62, 99)))
    sketch = kit.sketch(plan)
    score = Score((own,), sketch.frame.length, sketch.frame.tempos)
    assert perform(score, plan, sketch, np.random.default_rng(0)).tracks == (own,)


def test_ghosts_stay_soft(kit: Any) -> None:
    score = played(kit.sketch(kit.plan("funk", energies=(0.9, 0.95))))
    drums = next(t for t in score.tracks if t.role == "drums")
    snares = [n.velocity for n in drums.notes if n.pitch == 38]
    assert min(snares) < 60 < 95 < max(snares)
