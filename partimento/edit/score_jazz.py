"""``jazzier`` and back: richer chords under the same tune, and eighths that swing (practice: sevenths first, then ninths)."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.lanes import free_sketches
from partimento.edit.region import Span
from partimento.edit.score_chords import follow_chords, with_chords
from partimento.edit.score_swing import TRIPLET_RATIO, at_ratio, swing_ratio
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.chord import Chord
from partimento.score.harmony import chord_in_key
from partimento.score.score import ChordSpan, Score
from partimento.score.timing import Key
from partimento.styles import style

_SWINGS_ALREADY = 1.3
"""A part with this swing ratio, or a style that swings, is left as it is."""
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
    swung = []
    for name in names if style(piece.plan.style.value).swing <= 0 else ():
        if (swing_ratio(score, (name,), span) or TRIPLET_RATIO) >= _SWINGS_ALREADY:
            continue
        notes = at_ratio(score.track(name), score, span, min(1.0 + strength, TRIPLET_RATIO))
        if notes is not None:
            score = score.with_track(replace(score.track(name), notes=notes))
            swung.append(name)
    changed += swung
    lines += [f"{', '.join(swung)} swing in {span}"] if swung else []
    if not changed:
        raise UnsupportedError(
            f"{', '.join(names)} cannot be made jazzier: seventh chords and swing are there already; try a style"
        )
    return Change(plan, score, tuple(dict.fromkeys(changed)), span=span, lines=tuple(lines))


def plainer(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """The way back from :func:`jazzier`: chords lose what lies above their triads, and swung eighths are played straight.

    When only some parts are named, these are straightened and the chords stay.

    Raises:
        UnsupportedError: plain triads and straight eighths are there already.
    """
    names = tracks_of(operation.targets, piece.score)
    score, plan = piece.score, piece.plan
    changed: list[str] = []
    lines = []
    inside = [(max(c.start, span.start), min(c.end, span.end), c.chord) for c in score.chords]
    inside = [(start, end, chord) for start, end, chord in inside if end > start + 1e-6]
    plain = tuple(ChordSpan(start, end, as_triad(chord, score.key_at(start))) for start, end, chord in inside)
    fewer = any(new.chord != chord for new, (_, _, chord) in zip(plain, inside, strict=True))
    if fewer and len(names) == len(score.tracks):
        score, plan = with_chords(piece, plain, span, operation)
        score, followed = follow_chords(piece, plan, score, span, keep_tune=True)
        plan = free_sketches(plan, followed)
        changed += followed
        lines.append(f"chords in {span}: {' '.join(c.chord.symbol for c in plain[:8])}{' …' if len(plain) > 8 else ''}")
    straightened = []
    for name in names:
        if (swing_ratio(score, (name,), span) or 1.0) < _SWINGS_ALREADY:
            continue
        notes = at_ratio(score.track(name), score, span, 1.0)
        if notes is not None:
            score = score.with_track(replace(score.track(name), notes=notes))
            straightened.append(name)
    changed += straightened
    lines += [f"{', '.join(straightened)} straight in {span}"] if straightened else []
    if not changed:
        raise UnsupportedError(
            f"{', '.join(names)} cannot be made less jazzy: plain triads and straight eighths are there already; try a style"
        )
    return Change(plan, score, tuple(dict.fromkeys(changed)), span=span, lines=tuple(lines))


def as_triad(chord: Chord, key: Key) -> Chord:
    """A chord without what lies above its triad; suspended and power chords lose only their sevenths and tensions."""
    triad = tuple(i for i in chord.intervals if i in (0, 2, 3, 4, 5, 6, 7, 8))[:3]
    if triad == chord.intervals:
        return chord
    return chord_in_key(chord.root, triad, key, chord.bass if chord.bass != chord.root else None)


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
