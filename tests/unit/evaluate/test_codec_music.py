"""What is heard of the music after a codec."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from partimento.evaluate.codec import CodecRow, CodecTable
from partimento.evaluate.codec_music import Heard, HeldOut, Kept, hear, held_out, kept

RATE = 22_050


def plucked(spans: Sequence[tuple[float, float, tuple[int, ...]]], length_s: float) -> np.ndarray:
    """Decaying chords of MIDI pitches."""
    out = np.zeros(round(length_s * RATE), dtype=np.float32)
    for start, end, pitches in spans:
        t = np.arange(round((end - start) * RATE)) / RATE
        sound = sum(np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * h * t) / h for p in pitches for h in (1, 2, 3))
        first = round(start * RATE)
        out[first : first + len(t)] += (0.05 * sound * np.exp(-3 * t)).astype(np.float32)
    return out


def test_a_sound_keeps_all_of_itself_and_noise_keeps_little() -> None:
    bars = [(i * 0.5, i * 0.5 + 0.5, (36, 60, 64, 67) if i // 4 % 2 == 0 else (43, 59, 62, 67)) for i in range(24)]
    sound = plucked(bars, 12.0)
    chords = tuple((i * 2.0, i * 2.0 + 2.0, "C:maj" if i % 2 == 0 else "G:maj") for i in range(6))
    material = [HeldOut(sound, tuple(i * 0.5 for i in range(24)), chords)]
    heard = hear(sound, RATE)
    same = kept(material, [heard], [heard])
    assert same.onsets == 1.0
    assert same.buzzing == 0
    assert same.chords is not None
    assert same.chords > 0.9
    assert same.beats is not None
    assert same.beats > 0.9
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    other = kept(material, [heard], [hear(noise, RATE)])
    assert other.onsets < 0.6
    assert other.chords is not None
    assert other.chords < 0.5


def test_without_truth_there_is_no_figure_of_beats_and_chords() -> None:
    quiet = Heard((), (), ((0.0, 1.0, "N"),), 0.0)
    found = kept([HeldOut(np.zeros(RATE, np.float32))], [quiet], [Heard((), (), ((0.0, 1.0, "N"),), 50.0)])
    assert (found.onsets, found.beats, found.chords, found.buzzing) == (None, None, None, 1)


def test_invented_onsets_count_as_wrong() -> None:
    quiet, busy = (Heard(onsets, (), ((0.0, 1.0, "N"),), 0.0) for onsets in ((), (0.5,)))
    sound = HeldOut(np.zeros(RATE, np.float32))
    assert kept([sound], [quiet], [busy]).onsets == 0.0
    assert kept([sound], [busy], [quiet]).onsets == 0.0
    assert kept([sound, sound], [busy, quiet], [busy, busy]).onsets == 0.5


def test_the_truth_of_a_rendered_item_is_cut_to_the_sound(tmp_path: Path) -> None:
    item = {"beats": [0.0, 0.5, 1.0, 1.5], "chords": [[0.0, 0.75, "Am7"], [0.75, 2.0, "F"], [2.0, 3.0, "G"]]}
    (tmp_path / "item.json").write_text(json.dumps(item))
    found = held_out(tmp_path / "mix.flac", np.zeros(RATE, np.float32), RATE)
    assert found.beats_s == (0.0, 0.5)
    assert found.chords == ((0.0, 0.75, "A:min7"), (0.75, 1.0, "F:maj"))
    assert held_out(tmp_path / "other.wav", np.zeros(RATE, np.float32), RATE).chords is None


@pytest.mark.parametrize(("mel", "chords", "met"), [(0.39, 0.58, True), (0.41, 0.5, False)])
def test_goals_say_what_is_met(mel: float, chords: float, met: bool) -> None:
    row = CodecRow("mini-codec, 8 codebooks", 4.0, mel, 0.5, 0.97, Kept(0.91, 0.8, chords, 0), 12.0)
    rival = CodecRow("Opus 12", 12.0, 0.7, 0.55, 0.98, Kept(0.95, 0.8, 0.6, 0))
    table = CodecTable("step-1 on sounds", 2, 30.0, Kept(1.0, 0.8, 0.6, 0), (row, rival), (400.0, 900.0), 1024)
    goals = table.goals()
    assert [v for k, v in goals.items() if k.startswith("mel distance 0.")] == [met]
    assert [v for k, v in goals.items() if k.startswith("chord overlap")] == [met]
    assert len(goals) == 9
    assert sum(not v for v in goals.values()) == (0 if met else 2)
    assert ("missed" in table.markdown()) != met
