"""Scale-invariant signal-to-distortion ratio, and its improvement over the input.

Conventions:
    Both signals lose their mean first (``zero_mean=True``, as in the paper; ``torchmetrics`` leaves it by default), then
    the estimate is compared with the best scaled copy of the reference. In dB, higher is better. A silent (or, without its
    mean, constant) reference has no defined ratio and is refused; a silent or constant estimate gives minus infinity; an
    exact copy gives plus infinity. Multichannel sound is scored per channel and averaged; a silent channel of the estimate
    outweighs an exact one.

References:
    Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, eq. 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import paired


def si_sdr_db(reference: NDArray[np.floating], estimate: NDArray[np.floating], *, zero_mean: bool = True) -> float:
    """SI-SDR in dB of ``[n]`` or ``[C, n]`` against a reference of the same shape.

    Raises:
        RequestError: shapes differ, values that are not finite, or a silent reference channel.
    """
    a, b = raw = tuple(np.atleast_2d(x) for x in paired(reference, estimate))
    if zero_mean:
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    a, b = (np.where(_silent(before, after), 0.0, after) for before, after in zip(raw, (a, b), strict=True))
    energy = np.sum(a**2, axis=1)
    if np.any(energy == 0):
        raise RequestError("the reference is silent: SI-SDR is not defined there; leave such pairs out and count them")
    target = a * (np.sum(a * b, axis=1) / energy)[:, None]
    error = np.sum((b - target) ** 2, axis=1)
    hit = np.sum(target**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(hit == 0, -np.inf, 10.0 * np.log10(hit / error))
    return float("-inf") if np.any(ratio == -np.inf) else float(ratio.mean())


def _silent(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Channels ``[C, 1]`` of which nothing but rounding is left without their mean."""
    largest = np.abs(before).max(axis=1, keepdims=True)
    return np.asarray(np.abs(after).max(axis=1, keepdims=True) <= 1e-12 * largest)


def si_sdr_improvement_db(
    mixture: NDArray[np.floating], reference: NDArray[np.floating], estimate: NDArray[np.floating], *, zero_mean: bool = True
) -> float:
    """SI-SDRi: SI-SDR of the estimate minus that of the unprocessed ``mixture``, dB; 0 where both are equal, infinite ones too.

    Raises:
        RequestError: see :func:`si_sdr_db`.
    """
    after, before = (si_sdr_db(reference, sound, zero_mean=zero_mean) for sound in (estimate, mixture))
    return 0.0 if after == before else after - before


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> dict[str, float]:
    """All scores by name (``si_sdr_db``)."""
    return {"si_sdr_db": si_sdr_db(reference, estimate)}
