"""The plan's own grid: bars, quarters and seconds agree both ways, through changes of metre and tempo."""

from dataclasses import replace

import pytest

from partimento.plan.plan import DynamicAt, MetreAt, Origin, TempoAt, Value
from partimento.report.grid import PlanGrid, asked_chords, level_at
from partimento.score.timing import Metre


def test_changes_of_metre_and_tempo(plan):
    changing = replace(
        plan,
        metre=Value((MetreAt(0, Metre(4, 4)), MetreAt(2, Metre(3, 4)), MetreAt(4, Metre(6, 8))), Origin.SAID),
        tempo=Value((TempoAt(0.0, 60.0), TempoAt(2.0, 120.0), TempoAt(4.0, 60.0, ramp=True)), Origin.SAID),
    )
    grid = PlanGrid(changing)
    assert [grid.quarters(b) for b in (0, 1, 2, 3, 4, 5)] == [0, 4, 8, 11, 14, 17]
    assert grid.seconds(8.0) == pytest.approx(8.0)
    # Six quarters slowing linearly from 120 to 60 take 60 * 6 / 60 * ln 2 seconds.
    assert grid.seconds(14.0) - 8.0 == pytest.approx(6 * 0.693147, rel=1e-5)
    assert grid.seconds(15.0) - grid.seconds(14.0) == pytest.approx(1.0)
    for quarter in (0.0, 3.3, 8.0, 9.7, 13.9, 14.0, 20.0):
        assert grid.quarters_at(grid.seconds(quarter)) == pytest.approx(quarter, abs=1e-9)
        assert grid.quarters(grid.bar(quarter)) == pytest.approx(quarter, abs=1e-9)
    assert str(grid.metre_at(3)) == "3/4"


def test_chord_lane_repeats_and_is_cut(plan):
    grid = PlanGrid(plan)
    spans = asked_chords(plan, grid, 32.0)
    assert [s.chord.symbol for s in spans] == ["C", "Am", "F", "G"] * 2
    assert spans[-1].end == 32.0
    assert asked_chords(plan, grid, 33.0)[-1].end == 33.0  # a stretched last bar keeps its chord
    assert asked_chords(plan, grid, 31.0)[-1].end == 31.0
    assert len(asked_chords(plan, grid, 64.0)) == 8
    once = replace(plan, chords=Value(replace(plan.chords.value, loop=False)))
    assert len(asked_chords(once, grid, 32.0)) == 4
    assert asked_chords(replace(plan, chords=Value(None)), grid, 32.0) is None


def test_dynamics_between_points():
    points = (DynamicAt(2.0, 0.2), DynamicAt(6.0, 0.6))
    assert [level_at(points, b) for b in (0.0, 2.0, 4.0, 9.0)] == pytest.approx([0.2, 0.2, 0.4, 0.6])
