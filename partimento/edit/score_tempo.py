"""``set_tempo``: faster, slower, a tempo."""

from __future__ import annotations

from dataclasses import replace

from partimento.compose.frame_build import tempo_points
from partimento.edit.change import Change, Kept, Piece
from partimento.edit.lanes import bar_of
from partimento.edit.region import Span
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, TempoAt, Value
from partimento.score.score import Score
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, TempoMap

GRADUAL = ("gradually", "gradual")
"""Values that mean a ritardando or an accelerando."""


def set_tempo(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Play at ``amount`` bpm, ``factor`` times the tempo, or ``bpm_change`` faster (slower when negative).

    In a region the old tempo comes back behind it. With ``value`` ``gradually`` the tempo moves there along the region.

    The notes stay; every stem is played again at the new tempo, and what lies outside a region keeps its samples.

    Raises:
        RequestError: no amount, or a tempo outside 20 to 400 bpm.
    """
    score, plan = piece.score, piece.plan
    at_start = score.tempo_map.bpm_at(span.start)
    relative = operation.unit == "bpm_change"
    if operation.amount is None or (operation.amount <= 0 and not relative):
        raise RequestError("no tempo given; say e.g. 120 bpm, or 10 % faster")
    wanted_bpm = operation.amount + (at_start if relative else 0.0)
    factor = operation.amount if operation.unit == "factor" else wanted_bpm / at_start
    ramp = operation.value.strip().lower() in GRADUAL
    start, end = (bar_of(score, at) for at in (span.start, span.end))
    bpms = [factor * at_start, *(factor * p.bpm for p in plan.tempo.value if span.whole or start < p.bar < end)]
    if not all(MIN_TEMPO_BPM <= bpm <= MAX_TEMPO_BPM for bpm in bpms):
        raise RequestError(f"a tempo of {factor * at_start:g} bpm is outside {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g} bpm")
    lane = (_ramp if ramp else _lane)(score, plan.tempo.value, span, factor)
    plan = replace(plan, tempo=Value(lane, Origin.SAID, operation.words))
    tempos = tempo_points(plan, score.metres)
    duration_s = TempoMap(tempos).seconds(score.length)
    plan = replace(plan, duration_s=Value(duration_s, Origin.INFERRED, (), "the new tempo"))
    new = replace(score, tempos=tempos)
    names = tuple(t.name for t in score.tracks)
    how = "gradually, twice a beat, along" if ramp else "in"
    line = f"tempo {at_start:.4g} → {factor * at_start:.4g} bpm {how} {span}"
    return Change(plan, new, names, kept=_kept(score, new, span, piece.sample_rate), lines=(line,))


def _lane(score: Score, lane: tuple[TempoAt, ...], span: Span, factor: float) -> tuple[TempoAt, ...]:
    """The tempo lane with the span scaled."""
    if span.whole:
        return tuple(replace(p, bpm=p.bpm * factor) for p in lane)
    start, end = bar_of(score, span.start), bar_of(score, span.end)
    bpm_at = score.tempo_map.bpm_at
    before = [p for p in lane if p.bar < start]
    inside = [replace(p, bpm=p.bpm * factor) for p in lane if start < p.bar < end]
    behind = [p for p in lane if p.bar > end]
    points = [*before, TempoAt(start, bpm_at(span.start) * factor), *inside]
    if span.end < score.length - 1e-6:
        points.append(TempoAt(end, bpm_at(span.end)))
    return (*points, *behind)


def _ramp(score: Score, lane: tuple[TempoAt, ...], span: Span, factor: float) -> tuple[TempoAt, ...]:
    """The tempo lane that moves to ``factor`` times the tempo along the span; tempo changes inside it are smoothed over."""
    start, end = bar_of(score, span.start), bar_of(score, span.end)
    bpm_at = score.tempo_map.bpm_at
    points = [p for p in lane if p.bar < start]
    points += [TempoAt(start, bpm_at(span.start)), TempoAt(end, bpm_at(span.start) * factor, ramp=True)]
    if span.end < score.length - 1e-6:
        points.append(TempoAt(end, bpm_at(span.end)))
    return (*points, *(p for p in lane if p.bar > end))


def _kept(old: Score, new: Score, span: Span, sample_rate: int) -> tuple[Kept, ...]:
    """Samples before the span, and behind it at their new place."""
    start, old_end = span.samples(sample_rate)
    old_n, new_n = round(old.duration_s * sample_rate), round(new.duration_s * sample_rate)
    pieces = [Kept(0, 0, start)]
    if span.end < old.length - 1e-6:
        new_end = round(new.tempo_map.seconds(span.end) * sample_rate)
        pieces.append(Kept(old_end, new_end, min(old_n - old_end, new_n - new_end)))
    return tuple(k for k in pieces if k.n > 0)
