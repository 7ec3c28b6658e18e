"""Parts written by the composer to fit what is there: same chords, same tune, same groove."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from partimento.compose.arrange import arrange, perform
from partimento.compose.frame import Sketch
from partimento.compose.frame_build import build_frame
from partimento.compose.harmony import compose_chords
from partimento.compose.lead import lead_tracks
from partimento.compose.melody import plan_phrases, write_melody
from partimento.edit.change import Piece
from partimento.edit.region import Span
from partimento.plan.plan import BarRange, PartPlan, Plan
from partimento.score.score import ChordSpan, Note, Score, Track

_EPS = 1e-6


def original_rngs(piece: Piece) -> list[np.random.Generator]:
    """The six generators that the piece was first composed with: what is added then has the same groove."""
    request = piece.request
    seed = [request.seed, request.index] if request is not None else list(piece.seed)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).spawn(6)


def fresh_rngs(piece: Piece) -> list[np.random.Generator]:
    """Six generators of this edit's own: another way of playing."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(piece.seed)))).spawn(6)


def tune_of(score: Score) -> tuple[Note, ...]:
    """The tune as one plain line: the highest of simultaneous notes of all parts that lead."""
    notes = [n for t in score.tracks if t.role == "melody" and not t.is_drum for n in t.notes]
    line: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        if line and note.start < line[-1].start + _EPS:
            continue
        if line and line[-1].end > note.start + _EPS:
            line[-1] = replace(line[-1], duration=note.start - line[-1].start)
        line.append(replace(note, velocity=80, nudge_s=0.0))
    return tuple(line)


def sketch_of(plan: Plan, score: Score) -> Sketch:
    """The skeleton of a finished score."""
    frame = build_frame(plan)
    return Sketch(frame, score.chords, plan_phrases(frame), tune_of(score))


def new_chords(plan: Plan, rng: np.random.Generator) -> tuple[ChordSpan, ...]:
    """Other chords of the plan's style for the whole piece."""
    return compose_chords(build_frame(plan), rng)


def new_tune(plan: Plan, score: Score, rng: np.random.Generator) -> tuple[Note, ...]:
    """A tune over the score's chords."""
    _, melody = write_melody(build_frame(plan), score.chords, rng)
    return melody


def write_parts(
    plan: Plan,
    score: Score,
    names: Iterable[str],
    rngs: list[np.random.Generator],
    tune: tuple[Note, ...] | None = None,
) -> dict[str, Track]:
    """Write parts of the plan anew over the whole piece, played as the plan's dynamics and style say.

    Args:
        plan: holds the parts ``names``.
        score: its chords, and its tune unless ``tune`` is given, are what they fit.
        names: which parts.
        rngs: see :func:`original_rngs` and :func:`fresh_rngs`.
        tune: the tune that parts with role ``melody`` play.
    """
    wanted = list(names)
    sketch = sketch_of(plan, score)
    if tune is not None:
        sketch = replace(sketch, melody=tune)
    _, melody_rng, lead_rng, _, arrange_rng, perform_rng = rngs
    leads = [plan.part(name) for name in wanted if plan.part(name).role == "melody"]
    if leads and not sketch.melody:
        sketch = replace(sketch, melody=new_tune(plan, score, melody_rng))
    written: dict[str, Track] = {}
    for part in leads:
        alone = replace(sketch.frame, plan=replace(plan, parts=(replace(part, sketch=None),)))
        written[part.name] = lead_tracks(replace(sketch, frame=alone), lead_rng)[0]
    if len(leads) < len(wanted):
        free = replace(plan, parts=tuple(replace(p, sketch=None) if p.name in wanted else p for p in plan.parts))
        sketch = replace(sketch, frame=replace(sketch.frame, plan=free))
        written |= {t.name: t for t in arrange(sketch, arrange_rng) if t.name in wanted}
    draft = score
    for name in wanted:
        draft = draft.with_track(written[name])
    bare = replace(plan, parts=tuple(replace(p, sketch=None) if p.name in wanted else p for p in plan.parts))
    played = perform(draft, bare, sketch, perform_rng)
    return {name: played.track(name) for name in wanted}


def within(notes: Iterable[Note], span: Span) -> tuple[Note, ...]:
    """Notes that begin in a span, cut at its end."""
    out = []
    for note in notes:
        if span.start - _EPS <= note.start < span.end - _EPS:
            length = min(note.duration, span.end - note.start)
            out.append(note if length == note.duration else replace(note, duration=length))
    return tuple(out)


def without(notes: Iterable[Note], span: Span) -> tuple[Note, ...]:
    """Notes that begin outside a span, cut where it begins."""
    out = []
    for note in notes:
        if note.start < span.start - _EPS:
            length = min(note.duration, span.start - note.start)
            out.append(note if length == note.duration else replace(note, duration=length))
        elif note.start >= span.end - _EPS:
            out.append(note)
    return tuple(out)


def merged(old: Iterable[Note], new: Iterable[Note], span: Span) -> tuple[Note, ...]:
    """The old notes outside a span and the new ones inside."""
    return tuple(sorted((*without(old, span), *within(new, span)), key=lambda n: (n.start, n.pitch)))


def bars_with(active: tuple[BarRange, ...], span: Span) -> tuple[BarRange, ...]:
    """Active bars and those of a span."""
    return _ranges({b for r in active for b in range(r.start_bar, r.end_bar)} | set(range(span.start_bar, span.end_bar)))


def bars_without(active: tuple[BarRange, ...], span: Span, score: Score) -> tuple[BarRange, ...]:
    """Active bars without those that lie wholly inside a span."""
    inside = {b for b in range(span.start_bar, span.end_bar) if _is_inside(score.bar_span(b), span)}
    return _ranges({b for r in active for b in range(r.start_bar, r.end_bar)} - inside)


def _is_inside(bar: tuple[float, float], span: Span) -> bool:
    return bar[0] >= span.start - _EPS and bar[1] <= span.end + _EPS


def _ranges(bars: set[int]) -> tuple[BarRange, ...]:
    """Bars as ranges."""
    out: list[BarRange] = []
    for bar in sorted(bars):
        if out and out[-1].end_bar == bar:
            out[-1] = BarRange(out[-1].start_bar, bar + 1)
        else:
            out.append(BarRange(bar, bar + 1))
    return tuple(out)


def with_part(plan: Plan, part: PartPlan) -> Plan:
    """The plan in which a part of that name is replaced, or added at the end; bans that name it are lifted."""
    absent = tuple(a for a in plan.absent if a.value not in (part.instrument, part.role, "*"))
    if any(p.name == part.name for p in plan.parts):
        return replace(plan, parts=tuple(part if p.name == part.name else p for p in plan.parts), absent=absent)
    return replace(plan, parts=(*plan.parts, part), absent=absent)


def without_parts(plan: Plan, names: set[str]) -> Plan:
    """The plan without some parts, and without orders that no longer have both sides."""
    gone = {p.instrument for p in plan.parts if p.name in names} - {p.instrument for p in plan.parts if p.name not in names}
    orders = tuple(o for o in plan.orders if o.first not in gone and o.then not in gone)
    return replace(plan, parts=tuple(p for p in plan.parts if p.name not in names), orders=orders)
