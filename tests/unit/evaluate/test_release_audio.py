import json
import re
from pathlib import Path

import pytest
import torch
from train_factory import tiny_cache, tiny_embed_recipe, tiny_lm_recipe, tiny_mel

from partimento.checkpoints import read_manifest
from partimento.evaluate.release_audio import main
from partimento.models.mini import load_audio_lm
from partimento.train.embed import embed_task
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)
FACTS = ["--recipe", "r.yaml", "--about", "tones", "--hardware", "1 CPU", "--commit", "abc1234"]


def test_a_language_model_is_listed_with_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens, codec = tiny_cache(tmp_path)
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(codec)), [tokens], None, lambda line: None)
    Trainer(recipe, task, tmp_path / "run", device="cpu").run(Limits(steps=3))
    saved = checkpoints(tmp_path / "run")[-1]
    out = tmp_path / "weights"
    arguments = [str(saved), "--data", str(tokens), *FACTS, "--out", str(out), "--items", "4", "--split", "valid"]
    assert main([*arguments, "--status", "released"]) == 2  # three steps beat nothing
    assert "does not beat" in capsys.readouterr().err
    assert not list(out.iterdir())
    assert main(arguments) == 0
    (entry,) = read_manifest(out).models
    assert (entry.name, entry.status, entry.file) == ("mini", "experimental", "mini.safetensors")
    assert entry.results["nats_per_code_equal_chances"] == pytest.approx(2.773, abs=1e-3)
    assert {"nats_per_code_unigram", "nats_per_code_model_with_text"} <= set(entry.results)
    folder = tmp_path / "as folder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes((out / "mini.safetensors").read_bytes())
    (folder / "config.json").write_bytes((out / "mini.json").read_bytes())
    small, whole = load_audio_lm(str(folder))[0], load_audio_lm(str(saved))[0]
    for (name, a), b in zip(small.state_dict().items(), whole.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0.02, atol=0.02, msg=name)


def test_an_embedding_is_listed_and_others_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mel = tiny_mel(tmp_path, 40)
    recipe, task = embed_task(recipe_from(tiny_embed_recipe()), [mel], None, lambda line: None)
    task._valid = None
    Trainer(recipe, task, tmp_path / "run", device="cpu").run(Limits(steps=2))
    saved = checkpoints(tmp_path / "run")[-1]
    index = mel / "index.jsonl"
    index.write_text(re.sub(r'"split": ?"train"', '"split": "test"', index.read_text()))
    assert main([str(saved), "--data", str(mel), *FACTS, "--out", str(tmp_path / "weights")]) == 0
    (entry,) = read_manifest(tmp_path / "weights").models
    assert entry.name == "mini-embed"
    found = {key: value for key, value in entry.results.items() if key.startswith("recall_at_10_oracle_")}
    assert {key.split("_")[4] for key in found} == {"short", "middle"}  # these items have no long captions
    assert min(found.values()) >= 10 / 40
    assert "joint_embedding mini-embed" in entry.command
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"task": "codec"}))
    assert main([str(saved), "--data", str(mel), *FACTS, "--out", str(tmp_path / "weights")]) == 2
    assert "task 'codec'" in capsys.readouterr().err
