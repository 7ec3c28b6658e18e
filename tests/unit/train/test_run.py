from pathlib import Path

import numpy as np
import pytest
import torch

from partimento.cli.main import main as cli
from partimento.train.recipe import to_plain
from partimento.train.state import checkpoints

torch.set_num_threads(1)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    import soundfile
    import yaml

    from partimento.train.recipe import recipe_from

    model = {"sample_rate": 8000, "n_fft": 256, "hop": 64, "n_single": 20, "n_bands": 40, "width": 8, "hidden": 16}
    model |= {"encoder_blocks": 1, "decoder_blocks": 1, "quantizer": {"n_codebooks": 2, "cardinality": 8, "dimension": 4}}
    codec = {"batch": 2, "window_frames": 8, "free_steps": 1, "kmeans_batches": 1}
    plain = to_plain(recipe_from({"task": "codec", "model": model, "codec": codec}))
    plain["optim"]["betas"] = list(plain["optim"]["betas"])
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(plain))
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds" / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(8000), 8000)
    (tmp_path / "sounds" / "bad.wav").write_bytes(b"RIFF")
    return path


def test_command_line_trains_resumes_and_names_bad_files(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [str(recipe), "--data", str(tmp_path / "sounds"), "--valid", str(tmp_path / "sounds"), "--out", str(out)]
    assert cli(["train", *arguments, "--steps", "2", "--device", "cpu", "--threads", "1"]) == 0
    assert cli(["train", *arguments, "--steps", "3", "--device", "cpu", "--total-steps", "5"]) == 0
    text = capsys.readouterr().out
    assert "bad.wav: not readable" in text
    assert "resumed step-00000002" in text
    assert checkpoints(out)[-1].name == "step-00000003"


def test_mistakes_end_with_two(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["train", str(recipe), "--data", str(tmp_path / "none"), "--out", str(tmp_path / "o")]) == 2
    assert "no folder" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_from_the_last_checkpoint(recipe: Path, tmp_path: Path) -> None:
    import signal
    import subprocess
    import sys
    import time

    import yaml

    plain = yaml.safe_load(recipe.read_text())
    plain["run"]["save_every_s"] = 0.05
    recipe.write_text(yaml.safe_dump(plain))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "partimento", "train", str(recipe), "--data", str(tmp_path / "sounds"), "--out", str(out)]
    process = subprocess.Popen([*command, "--minutes", "5", "--threads", "1"], stdout=subprocess.DEVNULL)
    for _ in range(600):
        if len(checkpoints(out)) == 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = int(checkpoints(out)[-1].name.rsplit("-", 1)[-1])
    assert cli([*command[3:], "--steps", str(saved + 2), "--device", "cpu"]) == 0
    assert checkpoints(out)[-1].name == f"step-{saved + 2:08d}"
