"""``partimento data``: making training data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EPILOG = """example:
  partimento data render --sheets openewld/ --out data/rendered --items 1000 --seed 1 --jobs 2
  partimento data scores --sheets openewld/ --songs lieder/ --quartets quartets/ --composed 800 --out data/scores
  partimento data inspect slakh2100_flac_redux/
  partimento data pull openscore_quartets --out data/quartets
  partimento data encode data/rendered --codec mini-codec --out cache/tokens --jobs 2"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    from partimento.cli import data_encode, data_inspect, data_pull

    sub = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = sub.add_parser("render", help="multi-stem audio with exact annotations; run it again to go on").add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the dataset")
    add("--sheets", type=Path, metavar="DIR", help="public-domain scores (MusicXML) to re-orchestrate")
    add("--items", type=int, default=100, metavar="N", help="how many (default 100)")
    add("--seed", type=int, default=0, metavar="N", help="same seed, same dataset")
    add("--jobs", type=int, default=1, metavar="N", help="processes")
    add("--soundfont", action="append", metavar="SF2", help="name or path; may be repeated (default fluidr3)")
    add("--held-out-soundfont", metavar="SF2", help="plays half of the test items and nothing else")
    add("--composed", type=float, default=0.5, metavar="SHARE", help="share of pieces by our composer, 0 to 1")
    add("--no-stems", action="store_true", help="write mixes only")
    add = sub.add_parser("scores", help="scores on a grid, for the score model; run it again to go on").add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the dataset")
    add("--sheets", type=Path, metavar="DIR", help="lead sheets with chord symbols (OpenEWLD); sealed ones stay closed")
    add("--songs", type=Path, metavar="DIR", help="songs for voice and piano (MusicXML)")
    add("--quartets", type=Path, metavar="DIR", help="string quartets (MusicXML)")
    add("--composed", type=int, default=0, metavar="N", help="pieces by our composer")
    add("--seed", type=int, default=0, metavar="N", help="of those pieces")
    add("--jobs", type=int, default=1, metavar="N", help="processes")
    data_inspect.add_arguments(sub.add_parser("inspect", help="what a dataset or a folder of sound holds"))
    data_pull.add_arguments(
        sub.add_parser("pull", help="public-domain scores from their origin, verified; run it again to go on")
    )
    data_encode.add_arguments(sub.add_parser("encode", help="codec tokens or features of a dataset; run it again to go on"))


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code."""
    if args.action == "inspect":
        from partimento.cli.data_inspect import run as inspect

        return inspect(args)
    if args.action == "pull":
        from partimento.cli.data_pull import run as pull

        return pull(args)
    if args.action == "encode":
        from partimento.cli.data_encode import run as encode

        return encode(args)
    if args.action == "scores":
        return _scores(args)
    from partimento.data.render import render_dataset
    from partimento.data.render_config import RenderConfig

    config = RenderConfig(
        args.out,
        args.sheets,
        args.items,
        args.seed,
        tuple(args.soundfont or ("fluidr3",)),
        args.held_out_soundfont,
        composed_share=args.composed,
        stems=not args.no_stems,
    )
    n = render_dataset(config, jobs=args.jobs, say=lambda line: print(line, file=sys.stderr, flush=True))
    print(f"{n} items in {args.out}")
    return 0


def _scores(args: argparse.Namespace) -> int:
    """Build a dataset of scores."""
    from partimento.data.scores import ScoresConfig, build_scores

    config = ScoresConfig(args.out, args.sheets, args.songs, args.quartets, args.composed, args.seed)
    n = build_scores(config, jobs=args.jobs, say=lambda line: print(line, file=sys.stderr, flush=True))
    print(f"{n} pieces in {args.out}")
    return 0
