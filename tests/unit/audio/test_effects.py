"""Effects do what their names say, measured."""

import numpy as np
import pytest

from partimento.audio import Waveform, effects
from partimento.audio import measure as m

RATE = 44_100


def noise(seconds: float = 2.0, n_channels: int = 2) -> Waveform:
    rng = np.random.default_rng(1)
    return Waveform(rng.normal(0, 0.1, (n_channels, int(RATE * seconds))).astype(np.float32), RATE)


def hits() -> Waveform:
    """Four decaying tones a second."""
    t = np.arange(RATE // 4) / RATE
    one = 0.5 * np.exp(-12 * t) * np.sin(2 * np.pi * 330 * t) * np.minimum(1, t / 0.01)
    return Waveform(np.tile(one, (2, 12)).astype(np.float32), RATE)


def after(effect, wave: Waveform, *args, **kwargs) -> Waveform:
    return Waveform(effect(wave.samples, wave.sample_rate, *args, **kwargs), wave.sample_rate)


def gain_at(effect, frequency_hz: float, *args) -> float:
    t = np.arange(RATE) / RATE
    tone = Waveform(np.sin(2 * np.pi * frequency_hz * t).astype(np.float32), RATE)
    out = after(effect, tone, *args).samples[0][RATE // 2 :]
    return 20 * np.log10(np.sqrt(np.mean(out.astype(float) ** 2)) * np.sqrt(2))


def test_filters_have_the_gains_they_say():
    assert gain_at(effects.low_shelf, 40, 400, 6) == pytest.approx(6, abs=0.2)
    assert gain_at(effects.low_shelf, 400, 400, 6) == pytest.approx(3, abs=0.2)
    assert gain_at(effects.low_shelf, 8_000, 400, 6) == pytest.approx(0, abs=0.2)
    assert gain_at(effects.high_shelf, 15_000, 2_000, -5) == pytest.approx(-5, abs=0.3)
    assert gain_at(effects.high_shelf, 50, 2_000, -5) == pytest.approx(0, abs=0.2)
    assert gain_at(effects.peaking, 1_000, 1_000, 4) == pytest.approx(4, abs=0.1)
    assert gain_at(effects.low_pass, 1_000, 1_000) == pytest.approx(-3.01, abs=0.1)
    assert gain_at(effects.high_pass, 100, 1_000) < -35


@pytest.mark.parametrize(
    ("effect", "args"),
    [
        (effects.low_shelf, (300, 3)),
        (effects.compress, (-20, 4)),
        (effects.shape_transients, (6,)),
        (effects.saturate, (12,)),
        (effects.bit_crush, (8, 11_025)),
        (effects.set_width, (1.5,)),
        (effects.reverberate, (-10,)),
        (effects.echo, (0.25, 0.4, 0.5)),
        (effects.chorus, ()),
        (effects.vibrato_tape, ()),
        (effects.soften_top, (4_000, 0.7)),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_shape_finite_and_silence_stays_silent(effect, args, n_channels):
    for wave in (noise(0.3, n_channels), Waveform(np.zeros((n_channels, 500), np.float32), RATE)):
        out = effect(wave.samples, RATE, *args)
        assert out.shape == wave.samples.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        if not wave.samples.any():
            assert not out.any()


def test_measures_move_in_the_right_direction():
    wave = noise()
    dark = after(effects.low_pass, wave, 1_000)
    assert m.spectral_centroid_hz(after(effects.tilt, dark, 4)) > 1.1 * m.spectral_centroid_hz(dark)
    assert m.low_high_ratio_db(after(effects.low_shelf, wave, 300, 5)) > m.low_high_ratio_db(wave) + 3
    assert m.stereo_width(after(effects.set_width, wave, 1.6)) > 1.4 * m.stereo_width(wave)
    assert m.stereo_width(after(effects.set_width, wave, 0.3)) < 0.5 * m.stereo_width(wave)
    assert m.stereo_width(after(effects.set_width, hits(), 1.6)) > 0.05
    assert m.tail_share_db(after(effects.reverberate, hits(), 0)) > m.tail_share_db(hits()) + 3
    assert m.crest_factor_db(after(effects.shape_transients, hits(), 8)) > m.crest_factor_db(hits()) + 0.5
    assert m.crest_factor_db(after(effects.compress, hits(), -30, 6, 0.002, 0.1)) < m.crest_factor_db(hits())
    assert m.harmonic_density(after(effects.saturate, hits(), 20)) > 1.5 * m.harmonic_density(hits())


def test_compressor_follows_its_ratio():
    t = np.arange(RATE) / RATE
    loud = Waveform(np.sin(2 * np.pi * 200 * t).astype(np.float32), RATE)
    out = after(effects.compress, loud, -20, 4, 0.005, 0.1).samples[0][RATE // 2 :]
    assert 20 * np.log10(np.abs(out).max()) == pytest.approx(-15, abs=0.5)


def test_measures_of_silence_are_numbers():
    silence = Waveform(np.zeros((2, 100), np.float32), RATE)
    for name in ("spectral_centroid_hz", "low_high_ratio_db", "crest_factor_db", "stereo_width", "tail_share_db"):
        assert np.isfinite(getattr(m, name)(silence))


def test_filters_in_one_pass_are_the_filters_one_after_the_other():
    from partimento.audio.effects.filters import bands

    wave = noise(2.3)  # longer than a stretch
    steps = [
        ("tilt", {"gain_db": 3.0}),
        ("peaking", {"frequency_hz": 900.0, "gain_db": -4.0}),
        ("high_pass", {"frequency_hz": 30.0}),
    ]
    expected = wave.samples
    for name, parameters in steps:
        expected = getattr(effects, name)(expected, RATE, **parameters)
    together = bands(wave.samples, RATE, steps)
    assert np.abs(together - expected).max() < 2e-7
    assert not np.array_equal(together, wave.samples)
    # A stretch at a time: what is filtered later does not move what was filtered before.
    assert np.array_equal(bands(wave.samples[:, :40_000], RATE, steps), together[:, :40_000])
