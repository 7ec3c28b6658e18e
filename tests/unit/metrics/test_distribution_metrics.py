"""Distances between sets of embeddings: closed forms, bias, intervals, refusals."""

import numpy as np
import pytest

from partimento.errors import RequestError
from partimento.metrics import frechet_distance as fd
from partimento.metrics import kernel_distance as kd
from partimento.metrics.interfaces import Embedder
from partimento.metrics.log_mel_statistics import LogMelStatistics


def rng(seed=0):
    return np.random.default_rng(seed)


def test_two_known_gaussians_give_the_closed_form():
    spread = np.arange(1.0, 9.0)
    a = fd.Gaussian(100, np.zeros(8), np.diag(spread))
    b = fd.Gaussian(100, np.full(8, 0.5), np.diag(4.0 * spread))
    expected = 8 * 0.25 + sum(s + 4 * s - 2 * np.sqrt(4 * s * s) for s in spread)
    assert fd.distance(a, b) == pytest.approx(expected, abs=1e-6)
    turned, _ = np.linalg.qr(rng().normal(size=(8, 8)))
    a2 = fd.Gaussian(100, turned @ a.mean, turned @ a.covariance @ turned.T)
    b2 = fd.Gaussian(100, turned @ b.mean, turned @ b.covariance @ turned.T)
    assert fd.distance(a2, b2) == pytest.approx(expected, abs=1e-6)


def test_agrees_with_the_matrix_root_of_scipy():
    from scipy.linalg import sqrtm

    x, y = rng(1).normal(size=(400, 6)), rng(2).normal(size=(300, 6)) @ rng(3).normal(size=(6, 6)) + 1
    a, b = np.cov(x.T), np.cov(y.T)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert fd.frechet_distance(x, y).value == pytest.approx(float(expected), abs=1e-6)


def test_identity_is_zero_also_for_a_degenerate_set():
    x = rng().normal(size=(100, 3)) @ np.array([[1.0, 2.0, 3.0], [0, 0, 0], [0, 0, 0]])
    assert fd.frechet_distance(x, x).value == pytest.approx(0.0, abs=1e-9)


def test_running_equals_whole():
    x = rng().normal(size=(500, 5)) + 1000.0
    running = fd.RunningGaussian(5)
    for part in np.array_split(x, 7):
        running.add(part)
    whole = np.cov(x.T)
    assert np.allclose(running.result().covariance, whole, atol=1e-8)
    assert np.allclose(running.result().mean, x.mean(0))


def test_small_sets_are_refused_or_shrunk_and_it_says_so():
    x, y = rng(1).normal(size=(20, 16)), rng(2).normal(size=(20, 16))
    with pytest.raises(RequestError, match="20 vectors of 16"):
        fd.frechet_distance(x, y)
    score = fd.frechet_distance(x, y, small="shrink")
    assert all(0 < weight <= 1 for weight in score.shrinkage)
    enough = fd.frechet_distance(rng(1).normal(size=(32, 16)), rng(2).normal(size=(32, 16)), small="shrink")
    assert enough.shrinkage == (0.0, 0.0)


def test_unknown_ways_and_levels_are_refused():
    x, y = rng(1).normal(size=(32, 4)), rng(2).normal(size=(32, 4))
    with pytest.raises(RequestError, match="refuse or shrink"):
        fd.frechet_distance(x, y, small="shrnk")  # type: ignore[arg-type]
    for measure in (fd.frechet_distance, kd.kernel_distance):
        with pytest.raises(RequestError, match="level 95"):
            measure(x, y, bootstrap=5, level=95)


def test_shrinkage_is_that_of_scikit_learn():
    covariance = pytest.importorskip("sklearn.covariance")
    x = rng(4).normal(size=(25, 20)) @ np.diag(np.linspace(0.1, 3, 20))
    centred = x - x.mean(0)
    ours = fd.oas_shrinkage(centred.T @ centred / len(x), len(x))
    theirs = covariance.OAS(assume_centered=True).fit(centred).shrinkage_
    # scikit-learn documents that it drops the 2/p terms of the paper's equation.
    assert ours == pytest.approx(theirs, rel=0.15)


def test_interval_holds_the_value_and_narrows_with_more_rows():
    few = fd.frechet_distance(rng(1).normal(size=(100, 4)), rng(2).normal(size=(100, 4)) + 1, bootstrap=60)
    many = fd.frechet_distance(rng(1).normal(size=(2000, 4)), rng(2).normal(size=(2000, 4)) + 1, bootstrap=60)
    assert few.low <= few.value <= few.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    again = fd.frechet_distance(rng(1).normal(size=(100, 4)), rng(2).normal(size=(100, 4)) + 1, bootstrap=60)
    assert again == few


def test_infinity_takes_the_bias_of_small_sets_out():
    x, y = rng(1).normal(size=(20_000, 16)), rng(2).normal(size=(2_000, 16))
    plain = fd.frechet_distance(x, y[:500]).value
    found = fd.frechet_infinity(x, y)
    assert plain > 0.02  # what 500 rows of the same distribution cost
    assert abs(found.value) < 0.6 * plain
    assert found.r2 > 0.5
    assert found == fd.frechet_infinity(x, y)
    with pytest.raises(RequestError, match="at least 1000"):
        fd.frechet_infinity(x, y[:800])


def test_kernel_distance_is_zero_on_average_under_one_distribution():
    values = [kd.kernel_distance(rng(2 * s).normal(size=(40, 6)), rng(2 * s + 1).normal(size=(40, 6))).value for s in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_kernel_distance_is_the_definition():
    x, y = rng(1).normal(size=(7, 3)), rng(2).normal(size=(5, 3)) + 0.5

    def k(p, q):
        return np.exp(-np.sum((p - q) ** 2) / (2 * 1.5**2))

    xx = np.mean([k(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
    yy = np.mean([k(y[i], y[j]) for i in range(5) for j in range(5) if i != j])
    xy = np.mean([k(p, q) for p in x for q in y])
    assert kd.kernel_distance(x, y, bandwidth=1.5).value == pytest.approx(100 * (xx + yy - 2 * xy), abs=1e-9)


def test_kernel_distance_grows_with_distance_and_its_interval_covers():
    x = rng(1).normal(size=(300, 4))
    scores = [kd.kernel_distance(x, rng(2).normal(size=(300, 4)) + shift, bootstrap=40) for shift in (0.0, 0.5, 1.0)]
    assert scores[0].value < scores[1].value < scores[2].value
    assert all(s.low <= s.value <= s.high for s in scores)
    assert scores[0].low < 0 < scores[0].high
    assert scores[2].low > 0


@pytest.mark.parametrize("measure", [fd.frechet_distance, kd.kernel_distance])
@pytest.mark.parametrize(
    ("bad", "word"),
    [(np.zeros((0, 4)), "shape"), (np.zeros(4), "shape"), (np.full((50, 4), np.nan), "finite"), (np.zeros((50, 3)), "embedder")],
)
def test_bad_sets_are_refused(measure, bad, word):
    with pytest.raises(RequestError, match=word):
        measure(rng().normal(size=(50, 4)), bad)


def test_a_single_vector_is_refused():
    for measure in (fd.frechet_distance, kd.kernel_distance):
        with pytest.raises(RequestError, match="at least 2"):
            measure(rng().normal(size=(50, 4)), np.zeros((1, 4)))


def test_the_signal_embedder_is_one_and_gets_further_away_with_noise():
    embedder = LogMelStatistics()
    assert isinstance(embedder, Embedder)
    t = np.arange(32_000 * 4) / 32_000
    tone = (0.2 * np.sin(2 * np.pi * 220 * t) * (1 + np.sin(2 * np.pi * 2 * t))).astype(np.float32)
    clean = embedder.embed(tone)
    assert clean.shape == (7, embedder.dim)
    far = [
        np.linalg.norm(embedder.embed(tone + np.float32(a) * rng().normal(size=len(t)).astype(np.float32)) - clean)
        for a in (0.001, 0.01, 0.1)
    ]
    assert far[0] < far[1] < far[2]
    assert np.isfinite(embedder.embed(np.zeros(100, np.float32))).all()
    for bad in (np.zeros((2, 10), np.float32), np.zeros(0, np.float32), np.full(10, np.nan, np.float32)):
        with pytest.raises(RequestError):
            embedder.embed(bad)


def test_the_interval_holds_its_own_value_also_when_both_sets_are_alike():
    for seed in range(10):
        x, y = rng(2 * seed).normal(size=(150, 12)), rng(2 * seed + 1).normal(size=(150, 12))
        score = fd.frechet_distance(x, y, bootstrap=30, seed=seed)
        assert score.low <= score.value <= score.high
    assert fd.centred_interval(1.0, [5.0, 6.0, 7.0]) == (pytest.approx(0.05), pytest.approx(1.95))
    assert fd.centred_interval(0.1, [5.0, 6.0, 7.0])[0] == 0.0
