"""``dynamics`` with ``sparser`` and ``busier``: how many notes the accompaniment plays.

Thinning leaves what carries the metre: notes on beats before those between them (Lerdahl & Jackendoff, "A Generative Theory of
Tonal Music", 1983, ch. 4, on metrical weight), and of a chord its outer notes. Filling subdivides: what is struck once in a
beat or more is struck again on the off-beat, softer, as comping and cymbal patterns do. A tune keeps its notes either way,
unless it is named.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.score import Note, Score, Track

_TUNES = ("melody", "counter")
_HATS = frozenset({42, 44, 46, 51, 53, 54, 59, 70, 82})
"""General MIDI keys of cymbal and shaker patterns: what is subdivided in a kit."""
_GHOST = 16
_MUCH = 1.25
_EPS = 1e-3
Rewrite = Callable[[Track, tuple[Note, ...], Score, float], tuple[Note, ...]]


def sparser(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Leave out notes between the beats, and inner notes of full chords; with a strength above 1.25 also every other beat's.

    Raises:
        UnsupportedError: nothing can be left out.
    """
    return _rewritten(piece, operation, span, _thinned, "fewer")


def busier(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Strike long notes and cymbals again on the off-beat; with a strength above 1.25 on sixteenths too.

    Raises:
        UnsupportedError: nothing can be subdivided.
    """
    return _rewritten(piece, operation, span, _filled, "more")


def _rewritten(piece: Piece, operation: EditOperation, span: Span, rewrite: Rewrite, word: str) -> Change:
    """The targets with other notes; of everything only what accompanies, and where that cannot change, what answers the tune.

    In a string quartet nothing but a bass line accompanies, and that may hold its notes already.
    """
    score = piece.score
    names = tracks_of(operation.targets, score)
    accompanying = tuple(n for n in names if score.track(n).role not in _TUNES)
    answering = tuple(n for n in names if score.track(n).role == "counter")
    strength = operation.amount if operation.amount is not None and operation.unit in ("strength", "factor", "") else 1.0
    for some in (accompanying, answering) if len(names) > 1 and accompanying else (names,):
        change = _changed(piece, some, span, rewrite, strength)
        if change is not None:
            return change
    raise UnsupportedError(f"{', '.join(names)} in {span}: there is nothing that could play {word} notes; name another part")


def _changed(piece: Piece, names: tuple[str, ...], span: Span, rewrite: Rewrite, strength: float) -> Change | None:
    """Some parts with other notes; None where that changes none."""
    score = piece.score
    lines, changed = [], []
    for name in names:
        track = score.track(name)
        old = within(track.notes, span)
        new = rewrite(track, old, score, strength) if old else old
        if new == old:
            continue
        score = score.with_track(replace(track, notes=merged(track.notes, new, span)))
        changed.append(name)
        lines.append(f"{name} in {span}: {len(old)} → {len(new)} notes")
    if not changed:
        return None
    return Change(piece.plan, score, tuple(changed), span=span, lines=tuple(lines))


def _thinned(track: Track, notes: tuple[Note, ...], score: Score, strength: float) -> tuple[Note, ...]:
    """What is left: at least every note of the strongest kind that the part plays."""
    grids = (2.0, 1.0, 0.5) if strength > _MUCH else (1.0,) if strength >= 1.0 else (0.5, 1.0)
    for grid in grids:
        left = tuple(n for n in notes if _on(n, grid, score))
        if left and len(left) < len(notes):
            return _held(track, left, notes)
    return _outer(notes) if not track.is_drum else notes


def _held(track: Track, left: tuple[Note, ...], notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Notes that stay sound on over what was left out behind them, up to the next that stays; drums do not."""
    if track.is_drum:
        return left
    starts = sorted({n.start for n in left})
    out = []
    for note in left:
        following = next((s for s in starts if s > note.start + _EPS), max(n.end for n in notes))
        joined = any(abs(n.start - note.end) < 0.1 for n in notes if n not in left)
        out.append(replace(note, duration=min(following - note.start, 2.0 * note.duration)) if joined else note)
    return tuple(out)


def _outer(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Chords of four notes and more without their second-highest."""
    by_start: dict[float, list[Note]] = {}
    for note in notes:
        by_start.setdefault(round(note.start, 3), []).append(note)
    gone = {id(sorted(chord, key=lambda n: n.pitch)[-2]) for chord in by_start.values() if len(chord) > 3}
    return tuple(n for n in notes if id(n) not in gone)


def _filled(track: Track, notes: tuple[Note, ...], score: Score, strength: float) -> tuple[Note, ...]:
    """Notes with softer ones in between, on the off-beat or, where that is taken, on sixteenths."""
    fine = strength > _MUCH or (track.is_drum and _steps(notes) <= 0.5 + _EPS)
    for step in (0.25,) if fine else (0.5, 0.25):
        filled = _struck_again(track, notes, score, step)
        if len(filled) > len(notes):
            return filled
    return notes


def _struck_again(track: Track, notes: tuple[Note, ...], score: Score, step: float) -> tuple[Note, ...]:
    """Notes of two steps and more with a softer one a step later."""
    taken = {(round(n.start, 2), n.pitch) for n in notes}
    out = list(notes)
    for note in notes:
        room = _room(note, notes) if track.is_drum else note.duration
        at = note.start + step
        if (track.is_drum and note.pitch not in _HATS) or room < 2 * step - _EPS or (round(at, 2), note.pitch) in taken:
            continue
        end = score.length - _EPS
        if at >= end:
            continue
        if not track.is_drum:
            out[out.index(note)] = replace(note, duration=step)
        length = min(step if track.is_drum else note.duration - step, end - at)
        out.append(replace(note, start=at, duration=max(0.05, length), velocity=max(12, note.velocity - _GHOST)))
    return tuple(sorted(out, key=lambda n: (n.start, n.pitch)))


def _steps(notes: tuple[Note, ...]) -> float:
    """The usual distance of a kit's cymbal strokes, in quarter notes."""
    starts = sorted({round(n.start, 3) for n in notes if n.pitch in _HATS})
    gaps = sorted(b - a for a, b in itertools.pairwise(starts))
    return gaps[len(gaps) // 2] if gaps else 1.0


def _room(note: Note, notes: tuple[Note, ...]) -> float:
    """How long until any cymbal is struck again."""
    return min((n.start - note.start for n in notes if n.pitch in _HATS and n.start > note.start + _EPS), default=1.0)


def _on(note: Note, grid: float, score: Score) -> bool:
    """True for a note on the grid, counted from its bar line."""
    at = (note.start - score.bar_starts[score.bar_at(note.start + _EPS)]) / grid
    return abs(at - round(at)) * grid < 0.02
