"""Do two sounds have the same notes, octaves aside: cosine of their chroma, frame by frame (1 is best).

Window of 2**14 samples, hop of a quarter, 12 pitch classes scaled to a largest value of 1, cosine averaged over the
frames in which the reference sounds: the shape of AudioCraft's chroma cosine metric (Copet et al., "Simple and
Controllable Music Generation", 2023, section 3.4), at the rate given.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import paired

WINDOW = 2**14
_LOW_HZ, _HIGH_HZ = 55.0, 5_000.0
_SILENCE_DB = -60.0


@lru_cache(maxsize=8)
def chroma_filters(window: int, sample_rate: int) -> NDArray[np.float64]:
    """Pitch-class filters ``[12, window // 2 + 1]``: each bin counts for its nearest pitch class in A440, weighted by a
    Gaussian of a quarter tone around the tempered pitch; bins outside 55-5000 Hz are left out (read-only)."""
    hz = np.arange(window // 2 + 1) * (sample_rate / window)
    inside = (hz >= _LOW_HZ) & (hz <= _HIGH_HZ)
    pitch = 69.0 + 12.0 * np.log2(np.where(inside, hz, 440.0) / 440.0)
    distance = (pitch[None, :] - np.arange(12)[:, None] + 6.0) % 12.0 - 6.0
    filters = np.exp(-0.5 * (distance / 0.25) ** 2) * inside
    filters.flags.writeable = False
    return np.asarray(filters)


def chroma(samples: NDArray[np.floating], sample_rate: int, window: int = WINDOW) -> NDArray[np.float64]:
    """Chroma ``[frames, 12]`` of mono ``samples [n]``, not normalised; the end is padded with silence."""
    hop = window // 4
    n = max(1, -(-max(0, len(samples) - window) // hop) + 1)
    length = (n - 1) * hop + window
    padded = np.pad(np.asarray(samples, dtype=np.float64), (0, max(0, length - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:n]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1], axis=1))
    return np.asarray(magnitude @ chroma_filters(window, sample_rate).T)


def chroma_cosine(
    reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int, window: int = WINDOW
) -> float:
    """Mean cosine of chroma over frames whose reference is within 60 dB of its loudest frame.

    Args:
        reference, estimate: mono ``[n]``, of equal length.
        sample_rate: Hz.
        window: samples of the analysis window.

    Returns:
        0 to 1; a silent estimate gives 0, a silent reference 1 if the estimate is silent too.

    Raises:
        RequestError: when shapes differ, the sounds are empty, or hold values that are not finite.
    """
    if reference.ndim != 1 or reference.shape != estimate.shape or len(reference) == 0:
        raise RequestError(f"chroma cosine needs two mono sounds of one length, got {reference.shape} and {estimate.shape}")
    paired(reference, estimate)
    a, b = chroma(reference, sample_rate, window), chroma(estimate, sample_rate, window)
    level = a.max(axis=1)
    if level.max() <= 1e-9:
        return float(b.max() <= 1e-9)
    sounding = level > level.max() * 10.0 ** (_SILENCE_DB / 20.0)
    a, b = a[sounding], b[sounding]
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean(np.sum(a * b, axis=1) / np.maximum(norms, 1e-12)))


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int) -> dict[str, float]:
    """All scores by name (``chroma_cosine``)."""
    return {"chroma_cosine": chroma_cosine(reference, estimate, sample_rate)}
