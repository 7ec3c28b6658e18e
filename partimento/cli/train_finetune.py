"""``partimento train finetune``: a model of one's own songs."""

from __future__ import annotations

import argparse
from pathlib import Path

from partimento.cli.progress import live_line
from partimento.errors import RequestError

NAME = "finetune"
_ONLY_RECIPES = ("valid", "total_steps", "warm_start")
_OWN = ("model", "rank", "batch", "window", "learning_rate", "text", "cache", "jobs", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that only fine-tuning has."""
    add = parser.add_argument_group("finetune", "adapters (LoRA) for a model, learned from a folder of songs").add_argument
    add("--model", metavar="NAME", help="mini, a checkpoint folder like it, or a MusicGen (folder or downloaded id)")
    add("--rank", type=int, metavar="R", help="of the adapters (default 16)")
    add("--batch", type=int, metavar="N", help="windows per step (default 2)")
    add("--window", type=float, metavar="S", help="seconds of a window (default 30, or the longest song)")
    add("--learning-rate", type=float, metavar="LR", help="peak (default 0.5 / width: 0.002 for mini, 0.0005 for MusicGen small)")
    add("--text", metavar="WORDS", help="said about every song without words of its own (else tags and file names are tried)")
    add("--cache", type=Path, metavar="DIR", help="folder of the songs' tokens (default: tokens in --out)")
    add("--jobs", type=int, metavar="N", help="processes that encode the songs")
    add("--seed", type=int, metavar="N", help="same seed, same adapters (default 0)")
    add("--merge", action="store_true", help="write the whole fine-tuned model into 'merged' in --out, too")


def run(args: argparse.Namespace) -> int:
    """Fine-tune; returns the exit code."""
    for name in _ONLY_RECIPES:
        if getattr(args, name) is not None:
            raise RequestError(f"--{name.replace('_', '-')} is for recipes; leave it out of finetune")
    if args.model is None:
        raise RequestError("finetune needs --model: mini, a checkpoint folder, or a MusicGen")
    if len(args.data) != 1:
        raise RequestError(f"finetune takes one folder of songs, not {len(args.data)}; put them into one")
    from partimento.train.finetune import FinetuneConfig, finetune

    merged = args.out / "merged"
    if args.merge and merged.exists():
        raise RequestError(f"{merged} exists; move it away, or leave out --merge")
    renamed = {"window": "window_s"}
    given = {renamed.get(name, name): value for name in _OWN if (value := getattr(args, name)) is not None}
    config = FinetuneConfig(data=args.data[0], out=args.out, steps=args.steps, minutes=args.minutes, device=args.device, **given)
    with live_line() as line:
        done = finetune(config, say=line.say, live=line.show)
    card = done.card
    if card.loss_before is not None:
        print(
            f"held-out loss: {card.loss_before:.4f} before, {card.loss_after:.4f} with the adapter (nats per code; averaged "
            f"weights of step {card.kept_step}, the best of {card.steps})"
        )
    print(f"adapter: {done.adapter}")
    if args.merge:
        from partimento.train.finetune_merge import merge_adapter

        print(f"whole model: {merged} (layout of {merge_adapter(done.adapter, merged, base=args.model)})")
    else:
        print(f"to play it: partimento models merge {done.adapter} --to DIR, then partimento generate … --model DIR")
    if card.better_than_base is False:
        print(
            f"nothing beat the base: this adapter, the best that was trained, is worse than {card.base} without it; use the base"
        )
    return 0


def refuse_own(args: argparse.Namespace) -> None:
    """Raise RequestError when a recipe is given options that only fine-tuning has."""
    for name in (*_OWN, "merge"):
        if getattr(args, name) not in (None, False):
            raise RequestError(f"--{name.replace('_', '-')} is for 'partimento train finetune'; a recipe says it itself")
