"""From a recipe and folders of sound to a trained model: what the command line calls.

python -m partimento.train.run recipes/mini-codec.yaml --data train/ --valid valid/ --out runs/codec --minutes 20
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from partimento.data.audio_folder import RENDERED_MANIFEST, AudioWindows, find_training_audio
from partimento.errors import PartimentoError
from partimento.train.codec import CodecTask
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import Recipe, load_recipe
from partimento.train.state import TrainState

VALID_SEED = 77


def train(
    recipe: Recipe,
    data: Sequence[Path],
    out: Path,
    *,
    valid: Sequence[Path] | None = None,
    limits: Limits | None = None,
    device: str = "auto",
    warm_start: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> TrainState:
    """Train, or go on training, in the folder ``out``.

    Args:
        recipe: what.
        data: folders of sound files, or datasets of :mod:`partimento.data.render` (their training split).
        out: folder of the run.
        valid: the same, held out; None takes the ``valid`` split when all ``data`` are rendered datasets, else nothing.
        limits: when to stop; none means the recipe's total steps.
        device: ``auto``, ``cpu`` or ``cuda``.
        warm_start: checkpoint or weights to begin from.
        say: gets progress lines.

    Raises:
        FileError: data or weights cannot be read.
        TrainingStopped: the loss is no longer a number.
    """
    codec, model = recipe.codec, recipe.model
    window = codec.window_frames * model.hop
    files, skipped = find_training_audio(data)
    for line in skipped:
        say(f"skipped {line}")
    windows = AudioWindows(files, model.sample_rate, window, gain_db=codec.gain_db)
    if valid is None and all((folder / RENDERED_MANIFEST).exists() for folder in data):
        valid = data
    held_out = None
    if valid is not None:
        held_out = AudioWindows(find_training_audio(valid, "valid")[0], model.sample_rate, window)
    say(f"{len(files)} files, {windows.duration_s / 3600:.2f} h of sound")
    task = CodecTask(recipe, windows, held_out)
    return Trainer(recipe, task, out, device=device, warm_start=warm_start, say=say).run(limits or Limits())


def main(argv: list[str] | None = None) -> int:
    """Command line of this module."""
    import torch

    parser = argparse.ArgumentParser(description="Train a model from a recipe; run it again to go on.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of sound files or rendered datasets")
    parser.add_argument("--valid", type=Path, nargs="+", help="the same, held out")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--steps", type=int, help="stop at this step")
    parser.add_argument("--total-steps", type=int, help="length of the learning rate's cosine, if not the recipe's")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--warm-start", type=Path, help="weights to begin from")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    # A polite kill ends like Ctrl-C: with a checkpoint.
    handlers = {s: signal.signal(s, signal.default_int_handler) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        recipe = load_recipe(args.recipe)
        if args.total_steps:
            recipe = replace(recipe, optim=replace(recipe.optim, total_steps=args.total_steps))
        train(
            recipe, args.data, args.out, valid=args.valid, limits=Limits(args.minutes, args.steps),
            device=args.device, warm_start=args.warm_start, say=lambda line: print(line, flush=True),
        )  # fmt: skip
    except PartimentoError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0


if __name__ == "__main__":
    sys.exit(main())
