import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from codec_run_factory import codec_trainer

from partimento.train import board, samples
from partimento.train.board import MISSING, Board
from partimento.train.curves import read_log
from partimento.train.loop import Limits

torch.set_num_threads(1)
needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed: pip install 'partimento[train]'"
)


def events(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "audio": 0})
    found.Reload()
    return found


@needs_tensorboard
def test_all_figures_of_the_log_pictures_and_sounds_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SHARE", 1e9)
    codec_trainer(tmp_path, {"sample_every": 3}).run(Limits(steps=6))
    run = tmp_path / "run"
    found = events(run)
    for kind in ("train", "valid"):
        rows = {row["step"]: row for row in read_log(run) if row["kind"] == kind}
        for name in set(rows[6]) - {"kind", "step"}:
            got = {e.step: e.value for e in found.Scalars(f"{kind}/{name.removeprefix('valid_')}")}
            assert got == pytest.approx({step: row[name] for step, row in rows.items() if name in row}, rel=1e-3, abs=0.051)
    assert [e.step for e in found.Scalars("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert [e.step for e in found.Images("samples/1")] == [3, 6]
    assert found.Images("samples/2")[0].encoded_image_string.startswith(b"\x89PNG")
    sound = found.Audio("samples/1-original")
    assert [e.step for e in sound] == [3, 6]
    assert sound[0].sample_rate == 8_000
    assert sound[0].encoded_audio_string.startswith(b"RIFF")


@needs_tensorboard
def test_a_resumed_run_has_every_step_once(tmp_path: Path) -> None:
    import shutil

    t = codec_trainer(tmp_path)
    t.run(Limits(steps=2))
    t.run(Limits(steps=5))  # the same program goes on
    run = tmp_path / "run"
    shutil.rmtree(run / "step-00000005")  # as if killed before that checkpoint
    codec_trainer(tmp_path).run(Limits(steps=2))  # nothing to do
    codec_trainer(tmp_path).run(Limits(steps=4))
    found = events(run)
    assert [e.step for e in found.Scalars("train/loss")] == [1, 2, 3, 4]
    assert [e.step for e in found.Scalars("valid/loss")] == [2, 3, 4]


def test_without_the_package_a_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board.importlib.util, "find_spec", lambda name: None)
    said: list[str] = []
    found = Board(tmp_path, 0, said.append)
    found.scalars("train", 1, {"loss": 1.0})
    found.close(1)
    assert said == [MISSING]
    assert not (tmp_path / "tensorboard").exists()
    Board(tmp_path, 0, said.append, active=False).scalars("train", 1, {"loss": 1.0})
    assert len(said) == 1


@needs_tensorboard
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    said: list[str] = []
    found = Board(tmp_path, 0, said.append)
    for step in (1, 2):
        found.scalars("valid", step, {"valid_loss": float(np.float32(1.0))})
    assert len(said) == 1
    assert said[0].startswith("no more TensorBoard files: ")
