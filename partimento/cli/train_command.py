"""``partimento train``: a model from a recipe and data; the same command goes on where a run stopped."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from pathlib import Path

from partimento.errors import MissingDependencyError

EPILOG = """example:
  partimento train recipes/mini-codec.yaml --data data/rendered --out runs/codec --minutes 20"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("recipe", type=Path, help="YAML file (recipes/)")
    add(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of sound files, rendered datasets, datasets of scores",
    )
    add("--valid", type=Path, nargs="+", metavar="DIR", help="the same, held out")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--minutes", type=float, metavar="M", help="stop after so many minutes, with a checkpoint")
    add("--steps", type=int, metavar="N", help="stop at this step")
    add("--total-steps", type=int, metavar="N", help="length of the learning rate's cosine, if not the recipe's")
    add("--threads", type=int, metavar="N", help="CPU threads")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: a GPU when there is one")
    add("--warm-start", type=Path, metavar="DIR", help="weights to begin from")


def run(args: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    need_torch("training")
    import torch

    from partimento.train.loop import Limits
    from partimento.train.recipe import load_recipe
    from partimento.train.run import train

    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe)
    if args.total_steps:
        recipe = replace(recipe, optim=replace(recipe.optim, total_steps=args.total_steps))
    # A polite kill ends like Ctrl-C: with a checkpoint.
    before = {s: signal.signal(s, signal.default_int_handler) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        train(
            recipe,
            args.data,
            args.out,
            valid=args.valid,
            limits=Limits(args.minutes, args.steps),
            device=args.device,
            warm_start=args.warm_start,
            say=lambda line: print(line, flush=True),
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def need_torch(what: str) -> None:
    """Raise MissingDependencyError with the way out when torch is not installed."""
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(f"{what} needs torch, which is not installed: pip install 'partimento[neural]'")
