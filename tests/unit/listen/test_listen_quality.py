"""Levels, activity and faults: each detector finds its fault and is silent on clean sound."""

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.listen.activity import active_ranges, active_share, stem_activity
from partimento.listen.energy import level_curve, rank_correlation, stretch_levels
from partimento.listen.quality import buzz_rate_hz, clipped_runs, find_clicks, measure_quality, silences, stuck_share

RATE = 44_100
POP = [(0, "maj"), (9, "min"), (5, "maj"), (7, "maj")]


@pytest.fixture(scope="module")
def music(chords):
    return chords(POP, beat_bpm=120.0)


def changed(wave, samples):
    return Waveform(samples.astype(np.float32), wave.sample_rate)


def test_clean_music_has_no_faults(music):
    assert measure_quality(music).flags == ()


def test_pulse_waves_are_not_clicks():
    t = np.arange(RATE * 3) / RATE
    assert find_clicks(Waveform((0.3 * np.sign(np.sin(2 * np.pi * 110 * t))).astype(np.float32), RATE)) == ()
    assert find_clicks(Waveform((0.3 * ((110 * t) % 1 - 0.5)).astype(np.float32), RATE)) == ()


@pytest.mark.parametrize("at", [1.63, 4.27])
def test_clicks_are_found(chords, at):
    wave = chords(POP)
    spiked = wave.samples.copy()
    spiked[0, int(at * RATE)] += 0.1
    assert find_clicks(changed(wave, spiked)) == (pytest.approx(at, abs=0.002),)
    cut = wave.samples.copy()
    place = int(at * RATE)
    place += int(np.argmax(np.abs(cut[0, place : place + 400])))
    cut[0, place : place + 6000] = 0.0
    assert find_clicks(changed(wave, cut)) != ()


def test_clipping_dc_and_numbers(music):
    loud = np.clip(music.samples * 20, -1, 1)
    assert clipped_runs(changed(music, loud)) > 10
    assert any("clipped" in f for f in measure_quality(changed(music, loud)).flags)
    assert any("offset" in f for f in measure_quality(changed(music, music.samples + 0.02)).flags)
    broken = music.samples.copy()
    broken[0, 1000] = np.nan
    assert "samples that are not numbers" in measure_quality(changed(music, broken)).flags


@pytest.mark.parametrize("hz", [20.0, 36.0, 50.0, 110.0])
def test_round_tops_of_deep_tones_are_not_clipped(hz):
    tone = 0.891 * np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE)
    stored = np.round(tone * 32767) / 32767
    assert clipped_runs(Waveform(stored[None, :].astype(np.float32), RATE)) == 0
    cut = np.clip(stored * 1.02, -0.891, 0.891)
    assert clipped_runs(Waveform(cut[None, :].astype(np.float32), RATE)) >= 2 * hz


def test_holes_and_silence(music):
    hole = music.samples.copy()
    hole[:, 4 * RATE : 8 * RATE] = 0
    share, longest = silences(changed(music, hole))
    assert share == pytest.approx(0.25, abs=0.02)
    assert longest == pytest.approx(4.0, abs=0.1)
    assert any("hole" in f for f in measure_quality(changed(music, hole)).flags)
    assert "silent throughout" in measure_quality(Waveform(np.zeros(RATE * 2, np.float32), RATE)).flags


def test_stuck_loop(music):
    loop = np.tile(music.samples[:, RATE : RATE + 14_000], 30)
    assert stuck_share(changed(music, loop)) > 0.9
    assert stuck_share(music) == 0.0


def test_held_chord_is_not_stuck():
    t = np.arange(RATE * 6) / RATE
    held = sum(0.05 * np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.2, 329.6))
    assert stuck_share(Waveform(held.astype(np.float32), RATE)) == 0.0
    assert buzz_rate_hz(Waveform(held.astype(np.float32), RATE)) == 0.0


@pytest.mark.parametrize("rate", [50.0, 60.0])
def test_hum(music, rate):
    t = np.arange(music.n_samples) / RATE
    hum = sum(0.004 * np.sin(2 * np.pi * rate * k * t) for k in range(1, 9))
    assert buzz_rate_hz(changed(music, music.samples + hum)) == rate
    assert buzz_rate_hz(music) == 0.0


def test_levels():
    t = np.arange(RATE * 4) / RATE
    sine = np.sin(2 * np.pi * 440 * t) * np.where(t < 2, 0.1, 0.5)
    wave = Waveform(np.stack([sine, sine]).astype(np.float32), RATE)
    low, high = stretch_levels(wave, (0.0, 2.0, 4.0))
    assert low == pytest.approx(-23.0, abs=0.1)
    assert high - low == pytest.approx(13.98, abs=0.05)
    curve = level_curve(wave)
    assert curve.db.size == 80
    assert curve.db[10] == pytest.approx(low, abs=0.2)


def test_rank_correlation():
    assert rank_correlation([1, 2, 3, 4], [10, 20, 25, 90]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 1, 1], [3, 2, 1]) is None
    assert rank_correlation([1, 1, 2], [1, 2, 3]) == pytest.approx(0.866, abs=1e-3)


def test_activity_of_a_stem():
    samples = np.zeros(RATE * 10, np.float32)
    t = np.arange(RATE * 2) / RATE
    samples[3 * RATE : 5 * RATE] = 0.2 * np.sin(2 * np.pi * 440 * t)
    samples[7 * RATE : 9 * RATE] = 0.2 * np.sin(2 * np.pi * 330 * t)
    ranges = stem_activity({"a": Waveform(samples, RATE)})["a"]
    assert [(r.start_s, r.end_s) for r in ranges] == [pytest.approx((3.0, 5.0), abs=0.03), pytest.approx((7.0, 9.0), abs=0.03)]
    assert active_share(ranges, 4.0, 8.0) == pytest.approx(0.5, abs=0.02)
    assert active_ranges(Waveform(np.zeros(RATE, np.float32), RATE)) == ()
