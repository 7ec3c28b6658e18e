"""Waveform, resampling, loudness, fades."""

import numpy as np
import pytest
from scipy import signal

from partimento.audio import Waveform, crossfade, fade, gain, integrated_lufs, resample, to_channels, true_peak_dbtp
from partimento.errors import RequestError


def sine(frequency_hz: float, amplitude: float, sample_rate: int = 48_000, seconds: float = 3.0, phase: float = 0.0):
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    return Waveform((amplitude * np.sin(2 * np.pi * frequency_hz * t + phase)).astype(np.float32), sample_rate)


def test_waveform_is_read_only_and_checked():
    wave = Waveform(np.zeros(10, np.float32), 8_000)
    assert wave.samples.shape == (1, 10)
    with pytest.raises(ValueError, match="read-only"):
        wave.samples[0, 0] = 1
    with pytest.raises(RequestError, match="sample rate"):
        Waveform(np.zeros(10, np.float32), 0)
    with pytest.raises(RequestError, match="shape"):
        Waveform(np.zeros((1, 1, 1), np.float32), 8_000)


def test_reference_loudness():
    # BS.1770-4: a 0 dBFS 997-Hz sine in one channel measures -3.01 LUFS.
    assert integrated_lufs(sine(997, 1.0)) == pytest.approx(-3.01, abs=0.05)
    # EBU Tech 3341, case 1: -23 dBFS in both channels of stereo measures -23 LUFS.
    both = to_channels(sine(1000, 10 ** (-23 / 20)), 2)
    assert integrated_lufs(both) == pytest.approx(-23.0, abs=0.1)
    assert integrated_lufs(Waveform(np.zeros(48_000, np.float32), 48_000)) == -70.0
    assert integrated_lufs(sine(997, 0.5, seconds=0.1)) < -6


def test_true_peak_finds_what_lies_between_samples():
    # A sine at a quarter of the rate, 45 degrees off: every sample is 3 dB below the true peak.
    wave = sine(12_000, 0.5, phase=np.pi / 4)
    assert true_peak_dbtp(wave) == pytest.approx(-6.02, abs=0.2)
    assert true_peak_dbtp(Waveform(np.zeros(100, np.float32), 48_000)) == -120.0


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000, 20_000])
def test_true_peak_skips_nothing_that_counts(n):
    rng = np.random.default_rng(n)
    data = (rng.normal(0, 0.2, (2, n)) * np.exp(-(np.arange(n) % 500) / 100)).astype(np.float32)
    up = signal.firwin(49, 0.25, window=("kaiser", 6.0)) * 4.0
    whole = max(np.abs(np.convolve(np.kron(channel.astype(float), [1, 0, 0, 0]), up)).max() for channel in data)
    assert true_peak_dbtp(Waveform(data, 48_000)) == pytest.approx(20 * np.log10(max(whole, np.abs(data).max())), abs=1e-3)


def test_resample_keeps_pitch_and_level():
    out = resample(sine(1_000, 0.5), 44_100)
    assert out.n_samples == 3 * 44_100
    spectrum = np.abs(np.fft.rfft(out.samples[0] * np.hanning(out.n_samples)))
    assert np.argmax(spectrum) / 3 == pytest.approx(1_000, abs=0.5)
    assert np.abs(out.samples[0][5_000:-5_000]).max() == pytest.approx(0.5, abs=0.01)


def test_channels():
    wave = Waveform(np.stack([np.ones(4), np.zeros(4)]).astype(np.float32), 8_000)
    assert to_channels(wave, 1).samples.tolist() == [[0.5] * 4]
    assert to_channels(to_channels(wave, 1), 2).n_channels == 2
    with pytest.raises(RequestError):
        to_channels(wave, 3)


def test_fades_and_gain():
    wave = Waveform(np.ones((1, 100), np.float32), 1_000)
    faded = fade(wave, 0.02, 0.03).samples[0]
    assert faded[0] < 0.01
    assert faded[-1] < 0.01
    assert (faded[20:70] == 1).all()
    assert gain(wave, -6.0206).samples.max() == pytest.approx(0.5, abs=1e-4)
    joined = crossfade(wave, wave, 40)
    assert joined.n_samples == 160
    assert np.abs(joined.samples - 1).max() < 1e-6
