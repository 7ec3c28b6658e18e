import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from codec_run_factory import codec_trainer
from train_factory import tiny_cache, tiny_embed_recipe, tiny_lm_recipe, tiny_mel

from partimento.audio.io import read_audio
from partimento.train import samples
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.samples import KEEP, Sampler

torch.set_num_threads(1)


def folders(run: Path) -> list[str]:
    return sorted(p.name for p in (run / "samples").iterdir()) if (run / "samples").exists() else []


def test_samples_are_taken_on_the_way_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SHARE", 1e9)
    said: list[str] = []
    t = codec_trainer(tmp_path, {"sample_every": 4}, say=said.append)
    t.run(Limits(steps=6))
    assert folders(tmp_path / "run") == ["step-00000004", "step-00000006"]
    folder = tmp_path / "run" / "samples" / "step-00000006"
    names = {p.name for p in folder.iterdir()}
    assert names == {f"{i}{end}" for i in (1, 2) for end in ("-original.flac", "-reconstruction.flac", ".png")}
    assert (folder / "1.png").read_bytes().startswith(b"\x89PNG")
    original, made = (read_audio(folder / f"1-{name}.flac") for name in ("original", "reconstruction"))
    assert original.samples.shape == made.samples.shape == (1, 1024)
    assert np.abs(original.samples - made.samples).max() > 1e-3
    assert any(line.startswith("samples of step 4: ") for line in said)


def test_they_change_no_bit_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SHARE", 1e9)
    runs = [codec_trainer(tmp_path / str(every), {"sample_every": every}) for every in (0, 1)]
    for t in runs:
        t.run(Limits(steps=3))
        t.run(Limits(steps=8))
    assert not folders(tmp_path / "0" / "run")
    assert len(folders(tmp_path / "1" / "run")) == KEEP
    states: list[dict[str, Any]] = [t.model.state_dict() | {f"ema.{k}": v for k, v in t.ema.values.items()} for t in runs]
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_they_change_no_bit_of_a_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from partimento.train.lm_setup import lm_task

    monkeypatch.setattr(samples, "MOST_SHARE", 1e9)
    tokens, codec = tiny_cache(tmp_path)
    found = []
    for every in (0, 1):
        recipe = recipe_from(tiny_lm_recipe(codec) | {"run": {"sample_every": every, "bf16": False}})
        recipe, task = lm_task(recipe, [tokens], [tokens], lambda line: None)
        said: list[str] = []
        trainer = Trainer(recipe, task, tmp_path / f"run{every}", device="cpu", say=said.append)
        trainer.run(Limits(steps=3))
        assert not [line for line in said if "no samples" in line]
        found.append(trainer.model.state_dict())
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
    folder = tmp_path / "run1" / "samples" / "step-00000003"
    assert {p.name for p in folder.iterdir()} >= {"1.flac", "1.png", "2.flac", "2.png"}
    assert read_audio(folder / "1.flac").duration_s == pytest.approx(5.0, abs=0.1)


def test_chance_modes_and_buffers_are_put_back() -> None:
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout(0.5))
    model[1].eval()
    table = model[0].running_mean
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with samples.unchanged(model, torch.device("cpu"), {name: p + 1 for name, p in model.named_parameters()}):
        torch.rand(5)
        assert not model.training
        assert float(model[0].weight.detach()[0]) == 2.0
        model[0].running_mean = torch.zeros(7)
    assert torch.equal(torch.get_rng_state(), before)
    assert [m.training for m in model] == [True, False]
    assert model[0].running_mean is table
    assert float(model[0].weight.detach()[0]) == 1.0


def test_a_failure_is_one_line_and_the_run_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    t = codec_trainer(tmp_path, {"sample_every": 2}, say=said.append)

    def fail(device: torch.device, most_s: float) -> list[Any]:
        random.random()
        raise RuntimeError("no\nroom")

    t.task.samples = fail
    assert t.run(Limits(steps=4)).step == 4
    assert "no samples of step 2: RuntimeError: no room" in said
    assert not folders(tmp_path / "run")


def test_without_held_out_data_there_are_none(tmp_path: Path) -> None:
    codec_trainer(tmp_path, {"sample_every": 2}, held_out=False).run(Limits(steps=2))
    assert not folders(tmp_path / "run")


def test_samples_that_cost_too_much_wait(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path, 10, lambda line: None)
    assert sampler.due(10)
    assert not sampler.due(11)
    sampler._spent_s = 1e6
    assert not sampler.due(20)
    assert not Sampler(tmp_path, 0, lambda line: None).due(0)
    assert 0.0 < sampler.reserve_s(60.0) <= 3.0


def test_a_score_model_writes_tunes(tmp_path: Path) -> None:
    from partimento.data.scores import ScoresConfig, build_scores, read_scores
    from partimento.score.midi_read import read_midi
    from partimento.train.score import ScoreTask
    from partimento.train.score_data import ScoreWindows

    shape = {"width": 32, "n_layers": 1, "n_heads": 2, "ffn": 64, "dropout": 0.0, "context": 256}
    recipe = recipe_from({"task": "score", "score_model": shape, "score": {"shares": {"composed": 1.0}}})
    build_scores(ScoresConfig(tmp_path, n_composed=2, seed=4))
    windows = ScoreWindows(read_scores(tmp_path), recipe.score, recipe.score_model.vocabulary, 256)
    task = ScoreTask(recipe, windows, windows)
    said: list[str] = []
    Sampler(tmp_path / "run", 5, said.append).take(task, torch.device("cpu"), dict(task.model.named_parameters()), 5)
    folder = tmp_path / "run" / "samples" / "step-00000005"
    assert said == [f"samples of step 5: {folder}"]
    assert {p.name for p in folder.iterdir()} == {"1.mid", "1.png", "2.mid", "2.png", "captions.txt"}
    assert sum(len(t.notes) for t in read_midi(folder / "1.mid").tracks) > 0


def test_a_joint_embedding_draws_its_similarities(tmp_path: Path) -> None:
    from partimento.train.embed import embed_task

    task = embed_task(recipe_from(tiny_embed_recipe()), [tiny_mel(tmp_path)], None, lambda line: None)[1]
    task._valid = task._valid or task._train
    found = task.samples(torch.device("cpu"), 60.0)
    Sampler(tmp_path / "run", 5, lambda line: None).take(task, torch.device("cpu"), dict(task.model.named_parameters()), 5)
    assert found[0].values.shape == (64, 64)
    names = {p.name for p in (tmp_path / "run" / "samples" / "step-00000005").iterdir()}
    assert names == {"captions.txt", "similarities.png"}
