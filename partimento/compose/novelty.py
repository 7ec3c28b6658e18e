"""No tune by accident: how surprising each run of notes is.

Whoever writes scales in even eighths quotes somebody. A run of eight intervals with their times that ordinary writing would
produce once in 2^28 places is not to be found by chance among a few hundred tunes; runs that are more ordinary than that
are avoided. Surprise is measured in bits by two tables of lead-sheet statistics: interval after interval, and time after
time between onsets.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.compose.pitch import CLASSES, N_STEPS, REACH, START

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RUN = 8
"""Intervals of a run: nine notes."""
MIN_BITS = 28.5
"""A run of eight intervals shall be at least this surprising."""
TIMES = (3, 4, 6, 8, 9, 12, 16, 18, 24, 30, 36, 42, 48, 60, 72, 84, 96, 120, 144)
"""Times between onsets that are told apart, in ticks of 1/24 quarter note."""


@dataclass(frozen=True)
class Surprise:
    """Bits of what follows.

    Attributes:
        interval: of each interval after each class of interval ``[CLASSES + 1, STEPS]``.
        time: of each time between onsets after each other, the last row after none ``[TIMES + 1, TIMES]``.
    """

    interval: Floats
    time: Floats


def time_class(ticks: Ints) -> Ints:
    """Index of the nearest of :data:`TIMES`."""
    edges = np.array([(a + b) / 2 for a, b in itertools.pairwise(TIMES)])
    return np.searchsorted(edges, ticks).astype(np.int64)


def count_surprise(lines: list[tuple[Ints, Ints]], smoothing: float = 0.3) -> Surprise:
    """Tables from tunes given as onsets in ticks and pitches."""
    intervals = np.full((START + 1, N_STEPS), smoothing)
    times = np.full((len(TIMES) + 1, len(TIMES)), smoothing)
    for starts, pitches in lines:
        steps = np.clip(np.diff(pitches), -REACH, REACH) + REACH
        np.add.at(intervals, (np.concatenate([[START], CLASSES[steps[:-1]]]), steps), 1.0)
        classes = time_class(np.diff(starts))
        np.add.at(times, (np.concatenate([[len(TIMES)], classes[:-1]]), classes), 1.0)
    return Surprise(
        -np.log2(intervals / intervals.sum(axis=1, keepdims=True)), -np.log2(times / times.sum(axis=1, keepdims=True))
    )


def time_bits(starts: Ints, surprise: Surprise) -> Floats:
    """Bits of the time before each note ``[N]``; 0 for the first."""
    classes = time_class(np.diff(starts))
    bits = surprise.time[np.concatenate([[len(TIMES)], classes[:-1]]), classes] if len(classes) else np.zeros(0)
    return np.concatenate([[0.0], bits])


def least_surprise(starts: Ints, pitches: Ints, surprise: Surprise) -> float:
    """Bits of the most ordinary run of a tune; infinite when it is shorter than a run."""
    if len(pitches) <= RUN:
        return float("inf")
    steps = np.clip(np.diff(pitches), -REACH, REACH) + REACH
    bits = surprise.interval[np.concatenate([[START], CLASSES[steps[:-1]]]), steps] + time_bits(starts, surprise)[1:]
    total = np.concatenate([[0.0], np.cumsum(bits)])
    return float((total[RUN:] - total[:-RUN]).min())


def longest_unison(pitches: Ints) -> int:
    """The longest stretch of equal pitches, in intervals."""
    longest = run = 0
    for equal in (np.diff(pitches) == 0).tolist():
        run = run + 1 if equal else 0
        longest = max(longest, run)
    return longest
