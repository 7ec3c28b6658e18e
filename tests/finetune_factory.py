"""Songs of a few tones, and small models of both kinds to fine-tune on them."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from train_factory import RATE, tiny_cache, tiny_lm_recipe


def songs(folder: Path, n: int = 3, duration_s: float = 6.0, noise: float = 0.01) -> Path:
    """Tones in noise, with a caption beside the first; the second's name says something, the third's does not."""
    folder.mkdir(parents=True)
    for i, name in enumerate(("one", "slow-piano blues 2", "Track 03")[:n]):
        t = np.arange(round(duration_s * RATE)) / RATE
        tone = 0.3 * np.sin(2 * np.pi * (200 + 170 * i) * t * (1 + 0.1 * np.floor(t)))
        sound = tone + noise * np.random.default_rng(i).standard_normal(len(t))
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    (folder / "one.txt").write_text("calm jazz with piano\n")
    return folder


def mini(folder: Path, steps: int = 2) -> Path:
    """A checkpoint of the trainer."""
    from partimento.train.lm_setup import lm_task
    from partimento.train.loop import Limits, Trainer
    from partimento.train.recipe import recipe_from
    from partimento.train.state import checkpoints

    torch.set_num_threads(1)
    tokens, codec = tiny_cache(folder)
    recipe, task = lm_task(recipe_from(tiny_lm_recipe(codec)), [tokens], None, lambda line: None)
    Trainer(recipe, task, folder / "run", device="cpu").run(Limits(steps=steps))
    return checkpoints(folder / "run")[-1]


def musicgen(folder: Path, layout: str = "transformers", channels: int = 1, melody: bool = False) -> Path:
    """A MusicGen of random weights."""
    import musicgen_factory as factory

    model = factory.build_melody() if melody else factory.build(channels)
    (factory.save_transformers if layout == "transformers" else factory.save_audiocraft)(folder, model)
    return folder
