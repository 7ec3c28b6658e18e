"""``partimento evaluate memorization``: what a model has learned by heart, and whether an output is a copy."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from partimento.errors import FileError, RequestError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; which of the three uses is meant follows from them."""
    model = parser.add_argument_group("what a model has learned by heart")
    model.add_argument("--model", metavar="DIR", help="a MusicGen checkpoint")
    model.add_argument("--data", type=Path, metavar="DIR", help="the sounds that it was trained on")
    model.add_argument("--captions", type=Path, metavar="CSV", help="their words: columns id (or file, ytid, name) and caption")
    model.add_argument("--prompts", default="0,2,5,10", metavar="LIST", help="seconds of the prompts (default 0,2,5,10)")
    model.add_argument("--continuation", type=float, default=5.0, metavar="S", help="seconds that are compared (default 5)")
    model.add_argument("--codebooks", type=int, default=1, metavar="N", help="codebooks whose histograms count (default 1)")
    model.add_argument("--files", type=int, metavar="N", help="draw this many of the sounds (default: all)")
    model.add_argument("--pairs", type=int, default=20_000, metavar="N", help="negative pairs at most (default 20000)")
    model.add_argument("--seed", type=int, default=0, metavar="N", help="of all draws")
    check = parser.add_argument_group("copies in outputs")
    check.add_argument("--index", type=Path, metavar="PATH", help="a folder to index, or with --check an index")
    check.add_argument("-o", "--output", type=Path, metavar="NPZ", help="where the index goes")
    check.add_argument("--check", type=Path, nargs="+", metavar="FILE", help="sounds or scores to look for in the index")
    check.add_argument("--jobs", type=int, metavar="N", help="processes (default: all cores)")


def run(args: argparse.Namespace, progress: Any) -> int:
    """One of the three uses; ``--check`` gives 1 when a copy was found."""
    if args.check:
        return _check(args)
    if args.index is not None:
        return _index(args, progress)
    if args.model and args.data is not None:
        return _model(args, progress)
    raise RequestError("give --model DIR --data DIR, or --index DIR -o NPZ, or --check FILE --index NPZ")


def _model(args: argparse.Namespace, progress: Any) -> int:
    """MusicLM's analysis."""
    from partimento.evaluate.memorization import Options, analyse
    from partimento.evaluate.memorization_musicgen import MusicGenTokens, training_pieces

    try:
        prompts = tuple(float(t) for t in args.prompts.split(","))
    except ValueError as error:
        raise RequestError(f"--prompts {args.prompts}: seconds with commas between them, such as 0,2,5,10") from error
    if args.seed < 0:
        raise RequestError(f"--seed {args.seed}: must be 0 or more")
    options = Options(prompts, args.continuation, args.codebooks, max_pairs=args.pairs, seed=args.seed)
    captions = None
    if args.captions is not None:
        from partimento.evaluate.systems.text_to_music import read_captions

        captions = read_captions(args.captions)
    model = MusicGenTokens(args.model)
    pieces, skipped = training_pieces(
        model, args.data, options.needed_s, captions=captions, n_files=args.files, seed=args.seed, progress=progress
    )
    result = analyse(model, pieces, options, progress)
    notes = [f"left out: {line}" for line in skipped]
    command = f"command: partimento evaluate memorization --model {model.name} --data {args.data.name} --prompts {args.prompts}"
    notes.insert(0, f"{command} --continuation {args.continuation:g} --codebooks {args.codebooks} --seed {args.seed}")
    if captions is not None:
        notes.append(f"{sum(bool(p.text) for p in pieces)} of {len(pieces)} pieces have a caption")
    print(result.as_markdown() + "".join(f"- {note}\n" for note in notes), end="")
    if args.out is not None:
        result.write(args.out, notes)
    return 0


def _index(args: argparse.Namespace, progress: Any) -> int:
    """Make an index."""
    from partimento.evaluate.training_check import build_index
    from partimento.evaluate.training_index import write_index
    from partimento.paths import check_output

    if args.output is None:
        raise RequestError("name the index to write: -o INDEX.npz")
    if args.output.suffix != ".npz":
        raise FileError(f"cannot write {args.output}: an index is an .npz file")
    check_output(args.output)
    if args.index.is_file():
        raise FileError(f"{args.index} is a file; name a folder to index, or add --check FILE to search in an index")
    built = build_index(args.index, progress=progress, n_jobs=args.jobs)
    write_index(built.index, args.output)
    for line in built.skipped:
        print(f"left out: {line}", file=sys.stderr)
    for part in (built.index.sounds, built.index.scores):
        for first, second in part.repeats if part is not None else ():
            print(f"twice in the set: {first} and {second}", file=sys.stderr)
    print(f"{built.n_sounds} sounds and {built.n_scores} scores in {args.output}")
    return 0


def _check(args: argparse.Namespace) -> int:
    """Search for files."""
    from dataclasses import asdict

    from partimento.evaluate.training_check import check_file
    from partimento.evaluate.training_index import read_index
    from partimento.paths import make_folder, write_text
    from partimento.tables import text_table

    if args.index is None:
        raise RequestError("--check needs an index: --index INDEX.npz (make one with --index DIR -o INDEX.npz)")
    index = read_index(args.index)
    findings, skipped = [], []
    for path in args.check:
        try:
            findings.append((path, check_file(path, index)))
        except FileError as error:
            skipped.append(f"{path.name}: {str(error).replace(str(path), path.name)}")
    if not findings:
        raise FileError(f"none of the files can be checked; {skipped[0]}")
    rows = [[path.name, "copy" if f.verdict == "fail" else f.verdict, f.heard] for path, f in findings]
    print(text_table(["file", "verdict", "found"], rows, max_width=110))
    for line in skipped:
        print(f"left out: {line}")
    if args.out is not None:
        make_folder(args.out)
        checked = [{"file": path.name, **asdict(finding)} for path, finding in findings]
        body = {"checked": checked, "left_out": skipped}
        write_text(args.out / "memorization_check.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    return 1 if any(f.verdict == "fail" for _, f in findings) else 0
