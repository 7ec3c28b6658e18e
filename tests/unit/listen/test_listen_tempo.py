"""Tempo and beats on click tracks of known tempo."""

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.listen.metre import guess_metre
from partimento.listen.onsets import onset_envelope, onset_times
from partimento.listen.spectrum import Sound
from partimento.listen.tempo import refine_tempo, regress_period, track_beats


@pytest.mark.parametrize("bpm", [72.3, 93.0, 120.0, 133.7, 155.5])
def test_beats_of_clicks(clicks, bpm):
    beats = track_beats(clicks(bpm))
    assert beats.tempo_bpm == pytest.approx(bpm, rel=0.002)
    assert beats.confidence > 0.8
    phase = (np.array(beats.times_s) - 0.1) / (60.0 / bpm)
    assert np.abs(phase - np.round(phase)).max() * 60.0 / bpm < 0.03


@pytest.mark.parametrize(("bpm", "asked"), [(50.0, 51.5), (97.3, 95.0), (120.0, 124.0), (180.0, 176.0), (205.0, 205.0)])
def test_comb_is_finer_than_a_fifth_of_a_percent(clicks, bpm, asked):
    comb = refine_tempo(clicks(bpm, duration_s=30.0, jitter_s=0.004), asked)
    assert comb.bpm == pytest.approx(bpm, rel=0.002)
    assert comb.strength > 0.5


def test_comb_tells_a_wrong_tempo_from_the_right_one(clicks):
    comb = refine_tempo(clicks(120.0), 116.0)
    assert comb.bpm == pytest.approx(120.0, rel=0.002)


def test_asked_level_is_kept(clicks):
    wave = clicks(180.0)
    assert track_beats(wave, 180.0).tempo_bpm == pytest.approx(180.0, rel=0.003)
    assert track_beats(wave, 90.0).tempo_bpm == pytest.approx(90.0, rel=0.003)


def test_part_of_a_recording(clicks):
    first, second = clicks(100.0, 15.0), clicks(108.0, 15.0)
    wave = Waveform(np.concatenate([first.samples, second.samples], axis=1), first.sample_rate)
    assert refine_tempo(wave, 104.0, part_s=(0.0, 15.0)).bpm == pytest.approx(100.0, rel=0.003)
    assert refine_tempo(wave, 104.0, part_s=(15.0, 30.0)).bpm == pytest.approx(108.0, rel=0.003)


@pytest.mark.parametrize("samples", [np.zeros(44_100 * 4), np.zeros(0), np.zeros(10), np.full(44_100, 0.5)])
def test_no_pulse_in_nothing(samples):
    wave = Waveform(samples.astype(np.float32), 44_100)
    assert track_beats(wave).times_s == ()
    assert refine_tempo(wave, 120.0).strength == 0.0


def test_noise_has_a_weak_comb():
    noise = np.random.default_rng(1).standard_normal(44_100 * 20).astype(np.float32) * 0.1
    assert refine_tempo(Waveform(noise, 44_100), 120.0).strength < 0.5
    assert track_beats(Waveform(noise, 44_100)).confidence < 0.6


def test_regression_survives_missed_beats():
    times = np.delete(np.arange(40) * 0.5 + 0.2, [5, 6, 20])
    period, jitter = regress_period(times, 0.49)
    assert period == pytest.approx(0.5, abs=1e-6)
    assert jitter < 1e-6


def test_onset_times_are_where_the_clicks_are(clicks):
    times = onset_times(clicks(60.0, 10.0))
    assert len(times) == 10
    assert np.abs(times - (0.1 + np.arange(10))).max() < 0.012


@pytest.mark.parametrize("n", [3, 4])
def test_metre_from_chords_and_accents(chords, n):
    wave = chords([(0, "maj"), (9, "min"), (5, "maj"), (7, "maj")], seconds=n * 0.5, repeats=4, beat_bpm=120.0)
    sound = Sound(wave)
    from partimento.listen.chroma import chroma

    envelope = onset_envelope(sound)
    guess = guess_metre(track_beats(sound, 120.0, envelope), envelope, chroma(sound))
    assert guess.beats_per_bar == n
    bar = np.array(guess.downbeats_s) / (n * 0.5)
    assert np.abs(bar - np.round(bar)).max() < 0.06
