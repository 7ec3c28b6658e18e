"""``partimento score``: look at scores."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    sub = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    plot = sub.add_parser("plot", help="draw a piano roll")
    plot.add_argument("score", type=Path, metavar="FILE", help="MIDI, MusicXML or ABC")
    plot.add_argument("-o", "--output", required=True, type=Path, metavar="PICTURE", help=".png, .svg or .pdf")
    plot.add_argument("--title", help="over the picture (default: the score's own)")
    convert = sub.add_parser("convert", help="from one format to another")
    convert.add_argument("score", type=Path, metavar="FILE", help="MIDI, MusicXML or ABC")
    convert.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help=".mid, .musicxml, .mxl or .abc")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from partimento.score.io import read_score, write_score

    score = read_score(args.score)
    if args.action == "plot":
        from partimento.score.plot import plot_score

        print(plot_score(score, args.output, title=args.title))
    else:
        print(write_score(score, args.output))
    return 0
