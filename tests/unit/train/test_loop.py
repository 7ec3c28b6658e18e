import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from codec_run_factory import RATE, TINY_CODEC, tones

from partimento.checkpoints import WEIGHTS_FILE
from partimento.codec.loading import load_mini_codec
from partimento.data.audio_folder import AudioWindows, find_audio
from partimento.train.codec import CodecTask
from partimento.train.curves import plot_curves, read_log
from partimento.train.loop import Limits, Trainer, TrainingStopped, learning_rate_factor
from partimento.train.recipe import OptimConfig, Recipe, recipe_from
from partimento.train.state import TRAINER_FILE, checkpoints, load_config

torch.set_num_threads(1)  # tiny tensors: a second thread only waits


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tones(tmp_path_factory.mktemp("sounds"))


def trainer(folder: Path, sounds: Path, recipe: Recipe | None = None, **options: object) -> Trainer:
    recipe = recipe or recipe_from(TINY_CODEC)
    torch.manual_seed(0)
    windows = AudioWindows(find_audio(sounds)[0], RATE, recipe.codec.window_frames * recipe.model.hop, gain_db=3.0)
    return Trainer(recipe, CodecTask(recipe, windows, windows), folder, device="cpu", **options)  # type: ignore[arg-type]


def weights(t: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in t.model.state_dict().items()}


def test_a_run_in_pieces_equals_a_run_in_one(tmp_path: Path, sounds: Path) -> None:
    whole = trainer(tmp_path / "a", sounds)
    whole.run(Limits(steps=8))
    trainer(tmp_path / "b", sounds).run(Limits(steps=3))
    resumed = trainer(tmp_path / "b", sounds)
    assert resumed.state.step == 3
    resumed.run(Limits(steps=8))
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[name]), name
    for name, value in whole.ema.values.items():
        assert torch.equal(value, resumed.ema.values[name]), name
    assert resumed.state.audio_s == pytest.approx(whole.state.audio_s)


def test_the_loss_falls_on_one_sound(tmp_path: Path, sounds: Path) -> None:
    t = trainer(tmp_path, sounds, recipe_from(TINY_CODEC | {"run": {"log_every": 1, "validate_every": 1_000, "bf16": False}}))
    t.run(Limits(steps=60))
    rows = [r["loss"] for r in read_log(tmp_path) if r["kind"] == "train"]
    assert np.mean(rows[-5:]) < 0.6 * np.mean(rows[:3])


def test_without_optimizer_state_the_weights_start_warm(tmp_path: Path, sounds: Path) -> None:
    first = trainer(tmp_path / "a", sounds)
    first.run(Limits(steps=4))
    saved = checkpoints(tmp_path / "a")[-1]
    (saved / TRAINER_FILE).unlink()
    for options in ({}, {"warm_start": saved}):
        again = trainer(tmp_path / ("b" if options else "a"), sounds, **options)
        assert again.state.step == 0
        for name, value in first.ema.weights(first.model).items():
            assert torch.equal(value, weights(again)[name])


def test_checkpoint_is_loadable_and_the_last_two_are_kept(tmp_path: Path, sounds: Path) -> None:
    t = trainer(tmp_path, sounds)
    for steps in (2, 4, 6):
        t.run(Limits(steps=steps))
    assert [p.name for p in checkpoints(tmp_path)] == ["step-00000004", "step-00000006"]
    assert load_config(checkpoints(tmp_path)[-1]) == recipe_from(TINY_CODEC)
    codec = load_mini_codec(checkpoints(tmp_path)[-1])
    assert codec.encode(torch.zeros(1, 1, 640)).codes.shape == (1, 2, 10)


def test_half_written_checkpoints_are_not_seen(tmp_path: Path, sounds: Path) -> None:
    trainer(tmp_path, sounds).run(Limits(steps=2))
    partial = tmp_path / "step-00000009.partial"
    partial.mkdir()
    (partial / WEIGHTS_FILE).write_bytes(b"half")
    (tmp_path / "step-00000010").mkdir()
    assert trainer(tmp_path, sounds).state.step == 2


def test_time_box_ends_with_a_checkpoint(tmp_path: Path, sounds: Path) -> None:
    state = trainer(tmp_path, sounds).run(Limits(minutes=0.01))
    assert state.step >= 1
    assert checkpoints(tmp_path)[-1].name == f"step-{state.step:08d}"


def test_not_a_number_stops_the_run_and_spares_the_weights(tmp_path: Path, sounds: Path) -> None:
    t = trainer(tmp_path, sounds)
    before = {name: p.detach().clone() for name, p in t.model.named_parameters()}
    t.task.batch = lambda step, index=0: torch.full((2, 1024), math.nan)  # type: ignore[method-assign]
    with pytest.raises(TrainingStopped, match="no finite loss"):
        t.run(Limits(steps=50))
    assert sum(r["kind"] == "alarm" for r in read_log(tmp_path)) == 10
    for name, p in t.model.named_parameters():
        assert torch.equal(p, before[name])


def test_unused_codebooks_raise_an_alarm(tmp_path: Path, sounds: Path) -> None:
    task = trainer(tmp_path, sounds).task
    assert task.alarms({"perplexity_1": 0.2, "perplexity_2": 7.0, "valid_l1": 0.0}) == ["codebook 1 uses 0 of 8 entries"]


def test_schedule() -> None:
    config = OptimConfig(warmup_steps=10, total_steps=110, floor=0.1)
    assert learning_rate_factor(0, config) == pytest.approx(0.1)
    assert learning_rate_factor(9, config) == 1.0
    assert learning_rate_factor(60, config) == pytest.approx(0.55)
    assert learning_rate_factor(110, config) == learning_rate_factor(10_000, config) == pytest.approx(0.1)


def test_curves(tmp_path: Path, sounds: Path) -> None:
    trainer(tmp_path, sounds).run(Limits(steps=4))
    picture = plot_curves(tmp_path, tmp_path / "curves.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {r["kind"] for r in rows} == {"train", "valid"}
