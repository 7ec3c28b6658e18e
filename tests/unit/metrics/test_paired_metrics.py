"""Metrics of pairs: known values, directions, agreement with torchmetrics, refusals."""

import numpy as np
import pytest

from partimento.errors import RequestError
from partimento.metrics import bit_exactness as be
from partimento.metrics import kl_divergence as kl
from partimento.metrics import seam_quality as sq
from partimento.metrics import text_match as tm
from partimento.metrics.log_spectral_distance import log_spectral_distance_db
from partimento.metrics.mel_ssim import mel_ssim, power_mel, structural_similarity
from partimento.metrics.si_sdr import si_sdr_db, si_sdr_improvement_db


def rng(seed=0):
    return np.random.default_rng(seed)


NOISE = rng(1).normal(size=16_000) * 0.1
OTHER = NOISE + rng(2).normal(size=16_000) * 0.02


def test_si_sdr_known_values():
    t = np.arange(1000)
    a, b = np.sin(2 * np.pi * t / 100), np.cos(2 * np.pi * t / 100)  # orthogonal, equal energy
    assert si_sdr_db(a, a + b) == pytest.approx(0.0, abs=1e-9)
    assert si_sdr_db(a, a + 0.1 * b) == pytest.approx(20.0, abs=1e-9)
    assert si_sdr_db(a, 7.0 * (a + 0.1 * b)) == pytest.approx(20.0, abs=1e-9)
    assert si_sdr_improvement_db(a + b, a, a + 0.1 * b) == pytest.approx(20.0, abs=1e-9)
    assert si_sdr_db(a, np.zeros(1000)) == -np.inf
    assert si_sdr_db(a, a) > 150
    with pytest.raises(RequestError, match="silent"):
        si_sdr_db(np.zeros(1000), a)
    with pytest.raises(RequestError, match="silent"):
        si_sdr_db(np.full(1000, 0.1), a)  # what its mean leaves is rounding
    assert si_sdr_db(a, np.full(1000, 0.1)) == -np.inf
    both = np.stack([NOISE, NOISE])
    assert si_sdr_db(both, both) == np.inf
    assert si_sdr_db(both, both * [[1.0], [0.0]]) == -np.inf


def test_si_sdr_and_ssim_are_those_of_torchmetrics():
    torch = pytest.importorskip("torch")
    audio = pytest.importorskip("torchmetrics.functional.audio")
    image = pytest.importorskip("torchmetrics.functional.image")
    for zero_mean in (True, False):
        theirs = audio.scale_invariant_signal_distortion_ratio(torch.tensor(OTHER), torch.tensor(NOISE), zero_mean=zero_mean)
        assert si_sdr_db(NOISE, OTHER, zero_mean=zero_mean) == pytest.approx(float(theirs), abs=1e-6)
    a, b = power_mel(NOISE), power_mel(OTHER)
    theirs = image.structural_similarity_index_measure(torch.tensor(b)[None, None], torch.tensor(a)[None, None], data_range=1.0)
    assert mel_ssim(NOISE, OTHER) == pytest.approx(float(theirs), abs=1e-6)


def test_ssim_identity_and_order():
    assert mel_ssim(NOISE, NOISE) == pytest.approx(1.0)
    found = [mel_ssim(NOISE, NOISE + rng(3).normal(size=16_000) * a, log=True) for a in (0.01, 0.05, 0.3)]
    assert found[0] > found[1] > found[2]
    with pytest.raises(RequestError, match="silent"):
        mel_ssim(np.zeros(16_000), NOISE, log=True)
    with pytest.raises(RequestError, match="at least 11"):
        structural_similarity(np.zeros((4, 4)), np.zeros((4, 4)))


def test_log_spectral_distance():
    assert log_spectral_distance_db(NOISE, NOISE) == 0.0
    assert log_spectral_distance_db(NOISE, NOISE * 10.0) == pytest.approx(20.0, abs=1e-6)
    found = [log_spectral_distance_db(NOISE, NOISE + rng(3).normal(size=16_000) * a) for a in (0.01, 0.1, 1.0)]
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("measure", [si_sdr_db, log_spectral_distance_db, mel_ssim])
def test_pairs_that_do_not_match_are_refused(measure):
    with pytest.raises(RequestError, match="one shape"):
        measure(NOISE, NOISE[:-1])
    with pytest.raises(RequestError, match="one shape"):
        measure(np.zeros(0), np.zeros(0))
    broken = NOISE.copy()
    broken[5] = np.nan
    with pytest.raises(RequestError, match="estimate holds 1 samples"):
        measure(NOISE, broken)


def test_kl_direction_pooling_and_identity():
    target, generated = np.log([[0.5, 0.5]]), np.log([[0.9, 0.1]])
    forward = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    backward = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    assert kl.kl_divergence(target, generated) == pytest.approx(forward, abs=1e-4)
    assert kl.kl_divergence(target, generated, direction="generated_target") == pytest.approx(backward, abs=1e-4)
    assert kl.kl_divergence(target, target) == pytest.approx(0.0, abs=1e-5)
    two = np.array([[4.0, 0.0], [0.0, 4.0]])
    assert kl.kl_divergence(two, two[::-1], pooling="pooled") == pytest.approx(0.0, abs=1e-5)
    assert kl.kl_divergence(two, two[::-1], pooling="segments") > 3
    assert kl.kl_divergence(two[:1], two) == pytest.approx(0.0, abs=1e-5)  # a window that one side lacks is left out
    assert set(kl.evaluate(two, two)) == {"kld_segments", "kld_segments_reverse", "kld_pooled", "kld_pooled_reverse"}
    with pytest.raises(RequestError, match="direction"):
        kl.kl_divergence(two, two, direction="up")
    with pytest.raises(RequestError, match="embedder"):
        kl.kl_divergence(two, np.zeros((1, 3)))


def test_text_match_scores_ranks_and_chance():
    texts = np.eye(20)
    perfect = tm.text_match(texts, 3.0 * texts)
    assert (perfect.score, perfect.shuffled, perfect.recall[1]) == (pytest.approx(1.0), pytest.approx(0.0), 1.0)
    constant = tm.text_match(texts, np.ones((20, 20)))
    assert constant.score == pytest.approx(constant.shuffled)
    assert constant.recall == {1: pytest.approx(0.05), 5: pytest.approx(0.25), 10: pytest.approx(0.5)}
    moved = np.roll(texts, 1, axis=0)
    assert tm.text_match(texts, moved).score == pytest.approx(0.0)
    assert np.isnan(tm.text_match(texts[:1], texts[:1]).shuffled)
    with pytest.raises(RequestError, match="pairs"):
        tm.text_match(texts, texts[:5])


def test_bit_exactness_finds_the_first_sample_outside():
    before = rng().integers(-1000, 1000, size=(2, 500)).astype(np.int32)
    after = before.copy()
    after[:, 100:200] += 1
    assert be.bit_exactness(before, after, (100, 200)).exact
    assert be.bit_exactness(before, after, (101, 200)).first_difference == 100
    assert be.bit_exactness(before, before).share == 1.0
    whole = be.bit_exactness(before, after)
    assert whole.share == pytest.approx(0.8)
    assert whole.largest_difference == 1.0
    for bad in (after[:, :-1], after[:1], after.astype(np.float32)):
        with pytest.raises(RequestError):
            be.bit_exactness(before, bad, (100, 200))
    with pytest.raises(RequestError, match="start <= end"):
        be.bit_exactness(before, after, (5, 3))


def test_seams_a_cut_stands_out_and_none_does_not():
    rate = 16_000
    t = np.arange(4 * rate) / rate
    smooth = 0.3 * np.sin(2 * np.pi * 220 * t)
    cut = smooth.copy()
    cut[2 * rate + 18 :] = 0.3 * np.sin(2 * np.pi * 331 * t[2 * rate + 18 :] + 1.0)
    at = 2 + 18 / rate
    good, bad = sq.seam_quality(smooth, rate, [at])[0], sq.seam_quality(cut, rate, [at])[0]
    assert good.click < 1.5 < bad.click
    assert bad.flux_percentile > 98
    quiet = smooth.copy()
    quiet[2 * rate :] *= 0.05
    assert sq.seam_quality(quiet, rate, [2.0])[0].level_percentile > 98
    assert sq.evaluate(cut, rate, [1.0, at])["seam_click"] == pytest.approx(bad.click)
    with pytest.raises(RequestError, match="outside"):
        sq.seam_quality(smooth, rate, [4.5])
    with pytest.raises(RequestError, match="at least a second"):
        sq.seam_quality(smooth[:100], rate, [0.001])
    with pytest.raises(RequestError, match="no seams"):
        sq.evaluate(smooth, rate, [])


def test_improvement_of_nothing_is_zero():
    assert si_sdr_improvement_db(NOISE, NOISE, NOISE) == 0.0


def test_values_that_are_not_numbers_are_refused_everywhere():
    from partimento.metrics.chord_overlap import majmin_overlap
    from partimento.metrics.chroma_cosine import chroma_cosine
    from partimento.metrics.instrument_presence import stem_present
    from partimento.metrics.mel_distance import mel_distance
    from partimento.metrics.memorization import match_rate

    broken = NOISE.copy()
    broken[3] = np.inf
    for measure in (lambda: mel_distance(NOISE, broken, 16_000), lambda: chroma_cosine(NOISE, broken, 16_000),
                    lambda: stem_present(broken, NOISE, 16_000), lambda: match_rate([False], [np.nan], [1.0], 0.5)):  # fmt: skip
        with pytest.raises(RequestError):
            measure()
    with pytest.raises(ValueError, match="overlaps"):
        majmin_overlap([(0.0, np.nan, "C:maj")], [])
