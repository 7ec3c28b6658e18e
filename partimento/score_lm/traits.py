"""What a tune is like as a whole: how low and high it goes, and how much of each manner there is in it.

Said in the header, behind the parts. A model that knows them while it learns can let pieces differ from one another as much as
real ones do, since it draws them before the first bar; a user, or a given tune, can say them instead. Shades are cut at fixed
bounds, about the 5th, 17th, 33rd, 50th, 67th, 83rd and 95th percentile of the lead sheets and songs that the first model learned
from. Such attributes as words of a symbolic model: von Rütte et al., "FIGARO: Generating Symbolic Music with Fine-Grained
Artistic Control", 2023, section 3.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from partimento.score_lm.grid import GridScore

N_SHADES = 8
MIN_NOTES = 12
"""A tune of fewer notes has no traits."""
SMALLEST_LOW, N_LOW, N_SPAN = 36, 48, 48
"""Lowest pitches that can be said (semitones from the tonic's octave), their number, and the number of ranges."""
DENSITIES = (0.75, 1.0, 1.35, 1.9)
"""Bounds of the five densities, notes of the tune per quarter note."""
_QUARTER = 24

BOUNDS: dict[str, tuple[float, ...]] = {
    "unisons": (0.02, 0.06, 0.11, 0.15, 0.20, 0.28, 0.40),
    "steps": (0.27, 0.37, 0.45, 0.50, 0.55, 0.62, 0.70),
    "leaps": (0.03, 0.06, 0.09, 0.125, 0.16, 0.21, 0.28),
    "turns": (0.35, 0.43, 0.48, 0.52, 0.55, 0.61, 0.70),
    "shorts": (0.001, 0.02, 0.06, 0.12, 0.20, 0.35, 0.55),
    "eighths": (0.01, 0.08, 0.20, 0.33, 0.47, 0.62, 0.75),
    "quarters": (0.05, 0.12, 0.20, 0.30, 0.45, 0.60, 0.75),
    "longs": (0.005, 0.04, 0.08, 0.14, 0.22, 0.33, 0.55),
    "dotted": (0.005, 0.03, 0.06, 0.09, 0.13, 0.18, 0.28),
    "rests": (0.001, 0.015, 0.035, 0.06, 0.10, 0.16, 0.25),
    "offbeats": (0.01, 0.09, 0.20, 0.32, 0.42, 0.50, 0.62),
    "held": (0.001, 0.01, 0.025, 0.05, 0.08, 0.13, 0.20),
    "chromatic": (0.001, 0.015, 0.03, 0.05, 0.08, 0.12, 0.18),
    "chord_tones": (0.63, 0.72, 0.77, 0.81, 0.85, 0.89, 0.93),
    "contrast": (0.22, 0.30, 0.38, 0.45, 0.52, 0.60, 0.72),
    "rhythms": (0.62, 0.72, 0.78, 0.83, 0.87, 0.91, 0.95),
    "returns": (0.48, 0.60, 0.69, 0.75, 0.80, 0.85, 0.91),
}
"""Upper ends of the shades of each, see :func:`trait_values`."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Of a tune.

    Attributes:
        low: MIDI number of the lowest pitch.
        span: semitones from there to the highest.
        shades: one of 0 to 7 for each of :data:`BOUNDS`.
    """

    low: int
    span: int
    shades: tuple[int, ...]

    @property
    def high(self) -> int:
        """MIDI number of the highest pitch."""
        return self.low + self.span


def density_of(grid: GridScore) -> int:
    """Density of the busiest tune-bearing part where it plays, as a shade of 0 to 4."""
    tracks = [t for t in grid.tracks if t.role == "melody" and t.notes] or [t for t in grid.tracks if t.notes]
    if not tracks:
        return 0
    track = max(tracks, key=lambda t: len(t.notes))
    starts = np.array([b.start for b in grid.bars])
    onsets = np.unique([n.start for n in track.notes])
    played = np.unique(np.searchsorted(starts, onsets, side="right") - 1)
    quarters = sum(grid.bars[i].ticks for i in played) / _QUARTER
    return int(np.searchsorted(DENSITIES, len(onsets) / quarters))


def traits_of(grid: GridScore) -> Traits | None:
    """The traits of a tune that is the first part of ``grid``; None when it has too few notes.

    The part has to be a single line.
    """
    if not grid.tracks or len(grid.tracks[0].notes) < MIN_NOTES:
        return None
    pitches = np.array([n.pitch for n in grid.tracks[0].notes])
    values = trait_values(grid)
    shades = tuple(int(np.searchsorted(bounds, values[name], side="right")) for name, bounds in BOUNDS.items())
    return Traits(int(pitches.min()), int(pitches.max() - pitches.min()), shades)


def trait_values(grid: GridScore) -> dict[str, float]:
    """What the shades are cut from: shares, 0 to 1, but for ``contrast`` (see :func:`traits_of`).

    - unisons, steps, leaps: of intervals, 0, 1 or 2, 5 semitones and more; turns: of those that are not 0, changes of direction
    - shorts, eighths, quarters, longs, dotted: of notes, shorter than an eighth, an eighth, a quarter, a half and more, dotted
    - rests: of the time from the first note to the last
    - offbeats: of notes, those that begin between beats; held: those of them that sound over the next beat
    - chromatic: of the time, notes outside the key; chord_tones: of the time, notes of their chords
    - contrast: standard deviation of the number of notes in a bar by its mean
    - rhythms, returns: how like bars are to the earlier bar most like them, in onsets and lengths, and in onsets and pitches
      from the bar's first
    """
    notes = grid.tracks[0].notes
    starts, pitches = np.array([n.start for n in notes]), np.array([n.pitch for n in notes])
    lengths = np.array([n.ticks for n in notes])
    bar_starts = np.array([b.start for b in grid.bars])
    bars = np.searchsorted(bar_starts, starts, side="right") - 1
    beats = np.array([felt_beat(grid.bars[i].metre) for i in bars])
    places = starts - bar_starts[bars]
    off = places % beats != 0
    held = off & (places % beats + lengths > beats)
    counts = np.bincount(bars)[bars[0] :]
    rhythms, returns = _likeness(bars, places, lengths, pitches)
    return {
        **_steps(np.diff(pitches)),
        "shorts": _share(lengths < _QUARTER // 2), "eighths": _share(lengths == _QUARTER // 2),
        "quarters": _share(lengths == _QUARTER), "longs": _share(lengths >= 2 * _QUARTER),
        "dotted": _share(np.isin(lengths, (18, 36, 72))),
        "rests": float(1.0 - lengths.sum() / max(1, starts[-1] + lengths[-1] - starts[0])),
        "offbeats": _share(off), "held": _share(held),
        **_harmony(grid, starts, lengths, pitches, bars),
        "contrast": float(counts.std() / counts.mean()),
        "rhythms": rhythms, "returns": returns,
    }  # fmt: skip


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if flags.size else 0.0


def felt_beat(metre: tuple[int, int]) -> int:
    """Ticks of a felt beat: three eighths in compound metres."""
    unit = 4 * _QUARTER // metre[1]
    return 3 * unit if metre[1] >= 8 and metre[0] % 3 == 0 and metre[0] > 3 else max(unit, _QUARTER // 2)


def _steps(intervals: NDArray[np.int64]) -> dict[str, float]:
    size, moving = np.abs(intervals), intervals[intervals != 0]
    return {
        "unisons": _share(size == 0), "steps": _share((size == 1) | (size == 2)), "leaps": _share(size >= 5),
        "turns": _share(np.sign(moving[1:]) != np.sign(moving[:-1])),
    }  # fmt: skip


def scale_of(key: tuple[int, str]) -> frozenset[int]:
    """Pitch classes of a key; in minor the raised sixth and seventh, too."""
    from partimento.score.timing import Key

    tonic, mode = key
    raised = {(tonic + 9) % 12, (tonic + 11) % 12} if mode == "minor" else set()
    return frozenset(Key(tonic, mode).scale) | raised


def _harmony(
    grid: GridScore, starts: NDArray[np.int64], lengths: NDArray[np.int64], pitches: NDArray[np.int64], bars: NDArray[np.int64]
) -> dict[str, float]:
    """Shares of the time outside the key and on notes of the chords (0.8 of it where there are no chords)."""
    from partimento.score_lm.grid import QUALITIES

    keys = {bar.key: scale_of(bar.key) for bar in grid.bars}
    outside = np.array([int(p) % 12 not in keys[grid.bars[b].key] for p, b in zip(pitches, bars, strict=True)])
    changes = np.array([c.start for c in grid.chords])
    there = np.searchsorted(changes, starts, side="right") - 1
    under, fits = 0, 0
    for at, pitch, ticks in zip(there, pitches, lengths, strict=True):
        chord = grid.chords[at] if at >= 0 else None
        if chord is not None and chord.root is not None:
            classes = {(chord.root + i) % 12 for i in QUALITIES[chord.quality]} | {chord.bass}
            under, fits = under + int(ticks), fits + int(ticks) * (int(pitch) % 12 in classes)
    return {"chromatic": float(lengths[outside].sum() / lengths.sum()), "chord_tones": fits / under if under else 0.8}


def _likeness(
    bars: NDArray[np.int64], places: NDArray[np.int64], lengths: NDArray[np.int64], pitches: NDArray[np.int64]
) -> tuple[float, float]:
    """Mean likeness of bars to the earlier bar most like them: of rhythms, and of shapes."""
    edges = [0, *(np.flatnonzero(np.diff(bars)) + 1), len(bars)]
    rhythms, shapes = [], []
    for a, b in pairwise(edges):
        rhythms.append(frozenset(zip(places[a:b].tolist(), lengths[a:b].tolist(), strict=True)))
        shapes.append(frozenset(zip(places[a:b].tolist(), (pitches[a:b] - pitches[a]).tolist(), strict=True)))
    return _best(rhythms), _best(shapes)


def _best(bars: list[frozenset[tuple[int, int]]]) -> float:
    best = [max(dice(bar, other) for other in set(bars[:i])) for i, bar in enumerate(bars) if i]
    return float(np.mean(best)) if best else 0.0


def dice(a: frozenset[tuple[int, int]], b: frozenset[tuple[int, int]]) -> float:
    """Dice coefficient of two sets that are not empty: twice what they share by the sum of their sizes."""
    return 2.0 * len(a & b) / (len(a) + len(b))


def distance(wanted: Traits, found: Traits | None) -> float:
    """How far a tune is from what was wanted, in shades; three semitones of range or register count as one."""
    if found is None:
        return float(N_SHADES * len(BOUNDS))
    ends = abs(wanted.low - found.low) + abs(wanted.high - found.high)
    return ends / 3.0 + sum(abs(a - b) for a, b in zip(wanted.shades, found.shades, strict=True))


FEWEST = 4
"""Notes, intervals or bars that must have been before it is heard how much of a manner there has been."""
MAX_OFF = 2
N_OFF = 2 * MAX_OFF + 2
"""Values of how far a manner is off: two shades or more too little, to two or more too much, and not known."""


class Tally:
    """How much of each manner there has been in a tune so far, beside what there is to be.

    What a tune still lacks of its traits is known at every note: without this a model would have to count.
    """

    def __init__(self) -> None:
        n = len(BOUNDS)
        self._part, self._whole, self._fewest = [0.0] * n, [0.0] * n, [0.0] * n
        self._bounds = tuple(BOUNDS.values())
        self._place = {name: i for i, name in enumerate(BOUNDS)}
        self._end = self._pitch = -1
        self._moved = 0
        self._bar: list[tuple[int, int, int]] = []
        self._rhythms: list[frozenset[tuple[int, int]]] = []
        self._shapes: list[frozenset[tuple[int, int]]] = []
        self._counts: list[int] = []

    def _add(self, name: str, part: float, whole: float = 1.0) -> None:
        i = self._place[name]
        self._part[i] += part
        self._whole[i] += whole
        self._fewest[i] += 1

    def note(self, start: int, pitch: int, ticks: int, place: int, beat: int, chromatic: bool, fits: bool | None) -> None:
        """Count a note.

        Args:
            start, ticks: ticks of the piece.
            pitch: MIDI number.
            place: ticks from its bar's start.
            beat: ticks of a felt beat.
            chromatic: outside the key.
            fits: a note of its chord; None where there is no chord.
        """
        if self._pitch >= 0:
            self._interval(pitch - self._pitch)
            self._add("rests", max(0, start - self._end), max(1, start + ticks - self._end))
        self._add("shorts", ticks < _QUARTER // 2)
        self._add("eighths", ticks == _QUARTER // 2)
        self._add("quarters", ticks == _QUARTER)
        self._add("longs", ticks >= 2 * _QUARTER)
        self._add("dotted", ticks in (18, 36, 72))
        self._add("offbeats", place % beat != 0)
        self._add("held", place % beat != 0 and place % beat + ticks > beat)
        self._add("chromatic", ticks * chromatic, ticks)
        if fits is not None:
            self._add("chord_tones", ticks * fits, ticks)
        self._pitch, self._end = pitch, start + ticks
        self._bar.append((place, pitch, ticks))

    def _interval(self, step: int) -> None:
        size = abs(step)
        self._add("unisons", size == 0)
        self._add("steps", size in (1, 2))
        self._add("leaps", size >= 5)
        if step:
            if self._moved:
                self._add("turns", (step > 0) != (self._moved > 0))
            self._moved = step

    def bar_over(self) -> None:
        """Count a bar whose notes have all been counted."""
        self._counts += [len(self._bar)] if self._bar or self._counts else []
        if self._counts:
            mean = sum(self._counts) / len(self._counts)
            spread = math.sqrt(sum((n - mean) ** 2 for n in self._counts) / len(self._counts))
            i = self._place["contrast"]
            self._part[i], self._whole[i], self._fewest[i] = spread / mean, 1.0, len(self._counts)
        if not self._bar:
            return
        rhythm = frozenset((place, ticks) for place, _, ticks in self._bar)
        shape = frozenset((place, pitch - self._bar[0][1]) for place, pitch, _ in self._bar)
        if self._rhythms:
            self._add("rhythms", max(dice(rhythm, other) for other in self._rhythms))
            self._add("returns", max(dice(shape, other) for other in self._shapes))
        self._rhythms.append(rhythm)
        self._shapes.append(shape)
        self._bar = []

    def off(self, wanted: Sequence[int]) -> list[int]:
        """How far each manner is off: 0 (too little by two shades or more) to 4 (too much), 5 for what is not known."""
        found = []
        for i, shade in enumerate(wanted):
            if shade == N_SHADES or self._fewest[i] < FEWEST or not self._whole[i]:
                found.append(N_OFF - 1)
            else:
                now = bisect_right(self._bounds[i], self._part[i] / self._whole[i])
                found.append(min(MAX_OFF, max(-MAX_OFF, now - shade)) + MAX_OFF)
        return found
