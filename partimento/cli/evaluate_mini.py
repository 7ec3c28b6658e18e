"""``partimento evaluate mini``: an audio language model of ours beside its baselines."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from partimento.errors import RequestError


def add_mini(sub: Any) -> argparse.ArgumentParser:
    """Declare the subcommand."""
    parser: argparse.ArgumentParser = sub.add_parser(
        "mini", help="an audio language model: likelihood, instruments asked for, distance from real music, faults, memory, speed"
    )
    add = parser.add_argument
    add("checkpoint", nargs="?", default="mini", help="folder of the trainer (default: the built-in mini)")
    add("--work", type=Path, required=True, metavar="DIR", help="keeps sound and measurements; a run goes on where it stopped")
    add("--parts", default="", metavar="LIST",
        help="some of likelihood,presence,closeness,faults,by_heart,best_of,speed (default: what can run)")  # fmt: skip
    add("--data", type=Path, nargs="+", default=[], metavar="DIR", help="rendered datasets with the model's held-out pieces")
    add("--tokens", type=Path, nargs="+", default=[], metavar="CACHE", help="token caches that the model was trained on")
    add("--hearing", type=Path, nargs="+", default=[], metavar="DIR", help="rendered datasets with stems, of other SoundFonts")
    add("--hearing-steps", type=int, metavar="N", help="of training the network that hears instruments (default 6000)")
    add("--joint", metavar="NAME[:PATH]", help="mini-embed or mini-embed:DIR, for best_of")
    add("--items", type=int, metavar="N", help="prompts, and windows of all that they are compared with (default 100)")
    add("--seconds", type=float, metavar="S", help="of a clip (default 10)")
    add("--pieces", type=int, metavar="N", help="training pieces that are continued (default 500)")
    add("--embedder", metavar="NAME[:PATH]", help="of the distances (default log-mel, which needs no download)")
    add("--engine", metavar="NAME", help="how the model is run (default auto)")
    add("--guidance", type=float, metavar="X", help="how far clips are pushed towards their words (default: generate's)")
    add("--batch", type=int, metavar="N", help="pieces made together (default 16)")
    add("--jobs", type=int, metavar="N", help="processes that measure (default: the cores)")
    add("--no-fail", action="store_true", help="exit with 0 also when a goal is missed")
    return parser


def run_mini(args: argparse.Namespace, progress: Any) -> int:
    """Measure the parts; 0 when every goal is met, 1 when one is missed."""
    from partimento.cli.train_command import need_torch

    need_torch("measuring an audio language model")
    from partimento.evaluate.audio_lm.hearing_net import HearingConfig
    from partimento.evaluate.audio_lm.parts import MiniEvaluation, MiniOptions
    from partimento.paths import check_folder, make_folder

    if args.jobs is not None and not 1 <= args.jobs <= 256:
        raise RequestError(f"--jobs {args.jobs} is outside 1 to 256")
    if args.out is not None:
        check_folder(args.out)
    given: dict[str, Any] = {
        "n_items": args.items, "seconds": args.seconds, "n_pieces": args.pieces, "embedder": args.embedder,
        "engine": args.engine, "batch": args.batch, "guidance": args.guidance,
    }  # fmt: skip
    if args.hearing_steps is not None:
        if not 1 <= args.hearing_steps <= 1_000_000:
            raise RequestError(f"--hearing-steps {args.hearing_steps} is outside 1 to 1000000")
        given["hearing_config"] = HearingConfig(steps=args.hearing_steps)
    options = MiniOptions(
        args.checkpoint, make_folder(args.work), tuple(args.data), tuple(args.tokens), tuple(args.hearing), args.joint,
        jobs=args.jobs, **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    parts = tuple(part.strip().replace("-", "_") for part in args.parts.split(",") if part.strip())
    command, missed = shlex.join(["partimento", *map(_short, sys.argv[1:])]), False
    for page in MiniEvaluation(options, progress).pages(parts):
        print(page.markdown(), flush=True)
        missed |= not all(page.goals.values())
        if args.out is not None:
            page.write(args.out, command)
    return 1 if missed and not args.no_fail else 0


def _short(word: str) -> str:
    """A path by its last two parts: tables are published, folders are not."""
    path = Path(word)
    return "/".join(path.parts[-2:]) if path.is_absolute() else word
