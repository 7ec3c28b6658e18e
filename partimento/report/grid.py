"""The plan's own bar grid: bars ↔ quarter notes ↔ seconds, computed from the plan alone.

A report must not read the score's grid to check the score, so this repeats from the lanes what the composer also had to
work out; a score that drifts from the plan drifts from this.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass

from partimento.plan.plan import DynamicAt, Plan
from partimento.score.score import ChordSpan
from partimento.score.timing import Metre

_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class _Piece:
    """Tempo from quarter ``at`` over ``span`` quarters, moving linearly from ``bpm`` to ``to_bpm``; starts at ``seconds``."""

    at: float
    span: float
    bpm: float
    to_bpm: float
    seconds: float

    def seconds_after(self, quarters: float) -> float:
        """Seconds from the start of the piece of lane, ``quarters`` into it (integral of 60 / tempo)."""
        change = self.to_bpm - self.bpm
        if abs(change) < 1e-6 or not math.isfinite(self.span):
            return 60.0 * quarters / self.bpm
        now = self.bpm + change * quarters / self.span
        return 60.0 * self.span / change * math.log(now / self.bpm)

    def quarters_after(self, seconds: float) -> float:
        """Inverse of :meth:`seconds_after`."""
        change = self.to_bpm - self.bpm
        if abs(change) < 1e-6 or not math.isfinite(self.span):
            return seconds * self.bpm / 60.0
        return self.span * self.bpm / change * (math.exp(seconds * change / (60.0 * self.span)) - 1.0)


class PlanGrid:
    """Bars, quarter notes and seconds of a plan.

    Args:
        plan: the plan; its metre and tempo lanes decide.
    """

    def __init__(self, plan: Plan) -> None:
        self._metres = plan.metre.value
        self._metre_starts = [0.0]
        for before, after in zip(self._metres, self._metres[1:], strict=False):
            span = (after.bar - before.bar) * before.metre.bar_quarters
            self._metre_starts.append(self._metre_starts[-1] + span)
        self._pieces = self._tempo_pieces(plan)

    def _tempo_pieces(self, plan: Plan) -> list[_Piece]:
        """Stretches between tempo points."""
        points = plan.tempo.value
        pieces: list[_Piece] = []
        seconds = 0.0
        for i, point in enumerate(points):
            at = self.quarters(point.bar) if i else 0.0
            following = points[i + 1] if i + 1 < len(points) else None
            span = self.quarters(following.bar) - at if following else math.inf
            to_bpm = following.bpm if following and following.ramp else point.bpm
            pieces.append(_Piece(at, span, point.bpm, to_bpm, seconds))
            if following:
                seconds += pieces[-1].seconds_after(span)
        return pieces

    def metre_at(self, bar: float) -> Metre:
        """Metre in force at a bar."""
        return [m.metre for m in self._metres if m.bar <= bar + _EPS][-1]

    def quarters(self, bar: float) -> float:
        """Quarter notes at a fractional bar."""
        i = max(0, bisect.bisect_right([m.bar for m in self._metres], bar + _EPS) - 1)
        return self._metre_starts[i] + (bar - self._metres[i].bar) * self._metres[i].metre.bar_quarters

    def bar(self, quarters: float) -> float:
        """Fractional bar at a position in quarter notes."""
        i = max(0, bisect.bisect_right(self._metre_starts, quarters + _EPS) - 1)
        return self._metres[i].bar + (quarters - self._metre_starts[i]) / self._metres[i].metre.bar_quarters

    def seconds(self, quarters: float) -> float:
        """Seconds at a position in quarter notes."""
        i = max(0, bisect.bisect_right([p.at for p in self._pieces], quarters + _EPS) - 1)
        return self._pieces[i].seconds + self._pieces[i].seconds_after(quarters - self._pieces[i].at)

    def quarters_at(self, seconds: float) -> float:
        """Quarter notes at a time in seconds."""
        i = max(0, bisect.bisect_right([p.seconds for p in self._pieces], seconds + _EPS) - 1)
        return self._pieces[i].at + self._pieces[i].quarters_after(seconds - self._pieces[i].seconds)

    def bar_seconds(self, bar: float) -> float:
        """Seconds at a fractional bar."""
        return self.seconds(self.quarters(bar))


def asked_chords(plan: Plan, grid: PlanGrid, length: float) -> tuple[ChordSpan, ...] | None:
    """The plan's chord lane laid out over the piece in quarter notes, one span per pass of each chord.

    Args:
        plan: the plan.
        grid: its grid.
        length: end of the piece in quarter notes; spans are cut there.

    Returns:
        None when the plan gives no chords.
    """
    lane = plan.chords.value
    if lane is None:
        return None
    spans: list[ChordSpan] = []
    offset = 0.0
    n_bars = plan.n_bars.value
    while offset < n_bars - _EPS:
        for item in lane.chords:
            if offset + item.start_bar >= n_bars - _EPS:
                continue
            start = grid.quarters(offset + item.start_bar)
            end = min(grid.quarters(offset + item.end_bar), length)
            # A last bar stretched to meet a duration keeps its chord to the end.
            last = offset + item.end_bar >= n_bars - _EPS
            if item.chord is not None and start < length - _EPS:
                spans.append(ChordSpan(start, length if last else end, item.chord))
        offset += max(lane.n_bars, 1e-3)
        if not lane.loop:
            break
    return tuple(s for s in spans if s.end - s.start > 0.05)


def level_at(points: tuple[DynamicAt, ...], bar: float) -> float:
    """Level of a dynamics lane at a fractional bar, linear between points."""
    for before, after in itertools.pairwise(points):
        if before.bar <= bar < after.bar:
            return before.level + (after.level - before.level) * (bar - before.bar) / (after.bar - before.bar)
    return points[0].level if bar < points[0].bar else points[-1].level
