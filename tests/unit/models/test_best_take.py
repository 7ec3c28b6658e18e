"""The best of several takes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import tiny_cache, tiny_lm_recipe

from partimento.audio import Waveform
from partimento.cli.main import main as cli
from partimento.errors import RequestError, UnsupportedError
from partimento.models import best_take
from partimento.models.mini_performer import MiniPerformer
from partimento.pipeline import generate, generate_several, make_plan
from partimento.plan.request import GenerateRequest
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)
RATE = 32_000


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mini")
    tokens, codec = tiny_cache(folder)
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(codec)), [tokens], None, lambda line: None)
    Trainer(recipe, task, folder / "run", device="cpu").run(Limits(steps=2))
    return str(checkpoints(folder / "run")[-1])


def asked(checkpoint: str, **more: object) -> GenerateRequest:
    return GenerateRequest("calm piano", model=checkpoint, duration_s=2.0, sample_rate=8_000, **more)  # type: ignore[arg-type]


def test_drums_suit_drums_better_than_a_tone_does() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(5 * RATE) / RATE
    flute = 0.2 * np.sin(2 * np.pi * 880 * t) * (1 + 0.2 * np.sin(2 * np.pi * 5 * t))
    beats = rng.standard_normal(len(t)) * np.exp(-((t % 0.5) * 25))
    takes = [Waveform(x[None].astype(np.float32), RATE) for x in (flute, 0.3 * beats)]
    fits = best_take.suiting(takes, "A rock piece with drums.")
    assert fits[1] > fits[0]
    assert np.abs(fits).max() <= 1.0
    assert not best_take.suiting(takes, "").any()


def test_the_best_take_is_kept_and_the_first_is_what_one_alone_would_be(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[list[Waveform]] = []

    def third(takes: list[Waveform], caption: str) -> np.ndarray:
        assert "piano" in caption
        heard.append(list(takes))
        return np.array([0.1, 0.0, 0.9, 0.3])

    monkeypatch.setattr(best_take, "suiting", third)
    result = generate(asked(checkpoint, best_of=4, engine="eager"), audio_report=False)
    assert result.provenance["take"] == "3"
    assert result.provenance["takes_suit"] == "0.100 0.000 0.900 0.300"
    takes = heard[0]
    assert len({take.samples.tobytes() for take in takes}) == 4

    monkeypatch.setattr(best_take, "suiting", lambda takes, caption: np.array([1.0, 0.0]))
    one = generate(asked(checkpoint, engine="eager"), audio_report=False)
    assert "take" not in one.provenance
    first = generate(asked(checkpoint, best_of=2, engine="eager"), audio_report=False)
    np.testing.assert_array_equal(first.performance.audio.samples, one.performance.audio.samples)


def test_several_pieces_each_the_best_of_its_own_takes(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def last(takes: list[Waveform], caption: str) -> np.ndarray:
        sizes.append(len(takes))
        return np.arange(len(takes)) / 10.0

    monkeypatch.setattr(best_take, "suiting", last)
    results = list(generate_several(asked(checkpoint, best_of=6), 2, audio_report=False))
    assert sizes == [6, 6]
    assert results[0].performance.audio.samples.tobytes() != results[1].performance.audio.samples.tobytes()


def test_what_cannot_be_chosen_by_words_is_refused(checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    performer = MiniPerformer(checkpoint)
    story = asked(checkpoint, best_of=2, story="0: calm piano; 1: drums")
    with pytest.raises(UnsupportedError, match="--story"):
        performer.check(make_plan(story), story)
    stream = asked(checkpoint, best_of=2)
    with pytest.raises(UnsupportedError, match="--stream"):
        next(performer.stream(make_plan(stream), stream, np.random.default_rng(0)))
    with pytest.raises(RequestError, match="1 to 32"):
        asked(checkpoint, best_of=33)
    assert cli(["generate", "jazz", "--best-of", "2", "--duration", "2", "-o", str(tmp_path / "a.wav")]) == 2
    assert "--best-of" in capsys.readouterr().err
