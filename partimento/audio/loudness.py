"""Loudness and peaks after ITU-R BS.1770-4."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform

SILENCE_LUFS = -70.0
"""The absolute gate of BS.1770-4: quieter sound has no loudness and is given this figure."""
_OVERSAMPLING = 4
_PEAK_BLOCK = 64  # samples that are looked at, or skipped, together
_PEAK_BLOCKS_AT_ONCE = 128
_TAPS = 12  # per phase, as in BS.1770-4, annex 2


def integrated_lufs(wave: Waveform) -> float:
    """Gated integrated loudness in LUFS (pyloudnorm); sounds shorter than the 0.4-s block are padded with silence.

    Returns at least :data:`SILENCE_LUFS`, also for silence.
    """
    import pyloudnorm

    samples = wave.samples[:5].T.astype(np.float64)
    shortest = math.ceil(0.4 * wave.sample_rate) + 1
    if len(samples) < shortest:
        samples = np.pad(samples, ((0, shortest - len(samples)), (0, 0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        loudness = float(pyloudnorm.Meter(wave.sample_rate).integrated_loudness(samples))
    return loudness if loudness > SILENCE_LUFS else SILENCE_LUFS


def peak_dbfs(wave: Waveform) -> float:
    """Largest sample in dB below full scale (−120 for silence)."""
    return _db(float(np.abs(wave.samples).max(initial=0.0)))


@cache
def _phases() -> NDArray[np.float64]:
    """Interpolation filter for 4x oversampling, ``[4 phases, 12 taps]`` (Kaiser-windowed sinc of BS.1770's length)."""
    # NumPy alone: importing scipy.signal for a window takes longer than the measurement.
    places = np.arange(_OVERSAMPLING * _TAPS + 1) - _OVERSAMPLING * _TAPS / 2
    taps = np.sinc(places / _OVERSAMPLING) * np.kaiser(len(places), 6.0)
    taps *= _OVERSAMPLING / taps.sum()
    return np.stack([taps[phase : phase + _OVERSAMPLING * _TAPS : _OVERSAMPLING] for phase in range(_OVERSAMPLING)])


def true_peak_dbtp(wave: Waveform) -> float:
    """Peak of the 4x oversampled signal in dB true peak (BS.1770-4, annex 2; −120 for silence).

    Blocks whose samples are too small to reach the highest peak through the filter are skipped: the result is exact.
    """
    best = max((max(float(channel.max()), -float(channel.min())) for channel in wave.samples if channel.size), default=0.0)
    for channel in wave.samples:
        best = max(best, _highest_between(channel, best))
    return _db(best)


def _highest_between(channel: NDArray[np.float32], best: float) -> float:
    """Peak of one oversampled channel where it is above ``best``, else ``best``."""
    bound = highest_gain_between()
    n_blocks = -(-len(channel) // _PEAK_BLOCK)
    tops = np.zeros(n_blocks + 2, np.float32)  # with silence on both sides
    whole = len(channel) // _PEAK_BLOCK
    rows = channel[: whole * _PEAK_BLOCK].reshape(whole, _PEAK_BLOCK)
    np.maximum(rows.max(axis=1), -rows.min(axis=1), out=tops[1 : whole + 1])
    if whole < n_blocks:
        tops[-2] = np.abs(channel[whole * _PEAK_BLOCK :]).max()
    reach = np.maximum(tops[1:-1], np.maximum(tops[2:], tops[:-2])) * bound
    order = np.flatnonzero(reach > best)
    order = order[np.argsort(-reach[order], kind="stable")]
    at = np.arange(-_TAPS, _PEAK_BLOCK + _TAPS)
    for first in range(0, len(order), _PEAK_BLOCKS_AT_ONCE):
        some = order[first : first + _PEAK_BLOCKS_AT_ONCE]
        if reach[some[0]] <= best:
            break
        places = some[:, None] * _PEAK_BLOCK + at
        pieces = channel.take(places, mode="clip").astype(np.float64)
        pieces[(places < 0) | (places >= len(channel))] = 0.0
        best = max(best, float(peaks_between(pieces).max()))
    return best


def peaks_between(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Highest magnitude ``[R]`` of rows ``[R, n]`` oversampled four times, where the filter of 12 samples lies wholly inside."""
    return np.asarray(np.max([np.abs(_filtered(rows, taps)).max(axis=1) for taps in _phases()], axis=0))


@cache
def highest_gain_between() -> float:
    """How far a peak between samples can exceed the samples about it, as a factor."""
    return float(np.abs(_phases()).sum(axis=1).max())


def _filtered(rows: NDArray[np.float64], taps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row through a filter, where it lies wholly inside."""
    n = rows.shape[1] - len(taps) + 1
    out = rows[:, :n] * taps[-1]
    for k in range(1, len(taps)):
        out += rows[:, k : k + n] * taps[-1 - k]
    return np.asarray(out)


def _db(amplitude: float) -> float:
    """Decibels of an amplitude, −120 at the least."""
    return 20.0 * math.log10(max(amplitude, 1e-6))
