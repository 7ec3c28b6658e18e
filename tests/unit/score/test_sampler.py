"""The SoundFont player: pitch, time, envelopes, loops, filters, and that stems are what they should be."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sf2_factory as sf2
from sf2_factory import Preset, Sample, Zone

from partimento.errors import PartimentoError, RequestError
from partimento.score import fluidsynth
from partimento.score.sampler import NoteCache, render_track, render_tracks
from partimento.score.sampler_filter import FilterPath, between, constant_filter, filtered
from partimento.score.sampler_voice import CONTROL_SAMPLES
from partimento.score.score import Note, Score, Track
from partimento.score.soundfont import SoundFont, find_soundfont, open_soundfont
from partimento.score.timing import TempoPoint
from partimento.score.tuning import pitch_cents

RATE = 44_100
SINE_HZ = 441.0  # of sf2_factory.looped_sine at its root key
UNPITCHED = {112, 115, 116, 117, 118, 119, *range(120, 128)}
"""Tinkle bell, wood block, drums and cymbal, and the sound effects: no pitch that could be right or wrong."""
INHARMONIC = {14, 47, 55, 113}
"""Tubular bells, timpani, orchestra hit, agogo: partials that are no multiples; their strongest partial is no harmonic of
the key (FluidSynth gives the same)."""
GOOD_KEY = {9: 84, 78: 81, 31: 64, 47: 45}
"""Glockenspiel and whistle in their register, guitar harmonics and timpani at a key whose sample is clear; else A4."""


def font_of(tmp_path: Path, *zones: Zone, samples=None, **preset) -> SoundFont:
    path = tmp_path / f"font{len(list(tmp_path.iterdir()))}.sf2"
    path.write_bytes(sf2.sf2_bytes([Preset(list(zones), **preset)], samples or [sf2.looped_sine()]))
    return SoundFont(path)


def play(font: SoundFont, *notes: Note, length_s: float = 2.0, rate: int = RATE, drums=False, program=0, cache=None, loop=False):
    """Notes at 60 beats per minute: quarters are seconds."""
    role = "drums" if drums else "melody"
    track = Track("x", role, "piano", program, drums, tuple(sorted(notes, key=lambda n: n.start)))
    score = Score((track,), length_s, (TempoPoint(0.0, 60.0),))
    return render_track(font, score, track, rate, cache if cache is not None else NoteCache(), loop)


def level(x: np.ndarray, at_s: float, rate: int = RATE, width_s: float = 0.02) -> float:
    """RMS in dB around a time."""
    part = np.atleast_2d(x)[0, round((at_s - width_s / 2) * rate) : round((at_s + width_s / 2) * rate)]
    return 10 * float(np.log10(np.mean(part.astype(float) ** 2) + 1e-20))


@pytest.fixture(scope="module")
def default_font() -> SoundFont:
    return open_soundfont(find_soundfont(None).path)


# time


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_onsets_are_exact_and_lengths_too(tmp_path, rate):
    font = font_of(tmp_path, Zone(0, {54: 1}), samples=[Sample(np.full(4000, 0.5), 69, (1000, 2000))])
    note = Note(0.5, 0.25, 69, 127, nudge_s=0.0123)
    out = play(font, note, length_s=1.2345, rate=rate)
    assert out.shape == (2, round(1.2345 * rate))
    heard = np.flatnonzero(np.abs(out[0]) > 1e-4)
    onset_s, end_s = heard[0] / rate, heard[-1] / rate
    assert onset_s == pytest.approx(0.5123, abs=0.0005)
    assert end_s == pytest.approx(0.7623 + 0.04 * 0.77, abs=0.006)


def test_tempo_map_and_negative_nudge_at_the_start(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1}))
    track = Track("x", "melody", "flute", 0, False, (Note(0.0, 0.1, 69, nudge_s=-0.05), Note(2.0, 0.5, 69), Note(9.0, 1.0, 69)))
    score = Score((track,), 6.0, (TempoPoint(0.0, 120.0), TempoPoint(2.0, 60.0)))
    out = render_track(font, score, track, RATE, NoteCache())
    assert out.shape[1] == round(5.0 * RATE)
    heard = np.flatnonzero(np.abs(out[0]) > 1e-3)
    assert heard[0] < 60, "a note pulled before the start sounds at the start"
    gap = heard[np.argmax(np.diff(heard)) + 1]
    assert gap / RATE == pytest.approx(1.0, abs=0.001)
    assert heard[-1] / RATE < 1.6, "notes after the end are not played"


# pitch


@pytest.mark.parametrize("key", [21, 33, 45, 57, 69, 81, 93, 105])
@pytest.mark.parametrize("rate", [44_100, 32_000])
def test_pitch_is_exact_over_the_keyboard(tmp_path, key, rate):
    font = font_of(tmp_path, Zone(0, {54: 1}))
    out = play(font, Note(0.0, 2.0, key, 127), rate=rate)
    expected = SINE_HZ * 2 ** ((key - 69) / 12)
    cents, share = pitch_cents(out[:, rate // 10 : 19 * rate // 10], rate, expected)
    assert abs(cents) < 0.3
    assert share > 0.99


@pytest.mark.parametrize(
    ("gens", "key", "semitones"),
    [({58: 57}, 57, 0), ({51: 3, 52: 40}, 69, 3.4), ({56: 50}, 81, 6), ({46: 76}, 50, 7), ({52: -99, 51: -12}, 69, -12.99)],
)
def test_tuning_generators(tmp_path, gens, key, semitones):
    font = font_of(tmp_path, Zone(0, {54: 1, **gens}))
    out = play(font, Note(0.0, 1.9, key, 127))
    cents, _ = pitch_cents(out[:, 4410:80000], RATE, SINE_HZ * 2 ** (semitones / 12))
    assert abs(cents) < 0.3


def test_sample_rate_root_key_and_correction_of_the_header(tmp_path):
    sample = sf2.looped_sine(root_key=60, rate=22_050)
    sample.correction = 25
    out = play(font_of(tmp_path, Zone(0, {54: 1}), samples=[sample]), Note(0.0, 1.9, 60, 127))
    cents, _ = pitch_cents(out[:, 4410:80000], RATE, 220.5 * 2 ** (25 / 1200))
    assert abs(cents) < 0.3


def test_vibrato_has_its_rate_depth_and_delay(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 6: 50, 24: -600, 23: -1200}))
    x = play(font, Note(0.0, 3.0, 69, 127), length_s=3.0)[0].astype(float)
    crossings = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    exact = crossings + x[crossings] / (x[crossings] - x[crossings + 1])
    times, cents = exact[1:] / RATE, 1200 * np.log2(RATE / np.diff(exact) / SINE_HZ)
    assert np.abs(cents[(times > 0.05) & (times < 0.49)]).max() < 1.0, "the oscillator waits half a second"
    swing = cents[(times > 0.6) & (times < 2.8)]
    assert swing.max() == pytest.approx(50, abs=2)
    assert swing.min() == pytest.approx(-50, abs=2)
    freq_hz = 8.176 * 2 ** (-600 / 1200)
    lfo = 2 * np.abs(2 * np.mod((times - 0.5) * freq_hz - 0.25, 1) - 1) - 1
    active = times > 0.6
    assert np.corrcoef(lfo[active], cents[active])[0, 1] > 0.995


def test_modulation_envelope_bends_the_pitch(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 7: 1200, 28: -1200, 29: 1000}))
    x = play(font, Note(0.0, 1.5, 69, 127), length_s=1.5)
    start, _ = pitch_cents(x[:, 200:1200], RATE, SINE_HZ * 2 ** (1150 / 1200))
    end, _ = pitch_cents(x[:, RATE:], RATE, SINE_HZ)
    assert abs(start) < 60
    assert abs(end) < 0.5


# loops


def test_long_loops_have_no_seam(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1}))
    x = play(font, Note(0.0, 9.0, 65, 127), length_s=9.0)[0].astype(float)[RATE // 10 : -RATE // 10]
    w = 2 * np.pi * SINE_HZ * 2 ** (-4 / 12) / RATE
    residual = x[2:] - 2 * np.cos(w) * x[1:-1] + x[:-2]
    assert np.abs(residual).max() < 2e-4 * np.abs(x).max()


def test_loop_until_release_then_plays_the_rest(tmp_path):
    wave = np.concatenate([sf2.sine(441, 2000), sf2.sine(882, 8000)])
    sample = Sample(wave, 69, (1000, 2000))
    held = font_of(tmp_path, Zone(0, {54: 1, 38: 2000}), samples=[sample])
    leaving = font_of(tmp_path, Zone(0, {54: 3, 38: 2000}), samples=[sample])
    for font, after in ((held, 441.0), (leaving, 882.0)):
        x = play(font, Note(0.0, 0.5, 69, 127), length_s=1.0)
        before, _ = pitch_cents(x[:, 8000:20000], RATE, 441.0)
        cents, share = pitch_cents(x[:, round(0.55 * RATE) : round(0.65 * RATE)], RATE, after)
        assert abs(before) < 2
        assert abs(cents) < 8
        assert share > 0.8


def test_a_sample_without_loop_ends_by_itself_without_a_step(tmp_path):
    font = font_of(tmp_path, Zone(0), samples=[Sample(sf2.sine(440, 10_000) + 0.3, 69)])
    x = play(font, Note(0.0, 1.0, 69, 127))[0]
    last = int(np.flatnonzero(x)[-1])
    assert last == pytest.approx(10_000, abs=80)
    assert np.abs(np.diff(x[last - 400 : last + 10])).max() < 0.04


# envelopes


def test_volume_envelope_is_what_the_numbers_say(tmp_path):
    gens = {33: -2400, 34: -2400, 35: -2400, 36: 0, 37: 200, 38: 0}  # 0.25 s each; decay and release 1 s; 20 dB down
    font = font_of(tmp_path, Zone(0, {54: 1, **gens}))
    x = play(font, Note(0.0, 1.5, 69, 127), length_s=2.5)
    full = level(x, 0.62)
    assert not x[0, : round(0.249 * RATE)].any()
    assert level(x, 0.375) - full == pytest.approx(-6.0, abs=0.4), "the attack is straight in amplitude"
    assert level(x, 0.85) - full == pytest.approx(-10.0, abs=0.3), "the decay is straight in decibels, 100 dB a second"
    assert level(x, 1.2) - full == pytest.approx(-20.0, abs=0.1)
    assert level(x, 1.8) - full == pytest.approx(-50.0, abs=0.3)
    assert not x[0, round(2.4 * RATE) :].any()


def test_key_scales_decay_and_velocity_scales_level(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 36: 0, 37: 1000, 40: 100}))
    low, high = play(font, Note(0.0, 1.0, 60, 127)), play(font, Note(0.0, 1.0, 72, 127))
    assert level(low, 0.1) - level(low, 0.3) == pytest.approx(20, abs=0.3)
    assert level(high, 0.1) - level(high, 0.3) == pytest.approx(40, abs=0.5), "an octave above, twice as fast"
    soft = play(font, Note(0.0, 1.0, 60, 64))
    assert level(low, 0.1) - level(soft, 0.1) == pytest.approx(40 * np.log10(127 / 64), abs=0.01)


def test_attenuation_counts_four_tenths_and_pan_keeps_the_power(tmp_path):
    plain, quiet = font_of(tmp_path, Zone(0, {54: 1})), font_of(tmp_path, Zone(0, {54: 1, 48: 100}))
    left = font_of(tmp_path, Zone(0, {54: 1, 17: -500}))
    note = Note(0.0, 1.0, 69, 127)
    a, b, c = play(plain, note), play(quiet, note), play(left, note)
    assert level(a, 0.5) - level(b, 0.5) == pytest.approx(4.0, abs=0.01)
    assert not c[1].any()
    assert np.sum(c**2) == pytest.approx(np.sum(a**2), rel=1e-4)
    np.testing.assert_array_equal(a[0], a[1])


def test_tremolo(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 13: 60, 22: -1200, 21: -12000}))
    x = play(font, Note(0.0, 1.9, 69, 127))
    period_s = 1 / (8.176 / 2)
    assert level(x, 1.25 * period_s, width_s=0.01) - level(x, 1.75 * period_s, width_s=0.01) == pytest.approx(12, abs=0.6)


# filters


def test_constant_filter_has_its_cutoff_and_resonance():
    impulse = np.zeros(1 << 15, np.float32)
    impulse[0] = 1.0
    freq = np.fft.rfftfreq(len(impulse), 1 / RATE)
    for cents, q_db in ((8000.0, 0.0), (9500.0, 0.0), (8000.0, 12.0)):
        cutoff = 8.176 * 2 ** (cents / 1200)
        response = 20 * np.log10(np.abs(np.fft.rfft(constant_filter(impulse, cents, q_db, RATE))) + 1e-12)
        assert response[1] == pytest.approx(-q_db / 2, abs=0.1), "DC falls by half the resonance"
        at_cutoff = response[np.argmin(np.abs(freq - cutoff))]
        assert at_cutoff - response[1] == pytest.approx(q_db - 3.01, abs=0.2)
        octave = response[np.argmin(np.abs(freq - 4 * cutoff))] - response[np.argmin(np.abs(freq - 2 * cutoff))]
        assert octave < -11
    np.testing.assert_array_equal(constant_filter(impulse, 13500.0, 0.0, RATE), impulse)


def moving_reference(x: np.ndarray, cents: np.ndarray, q_db: float) -> np.ndarray:
    """The same filter with its coefficients set anew for every sample (transposed direct form II)."""
    out, s1, s2 = np.zeros(len(x)), 0.0, 0.0
    for n, value in enumerate(x.astype(float)):
        w = 2 * np.pi * 8.175798915643707 * 2 ** (cents[n] / 1200) / RATE
        alpha, cos = np.sin(w) / (2 * 10 ** ((q_db - 3.01) / 20)), np.cos(w)
        b = (1 - cos) / 2 / (1 + alpha) * 10 ** (-q_db / 40)
        y = b * value + s1
        s1 = 2 * b * value + 2 * cos / (1 + alpha) * y + s2
        s2 = b * value - (1 - alpha) / (1 + alpha) * y
        out[n] = y
    return out


def test_moving_filter_follows_the_exact_one():
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, 12_000).astype(np.float32)
    points = 7000 + 4000 * np.exp(-np.arange(0, len(x) + CONTROL_SAMPLES, CONTROL_SAMPLES) / 3000)
    ours = filtered(x, FilterPath(points, CONTROL_SAMPLES), 3.0, RATE)
    exact = moving_reference(x, between(points, CONTROL_SAMPLES, len(x)).astype(float), 3.0)
    error_db = 10 * np.log10(np.mean((ours - exact) ** 2) / np.mean(exact**2))
    assert error_db < -25
    assert np.abs(np.diff(ours)).max() < 1.1 * np.abs(np.diff(exact)).max(), "no steps where filters are exchanged"


def test_release_closes_the_filter(tmp_path):
    wave = np.tile(np.linspace(0.5, -0.5, 100), 40)
    gens = {54: 1, 8: 6000, 11: 6000, 38: 1200, 30: -3000}
    font = font_of(tmp_path, Zone(0, gens), samples=[Sample(wave, 69, (1000, 2000))])
    x = play(font, Note(0.0, 0.5, 69, 127), length_s=1.5)[0]

    def brightness(at_s):
        part = x[round(at_s * RATE) : round(at_s * RATE) + 4096] * np.hanning(4096)
        power = np.abs(np.fft.rfft(part)) ** 2
        return power[200:].sum() / power.sum()

    assert brightness(0.3) > 10 * brightness(0.8) > 0


def test_velocity_modulator_darkens_soft_notes(tmp_path):
    wave = np.tile(np.linspace(0.5, -0.5, 100), 40)
    zone = Zone(0, {54: 1, 8: 11000}, mods=[(0x0102, 8, -6000, 0, 0)])
    font = font_of(tmp_path, zone, samples=[Sample(wave, 69, (1000, 2000))])

    def brightness(velocity):
        power = np.abs(np.fft.rfft(play(font, Note(0.0, 1.0, 69, velocity))[0, 4000:36768] * np.hanning(32768))) ** 2
        return power[1000:].sum() / power.sum()

    assert brightness(127) > 2 * brightness(80) > 2 * 2 * brightness(30) > 0


def test_key_let_go_before_the_decay_is_over_dies_away_by_its_release(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 35: -1200, 36: -4000, 37: 1000, 38: 0}))  # decay 0.1 s, release 1 s
    x = play(font, Note(0.0, 0.4, 69, 127))
    assert level(x, 0.39) - level(x, 0.9) == pytest.approx(50, abs=1)


# notes together


def test_exclusive_class_cuts_the_open_hat(tmp_path, default_font):
    ring = Zone(0, {54: 1, 57: 1, 38: 4000}, keys=(46, 46))
    shut = Zone(0, {54: 1, 57: 1, 38: -3000}, keys=(42, 42))
    other = Zone(0, {54: 1, 38: 4000}, keys=(50, 50))
    font = font_of(tmp_path, ring, shut, other, bank=128)
    free = play(font, Note(0.0, 0.1, 46, 127), drums=True)
    cut = play(font, Note(0.0, 0.1, 46, 127), Note(0.5, 0.05, 42, 127), drums=True)
    left = play(font, Note(0.0, 0.1, 50, 127), Note(0.5, 0.05, 42, 127), drums=True)
    np.testing.assert_array_equal(free[:, : RATE // 2], cut[:, : RATE // 2])
    assert level(free, 0.8) > level(cut, 0.8) + 60
    assert level(left, 0.8) == pytest.approx(level(play(font, Note(0.0, 0.1, 50, 127), drums=True), 0.8), abs=0.5)
    hats = play(default_font, Note(0.0, 0.2, 46, 110), Note(0.25, 0.1, 42, 30), drums=True, length_s=1.0)
    alone = play(default_font, Note(0.0, 0.2, 46, 110), drums=True, length_s=1.0)
    assert level(alone, 0.45) > level(hats, 0.45) + 12


def test_a_key_struck_again_is_let_go_first(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 38: -3000}))
    x = play(font, Note(0.0, 1.5, 69, 127), Note(0.5, 0.1, 69, 30))
    assert level(x, 0.4) > level(x, 0.8) + 40


def test_regions_of_one_note_sound_together(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 17: -500}), Zone(0, {54: 1, 17: 500, 51: 12}))
    x = play(font, Note(0.0, 1.0, 69, 127))
    assert abs(pitch_cents(x[0, 4410:40000], RATE, 441.0)[0]) < 0.5
    assert abs(pitch_cents(x[1, 4410:40000], RATE, 882.0)[0]) < 0.5


def test_what_rings_past_the_end_returns_at_the_start_of_a_loop(tmp_path):
    font = font_of(tmp_path, Zone(0, {54: 1, 38: 1200}))
    note = Note(0.9, 0.1, 69, 127)
    long, short = play(font, note, length_s=3.0), play(font, note, length_s=1.0, loop=True)
    expected = long[:, :RATE] + long[:, RATE : 2 * RATE] + long[:, 2 * RATE :]
    np.testing.assert_allclose(short, expected, atol=1e-6)


# stems


def small_score(font_programs=(73, 0, 48, 33)) -> Score:
    rng = np.random.default_rng(3)
    tracks = []
    for i, program in enumerate(font_programs):
        notes = tuple(
            Note(q / 2, 0.45, int(48 + 3 * i + rng.integers(0, 12)), int(rng.integers(40, 120)), float(rng.normal(0, 0.01)))
            for q in range(8)
        )
        tracks.append(Track(f"part {i}", "melody", "flute", program, False, notes))
    beats = tuple(Note(q / 2, 0.1, key, 90) for q in range(8) for key in sorted({36 if q % 4 == 0 else 42, 46 if q == 5 else 42}))
    tracks.append(Track("kit", "drums", "drums", 0, True, beats))
    return Score(tuple(tracks), 4.0, (TempoPoint(0.0, 120.0),))


def test_stems_do_not_depend_on_each_other_or_on_the_cache():
    score = small_score()
    stems = render_tracks(score)
    assert list(stems) == [t.name for t in score.tracks]
    assert all(w.samples.shape == (2, 2 * RATE) and w.samples.dtype == np.float32 for w in stems.values())
    tiny = NoteCache(max_bytes=1)
    for name in reversed(stems):
        alone = render_tracks(score, tracks=[name], cache=tiny)
        assert list(alone) == [name]
        np.testing.assert_array_equal(alone[name].samples, stems[name].samples)
    assert len(tiny._bodies) <= 1


def test_a_longer_neighbour_does_not_change_a_note(default_font):
    short, longer = Note(0.0, 0.2, 60, 90), Note(1.0, 0.9, 60, 90)
    alone = play(default_font, short, length_s=2.0, program=48)
    cache = NoteCache()
    play(default_font, longer, length_s=2.0, program=48, cache=cache)
    both = play(default_font, short, longer, length_s=2.0, program=48, cache=cache)
    np.testing.assert_array_equal(both[:, :RATE], alone[:, :RATE])


@pytest.mark.parametrize("program", [0, 4, 33, 48, 52, 81, 89])
def test_what_the_cache_has_grown_to_is_what_is_rendered_anew(default_font, program):
    lengths = (0.3, 2.5, 0.2, 1.0)
    grown = NoteCache()
    for key, velocity, length_s in [(k, v, s) for k in (43, 60) for s in lengths for v in (50, 100)]:
        note = Note(0.0, length_s, key, velocity)
        again = play(default_font, note, length_s=4.0, program=program, cache=grown)
        np.testing.assert_array_equal(again, play(default_font, note, length_s=4.0, program=program))
    assert grown.n_bytes == sum(body.n_bytes for body in grown._bodies.values())


def test_velocities_share_one_resampled_sound(tmp_path):
    font, cache = font_of(tmp_path, Zone(0, {54: 1})), NoteCache()
    for velocity in range(20, 120, 5):
        play(font, Note(0.0, 0.5 + velocity / 500, 69, velocity), cache=cache)
    assert len(cache._bodies) == 1


def test_cache_stays_within_its_memory(default_font):
    cache = NoteCache(max_bytes=2_000_000)
    for key in range(40, 80):
        play(default_font, Note(0.0, 0.5, key, 90), length_s=0.5, cache=cache)
    assert 0 < cache.n_bytes <= 2_000_000
    assert cache.n_bytes == sum(body.n_bytes for body in cache._bodies.values())


def digest() -> str:
    return hashlib.sha256(b"".join(w.samples.tobytes() for w in render_tracks(small_score()).values())).hexdigest()


def test_same_bytes_in_another_process():
    folders = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    env = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": folders}
    code = "from test_sampler import digest; print(digest())"
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest()


def test_errors_name_what_is_wrong():
    score = small_score()
    with pytest.raises(RequestError, match="no track 'tuba'"):
        render_tracks(score, tracks=["tuba"])
    with pytest.raises(RequestError, match="sample rate 100"):
        render_tracks(score, sample_rate=100)
    with pytest.raises(RequestError, match="engine"):
        render_tracks(score, engine="none")
    if not fluidsynth.available():
        with pytest.raises(PartimentoError, match="libfluidsynth"):
            render_tracks(score, engine="fluidsynth")


# the whole General MIDI set


def click_ratio(x: np.ndarray, at: int) -> float:
    """Largest step within 1 ms of a place against the largest of the 40 ms around it; a click stands far above 1."""
    steps = np.abs(np.diff(x.astype(float), prepend=0.0))
    near = steps[max(0, at - 44) : at + 45].max(initial=0.0)
    around = np.concatenate([steps[max(0, at - 880) : max(0, at - 44)], steps[at + 45 : at + 880]]).max(initial=0.0)
    floor = 1e-3 * float(np.abs(x).max(initial=0.0))
    return near / max(around, floor, 1e-9)


def check_note(x: np.ndarray, off: int) -> None:
    """Finite, audible, starting and ending without a click, and silent afterwards."""
    assert np.isfinite(x).all()
    peak = float(np.abs(x).max())
    assert 20 * np.log10(peak + 1e-12) > -50
    for channel in x:
        if np.abs(channel).max() < 0.01 * peak:
            continue
        assert np.abs(channel[:5]).max() < 0.2 * peak, "the note starts with a step"
        assert click_ratio(channel, off) < 3.0, "click where the key is let go"
        sounding = np.flatnonzero(channel)
        if sounding[-1] < len(channel) - 50:
            end = int(sounding[-1])
            assert np.abs(channel[end - 2 : end + 1]).max() < 0.01 * peak, "the note breaks off"


@pytest.mark.parametrize("family", range(16))
def test_every_program_is_audible_in_tune_and_clean(default_font, family):
    for program in range(8 * family, 8 * family + 8):
        key = GOOD_KEY.get(program, 69)
        x = play(default_font, Note(0.0, 1.1, key, 100), length_s=1.6, program=program)
        try:
            check_note(x, round(1.1 * RATE))
            if program not in UNPITCHED | INHARMONIC:
                cents, _ = pitch_cents(x[:, RATE // 10 : RATE], RATE, 440.0 * 2 ** ((key - 69) / 12))
                assert abs(cents) <= 15, f"{cents:.1f} cents off"
        except AssertionError as error:
            raise AssertionError(f"program {program} {default_font.preset_name(0, program)}: {error}") from error


@pytest.mark.parametrize("kit", [0, 8, 16, 24, 25, 32, 40, 48])
def test_every_drum_key_is_audible_and_clean(default_font, kit):
    for key in range(27, 88):
        x = play(default_font, Note(0.0, 0.3, key, 100), length_s=0.8, program=kit, drums=True)
        try:
            check_note(x, round(0.3 * RATE))
        except AssertionError as error:
            raise AssertionError(f"kit {kit} key {key}: {error}") from error


def test_bells_ring_at_their_strike_tone(default_font):
    # Tubular bells: the ear takes the strike tone from the partials near 2, 3 and 4 times; the fourth is in tune.
    x = play(default_font, Note(0.0, 1.1, 72, 100), length_s=1.6, program=14)
    power = np.abs(np.fft.rfft(x[0, 4410:48510] * np.hanning(44100), 1 << 19))
    strike = 440.0 * 2 ** (3 / 12)
    near = slice(round(3.9 * strike / RATE * (1 << 19)), round(4.1 * strike / RATE * (1 << 19)))
    found = (near.start + int(np.argmax(power[near]))) * RATE / (1 << 19)
    assert abs(1200 * np.log2(found / (4 * strike))) < 15
