"""A line against lines that are there already: free counterpoint by the shortest path.

Rules of strict style, softened to costs (J. J. Fux, "Gradus ad Parnassum", 1725; W. Piston, "Counterpoint", 1947):
consonance where notes begin together on a beat, dissonance only in passing, no parallel fifths or octaves, contrary rather
than similar motion, steps rather than leaps, no crossing.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from partimento.score.chord import Chord
from partimento.score.score import Note
from partimento.score.timing import Key

_EPS = 1e-6
_DISSONANT = (1, 2, 6, 10, 11)
_PERFECT = (0, 7)
_LEAP = (1.0, 0.0, 0.0, 0.25, 0.3, 0.6, 3.0, 0.8, 1.6, 1.8, 3.5, 4.0, 1.8)
"""What a melodic interval costs by its semitones, 0 (a repeated note) to 12."""
_TASTE = 0.35
_PARALLEL, _HIDDEN, _CROSSING, _CLASH, _FOREIGN_ON_BEAT = 9.0, 1.2, 5.0, 2.5, 3.0


@dataclass(frozen=True, slots=True)
class Slot:
    """A note to be: its place, its length, the chord and the key under it, and whether it falls on a beat."""

    start: float
    duration: float
    chord: Chord
    key: Key
    on_beat: bool


class Line:
    """Notes of a voice with quick look-up."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self.notes = sorted(notes, key=lambda n: n.start)
        self._starts = [n.start for n in self.notes]

    def at(self, time: float) -> int | None:
        """Pitch sounding at a time."""
        i = bisect.bisect_right(self._starts, time + _EPS) - 1
        return self.notes[i].pitch if i >= 0 and self.notes[i].end > time + _EPS else None

    def begins(self, time: float) -> bool:
        """True when a note begins there."""
        i = bisect.bisect_left(self._starts, time - _EPS)
        return i < len(self._starts) and abs(self._starts[i] - time) < _EPS


def scale_of(slot: Slot) -> frozenset[int]:
    """Notes of the key, with the chord's own alterations (a leading note) in the place of what they alter."""
    scale = set(slot.key.scale)
    for tone in slot.chord.pitch_classes:
        if tone not in scale:
            scale.discard((tone - 1) % 12)
            scale.add(tone)
    return frozenset(scale)


def write_line(
    slots: Sequence[Slot],
    others: Sequence[tuple[Line, bool | None]],
    low: int,
    high: int,
    rng: np.random.Generator,
    *,
    before: int | None = None,
    target: int | None = None,
) -> list[Note]:
    """The cheapest line over some slots.

    Args:
        slots: in order.
        others: lines that sound already, each with whether it lies above the new one (None: they may cross).
        low, high: range.
        rng: breaks ties, so that lines differ.
        before: the voice's pitch before the first slot.
        target: the pitch that the voice goes on with after the last slot.
    """
    if not slots:
        return []
    choices = [[p for p in range(low, high + 1) if p % 12 in scale_of(slot)] or [low] for slot in slots]
    best = np.array([_place(slots[0], p, others, low, high) + _step(before, p) for p in choices[0]])
    best = best + _TASTE * rng.random(len(choices[0]))
    back = []
    for i in range(1, len(slots)):
        here = np.array([_place(slots[i], p, others, low, high) for p in choices[i]]) + _TASTE * rng.random(len(choices[i]))
        moves = np.array([[_move(slots[i - 1], slots[i], a, b, others) for a in choices[i - 1]] for b in choices[i]])
        total = moves + best[None, :]
        source = np.argmin(total, axis=1)
        back.append(source)
        best = total[np.arange(len(choices[i])), source] + here
    if target is not None:
        best = best + np.array([_step(p, target) for p in choices[-1]])
    k = int(np.argmin(best))
    path = [k]
    for source in reversed(back):
        k = int(source[k])
        path.append(k)
    path.reverse()
    return [Note(s.start, s.duration, row[k]) for s, row, k in zip(slots, choices, path, strict=True)]


def _step(a: int | None, b: int) -> float:
    if a is None:
        return 0.0
    size = abs(a - b)
    return _LEAP[size] if size <= 12 else 6.0 + 0.5 * (size - 12)


def _place(slot: Slot, pitch: int, others: Sequence[tuple[Line, bool | None]], low: int, high: int) -> float:
    """What a pitch costs where it stands."""
    cost = 0.06 * abs(pitch - (low + high) / 2)
    if pitch % 12 not in slot.chord.pitch_classes:
        cost += _FOREIGN_ON_BEAT if slot.on_beat else 0.35
        cost += 1.0 if slot.duration > 0.75 else 0.0
    for line, is_above in others:
        sounding = line.at(slot.start)
        if sounding is None:
            continue
        if is_above is not None and (pitch >= sounding if is_above else pitch <= sounding):
            cost += _CROSSING
        together = slot.on_beat or line.begins(slot.start)
        if abs(pitch - sounding) % 12 in _DISSONANT:
            chordal = pitch % 12 in slot.chord.pitch_classes and sounding % 12 in slot.chord.pitch_classes
            cost += (0.3 if chordal else _CLASH) * (1.0 if together else 0.3)
        if pitch % 12 == sounding % 12 and slot.on_beat:
            cost += 0.5
        if abs(pitch - sounding) > 19:
            cost += 0.4
    return cost


def _move(was: Slot, now: Slot, a: int, b: int, others: Sequence[tuple[Line, bool | None]]) -> float:
    """What going from one pitch to the next costs; a foreign note must be left by step."""
    cost = _step(a, b)
    if abs(a - b) > 2:
        cost += 1.5 * (a % 12 not in was.chord.pitch_classes) + 1.5 * (b % 12 not in now.chord.pitch_classes)
    for line, _ in others:
        old, new = line.at(was.start + was.duration - 2 * _EPS), line.at(now.start)
        if old is None or new is None or a == b:
            continue
        if old == new:
            continue
        similar = (b - a) * (new - old) > 0
        if abs(b - new) % 12 in _PERFECT:
            if abs(a - old) % 12 == abs(b - new) % 12:
                cost += _PARALLEL
            elif similar:
                cost += _HIDDEN
        cost -= 0.15 * (not similar)
    return cost
