"""The built-in player against FluidSynth, program by program and feature by feature.

Distances are measured where both can agree: for pitched programs below the band in which FluidSynth's four-point
interpolation adds images of low-rate samples (0.4 of the rate at which the sample is read), for drums over the whole band;
levels matched by one gain, on 36 bands a frame. Where two detuned layers beat against each other the moment of a beat is
chance, so the bounds there are on the whole set.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import fft
from sf2_factory import Preset, Sample, Zone, looped_sine, sf2_bytes

from partimento.score import fluidsynth
from partimento.score.sampler import NoteCache, preset_for, render_track, render_tracks
from partimento.score.sampler_voice import make_voice
from partimento.score.score import Note, Score, Track
from partimento.score.soundfont import SoundFont, find_soundfont
from partimento.score.timing import TempoPoint
from partimento.score.tuning import pitch_cents

pytestmark = pytest.mark.skipif(not fluidsynth.available(), reason="libfluidsynth 2 is not installed")

RATE = 44_100
MEDIAN_LSD_DB, P95_LSD_DB, MAX_LSD_DB = 1.0, 4.0, 5.0
"""Measured over the 128 programs at middle C: median 0.64, 95th percentile 2.9, largest 4.0."""
MEDIAN_ENVELOPE, MIN_ENVELOPE = 0.999, 0.75
"""Measured correlation of levels in 50-ms frames: median 0.9999, smallest 0.81."""
KEY = 60
SYNTHS: dict[str, fluidsynth.Synth] = {}


def ours(font: SoundFont, program: int, key: int, length_s=1.0, total_s=2.0, velocity: int = 100, drums=False):
    track = Track("x", "drums" if drums else "melody", "piano", program, drums, (Note(0.0, length_s, key, velocity),))
    return render_track(font, Score((track,), total_s, (TempoPoint(0.0, 60.0),)), track, RATE, NoteCache())


def theirs(font: SoundFont, program: int, key: int, length_s=1.0, total_s=2.0, velocity: int = 100, bank: int = 0):
    if str(font.path) not in SYNTHS:
        SYNTHS[str(font.path)] = fluidsynth.Synth(font.path, RATE)
    SYNTHS[str(font.path)].select(bank, program)
    return SYNTHS[str(font.path)].render([(0, round(length_s * RATE), key, velocity)], round(total_s * RATE))


def top_hz(font: SoundFont, bank: int, program: int, key: int) -> float:
    """Upper end of the band in which the samples hold real sound."""
    regions = [r for r in font.regions(bank, program) if r.sounds(key, 100)]
    voices = [make_voice(r, key, 100, len(font.wave(r.sample))) for r in regions]
    return min([0.4 * v.speed_hz for v in voices if v is not None] + [12_000.0])


def band_powers(x: np.ndarray, top: float) -> np.ndarray:
    """Power in logarithmic bands, ``[frames, bands]``."""
    n, hop = 2048, 1024
    edges = np.geomspace(60.0, 12_000.0, 37)
    freq = np.fft.rfftfreq(n, 1 / RATE)
    bands = [(freq >= a) & (freq < b) for a, b in pairwise(edges) if b < top]
    window = np.hanning(n).astype(np.float32)
    frames = [np.lib.stride_tricks.sliding_window_view(np.pad(c, (0, n)), n)[::hop] * window for c in x]
    power = sum(np.abs(fft.rfft(f, axis=1)) ** 2 for f in frames)
    return np.stack([power[:, band].sum(axis=1) for band in bands if band.any()], axis=1)


def distance_db(a: np.ndarray, b: np.ndarray, top: float) -> float:
    """Log-spectral distance over the cells within 60 dB of the loudest."""
    pa, pb = band_powers(a, top), band_powers(b, top)
    floor = pb.max() * 1e-6
    cells = (pa > floor) | (pb > floor)
    return float(np.sqrt(np.mean((10 * np.log10((pa + floor) / (pb + floor)))[cells] ** 2)))


def levels(x: np.ndarray, frame: int = 2205) -> np.ndarray:
    n = x.shape[1] // frame * frame
    return np.sqrt((x[:, :n].reshape(len(x), -1, frame) ** 2).mean(axis=(0, 2)))


def compare(a: np.ndarray, b: np.ndarray, top: float) -> tuple[float, float, float]:
    """Gain in dB, log-spectral distance after taking it out, correlation of the levels."""
    gain = np.sqrt(np.sum(a.astype(float) ** 2) / np.sum(b.astype(float) ** 2))
    return 20 * np.log10(gain), distance_db(a / gain, b, top), float(np.corrcoef(levels(a), levels(b))[0, 1])


@pytest.fixture(scope="module")
def font() -> SoundFont:
    return SoundFont(find_soundfont(None).path, corrected=False)


def test_every_program_sounds_as_in_fluidsynth(font):
    rows = {}
    for program in range(128):
        a, b = ours(font, program, KEY), theirs(font, program, KEY)
        rows[program] = compare(a, b, top_hz(font, 0, program, KEY))
    gains, distances, envelopes = np.array(list(rows.values())).T
    worst = sorted(rows, key=lambda p: -rows[p][1])[:3]
    assert np.median(distances) < MEDIAN_LSD_DB
    assert np.percentile(distances, 95) < P95_LSD_DB
    assert distances.max() < MAX_LSD_DB, worst
    assert np.median(envelopes) > MEDIAN_ENVELOPE
    assert envelopes.min() > MIN_ENVELOPE, int(np.argmin(envelopes))
    assert np.percentile(np.abs(gains - np.median(gains)), 90) < 1.0, "programs have FluidSynth's balance among each other"


def test_standard_kit_sounds_as_in_fluidsynth(font):
    rows = []
    for key in range(35, 82):
        a = ours(font, 0, key, 0.3, 1.0, drums=True)
        b = theirs(font, 0, key, 0.3, 1.0, bank=128)
        rows.append(compare(a, b, 12_000.0))
    _, distances, envelopes = np.array(rows).T
    assert np.median(distances) < 0.8  # measured 0.46, largest 2.6
    assert np.median(envelopes) > 0.999
    assert distances.max() < 4.0, 35 + int(np.argmax(distances))


STEADY = [0, 4, 11, 16, 19, 24, 32, 40, 42, 56, 60, 65, 68, 71, 73, 75, 79, 80]


def test_pitches_are_fluidsynths_to_a_cent(font):
    for program in STEADY:
        pair = (ours(font, program, 69), theirs(font, program, 69))
        cents = [pitch_cents(x[:, RATE // 10 : RATE], RATE, 440.0)[0] for x in pair]
        assert abs(cents[0] - cents[1]) < 1.5, (program, cents)


SAW = Sample(np.tile(np.linspace(0.6, -0.6, 100), 40), 69, (1000, 2000))
NOISE = Sample(np.clip(np.random.default_rng(0).normal(0, 0.2, 30_000), -1, 1), 69, (5000, 25_000))
FEATURES = {
    "plain": ({}, SAW, ()),
    "attenuation": ({48: 200}, SAW, ()),
    "attack": ({34: 0}, SAW, ()),
    "hold, decay, sustain": ({35: -2000, 36: 1200, 37: 300, 38: 1200}, SAW, ()),
    "decay by key": ({36: 1200, 37: 1000, 40: 50}, SAW, ()),
    "delay": ({33: -3000}, SAW, ()),
    "filter": ({8: 7000}, SAW, ()),
    "resonance": ({8: 7000, 9: 200}, SAW, ()),
    "filtered noise": ({8: 9000, 9: 100}, NOISE, ()),
    "filter envelope falling": ({8: 5000, 11: 6000, 28: 0, 29: 1000, 30: 0}, SAW, ()),
    "filter envelope rising": ({8: 6000, 11: 5000, 26: 0, 28: 0, 29: 500, 30: 0}, SAW, ()),
    "filter closing on release": ({8: 6000, 11: 5000, 29: 0, 30: 0, 38: 1200}, SAW, ()),
    "filter oscillator": ({8: 8000, 10: 2000, 22: -1200}, SAW, ()),
    "vibrato": ({6: 50, 24: 0}, SAW, ()),
    "pitch by modulation oscillator": ({5: 50, 22: 0, 21: -2000}, SAW, ()),
    "pitch envelope": ({7: 1200, 28: 0, 29: 1000}, SAW, ()),
    "pitch envelope held": ({7: 600, 28: 0, 29: 500, 30: 0}, SAW, ()),
    "pan": ({17: -300}, SAW, ()),
    "tuning": ({52: 40, 51: 3}, SAW, ()),
    "velocity to filter": ({8: 9000}, SAW, [(0x0102, 8, -2400, 0, 0)]),
    "loop left on release": ({54: 3, 38: 0}, SAW, ()),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_follows_fluidsynth(tmp_path: Path, feature):
    gens, sample, mods = FEATURES[feature]
    path = tmp_path / "font.sf2"
    path.write_bytes(sf2_bytes([Preset([Zone(0, {54: 1, **gens}, mods=mods)])], [sample]))
    font = SoundFont(path)
    velocity = 60 if mods else 100
    gain, distance, envelope = compare(ours(font, 0, 60, velocity=velocity), theirs(font, 0, 60, velocity=velocity), 9_000.0)
    assert distance < 3.0
    assert envelope > 0.998
    # FluidSynth's filter lifts everything by 1.5 dB at rest; the rest of the constant is its pan table
    assert gain == pytest.approx(-1.2, abs=0.4)


def test_fluidsynth_as_engine():
    track = Track("a", "melody", "flute", 73, False, (Note(0.0, 1.0, 72, 90), Note(2.0, 1.0, 76, 90)))
    empty = Track("b", "melody", "flute", 73, False, ())
    kit = Track("c", "drums", "drums", 0, True, (Note(1.0, 0.5, 38, 90),))
    score = Score((track, empty, kit), 4.0, (TempoPoint(0.0, 120.0),))
    stems, again = render_tracks(score, engine="fluidsynth"), render_tracks(score, engine="fluidsynth")
    for name, wave in stems.items():
        assert wave.samples.shape == (2, 2 * RATE)
        np.testing.assert_array_equal(wave.samples, again[name].samples)
    assert not stems["b"].samples.any()
    onset = np.flatnonzero(np.abs(stems["c"].samples[0]) > 1e-3)[0]
    assert onset / RATE == pytest.approx(0.5, abs=0.004)


def test_preset_that_fluidsynth_lacks_is_a_clear_error(tmp_path):
    from partimento.errors import FileError

    path = tmp_path / "font.sf2"
    path.write_bytes(sf2_bytes([Preset([Zone()])], [looped_sine()]))
    assert preset_for(SoundFont(path), 0, False).exact
    with fluidsynth.Synth(path, RATE) as synth, pytest.raises(FileError, match="FluidSynth cannot play"):
        synth.select(5, 5)
    with pytest.raises(FileError, match="FluidSynth cannot read"):
        fluidsynth.Synth(tmp_path / "none.sf2", RATE)
