"""``partimento bench``: measure speed on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partimento.evaluate.bench import BenchRow

BENCHES = {
    "generate": "words to file",
    "edit": "edits and projects",
    "lm": "MusicGen beside transformers",
    "codec": "its codec beside transformers'",
    "stream": "its first sound and peak memory, engine by engine, beside transformers'",
    "metrics": "a thousand clips through FAD",
    "data": "rendering training data with stems, and its caches",
    "levels": "loudness of a piece of every style",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(BENCHES),
        default="generate",
        help="; ".join(f"{name}: {about}" for name, about in BENCHES.items()) + " (default generate)",
    )
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="with lm and codec: of music (default 10)")
    parser.add_argument("--shape", choices=("small", "tiny"), default="small", help="with lm: size of the model (default small)")
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="with lm: int4,transformers,long and so on (default: all but long)"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="with lm: cuda times steps of all sizes on a GPU"
    )
    parser.add_argument("--runs", type=int, metavar="N", help="take the best of N (default 3, with lm 1)")
    parser.add_argument("--clips", type=int, default=1000, metavar="N", help="with metrics: how many (default 1000)")
    parser.add_argument("--items", type=int, default=40, metavar="N", help="with data: rendered of each kind (default 40)")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="with data: lead sheets to render as well (MusicXML)")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    from partimento.errors import RequestError
    from partimento.plan.serial import to_json
    from partimento.tables import markdown_table, text_table

    if args.runs is None:
        args.runs = 1 if args.what == "lm" else 3
    if not 1 <= args.runs <= 100:
        raise RequestError(f"--runs {args.runs} is outside 1 to 100")
    if args.what == "levels":
        print(_levels(args.json), end="")
        return 0
    rows = _rows(args)
    if args.json:
        print(to_json(rows), end="")
        return 0
    verdict = {True: "met", False: "missed", None: ""}
    cells = [(r.name, f"{r.figure:.2f} {r.unit}", r.goal, verdict[r.met]) for r in rows]
    head = ("what", "figure", "goal", "")
    print(markdown_table(head, cells) if args.markdown else text_table(head, cells, 90))
    return 0


def _rows(args: argparse.Namespace) -> list[BenchRow]:
    """The rows of a bench of times."""
    from partimento.errors import RequestError

    if args.what in ("lm", "codec", "stream"):
        return _lm(args)
    if args.what == "edit":
        from partimento.evaluate.bench_edit import bench_edit

        return bench_edit(args.runs)
    if args.what == "metrics":
        from partimento.evaluate.bench_metrics import bench_metrics

        if not 20 <= args.clips <= 100_000:
            raise RequestError(f"--clips {args.clips} is outside 20 to 100000")
        return bench_metrics(args.clips)
    if args.what == "data":
        from partimento.evaluate.bench_data import bench_data

        if not 8 <= args.items <= 10_000:
            raise RequestError(f"--items {args.items} is outside 8 to 10000")
        return bench_data(args.items, args.sheets)
    from partimento.evaluate.bench import bench_generate

    return bench_generate(args.runs)


def _levels(as_json: bool) -> str:
    """Loudness of a piece of every style, as Markdown or JSON."""
    from partimento.evaluate.levels import levels_page, measure_levels
    from partimento.plan.serial import to_json

    rows = measure_levels()
    return to_json(rows) if as_json else levels_page(rows)


def _lm(args: argparse.Namespace) -> list[BenchRow]:
    """The rows of the benches of language models."""
    from importlib.util import find_spec

    from partimento.errors import MissingDependencyError

    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingDependencyError(f"bench {args.what} needs PyTorch and transformers: pip install 'partimento[neural]'")
    if args.what == "codec":
        from partimento.evaluate.bench_codec import bench_codec

        return bench_codec(args.runs, args.seconds)
    if args.what == "stream":
        from partimento.evaluate.bench_stream import bench_stream

        return bench_stream(("eager", "int8", "int4"), args.shape, args.seconds, args.runs)
    if args.device == "cuda":
        from partimento.evaluate.bench_cuda import bench_cuda

        return bench_cuda()
    from partimento.evaluate.bench_lm import bench_lm

    only = [name.strip() for name in args.only.split(",") if name.strip()]
    return bench_lm(args.runs, args.seconds, args.shape, only, lambda line: print(line, file=sys.stderr, flush=True))
