"""``dynamics`` with ``swing`` and ``straight``: where the off-beat eighths lie between the beats.

A swing ratio is the length of the first eighth over that of the second: 1 is straight, 2 the triplet feel (Friberg &
Sundström, "Swing ratios and ensemble timing in jazz performance", Music Perception 19, 2002).
"""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.score import Note, Score, Track

TRIPLET_RATIO = 2.0
MAX_RATIO = 3.0
_NEAR = 0.02
"""Beats by which a part's off-beats may be beside what is wanted and count as there."""


def swing(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Let eighths swing at 2:1, or at 1 + ``amount``:1; drums included.

    Raises:
        UnsupportedError: there are no off-beat eighths, or they lie there already.
    """
    given = operation.amount is not None and operation.unit in ("strength", "factor", "")
    strength = (operation.amount or 1.0) if given else 1.0
    return _moved(piece, operation, span, min(max(1.0 + strength, 1.1), MAX_RATIO))


def straight(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Put swinging eighths halfway between the beats. Raises: as :func:`swing`."""
    return _moved(piece, operation, span, 1.0)


def _moved(piece: Piece, operation: EditOperation, span: Span, ratio: float) -> Change:
    """Off-beats at a swing ratio."""
    names = tracks_of(operation.targets, piece.score)
    score, changed = piece.score, []
    for name in names:
        notes = at_ratio(score.track(name), score, span, ratio)
        if notes is not None:
            score = score.with_track(replace(score.track(name), notes=notes))
            changed.append(name)
    before, after = swing_ratio(piece.score, names, span), swing_ratio(score, names, span)
    if not changed:
        have = "there are no off-beat eighths" if before is None else f"the swing ratio is {before:.2f}:1 already"
        raise UnsupportedError(f"{', '.join(names)} in {span}: {have}")
    line = f"{', '.join(changed)}: swing ratio {before:.2f}:1 → {after:.2f}:1 in {span}"
    return Change(piece.plan, score, tuple(changed), span=span, lines=(line,))


def at_ratio(track: Track, score: Score, span: Span, ratio: float) -> tuple[Note, ...] | None:
    """A track's notes with the off-beats of a span at a swing ratio; None when they are there, or it has none.

    Sixteenths between them move along, triplets stay. How the part's off-beats scatter among themselves stays too.
    """
    notes = within(track.notes, span)
    late = _lateness(notes, score)
    if late is None:
        return None
    shift = ratio / (1.0 + ratio) - 0.5 - late
    if abs(shift) < _NEAR:
        return None
    return merged(track.notes, tuple(_later(note, score, shift) for note in notes), span)


def swing_ratio(score: Score, names: tuple[str, ...], span: Span) -> float | None:
    """Mean swing ratio of some tracks in a span, each against its own beats; None without off-beat eighths."""
    places: list[float] = []
    for name in names:
        notes = within(score.track(name).notes, span)
        late = _lateness(notes, score)
        if late is not None:
            places += [late] * sum(_place(n, score) == 0.5 for n in notes)
    if not places:
        return None
    at = 0.5 + sum(places) / len(places)
    return at / max(1.0 - at, 1e-3)


def _lateness(notes: tuple[Note, ...], score: Score) -> float | None:
    """How much later than halfway the off-beats of a part are played (beats), measured against its notes on the beat."""
    off = [_nudge(n, score) for n in notes if _place(n, score) == 0.5]
    on = [_nudge(n, score) for n in notes if _place(n, score) == 0.0]
    if not off:
        return None
    return sum(off) / len(off) - (sum(on) / len(on) if on else 0.0)


def _nudge(note: Note, score: Score) -> float:
    """Played minus written onset in beats."""
    return note.nudge_s * score.tempo_map.bpm_at(note.start) / 60.0


def _place(note: Note, score: Score) -> float | None:
    """Place in the beat on the grid of sixteenths, 0 to 0.75, in bars that are counted in quarters; else None."""
    bar = score.bar_at(note.start)
    if score.metre_at(bar).denominator != 4:
        return None
    at = (note.start - score.bar_starts[bar]) % 1.0
    near = round(at * 4.0) / 4.0
    return near % 1.0 if abs(at - near) < 1e-3 else None


def _later(note: Note, score: Score, shift: float) -> Note:
    """A note in its place: a later one sounds as long as before, and not past the end of the piece."""
    place = _place(note, score)
    if not place:
        return note
    beats = shift if place == 0.5 else shift / 2.0
    late = min(beats, max(0.0, score.length - note.end)) if beats > 0 else beats
    return replace(note, nudge_s=round(note.nudge_s + late * 60.0 / score.tempo_map.bpm_at(note.start), 5))
