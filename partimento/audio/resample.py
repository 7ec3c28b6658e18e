"""Changing the sample rate and the number of channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.errors import RequestError


def resample(wave: Waveform, sample_rate: int) -> Waveform:
    """The sound at another rate (soxr, "very high quality"; the length is rounded to the nearest sample)."""
    import soxr

    if sample_rate == wave.sample_rate:
        return wave
    n = round(wave.n_samples * sample_rate / wave.sample_rate)
    out = np.stack([_fit(soxr.resample(channel, wave.sample_rate, sample_rate, "VHQ"), n) for channel in wave.samples])
    return Waveform(out, sample_rate)


def mono_at(wave: Waveform, sample_rate: int) -> NDArray[np.float32]:
    """The mean of all channels ``[n]`` at a rate."""
    return np.asarray(resample(Waveform(wave.mono(), wave.sample_rate), sample_rate).samples[0])


def to_channels(wave: Waveform, n_channels: int) -> Waveform:
    """The sound in 1 or 2 channels: mono is the mean, stereo repeats a mono channel or keeps the first two.

    Raises:
        RequestError: for any other number.
    """
    if n_channels == wave.n_channels:
        return wave
    if n_channels == 1:
        return Waveform(wave.mono()[None, :], wave.sample_rate)
    if n_channels == 2:
        pair = wave.samples[[0, 0]] if wave.n_channels == 1 else wave.samples[:2]
        return Waveform(pair, wave.sample_rate)
    raise RequestError(f"{n_channels} channels asked for; 1 and 2 are supported")


def _fit(samples: np.ndarray, n: int) -> np.ndarray:
    """Cut or zero-pad to ``n`` samples (the resampler may differ by one)."""
    return samples[:n] if len(samples) >= n else np.pad(samples, (0, n - len(samples)))
