"""By how much one recording is higher than another of the same music: spectra on a logarithmic axis, laid over each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform

_FFT = 32_768
_STEP_CENTS = 2.0
_LOW_HZ, _HIGH_HZ = 90.0, 4_000.0
_SPAN_CENTS = 70.0
_TREND_CENTS = 300.0


def measured_shift_cents(before: Waveform, after: Waveform, around_cents: float) -> tuple[float, float]:
    """The shift of pitch from one sound to another, near an expected one.

    Args:
        before, after: sounds of one rate.
        around_cents: expected; 70 cents to either side are searched.

    Returns:
        The shift in cents, and the correlation of the spectra there (0 for silence or noise, near 1 for the same notes).
    """
    first, second = _log_spectrum(before), _log_spectrum(after)
    lags = np.arange(round((around_cents - _SPAN_CENTS) / _STEP_CENTS), round((around_cents + _SPAN_CENTS) / _STEP_CENTS) + 1)
    scores = np.array([_correlation(first, second, int(lag)) for lag in lags])
    at = int(np.argmax(scores))
    if not 0 < at < len(lags) - 1:
        return float(lags[at] * _STEP_CENTS), 0.0
    a, b, c = scores[at - 1 : at + 2]
    bend = a - 2 * b + c
    fine = 0.5 * (a - c) / bend if bend < 0 else 0.0
    return float((lags[at] + fine) * _STEP_CENTS), float(max(0.0, scores[at]))


def _log_spectrum(wave: Waveform) -> NDArray[np.float64]:
    """Long-term spectrum in dB every two cents, without its slow trend."""
    from scipy.fft import rfft
    from scipy.ndimage import uniform_filter1d

    mono = wave.mono()
    mono = np.pad(mono, (0, max(0, _FFT - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(mono, _FFT)[:: _FFT // 2]
    frames = frames[:: max(1, len(frames) // 120)]
    window = np.hanning(_FFT).astype(np.float32)
    power = np.zeros(_FFT // 2 + 1)
    for frame in frames:
        power += np.abs(rfft(frame * window)) ** 2
    n = round(1200 * np.log2(_HIGH_HZ / _LOW_HZ) / _STEP_CENTS)
    hz = _LOW_HZ * 2.0 ** (np.arange(n) * _STEP_CENTS / 1200)
    decibels = 10.0 * np.log10(power / max(float(power.max()), 1e-20) + 1e-7)
    line = np.interp(hz * _FFT / wave.sample_rate, np.arange(len(power)), decibels)
    return np.asarray(line - uniform_filter1d(line, round(_TREND_CENTS / _STEP_CENTS), mode="nearest"))


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64], lag: int) -> float:
    """Correlation where ``second`` is ``lag`` steps higher."""
    a = first[max(0, -lag) : len(first) - max(0, lag)]
    b = second[max(0, lag) : len(second) - max(0, -lag)]
    if len(a) < 100 or a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
