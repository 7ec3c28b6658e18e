"""``partimento compose``: words and controls → a score file."""

from __future__ import annotations

import argparse
from pathlib import Path

from partimento.cli.request_options import add_request_options, request_from

EPILOG = """example:
  partimento compose "march in B flat, brass and drums" --bars 32 -o march.musicxml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_request_options(parser, sound=False)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help=".mid, .musicxml, .mxl or .abc")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the piano roll (.png, .svg, .pdf)")


def run(args: argparse.Namespace) -> int:
    """Write the score; returns the exit code."""
    from partimento.paths import check_output
    from partimento.pipeline import compose_score
    from partimento.score.io import check_score_path, write_score

    check_output(args.output)
    check_score_path(args.output)
    score = compose_score(request_from(args))
    written = [write_score(score, args.output)]
    if args.plot is not None:
        from partimento.score.plot import plot_score

        written.append(plot_score(score, args.plot))
    if args.json:
        from partimento.plan.serial import to_builtins, to_json

        print(to_json({"files": [str(p) for p in written], "score": to_builtins(score)}), end="")
    elif not args.quiet:
        parts = ", ".join(f"{t.name} ({len(t.notes)} notes)" for t in score.tracks)
        print(f"{args.output}: {score.n_bars} bars, {score.metre}, {score.key}, {score.tempo_bpm:g} bpm; {parts}")
    return 0
