import numpy as np
import pytest

from partimento.evaluate.audio_lm.faults import longest_repeat
from partimento.evaluate.audio_lm.hearing import N_MELS, Stem, draw_example
from partimento.evaluate.audio_lm.hearing_net import best_threshold
from partimento.evaluate.audio_lm.presence import macro_interval, rates
from partimento.evaluate.audio_lm.windows import families, family_of
from partimento.lm.code_chains import CodeChains


def test_families_of_the_table() -> None:
    assert {"bass", "brass", "drums", "guitars", "keys", "strings", "synth", "voices", "winds"} <= set(families())
    assert "percussion" not in families()
    assert family_of("violin") == "strings"
    assert family_of("whatever", is_drum=True) == "drums"
    assert family_of("whatever") == ""


def test_rates_of_a_perfect_a_deaf_and_a_blind_ear() -> None:
    asked = np.array([[True, False], [True, True], [False, False], [False, False]])
    perfect = rates(asked, asked, least=1)
    assert perfect.difference == pytest.approx([1.0, 1.0])
    assert perfect.macro == 1.0
    assert rates(~asked, asked, least=1).macro == -1.0
    assert rates(np.ones_like(asked), asked, least=1).macro == 0.0
    some = rates(asked, asked, least=2)
    assert some.counted.tolist() == [True, False]
    assert np.isnan(rates(asked, asked, least=3).macro)
    low, high = macro_interval(asked, asked, some.counted)
    assert low == high == 1.0


def test_longest_repeat() -> None:
    rng = np.random.default_rng(0)
    music = rng.integers(0, 1024, (4, 300))
    assert longest_repeat(music) == 0
    held = music.copy()
    held[:, 100:130] = held[:, 100:101]
    assert longest_repeat(held) == 29
    loop = music.copy()
    loop[:, 50:250] = np.tile(music[:, :40], 5)
    assert longest_repeat(loop) == 160
    assert longest_repeat(held, np.arange(300) < 110) == 9
    one_book = music.copy()
    one_book[0, 100:130] = 7
    assert longest_repeat(one_book) == 0


def test_best_threshold() -> None:
    assert 1.0 < best_threshold(np.array([0.0, 3.0, 1.0, 2.0]), np.array([False, True, False, True])) < 2.0
    assert best_threshold(np.array([0.0, 3.0]), np.array([True, True])) == 0.0


def test_examples_say_what_is_in_them() -> None:
    loud, soft = np.full((60, N_MELS), -3.0, np.float16), np.full((60, N_MELS), -3.0 - 3.0, np.float16)
    silent = np.full((60, N_MELS), -11.5, np.float16)
    item = [Stem("keys", loud), Stem("brass", soft), Stem("winds", silent)]
    mel, present, sure = draw_example([item], 50, np.random.default_rng(0), vary=False)
    assert mel.shape == (50, N_MELS)
    assert mel[0, 0] == pytest.approx(np.log(np.sqrt(np.exp(-6.0) + np.exp(-12.0))), abs=1e-3)
    names = families()
    assert present[names.index("keys")] == 1.0
    # 26 dB below: neither there nor away; 74 dB below is away.
    assert not sure[names.index("brass")]
    assert sure[names.index("winds")]
    assert present[names.index("winds")] == 0.0
    again = [draw_example([item], 50, np.random.default_rng(5))[0] for _ in range(2)]
    assert np.array_equal(again[0], again[1])
    short, _, _ = draw_example([item], 90, np.random.default_rng(0), vary=False)
    assert np.all(short[70:] < -10.5)  # three stems at the floor


def test_drawn_chains_follow_what_was_counted() -> None:
    first = np.arange(600) % 5
    codes = np.stack([first, (first + 3) % 5], axis=1)
    drawn = CodeChains([codes], 8).draw(np.random.default_rng(1), 400, weight=0.01)
    assert drawn.shape == (400, 2)
    assert np.mean((drawn[:-1, 0] + 1) % 5 == drawn[1:, 0]) > 0.97
    assert np.mean((drawn[:, 0] + 3) % 5 == drawn[:, 1]) > 0.97
    assert np.array_equal(drawn, CodeChains([codes], 8).draw(np.random.default_rng(1), 400, weight=0.01))
