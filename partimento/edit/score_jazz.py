"""``jazzier``: richer chords under the same tune, and eighths that swing (practice: sevenths first, then ninths)."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.lanes import free_sketches
from partimento.edit.region import Span
from partimento.edit.score_chords import follow_chords, with_chords
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.chord import Chord
from partimento.score.harmony import chord_in_key
from partimento.score.score import ChordSpan, Note, Score
from partimento.score.timing import Key
from partimento.styles import style

_SWING_SHARE = 1.0 / 6.0
"""From straight eighths (1/2) to a triplet feel (2/3), in beats."""
_SWUNG_SHARE = 0.4
"""Off-beats that are this late already swing."""
_DOMINANT = 7


def jazzier(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Triads become seventh chords of their function (sevenths, where all have them, ninths), the accompaniment follows,
    straight eighths swing; the tune stays.

    When only some parts are named, these swing and the chords stay.

    Raises:
        UnsupportedError: all of it is there already.
    """
    names = tracks_of(operation.targets, piece.score)
    score, plan = piece.score, piece.plan
    changed: list[str] = []
    strength = 1.0 if operation.amount is None else min(max(operation.amount, 0.25), 1.5)
    lines = []
    richer = _enriched(score, span) if len(names) == len(score.tracks) else ()
    if richer:
        score, plan = with_chords(piece, richer, span, operation)
        score, followed = follow_chords(piece, plan, score, span, keep_tune=True)
        plan = free_sketches(plan, followed)
        changed += followed
        lines.append(f"chords in {span}: {' '.join(c.chord.symbol for c in richer[:8])}{' …' if len(richer) > 8 else ''}")
    if style(piece.plan.style.value).swing <= 0:
        swung = [name for name in names if _swings(score, name, span)]
        for name in swung:
            track = score.track(name)
            notes = tuple(_swung(n, score, strength) for n in within(track.notes, span))
            score = score.with_track(replace(track, notes=merged(track.notes, notes, span)))
        changed += swung
        lines += [f"{', '.join(swung)} swing in {span}"] if swung else []
    if not changed:
        raise UnsupportedError(
            f"{', '.join(names)} cannot be made jazzier: seventh chords and swing are there already; try a style"
        )
    return Change(plan, score, tuple(dict.fromkeys(changed)), span=span, lines=tuple(lines))


def _enriched(score: Score, span: Span) -> tuple[ChordSpan, ...]:
    """The chords of a span with their sevenths, or with ninths when they have those; empty when nothing can be added."""
    found = [(max(c.start, span.start), min(c.end, span.end), c.chord) for c in score.chords]
    found = [(start, end, chord) for start, end, chord in found if end > start + 1e-6]
    for richer in (with_seventh, with_ninth):
        out = tuple(ChordSpan(start, end, richer(chord, score.key_at(start))) for start, end, chord in found)
        if any(new.chord != chord for new, (_, _, chord) in zip(out, found, strict=True)):
            return out
    return ()


def with_seventh(chord: Chord, key: Key) -> Chord:
    """A triad with the seventh of its function: V7, major sevenths on other major chords, minor sevenths on minor ones.

    Chords that have a sixth or a seventh, suspended and power chords stay.
    """
    if chord.intervals not in ((0, 4, 7), (0, 3, 7), (0, 3, 6)):
        return chord
    dominant = (chord.root - key.tonic) % 12 == _DOMINANT or (chord.root + 11) % 12 not in key.scale
    seventh = 11 if chord.intervals == (0, 4, 7) and not dominant else 10
    return chord_in_key(chord.root, (*chord.intervals, seventh), key, chord.bass if chord.bass != chord.root else None)


def with_ninth(chord: Chord, key: Key) -> Chord:
    """A seventh chord with its major ninth, where the scale has that note."""
    if chord.intervals not in ((0, 4, 7, 10), (0, 4, 7, 11), (0, 3, 7, 10)) or (chord.root + 2) % 12 not in key.scale:
        return chord
    return chord_in_key(chord.root, (*chord.intervals, 14), key, chord.bass if chord.bass != chord.root else None)


def _swings(score: Score, name: str, span: Span) -> bool:
    """True when a part has off-beat eighths, in bars that are counted in quarters, that do not swing yet."""
    late = [n.nudge_s / _late_s(n, score) for n in within(score.track(name).notes, span) if _off_beat(n, score)]
    return bool(late) and sum(late) / len(late) < _SWUNG_SHARE


def _off_beat(note: Note, score: Score) -> bool:
    if score.metre_at(score.bar_at(note.start)).denominator != 4:
        return False
    return abs(note.start % 1.0 - 0.5) < 1e-3


def _late_s(note: Note, score: Score) -> float:
    """How much later an off-beat eighth comes in a triplet feel."""
    return _SWING_SHARE * 60.0 / score.tempo_map.bpm_at(note.start)


def _swung(note: Note, score: Score, strength: float) -> Note:
    """An off-beat eighth a little later."""
    if not _off_beat(note, score):
        return note
    late_s = _late_s(note, score) * min(strength, 1.0)
    end_s = score.duration_s - score.tempo_map.seconds(note.end)
    return replace(note, nudge_s=round(note.nudge_s + min(late_s, max(0.0, end_s)), 5))
