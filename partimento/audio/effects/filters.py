"""Equaliser bands: second-order sections after R. Bristow-Johnson's "Audio EQ Cookbook" (W3C note, 2021)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
BUTTERWORTH_Q = 1 / math.sqrt(2)


def low_shelf(samples: Samples, sample_rate: int, frequency_hz: float, gain_db: float) -> Samples:
    """Raise or lower everything below a frequency (half the gain at it)."""
    return _run(samples, _shelf(sample_rate, frequency_hz, gain_db, high=False))


def high_shelf(samples: Samples, sample_rate: int, frequency_hz: float, gain_db: float) -> Samples:
    """Raise or lower everything above a frequency (half the gain at it)."""
    return _run(samples, _shelf(sample_rate, frequency_hz, gain_db, high=True))


def tilt(samples: Samples, sample_rate: int, gain_db: float, pivot_hz: float = 800.0) -> Samples:
    """Turn the spectrum about a pivot: ``gain_db`` more above it, as much less below."""
    return high_shelf(low_shelf(samples, sample_rate, pivot_hz, -gain_db), sample_rate, pivot_hz, gain_db)


def peaking(samples: Samples, sample_rate: int, frequency_hz: float, gain_db: float, q: float = 1.0) -> Samples:
    """Raise or lower a band around a frequency; ``q`` is its centre over its width."""
    amplitude, cosine, alpha = _parts(sample_rate, frequency_hz, gain_db, q)
    b = (1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude)
    a = (1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude)
    return _run(samples, (b, a))


def low_pass(samples: Samples, sample_rate: int, frequency_hz: float) -> Samples:
    """Take away everything above a frequency, 12 dB per octave."""
    _, cosine, alpha = _parts(sample_rate, frequency_hz, 0.0, BUTTERWORTH_Q)
    return _run(samples, (((1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2), (1 + alpha, -2 * cosine, 1 - alpha)))


def high_pass(samples: Samples, sample_rate: int, frequency_hz: float) -> Samples:
    """Take away everything below a frequency, 12 dB per octave."""
    _, cosine, alpha = _parts(sample_rate, frequency_hz, 0.0, BUTTERWORTH_Q)
    return _run(samples, (((1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2), (1 + alpha, -2 * cosine, 1 - alpha)))


_Section = tuple[tuple[float, float, float], tuple[float, float, float]]


def _parts(sample_rate: int, frequency_hz: float, gain_db: float, q: float) -> tuple[float, float, float]:
    """The cookbook's A, cos w0 and alpha; the frequency is kept below the Nyquist frequency."""
    omega = 2 * math.pi * min(frequency_hz, 0.45 * sample_rate) / sample_rate
    return 10 ** (gain_db / 40), math.cos(omega), math.sin(omega) / (2 * q)


def _shelf(sample_rate: int, frequency_hz: float, gain_db: float, *, high: bool) -> _Section:
    """Coefficients of a shelf of slope 1."""
    a, cosine, alpha = _parts(sample_rate, frequency_hz, gain_db, BUTTERWORTH_Q)
    sign = 1.0 if high else -1.0
    root = 2 * math.sqrt(a) * alpha
    plus, minus = a + 1, a - 1
    b = (
        a * (plus + sign * minus * cosine + root),
        -2 * sign * a * (minus + sign * plus * cosine),
        a * (plus + sign * minus * cosine - root),
    )
    den = (plus - sign * minus * cosine + root, 2 * sign * (minus - sign * plus * cosine), plus - sign * minus * cosine - root)
    return b, den


def _run(samples: Samples, section: _Section) -> Samples:
    """Filter each channel from rest (double precision inside)."""
    from scipy.signal import sosfilt

    b, a = section
    sos = np.array([[*(x / a[0] for x in b), *(x / a[0] for x in a)]])
    return np.asarray(sosfilt(sos, samples.astype(np.float64), axis=-1), np.float32)
