"""``partimento evaluate edits``: the null test of edits, what was asked against what is there, vague words measured."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partimento.errors import FileError, RequestError

if TYPE_CHECKING:
    from partimento.evaluate.compose_data import Progress

MAX_EDITS = 10_000
MAX_JOBS = 64


def add_edits(sub: Any) -> argparse.ArgumentParser:
    """Declare the subcommand; returns its parser."""
    edits: argparse.ArgumentParser = sub.add_parser("edits", help="random edits: what stays, what was asked, vague words")
    add = edits.add_argument
    add("--projects", type=int, default=10, metavar="N", help="histories of the null test (default 10)")
    add("--edits", type=int, default=100, metavar="N", help="edits of all histories together (default 100)")
    add("--pieces", type=int, default=20, metavar="N", help="pieces for vague words (default 20)")
    add("--seed", type=int, default=0, metavar="N", help="other pieces, other edits (default 0)")
    add("--parts", default="", metavar="LIST", help="some of null,asked,intents (default: all)")
    add("--recordings", type=Path, metavar="DIR", help="sound files on which vague words are measured too")
    add("--scores", type=Path, metavar="DIR", help="scores (MIDI, MusicXML, ABC) that are played for that instead")
    add("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    add("--docs", type=Path, metavar="FILE", help="only bring the generated tables of this Markdown file up to date")
    add("--pictures", type=Path, metavar="DIR", help="only draw the pictures of three edits there")
    return edits


def run_edits(args: argparse.Namespace, progress: Progress) -> int:
    """Measure, or write what the documentation shows; 0 when every goal holds, 1 when one is missed."""
    if args.docs is not None or args.pictures is not None:
        return _documentation(args)
    from partimento.evaluate import edits
    from partimento.paths import make_folder, write_text

    _check(args)
    parts = tuple(p.strip() for p in args.parts.split(",") if p.strip()) or edits.PARTS
    if unknown := set(parts) - set(edits.PARTS):
        raise RequestError(f"--parts {', '.join(sorted(unknown))}: there are {', '.join(edits.PARTS)}")
    with tempfile.TemporaryDirectory(prefix="partimento-scores-") as scratch:
        recordings = _recordings(args, Path(scratch)) if "intents" in parts else ()
        good = True
        for part in parts:
            options = edits.EditsOptions(args.projects, args.edits, args.pieces, args.seed, part, recordings, args.jobs)
            found = edits.evaluate_edits(options, progress)
            page = edits.to_markdown(found)
            print(page)
            good = good and all(found.goals.values())
            if args.out is not None:
                make_folder(args.out)
                write_text(args.out / f"edits_{part}.md", page.rstrip("\n") + "\n")
                write_text(args.out / f"edits_{part}.json", edits.to_json(found))
    return 0 if good else 1


def _check(args: argparse.Namespace) -> None:
    """Raise when a number makes no sense."""
    for name, low, high in (("projects", 1, args.edits), ("edits", 1, MAX_EDITS), ("pieces", 1, 1000), ("jobs", 1, MAX_JOBS)):
        value = getattr(args, name)
        if not low <= value <= high:
            raise RequestError(f"--{name} {value} is outside {low} to {high}")


def _recordings(args: argparse.Namespace, scratch: Path) -> tuple[Path, ...]:
    """Sound files to measure on: given ones, or scores played by the sampler."""
    from partimento.evaluate.edits import render_scores

    for folder in (args.recordings, args.scores):
        if folder is not None and not folder.is_dir():
            raise FileError(f"{folder} is not a folder")
    if args.recordings is not None:
        return tuple(sorted(p for p in args.recordings.iterdir() if p.suffix.lower() in (".wav", ".flac", ".ogg", ".mp3")))
    return render_scores(args.scores, scratch) if args.scores is not None else ()


def _documentation(args: argparse.Namespace) -> int:
    """Tables and pictures of ``docs/editing.md``."""
    from partimento.evaluate.edits_docs import TABLES, renewed
    from partimento.evaluate.edits_pictures import draw_all
    from partimento.paths import read_bytes, write_text

    if args.docs is not None:
        text = read_bytes(args.docs, "a Markdown file").decode("utf-8")
        write_text(args.docs, renewed(text))
        print(f"{args.docs}: {len(TABLES)} tables written")
    if args.pictures is not None:
        for path in draw_all(args.pictures):
            print(path)
    return 0
