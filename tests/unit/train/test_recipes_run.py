"""Every recipe takes two steps at full size, on one window each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import random_tokens, tiny_mel

from partimento.data.audio_folder import AudioWindows, find_audio
from partimento.data.scores import ScoresConfig, build_scores, read_scores
from partimento.train.codec import CodecTask
from partimento.train.embed import embed_task
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import Recipe, load_recipe
from partimento.train.score import ScoreTask
from partimento.train.score_data import ScoreWindows
from partimento.train.task import Task

torch.set_num_threads(1)
RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.yaml"))


def task_of(recipe: Recipe, folder: Path) -> Task:
    """The recipe's task on a little data of its own kind."""
    if recipe.task == "score":
        build_scores(ScoresConfig(folder, n_composed=2, seed=1))
        lines = [line | {"source": source} for line in read_scores(folder) for source in recipe.score.shares]
        return ScoreTask(recipe, ScoreWindows(lines, recipe.score, recipe.score_model.vocabulary, recipe.score_model.context))
    if recipe.task == "lm":
        return lm_task(recipe, [random_tokens(folder / "tokens")], None, lambda line: None)[1]
    if recipe.task == "embed":
        return embed_task(recipe, [tiny_mel(folder)], None, lambda line: None)[1]
    import soundfile

    rate = recipe.model.sample_rate
    soundfile.write(folder / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(3 * rate), rate)
    windows = AudioWindows(find_audio(folder)[0], rate, recipe.codec.window_frames * recipe.model.hop)
    return CodecTask(recipe, windows)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_two_steps(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    quick = replace(recipe.codec, batch=1, window_frames=64, free_steps=1, kmeans_batches=2)
    lm = replace(recipe.lm, batch=1, window_frames=64, condition_dropout=0.0)
    embed, heard = replace(recipe.embed, batch=4), replace(recipe.embed_model, window_frames=50)
    optim = replace(recipe.optim, warmup_steps=1, accumulate=1)
    recipe = replace(recipe, codec=quick, score=replace(recipe.score, batch=2), lm=lm, optim=optim, embed=embed)
    recipe = replace(recipe, embed_model=heard)
    task = task_of(recipe, tmp_path)
    if recipe.codec.decoder_only:  # codes have to be there
        assert isinstance(task, CodecTask)
        task.model.quantizer.initialize(torch.randn(2_000, recipe.model.quantizer.dimension))
    trainer = Trainer(recipe, task, tmp_path / "run", device="cpu")
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    assert trainer.run(Limits(steps=2)).step == 2
    for name, parameter in trainer.model.named_parameters():
        assert torch.equal(parameter, before[name]) != parameter.requires_grad, name
