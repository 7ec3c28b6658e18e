"""The low-pass filter of a SoundFont voice, at rest and moving.

A two-pole resonant low-pass after *SoundFont 2.04* sections 8.1.2 (8, 9) and 9.1.3: gain at DC falls by half the resonance.
A moving cutoff is played by cross-fading filters at fixed cutoffs a quarter octave apart, each run only where it is heard:
this is exact at the grid, smooth in between, and needs no loop over samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio.recursive import lfilter

GRID_CENTS = 300.0
"""Distance of the fixed cutoffs between which a moving one is cross-faded."""
OPEN_CENTS = 13500.0
"""Cutoff from which on the filter does nothing (19.9 kHz)."""
_MIN_CENTS = 1500.0
_STILL_CENTS = 30.0  # a path that stays within this range is a constant


@dataclass(frozen=True, slots=True, eq=False)
class FilterPath:
    """A moving cutoff.

    Attributes:
        cents: absolute cents (0 = 8.176 Hz) at control points.
        step: samples between them; linear in between.
    """

    cents: NDArray[np.float64]
    step: int


def constant_filter(x: NDArray[np.float32], cents: float, q_db: float, sample_rate: int) -> NDArray[np.float32]:
    """``x`` through the filter at a fixed cutoff in absolute cents, with a resonance of ``q_db`` decibels."""
    gain = 10.0 ** (-q_db / 40.0)
    freq_hz = 8.175798915643707 * 2.0 ** (max(cents, _MIN_CENTS) / 1200.0)
    if cents >= OPEN_CENTS or freq_hz >= 0.45 * sample_rate:
        return x if q_db == 0 else x * np.float32(gain)
    b, a = _biquad(freq_hz, q_db, sample_rate)
    return np.asarray(lfilter(b * gain, a, x, np.zeros(2))[0], dtype=np.float32)


def _biquad(freq_hz: float, q_db: float, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the low-pass (bilinear transform; a resonance of 0 dB is Butterworth), unity at DC."""
    w = 2.0 * math.pi * freq_hz / sample_rate
    alpha = math.sin(w) / (2.0 * 10.0 ** ((q_db - 3.01) / 20.0))
    half = (1.0 - math.cos(w)) / 2.0
    top, bottom = np.array([half, 2.0 * half, half]), np.array([1.0 + alpha, -2.0 * math.cos(w), 1.0 - alpha])
    return top / bottom[0], bottom / bottom[0]


def _preroll(cents: float, q_db: float, sample_rate: int) -> int:
    """Samples after which the filter has forgotten (80 dB) what came before."""
    freq_hz = 8.175798915643707 * 2.0 ** (max(cents, _MIN_CENTS) / 1200.0)
    if freq_hz >= 0.45 * sample_rate:
        return 0
    radius = math.sqrt(max(float(_biquad(freq_hz, q_db, sample_rate)[1][2]), 1e-6))
    return min(1 + math.ceil(math.log(1e-4) / math.log(radius)), 1 << 15)


def filtered(x: NDArray[np.float32], path: FilterPath, q_db: float, sample_rate: int) -> NDArray[np.float32]:
    """``x`` through the filter with a moving cutoff.

    Args:
        x: ``[n]``.
        path: covers ``x``: ``(len(path.cents) - 1) * path.step >= n``.
        q_db: resonance.
        sample_rate: Hz.
    """
    cutoff = still_cutoff(path, sample_rate)
    return moving_filter(x, path, q_db, sample_rate) if cutoff is None else constant_filter(x, cutoff, q_db, sample_rate)


def still_cutoff(path: FilterPath, sample_rate: int) -> float | None:
    """The cutoff in absolute cents of a path that hardly moves (:data:`OPEN_CENTS` when it does nothing), else None."""
    cents = _inside(path.cents, sample_rate)
    low, high = float(cents.min()), float(cents.max())
    if high - low > _STILL_CENTS:
        return None
    return OPEN_CENTS if low >= _top_cents(sample_rate) - 1 else float(cents[0])


def _top_cents(sample_rate: int) -> float:
    """Highest cutoff at a sample rate."""
    return min(OPEN_CENTS, 1200.0 * math.log2(0.45 * sample_rate / 8.175798915643707))


def _inside(cents: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Cutoffs within what can be played."""
    return np.clip(cents, _MIN_CENTS, _top_cents(sample_rate))


def moving_filter(x: NDArray[np.float32], path: FilterPath, q_db: float, sample_rate: int) -> NDArray[np.float32]:
    """As :func:`filtered`, by the bank of fixed cutoffs in any case.

    The beginning of a longer sound comes out as the shorter sound does, bit for bit.
    """
    cents = _inside(path.cents, sample_rate)
    low, high = float(cents.min()), float(cents.max())
    out = np.zeros_like(x)
    place = cents / GRID_CENTS
    for member in range(math.floor(low / GRID_CENTS), math.ceil(high / GRID_CENTS) + 1):
        weight = np.maximum(0.0, 1.0 - np.abs(place - member))
        heard = weight > 0
        edges = np.flatnonzero(np.diff(heard.astype(np.int8), prepend=0, append=0))
        for first, last in edges.reshape(-1, 2).tolist():
            span = (max(first - 1, 0), min(last, len(weight) - 1))
            _add_member(out, x, member * GRID_CENTS, weight, span, path.step, q_db, sample_rate)
    return out


def _add_member(
    out: NDArray[np.float32], x: NDArray[np.float32], cents: float, weight: NDArray[np.float64],
    span: tuple[int, int], step: int, q_db: float, sample_rate: int,
) -> None:  # fmt: skip
    """Add one filter of the bank from the first to the last control point of ``span``, faded by its weight."""
    first, last = span
    begin, end = first * step, min(last * step, len(x))
    if end <= begin:
        return
    run_up = min(begin, _preroll(cents, q_db, sample_rate))
    part = constant_filter(x[begin - run_up : end], cents, q_db, sample_rate)[run_up:].copy()
    part *= between(weight[first : last + 1], step, end - begin)
    out[begin:end] += part


def between(points: NDArray[np.float64], step: int, n: int) -> NDArray[np.float32]:
    """Straight lines through control points ``step`` samples apart, the first ``n`` samples, float32.

    Needs ``(len(points) - 1) * step >= n``.
    """
    ramp = np.arange(step, dtype=np.float32) / np.float32(step)
    start = points.astype(np.float32)
    lines = np.diff(start)[:, None] * ramp
    lines += start[:-1, None]
    return lines.reshape(-1)[:n]
