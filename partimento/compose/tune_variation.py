"""A given tune developed: varied when it returns, its opening motif worked out where a bridge needs a tune.

Variation touches what a player would touch and leaves the tune to be recognised: long notes are filled by steps or
turned around, the last statement may lie an octave higher. A bridge takes the rhythm and the contour of the tune's first
bars, leads them through sequences over its chords, shortens them to their first half, and comes to rest on a long note.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import numpy as np

from partimento.compose.frame import Bar, Frame
from partimento.plan.plan import PartPlan
from partimento.score.chord import Chord
from partimento.score.instruments import instrument
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key

_EPS = 1e-6
LONG_S = 180.0
"""From this duration on the returns of a composed tune are developed, too."""
_LONG = 1.5
"""Quarter notes from which a note is long enough to be filled."""
_ORNAMENT_RATE = 0.45
_QUICK_S = 0.13
"""Ornaments are not shorter than this."""
_MOTIF_BARS = 2


def _dice(*labels: object) -> np.random.Generator:
    """A generator of its own for each place: the same tune varies the same way whatever else plays."""
    digest = hashlib.blake2s(repr(labels).encode(), digest_size=8).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def varied(frame: Frame, part: PartPlan, notes: list[Note], number: int, last: int) -> list[Note]:
    """A return of the tune: ornamented, and the last of several an octave higher where the instrument is at home there.

    Args:
        frame: the bars.
        part: who plays it.
        notes: one section of the return, at its place.
        number: 1 for the first return.
        last: number of the last return.
    """
    if not notes:
        return notes
    out: list[Note] = []
    ordered = sorted(notes, key=lambda n: (n.start, n.pitch))
    together = any(b.start < a.end - _EPS for a, b in itertools.pairwise(ordered))
    dice = _dice("varied", number, [(n.start - ordered[0].start, n.pitch) for n in ordered])
    plain = together or (number == last and last > 1)
    for note, following in zip(ordered, [*ordered[1:], None], strict=True):
        draw = float(dice.random())
        closes = following is None  # a section's last note is a cadence: it stays
        out += [note] if plain or closes or draw > _ORNAMENT_RATE else _ornamented(frame, note, following, draw / _ORNAMENT_RATE)
    return _higher(part, out) if number == last and last > 1 else out


def develop_returns(frame: Frame, tune: tuple[Note, ...]) -> tuple[Note, ...]:
    """In a piece of three minutes and more, returns from the second on are varied: ornamented, every other one an octave
    away where the tune's player is at home there.

    Args:
        frame: the bars.
        tune: the composed tune.
    """
    lead = next((p for p in frame.plan.parts if p.role == "melody"), None)
    if frame.plan.duration_s.value < LONG_S - 0.5 or lead is None:
        return tune
    seen: dict[str, int] = {}
    out: list[Note] = []
    for section in dict.fromkeys(bar.section for bar in frame.bars):
        start, end = frame.bars[section.start_bar].start, frame.bars[section.end_bar - 1].end
        notes = [n for n in tune if start - _EPS <= n.start < end - _EPS]
        number = seen[section.material] = seen.get(section.material, -1) + 1
        if number >= 2:
            notes = varied(frame, lead, notes, number, number + 1)
            notes = _higher(lead, notes) if number % 2 == 1 else notes
        out += notes
    return tuple(sorted(out, key=lambda n: n.start))


def _higher(part: PartPlan, notes: list[Note]) -> list[Note]:
    row = instrument(part.instrument)
    top = max(n.pitch for n in notes)
    fits = top + 12 <= row.best[1] and top + 12 <= 88
    return [replace(n, pitch=n.pitch + 12) for n in notes] if fits else notes


def _ornamented(frame: Frame, note: Note, following: Note | None, draw: float) -> list[Note]:
    """A long note with a passing note into the next, or with a turn by its neighbour in the key."""
    bar = _bar_at(frame, note.start)
    unit = 0.5
    if unit * 60.0 / _bpm(frame, note.start) < _QUICK_S:
        return [note]
    if note.duration < _LONG - _EPS:
        return _led_on(note, following, bar.key, unit)
    if following is not None and abs(following.start - note.end) < _EPS:
        gap = following.pitch - note.pitch
        steps = _between(note.pitch, following.pitch, bar.key)
        if 3 <= abs(gap) <= 5 and 1 <= len(steps) <= 2:
            main = note.duration - unit * len(steps)
            passing = [replace(note, start=note.start + main + unit * i, duration=unit, pitch=p) for i, p in enumerate(steps)]
            return [replace(note, duration=main), *passing]
    if note.duration >= 2.0 - _EPS and draw < 0.7:
        up = _step(note.pitch, 1 if draw < 0.4 else -1, bar.key)
        main = note.duration - 2 * unit
        return [
            replace(note, duration=main),
            replace(note, start=note.start + main, duration=unit, pitch=up),
            replace(note, start=note.start + main + unit, duration=unit),
        ]
    return [note]


def _led_on(note: Note, following: Note | None, key: Key, unit: float) -> list[Note]:
    """A quarter note that steps through a third to the next, or around a repeated note by its neighbour."""
    if abs(note.duration - 2 * unit) > _EPS or following is None or abs(following.start - note.end) > _EPS:
        return [note]
    steps = _between(note.pitch, following.pitch, key) if note.pitch != following.pitch else [_step(note.pitch, 1, key)]
    if len(steps) != 1 or abs(following.pitch - note.pitch) > 4:
        return [note]
    return [replace(note, duration=unit), replace(note, start=note.start + unit, duration=unit, pitch=steps[0])]


def _between(low: int, high: int, key: Key) -> list[int]:
    """Notes of the key strictly between two pitches, in their direction."""
    direction = 1 if high > low else -1
    return [p for p in range(low + direction, high, direction) if p % 12 in key.scale]


def _step(pitch: int, steps: int, key: Key) -> int:
    """The note that many steps of the key away."""
    direction = 1 if steps > 0 else -1
    at = pitch
    for _ in range(abs(steps)):
        at += direction
        while at % 12 not in key.scale:
            at += direction
    return at


def developed(frame: Frame, tune: tuple[Note, ...], chords: tuple[ChordSpan, ...], start_bar: int, end_bar: int) -> list[Note]:
    """A tune for bars that the given one leaves free, made of its opening motif.

    Args:
        frame: the bars.
        tune: the given tune (its first whole bars are the motif).
        chords: of the piece.
        start_bar, end_bar: bars to fill, the last exclusive.
    """
    motif = _motif(frame, tune, frame.bars[start_bar].metre.bar_quarters)
    if not motif:
        return []
    low, high = min(n.pitch for n in tune), max(n.pitch for n in tune)
    pitch = (low + high) // 2 + 2
    out: list[Note] = []
    for i, index in enumerate(range(start_bar, end_bar)):
        bar = frame.bars[index]
        left = end_bar - index
        if left == 1:  # rest on one long note, with a breath before what follows
            out += _rested(bar, chords, pitch)
            break
        short = left <= 3 and end_bar - start_bar >= 6
        shape = motif[0] if short else motif[i % len(motif)]
        if abs(bar.quarters - bar.metre.bar_quarters) > _EPS:
            continue
        lift = (0, 1, 2, 1, 3, 2, 1, 0)[i // len(motif) % 8] if not short else 3 - left
        placed = _on_chords(bar, shape, chords, pitch + 2 * lift, low - 2, high + 3)
        out += placed
        pitch = placed[-1].pitch - 2 * lift if placed else pitch
        pitch = min(high - 1, max(low + 1, pitch))
    return out


def _motif(frame: Frame, tune: tuple[Note, ...], bar_quarters: float) -> list[list[tuple[float, float, int]]]:
    """(onset in the bar, length, semitones above the bar's first note) of the tune's first two whole bars."""
    first = next((b.index for b in frame.bars if any(abs(n.start - b.start) < 0.26 for n in tune)), None)
    if first is None:
        return []
    shapes = []
    for index in range(first, min(first + _MOTIF_BARS, len(frame.bars))):
        bar = frame.bars[index]
        inside = [n for n in tune if bar.start - _EPS <= n.start < bar.end - _EPS]
        if inside and abs(bar.metre.bar_quarters - bar_quarters) < _EPS:
            shapes.append([(n.start - bar.start, min(n.duration, bar.end - n.start), n.pitch - inside[0].pitch) for n in inside])
    return shapes


def _on_chords(
    bar: Bar, shape: list[tuple[float, float, int]], chords: tuple[ChordSpan, ...], pitch: int, low: int, high: int
) -> list[Note]:
    """A motif from a pitch on: what falls on a beat is moved to the nearest chord note, the rest follows in the key."""
    beats = bar.metre.beat_quarters
    out: list[Note] = []
    first = pitch
    for onset, length, interval in shape:
        at = bar.start + onset
        chord = _chord_at(chords, at)
        wanted = min(high, max(low, first + interval))
        on_beat = any(abs(onset - b) < _EPS for b in beats)
        if on_beat and chord is not None and (length >= 0.75 or not out):
            wanted = _nearest(wanted, chord.pitch_classes, out[-1].pitch if out else wanted)
        else:
            wanted = _nearest(wanted, bar.key.scale, out[-1].pitch if out else wanted)
        if not out:
            first = wanted
        out.append(Note(at, length, wanted))
    return out


def _rested(bar: Bar, chords: tuple[ChordSpan, ...], pitch: int) -> list[Note]:
    chord = _chord_at(chords, bar.start)
    rest = _nearest(pitch, chord.pitch_classes if chord is not None else bar.key.scale, pitch)
    return [Note(bar.start, max(1.0, bar.quarters - 1.0), rest)]


def _nearest(pitch: int, classes: tuple[int, ...], towards: int) -> int:
    """The nearest pitch of some pitch classes; of two equally near the one nearer to ``towards``."""
    inside = [p for p in range(max(0, pitch - 11), min(127, pitch + 11) + 1) if p % 12 in classes]
    return min(inside, key=lambda p: (abs(p - pitch), abs(p - towards), p), default=pitch)


def _chord_at(chords: tuple[ChordSpan, ...], at: float) -> Chord | None:
    return next((c.chord for c in chords if c.start <= at + _EPS < c.end), None)


def _bar_at(frame: Frame, at: float) -> Bar:
    return next(b for b in reversed(frame.bars) if b.start <= at + _EPS)


def _bpm(frame: Frame, at: float) -> float:
    return [p.bpm for p in frame.tempos if p.at <= at + _EPS][-1]
