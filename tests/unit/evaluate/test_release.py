import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from partimento import checkpoints as manifests
from partimento.checkpoints import ManifestEntry, read_manifest
from partimento.cli.main import main as cli
from partimento.codec.loading import load_mini_codec
from partimento.data.audio_folder import AudioWindows, find_audio
from partimento.errors import FileError, RequestError
from partimento.evaluate import codec as evaluation
from partimento.evaluate import release
from partimento.train.codec import CodecTask
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)
RATE = 32_000
TINY = {
    "task": "codec",
    "model": {
        "n_single": 100, "n_bands": 150, "width": 128, "hidden": 160, "encoder_blocks": 1, "decoder_blocks": 1,
        "quantizer": {"n_codebooks": 2, "cardinality": 8, "dimension": 4},
    },
    "codec": {"batch": 1, "window_frames": 16, "free_steps": 1, "kmeans_batches": 2},
    "run": {"log_every": 1},
}  # fmt: skip
ENTRY = ManifestEntry("tiny", "", "", "", 0, "CC0-1.0", "r", "c", "noise", 1.0, "none", 1.0, {}, "x")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    import soundfile

    folder = tmp_path_factory.mktemp("run")
    (folder / "sounds").mkdir()
    t = np.arange(RATE) / RATE
    for i in range(2):
        soundfile.write(folder / "sounds" / f"{i}.wav", 0.3 * np.sin(2 * np.pi * (220 + 110 * i) * t), RATE)
    recipe = recipe_from(TINY)
    windows = AudioWindows(find_audio(folder / "sounds")[0], RATE, recipe.codec.window_frames * recipe.model.hop)
    Trainer(recipe, CodecTask(recipe, windows), folder / "run", device="cpu").run(Limits(steps=3))
    return checkpoints(folder / "run")[-1], folder / "sounds"


def test_release_is_listed_checked_and_loadable(run: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, sounds = run
    listed, table = release.export_codec(checkpoint, sounds, tmp_path, ENTRY, n_files=2)
    assert "mini-codec, 2 codebooks" in table
    assert read_manifest(tmp_path).models == (listed,)
    assert listed.results["mel_distance"] > 0
    assert listed.bytes < 0.5 * (checkpoint / "model.safetensors").stat().st_size
    monkeypatch.setattr(manifests, "WEIGHTS_FOLDER", tmp_path)
    built_in = manifests.built_in
    monkeypatch.setattr(manifests, "built_in", lambda name: built_in(name, tmp_path))
    wav = torch.randn(1, 1, RATE, generator=torch.Generator().manual_seed(0)) * 0.1
    released, trained = load_mini_codec("tiny"), load_mini_codec(checkpoint)
    bands = trained.bands_of(wav[:, 0])
    torch.testing.assert_close(released.latent(bands), trained.latent(bands), atol=0.05, rtol=0.05)
    again, _ = release.export_codec(checkpoint, sounds, tmp_path, replace(ENTRY, data="more"), n_files=1)
    assert read_manifest(tmp_path).models == (again,)


def test_release_that_loses_quality_is_refused(run: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "MAX_LOSS_BY_PACKING", -10.0)
    with pytest.raises(RequestError, match="keep float16"):
        release.export_codec(*run, tmp_path, ENTRY, n_files=1)
    assert not (tmp_path / "tiny.safetensors").exists()


def test_a_release_with_other_tokens_has_to_be_meant(run: tuple[Path, Path], tmp_path: Path) -> None:
    checkpoint, sounds = run
    release.export_codec(checkpoint, sounds, tmp_path, ENTRY, n_files=1)
    before = (tmp_path / "tiny.safetensors").read_bytes()
    moved = tmp_path / "moved"
    shutil.copytree(checkpoint, moved)
    weights = load_file(str(moved / "model.safetensors"))
    save_file(weights | {"enter.bias": weights["enter.bias"] + 1.0}, str(moved / "model.safetensors"))
    with pytest.raises(RequestError, match="--new-tokens"):
        release.export_codec(moved, sounds, tmp_path, ENTRY, n_files=1)
    assert (tmp_path / "tiny.safetensors").read_bytes() == before
    save_file(weights | {"leave.1.bias": weights["leave.1.bias"] + 0.1}, str(moved / "model.safetensors"))
    release.export_codec(moved, sounds, tmp_path, ENTRY, n_files=1)
    assert (tmp_path / "tiny.safetensors").read_bytes() != before


def test_counters_come_from_the_log(run: tuple[Path, Path]) -> None:
    hours, minutes = release.run_counters(run[0])
    assert hours == pytest.approx(3 * 16 * 640 / RATE / 3600, rel=0.05)
    assert 0 < minutes < 5


def test_evaluation_pictures_table_and_missing_ffmpeg(
    run: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluation.shutil, "which", lambda name: None)
    table = evaluation.evaluate_codec(run[0], run[1], n_files=1, pictures=tmp_path / "p")
    assert [r.name for r in table.rows] == ["mini-codec, 2 codebooks", "mini-codec, 1 codebooks", "true bands", "true magnitudes"]
    assert table.rows[3].mel < table.rows[0].mel
    assert "no ffmpeg" in table.notes[0]
    assert (tmp_path / "p" / "00.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "p" / "00_decoded.wav").exists()
    arguments = ["evaluate", "codec", str(run[0]), "--data", str(run[1]), "--files", "1", "--quick", "--out", str(tmp_path / "t")]
    assert cli(arguments) == 1  # three steps meet no goal
    assert cli([*arguments, "--no-fail"]) == 0
    assert "| mini-codec, 2 codebooks | 0.3 |" in capsys.readouterr().out
    assert json.loads((tmp_path / "t" / "codec.json").read_text())["cardinality"] == 8
    assert cli(["evaluate", "codec", str(tmp_path / "none"), "--data", str(run[1])]) == 2
    assert cli(["evaluate", "codec", str(run[0]), "--data", str(run[1]), "--files", "0"]) == 2
    assert "0 files" in capsys.readouterr().err
    assert f"{run[0].name} on {run[1].name}: 1 files" in (tmp_path / "t" / "codec.md").read_text()


def test_a_runs_folder_is_measured_by_its_newest_checkpoint_without_silent_sounds(run: tuple[Path, Path], tmp_path: Path) -> None:
    import soundfile

    shutil.copytree(run[1], tmp_path / "sounds")
    soundfile.write(tmp_path / "sounds" / "00_silent.wav", np.zeros(RATE), RATE)
    table = evaluation.evaluate_codec(run[0].parent, tmp_path / "sounds", n_files=1, ceilings=False, opus_kbps=())
    assert table.measured == f"{run[0].name} on sounds"
    assert table.rows[0].chroma > 0
    (tmp_path / "none").mkdir()
    shutil.move(tmp_path / "sounds" / "00_silent.wav", tmp_path / "none")
    with pytest.raises(FileError, match="silent"):
        evaluation.load_sounds(tmp_path / "none", RATE, 1)
