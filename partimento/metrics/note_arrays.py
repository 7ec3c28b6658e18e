"""Note arrays: what every symbolic metric takes.

A line or a piece is three arrays of equal length ``[N]``: ``onsets`` and ``durations`` in quarter notes (any unit will do
as long as it is the same throughout) and ``pitches`` as MIDI numbers 0–127. Order does not matter unless a metric
says so. No notes is a legal input: a metric that has then no value returns NaN, never a number that looks measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from partimento.errors import PartimentoError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def validate_pitches(pitches: ArrayLike) -> IntArray:
    """Pitches as integers ``[N]``.

    Raises:
        PartimentoError: when they are not one-dimensional whole numbers from 0 to 127.
    """
    array = np.asarray(pitches, dtype=np.float64)
    if array.ndim != 1:
        raise PartimentoError(f"pitches must be a one-dimensional array, got shape {array.shape}")
    whole = bool(np.all(np.isfinite(array)) and np.all(array == np.round(array)))
    if array.size and not (whole and array.min() >= 0 and array.max() <= 127):
        raise PartimentoError("pitches must be whole MIDI numbers from 0 to 127")
    return array.astype(np.int64)


def validate_times(onsets: ArrayLike, durations: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Onsets and durations as floats ``[N]``.

    Raises:
        PartimentoError: on different lengths, NaN, infinity, onsets below 0 or durations of 0 and less.
    """
    starts, lengths = np.asarray(onsets, dtype=np.float64), np.asarray(durations, dtype=np.float64)
    if starts.ndim != 1 or starts.shape != lengths.shape:
        raise PartimentoError(f"onsets and durations must be arrays of one length, got shapes {starts.shape} and {lengths.shape}")
    if not np.all(np.isfinite(starts)) or not np.all(np.isfinite(lengths)):
        raise PartimentoError("onsets and durations must be finite numbers")
    if starts.size and (starts.min() < 0 or lengths.min() <= 0):
        raise PartimentoError("onsets must be 0 or more and durations more than 0")
    return starts, lengths


def validate_notes(onsets: ArrayLike, durations: ArrayLike, pitches: ArrayLike) -> tuple[FloatArray, FloatArray, IntArray]:
    """All three arrays, checked and of one length.

    Raises:
        PartimentoError: see :func:`validate_pitches` and :func:`validate_times`.
    """
    starts, lengths = validate_times(onsets, durations)
    notes = validate_pitches(pitches)
    if notes.shape != starts.shape:
        raise PartimentoError(f"{len(notes)} pitches do not match {len(starts)} onsets")
    return starts, lengths, notes


def validate_positive(name: str, value: float) -> float:
    """A finite number above 0.

    Raises:
        PartimentoError: otherwise.
    """
    if not (np.isfinite(value) and value > 0):
        raise PartimentoError(f"{name} is {value:g}; it must be a finite number above 0")
    return float(value)


def entropy_bits(counts: ArrayLike) -> float:
    """Shannon entropy in bits of a histogram; NaN when it is empty."""
    histogram = np.asarray(counts, dtype=np.float64)
    total = histogram.sum()
    if total <= 0:
        return float("nan")
    share = histogram[histogram > 0] / total
    return float(max(0.0, -(share * np.log2(share)).sum()))
