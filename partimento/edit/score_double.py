"""``add`` with ``doubles``: a part that plays another one's notes along, at an interval."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import bars_with, merged, with_part, within
from partimento.edit.region import Span, steps_of
from partimento.edit.score_replace import folded
from partimento.edit.targets import free_name, instrument_of, tracks_of
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, PartPlan
from partimento.score.instruments import Instrument
from partimento.score.score import Note, Score, Track
from partimento.score.timing import Key

_BEHIND = 8
"""How much softer than the part it doubles a part is struck: it shall colour that one, not cover it."""
_SOFTEST = 12


def double(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Add a part that plays the notes of the part ``doubles``, ``amount`` semitones higher.

    Thirds, sixths and the like follow the scale, octaves and unisons are exact. What the instrument does not reach as a
    whole is moved by octaves, and the line says so.

    Raises:
        RequestError: no such part or instrument, or it plays nothing there.
        UnsupportedError: drums, whose notes no other part can play.
    """
    model = _model(piece.score, operation.doubles, span)
    row = instrument_of(operation.instrument or model.instrument)
    if model.is_drum or row.is_drum:
        raise UnsupportedError(f"a {row.en} cannot double {model.name}: drums have no pitches; add a part instead")
    steps = steps_of(operation.amount or 0.0)
    if abs(steps) > 36:
        raise RequestError(f"{steps:+d} semitones: a part can be doubled up to three octaves away")
    notes = tuple(_moved(note, steps, piece.score.key_at(note.start)) for note in within(model.notes, span))
    placed, octaves = _reached(notes, row, model.role)
    role = model.role if steps % 12 == 0 else "counter"
    name = free_name(row.en, {t.name for t in piece.score.tracks})
    part = PartPlan(
        name, row.id, role, Origin.SAID, bars_with((), span), operation.words, f"doubles {model.name}, added by an edit"
    )
    track = Track(name, role, row.id, row.program, row.is_drum, merged((), placed, span), model.gain_db)
    score = replace(piece.score, tracks=(*piece.score.tracks, track))
    how = f"{steps:+d} semitones" if steps else "in unison"
    lines = [f"{name} doubles {model.name} {how} in {span}"]
    if octaves:
        where = "lower" if octaves < 0 else "higher"
        lines.append(
            f"{name} plays {abs(octaves)} octave{'s' if abs(octaves) > 1 else ''} {where} than that: its range ends there"
        )
    return Change(with_part(piece.plan, part), score, (name,), span=span, lines=tuple(lines))


def _model(score: Score, name: str, span: Span) -> Track:
    """The part that is doubled: of several, the one with the most notes there.

    Raises:
        RequestError: it is not there, or silent in the span.
    """
    tracks = [score.track(n) for n in tracks_of((name,), score)]
    model = max(tracks, key=lambda t: len(within(t.notes, span)))
    if not within(model.notes, span):
        raise RequestError(f"{model.name} plays nothing in {span}, so nothing can be doubled there; name another part or region")
    return model


def _moved(note: Note, steps: int, key: Key) -> Note:
    """A note at the interval; but for octaves it lands on the scale, a semitone to the side where the interval is not on it."""
    pitch = note.pitch + steps
    if steps % 12 and note.pitch % 12 in key.scale and pitch % 12 not in key.scale:
        pitch += -1 if (pitch - 1) % 12 in key.scale else 1
    return replace(note, pitch=min(max(pitch, 0), 127), velocity=max(_SOFTEST, note.velocity - _BEHIND))


def _reached(notes: tuple[Note, ...], row: Instrument, role: str) -> tuple[tuple[Note, ...], int]:
    """The notes where the instrument reaches them, and by how many octaves they had to be moved."""
    low, high = row.range
    if all(low <= note.pitch <= high for note in notes) and row.poly:
        return notes, 0
    inside = [s for s in range(-48, 49, 12) if all(low <= n.pitch + s <= high for n in notes)]
    if not inside:
        return folded(notes, row, role), 0
    shift = min(inside, key=abs)
    moved = tuple(replace(n, pitch=n.pitch + shift) for n in notes)
    return (moved if row.poly else _one_at_a_time(moved, role)), shift // 12


def _one_at_a_time(notes: tuple[Note, ...], role: str) -> tuple[Note, ...]:
    """One note per onset, each let go when the next begins: for instruments that play no chords."""
    chosen: dict[float, Note] = {}
    for note in notes:
        at = round(note.start, 4)
        held = chosen.get(at)
        if held is None or (note.pitch < held.pitch if role == "bass" else note.pitch > held.pitch):
            chosen[at] = note
    line = [chosen[at] for at in sorted(chosen)]
    ends = [following.start for following in line[1:]] + [float("inf")]
    return tuple(replace(n, duration=min(n.duration, end - n.start)) for n, end in zip(line, ends, strict=True))
