"""Does a token model continue training pieces as they went on: exact and approximate matches of token sequences.

Conventions:
    Tokens are integers ``[K, n]`` (codebooks, frames). An **exact match** has every token of the continuation equal to
    the training piece's. An **approximate match** has a matching cost below a threshold: histograms of the tokens are
    compared by optimal transport, ground cost = Euclidean distance of the codebook's vectors, solved with an entropic
    regulariser (Sinkhorn) on the tokens that occur. The cost says what sounds, not in which order. The threshold is
    calibrated on negative pairs, sequences of different pieces: strictly less than a share ``false_positives`` of
    them lies below it. With ``n`` negative pairs no share below ``1 / n`` can be seen; the threshold then is the lowest
    cost of all, and :attr:`Calibration.false_positive_bound` says what that proves.

    The regulariser is 1 % of the largest ground cost. The plan is rounded to the exact marginals, so that a cost is never
    below that of unregularised transport and at most ``regulariser x log(tokens that occur)`` above it (plus tolerance).

References:
    A. Agostinelli et al., "MusicLM: Generating Music From Text", 2023, section 5.7 and appendix (the analysis).
    M. Cuturi, "Sinkhorn Distances: Lightspeed Computation of Optimal Transport", NIPS 2013.
    B. Schmitzer, "Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport Problems", SISC 2019 (absorption).
    J. Altschuler, J. Weed, P. Rigollet, "Near-linear time approximation algorithms for optimal transport", NIPS 2017 (rounding).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from partimento.errors import RequestError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
FALSE_POSITIVES = 1e-4
"""MusicLM's share of negative pairs that may pass as matches: 0.01 %."""
_REGULARISER = 0.01
_TOLERANCE = 1e-3
_SWEEPS = 20
_ROUNDS = 50


def validate(generated: ArrayLike, target: ArrayLike) -> tuple[Ints, Ints]:
    """Two token sequences ``[K, n]`` of one shape, as int64.

    Raises:
        RequestError: other shapes, no tokens, or tokens that are no integers from 0 up.
    """
    a, b = np.asarray(generated), np.asarray(target)
    if a.ndim != 2 or a.shape != b.shape or a.size == 0:
        raise RequestError(f"token sequences of one shape [K, n] are needed, got {a.shape} and {b.shape}")
    for name, tokens in (("generated", a), ("target", b)):
        if not np.issubdtype(tokens.dtype, np.integer) or int(tokens.min()) < 0:
            raise RequestError(f"the {name} tokens must be integers from 0 up")
    return a.astype(np.int64), b.astype(np.int64)


def exact_match(generated: ArrayLike, target: ArrayLike) -> bool:
    """True when all tokens ``[K, n]`` are equal."""
    a, b = validate(generated, target)
    return bool(np.array_equal(a, b))


def token_entropy_bits(tokens: ArrayLike) -> float:
    """Entropy of the token counts ``[n]`` in bits: 0 for one repeated token, ``log2(n)`` at most."""
    _, counts = np.unique(np.asarray(tokens), return_counts=True)
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum() + 0.0)


def sinkhorn_cost(a: ArrayLike, b: ArrayLike, cost: ArrayLike, regulariser: float | None = None) -> float:
    """Cost of moving weights ``a [n]`` to ``b [m]`` under ground costs ``[n, m]``, by entropic transport.

    Args:
        a, b: positive weights, each of sum 1.
        cost: ground costs, 0 or more.
        regulariser: weight of the entropy, in units of the cost; None takes 1 % of the largest cost.

    Raises:
        RequestError: shapes that do not fit, weights that are not positive or do not sum to 1, costs below 0 or not finite.
    """
    first, second, ground = (np.asarray(x, dtype=np.float64) for x in (a, b, cost))
    if first.ndim != 1 or second.ndim != 1 or ground.shape != (first.size, second.size) or not ground.size:
        raise RequestError(f"weights [n] and [m] with costs [n, m] are needed, got {first.shape}, {second.shape}, {ground.shape}")
    for weights in (first, second):
        if not (weights > 0).all() or abs(weights.sum() - 1) > 1e-6:
            raise RequestError("weights must be above 0 and sum to 1; leave out what does not occur")
    if not np.isfinite(ground).all() or ground.min() < 0:
        raise RequestError("ground costs must be finite and 0 or more")
    top = float(ground.max())
    if top == 0:
        return 0.0
    target = _REGULARISER * top if regulariser is None else regulariser
    if not target > 0:
        raise RequestError(f"regulariser {regulariser}: must be above 0")
    plan = _plan(first, second, ground, target)
    return float((_rounded(plan, first, second) * ground).sum())


def _plan(a: Floats, b: Floats, cost: Floats, regulariser: float) -> Floats:
    """Entropic plan ``[n, m]``: potentials in the log domain, cheap scalings in between, regulariser lowered by halves."""
    f, g = np.zeros(len(a)), np.zeros(len(b))
    strength = max(regulariser, float(cost.max()) / 4)
    while True:
        for _ in range(_ROUNDS):
            f = strength * (np.log(a) - _logsumexp((g - cost) / strength, 1))
            g = strength * (np.log(b) - _logsumexp((f[:, None] - cost) / strength, 0))
            kernel = np.exp((f[:, None] + g - cost) / strength)
            if np.abs(kernel.sum(axis=1) - a).sum() < _TOLERANCE:
                break
            u, v = np.ones(len(a)), np.ones(len(b))
            for _ in range(_SWEEPS):
                u = a / np.maximum(kernel @ v, 1e-290)
                v = b / np.maximum(u @ kernel, 1e-290)
            with np.errstate(over="ignore"):
                g = g + strength * np.log(np.clip(v, 1e-290, 1e290))
        if strength <= regulariser:
            return np.asarray(kernel)
        strength = max(regulariser, strength / 2)


def _logsumexp(values: Floats, axis: int) -> Floats:
    """``log(sum(exp(values)))`` along an axis without overflow."""
    top = values.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(values - top).sum(axis=axis)) + top.squeeze(axis))


def _rounded(plan: Floats, a: Floats, b: Floats) -> Floats:
    """The nearest plan that has exactly the marginals ``a`` and ``b`` (Altschuler et al., algorithm 2)."""
    plan = plan * np.minimum(1.0, a / np.maximum(plan.sum(axis=1), 1e-300))[:, None]
    plan = plan * np.minimum(1.0, b / np.maximum(plan.sum(axis=0), 1e-300))
    missing_a, missing_b = np.maximum(a - plan.sum(axis=1), 0.0), np.maximum(b - plan.sum(axis=0), 0.0)
    left = missing_a.sum()
    return plan if left <= 0 else np.asarray(plan + np.outer(missing_a, missing_b) / left)


def matching_cost(generated: ArrayLike, target: ArrayLike, codebooks: NDArray[np.floating]) -> float:
    """Matching cost of two sequences ``[K, n]``: mean over the codebooks of the transport cost of their histograms.

    Args:
        generated, target: tokens.
        codebooks: vectors ``[K, N, D]`` of the tokens; the first ``k`` of more codebooks are used for ``[k, n]``.

    Raises:
        RequestError: tokens outside the codebooks, or shapes that do not fit.
    """
    a, b = validate(generated, target)
    if codebooks.ndim != 3 or codebooks.shape[0] < a.shape[0]:
        raise RequestError(f"codebooks [K, N, D] with K >= {a.shape[0]} are needed, got {codebooks.shape}")
    largest = max(int(a.max()), int(b.max()))
    if largest >= codebooks.shape[1]:
        raise RequestError(f"token {largest} is outside the codebook of {codebooks.shape[1]} entries")
    costs = []
    for mine, theirs, vectors in zip(a, b, codebooks, strict=False):
        left, left_counts = np.unique(mine, return_counts=True)
        right, right_counts = np.unique(theirs, return_counts=True)
        if np.array_equal(left, right) and np.array_equal(left_counts, right_counts):
            costs.append(0.0)  # one histogram: nothing moves, and the regulariser shall not say otherwise
            continue
        away = vectors[left].astype(np.float64)[:, None, :] - vectors[right].astype(np.float64)[None, :, :]
        ground = np.sqrt((away**2).sum(axis=2))
        costs.append(sinkhorn_cost(left_counts / left_counts.sum(), right_counts / right_counts.sum(), ground))
    return float(np.mean(costs))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold from negative pairs.

    Attributes:
        threshold: costs below it are matches.
        low, high: bootstrap interval of the threshold (pieces drawn with replacement).
        n_pairs: negative pairs.
        false_positives: share of them that was allowed.
        n_below: negative pairs below the threshold.
        false_positive_bound: 95 % upper bound of the true share of negative pairs below it (Clopper-Pearson).
    """

    threshold: float
    low: float
    high: float
    n_pairs: int
    false_positives: float
    n_below: int
    false_positive_bound: float


def calibrate(
    costs: ArrayLike,
    pieces: ArrayLike,
    *,
    false_positives: float = FALSE_POSITIVES,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Calibration:
    """Threshold below which strictly less than ``false_positives`` of the negative pairs lie.

    Args:
        costs: of the negative pairs ``[P]``.
        pieces: which two pieces each pair is of, integers ``[P, 2]``; the bootstrap draws pieces, for pairs that share one
            are not independent.
        false_positives: share allowed, above 0 and below 1.
        bootstrap: draws; 0 gives no interval.
        level: of the interval.
        seed: of the draws.

    Raises:
        RequestError: no pairs, pairs of one piece, or a share outside 0 to 1.
    """
    from scipy.stats import beta

    values, owners = np.asarray(costs, dtype=np.float64), np.asarray(pieces, dtype=np.int64)
    if values.ndim != 1 or not values.size or owners.shape != (values.size, 2) or not np.isfinite(values).all():
        raise RequestError(f"finite costs [P] with pieces [P, 2] are needed, got {values.shape} and {owners.shape}")
    if (owners[:, 0] == owners[:, 1]).any():
        raise RequestError("a negative pair must be of two different pieces")
    if not 0 < false_positives < 1:
        raise RequestError(f"false positives {false_positives}: must be a share above 0 and below 1")
    order = np.argsort(values, kind="stable")
    values, owners = values[order], owners[order]
    threshold = _lowest(values, np.ones(len(values)), false_positives)
    below = int((values < threshold).sum())
    bound = 1.0 if below >= len(values) else float(beta.ppf(0.95, below + 1, len(values) - below))
    low = high = threshold
    if bootstrap:
        low, high = _threshold_interval(values, owners, false_positives, bootstrap, level, seed)
    return Calibration(threshold, low, high, len(values), false_positives, below, bound)


def _threshold_interval(
    values: Floats, owners: Ints, false_positives: float, bootstrap: int, level: float, seed: int
) -> tuple[float, float]:
    """Quantiles of the threshold over draws of pieces; a pair counts as often as its two pieces were drawn together."""
    rng = np.random.default_rng(seed)
    n = int(owners.max()) + 1
    present = np.unique(owners)
    drawn = []
    for _ in range(bootstrap):
        times = np.bincount(rng.choice(present, size=len(present)), minlength=n)
        weights = (times[owners[:, 0]] * times[owners[:, 1]]).astype(np.float64)
        if weights.sum() > 0:
            drawn.append(_lowest(values, weights, false_positives))
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail]) if drawn else (values[0], values[0])
    return float(low), float(high)


def _lowest(values: Floats, weights: Floats, share: float) -> float:
    """The largest of the sorted values below which less than ``share`` of the weight lies."""
    before = np.concatenate([[0.0], np.cumsum(weights)[:-1]]) / weights.sum()
    allowed = np.flatnonzero((before < share) & (weights > 0))
    candidate = values[allowed[-1]] if allowed.size else values[np.flatnonzero(weights > 0)[0]]
    return float(candidate)


def wilson_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share of ``hits`` in ``n`` trials (Wilson 1927); 0 to 1 without trials.

    Raises:
        RequestError: hits outside 0 to n.
    """
    from scipy.special import ndtri

    if not 0 <= hits <= n:
        raise RequestError(f"{hits} hits in {n} trials: hits must be 0 to the number of trials")
    if n == 0:
        return 0.0, 1.0
    z = float(ndtri((1.0 + level) / 2.0))
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half) if hits < n else 1.0


@dataclass(frozen=True, slots=True)
class MatchRate:
    """Matches among continuations.

    Attributes:
        n: continuations.
        exact, approximate: how many match (an exact match is an approximate one, too).
        exact_interval, approximate_interval: Wilson intervals of the shares.
        entropy_bits: mean token entropy of all targets.
        matched_entropy_bits: mean token entropy of the targets that were matched approximately; None without any.
    """

    n: int
    exact: int
    approximate: int
    exact_interval: tuple[float, float]
    approximate_interval: tuple[float, float]
    entropy_bits: float
    matched_entropy_bits: float | None

    @property
    def exact_share(self) -> float:
        """0 to 1."""
        return self.exact / self.n

    @property
    def approximate_share(self) -> float:
        """0 to 1."""
        return self.approximate / self.n


def match_rate(exact: ArrayLike, costs: ArrayLike, entropies_bits: ArrayLike, threshold: float) -> MatchRate:
    """Rates of ``n`` continuations.

    Args:
        exact: booleans ``[n]``.
        costs: matching costs ``[n]``.
        entropies_bits: token entropies of the targets ``[n]``.
        threshold: costs below it are matches; exact matches always are.

    Raises:
        RequestError: lengths that differ, or nothing at all.
    """
    same, cost, entropy = np.asarray(exact, dtype=bool), np.asarray(costs, np.float64), np.asarray(entropies_bits, np.float64)
    if same.ndim != 1 or not same.size or same.shape != cost.shape or same.shape != entropy.shape:
        raise RequestError(f"three arrays of one length are needed, got {same.shape}, {cost.shape} and {entropy.shape}")
    if not np.isfinite(cost[~same]).all() or not np.isfinite(entropy).all():
        raise RequestError("costs and entropies must be finite numbers; a cost that is not would count as no match")
    near = same | (cost < threshold)
    n, n_exact, n_near = same.size, int(same.sum()), int(near.sum())
    return MatchRate(
        n, n_exact, n_near, wilson_interval(n_exact, n), wilson_interval(n_near, n),
        float(entropy.mean()), float(entropy[near].mean()) if n_near else None,
    )  # fmt: skip
