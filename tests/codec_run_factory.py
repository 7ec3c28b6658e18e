"""A codec so small that a step takes milliseconds, trained on three tones."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

RATE = 8_000
TINY_CODEC: dict[str, Any] = {
    "task": "codec",
    "model": {
        "sample_rate": RATE, "n_fft": 256, "hop": 64, "n_single": 20, "n_bands": 40, "width": 16, "hidden": 32,
        "encoder_blocks": 1, "decoder_blocks": 1, "quantizer": {"n_codebooks": 2, "cardinality": 8, "dimension": 4},
    },
    "codec": {"batch": 2, "window_frames": 16, "free_steps": 2, "kmeans_batches": 2, "delta": 0.1},
    "optim": {"learning_rate": 0.01, "warmup_steps": 2, "total_steps": 100},
    "run": {"log_every": 1, "validate_every": 3, "bf16": False},
}  # fmt: skip


def tones(folder: Path) -> Path:
    """Three files of a second."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    t = np.arange(RATE) / RATE
    for i in range(3):
        soundfile.write(folder / f"{i}.wav", 0.3 * np.sin(2 * np.pi * (200 + 90 * i) * t), RATE)
    return folder


def codec_trainer(folder: Path, run: dict[str, Any] | None = None, held_out: bool = True, **options: Any) -> Any:
    """A trainer in ``folder/run``; ``run`` goes over the recipe's section of that name, ``options`` to the trainer."""
    from partimento.data.audio_folder import AudioWindows, find_audio
    from partimento.train.codec import CodecTask
    from partimento.train.loop import Trainer
    from partimento.train.recipe import recipe_from

    recipe = recipe_from(TINY_CODEC | {"run": TINY_CODEC["run"] | (run or {})})
    torch.manual_seed(0)
    files = find_audio(tones(folder / "sounds"))[0]
    windows = AudioWindows(files, RATE, recipe.codec.window_frames * recipe.model.hop, gain_db=3.0)
    return Trainer(recipe, CodecTask(recipe, windows, windows if held_out else None), folder / "run", device="cpu", **options)
