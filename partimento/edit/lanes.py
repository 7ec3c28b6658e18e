"""Lanes of the plan that follow from a changed score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from partimento.plan.plan import ChordAt, ChordLane, KeyAt, Plan
from partimento.score.score import Score

_EPS = 1e-6


def bar_of(score: Score, quarter: float) -> float:
    """A position as a fractional 0-based bar, measured in the metre of that bar (the end of the piece is ``n_bars``)."""
    if quarter >= score.length - _EPS:
        return float(score.n_bars)
    bar = score.bar_at(quarter)
    share = (quarter - score.bar_starts[bar]) / score.metre_at(bar).bar_quarters
    return bar + round(share, 9)


def chord_lane(score: Score) -> ChordLane:
    """The score's chords as a lane over the whole piece."""
    chords = tuple(ChordAt(bar_of(score, c.start), bar_of(score, c.end), c.chord) for c in score.chords)
    return ChordLane(chords, float(score.n_bars), loop=False)


def key_lane(score: Score) -> tuple[KeyAt, ...]:
    """The score's keys as a lane."""
    return tuple(KeyAt(bar_of(score, p.at), p.key) for p in score.keys)


def free_sketches(plan: Plan, names: Iterable[str]) -> Plan:
    """The plan in which some parts no longer have to be the user's own notes (they were changed on purpose)."""
    freed = set(names)
    kept = [p.sketch for p in plan.parts if p.sketch is not None and p.name not in freed]
    if len(kept) == sum(p.sketch is not None for p in plan.parts):
        return plan
    index = {old: new for new, old in enumerate(sorted(set(kept)))}
    parts = tuple(replace(p, sketch=None if p.name in freed or p.sketch is None else index[p.sketch]) for p in plan.parts)
    return replace(plan, parts=parts, sketch=tuple(plan.sketch[old] for old in sorted(index)))
