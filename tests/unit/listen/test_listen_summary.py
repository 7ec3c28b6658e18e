"""The summary of a recording: right on a known piece, JSON both ways, quick, never raising on odd input."""

import time

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.listen import Heard, heard_table, listen_to
from partimento.plan.serial import from_json, to_json


def test_a_known_piece(chords):
    wave = chords([(0, "maj"), (9, "min"), (5, "maj"), (7, "maj")], beat_bpm=120.0)
    heard = listen_to(wave)
    assert heard.beats.tempo_bpm == pytest.approx(120.0, rel=0.005)
    assert heard.key == "C major"
    assert heard.quality.flags == ()
    assert heard.duration_s == pytest.approx(16.0)
    table = heard_table(heard)
    assert "C major" in table
    assert "LUFS" in table
    assert from_json(to_json(heard), Heard) == heard


@pytest.mark.parametrize(
    "samples",
    [np.zeros((2, 0)), np.zeros((1, 100)), np.zeros((2, 44_100)), np.full((1, 30_000), 0.3), np.ones((1, 3)),
     np.random.default_rng(0).standard_normal((1, 44_100)) * 0.1],
)  # fmt: skip
def test_odd_input_is_heard_without_complaint(samples):
    heard = listen_to(Waveform(samples.astype(np.float32), 44_100))
    assert from_json(to_json(heard), Heard) == heard
    assert heard_table(heard)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000])
def test_any_rate(chords, rate):
    import soxr

    wave = chords([(0, "maj"), (5, "maj"), (7, "maj"), (0, "maj")], seconds=1.0, beat_bpm=120.0)
    heard = listen_to(Waveform(soxr.resample(wave.samples[0], 44_100, rate), rate))
    assert heard.key == "C major"
    assert heard.beats.tempo_bpm == pytest.approx(120.0, rel=0.01)


def test_new_sections_are_noticed(chords):
    first = chords([(0, "maj"), (5, "maj")], repeats=4)
    second = chords([(6, "min"), (1, "min")], repeats=4, beat_bpm=140.0)
    wave = Waveform(np.concatenate([first.samples, second.samples * 2], axis=1), 44_100)
    inner = [s.start_s for s in listen_to(wave).sections[1:]]
    assert any(abs(t - 16.0) < 1.01 for t in inner)


def test_half_a_minute_is_quick(chords):
    wave = chords([(0, "maj"), (9, "min"), (5, "maj"), (7, "maj")], repeats=4, beat_bpm=120.0)
    stereo = Waveform(np.concatenate([wave.samples, wave.samples]), 44_100)
    listen_to(stereo)
    best = min(_seconds(stereo) for _ in range(2))
    assert best < 2.5


def _seconds(wave):
    start = time.process_time()
    listen_to(wave)
    return time.process_time() - start
