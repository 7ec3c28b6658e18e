"""``trade``: two parts change places: each plays on its own instrument what the other played."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import bars_with, bars_without, merged, within
from partimento.edit.lanes import free_sketches
from partimento.edit.region import Span
from partimento.edit.score_replace import folded
from partimento.edit.targets import instrument_of, tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import BarRange, PartPlan, Plan
from partimento.score.score import Score, Track


def trade(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Let two parts trade their notes: same onsets, folded into the other's range; over the whole piece their roles too.

    Raises:
        RequestError: not two pitched parts.
    """
    score = piece.score
    if len(operation.targets) != 2:
        raise RequestError("two parts can change places; name two, e.g. let the flute and the violin swap")
    names = [tracks_of((target,), score) for target in operation.targets]
    if names[0] == names[1] or any(len(n) != 1 for n in names):
        raise RequestError(f"'{' and '.join(operation.targets)}' are not two single parts; there are: {_there(score)}")
    first, second = (score.track(n[0]) for n in names)
    if first.is_drum or second.is_drum:
        raise RequestError("drums have no pitches to trade; name two pitched parts")
    if not within(first.notes, span) and not within(second.notes, span):
        raise RequestError(f"neither {first.name} nor {second.name} plays in {span}")
    plan = free_sketches(piece.plan, (first.name, second.name))
    for own, other in ((first, second), (second, first)):
        row = instrument_of(own.instrument)
        notes = folded(within(other.notes, span), row, other.role)
        role = other.role if span.whole else own.role
        score = score.with_track(replace(own, role=role, notes=merged(own.notes, notes, span)))
        plan = _traded(plan, own, other, span, piece, score)
    lines = tuple(f"{own.name} plays what {other.name} played in {span}" for own, other in ((first, second), (second, first)))
    return Change(plan, score, (first.name, second.name), span=span, lines=lines)


def _traded(plan: Plan, own: Track, other: Track, span: Span, piece: Piece, score: Score) -> Plan:
    """The plan in which a part plays where the other did."""
    if not any(p.name == own.name for p in plan.parts):
        return plan
    theirs = next((p for p in piece.plan.parts if p.name == other.name), None)
    parts: list[PartPlan] = []
    for part in plan.parts:
        if part.name == own.name and theirs is not None and span.whole:
            part = replace(part, role=other.role, active=theirs.active, solo=theirs.solo)
        elif part.name == own.name:
            plays = bool(within(score.track(own.name).notes, span))
            active = bars_with(part.active, span) if plays else bars_without(part.active, span, piece.score)
            part = replace(part, active=active or (BarRange(0, score.n_bars),))
        parts.append(part)
    return replace(plan, parts=tuple(parts))


def _there(score: Score) -> str:
    return ", ".join(t.name for t in score.tracks)
