"""Stretched and transposed sound: exact length and pitch, nothing shifted in time, the same bytes every time."""

import sys

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.edit.stretch import shift_pitch, stretch
from partimento.errors import MissingDependencyError, RequestError
from partimento.listen.shift import measured_shift_cents

RATE = 22_050


def tone(hz, seconds=3.0, level=0.3, rate=RATE):
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def frequency(samples, rate=RATE):
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 19))
    k = int(np.argmax(spectrum))
    a, b, c = np.log(spectrum[k - 1 : k + 2])
    return (k + 0.5 * (a - c) / (a - 2 * b + c)) * rate / (1 << 19)


def cents(a, b):
    return 1200 * np.log2(a / b)


@pytest.mark.parametrize("semitones", [-12, -3, 0.5, 1, 7, 12])
@pytest.mark.parametrize("hz", [110.0, 440.0, 1500.0])
def test_pitch_moves_by_exactly_what_is_asked(hz, semitones):
    wave = Waveform(tone(hz), RATE)
    made = shift_pitch(wave, semitones)
    assert made.n_samples == wave.n_samples
    assert abs(cents(frequency(made.samples[0]), hz * 2 ** (semitones / 12))) < 1.0


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.97, 1.03, 1.25, 2.0])
def test_stretching_keeps_pitch_and_gives_the_length_asked_for(factor):
    wave = Waveform(np.stack([tone(330), tone(495)]), RATE)
    n = round(wave.n_samples / factor)
    made = stretch(wave, n)
    assert made.n_samples == n
    assert abs(cents(frequency(made.samples[0]), 330)) < 1.0
    assert abs(cents(frequency(made.samples[1]), 495)) < 1.0


@pytest.mark.parametrize("factor", [0.7, 1.0 / 1.1, 1.3])
def test_attacks_come_where_they_belong(factor):
    rng = np.random.default_rng(3)
    samples = np.zeros(4 * RATE, np.float32)
    hits = np.arange(0.4, 3.6, 0.4)
    for at in hits:
        n = RATE // 10
        samples[round(at * RATE) : round(at * RATE) + n] += 0.5 * rng.standard_normal(n) * np.exp(-np.arange(n) / (0.012 * RATE))
    made = stretch(Waveform(samples, RATE), round(len(samples) / factor)).samples[0]
    for at in hits / factor:
        window = np.abs(made[round((at - 0.1) * RATE) : round((at + 0.12) * RATE)])
        energy = np.cumsum(window**2)
        centre = np.searchsorted(energy, 0.5 * energy[-1]) / RATE - 0.1
        assert abs(centre - 0.004) < 0.015, (at, centre)


def test_the_stereo_image_stays():
    left, right = tone(440, level=0.4), tone(440, level=0.1)
    made = shift_pitch(Waveform(np.stack([left, right]), RATE), 3)
    rms = np.sqrt(np.mean(made.samples[:, RATE : 2 * RATE] ** 2, axis=1))
    assert rms[0] / rms[1] == pytest.approx(4.0, rel=0.03)
    same = shift_pitch(Waveform(np.stack([left, left]), RATE), 3)
    assert np.allclose(same.samples[0], same.samples[1], atol=1e-3)


def test_the_same_sound_gives_the_same_bytes():
    rng = np.random.default_rng(0)
    wave = Waveform(rng.normal(0, 0.1, (2, RATE)).astype(np.float32), RATE)
    assert np.array_equal(stretch(wave, 30_000).samples, stretch(wave, 30_000).samples)
    assert np.array_equal(shift_pitch(wave, -4).samples, shift_pitch(wave, -4).samples)


def test_very_short_and_many_channelled_sounds_are_stretched_too():
    short = stretch(Waveform(np.full((1, 40), 0.1, np.float32), RATE), 60)
    assert short.n_samples == 60
    surround = Waveform(np.stack([tone(100 * (i + 2), 0.5) for i in range(6)]), RATE)
    made = shift_pitch(surround, 2)
    assert made.samples.shape == surround.samples.shape
    assert np.isfinite(made.samples).all()


def test_what_cannot_be_stretched_is_said():
    wave = Waveform(tone(440, 0.2), RATE)
    with pytest.raises(RequestError, match=r"0\.25 to 4"):
        stretch(wave, wave.n_samples * 5)
    with pytest.raises(RequestError, match="12"):
        shift_pitch(wave, 13)


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    with pytest.raises(MissingDependencyError, match="pip install python-stretch"):
        stretch(Waveform(tone(440, 0.2), RATE), 5000)


def test_a_shift_is_measured_to_a_cent_and_silence_is_not():
    rng = np.random.default_rng(5)
    chord = sum(tone(220 * 2 ** (k / 12), 4.0, 0.1) for k in (0, 4, 7, 12, 16)) + rng.normal(0, 1e-4, 4 * RATE).astype(np.float32)
    wave = Waveform(chord, RATE)
    found, sure = measured_shift_cents(wave, shift_pitch(wave, 3.2), 300)
    assert found == pytest.approx(320, abs=1.0)
    assert sure > 0.5
    silence = Waveform(np.zeros((1, RATE), np.float32), RATE)
    assert measured_shift_cents(silence, silence, 0)[1] == 0.0
