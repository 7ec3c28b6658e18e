"""What every analysis starts from: mono sound at an analysis rate, short-time spectra, mel and semitone bands.

Everything is float32 and computed once per :class:`Sound`, because a report asks several questions of one recording.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform

Array = NDArray[np.float32]

ONSET_RATE_HZ = 22_050
ONSET_FFT = 1_024
ONSET_HOP = 256
PITCH_RATE_HZ = 11_025
PITCH_FFT = 4_096
PITCH_HOP = 1_024
N_MELS = 40


class Sound:
    """A recording with its shared spectra, each computed when first asked for.

    Args:
        wave: the recording, any rate and channel count.
    """

    def __init__(self, wave: Waveform) -> None:
        self.wave = wave

    @classmethod
    def of(cls, sound: Waveform | Sound) -> Sound:
        """The argument itself when it is a ``Sound``, else a new one."""
        return sound if isinstance(sound, Sound) else cls(sound)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.wave.duration_s

    @cached_property
    def mono_onset(self) -> Array:
        """Mono at :data:`ONSET_RATE_HZ`, ``[n]``."""
        return resampled(self.wave.mono(), self.wave.sample_rate, ONSET_RATE_HZ)

    @cached_property
    def mono_pitch(self) -> Array:
        """Mono at :data:`PITCH_RATE_HZ`, ``[n]``."""
        return resampled(self.wave.mono(), self.wave.sample_rate, PITCH_RATE_HZ)

    @cached_property
    def mel(self) -> Array:
        """Mel power spectrum ``[T, N_MELS]`` at :attr:`onset_frame_rate_hz`; frame t is centred on t hops."""
        power = stft_magnitude(self.mono_onset, ONSET_FFT, ONSET_HOP) ** 2
        return np.asarray(power @ mel_filters(N_MELS, ONSET_FFT, ONSET_RATE_HZ))

    @property
    def onset_frame_rate_hz(self) -> float:
        """Frames per second of :attr:`mel`."""
        return ONSET_RATE_HZ / ONSET_HOP

    @cached_property
    def pitch_magnitude(self) -> Array:
        """Magnitude spectrum ``[T, PITCH_FFT // 2 + 1]`` for pitch questions, ``PITCH_HOP`` apart."""
        return stft_magnitude(self.mono_pitch, PITCH_FFT, PITCH_HOP)

    @property
    def pitch_frame_rate_hz(self) -> float:
        """Frames per second of :attr:`pitch_magnitude`."""
        return PITCH_RATE_HZ / PITCH_HOP


def resampled(mono: Array, rate_hz: int, to_hz: int) -> Array:
    """``mono`` at another rate (soxr, high quality); one second of silence stands for an empty signal."""
    if mono.size == 0:
        return np.zeros(to_hz, np.float32)
    if rate_hz == to_hz:
        return mono
    import soxr

    return np.asarray(soxr.resample(mono, rate_hz, to_hz, quality="MQ"), np.float32)


def stft_magnitude(mono: Array, n_fft: int, hop: int) -> Array:
    """Magnitude of the centred Hann STFT, ``[T, n_fft // 2 + 1]`` with ``T = n // hop + 1``.

    Scaled so that a sine of amplitude 1 gives 1. Frames are transformed in blocks, so memory stays small for long recordings.
    """
    from scipy.fft import rfft

    padded = np.concatenate([np.zeros(n_fft // 2, np.float32), mono, np.zeros(n_fft // 2 + hop, np.float32)])
    n_frames = mono.size // hop + 1
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][:n_frames]
    window = hann(n_fft)
    scale = np.float32(2.0 / window.sum())
    out = np.empty((n_frames, n_fft // 2 + 1), np.float32)
    block = max(1, 2**20 // n_fft)
    for start in range(0, n_frames, block):
        spectra = rfft(frames[start : start + block] * window, axis=1)
        np.abs(spectra, out=out[start : start + block])
    out *= scale
    return out


@lru_cache(maxsize=8)
def hann(n: int) -> Array:
    """Periodic Hann window of ``n`` samples."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n), np.float32)


@lru_cache(maxsize=4)
def mel_filters(n_mels: int, n_fft: int, rate_hz: int, low_hz: float = 30.0, high_hz: float = 11_000.0) -> Array:
    """Triangular filters ``[n_fft // 2 + 1, n_mels]``, equally spaced on O'Shaughnessy's mel scale (2595 log10(1 + f/700)).

    Each sums to 1 over the bins, so a band holds the mean power there.
    """
    edges_mel = np.linspace(_mel(low_hz), _mel(min(high_hz, rate_hz / 2)), n_mels + 2)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    # A filter narrower than a bin would be empty at the low end: widen it to one bin on each side.
    width = rate_hz / n_fft
    left = np.minimum(edges[:-2], edges[1:-1] - width)
    right = np.maximum(edges[2:], edges[1:-1] + width)
    rising = (bins[:, None] - left) / (edges[1:-1] - left)
    falling = (right - bins[:, None]) / (right - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0.0, None)
    return np.asarray(filters / filters.sum(axis=0), np.float32)


def _mel(hz: float) -> float:
    """Hz to mel."""
    return float(2595.0 * np.log10(1.0 + hz / 700.0))
