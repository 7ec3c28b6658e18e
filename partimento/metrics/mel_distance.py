"""Multi-scale log-mel distance between two sounds (lower is closer, 0 for equal sounds).

The mean over scales of the mean absolute difference of log-mel spectrograms. Convention (always state it, the figure
means nothing without): Hann windows, magnitude (not power) spectra without normalisation, Slaney mel filters of unit
area from 0 Hz to half the rate, natural logarithm, floor ``1e-5``, hop of a quarter window. The idea and the filters
are those of Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN" (2023), section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import paired

LOG_FLOOR = 1e-5
_BLOCK_FRAMES = 16_384


@dataclass(frozen=True, slots=True)
class MelScale:
    """One resolution.

    Attributes:
        window: samples of the Hann window, a multiple of 4.
        n_mels: filters.
    """

    window: int
    n_mels: int

    @property
    def hop(self) -> int:
        """Samples between frames: a quarter of the window."""
        return self.window // 4


SCALES = (MelScale(64, 8), MelScale(256, 32), MelScale(1024, 80), MelScale(2048, 128))


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above."""
    hz = np.asarray(hz, dtype=np.float64)
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) * 27.0 / np.log(6.4))


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of :func:`hz_to_mel`."""
    mel = np.asarray(mel, dtype=np.float64)
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0))


@lru_cache(maxsize=32)
def mel_filters(
    n_fft: int, n_mels: int, sample_rate: int, low_hz: float = 0.0, high_hz: float | None = None
) -> NDArray[np.float64]:
    """Triangular filters of unit area, ``[n_mels, n_fft // 2 + 1]`` (read-only).

    Args:
        n_fft: samples of the transform.
        n_mels: filters.
        sample_rate: Hz.
        low_hz, high_hz: range; None means half the rate.
    """
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    ends = hz_to_mel(np.array([low_hz, sample_rate / 2 if high_hz is None else high_hz]))
    points = mel_to_hz(np.linspace(ends[0], ends[1], n_mels + 2))
    rise = (bins[None, :] - points[:-2, None]) / np.diff(points)[:-1, None]
    fall = (points[2:, None] - bins[None, :]) / np.diff(points)[1:, None]
    filters = np.maximum(0.0, np.minimum(rise, fall)) * (2.0 / (points[2:] - points[:-2]))[:, None]
    filters.flags.writeable = False
    return filters


def log_mel(
    samples: NDArray[np.floating], sample_rate: int, scale: MelScale, low_hz: float = 0.0, high_hz: float | None = None
) -> NDArray[np.float32]:
    """Log-mel spectrogram ``[frames, n_mels]`` of mono ``samples [n]``; frames are centred, ends padded with silence."""
    half = scale.window // 2
    padded = np.pad(np.asarray(samples, dtype=np.float32), (half, half + scale.hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, scale.window)[:: scale.hop]
    n = len(samples) // scale.hop + 1
    window = np.hanning(scale.window + 1)[:-1].astype(np.float32)
    filters = mel_filters(scale.window, scale.n_mels, sample_rate, low_hz, high_hz).T.astype(np.float32)
    out = np.empty((n, scale.n_mels), dtype=np.float32)
    for start in range(0, n, _BLOCK_FRAMES):
        block = frames[start : min(n, start + _BLOCK_FRAMES)]
        magnitude = np.abs(np.fft.rfft(block * window, axis=1)).astype(np.float32)
        out[start : start + len(block)] = np.log(np.maximum(magnitude @ filters, LOG_FLOOR))
    return out


def mel_distance(
    reference: NDArray[np.floating],
    estimate: NDArray[np.floating],
    sample_rate: int,
    scales: Sequence[MelScale] = SCALES,
    *,
    low_hz: float = 0.0,
    high_hz: float | None = None,
) -> float:
    """Mean over ``scales`` of the mean absolute log-mel difference, in nepers.

    Args:
        reference, estimate: mono ``[n]``, of equal length.
        sample_rate: Hz; the project's tables use 32 kHz.
        scales: resolutions.
        low_hz, high_hz: range of the filters; for a part of the spectrum only (e.g. 0 to 6000 Hz).

    Raises:
        RequestError: when shapes differ, the sounds are empty, or hold values that are not finite.
    """
    if reference.ndim != 1 or reference.shape != estimate.shape or len(reference) == 0:
        raise RequestError(f"mel distance needs two mono sounds of one length, got {reference.shape} and {estimate.shape}")
    paired(reference, estimate)
    distances = []
    for scale in scales:
        a = log_mel(reference, sample_rate, scale, low_hz, high_hz)
        b = log_mel(estimate, sample_rate, scale, low_hz, high_hz)
        distances.append(float(np.mean(np.abs(a - b))))
    return float(np.mean(distances))


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int) -> dict[str, float]:
    """All scores by name (``mel_distance``)."""
    return {"mel_distance": mel_distance(reference, estimate, sample_rate)}
