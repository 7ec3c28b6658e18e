"""``dynamics`` with ``laid_back`` and ``pushed``: how far a part plays behind or ahead of the beat.

Laying back and pushing are differences between parts, not of the tempo: in grooves that are felt as laid back or driving the
parts lie some 10 to 30 ms apart (Iyer, "Embodied mind, situated cognition, and expressive microtiming in African-American
music", Music Perception 19, 2002; Kilchenmann & Senn, "Microtiming in swing and funk affects the body movement behavior of
music expert listeners", Frontiers in Psychology 6, 2015). When everything is meant, drums and percussion keep the time.
"""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.score import Note, Score

SHIFT_S = 0.02
"""How far at full strength."""
FARTHEST_S = 0.06
"""Nothing is played farther beside the beat than this: beyond it is heard as a mistake."""
_TIMEKEEPERS = ("drums", "percussion")


def laid_back(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Play behind the beat.

    Raises:
        UnsupportedError: nothing plays there, or it lies as far back as it may.
    """
    return _shifted(piece, operation, span, SHIFT_S)


def pushed(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Play ahead of the beat. Raises: as :func:`laid_back`."""
    return _shifted(piece, operation, span, -SHIFT_S)


def _shifted(piece: Piece, operation: EditOperation, span: Span, shift_s: float) -> Change:
    """The targets earlier or later against the beat."""
    score = piece.score
    names = tracks_of(operation.targets, score)
    against = tuple(n for n in names if score.track(n).role not in _TIMEKEEPERS)
    if len(names) == len(score.tracks) and against:
        names = against
    strength = operation.amount if operation.amount is not None and operation.unit in ("strength", "factor", "") else 1.0
    shift_s *= min(max(strength, 0.25), 1.5)
    lines, changed = [], []
    for name in names:
        track = score.track(name)
        old = within(track.notes, span)
        new = tuple(_beside(note, shift_s, score) for note in old)
        if not old or new == old:
            continue
        score = score.with_track(replace(track, notes=merged(track.notes, new, span)))
        changed.append(name)
        lines.append(f"{name} in {span}: {_mean_ms(old):+.0f} → {_mean_ms(new):+.0f} ms from the beat")
    if not changed:
        off = f"{1000 * FARTHEST_S:.0f} ms beside the beat"
        raise UnsupportedError(f"{', '.join(names)} in {span}: nothing plays there, or it lies {off} already")
    return Change(piece.plan, score, tuple(changed), span=span, lines=tuple(lines))


def _beside(note: Note, shift_s: float, score: Score) -> Note:
    """A note so much later; none before the piece begins or beyond its end."""
    at_s = score.tempo_map.seconds(note.start)
    low, high = max(-FARTHEST_S, -at_s), min(FARTHEST_S, max(0.0, score.duration_s - at_s - 0.05))
    wanted = note.nudge_s + shift_s
    return replace(note, nudge_s=round(min(max(wanted, min(low, note.nudge_s)), max(high, note.nudge_s)), 5))


def _mean_ms(notes: tuple[Note, ...]) -> float:
    return 1000.0 * sum(n.nudge_s for n in notes) / len(notes)
