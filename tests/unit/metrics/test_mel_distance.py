import numpy as np
import pytest

from partimento.errors import RequestError
from partimento.metrics.mel_distance import SCALES, evaluate, hz_to_mel, log_mel, mel_distance, mel_filters, mel_to_hz

RATE = 32_000


def noise(n: int = 16_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


def test_equal_sounds_have_no_distance() -> None:
    assert mel_distance(noise(), noise(), RATE) == 0.0


def test_a_gain_shifts_every_band_by_its_logarithm() -> None:
    assert mel_distance(noise(), noise() * 2.0, RATE) == pytest.approx(np.log(2.0), abs=1e-3)


def test_symmetric_and_grows_with_noise() -> None:
    near, far = noise() + 0.01 * noise(seed=1), noise() + 0.1 * noise(seed=1)
    assert mel_distance(noise(), near, RATE) == pytest.approx(mel_distance(near, noise(), RATE))
    assert mel_distance(noise(), near, RATE) < mel_distance(noise(), far, RATE)


def test_low_range_ignores_what_is_above() -> None:
    t = np.arange(16_000) / RATE
    high = 0.3 * np.sin(2 * np.pi * 12_000 * t)
    below = mel_distance(noise(), noise() + high, RATE, scales=SCALES[3:], high_hz=6_000)
    assert below < 0.1 * mel_distance(noise(), noise() + high, RATE, scales=SCALES[3:])


def test_mel_scale_knots_and_inverse() -> None:
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 1000.0, 6400.0])), [0.0, 15.0, 42.0])
    hz = np.array([50.0, 999.0, 1001.0, 15_000.0])
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz)


def test_filters_have_unit_area() -> None:
    filters = mel_filters(2048, 40, RATE)
    np.testing.assert_allclose(filters[10:].sum(axis=1) * RATE / 2048, 1.0, rtol=0.02)


def test_tone_lands_in_its_band() -> None:
    t = np.arange(8_000) / RATE
    spectrum = log_mel(np.sin(2 * np.pi * 1_000 * t), RATE, SCALES[3]).mean(axis=0)
    centres = mel_to_hz(np.linspace(0, hz_to_mel(np.array([16_000.0]))[0], 130))[1:-1]
    assert abs(centres[spectrum.argmax()] - 1_000) < 60


def test_silence_is_finite() -> None:
    assert mel_distance(np.zeros(3_000), np.zeros(3_000), RATE) == 0.0
    assert np.isfinite(mel_distance(np.zeros(3_000), noise(3_000), RATE))


@pytest.mark.parametrize(("a", "b"), [(10, 11), (0, 0)])
def test_unequal_lengths_are_refused(a: int, b: int) -> None:
    with pytest.raises(RequestError, match="one length"):
        mel_distance(np.zeros(a), np.zeros(b), RATE)


def test_scores_have_names() -> None:
    sound = np.sin(np.arange(RATE) * 0.1)
    assert evaluate(sound, sound, RATE) == {"mel_distance": pytest.approx(0.0)}
