"""``set_metre``: the same tune in another metre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from partimento.compose.frame_build import tempo_points
from partimento.edit.change import Change, Piece
from partimento.edit.composing import original_rngs, write_parts
from partimento.edit.lanes import chord_lane, free_sketches
from partimento.edit.region import Span
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import MetreAt, Origin, Value
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score
from partimento.score.text import parse_metre
from partimento.score.timing import Metre, TempoMap

_GRID = 0.25


def set_metre(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Re-bar the piece: every bar stays one bar; the tune keeps its pitches, its rhythm is fitted into the new bar.

    Everything that accompanies is written anew in the new metre.

    Raises:
        ParseError: the metre does not parse.
        UnsupportedError: only a region was named.
        RequestError: it is in that metre already.
    """
    metre = parse_metre(operation.value)
    if not span.whole:
        raise UnsupportedError("a metre can be set for the whole piece only; leave the region out")
    score = piece.score
    if all(p.metre == metre for p in score.metres):
        raise RequestError(f"the metre is {metre} already; name another")
    move = _mapping(score, metre)
    length = move(score.length)
    plan = free_sketches(piece.plan, [p.name for p in piece.plan.parts])
    plan = replace(plan, metre=Value((MetreAt(0, metre),), Origin.SAID, operation.words))
    metres = (MetrePoint(0, metre),)
    tempos = tempo_points(plan, metres)
    duration_s = TempoMap(tempos).seconds(length)
    plan = replace(plan, duration_s=Value(duration_s, Origin.INFERRED, (), f"{score.n_bars} bars of {metre}"))
    tracks = tuple(replace(t, notes=_rebarred(t.notes, move, length)) for t in score.tracks)
    chords = tuple(ChordSpan(move(c.start), move(c.end), c.chord) for c in score.chords)
    new = replace(
        score, tracks=tracks, length=length, tempos=tempos, metres=metres,
        keys=tuple(KeyPoint(move(k.at), k.key) for k in score.keys),
        chords=tuple(c for c in chords if c.end > c.start + 1e-6),
    )  # fmt: skip
    if plan.chords.value is not None:
        plan = replace(plan, chords=replace(plan.chords, value=chord_lane(new)))
    others = [t.name for t in new.tracks if t.role != "melody" and t.notes and any(p.name == t.name for p in plan.parts)]
    for name, track in (write_parts(plan, new, others, original_rngs(piece)) if others else {}).items():
        new = new.with_track(replace(new.track(name), notes=track.notes))
    names = tuple(t.name for t in new.tracks)
    return Change(plan, new, names, kept=(), moved=move, lines=(f"metre {score.metre} → {metre}",))


def _mapping(score: Score, metre: Metre) -> Callable[[float], float]:
    """Old quarter note → new one: bar by bar, in proportion, on a grid of sixteenths."""
    size = metre.bar_quarters

    def move(quarter: float) -> float:
        """Where an old position is found."""
        bar = score.bar_at(quarter)
        share = (quarter - score.bar_starts[bar]) / score.metre_at(bar).bar_quarters
        return bar * size + round(share * size / _GRID) * _GRID

    return move


def _rebarred(notes: tuple[Note, ...], move: Callable[[float], float], length: float) -> tuple[Note, ...]:
    """Notes at their new places; where two of a pitch fall together the first stays."""
    out: dict[tuple[float, int], Note] = {}
    for note in notes:
        start = move(note.start)
        if start >= length - 1e-6:
            continue
        end = min(length, max(start + _GRID, move(note.end)))
        out.setdefault((start, note.pitch), replace(note, start=start, duration=end - start))
    return tuple(sorted(out.values(), key=lambda n: (n.start, n.pitch)))
