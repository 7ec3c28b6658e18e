"""``partimento data encode``: token and feature caches."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="a dataset that 'data inspect' knows")
    add("--out", type=Path, required=True, metavar="CACHE", help="folder of the cache")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--codec", default="mini-codec", metavar="NAME", help="mini-codec or a checkpoint folder (default mini-codec)"
    )
    what.add_argument("--features", choices=("mel",), help="log-mel features instead of tokens")
    add("--layout", default="auto", metavar="NAME", help="of the dataset (default auto)")
    add("--name", default="", metavar="NAME", help="of the dataset within the cache (default: its folder's name)")
    add("--jobs", type=int, default=1, metavar="N", help="processes; the result is the same")


def run(args: argparse.Namespace) -> int:
    """Encode what is missing; returns the exit code."""
    from importlib.util import find_spec

    from partimento.data.cache.encoders import EncoderSpec
    from partimento.data.cache.write import EncodeConfig, encode_dataset
    from partimento.data.datasets.item import SKIPPED
    from partimento.errors import MissingDependencyError, RequestError

    if not 1 <= args.jobs <= 256:
        raise RequestError(f"--jobs {args.jobs} is outside 1 to 256")
    if args.out.resolve() == args.data.resolve():
        raise RequestError(f"--out {args.out} is the dataset itself; take another folder for the cache")
    if args.features is None and find_spec("torch") is None:
        raise MissingDependencyError("tokens need PyTorch: pip install 'partimento[neural]'; --features mel works without")
    spec = EncoderSpec("tokens", args.codec) if args.features is None else EncoderSpec("mel")
    started = time.perf_counter()
    config = EncodeConfig(args.data, args.out, spec, args.layout, args.name, args.jobs)
    done = encode_dataset(config, say=lambda line: print(line, file=sys.stderr, flush=True))
    seconds = time.perf_counter() - started
    speed = f", {done.duration_s / seconds:.0f} times real time" if done.encoded else ""
    print(
        f"{done.encoded} items encoded ({done.duration_s / 3600:.2f} h{speed}), {done.kept} there already, "
        f"{done.skipped} left out"
    )
    if done.skipped:
        print(f"why: {args.out / SKIPPED}")
    return 0
