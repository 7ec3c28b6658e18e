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
    from scipy.signal import firwin

    taps = firwin(_OVERSAMPLING * _TAPS + 1, 1.0 / _OVERSAMPLING, window=("kaiser", 6.0)) * _OVERSAMPLING
    return np.stack([taps[phase : phase + _OVERSAMPLING * _TAPS : _OVERSAMPLING] for phase in range(_OVERSAMPLING)])


def true_peak_dbtp(wave: Waveform) -> float:
    """Peak of the 4x oversampled signal in dB true peak (BS.1770-4, annex 2; −120 for silence).

    Blocks whose samples are too small to reach the sample peak through the filter are skipped: the result is exact.
    """
    phases = _phases()
    gain_bound = float(np.abs(phases).sum(axis=1).max())
    best = float(np.abs(wave.samples).max(initial=0.0))
    block = 1024
    for channel in wave.samples:
        n_blocks = -(-len(channel) // block)
        padded = np.pad(channel, (_TAPS, n_blocks * block - len(channel) + _TAPS))
        tops = np.abs(padded[_TAPS : _TAPS + n_blocks * block]).reshape(n_blocks, block).max(axis=1)
        reach = np.maximum(tops, np.maximum(np.append(tops[1:], 0), np.insert(tops[:-1], 0, 0)))
        for i in np.argsort(-reach, kind="stable"):
            if reach[i] * gain_bound <= best:
                break
            piece = padded[i * block : (i + 1) * block + 2 * _TAPS].astype(np.float64)
            best = max(best, max(float(np.abs(np.convolve(piece, taps, "valid")).max()) for taps in phases))
    return _db(best)


def _db(amplitude: float) -> float:
    """Decibels of an amplitude, −120 at the least."""
    return 20.0 * math.log10(max(amplitude, 1e-6))
