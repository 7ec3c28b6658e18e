"""``partimento compose``: words and controls → a score file."""

from __future__ import annotations

import argparse
from pathlib import Path

from partimento.cli.request_options import add_request_options, request_from
from partimento.errors import RequestError
from partimento.score.score import Score

EPILOG = """example:
  partimento compose "march in B flat, brass and drums" --bars 32 -o march.musicxml
  partimento compose "calm folk song, flute" --engine lm -o folk.mid
  partimento compose --engine lm --midi tune.mid --rewrite-bars 5-8 -o other.mid
  partimento compose --engine lm --midi tune.mid --add-bars 8 -o longer.mid"""
ENGINES = {"rules": "score", "lm": "mini-score"}
"""What writes the tune, and the model of the request that stands for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_request_options(parser, sound=False)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help=".mid, .musicxml, .mxl or .abc")
    add = parser.add_argument
    add("--engine", choices=tuple(ENGINES), default="rules", help="what writes the tune: rules (default) or the score model")
    add("--rewrite-bars", metavar="A-B", help="with --midi and --engine lm: write these bars of the file's tune anew")
    add("--add-bars", type=int, metavar="N", help="with --midi and --engine lm: write so many bars more of the file's tune")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the piano roll (.png, .svg, .pdf)")


def run(args: argparse.Namespace) -> int:
    """Write the score; returns the exit code."""
    from partimento.paths import check_output
    from partimento.pipeline import compose_score
    from partimento.score.io import check_score_path, write_score

    check_output(args.output)
    check_score_path(args.output)
    if args.rewrite_bars is not None or args.add_bars is not None:
        score = _given_score(args)
    else:
        args.model, args.engine = ENGINES[args.engine], None
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


def _given_score(args: argparse.Namespace) -> Score:
    """The file's score with bars of its tune written anew, or with more bars; notes elsewhere are kept."""
    import numpy as np

    from partimento.compose.learned_bars import add_bars, rewrite_bars
    from partimento.score.io import read_score
    from partimento.score_lm.loading import load_score_model

    if args.midi is None or args.engine != "lm":
        raise RequestError("--rewrite-bars and --add-bars need the score and the score model: give --midi FILE and --engine lm")
    if args.rewrite_bars is not None and args.add_bars is not None:
        raise RequestError("--rewrite-bars and --add-bars cannot be had at once; do one, then the other")
    others = (args.words, args.chords, args.melody, args.style, args.key, args.metre, args.tempo_bpm, args.bars, args.duration_s)
    if any(value is not None for value in others):
        raise RequestError("--rewrite-bars and --add-bars take the given score as it is: leave out words and other controls")
    score, rng = read_score(args.midi), np.random.default_rng([args.seed or 0, 0])
    span = None if args.rewrite_bars is None else _bars(args.rewrite_bars)
    model = load_score_model()
    return add_bars(score, args.add_bars, model, rng) if span is None else rewrite_bars(score, *span, model, rng)


def _bars(text: str) -> tuple[int, int]:
    """``5-8`` or ``5`` as 0-based first and exclusive last bar. Raises RequestError."""
    first, dash, last = text.partition("-")
    if not first.strip().isdigit() or (dash and not last.strip().isdigit()) or int(first) < 1:
        raise RequestError(f"--rewrite-bars '{text}' is no range of bars; give one like 5-8")
    return int(first) - 1, int(last) if dash else int(first)
