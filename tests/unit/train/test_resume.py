"""Going on with a run: damaged checkpoints, changed recipes, full disks, and weights to begin from."""

import errno
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from partimento.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from partimento.cli.main import main as cli
from partimento.codec.loading import load_mini_codec
from partimento.codec.packing import unpack
from partimento.errors import FileError, ParseError, RequestError, UnsupportedError
from partimento.score_lm.vocabulary import Vocabulary
from partimento.train import state as state_module
from partimento.train.best import Best
from partimento.train.curves import read_log
from partimento.train.loop import Limits, pick_device
from partimento.train.recipe import load_recipe, recipe_from, to_plain
from partimento.train.resume import changes, with_vocabulary_of
from partimento.train.run import train
from partimento.train.state import TRAINER_FILE, checkpoints, load_weights

torch.set_num_threads(1)
RATE = 8_000
TINY: dict[str, Any] = {
    "task": "codec",
    "model": {
        "sample_rate": RATE, "n_fft": 256, "hop": 64, "n_single": 20, "n_bands": 40, "width": 8, "hidden": 16,
        "encoder_blocks": 1, "decoder_blocks": 1, "quantizer": {"n_codebooks": 2, "cardinality": 8, "dimension": 4},
    },
    "codec": {"batch": 2, "window_frames": 8, "free_steps": 1, "kmeans_batches": 1},
    "run": {"bf16": False, "log_every": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    soundfile.write(folder / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    return folder


def changed(**sections: dict[str, Any]) -> dict[str, Any]:
    """The recipe with other values in some sections."""
    return TINY | {name: TINY.get(name, {}) | values for name, values in sections.items()}


def go(out: Path, sounds: Path, steps: int, data: dict[str, Any] = TINY, **options: Any) -> list[str]:
    """Train; returns what was said."""
    said: list[str] = []
    train(recipe_from(data), [sounds], out, limits=Limits(steps=steps), device="cpu", say=said.append, **options)
    return said


@pytest.fixture(scope="module")
def run_of_four(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with checkpoints of steps 2 and 4."""
    out = tmp_path_factory.mktemp("run") / "out"
    for steps in (2, 4):
        go(out, sounds, steps)
    return out


@pytest.fixture
def run(run_of_four: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run_of_four, tmp_path / "run")


def test_a_cut_checkpoint_gives_way_to_the_one_before(run: Path, run_of_four: Path, sounds: Path) -> None:
    path = run / "step-00000004" / TRAINER_FILE
    path.write_bytes(path.read_bytes()[:3_000])
    said = go(run, sounds, 4)
    assert any(line.startswith(f"step-00000004 is damaged ({TRAINER_FILE}") for line in said)
    assert "resumed step-00000002" in said
    assert sorted(p.name for p in run.glob("step-*")) == ["step-00000002", "step-00000004", "step-00000004.damaged"]
    one, two = (torch.load(folder / "step-00000004" / TRAINER_FILE) for folder in (run, run_of_four))
    assert all(torch.equal(one["model"][name], value) for name, value in two["model"].items())


def test_cut_weights_beside_a_whole_state_lose_nothing(run: Path, sounds: Path) -> None:
    path = run / "step-00000004" / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:300])
    assert "resumed step-00000004" in go(run, sounds, 4)
    load_mini_codec(run / "step-00000004")


def test_bytes_that_changed_on_the_disk_are_noticed(run: Path, sounds: Path) -> None:
    path = run / "step-00000004" / TRAINER_FILE
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64 * [0xA5])
    path.write_bytes(bytes(data))
    assert "resumed step-00000002" in go(run, sounds, 4)


def test_no_whole_checkpoint_is_one_line(run: Path, sounds: Path) -> None:
    for folder in checkpoints(run):
        (folder / TRAINER_FILE).write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(FileError, match=r"no checkpoint in .* is whole \(step-00000002, step-00000004\): take another --out"):
        go(run, sounds, 6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(model={"width": 16}), r"model.width 8 → 16; give another --out"),
        ({"task": "score"}, "task codec → score"),
    ],
)
def test_another_model_is_refused_before_any_data_are_read(run: Path, data: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        train(recipe_from(data), [Path("nowhere")], run, limits=Limits(steps=6), device="cpu")


def test_another_course_is_accepted_and_named(run: Path, sounds: Path) -> None:
    other = changed(codec={"batch": 1}, optim={"learning_rate": 0.001, "total_steps": 9}, run={"log_every": 7})
    lines = [line for line in go(run, sounds, 5, other) if line.startswith("changed")]
    assert lines == [
        "changed since step-00000004: codec.batch 2 → 1, optim.learning_rate 0.0005 → 0.001; from here this is no longer exactly "
        "the run that was begun"
    ]
    assert not any(line.startswith("changed") for line in go(run, sounds, 6, other))


def test_what_the_trainer_fills_in_is_no_change() -> None:
    recorded = {"task": "lm", "text": {"words": ["a"]}, "codec_used": {"source": "mini-codec", "sha256": "x"}}
    assert changes(recorded, recipe_from({"task": "lm"})) == ([], [])
    other = recipe_from({"task": "lm", "codec_used": {"source": "elsewhere", "sha256": "y"}})
    assert changes(recorded, other)[0] == ["codec_used.source mini-codec → elsewhere", "codec_used.sha256 x → y"]
    same = recipe_from({"task": "lm", "codec_used": {"source": "elsewhere", "sha256": "x"}})
    assert changes(recorded, same) == ([], [])


def test_an_unreadable_configuration_is_said(run: Path, sounds: Path) -> None:
    (run / "step-00000004" / CONFIG_FILE).write_text("{")
    assert any("cannot be read: whether the recipe" in line for line in go(run, sounds, 5))


def test_a_full_disk_is_one_line_and_ends_no_run_before_its_end(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    own = state_module._write_checkpoint
    monkeypatch.setattr(state_module, "_write_checkpoint", full)
    with pytest.raises(FileError, match=r"cannot write the checkpoint .*step-00000003: No space left.*MiB are free"):
        go(tmp_path / "out", sounds, 3, changed(run={"save_every_s": 0.0}))
    assert sum("No space left" in row.get("text", "") for row in read_log(tmp_path / "out")) == 3
    monkeypatch.setattr(state_module, "_write_checkpoint", own)
    assert not list((tmp_path / "out").glob("step-*"))


def test_weights_of_a_run_or_of_a_built_in_model_begin_another(run: Path, sounds: Path, tmp_path: Path) -> None:
    said = go(tmp_path / "out", sounds, 1, warm_start=str(run))
    assert f"weights from {run}" in said
    assert any("is not used" in line for line in go(tmp_path / "out", sounds, 2, warm_start="gone"))
    with pytest.raises(FileError, match=r"no checkpoint 'nothing'.*built in: "):
        go(tmp_path / "other", sounds, 1, warm_start="nothing")
    with pytest.raises(FileError, match=r"does not hold weights of this model: mean is \[579\], the recipe's \[40\]"):
        go(tmp_path / "other", sounds, 1, warm_start="mini-codec")


def test_scores_take_the_words_of_the_weights_that_they_begin_from(tmp_path: Path) -> None:
    from partimento.score_lm.model import ScoreModel

    recipe = with_vocabulary_of(load_recipe("recipes/mini-score.yaml"), tmp_path, "mini-score")
    load_weights("mini-score", ScoreModel(recipe.score_model))
    own = replace(recipe, score_model=replace(recipe.score_model, vocabulary=Vocabulary(metres=((4, 4),))))
    assert with_vocabulary_of(own, tmp_path, "mini-score") is own
    run = tmp_path / "run" / "step-00000001"
    run.mkdir(parents=True)
    (run / WEIGHTS_FILE).write_bytes(b"")
    (run / CONFIG_FILE).write_text(json.dumps(to_plain(own)))
    again = with_vocabulary_of(load_recipe("recipes/mini-score.yaml"), tmp_path / "run", None)
    assert again.score_model.vocabulary.metres == ((4, 4),)


def test_a_released_codec_goes_on_from_its_own_codebooks() -> None:
    from safetensors.torch import load_file

    from partimento.checkpoints import model_files
    from partimento.codec.mini import MiniCodec

    released = load_mini_codec("mini-codec")
    own = MiniCodec(released.config)
    load_weights("mini-codec", own)
    stored = unpack(load_file(str(model_files("mini-codec")[0])))
    assert all(torch.equal(own.state_dict()[name], value.to(own.state_dict()[name].dtype)) for name, value in stored.items())
    quantizer = own.quantizer
    torch.testing.assert_close(quantizer.sums / quantizer.counts[..., None], quantizer.entries)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("optim", {"learning_rate": math.nan}, "optim.learning_rate nan is outside 0 to 10"),
        ("optim", {"betas": [0.9, 2.0]}, "optim.betas 2 is outside 0 to 1"),
        ("codec", {"batch": 0}, "codec.batch 0 is outside 1"),
        ("run", {"log_every": 0}, "run.log_every 0 is outside 1"),
    ],
)
def test_values_out_of_range_are_named(section: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        recipe_from(changed(**{section: values}))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", "0"], "--minutes 0 is outside"), (["--minutes", "-1"], "--minutes -1 is outside"),
        (["--minutes", "nan"], "--minutes nan is outside"), (["--steps", "-5"], "--steps -5 is no step"),
        (["--total-steps", "-1"], "--total-steps -1 is no length"), (["--threads", "0"], "--threads 0 is outside 1"),
        (["--out", "FILE"], "is not a folder"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_before_work(
    words: list[str], message: str, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, file = tmp_path / "r.yaml", tmp_path / "file"
    recipe.write_text(json.dumps(TINY))
    file.write_text("x")
    given = ["--out", str(tmp_path / "out"), *(str(file) if word == "FILE" else word for word in words)]
    assert cli(["train", str(recipe), "--data", str(sounds), *given]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnsupportedError, match="--device cuda needs a CUDA GPU"):
        pick_device("cuda")


def test_held_out_data_are_looked_at_once_a_step_and_alarms_wait(sounds: Path, tmp_path: Path) -> None:
    data = changed(run={"validate_every": 2})
    said = go(tmp_path / "out", sounds, 4, data, valid=[sounds])
    assert [row["step"] for row in read_log(tmp_path / "out") if row["kind"] == "valid"] == [2, 4]
    assert not any("ALARM" in line for line in said)


def look(best: Best, step: int, loss: float, scheduled: bool = True) -> None:
    best.look(step, loss, {"w": torch.full((2,), float(step))}, scheduled=scheduled)


def test_the_best_look_is_kept_over_pieces_of_a_run(tmp_path: Path) -> None:
    best = Best(tmp_path, patience=2)
    look(best, 10, 3.0)
    look(best, 20, 2.0)
    look(best, 25, 1.0, scheduled=False)  # the end of a piece
    again = Best(tmp_path, patience=2)
    assert (again.step, again.loss) == (20, 2.0)
    assert again.weights["w"].tolist() == [20.0, 20.0]
    look(again, 30, 2.5)
    assert not again.is_over(30)
    look(again, 40, 2.1)
    assert again.is_over(40)
    assert not again.is_over(30)
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["best-00000020.safetensors"]
    (tmp_path / "best-00000020.safetensors").write_bytes(b"cut")
    assert Best(tmp_path).step is None
