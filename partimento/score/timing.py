"""Musical time: metres, tempo maps, keys, and the way between bars, quarter notes and seconds.

Inside a score every position is counted in **quarter notes** from the start (``float``, 0-based). Bars are 0-based
here; what users read and write ("bars 9-12") is 1-based and converted at the edge. A bar of 6/8 has 3 quarter notes.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from partimento.errors import RequestError

MIN_TEMPO_BPM = 20.0
MAX_TEMPO_BPM = 400.0
FINAL_SHARE = 0.85
"""The last chord of an ending that ends begins after this share of the piece."""
_LEAST_TAIL_QUARTERS = 0.15
PITCH_NAMES_SHARP = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
PITCH_NAMES_FLAT = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_DENOMINATORS = (1, 2, 4, 8, 16, 32)
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
_ABOVE_RELATIVE_MAJOR = {"major": 0, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "minor": 9, "locrian": 11}


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature.

    Attributes:
        numerator: beats as written, 1–32.
        denominator: note value of one of them: 1, 2, 4, 8, 16 or 32.
        groups: how the numerator is felt, e.g. ``(3, 2, 2)`` for 7/8; empty means the usual grouping.
    """

    numerator: int = 4
    denominator: int = 4
    groups: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.numerator <= 32:
            raise RequestError(f"metre {self.numerator}/{self.denominator}: the numerator must be 1 to 32")
        if self.denominator not in _DENOMINATORS:
            raise RequestError(f"metre {self.numerator}/{self.denominator}: the denominator must be one of {_DENOMINATORS}")
        if self.groups and sum(self.groups) != self.numerator:
            raise RequestError(f"metre groups {self.groups} must add up to {self.numerator}")

    @property
    def bar_quarters(self) -> float:
        """Length of a bar in quarter notes."""
        return self.numerator * 4.0 / self.denominator

    @property
    def is_compound(self) -> bool:
        """True for 6/8, 9/8, 12/8 and the like: the felt beat is a dotted note."""
        return self.denominator >= 8 and self.numerator % 3 == 0 and self.numerator > 3

    @property
    def beat_groups(self) -> tuple[int, ...]:
        """Felt beats of a bar in units of the denominator: (1,1,1,1) in 4/4, (3,3) in 6/8, (2,2,3) in 7/8."""
        if self.groups:
            return self.groups
        if self.is_compound:
            return (3,) * (self.numerator // 3)
        if self.denominator >= 8 and self.numerator > 4:
            groups = [2] * (self.numerator // 2)
            if self.numerator % 2:
                groups[-1] = 3
            return tuple(groups)
        return (1,) * self.numerator

    @property
    def beat_quarters(self) -> tuple[float, ...]:
        """Start of each felt beat in the bar, in quarter notes."""
        starts, at = [], 0
        for group in self.beat_groups:
            starts.append(at * 4.0 / self.denominator)
            at += group
        return tuple(starts)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic and a mode.

    Attributes:
        tonic: pitch class 0–11.
        mode: ``major``, ``minor`` or a church mode.
    """

    tonic: int = 0
    mode: str = "major"

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11:
            raise RequestError(f"key tonic {self.tonic} must be a pitch class 0-11")
        if self.mode not in _SCALES:
            raise RequestError(f"unknown mode '{self.mode}'; known: {', '.join(_SCALES)}")

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic upwards (natural minor for ``minor``)."""
        return tuple((self.tonic + step) % 12 for step in _SCALES[self.mode])

    @property
    def is_minor(self) -> bool:
        """True when the third of the scale is minor."""
        return _SCALES[self.mode][2] == 3

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the key signature, -6 to 6 (F sharp rather than G flat major)."""
        relative_major = (self.tonic - _ABOVE_RELATIVE_MAJOR[self.mode]) % 12
        fifths = (relative_major * 7) % 12
        return fifths if fifths <= 6 else fifths - 12

    @property
    def prefers_flats(self) -> bool:
        """True when the accidentals of the key are flats."""
        return self.fifths < 0

    def spell(self, pitch_class: int) -> str:
        """Name of a pitch class in this key's accidentals, e.g. 10 → ``Bb`` in F major."""
        return (PITCH_NAMES_FLAT if self.prefers_flats else PITCH_NAMES_SHARP)[pitch_class % 12]

    def transposed(self, semitones: int) -> Key:
        """The same mode on another tonic."""
        return Key((self.tonic + semitones) % 12, self.mode)

    def __str__(self) -> str:
        return f"{self.spell(self.tonic)} {self.mode}"


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """From ``at`` (quarter notes) on the tempo is ``bpm`` quarter notes per minute, constant until the next point."""

    at: float
    bpm: float

    def __post_init__(self) -> None:
        if not MIN_TEMPO_BPM <= self.bpm <= MAX_TEMPO_BPM:
            raise RequestError(f"tempo {self.bpm:g} bpm is outside {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g} bpm")


class TempoMap:
    """Piecewise constant tempo: quarter notes ↔ seconds.

    Args:
        points: at least one; the first must be at 0.
    """

    def __init__(self, points: tuple[TempoPoint, ...] | list[TempoPoint]) -> None:
        if not points or points[0].at != 0:
            raise ValueError("a tempo map needs a point at quarter note 0")
        self._quarters = [p.at for p in points]
        self._bpm = [p.bpm for p in points]
        self._seconds = [0.0]
        for i in range(1, len(points)):
            if self._quarters[i] <= self._quarters[i - 1]:
                raise ValueError("tempo points must ascend")
            span = self._quarters[i] - self._quarters[i - 1]
            self._seconds.append(self._seconds[-1] + span * 60.0 / self._bpm[i - 1])

    def seconds(self, quarter: float) -> float:
        """Seconds from the start at a position in quarter notes (negative positions extend the first tempo)."""
        i = max(0, bisect.bisect_right(self._quarters, quarter) - 1)
        return self._seconds[i] + (quarter - self._quarters[i]) * 60.0 / self._bpm[i]

    def quarters(self, seconds: float) -> float:
        """Inverse of :meth:`seconds`."""
        i = max(0, bisect.bisect_right(self._seconds, seconds) - 1)
        return self._quarters[i] + (seconds - self._seconds[i]) * self._bpm[i] / 60.0

    def bpm_at(self, quarter: float) -> float:
        """Quarter notes per minute at a position."""
        return self._bpm[max(0, bisect.bisect_right(self._quarters, quarter) - 1)]


def mean_bpm(bpm: float, to_bpm: float) -> float:
    """The constant tempo that takes as long as one that moves linearly (along the notes) from ``bpm`` to ``to_bpm``."""
    ratio = to_bpm / bpm
    return (to_bpm + bpm) / 2.0 if abs(ratio - 1.0) < 1e-4 else (to_bpm - bpm) / math.log(ratio)


class MetreFrom(Protocol):
    """From ``bar`` on: ``metre``; a point of a score or of a plan."""

    @property
    def bar(self) -> int:
        """0-based."""
        ...

    @property
    def metre(self) -> Metre:
        """Until the next point."""
        ...


def quarters_at(metres: Sequence[MetreFrom], bar: float) -> float:
    """Quarter notes at a fractional bar of a grid that goes on for ever."""
    at = 0.0
    for i, point in enumerate(metres):
        until = metres[i + 1].bar if i + 1 < len(metres) else float("inf")
        at += (min(bar, until) - point.bar) * point.metre.bar_quarters
        if bar <= until:
            break
    return at


def begins_bar(at: float, length: float, before: Metre | None, metre: Metre) -> bool:
    """True when what is left of a piece behind a bar line is a bar of its own.

    It is from a third of a bar on. Less than that belongs to the bar before, unless the last chord would stand there: in
    a very short piece every beat of the bar before may be too early for it.

    Args:
        at: the bar line, quarter notes.
        length: end of the piece, quarter notes.
        before: metre of the bar before; None at the start of the piece, where a bar always begins.
        metre: metre of the bar that would begin.
    """
    left = length - at
    if before is None or left >= metre.bar_quarters / 3 - 1e-6:
        return True
    last_beat = at - before.bar_quarters + before.beat_quarters[-1]
    return left >= _LEAST_TAIL_QUARTERS and last_beat < FINAL_SHARE * length


def bars_in_quarters(quarters: float, metre: Metre) -> int:
    """Bars of one metre that a piece of some length has, as :func:`begins_bar` tells them, at least 1."""
    whole = max(1, math.floor(quarters / metre.bar_quarters + 1e-7))
    at = whole * metre.bar_quarters
    return whole + 1 if at < quarters - 1e-6 and begins_bar(at, quarters, metre, metre) else whole
