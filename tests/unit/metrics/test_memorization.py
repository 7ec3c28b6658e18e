import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog

from partimento.errors import RequestError
from partimento.metrics.memorization import (
    calibrate,
    exact_match,
    match_rate,
    matching_cost,
    sinkhorn_cost,
    token_entropy_bits,
    wilson_interval,
)


def exact_transport(a, b, cost):
    n, m = cost.shape
    marginals = np.zeros((n + m, n * m))
    for i in range(n):
        marginals[i, i * m : (i + 1) * m] = 1
    for j in range(m):
        marginals[n + j, j::m] = 1
    return linprog(cost.ravel(), A_eq=marginals, b_eq=np.concatenate([a, b])).fun


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 4]))
def test_sinkhorn_lies_just_above_exact_transport(seed, n, m, unevenness):
    rng = np.random.default_rng(seed)
    a, b = (rng.random(k) ** unevenness + 1e-5 for k in (n, m))
    a, b = a / a.sum(), b / b.sum()
    cost = rng.random((n, m)) * rng.choice([1e-3, 1.0, 1e3])
    found, least = sinkhorn_cost(a, b, cost), exact_transport(a, b, cost)
    slack = 0.01 * cost.max() * math.log(max(2, n * m)) + 2e-3 * cost.max()
    assert least - 1e-6 * cost.max() <= found <= least + slack


def test_a_smaller_regulariser_comes_nearer_to_the_exact_cost():
    rng = np.random.default_rng(3)
    a, b = np.full(9, 1 / 9), np.full(11, 1 / 11)
    cost = rng.random((9, 11))
    least = exact_transport(a, b, cost)
    gaps = [sinkhorn_cost(a, b, cost, r) - least for r in (0.3, 0.03, 0.003)]
    assert gaps[0] > gaps[1] > gaps[2] > -1e-9
    assert gaps[2] < 5e-3


def test_weights_that_stand_far_apart_do_not_underflow():
    cost = np.array([[0.0, 1e6], [1e6, 0.0]])
    assert sinkhorn_cost([1 - 1e-9, 1e-9], [0.5, 0.5], cost) == pytest.approx(5e5, rel=0.01)


@pytest.mark.parametrize(
    ("a", "b", "cost", "message"),
    [
        ([0.5, 0.5], [1.0], [[1.0]], "weights"),
        ([0.5, 0.4], [1.0], [[1.0], [1.0]], "sum to 1"),
        ([1.0, 0.0], [1.0], [[1.0], [1.0]], "above 0"),
        ([1.0], [1.0], [[-1.0]], "0 or more"),
        ([1.0], [1.0], [[np.nan]], "finite"),
    ],
)
def test_bad_transport(a, b, cost, message):
    with pytest.raises(RequestError, match=message):
        sinkhorn_cost(a, b, np.array(cost))


def test_matching_cost_is_that_of_the_best_assignment_of_frames():
    # Histograms of equally many frames: exact transport is an assignment of frames to frames.
    rng = np.random.default_rng(0)
    codebooks = rng.normal(size=(2, 30, 4))
    a, b = rng.integers(0, 30, (2, 2, 50))
    expected = []
    for k in range(2):
        away = np.linalg.norm(codebooks[k, a[k]][:, None] - codebooks[k, b[k]][None], axis=2)
        expected.append(away[linear_sum_assignment(away)].mean())
    assert matching_cost(a, b, codebooks) == pytest.approx(np.mean(expected), rel=0.05)
    assert matching_cost(a[:1], b[:1], codebooks) == pytest.approx(expected[0], rel=0.05)


def test_matching_cost_ignores_order_and_sees_the_codebook():
    codebooks = np.array([[[0.0], [1.0], [10.0]]])
    assert matching_cost([[0, 1, 2]], [[2, 0, 1]], codebooks) == 0
    assert not exact_match([[0, 1, 2]], [[2, 0, 1]])
    assert matching_cost([[0, 0]], [[1, 1]], codebooks) == pytest.approx(1)
    assert matching_cost([[0, 0]], [[2, 2]], codebooks) == pytest.approx(10)
    with pytest.raises(RequestError, match="token 3 is outside"):
        matching_cost([[3]], [[0]], codebooks)
    with pytest.raises(RequestError, match="one shape"):
        matching_cost([[1, 1]], [[0]], codebooks)


def test_entropy():
    assert token_entropy_bits([5, 5, 5]) == 0
    assert token_entropy_bits(np.arange(8)) == pytest.approx(3)


def test_calibration_lets_strictly_less_than_the_share_pass():
    rng = np.random.default_rng(1)
    n = 60
    pieces = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    costs = rng.random(len(pieces))
    for share in (0.5, 0.01, 1 / len(pieces), 1e-4):
        found = calibrate(costs, pieces, false_positives=share, bootstrap=50)
        assert (costs < found.threshold).mean() < share
        assert found.n_below == (costs < found.threshold).sum()
        assert found.low <= found.threshold <= found.high
        assert found.n_below / len(costs) <= found.false_positive_bound
    # One more would be too many.
    ordered = np.sort(costs)
    at_one_percent = calibrate(costs, pieces, false_positives=0.01, bootstrap=0)
    following = ordered[np.searchsorted(ordered, at_one_percent.threshold) + 1]
    assert (costs < following).mean() >= 0.01


def test_a_held_out_half_of_the_pairs_keeps_the_share():
    rng = np.random.default_rng(2)
    pieces = np.array([(i, j) for i in range(200) for j in range(i + 1, 200)])
    costs = rng.gamma(5, size=len(pieces))
    limit = calibrate(costs[::2], pieces[::2], false_positives=0.01, bootstrap=0).threshold
    assert (costs[1::2] < limit).mean() == pytest.approx(0.01, abs=0.004)


def test_bad_calibration():
    with pytest.raises(RequestError, match="two different pieces"):
        calibrate([1.0], [(2, 2)])
    with pytest.raises(RequestError, match="finite costs"):
        calibrate([], np.zeros((0, 2)))
    with pytest.raises(RequestError, match="share"):
        calibrate([1.0], [(0, 1)], false_positives=0)


def test_rates():
    found = match_rate([True, False, False, False], [0.0, 0.1, 0.5, 0.9], [1.0, 2.0, 5.0, 6.0], 0.5)
    assert (found.n, found.exact, found.approximate) == (4, 1, 2)
    assert found.exact_share == 0.25
    assert found.entropy_bits == 3.5
    assert found.matched_entropy_bits == 1.5
    assert match_rate([False], [1.0], [2.0], 0.5).matched_entropy_bits is None
    # An exact match is a match whatever the threshold.
    assert match_rate([True], [0.0], [2.0], 0.0).approximate == 1


def test_wilson_interval_agrees_with_scipy():
    from scipy.stats import binomtest

    for hits, n in [(0, 10), (3, 10), (10, 10), (57, 600)]:
        expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
        assert wilson_interval(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert wilson_interval(0, 0) == (0, 1)
