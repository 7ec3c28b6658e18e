"""Fréchet distance between two sets of embeddings (FAD when they are of sound), with FAD∞ and intervals.

Conventions:
    Sets are ``[N, D]``: one row per window of sound, windows of all clips stacked (``fadtk`` and Google's script do the
    same; long clips weigh more). Mean and unbiased covariance (``ddof = 1``) in float64. The trace of the matrix root
    is the sum of the square roots of the eigenvalues of ``A^½ B A^½``, which is symmetric, so that no complex part and no
    failure of an iterative root can occur; tiny negative eigenvalues count as 0.
    A covariance of fewer than ``2 D`` rows is not trusted: such a set is refused, or shrunk towards a multiple of the
    identity (oracle approximating shrinkage) on demand, and the result says by how much.
    The distance falls as N grows: compare at equal N, or use :func:`frechet_infinity`.

References:
    Kilgour et al., "Fréchet Audio Distance", Interspeech 2019. Gui et al., "Adapting Fréchet Audio Distance for
    generative music evaluation", ICASSP 2024 (FAD∞, sections 3.3 and 4). Chen et al., "Shrinkage algorithms for MMSE
    covariance estimation", IEEE TSP 2010, eq. 23 (OAS).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import matrix

SmallSets = Literal["refuse", "shrink"]
ENOUGH_PER_DIM = 2
"""Rows per dimension from which a covariance is used as it is."""


@dataclass(frozen=True)
class Gaussian:
    """Mean ``[D]`` and covariance ``[D, D]`` of ``n`` rows; ``shrinkage`` 0 (as measured) to 1 (a multiple of identity)."""

    n: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    shrinkage: float = 0.0

    @property
    def dim(self) -> int:
        """D."""
        return len(self.mean)


class RunningGaussian:
    """Mean and covariance over any number of blocks, in constant memory (Chan et al., 1979)."""

    def __init__(self, dim: int) -> None:
        self._n = 0
        self._mean = np.zeros(dim)
        self._scatter = np.zeros((dim, dim))

    def add(self, rows: NDArray[np.floating]) -> None:
        """Take in ``[N, D]``.

        Raises:
            RequestError: wrong width, or not finite.
        """
        block = matrix("embeddings", rows, len(self._mean))
        n, mean = len(block), block.mean(axis=0)
        centred = block - mean
        step, total = mean - self._mean, self._n + n
        self._scatter += centred.T @ centred + np.outer(step, step) * (self._n * n / total)
        self._mean = self._mean + step * (n / total)
        self._n = total

    def result(self, small: SmallSets = "refuse") -> Gaussian:
        """The Gaussian so far; see :func:`gaussian`."""
        if self._n < 2:
            raise RequestError(f"a covariance needs at least 2 vectors, got {self._n}")
        covariance = self._scatter / (self._n - 1)
        return _trusted(Gaussian(self._n, self._mean.copy(), covariance), small)


@dataclass(frozen=True)
class FrechetScore:
    """A distance with what it was taken from.

    Attributes:
        value: 0 or more; 0 for equal Gaussians.
        low, high: bootstrap interval (equal to ``value`` where none was asked for).
        n_reference, n_estimate, dim: sizes.
        shrinkage: of reference and estimate (0: none was needed).
    """

    value: float
    low: float
    high: float
    n_reference: int
    n_estimate: int
    dim: int
    shrinkage: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class InfinityScore:
    """FAD∞: the intercept of a line through (1/n, distance at n), mean over seeds.

    Attributes:
        value: the intercept (may be a little below 0 when the sets are alike).
        spread: standard deviation of the intercept over the seeds.
        r2: mean share of variance that the line explains; below about 0.9 the extrapolation is not to be trusted.
        sizes: the n used.
    """

    value: float
    spread: float
    r2: float
    sizes: tuple[int, ...]


def oas_shrinkage(covariance: NDArray[np.float64], n: int) -> float:
    """Weight of the multiple of the identity, 0–1 (Chen et al. 2010, eq. 23, for a covariance of ``n`` rows)."""
    p = len(covariance)
    square, trace2 = float(np.sum(covariance**2)), float(np.trace(covariance)) ** 2
    bottom = (n + 1 - 2 / p) * (square - trace2 / p)
    return 1.0 if bottom <= 0 else float(min(1.0, ((1 - 2 / p) * square + trace2) / bottom))


def _trusted(raw: Gaussian, small: SmallSets) -> Gaussian:
    """The Gaussian, refused or shrunk when it rests on too few rows."""
    if small not in ("refuse", "shrink"):
        raise RequestError(f"small='{small}' is unknown; refuse or shrink")
    if raw.n >= ENOUGH_PER_DIM * raw.dim:
        return raw
    if small == "refuse":
        raise RequestError(
            f"{raw.n} vectors of {raw.dim} numbers are too few for a covariance (from {ENOUGH_PER_DIM * raw.dim} on); "
            "use more or longer clips, small='shrink', or the kernel distance, which stays unbiased"
        )
    weight = oas_shrinkage(raw.covariance, raw.n)
    target = np.eye(raw.dim) * (np.trace(raw.covariance) / raw.dim)
    return Gaussian(raw.n, raw.mean, (1 - weight) * raw.covariance + weight * target, weight)


def gaussian(rows: NDArray[np.floating], small: SmallSets = "refuse") -> Gaussian:
    """Mean and covariance of ``[N, D]``.

    Raises:
        RequestError: fewer than 2 rows; fewer than ``2 D`` and ``small`` is ``refuse``; not finite.
    """
    array = matrix("embeddings", rows)
    running = RunningGaussian(array.shape[1])
    running.add(array)
    return running.result(small)


def distance(a: Gaussian, b: Gaussian) -> float:
    """``‖μa − μb‖² + tr(A + B − 2 (A^½ B A^½)^½)``, 0 or more."""
    if a.dim != b.dim:
        raise RequestError(f"Gaussians of {a.dim} and {b.dim} dimensions; both sets need the same embedder")
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    inner = root @ b.covariance @ root
    cross = np.sqrt(np.clip(np.linalg.eigvalsh((inner + inner.T) / 2), 0.0, None)).sum()
    value = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * cross
    return float(max(0.0, value))


def frechet_distance(
    reference: NDArray[np.floating],
    estimate: NDArray[np.floating],
    *,
    small: SmallSets = "refuse",
    bootstrap: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> FrechetScore:
    """Fréchet distance of two sets ``[N, D]`` and ``[M, D]``.

    Args:
        reference, estimate: embeddings.
        small: what to do with sets of fewer than ``2 D`` rows.
        bootstrap: how many times to draw both sets with replacement; 0 gives no interval. Drawing with replacement raises
            the distance, so only the spread of the draws is used: see :func:`centred_interval`. Rows are taken as
            independent; windows of one clip are not, and are to be drawn by clip (the tables do).
        level: of the interval.
        seed: of the draws.

    Raises:
        RequestError: see :func:`gaussian`; different widths.
    """
    a, b = matrix("reference", reference), matrix("estimate", estimate)
    if a.shape[1] != b.shape[1]:
        raise RequestError(f"reference has {a.shape[1]} dimensions, estimate {b.shape[1]}; both need the same embedder")
    first, second = gaussian(a, small), gaussian(b, small)
    value = distance(first, second)
    low = high = value
    if not 0.0 < level < 1.0:
        raise RequestError(f"level {level:g} is outside 0 to 1")
    if bootstrap:
        rng = np.random.default_rng(seed)
        drawn = [
            distance(gaussian(a[rng.integers(len(a), size=len(a))], small), gaussian(b[rng.integers(len(b), size=len(b))], small))
            for _ in range(bootstrap)
        ]
        low, high = centred_interval(value, drawn, level)
    return FrechetScore(value, low, high, len(a), len(b), a.shape[1], (first.shrinkage, second.shrinkage))


def centred_interval(value: float, drawn: Sequence[float], level: float = 0.95, least: float = 0.0) -> tuple[float, float]:
    """The spread of resampled values around their own mean, put around ``value``; never below ``least``."""
    tail = (1.0 - level) / 2.0
    below, above = np.quantile(np.asarray(drawn) - np.mean(drawn), [tail, 1.0 - tail])
    return max(least, value + min(0.0, float(below))), max(least, value + max(0.0, float(above)))


def frechet_infinity(
    reference: NDArray[np.floating],
    estimate: NDArray[np.floating],
    *,
    n_sizes: int = 25,
    least: int = 500,
    seeds: int = 5,
    seed: int = 0,
) -> InfinityScore:
    """FAD∞: the distance extrapolated to infinitely many estimates (Gui et al. 2024).

    ``n_sizes`` set sizes, evenly from ``least`` to all, each drawn with replacement from the estimate (as ``fadtk``
    does); the reference is used whole. Least squares of distance against 1/n; repeated for ``seeds`` seeds.

    Raises:
        RequestError: fewer estimates than ``least`` or ``2 D``; a reference that :func:`gaussian` refuses.
    """
    b = matrix("estimate", estimate)
    first = gaussian(reference)
    least = max(least, ENOUGH_PER_DIM * b.shape[1])
    if len(b) < 2 * least:
        raise RequestError(f"extrapolating needs at least {2 * least} estimates, got {len(b)}; use more or longer clips")
    sizes = np.unique(np.linspace(least, len(b), n_sizes).astype(int))
    inverse = 1.0 / sizes
    intercepts, explained = [], []
    for index in range(seeds):
        rng = np.random.default_rng([seed, index])
        found = np.array([distance(first, gaussian(b[rng.integers(len(b), size=n)])) for n in sizes])
        slope, intercept = np.polyfit(inverse, found, 1)
        left = found - (slope * inverse + intercept)
        intercepts.append(float(intercept))
        total = float(np.sum((found - found.mean()) ** 2))
        explained.append(1.0 - float(np.sum(left**2)) / total if total > 0 else 1.0)
    return InfinityScore(
        float(np.mean(intercepts)), float(np.std(intercepts)), float(np.mean(explained)), tuple(int(n) for n in sizes)
    )


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating], small: SmallSets = "refuse") -> dict[str, float]:
    """All plain scores of this file by name (``fad``)."""
    return {"fad": frechet_distance(reference, estimate, small=small).value}
