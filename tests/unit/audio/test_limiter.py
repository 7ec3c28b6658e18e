"""Holding peaks below a ceiling, whole and in pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.audio import Waveform
from partimento.audio.effects import Limiter, limit
from partimento.audio.loudness import true_peak_dbtp

RATE = 32_000


def sound(seed: int, n: int, level: float = 0.5) -> np.ndarray:
    """Two channels of noise with swells and single high peaks."""
    rng = np.random.default_rng(seed)
    swell = np.interp(np.arange(n), np.linspace(0, n, 9), rng.uniform(0.1, 1.0, 9))
    out = rng.standard_normal((2, n)) * level * swell
    for at in rng.integers(0, n, 3):
        out[rng.integers(2), at] = rng.choice([-2.5, 2.5])
    return out.astype(np.float32)


@given(st.integers(0, 10_000), st.integers(1, 5_000), st.floats(-12.0, -0.1))
@settings(max_examples=40, deadline=None)
def test_no_sample_exceeds_the_ceiling_and_the_length_stays(seed: int, n: int, ceiling_db: float) -> None:
    found = limit(sound(seed, n), RATE, ceiling_db)
    assert found.shape == (2, n)
    assert np.abs(found).max() <= 10 ** (ceiling_db / 20)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 700), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_pieces_equal_the_whole_wherever_they_are_cut(seed: int, cuts: list[int]) -> None:
    n = sum(cuts) + 1
    whole = sound(seed, n)
    limiter, at, parts = Limiter(RATE, -1.0), 0, []
    for cut in cuts:
        parts.append(limiter.push(whole[:, at : at + cut]))
        at += cut
    parts.append(limiter.push(whole[:, at:], last=True))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), limit(whole, RATE, -1.0), rtol=0, atol=1e-7)


def test_what_is_below_stays_bit_for_bit_also_far_from_a_peak() -> None:
    quiet = sound(0, 20_000, 0.01)
    quiet = np.clip(quiet, -0.2, 0.2)
    np.testing.assert_array_equal(limit(quiet, RATE, -1.0), quiet)
    loud = quiet.copy()
    loud[0, 8_000] = 1.8
    found = limit(loud, RATE, -1.0)
    np.testing.assert_array_equal(found[:, :7_700], loud[:, :7_700])
    assert 10 ** (-1.1 / 20) < found[0, 8_000] <= 10 ** (-1.0 / 20)
    assert found[1, 8_000] / loud[1, 8_000] == pytest.approx(found[0, 8_000] / 1.8, rel=1e-5)  # the same gain for both


def test_peaks_between_samples_are_held_too() -> None:
    t = np.arange(RATE) / RATE
    tone = (0.99 * np.sin(2 * np.pi * RATE / 4 * t + np.pi / 4)).astype(np.float32)[None]  # samples at 0.7, peaks at 0.99
    assert np.abs(tone).max() < 0.71
    found = limit(tone, RATE, -3.0)
    assert true_peak_dbtp(Waveform(found, RATE)) == pytest.approx(-3.0, abs=0.05)


def test_the_gain_changes_without_clicks() -> None:
    t = np.arange(RATE) / RATE
    tone = (np.where(t > 0.5, 1.6, 0.5) * np.sin(2 * np.pi * 220 * t)).astype(np.float32)[None]
    bend = np.abs(np.diff(limit(tone, RATE, -1.0)[0], 2))
    assert bend[RATE // 2 + 2 :].max() < 1.2 * np.abs(np.diff(tone[0, RATE // 2 + 400 :], 2)).max()
    assert bend.max() < np.abs(np.diff(tone[0], 2)).max()  # where the tone itself jumps


def test_one_channel_in_pieces_and_a_ceiling_above_full_scale() -> None:
    mono = 2.0 * sound(3, 9_000)[:1]
    limiter = Limiter(RATE, 3.0)
    parts = [limiter.push(mono[:, at : at + 333], last=at + 333 >= 9_000) for at in range(0, 9_000, 333)]
    found = np.concatenate(parts, axis=1)
    assert found.shape == mono.shape
    assert 1.3 < np.abs(found).max() <= 10 ** (3 / 20)


def test_the_gain_comes_back_whole() -> None:
    quiet = np.full((1, 3 * RATE), 0.1, np.float32)
    quiet[0, 0] = 2.0
    found = limit(quiet, RATE, -1.0)
    np.testing.assert_array_equal(found[:, round(1.2 * RATE) :], quiet[:, round(1.2 * RATE) :])


def test_a_piece_with_nothing_in_it() -> None:
    limiter = Limiter(RATE, -1.0)
    assert limiter.push(np.zeros((2, 0), np.float32)).shape == (2, 0)
    assert limiter.push(np.zeros((2, 0), np.float32), last=True).shape == (2, 0)
