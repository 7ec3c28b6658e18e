"""``transpose`` and ``set_key``: higher, lower, another key or mode."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import merged, within
from partimento.edit.lanes import chord_lane, free_sketches, key_lane
from partimento.edit.region import Span, steps_of
from partimento.edit.score_replace import into_range
from partimento.edit.targets import tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, Value
from partimento.score.chord import Chord
from partimento.score.harmony import chord_in_key, is_diatonic
from partimento.score.instruments import instruments
from partimento.score.score import ChordSpan, KeyPoint, Score
from partimento.score.text import parse_key
from partimento.score.timing import Key

MAX_SEMITONES = 24
_LEADING = 11
Pitches = Callable[[int], int]
"""Old pitch → new pitch."""
Moves = Callable[[Chord | None], Pitches]
"""The chord that sounds → how pitches move over it."""


def transpose(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Move parts by ``amount`` semitones (drums stay); moving everything moves chords and key with it.

    Raises:
        RequestError: no amount, or beyond two octaves.
    """
    steps = steps_of(operation.amount or 0.0)
    if not steps or abs(steps) > MAX_SEMITONES:
        raise RequestError(f"a transposition by {steps:+d} semitones: give 1 to {MAX_SEMITONES}, up or down")
    names = _pitched(piece.score, tracks_of(operation.targets, piece.score))
    if not names:
        raise RequestError("drums have no pitch to transpose; name a pitched part")
    line = f"{', '.join(names)} {steps:+d} semitones in {span}"
    if set(names) != set(_pitched(piece.score, tuple(t.name for t in piece.score.tracks))) or steps % 12 == 0:
        score = _moved_tracks(piece.score, names, span, lambda _chord: lambda pitch: pitch + steps)
        return Change(free_sketches(piece.plan, names), score, names, span=span, lines=(line,))

    def moves(_chord: Chord | None) -> Pitches:
        return lambda pitch: pitch + steps

    return _everything(piece, names, span, moves, lambda key: key.transposed(steps), operation, line)


def set_key(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Move everything that has pitch to another key, the shorter way; another mode maps degree to degree.

    ``value`` is a key, ``major`` or ``minor`` (on the same tonic) or ``relative`` (the same notes).

    Dominant chords keep their leading note in minor (harmonic minor) and secondary dominants their form, with the tune
    over them.

    Raises:
        ParseError: the key does not parse.
    """
    old = piece.score.key_at(span.start)
    new = key_meant(operation.value, old)
    if new == old and all(p.key == new for p in piece.score.keys):
        raise RequestError(f"the key is {new} already; name another")
    steps = (new.tonic - old.tonic + 6) % 12 - 6
    names = _pitched(piece.score, tuple(t.name for t in piece.score.tracks))

    def moves(chord: Chord | None) -> Pitches:
        """Where pitches over a chord go."""
        leading = new.mode == "minor" and chord is not None and _is_dominant(chord, old)
        if chord is not None and _is_secondary(chord, old):
            return lambda pitch: pitch + steps

        def move(pitch: int) -> int:
            degree = (pitch - old.tonic) % 12
            return pitch + steps + (0 if leading and degree == _LEADING else _bend(degree, old, new))

        return move

    def key_of(key: Key) -> Key:
        return new if key == old else Key((key.tonic + steps) % 12, key.mode)

    return _everything(piece, names, span, moves, key_of, operation, f"key {old} → {new} in {span}")


def key_meant(value: str, old: Key) -> Key:
    """The key that a value names, seen from the key that is there.

    Raises:
        ParseError: it does not parse.
    """
    word = value.strip().lower()
    if word in ("major", "minor"):
        return Key(old.tonic, word)
    if word == "relative":
        minor = old.mode in ("minor", "dorian", "phrygian")
        return Key((old.tonic + (3 if minor else -3)) % 12, "major" if minor else "minor")
    return parse_key(value)


def _is_dominant(chord: Chord, key: Key) -> bool:
    """True for a chord on the fifth or seventh degree with the leading note."""
    return (chord.root - key.tonic) % 12 in (7, _LEADING) and (key.tonic + _LEADING) % 12 in chord.pitch_classes


def _is_secondary(chord: Chord, key: Key) -> bool:
    """True for a major or dominant chord foreign to the key that is not on its first, fourth or fifth degree."""
    return 4 in chord.intervals and not is_diatonic(chord, key) and (chord.root - key.tonic) % 12 not in (0, 5, 7)


def _bend(degree: int, old: Key, new: Key) -> int:
    """How far a scale degree moves when the mode changes; notes between the degrees move with the one below."""
    before = [(pc - old.tonic) % 12 for pc in old.scale]
    after = [(pc - new.tonic) % 12 for pc in new.scale]
    if degree not in before and degree in after:
        return 0  # the leading note of a minor key is at home in the major one
    index = max(i for i, step in enumerate(before) if step <= degree)
    return after[index] - before[index]


def _everything(
    piece: Piece,
    names: tuple[str, ...],
    span: Span,
    moves: Moves,
    key_of: Callable[[Key], Key],
    operation: EditOperation,
    line: str,
) -> Change:
    """Tracks, chords and keys of a span moved."""
    score = _moved_tracks(piece.score, names, span, moves)
    keys = _moved_keys(piece.score, span, key_of)
    score = replace(score, keys=keys)
    chords: list[ChordSpan] = []
    for at in piece.score.chords:
        for start, end in _cuts(at.start, at.end, span):
            inside = span.start - 1e-6 <= start < span.end - 1e-6
            chord = moved_chord(at.chord, moves(at.chord), score.key_at(start)) if inside else at.chord
            chords.append(ChordSpan(start, end, chord))
    score = replace(score, chords=tuple(chords))
    plan = free_sketches(piece.plan, names)
    plan = replace(plan, key=Value(key_lane(score), Origin.SAID, operation.words))
    if plan.chords.value is not None:
        plan = replace(plan, chords=replace(plan.chords, value=chord_lane(score)))
    return Change(plan, score, names, span=span, lines=(line,))


def _cuts(start: float, end: float, span: Span) -> list[tuple[float, float]]:
    """A stretch cut where a span begins and ends."""
    edges = [start, *(at for at in (span.start, span.end) if start + 1e-6 < at < end - 1e-6), end]
    return list(itertools.pairwise(edges))


def moved_chord(chord: Chord, move: Pitches, key: Key) -> Chord:
    """A chord whose tones have moved, spelt in a key."""
    base = 48 + chord.root
    root = move(base)
    intervals = sorted({(move(base + i) - root) % 12 + 12 * (i // 12) for i in chord.intervals} | {0})
    bass = move(48 + chord.bass) % 12 if chord.bass != chord.root else None
    return chord_in_key(root % 12, tuple(intervals), key, bass)


def _moved_tracks(score: Score, names: tuple[str, ...], span: Span, moves: Moves) -> Score:
    """The named tracks with the notes of a span moved; a note out of its instrument's range changes its octave."""
    chord_at = score.chord_at
    for name in names:
        track = score.track(name)
        row = instruments().get(track.instrument)
        low, high = row.range if row is not None else (0, 127)
        moved = []
        for note in within(track.notes, span):
            inside = low <= note.pitch <= high
            pitch = moves(chord_at(note.start))(note.pitch)
            moved.append(replace(note, pitch=into_range(pitch, *((low, high) if inside else (0, 127)))))
        score = score.with_track(replace(track, notes=merged(track.notes, moved, span)))
    return score


def _moved_keys(score: Score, span: Span, key_of: Callable[[Key], Key]) -> tuple[KeyPoint, ...]:
    """Key points with those of a span changed and the old key back behind it."""
    at = {p.at: p.key for p in score.keys}
    at[span.start] = score.key_at(span.start)
    behind = score.key_at(span.end)
    points = {q: key_of(k) if span.start - 1e-6 <= q < span.end - 1e-6 else k for q, k in at.items()}
    if span.end < score.length - 1e-6:
        points[span.end] = behind
    out: list[KeyPoint] = []
    for quarter in sorted(points):
        if not out or out[-1].key != points[quarter]:
            out.append(KeyPoint(quarter, points[quarter]))
    return tuple(out)


def _pitched(score: Score, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the tracks that have pitch."""
    return tuple(name for name in names if score.track(name).has_pitch)
