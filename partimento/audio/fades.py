"""Gain and fades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform


def gain(wave: Waveform, gain_db: float) -> Waveform:
    """The sound multiplied by a gain in decibels."""
    return Waveform(wave.samples * np.float32(10.0 ** (gain_db / 20.0)), wave.sample_rate)


def fade_curve(n: int) -> NDArray[np.float32]:
    """``n`` samples rising from 0 to 1 along a raised cosine; its power-complement is not constant, its sum is."""
    if n <= 0:
        return np.zeros(0, np.float32)
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(n, dtype=np.float64) + 0.5) / n)).astype(np.float32)


def fade(wave: Waveform, in_s: float = 0.0, out_s: float = 0.0) -> Waveform:
    """The sound faded in and out over these lengths (each clipped to the sound's own)."""
    samples = wave.samples.copy()
    n_in = min(wave.n_samples, round(in_s * wave.sample_rate))
    n_out = min(wave.n_samples, round(out_s * wave.sample_rate))
    if n_in:
        samples[:, :n_in] *= fade_curve(n_in)
    if n_out:
        samples[:, -n_out:] *= fade_curve(n_out)[::-1]
    return Waveform(samples, wave.sample_rate)


def crossfade(before: Waveform, after: Waveform, n_samples: int) -> Waveform:
    """``before`` then ``after``, overlapping by ``n_samples`` with gains that sum to one (for correlated material)."""
    assert before.sample_rate == after.sample_rate, "cross-fading needs one sample rate"
    assert before.n_channels == after.n_channels, "cross-fading needs the same channels"
    n = min(n_samples, before.n_samples, after.n_samples)
    rise = fade_curve(n)
    seam = before.samples[:, before.n_samples - n :] * rise[::-1] + after.samples[:, :n] * rise
    parts = (before.samples[:, : before.n_samples - n], seam, after.samples[:, n:])
    return Waveform(np.concatenate(parts, axis=1), before.sample_rate)
