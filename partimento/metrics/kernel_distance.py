"""Kernel distance between two sets of embeddings (KAD when they are of sound): unbiased MMD² times 100.

Conventions:
    Gaussian kernel ``exp(−‖x − y‖² / (2 σ²))`` with σ the median distance between different rows of the *reference*,
    so the figure is not symmetric. Unbiased: the diagonal is left out of the within-set means, hence about 0, and as often
    below as above, for two sets of one distribution, at any size. Times 100, as in the paper.
    Constant memory: kernels are summed in blocks; the median uses at most ``MEDIAN_ROWS`` evenly spaced rows.

References:
    Chung et al., "KAD: No More FAD! An Effective and Efficient Evaluation Metric for Audio Generation", 2025.
    Gretton et al., "A kernel two-sample test", JMLR 2012, eq. 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import matrix

SCALE = 100.0
MEDIAN_ROWS = 1_500
_BLOCK = 128  # rows at once: what is in memory does not grow with the square of the sets


@dataclass(frozen=True)
class KernelScore:
    """MMD² x 100 with its interval and what it was taken from."""

    value: float
    low: float
    high: float
    n_reference: int
    n_estimate: int
    bandwidth: float


def median_bandwidth(rows: NDArray[np.floating]) -> float:
    """Median distance between different rows of ``[N, D]``, N at least 2; 1 when all rows are equal."""
    a = matrix("reference", rows)
    if len(a) < 2:
        raise RequestError(f"a kernel distance needs at least 2 vectors in each set, got {len(a)}")
    if len(a) > MEDIAN_ROWS:
        a = a[np.linspace(0, len(a) - 1, MEDIAN_ROWS).astype(int)]
    from scipy.spatial.distance import pdist

    found = float(np.median(pdist(a)))
    return found if found > 0 else 1.0


def _kernel_row_sums(a: NDArray[np.float64], b: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    """Σ_j k(a_i, b_j) for every i."""
    squares = np.sum(b**2, axis=1)
    out = np.empty(len(a))
    for start in range(0, len(a), _BLOCK):
        rows = a[start : start + _BLOCK]
        distance2 = np.sum(rows**2, axis=1)[:, None] + squares[None, :] - 2.0 * rows @ b.T
        out[start : start + len(rows)] = np.exp(np.maximum(distance2, 0.0) / (-2.0 * bandwidth**2)).sum(axis=1)
    return out


def kernel_distance(
    reference: NDArray[np.floating],
    estimate: NDArray[np.floating],
    *,
    bandwidth: float | None = None,
    bootstrap: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> KernelScore:
    """Unbiased MMD² x 100 of ``[N, D]`` and ``[M, D]``.

    Args:
        reference, estimate: embeddings, at least 2 rows each.
        bandwidth: σ; None takes :func:`median_bandwidth` of the reference.
        bootstrap: draws for the interval; 0 gives none. Rows are left out rather than repeated, since repeated rows would
            count as pairs of distance 0: half of each set without replacement varies as much as a whole set does.
        level: of the interval.
        seed: of the draws.

    Raises:
        RequestError: too few rows, different widths, values that are not finite, a bandwidth that is not positive.
    """
    a = matrix("reference", reference)
    b = matrix("estimate", estimate, a.shape[1])
    if len(b) < 2:
        raise RequestError(f"a kernel distance needs at least 2 vectors in each set, got {len(b)}")
    sigma = median_bandwidth(a) if bandwidth is None else bandwidth
    if not sigma > 0:
        raise RequestError(f"bandwidth {sigma:g} must be above 0")
    if not 0.0 < level < 1.0:
        raise RequestError(f"level {level:g} is outside 0 to 1")
    centre = a.mean(axis=0)  # distances do not change, rounding does
    a, b = a - centre, b - centre
    value = _mmd2(a, b, sigma)
    low = high = value
    if bootstrap and min(len(a), len(b)) >= 4:
        rng = np.random.default_rng(seed)
        drawn = np.array([
            _mmd2(a[rng.permutation(len(a))[: len(a) // 2]], b[rng.permutation(len(b))[: len(b) // 2]], sigma)
            for _ in range(bootstrap)
        ])  # fmt: skip
        deviation = drawn - drawn.mean()
        tail = (1.0 - level) / 2.0
        below, above = np.quantile(deviation, [tail, 1.0 - tail])
        low, high = value + float(below), value + float(above)
    return KernelScore(value, low, high, len(a), len(b), sigma)


def _mmd2(a: NDArray[np.float64], b: NDArray[np.float64], sigma: float) -> float:
    n, m = len(a), len(b)
    within_a = (_kernel_row_sums(a, a, sigma).sum() - n) / (n * (n - 1))
    within_b = (_kernel_row_sums(b, b, sigma).sum() - m) / (m * (m - 1))
    return float(SCALE * (within_a + within_b - 2.0 * _kernel_row_sums(a, b, sigma).sum() / (n * m)))


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> dict[str, float]:
    """All plain scores of this file by name (``kad``)."""
    return {"kad": kernel_distance(reference, estimate).value}
