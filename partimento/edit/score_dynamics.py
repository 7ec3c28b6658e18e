"""``dynamics``: how it is played: louder, softer, swelling, more expressive, calmer, with more energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.score import Note

Shape = Callable[[Note, float, float, float], Note]
"""(note, place in the span 0–1, strength, the span's mean velocity) → note."""


def dynamics(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Change how the targets are played, by ``value``; ``amount`` (``strength``) is 1 when not given.

    Raises:
        UnsupportedError: a word that is not in the table; the message lists those that are.
    """
    names = tracks_of(operation.targets, piece.score)
    shape = SHAPES.get(operation.value.lower().replace(" ", "_"))
    if shape is None:
        raise UnsupportedError(f"'{operation.value}' is not a way of playing that is known; there are: {', '.join(SHAPES)}")
    strength = operation.amount if operation.amount is not None and operation.unit in ("strength", "factor", "") else 1.0
    score, changed, lines = piece.score, [], []
    for name in names:
        track = score.track(name)
        old = within(track.notes, span)
        if not old:
            continue
        mean = sum(n.velocity for n in old) / len(old)
        new = tuple(shape(n, (n.start - span.start) / (span.end - span.start), strength, mean) for n in old)
        if new == old:
            continue
        score = score.with_track(replace(track, notes=merged(track.notes, new, span)))
        changed.append(name)
        after = sum(n.velocity for n in new) / len(new)
        lines.append(f"{name} {operation.value} in {span}: velocity {mean:.0f} → {after:.0f}")
    return Change(piece.plan, score, tuple(changed), span=span, lines=tuple(lines))


def _velocity(note: Note, change: float) -> Note:
    return replace(note, velocity=min(max(round(note.velocity + change), 12), 124))


def _length(note: Note, factor: float) -> Note:
    return replace(note, duration=max(0.05, note.duration * factor))


def _crescendo(note: Note, place: float, strength: float, mean: float) -> Note:
    return _velocity(note, strength * 44.0 * (place - 0.5))


def _diminuendo(note: Note, place: float, strength: float, mean: float) -> Note:
    return _velocity(note, strength * -44.0 * (place - 0.5))


def _swell(note: Note, place: float, strength: float, mean: float) -> Note:
    return _velocity(note, strength * (36.0 * (1.0 - abs(2.0 * place - 1.0)) - 18.0))


def _expressive(note: Note, place: float, strength: float, mean: float) -> Note:
    """Wider contrasts around the mean, and an arch; attacks a little freer."""
    arch = 8.0 * (1.0 - abs(2.0 * place - 1.0)) - 4.0
    return _velocity(note, strength * (0.6 * (note.velocity - mean) + arch))


def _even(note: Note, place: float, strength: float, mean: float) -> Note:
    return _velocity(note, -min(0.8, 0.6 * strength) * (note.velocity - mean))


def _calmer(note: Note, place: float, strength: float, mean: float) -> Note:
    return _length(_velocity(note, -14.0 * strength - 0.2 * (note.velocity - mean)), 1.0)


def _staccato(note: Note, place: float, strength: float, mean: float) -> Note:
    return _length(note, 1.0 / (1.0 + strength))


def _energy(note: Note, place: float, strength: float, mean: float) -> Note:
    accent = 6.0 if abs(note.start - round(note.start)) < 1e-3 else 0.0
    return _velocity(note, strength * (12.0 + accent))


SHAPES: dict[str, Shape] = {
    "crescendo": _crescendo,
    "build_up": _crescendo,
    "diminuendo": _diminuendo,
    "swell": _swell,
    "louder": lambda n, p, s, m: _velocity(n, 16.0 * s),
    "softer": lambda n, p, s, m: _velocity(n, -16.0 * s),
    "expressive": _expressive,
    "more_expressive": _expressive,
    "even": _even,
    "calmer": _calmer,
    "energy": _energy,
    "more_energy": _energy,
    "staccato": _staccato,
}
"""Ways of playing."""
