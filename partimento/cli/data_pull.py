"""``partimento data pull``: score sources from their origin."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="a source; without one the sources are listed")
    add("--out", type=Path, metavar="DIR", help="folder for its files (default data/NAME)")
    add("--mirror", metavar="URL", help="a server that has the files at URL/NAME/FILE, instead of their origin")


def run(args: argparse.Namespace) -> int:
    """List or fetch; returns the exit code."""
    from partimento.data.pull import find_source, pull, sources
    from partimento.tables import text_table

    if args.name is None:
        rows = [
            (s.name, str(len(s.wanted)), f"{sum(f.n_bytes for f in s.wanted) / 1e6:.1f} MB", s.licence, s.title)
            for s in sources().values()
        ]
        print(text_table(("name", "files", "size", "licence", "what"), rows, 70))
        return 0
    source = find_source(args.name)
    out = args.out or Path("data") / source.name
    done = pull(source, out, mirror=args.mirror, say=lambda line: print(line, file=sys.stderr, flush=True))
    print(f"{done.kept + done.fetched} files in {out} ({done.fetched} fetched, all verified); {source.licence}")
    return 0
