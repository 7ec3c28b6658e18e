"""Every recipe takes two steps at full size, on one window each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from partimento.data.audio_folder import AudioWindows, find_audio
from partimento.train.codec import CodecTask
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import load_recipe

torch.set_num_threads(1)
RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_two_steps(path: Path, tmp_path: Path) -> None:
    import soundfile

    recipe = load_recipe(path)
    quick = replace(recipe.codec, batch=1, window_frames=64, free_steps=1, kmeans_batches=2)
    recipe = replace(recipe, codec=quick, optim=replace(recipe.optim, warmup_steps=1))
    rate = recipe.model.sample_rate
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(3 * rate), rate)
    windows = AudioWindows(find_audio(tmp_path)[0], rate, quick.window_frames * recipe.model.hop)
    trainer = Trainer(recipe, CodecTask(recipe, windows), tmp_path / "run", device="cpu")
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    assert trainer.run(Limits(steps=2)).step == 2
    for name, parameter in trainer.model.named_parameters():
        assert not torch.equal(parameter, before[name]), name
