"""Log-spectral distance: how far apart are two power spectra, in dB (lower is closer, 0 for equal sounds)?

Conventions:
    Hann window of 2048 samples, hop 512, power floor 1e-10 (-100 dB) on both sides; per frame the root of the mean over
    bins of the squared difference of ``10 log10`` power, then the mean over frames.

References:
    Gray and Markel, "Distance measures for speech processing", IEEE TASSP 1976.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import paired

WINDOW, HOP = 2048, 512
_FLOOR = 1e-10
_BLOCK_FRAMES = 4096


def log_spectral_distance_db(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> float:
    """Distance in dB of mono ``[n]``; the ends are padded with silence.

    Raises:
        RequestError: shapes differ, more than one channel, empty, not finite.
    """
    a, b = paired(reference, estimate)
    if a.ndim != 1:
        raise RequestError(f"log-spectral distance needs mono sound [n], got shape {a.shape}")
    window = np.hanning(WINDOW + 1)[:-1]
    frames = [np.lib.stride_tricks.sliding_window_view(np.pad(x, WINDOW // 2), WINDOW)[::HOP] for x in (a, b)]
    total = 0.0
    for start in range(0, len(frames[0]), _BLOCK_FRAMES):
        power = [np.abs(np.fft.rfft(f[start : start + _BLOCK_FRAMES] * window, axis=1)) ** 2 for f in frames]
        levels = [10.0 * np.log10(np.maximum(p, _FLOOR)) for p in power]
        total += float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=1)).sum())
    return total / len(frames[0])


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> dict[str, float]:
    """All scores by name (``lsd_db``)."""
    return {"lsd_db": log_spectral_distance_db(reference, estimate)}
