"""``held``: the last notes of a piece, a part or a place sound longer, or shorter; what comes before them is left alone."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from partimento.edit.change import Change, Kept, Piece
from partimento.edit.region import Span, quarter_span
from partimento.edit.score_length import replanned
from partimento.edit.targets import tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import BarRange, Plan
from partimento.score.score import Note, Score

DEFAULT_FACTOR = 2.0
"""What "longer" means when no figure is given."""
MAX_HELD_BARS = 32
_TOGETHER = 0.51  # quarter notes: ends that are no further apart belong to one chord
_SHORTEST = 0.25
_EPS = 1e-6


def held(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Let the last sounding notes of the targets last ``amount`` times as long (or so many ``bars``, ``beats`` or ``s``).

    They all end together. Where the piece ends too early for that, bars are added to it; where other notes follow, they
    sound up to these.

    Raises:
        RequestError: no pitched notes there, no room for them to be longer, or a length that cannot be.
    """
    score = piece.score
    names = [n for n in tracks_of(operation.targets, score) if score.track(n).has_pitch]
    if not names:
        raise RequestError("drums do not hold their notes; name a part with pitch")
    last = {name: some for name in names if (some := _last_notes(score.track(name).notes, span))}
    if not last:
        raise RequestError(f"{', '.join(names)} play nothing in {span}; name another part or place")
    end = max(n.end for some in last.values() for n in some)
    bar = score.metre_at(span.end_bar - 1).bar_quarters
    last = {name: some for name, some in last.items() if len(names) == 1 or max(n.end for n in some) > end - bar + _EPS}
    start = min(n.start for some in last.values() for n in some)
    wanted = _wanted_end(operation, score, start, end, bar)
    longer = wanted > end
    tracks = {t.name: t for t in score.tracks}
    changed: list[str] = []
    for name, some in last.items():
        notes = tracks[name].notes
        following = min((n.start for n in notes if n.start > max(s.start for s in some) + _EPS), default=wanted)
        until = min(wanted, following) if longer else wanted
        new = tuple(_until(n, until, longer) if n in some else n for n in notes)
        if new != notes:
            tracks[name] = replace(tracks[name], notes=new)
            changed.append(name)
    if not changed:
        raise RequestError(f"the notes that follow leave no room for longer ones in {span}; name the last notes of the piece")
    moved = replace(score, tracks=tuple(tracks.values()))
    sounds = max(n.end for name in changed for n in tracks[name].notes if n.start >= start - _EPS)
    line = f"last notes of {', '.join(changed)}: {end - start:.3g} → {min(wanted, sounds) - start:.3g} quarter notes"
    if wanted > score.length + _EPS and sounds > score.length + _EPS:
        return _with_bars(piece, moved, wanted, bar, start, tuple(changed), operation, line)
    hull = quarter_span(score, start, min(score.length, max(end, sounds)))
    return Change(piece.plan, moved, tuple(changed), span=hull, lines=(line,))


def _last_notes(notes: tuple[Note, ...], span: Span) -> tuple[Note, ...]:
    """What sounds last of the notes that begin in a span: one note, or the notes of a chord that end together."""
    there = [n for n in notes if span.start - _EPS <= n.start < span.end - _EPS]
    end = max((n.end for n in there), default=0.0)
    return tuple(n for n in there if n.end > end - _TOGETHER)


def _until(note: Note, end: float, longer: bool) -> Note:
    """The note held to ``end``."""
    if longer:
        return replace(note, duration=max(note.duration, end - note.start))
    return replace(note, duration=min(note.duration, max(_SHORTEST, end - note.start)))


def _wanted_end(operation: EditOperation, score: Score, start: float, end: float, bar: float) -> float:
    """Where the last notes shall end, in quarter notes.

    Raises:
        RequestError: not after they begin, or far too late.
    """
    amount, unit = operation.amount, operation.unit
    if amount is not None and amount <= 0:
        raise RequestError(f"a length of {amount:g} {unit}: give more than 0")
    if amount is None or unit in ("factor", ""):
        wanted = start + (end - start) * (DEFAULT_FACTOR if amount is None else amount)
    elif unit == "s":
        wanted = score.tempo_map.quarters(score.tempo_map.seconds(start) + amount)
    else:
        beat = [*score.metre_at(score.bar_at(start)).beat_quarters, bar][1]
        wanted = start + amount * (bar if unit == "bars" else beat)
    if wanted - start > MAX_HELD_BARS * bar:
        raise RequestError(f"notes of {(wanted - start) / bar:.3g} bars: the limit is {MAX_HELD_BARS}")
    return wanted


def _with_bars(
    piece: Piece, score: Score, end: float, bar: float, start: float, names: tuple[str, ...], operation: EditOperation, line: str
) -> Change:
    """The piece with as many bars more as its last notes need."""
    n = ceil((end - score.length) / bar - _EPS)
    length = score.length + n * bar
    chords, sections = score.chords, score.sections
    if chords and chords[-1].end > score.length - _EPS:
        chords = (*chords[:-1], replace(chords[-1], end=length))
    if sections:
        sections = (*sections[:-1], replace(sections[-1], n_bars=sections[-1].n_bars + n))
    new = replace(score, length=length, chords=chords, sections=sections)
    plan = replace(replanned(piece.plan, new, lambda at: [at], operation), tempo=piece.plan.tempo)
    plan = _played_on(plan, names, piece.score.n_bars, new.n_bars)
    before = round(score.tempo_map.seconds(start) * piece.sample_rate)
    kept = (Kept(0, 0, before),) if before > 0 else ()
    more = f"{n} bar{'s' if n > 1 else ''} more at the end"
    return Change(plan, new, tuple(t.name for t in new.tracks), kept=kept, moved=lambda quarter: quarter, lines=(line, more))


def _played_on(plan: Plan, names: tuple[str, ...], old: int, new: int) -> Plan:
    """The plan in which parts that were there to the end still are."""
    parts = []
    for part in plan.parts:
        if part.name in names and part.active and part.active[-1].end_bar >= old:
            part = replace(part, active=(*part.active[:-1], BarRange(part.active[-1].start_bar, new)))
        parts.append(part)
    return replace(plan, parts=tuple(parts))
