"""Structural similarity of two mel spectrograms, as Instruct-MusicGen's evaluation takes it (1 is equal).

Conventions:
    Mono at 16 kHz; *power* mel spectrogram without logarithm: Hann window 400, hop 200, frames centred with reflected
    ends, 128 triangular filters on the HTK scale from 0 to 8 kHz without normalisation (torchaudio's defaults). SSIM with
    a Gaussian of sigma 1.5 in an 11 x 11 window, k = 0.01 and 0.03, ``data_range = 1``, edges mirrored, mean over the
    whole picture (torchmetrics 1.9). On raw power the figure is dominated by loud low bins; it is here because the
    paper's tables use it, and ``log=True`` gives the same on dB scaled to 0–1 over 80 dB.

References:
    Wang et al., "Image quality assessment", IEEE TIP 2004. Zhang et al., "Instruct-MusicGen", 2024, section 5.2.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import paired

SAMPLE_RATE = 16_000
_N_FFT, _HOP, _BANDS = 400, 200, 128
_SIGMA, _RADIUS = 1.5, 5
_C1, _C2 = 0.01**2, 0.03**2
_RANGE_DB = 80.0


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float64]:
    """HTK triangles ``[201, 128]``, peak 1."""
    bins = np.linspace(0.0, SAMPLE_RATE / 2, _N_FFT // 2 + 1)
    mels = np.linspace(0.0, 2595.0 * np.log10(1.0 + SAMPLE_RATE / 2 / 700.0), _BANDS + 2)
    points = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    slopes = points[None, :] - bins[:, None]
    widths = np.diff(points)
    return np.asarray(np.maximum(0.0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:])))


def power_mel(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power mel spectrogram ``[128, frames]`` of mono ``samples [n]`` at 16 kHz, n above 200.

    Raises:
        RequestError: too short, or more than one channel.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 1 or len(samples) <= _N_FFT // 2:
        raise RequestError(f"mono sound of more than {_N_FFT // 2} samples is needed, got shape {samples.shape}")
    padded = np.pad(samples, _N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_N_FFT + 1)[:-1], axis=1)) ** 2
    return np.asarray((power @ _filters()).T)


def structural_similarity(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """SSIM of two pictures ``[H, W]`` with values meant to lie in 0–1; each side at least 11.

    Raises:
        RequestError: shapes differ or are too small, not finite.
    """
    from scipy.ndimage import gaussian_filter

    x, y = paired(a, b, "pictures")
    if x.ndim != 2 or min(x.shape) <= 2 * _RADIUS:
        raise RequestError(
            f"pictures of at least {2 * _RADIUS + 1} by {2 * _RADIUS + 1} are needed, got {x.shape}; use longer sound"
        )

    def blurred(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(z, _SIGMA, radius=_RADIUS, mode="mirror"))

    mx, my = blurred(x), blurred(y)
    vx, vy = np.maximum(blurred(x * x) - mx**2, 0.0), np.maximum(blurred(y * y) - my**2, 0.0)
    cov = blurred(x * y) - mx * my
    return float(np.mean((2 * mx * my + _C1) * (2 * cov + _C2) / ((mx**2 + my**2 + _C1) * (vx + vy + _C2))))


def mel_ssim(reference: NDArray[np.floating], estimate: NDArray[np.floating], *, log: bool = False) -> float:
    """SSIM of the mel spectrograms of mono ``[n]`` at 16 kHz.

    Args:
        reference, estimate: sounds of one length, at least 0.14 s.
        log: compare dB within 80 dB of the reference's loudest bin, scaled to 0–1, instead of raw power.

    Raises:
        RequestError: see :func:`power_mel`, :func:`structural_similarity`; a silent reference with ``log``.
    """
    paired(reference, estimate)
    a, b = power_mel(reference), power_mel(estimate)
    if log:
        top = a.max()
        if top <= 0:
            raise RequestError("the reference is silent: there is no level to scale dB by")
        floor = top * 10.0 ** (-_RANGE_DB / 10.0)
        a, b = (10.0 * np.log10(np.maximum(x, floor) / floor) / _RANGE_DB for x in (a, b))
    return structural_similarity(a, b)


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> dict[str, float]:
    """All scores by name (``mel_ssim``, as the paper; ``mel_ssim_log``)."""
    return {"mel_ssim": mel_ssim(reference, estimate), "mel_ssim_log": mel_ssim(reference, estimate, log=True)}
