"""``partimento train``: a model from a recipe and data, or adapters from songs; run again, it goes on where it stopped."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from pathlib import Path

from partimento.cli import train_finetune
from partimento.cli.progress import live_line
from partimento.errors import MissingDependencyError, RequestError

MOST_THREADS = 1024
EPILOG = """examples:
  partimento train recipes/mini-codec.yaml --data data/rendered --out runs/codec --minutes 20
  partimento train finetune --model mini --data my_songs/ --out runs/mine --minutes 20 --merge"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("recipe", type=Path, help="YAML file (recipes/), or 'finetune'")
    add(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of sound files, rendered datasets, datasets of scores; finetune: a folder of songs or a token cache",
    )
    add("--valid", type=Path, nargs="+", metavar="DIR", help="the same, held out")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--minutes", type=float, metavar="M", help="stop after so many minutes, with a checkpoint")
    add("--steps", type=int, metavar="N", help="stop at this step")
    add("--total-steps", type=int, metavar="N", help="length of the learning rate's cosine, if not the recipe's")
    add("--threads", type=int, metavar="N", help="CPU threads")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: a GPU when there is one")
    add(
        "--warm-start",
        metavar="WEIGHTS",
        help="weights to begin from: a checkpoint, a run's folder, or a built-in name (mini, …)",
    )
    train_finetune.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    need_torch("training")
    import torch

    if args.threads is not None and not 1 <= args.threads <= MOST_THREADS:
        raise RequestError(f"--threads {args.threads} is outside 1 to {MOST_THREADS}")
    if args.threads:
        torch.set_num_threads(args.threads)
    # A polite kill ends like Ctrl-C: with a checkpoint.
    before = {s: signal.signal(s, signal.default_int_handler) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        return train_finetune.run(args) if str(args.recipe) == train_finetune.NAME else _train(args)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _train(args: argparse.Namespace) -> int:
    """By a recipe."""
    from partimento.train.loop import Limits
    from partimento.train.recipe import load_recipe
    from partimento.train.run import train

    train_finetune.refuse_own(args)
    limits = Limits(args.minutes, args.steps)
    if args.total_steps is not None and args.total_steps < 1:
        raise RequestError(f"--total-steps {args.total_steps} is no length of a run; 1 or more are")
    recipe = load_recipe(args.recipe)
    if args.total_steps is not None:
        recipe = replace(recipe, optim=replace(recipe.optim, total_steps=args.total_steps))
    with live_line() as line:
        train(
            recipe,
            args.data,
            args.out,
            valid=args.valid,
            limits=limits,
            device=args.device,
            warm_start=args.warm_start,
            say=line.say,
            live=line.show,
        )
    return 0


def need_torch(what: str) -> None:
    """Raise MissingDependencyError with the way out when torch is not installed."""
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(f"{what} needs torch, which is not installed: pip install 'partimento[neural]'")
