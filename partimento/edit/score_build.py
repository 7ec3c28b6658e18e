"""``dynamics`` with values that also add notes: a build-up that ends above what was there, and an accent.

A build-up in practice is a rise in loudness together with a rise in density, most often a snare roll whose note values
halve (Butler, "Unlocking the Groove", 2006, ch. 5, on build-ups before a return of the beat).
"""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.region import Span, bar_span
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.instruments import instruments
from partimento.score.score import Note, Score, Track

BUILD_BARS = 4
"""How long a build-up before a named bar or section is."""
_FROM, _TO = -20.0, 12.0
"""Change of velocity where a build-up begins and where it arrives."""
_ACCENT = 20.0
_SNARE = 38
_ROLL_VELOCITIES = (46.0, 104.0)
_CHORDAL = ("chords", "pad")
_LOUDEST, _SOFTEST = 124, 12
_EPS = 1e-6
_INSIDE = re.compile(
    r"\b(?:in|during|within|throughout) (?:the )?(?:very )?(?:last |final |[a-z]+ )?(?:bar|measure)\b|在(?!.*[前到])"
)
_UP_TO = re.compile(r"\bbefore\b|前")


def build_up(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Grow from where the region starts, and arrive louder and denser than it was.

    Before a section or a single bar, the four bars before it grow. Parts that are not named stay.

    Raises:
        UnsupportedError: nothing plays there.
    """
    span = growing(operation, span, piece.score)
    strength = _strength(operation)
    score, lines = piece.score, []
    for name in tracks_of(operation.targets, piece.score):
        track = score.track(name)
        old = within(track.notes, span)
        if not old:
            continue
        new = tuple(_grown(note, _place(note, span), strength) for note in old)
        roll = _roll(track, old, span, score, strength)
        score = score.with_track(replace(track, notes=merged(track.notes, (*new, *roll), span)))
        more = f", and a snare roll of {len(roll)} notes from {roll[0].velocity} to {roll[-1].velocity}" if roll else ""
        lines.append(f"{name} builds up in {span}: velocity {_course(old, span)} → {_course(new, span)}{more}")
    return _change(piece, score, lines, span)


def growing(operation: EditOperation, span: Span, score: Score) -> Span:
    """The stretch that grows; the build-up arrives where it ends.

    Before a section that is its last four bars. A single bar is where it arrives, unless the words say that it grows in it:
    the four bars before it grow then, and it is not touched itself.
    """
    said = " ".join(operation.words).lower()
    up_to = operation.region.kind == "before" or (span.start_bar == 0 and _UP_TO.search(said))  # "before bar 9" is bars 1 to 8
    if up_to and span.end_bar - span.start_bar > BUILD_BARS:
        return bar_span(score, span.end_bar - BUILD_BARS, span.end_bar)
    if span.end_bar - span.start_bar == 1 and span.start_bar > 0 and not _INSIDE.search(said):
        return bar_span(score, max(0, span.start_bar - BUILD_BARS), span.start_bar)
    return span


def accent(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Strike what begins in the region harder; chords get octaves to their voicings as far as the instrument reaches.

    Raises:
        UnsupportedError: nothing plays there.
    """
    score, lines = piece.score, []
    for name in tracks_of(operation.targets, piece.score):
        track = score.track(name)
        old = within(track.notes, span)
        if not old:
            continue
        struck = tuple(_louder(note, _ACCENT * _strength(operation)) for note in old)
        new = (*struck, *_octaves(track, struck))
        score = score.with_track(replace(track, notes=merged(track.notes, new, span)))
        more = f", {len(new) - len(old)} notes added to its chords" if len(new) > len(old) else ""
        lines.append(f"{name} accented in {span}: velocity {_mean(old):.0f} → {_mean(struck):.0f}{more}")
    return _change(piece, score, lines, span)


def _change(piece: Piece, score: Score, lines: list[str], span: Span) -> Change:
    """What has other notes than before."""
    changed = tuple(t.name for t in score.tracks if t.notes != piece.score.track(t.name).notes)
    if not changed:
        raise UnsupportedError(f"nothing plays in {span}, or it is as loud as it can be; name another region")
    return Change(piece.plan, score, changed, span=span, holds_level=True, limits=True, lines=tuple(lines))


def _strength(operation: EditOperation) -> float:
    """1 where no figure is given."""
    given = operation.amount is not None and operation.unit in ("strength", "factor", "")
    return min(max(operation.amount or 1.0, 0.25), 2.0) if given else 1.0


def _place(note: Note, span: Span) -> float:
    """Where on the way a note begins, 0 to 1."""
    return min(1.0, (note.start - span.start) / max(span.end - span.start, _EPS))


def _grown(note: Note, place: float, strength: float) -> Note:
    return _louder(note, strength * (_FROM + (_TO - _FROM) * place))


def _louder(note: Note, change: float) -> Note:
    """Another velocity; what is beyond the bounds already stays."""
    low, high = min(_SOFTEST, note.velocity), max(_LOUDEST, note.velocity)
    return replace(note, velocity=min(max(round(note.velocity + change), low), high))


def _roll(track: Track, old: tuple[Note, ...], span: Span, score: Score, strength: float) -> list[Note]:
    """A snare roll of a drum kit: eighths in the second half of the way, sixteenths in its last bar."""
    arrival = span.end
    if not track.is_drum or track.role != "drums" or arrival - span.start < 2 * score.metre_at(span.start_bar).bar_quarters:
        return []
    last_bar = arrival - score.metre_at(score.bar_at(arrival - 10 * _EPS)).bar_quarters
    taken = [n.start for n in old if n.pitch == _SNARE]
    at, roll = span.start + (arrival - span.start) / 2.0, []
    at = round(at * 2.0) / 2.0
    while at < arrival - _EPS:
        place = (at - span.start) / (arrival - span.start)
        if not any(abs(at - t) < 0.05 for t in taken):
            low, high = _ROLL_VELOCITIES
            velocity = round((low + (high - low) * (2.0 * place - 1.0)) * min(1.0, 0.75 + 0.25 * strength))
            roll.append(Note(at, 0.125, _SNARE, min(max(velocity, _SOFTEST), _LOUDEST)))
        at += 0.25 if at >= last_bar - _EPS else 0.5
    return roll


def _octaves(track: Track, notes: tuple[Note, ...]) -> list[Note]:
    """For each chord of a part that plays chords: its lowest note an octave lower, else its highest an octave higher."""
    row = instruments().get(track.instrument)
    if row is None or track.is_drum or not row.poly or track.role not in _CHORDAL:
        return []
    low, high = row.range
    chords: dict[float, list[Note]] = {}
    for note in notes:
        chords.setdefault(round(note.start, 4), []).append(note)
    found = []
    for chord in chords.values():
        if len(chord) < 2:
            continue
        bottom, top = min(chord, key=lambda n: n.pitch), max(chord, key=lambda n: n.pitch)
        for note, pitch in ((bottom, bottom.pitch - 12), (top, top.pitch + 12)):
            if low <= pitch <= high and pitch not in {n.pitch for n in chord}:
                found.append(replace(note, pitch=pitch, velocity=max(_SOFTEST, note.velocity - 6)))
    return found


def _mean(notes: tuple[Note, ...]) -> float:
    return sum(n.velocity for n in notes) / len(notes)


def _course(notes: tuple[Note, ...], span: Span) -> str:
    """Mean velocity of what begins in the first and in the last third, one figure where nothing does in one of them."""
    third = (span.end - span.start) / 3.0
    first = tuple(n for n in notes if n.start < span.start + third)
    last = tuple(n for n in notes if n.start >= span.end - third)
    return f"{_mean(first):.0f}–{_mean(last):.0f}" if first and last else f"{_mean(notes):.0f}"
