"""``dynamics``: how it is played: louder, softer, swelling, more expressive, calmer, with more energy, a drop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.plan.edit import EditOperation
from partimento.score.score import Note, Score, Track


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a way of playing knows of the notes that it changes.

    Attributes:
        strength: 1 for the usual amount.
        mean: mean velocity of the part in the region.
        start: where the region begins, in quarter notes.
        length: of the region.
        gap: length of a sudden silence at its start, for a drop.
        may_thin: short notes between the eighths may be left out: nothing melodic or harmonic is lost.
    """

    strength: float
    mean: float
    start: float
    length: float
    gap: float
    may_thin: bool

    def place(self, note: Note) -> float:
        """Where in the region a note begins, 0 to 1."""
        return (note.start - self.start) / self.length


Shape = Callable[[Note, Stretch], Note | None]
"""A note as it is played from now on; None leaves it out."""

_LOUD = 16.0
_SWELL = 36.0
_CALM = 14.0
THINNED = ("drums", "percussion", "arpeggio")
"""Roles whose small notes may be left out."""
_HELD_LEVEL = ("louder", "softer", "drop")
"""Words about loudness: here the mixer must not put it back. All others keep the part's loudness."""
LOUDER_WAYS = ("louder", "harder", "energy", "more_energy", "drop")
"""Ways of playing that are meant to be louder where they are confined to a region (``drop``: behind its silence)."""


def way_of(value: str) -> str:
    """A way of playing as the tables spell it."""
    return value.strip().lower().replace(" ", "_").replace("-", "_")


def shaped(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Change how the targets are played, note by note, by ``value``; ``amount`` (``strength``) is 1 when not given."""
    names = tracks_of(operation.targets, piece.score)
    value = way_of(operation.value)
    shape = SHAPES[value]
    strength = operation.amount if operation.amount is not None and operation.unit in ("strength", "factor", "") else 1.0
    score, changed, lines = piece.score, [], []
    for name in names:
        track = score.track(name)
        old = within(track.notes, span)
        if not old:
            continue
        new = _shaped(track, old, shape, strength, span, score)
        if new == old:
            continue
        score = score.with_track(replace(track, notes=merged(track.notes, new, span)))
        changed.append(name)
        lines.append(f"{name} {operation.value} in {span}: {_told(old, new)}")
    held = value in _HELD_LEVEL
    limits = value in LOUDER_WAYS
    return Change(piece.plan, score, tuple(changed), span=span, holds_level=held, limits=limits, lines=tuple(lines))


def _shaped(track: Track, old: tuple[Note, ...], shape: Shape, strength: float, span: Span, score: Score) -> tuple[Note, ...]:
    """The notes of a span as they are played from now on; a part never falls silent by it."""
    mean = sum(n.velocity for n in old) / len(old)
    stretch = Stretch(strength, mean, span.start, span.end - span.start, _gap(score, span), track.role in THINNED)
    new = tuple(n for n in (shape(note, stretch) for note in old) if n is not None)
    return new or tuple(replace(note, velocity=max(12, note.velocity - round(_LOUD))) for note in old)


def _gap(score: Score, span: Span) -> float:
    """How long everything holds its breath in a drop: a bar, or a beat where there is little room."""
    bar = score.metre_at(span.start_bar).bar_quarters
    return bar if span.end_bar - span.start_bar >= 4 else min(1.0, (span.end - span.start) / 4)


def _told(old: tuple[Note, ...], new: tuple[Note, ...]) -> str:
    """What changed, in figures."""
    before, after = (sum(n.velocity for n in notes) / len(notes) for notes in (old, new))
    text = f"velocity {before:.0f} → {after:.0f}"
    return text if len(old) == len(new) else f"{text}, {len(old)} → {len(new)} notes"


def _velocity(note: Note, change: float) -> Note:
    return replace(note, velocity=min(max(round(note.velocity + change), 12), 124))


def _on_beat(note: Note) -> bool:
    return abs(note.start - round(note.start)) < 1e-3


def _between_eighths(note: Note) -> bool:
    """True for a sixteenth on neither an eighth nor a triplet."""
    return min(abs(note.start * grid - round(note.start * grid)) for grid in (2, 3)) > 0.02


def _crescendo(note: Note, at: Stretch) -> Note:
    return _velocity(note, at.strength * _SWELL * (at.place(note) - 0.5))


def _diminuendo(note: Note, at: Stretch) -> Note:
    return _velocity(note, -at.strength * _SWELL * (at.place(note) - 0.5))


def _swell(note: Note, at: Stretch) -> Note:
    return _velocity(note, at.strength * (36.0 * (1.0 - abs(2.0 * at.place(note) - 1.0)) - 18.0))


def _expressive(note: Note, at: Stretch) -> Note:
    """Wider contrasts around the mean, and an arch."""
    arch = 8.0 * (1.0 - abs(2.0 * at.place(note) - 1.0)) - 4.0
    return _velocity(note, at.strength * (0.6 * (note.velocity - at.mean) + arch))


def _even(note: Note, at: Stretch) -> Note:
    return _velocity(note, -min(0.8, 0.6 * at.strength) * (note.velocity - at.mean))


def _calmer(note: Note, at: Stretch) -> Note | None:
    """Softer touch, smaller contrasts, and fewer of the small notes in between."""
    if at.may_thin and _between_eighths(note):
        return None
    return _velocity(note, -_CALM * at.strength - 0.2 * (note.velocity - at.mean))


def _staccato(note: Note, at: Stretch) -> Note:
    return replace(note, duration=max(0.05, note.duration / (1.0 + at.strength)))


def _energy(note: Note, at: Stretch) -> Note:
    return _velocity(note, at.strength * (12.0 + (6.0 if _on_beat(note) else 0.0)))


def _harder(note: Note, at: Stretch) -> Note:
    """Stronger attacks, above all on the beat, and shorter off-beat notes."""
    struck = _velocity(note, at.strength * (14.0 if _on_beat(note) else 8.0))
    return struck if _on_beat(note) else replace(struck, duration=max(0.05, note.duration * (1.0 - 0.15 * min(at.strength, 1.5))))


def _drop(note: Note, at: Stretch) -> Note | None:
    """The floor falls out, then everything comes back at once and hits."""
    if note.start < at.start + at.gap - 1e-6:
        return None
    accent = 10.0 if note.start < at.start + at.gap + 1e-3 else 0.0
    return _velocity(note, at.strength * (10.0 + accent))


SHAPES: dict[str, Shape] = {
    "crescendo": _crescendo,
    "build_up": _crescendo,
    "diminuendo": _diminuendo,
    "swell": _swell,
    "louder": lambda note, at: _velocity(note, _LOUD * at.strength),
    "softer": lambda note, at: _velocity(note, -_LOUD * at.strength),
    "harder": _harder,
    "drop": _drop,
    "expressive": _expressive,
    "more_expressive": _expressive,
    "even": _even,
    "calmer": _calmer,
    "energy": _energy,
    "more_energy": _energy,
    "staccato": _staccato,
}
"""Ways of playing."""
