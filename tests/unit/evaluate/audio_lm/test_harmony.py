from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.evaluate.audio_lm.clips import Clip
from partimento.evaluate.audio_lm.harmony import HarmonyJob, HeldHarmony, held_harmony, longest_square, same_harmony
from partimento.evaluate.audio_lm.harmony_table import harmony_notes, harmony_table, measured_harmony, tempo_asked
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.audio_lm.windows import RealWindow, written_chord_s
from partimento.plan.serial import to_json
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan, Note, Score, Track

RATE = 32_000
C, A_MINOR, F, G = (60, 64, 67), (57, 60, 64), (53, 57, 60), (55, 59, 62)


def tones(pitches: tuple[int, ...], seconds: float) -> NDArray[np.float64]:
    """Sines, 0.1 each."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(sum(0.1 * np.sin(2 * np.pi * 440.0 * 2.0 ** ((p - 69) / 12.0) * t) for p in pitches))


def of(samples: NDArray[np.float64]) -> HeldHarmony:
    return held_harmony(Waveform(samples[None].astype(np.float32), RATE))


def strokes(*, noise_seed: int = 3) -> NDArray[np.float64]:
    """Two bars of kick, snare and hat at 96 bpm."""
    rng = np.random.default_rng(noise_seed)
    out = np.zeros(5 * RATE)
    t = np.arange(RATE // 4) / RATE
    kick = np.sin(2 * np.pi * (50 * t + 2 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    for beat in range(8):
        at = round(beat * 0.625 * RATE)
        snare, hat = 0.5 * rng.standard_normal(t.size) * np.exp(-25 * t), 0.2 * rng.standard_normal(t.size) * np.exp(-60 * t)
        out[at : at + t.size] += kick if beat % 2 == 0 else snare
        out[at + RATE // 4 : at + RATE // 4 + t.size] += hat
    return 0.5 * out


def test_a_chord_is_held_and_four_are_not() -> None:
    one = of(tones(C, 5.0))
    assert one.throughout
    assert one.longest_s == 5.0
    assert one.share == 1.0
    assert one.onsets_hz <= 0.4
    four = of(np.concatenate([tones(chord, 1.25) for chord in (C, A_MINOR, F, G)]))
    assert not four.throughout
    assert 0.8 < four.longest_s < 2.2
    assert 0.2 < four.share < 0.6  # the change from C to A minor is near both
    # It comes back: the longest stretch stays short, the share does not.
    back = of(np.concatenate([tones(chord, 1.25) for chord in (C, G, C, G)]))
    assert back.longest_s < 2.2
    assert back.share > 0.4


def test_repeated_strokes_of_one_chord_are_held() -> None:
    envelope = np.exp(-3.0 * (np.arange(5 * RATE) % (RATE // 2)) / RATE)
    stuck = of(tones(C, 5.0) * envelope)
    assert stuck.throughout
    assert stuck.onsets_hz >= 1.5
    with_drums = of(tones(C, 5.0) + 0.2 * strokes())
    assert with_drums.throughout


def test_silence_holds_nothing() -> None:
    for level in (0.0, 1e-4):
        nothing = of(level * np.random.default_rng(0).standard_normal(5 * RATE))
        assert nothing == HeldHarmony(5.0, 0.0, 0.0, 0.0)
    partly = of(np.concatenate([tones(C, 2.0), np.zeros(3 * RATE)]))
    assert not partly.throughout
    assert 1.5 < partly.longest_s < 2.6
    assert partly.share < 0.55
    # A rest in between ends the stretch.
    rest = of(np.concatenate([tones(C, 1.5), np.zeros(2 * RATE), tones(C, 1.5)]))
    assert rest.longest_s < 2.3


@pytest.mark.parametrize("colour", ["white", "brown"])
def test_noise_is_no_harmony(colour: str) -> None:
    white = np.random.default_rng(1).standard_normal(5 * RATE)
    noise = of(0.1 * white if colour == "white" else 0.002 * np.cumsum(white - white.mean()))
    assert noise.longest_s < 1.0
    assert noise.share < 0.2


def test_drums_without_pitch_are_no_harmony() -> None:
    loop = of(strokes())
    assert not loop.throughout
    assert loop.longest_s < 1.5
    assert loop.share < 0.4
    assert loop.onsets_hz > 2.0


@settings(max_examples=12, deadline=None)
@given(gain_db=st.floats(-30.0, 30.0), held=st.booleans())
def test_gain_changes_nothing(gain_db: float, held: bool) -> None:
    music = tones(C, 2.5) if held else np.concatenate([tones(chord, 1.25) for chord in (C, G)])
    music = music + 0.1 * strokes()[: music.size]
    loud, plain = of(music * 10.0 ** (gain_db / 20.0)), of(music)
    assert (loud.longest_s, loud.share, loud.onsets_hz) == pytest.approx((plain.longest_s, plain.share, plain.onsets_hz))


def test_squares_and_even_chroma() -> None:
    near = np.eye(6, dtype=bool)
    assert longest_square(near) == 1
    near[1:4, 1:4] = True
    near[3:5, 3:5] = True
    assert longest_square(near) == 3
    assert longest_square(np.zeros((4, 4), dtype=bool)) == 0
    assert longest_square(np.zeros((0, 0), dtype=bool)) == 0
    assert not same_harmony(np.ones((2, 12))).any()
    flat = np.eye(12)[[0, 0, 6]]
    assert same_harmony(flat).tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_tempo_asked() -> None:
    assert tempo_asked("A jazz piece with piano, 62 bpm, 4/4, C major.") == "slow"
    assert tempo_asked("A jazz piece with piano, 84 bpm.") == "medium"
    assert tempo_asked("A jazz piece with piano, 108 bpm.") == "fast"
    assert tempo_asked("Very slow jazz with piano") == "slow"
    assert tempo_asked("a mid-tempo piece of jazz: piano") == "medium"
    assert tempo_asked("A jazz piece with piano, 4/4.") == ""


def test_the_table_counts_by_tempo() -> None:
    held, free = HeldHarmony(5.0, 4.8, 1.0, 0.5), HeldHarmony(5.0, 1.2, 0.4, 4.0)
    prompts = ["A piece, 60 bpm.", "A piece, 60 bpm.", "A piece, 120 bpm.", "A piece."]
    table, figures = harmony_table({"model": [held, free, None, held], "bigram": [free]}, {"model": prompts})
    assert len(table.head) == len(table.rows[0])
    assert table.rows[0][1].startswith("2 of 3 (66.7 %), ")
    assert table.rows[0][2:5] == ("1 of 2 (50.0 %)", "0 of 0", "0 of 0")
    assert table.rows[1][2:5] == ("", "", "")
    assert figures["model"]["by tempo"] == {"slow": [1, 2], "medium": [0, 0], "fast": [0, 0]}
    page = Page("faults", "Faults", ("a",), (("b",),), ("a note",), tables=(table,))
    text = page.markdown()
    assert text.index("| b |") < text.index("## One harmony held") < text.index("| model |") < text.index("- a note")


def test_measurements_are_kept_by_their_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.flac", tones(C, 2.0), RATE)
    clips = [Clip(tmp_path / "a.flac"), Clip(tmp_path / "missing.flac")]
    first = measured_harmony(clips, tmp_path, jobs=1)
    assert first[0] is not None
    assert first[0].throughout
    assert first[1] is None
    kept = list((tmp_path / "measured").iterdir())
    assert len(kept) == 1
    monkeypatch.setattr(HarmonyJob, "__call__", lambda self, wave: pytest.fail("measured again"))
    assert measured_harmony(clips, tmp_path, jobs=1) == first


def test_written_chords_judge_the_measure(tmp_path: Path) -> None:
    chords = ((0.0, 4.0, 0), (4.0, 6.0, 0), (6.0, 8.0, 7), (8.0, 20.0, 5))
    spans = tuple(ChordSpan(start, end, Chord(root, (0, 4, 7), root, "")) for start, end, root in chords)
    track = Track("piano", "chords", "piano", 0, False, (Note(0.0, 20.0, 60, 80),))
    (tmp_path / "score.json").write_text(to_json(Score((track,), 20.0, chords=spans)))
    tempo_s = Score((track,), 20.0, chords=spans).tempo_map.seconds
    changing = RealWindow(tmp_path, "x", tempo_s(2.0), tempo_s(8.0) - tempo_s(2.0), frozenset(), "A piece.")
    assert written_chord_s(changing) == pytest.approx(tempo_s(6.0) - tempo_s(2.0))
    still = RealWindow(tmp_path, "x", tempo_s(8.0), tempo_s(12.0), frozenset(), "A piece.")
    assert written_chord_s(still) == pytest.approx(tempo_s(12.0))
    assert written_chord_s(RealWindow(tmp_path / "none", "x", 0.0, 5.0, frozenset(), "")) is None
    seen = [HeldHarmony(w.duration_s, 0.0, 0.0, 0.0) for w in (changing, still)]
    assert "0 of 1 (0.0 %) of the real windows whose chords change" in harmony_notes(seen, [changing, still])[1]
