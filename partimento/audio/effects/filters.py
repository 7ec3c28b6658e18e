"""Equaliser bands: second-order sections after R. Bristow-Johnson's "Audio EQ Cookbook" (W3C note, 2021)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from partimento.audio.recursive import sosfilt_in_place

Samples = NDArray[np.float32]
BUTTERWORTH_Q = 1 / math.sqrt(2)
_STRETCH_SAMPLES = 1 << 15
"""Samples filtered at once: what is in double precision meanwhile fits the processor's cache."""


def low_shelf(samples: Samples, sample_rate: int, frequency_hz: float, gain_db: float) -> Samples:
    """Raise or lower everything below a frequency (half the gain at it)."""
    return _run(samples, _low_shelf(sample_rate, frequency_hz, gain_db))


def high_shelf(samples: Samples, sample_rate: int, frequency_hz: float, gain_db: float) -> Samples:
    """Raise or lower everything above a frequency (half the gain at it)."""
    return _run(samples, _high_shelf(sample_rate, frequency_hz, gain_db))


def tilt(samples: Samples, sample_rate: int, gain_db: float, pivot_hz: float = 800.0) -> Samples:
    """Turn the spectrum about a pivot: ``gain_db`` more above it, as much less below."""
    return _run(samples, _tilt(sample_rate, gain_db, pivot_hz))


def peaking(samples: Samples, sample_rate: int, frequency_hz: float, gain_db: float, q: float = 1.0) -> Samples:
    """Raise or lower a band around a frequency; ``q`` is its centre over its width."""
    return _run(samples, _peaking(sample_rate, frequency_hz, gain_db, q))


def low_pass(samples: Samples, sample_rate: int, frequency_hz: float) -> Samples:
    """Take away everything above a frequency, 12 dB per octave."""
    return _run(samples, _low_pass(sample_rate, frequency_hz))


def high_pass(samples: Samples, sample_rate: int, frequency_hz: float) -> Samples:
    """Take away everything below a frequency, 12 dB per octave."""
    return _run(samples, _high_pass(sample_rate, frequency_hz))


def bands(samples: Samples, sample_rate: int, steps: Sequence[tuple[str, dict[str, float]]]) -> Samples:
    """Several effects of this file one after the other, in one pass over the sound and rounded once.

    Args:
        samples: ``[C, n]``.
        sample_rate: Hz.
        steps: names of :data:`BANDS` with their parameters.
    """
    return _run(samples, [section for name, parameters in steps for section in BANDS[name](sample_rate, **parameters)])


_Section = tuple[tuple[float, float, float], tuple[float, float, float]]


def _low_shelf(sample_rate: int, frequency_hz: float, gain_db: float) -> list[_Section]:
    return [_shelf(sample_rate, frequency_hz, gain_db, high=False)]


def _high_shelf(sample_rate: int, frequency_hz: float, gain_db: float) -> list[_Section]:
    return [_shelf(sample_rate, frequency_hz, gain_db, high=True)]


def _tilt(sample_rate: int, gain_db: float, pivot_hz: float = 800.0) -> list[_Section]:
    return [*_low_shelf(sample_rate, pivot_hz, -gain_db), *_high_shelf(sample_rate, pivot_hz, gain_db)]


def _peaking(sample_rate: int, frequency_hz: float, gain_db: float, q: float = 1.0) -> list[_Section]:
    amplitude, cosine, alpha = _parts(sample_rate, frequency_hz, gain_db, q)
    b = (1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude)
    a = (1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude)
    return [(b, a)]


def _low_pass(sample_rate: int, frequency_hz: float) -> list[_Section]:
    _, cosine, alpha = _parts(sample_rate, frequency_hz, 0.0, BUTTERWORTH_Q)
    return [(((1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2), (1 + alpha, -2 * cosine, 1 - alpha))]


def _high_pass(sample_rate: int, frequency_hz: float) -> list[_Section]:
    _, cosine, alpha = _parts(sample_rate, frequency_hz, 0.0, BUTTERWORTH_Q)
    return [(((1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2), (1 + alpha, -2 * cosine, 1 - alpha))]


BANDS: dict[str, Callable[..., list[_Section]]] = {
    "low_shelf": _low_shelf,
    "high_shelf": _high_shelf,
    "tilt": _tilt,
    "peaking": _peaking,
    "low_pass": _low_pass,
    "high_pass": _high_pass,
}
"""Second-order sections of the effects that are nothing else: ``(sample_rate, parameters) -> [(b, a)]``."""


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


def _run(samples: Samples, sections: Sequence[_Section]) -> Samples:
    """Filter each channel from rest, double precision inside, a stretch at a time (which changes no bit)."""
    sos = np.array([[*(x / a[0] for x in b), *(x / a[0] for x in a)] for b, a in sections])
    state = np.zeros((len(sos), samples.shape[0], 2))
    out = np.empty(samples.shape, np.float32)
    room = np.empty((samples.shape[0], min(_STRETCH_SAMPLES, samples.shape[1])))
    for at in range(0, samples.shape[1], _STRETCH_SAMPLES):
        stretch = slice(at, at + _STRETCH_SAMPLES)
        n = min(_STRETCH_SAMPLES, samples.shape[1] - at)
        work = room if n == room.shape[1] else room[:, :n].copy()
        np.copyto(work, samples[:, stretch])
        state = sosfilt_in_place(sos, work, state)
        out[:, stretch] = work
    return out
