import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import tiny_cache, tiny_lm_recipe

from partimento.audio import Waveform, read_audio
from partimento.audio.loudness import peak_dbfs, true_peak_dbtp
from partimento.cli.main import main as cli
from partimento.errors import FileError, RequestError
from partimento.interpret.caption import learned_caption
from partimento.models import get_performer, performer_names
from partimento.models.mini import is_released, load_mini
from partimento.models.mini_performer import MiniPerformer
from partimento.pipeline import generate, make_plan
from partimento.plan.request import GenerateRequest
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    tokens, codec = tiny_cache(folder)
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(codec)), [tokens], None, lambda line: None)
    Trainer(recipe, task, folder / "run", device="cpu").run(Limits(steps=2))
    return checkpoints(folder / "run")[-1]


def test_generate_from_the_command_line(checkpoint: Path, tmp_path: Path) -> None:
    import soundfile

    out = tmp_path / "out.wav"
    words = ["generate", "calm piano and strings, slow", "--model", str(checkpoint), "--duration", "2"]
    assert cli([*words, "-o", str(out), "--report", str(tmp_path / "r.json"), "--no-audio-report", "--quiet"]) == 0
    sound, rate = soundfile.read(out)
    assert len(sound) == 2 * rate
    assert np.abs(sound).max() > 0
    assert cli([*words, "-o", str(tmp_path / "again.wav"), "--no-audio-report", "--quiet"]) == 0
    assert (tmp_path / "again.wav").read_bytes() == out.read_bytes()


def test_another_language_hears_the_same_caption(checkpoint: Path) -> None:
    performer = get_performer(str(checkpoint))
    assert isinstance(performer, MiniPerformer)
    request = GenerateRequest("慢板，钢琴和弦乐，不要鼓")
    plan = make_plan(request)
    sections, negative, _ = performer._words(plan, request)
    assert sections[0].text == learned_caption(plan)
    assert sections[0].text.isascii()
    assert negative == ""
    story = GenerateRequest("jazz", story="0: calm piano; 4: fast drums", negative="brass", duration_s=8)
    sections, negative, _ = performer._words(make_plan(story), story)
    assert [s.start_s for s in sections] == [0.0, 4.0]
    assert all("bpm" in s.text for s in sections)
    assert negative == "A piece with brass."


def test_provenance_and_stream(checkpoint: Path) -> None:
    request = GenerateRequest("jazz", model=str(checkpoint), duration_s=2.0, sample_rate=8000)
    result = generate(request, audio_report=False)
    assert result.provenance["layout"] == "partimento"
    assert len(str(result.provenance["weights_sha256"])) == 64
    assert len(str(result.provenance["decoder_sha256"])) == 64
    performer = MiniPerformer(str(checkpoint))
    pieces = list(performer.stream(make_plan(request), request, np.random.default_rng(0)))
    assert sum(piece.n_samples for piece in pieces) == 16_000


def test_what_exceeds_full_scale_is_held_in_streams_and_after_recordings(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile

    from partimento.models.musicgen import take

    request = GenerateRequest("jazz", model=str(checkpoint), duration_s=2.0, sample_rate=16_000)
    performer = MiniPerformer(str(checkpoint))
    codec = load_mini(str(checkpoint)).codec
    t = np.arange(4 * codec.sample_rate) / codec.sample_rate
    loud = (1.5 * np.sin(2 * np.pi * 330 * t)).astype(np.float32)[None]

    def sing(*args: object) -> Iterator[Waveform]:
        for at in range(0, loud.shape[1], 1_000):
            yield Waveform(loud[:, at : at + 1_000], codec.sample_rate)

    monkeypatch.setattr(take, "sing", sing)
    pieces = list(performer.stream(make_plan(request), request, np.random.default_rng(0)))
    sound = Waveform(np.concatenate([piece.samples for piece in pieces], axis=1), 16_000)
    assert sound.n_samples == 32_000
    assert -1.3 < true_peak_dbtp(sound) < -0.97

    soundfile.write(tmp_path / "a.wav", 0.2 * loud[0, : codec.sample_rate], codec.sample_rate)
    request = GenerateRequest("jazz", model=str(checkpoint), duration_s=2.0, extends=str(tmp_path / "a.wav"))
    monkeypatch.setattr(take, "sing_together", lambda *args: iter([loud[None]]))
    found = performer.perform(make_plan(request), request, np.random.default_rng(0)).audio
    assert -1.3 < true_peak_dbtp(found) < -0.8
    assert peak_dbfs(found.part(0, round(0.9 * found.sample_rate))) < -10.0

    hot = np.sign(np.random.default_rng(0).standard_normal(codec.sample_rate))  # full scale, true peaks far above it
    soundfile.write(tmp_path / "a.wav", hot, codec.sample_rate)
    assert true_peak_dbtp(read_audio(tmp_path / "a.wav")) > 1.0
    found = performer.perform(make_plan(request), request, np.random.default_rng(0)).audio
    assert np.abs(found.part(round(1.1 * found.sample_rate), found.n_samples).samples).max() <= 1.0


def test_another_codec_than_the_one_it_was_trained_on_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    config = json.loads((copy / "config.json").read_text())
    config["codec_used"]["sha256"] = "0" * 64
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(FileError, match="another version of"):
        load_mini(str(copy))
    (copy / "model.safetensors").unlink()
    with pytest.raises(FileError, match="missing"):
        load_mini(str(copy))


def test_the_built_in_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert ("mini" in performer_names()) == is_released()
    if is_released():
        assert get_performer("mini").name == "mini"
        return
    with pytest.raises(RequestError, match="comes without weights"):
        get_performer("mini")
    assert cli(["generate", "jazz", "--model", "mini", "-o", str(tmp_path / "a.wav")]) == 2
    assert "train it" in capsys.readouterr().err
