import math
from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import tiny_embed_recipe, tiny_mel

from partimento.embed.joint import contrastive_loss
from partimento.embed.loading import load_joint
from partimento.errors import RequestError
from partimento.train.curves import read_log
from partimento.train.embed import EmbedTask, embed_task
from partimento.train.embed_data import MelWindows
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import EmbedTraining, recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def mel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_mel(tmp_path_factory.mktemp("mel"))


def trainer(folder: Path, mel: Path, valid: bool = False, **optim: object) -> Trainer:
    recipe, task = embed_task(recipe_from(tiny_embed_recipe(**optim)), [mel], None, lambda line: None)
    if not valid:
        task._valid = None
    return Trainer(recipe, task, folder, device="cpu")


def test_a_run_in_pieces_equals_a_run_in_one(tmp_path: Path, mel: Path) -> None:
    whole = trainer(tmp_path / "a", mel)
    whole.run(Limits(steps=4))
    trainer(tmp_path / "b", mel).run(Limits(steps=2))
    resumed = trainer(tmp_path / "b", mel)
    resumed.run(Limits(steps=4))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_every_parameter_gets_a_gradient(tmp_path: Path, mel: Path) -> None:
    task = trainer(tmp_path, mel).task
    task.step(task.batch(0), torch.autocast("cpu", enabled=False)).loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in task.model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name


def test_one_batch_is_learned_by_heart_and_save_equals_load(tmp_path: Path, mel: Path) -> None:
    t = trainer(tmp_path, mel)
    fixed = t.task.batch(0)
    t.task.batch = lambda step, index=0: fixed  # type: ignore[method-assign]
    t.run(Limits(steps=30))
    losses = [row["loss"] for row in read_log(tmp_path) if row["kind"] == "train"]
    assert losses[-1] < 0.6 * losses[0]  # not 0: the batch holds one sound twice, with different words
    embedder = load_joint(str(checkpoints(tmp_path)[-1]))
    for name, value in t.ema.weights(t.model).items():
        assert torch.equal(embedder.model.state_dict()[name], value), name


def test_validation_and_its_alarm(tmp_path: Path, mel: Path) -> None:
    task = trainer(tmp_path, mel, valid=True).task
    figures = task.validate(torch.device("cpu"))
    assert set(figures) == {"valid_loss", "valid_r1", "valid_r10"}
    assert 0 <= figures["valid_r1"] <= figures["valid_r10"] <= 1
    assert "chance" in task.alarms({"valid_loss": math.log(64)})[0]
    assert task.alarms({"valid_loss": 3.0}) == []


def test_equal_words_are_right_for_each_other() -> None:
    ids = torch.tensor([[1, 2], [3, 4], [1, 2]])
    scores = torch.tensor([[9.0, 0.0, 9.0], [0.0, 9.0, 0.0], [9.0, 0.0, 9.0]])
    assert float(contrastive_loss(scores, ids)) == pytest.approx((2 * math.log(2) + 0.0) / 3, abs=1e-3)
    different = torch.tensor([[1, 2], [3, 4], [5, 6]])
    plain = torch.nn.functional.cross_entropy(scores, torch.arange(3))
    assert float(contrastive_loss(scores, different)) == pytest.approx(float(plain))


def test_rare_instruments_come_more_often(mel: Path) -> None:
    def shares(balance: float) -> dict[str, int]:
        windows = MelWindows([mel], EmbedTraining(window_frames=20, balance=balance), recipe_from({"task": "embed"}).text, 128)
        windows._counts.update({"drums": 100, "flute": 100, "piano": 100})
        windows._usual = 1.0
        rng = np.random.default_rng(0)
        tags = [windows.draw(rng).tags for _ in range(300)]
        return {"violin": sum("violin" in t for t in tags)}

    assert shares(1.0)["violin"] > 1.3 * shares(0.0)["violin"]


def test_only_training_sound_is_changed_and_words_differ(tmp_path: Path, mel: Path) -> None:
    task = trainer(tmp_path, mel, valid=True).task
    assert isinstance(task, EmbedTask)
    assert task._valid is not None
    frames, _ = task._valid.batch(np.random.default_rng(0), 3)
    window = task._valid.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(frames[0], window.frames.astype(np.float32))
    changed, ids = task._train.batch(np.random.default_rng(0), 8)
    assert np.isfinite(changed).all()
    assert len({tuple(row) for row in ids.tolist()}) > 3


def test_tokens_are_refused(tmp_path: Path) -> None:
    from train_factory import random_tokens

    with pytest.raises(RequestError, match="features mel"):
        embed_task(recipe_from(tiny_embed_recipe()), [random_tokens(tmp_path / "t")], None, lambda line: None)
