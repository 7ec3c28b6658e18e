"""Chroma, chords and keys on known progressions."""

import itertools

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.listen.chords import recognise_chords
from partimento.listen.chroma import LOWEST_PITCH, chroma
from partimento.listen.key import decide_key, find_key, rank_keys
from partimento.listen.spectrum import PITCH_FFT, PITCH_HOP, Sound, mel_filters, stft_magnitude
from partimento.listen.tempo import track_beats
from partimento.metrics.chord_overlap import majmin_overlap
from partimento.score.timing import PITCH_NAMES_SHARP, Key

POP = [(0, "maj"), (9, "min"), (5, "maj"), (7, "7")]
SAD = [(2, "min"), (7, "min"), (9, "7"), (2, "min")]


def reference(progression, seconds, repeats):
    return [
        (i * seconds, (i + 1) * seconds, f"{PITCH_NAMES_SHARP[root]}:{quality}")
        for i, (root, quality) in enumerate(progression * repeats)
    ]


def heard(segments):
    return [(s.start_s, s.end_s, s.label) for s in segments]


@pytest.mark.parametrize("progression", [POP, SAD, [(1, "maj"), (6, "maj"), (8, "maj"), (10, "min")]])
@pytest.mark.parametrize("beat_bpm", [None, 120.0])
def test_block_chords(chords, progression, beat_bpm):
    wave = chords(progression, beat_bpm=beat_bpm)
    assert majmin_overlap(reference(progression, 2.0, 2), heard(recognise_chords(wave))) > 0.93


def test_beats_sharpen_the_boundaries(chords):
    wave = chords(POP, beat_bpm=120.0)
    beats = track_beats(wave)
    segments = recognise_chords(wave, beats)
    assert majmin_overlap(reference(POP, 2.0, 2), heard(segments)) > 0.96
    assert segments[0].start_s == 0.0
    assert segments[-1].end_s == pytest.approx(wave.duration_s, abs=1e-3)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(segments))


def test_tuning_is_found_and_followed(chords):
    wave = chords(POP, tuning=-0.35)
    assert chroma(wave).tuning_semitones == pytest.approx(-0.35, abs=0.05)
    assert majmin_overlap(reference(POP, 2.0, 2), heard(recognise_chords(wave))) > 0.9


def test_silence_is_no_chord(chords):
    wave = chords(POP, repeats=1)
    quiet = Waveform(np.concatenate([np.zeros((1, 44_100 * 4), np.float32), wave.samples], axis=1), 44_100)
    first = recognise_chords(quiet)[0]
    assert first.label == "N"
    assert first.end_s == pytest.approx(4.0, abs=0.4)
    assert {s.label for s in recognise_chords(Waveform(np.zeros(44_100 * 3, np.float32), 44_100))} == {"N"}


def test_single_notes_land_on_their_pitch(chords):
    t = np.arange(44_100 * 2) / 44_100
    for pitch in (40, 57, 69, 83):
        hz = 440.0 * 2 ** ((pitch - 69) / 12)
        wave = Waveform((0.2 * sum(0.6**k * np.sin(2 * np.pi * hz * (k + 1) * t) for k in range(6))).astype(np.float32), 44_100)
        notes = chroma(wave).notes[5:-5].mean(axis=0)
        assert int(np.argmax(notes)) + LOWEST_PITCH == pitch


@pytest.mark.parametrize(
    ("progression", "key"),
    [(POP, Key(0, "major")), (SAD, Key(2, "minor")), ([(9, "min"), (2, "min"), (4, "7"), (9, "min")], Key(9, "minor")),
     ([(10, "maj"), (3, "maj"), (5, "7"), (10, "maj")], Key(10, "major"))],
)  # fmt: skip
def test_key_of_progressions(chords, progression, key):
    wave = chords(progression)
    sound = Sound(wave)
    found = find_key(sound, chroma(sound), recognise_chords(sound))
    assert found.key == key
    assert len(found.ranking) == 24


def test_key_profiles_on_scales():
    weights = np.zeros(12)
    weights[[0, 2, 4, 5, 7, 9, 11]] = (3, 1, 2, 1, 2, 1, 1)
    assert rank_keys(weights)[0][0] == Key(0, "major")
    assert decide_key(np.roll(weights, 5)).key == Key(5, "major")
    assert decide_key(np.ones(12)).strength == 0.0


def test_stft_scale_and_mel_filters():
    t = np.arange(11_025) / 11_025
    magnitude = stft_magnitude((0.5 * np.sin(2 * np.pi * 372 * 11_025 / PITCH_FFT * t)).astype(np.float32), PITCH_FFT, PITCH_HOP)
    assert magnitude.shape == (11_025 // PITCH_HOP + 1, PITCH_FFT // 2 + 1)
    assert magnitude[5].max() == pytest.approx(0.5, rel=0.01)
    assert np.allclose(mel_filters(40, 1024, 22_050).sum(axis=0), 1.0, atol=1e-5)
