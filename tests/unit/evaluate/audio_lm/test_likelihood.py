import json
import math
from pathlib import Path

import pytest
import torch
from train_factory import tiny_cache, tiny_lm_recipe

from partimento.evaluate.audio_lm.likelihood import main
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


def test_table_of_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens, codec = tiny_cache(tmp_path)
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(codec)), [tokens], None, lambda line: None)
    Trainer(recipe, task, tmp_path / "run", device="cpu").run(Limits(steps=60))
    saved, out = checkpoints(tmp_path / "run")[-1], tmp_path / "figures.json"
    assert main([str(saved), "--data", str(tokens), "--windows", "5", "--json", str(out)]) == 0
    assert "bigram, coarser" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    rows = figures["nats_per_code"]
    assert figures["seconds"] == pytest.approx(5 * 0.8)
    assert rows["equal chances"] == pytest.approx([math.log(16)] * 2)
    assert max(rows["model with text"]) < math.log(16)
    assert all(b <= u + 1e-2 for b, u in zip(rows["bigram, earlier"], rows["unigram"], strict=True))
    assert figures["engines"] == {}
    assert main([str(saved), "--data", str(tokens), "--windows", "5", "--engines", "eager,bf16", "--json", str(out)]) == 0
    assert "bf16: " in capsys.readouterr().out
    again = json.loads(out.read_text())
    assert again["nats_per_code"]["model with text"] == rows["model with text"]
    assert again["engines"]["eager"] == 0.0
    assert 0.0 < abs(again["engines"]["bf16"]) < 0.02
    assert main([str(saved), "--data", str(tokens), "--engines", "steam"]) == 2
    assert main([str(tmp_path / "none"), "--data", str(tokens)]) == 2
