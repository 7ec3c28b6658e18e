from pathlib import Path

import numpy as np
import pytest
import torch

from partimento.cli.main import main as cli
from partimento.data.scores import MANIFEST, ScoresConfig, build_scores, read_scores
from partimento.score_lm.vocabulary import MIDDLE, START
from partimento.train.curves import read_log
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import Recipe, recipe_from
from partimento.train.score import ScoreTask
from partimento.train.score_data import CHANNELS, ScoreWindows, lead_of

torch.set_num_threads(1)
TINY = {
    "task": "score",
    "score_model": {"width": 32, "n_layers": 2, "n_heads": 2, "ffn": 64, "dropout": 0.0, "context": 160},
    "score": {"batch": 2, "shares": {"composed": 1.0}, "max_bars": 6},
    "optim": {"learning_rate": 0.01, "warmup_steps": 2, "total_steps": 200},
    "run": {"log_every": 1, "validate_every": 1_000, "bf16": False},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scores")
    assert build_scores(ScoresConfig(folder, n_composed=3, seed=4)) == 3
    return folder


def windows(dataset: Path, recipe: Recipe) -> ScoreWindows:
    model = recipe.score_model
    return ScoreWindows(read_scores(dataset), recipe.score, model.vocabulary, model.context)


def trainer(folder: Path, dataset: Path, recipe: Recipe | None = None) -> Trainer:
    recipe = recipe or recipe_from(TINY)
    data = windows(dataset, recipe)
    return Trainer(recipe, ScoreTask(recipe, data, data), folder, device="cpu")


def test_building_goes_on_where_it_stopped(dataset: Path, tmp_path: Path) -> None:
    text = (dataset / MANIFEST).read_text().splitlines(keepends=True)
    (tmp_path / MANIFEST).write_text(text[0] + text[1][: len(text[1]) // 2])
    with (tmp_path / MANIFEST).open("a") as file:
        file.write("\n")
    assert build_scores(ScoresConfig(tmp_path, n_composed=3, seed=4)) == 3
    assert read_scores(tmp_path) == read_scores(dataset)


def test_windows_hold_what_is_to_be_learned(dataset: Path) -> None:
    recipe = recipe_from(TINY | {"score": {"shares": {"composed": 1.0}, "gap_share": 1.0, "lead_share": 1.0}})
    data = windows(dataset, recipe)
    kinds = recipe.score_model.vocabulary.kinds
    for seed in range(8):
        rows = data.draw(np.random.default_rng(seed))
        assert rows.shape[1] == CHANNELS
        assert len(rows) <= 160
        learned = rows[rows[:, 1] == 1]
        drawn = {"density", "lowest", "span", "trait"}
        written = {"bar", "track", "repeat", "like", "level", "at", "ticks", "long", "pitch", "special"}
        assert {kinds[t][0] for t in learned[:, 0]} <= written | drawn
        assert MIDDLE in rows[:, 0] or len(rows) == 160
        header = rows[: list(rows[:, 0]).index(START) + 1]
        assert all((kinds[t][0] in drawn) == learn for t, learn in header[:, :2])
    assert data.batch(np.random.default_rng(0), 3).shape == (3, 160, CHANNELS)


def test_a_lead_is_one_line(dataset: Path) -> None:
    for line in read_scores(dataset):
        (track,) = lead_of(line["piece"]).tracks
        ends = [n.start + n.ticks for n in track.notes]
        assert all(end <= note.start for end, note in zip(ends, track.notes[1:], strict=False))


def test_a_run_in_pieces_equals_a_run_in_one(tmp_path: Path, dataset: Path) -> None:
    whole = trainer(tmp_path / "a", dataset)
    whole.run(Limits(steps=5))
    trainer(tmp_path / "b", dataset).run(Limits(steps=2))
    resumed = trainer(tmp_path / "b", dataset)
    resumed.run(Limits(steps=5))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert resumed.state.audio_s == pytest.approx(whole.state.audio_s)


def test_one_batch_is_learned_by_heart(tmp_path: Path, dataset: Path) -> None:
    t = trainer(tmp_path, dataset)
    batch = t.task.batch(0)
    t.task.batch = lambda step, index=0: batch  # type: ignore[method-assign]
    t.run(Limits(steps=120))
    rows = [r["loss"] for r in read_log(tmp_path) if r["kind"] == "train"]
    assert rows[0] > 6.5
    assert rows[-1] < 0.5


def test_every_parameter_gets_a_gradient(tmp_path: Path, dataset: Path) -> None:
    t = trainer(tmp_path, dataset)
    t.task.step(t.task.batch(0), t.autocast).loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in t.model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_command_line(tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    (tmp_path / "data").mkdir()
    lines = (dataset / MANIFEST).read_text().splitlines()
    split = [line.replace('"split":"valid"', '"split":"train"').replace('"split":"test"', '"split":"train"') for line in lines]
    split[0] = split[0].replace('"split":"train"', '"split":"valid"')
    (tmp_path / "data" / MANIFEST).write_text("\n".join(split) + "\n")
    arguments = ["train", str(tmp_path / "tiny.yaml"), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert cli([*arguments, "--steps", "2", "--device", "cpu"]) == 0
    assert "2 pieces to learn from, 1 held out" in capsys.readouterr().out
    assert cli(["data", "scores", "--out", str(tmp_path / "none"), "--sheets", str(tmp_path)]) == 2
