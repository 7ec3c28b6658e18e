"""``partimento evaluate text-to-music | controls | inpaint``, ``edit | codec | plan | compose --systems``: tables of systems."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partimento.cli.progress import Bar, track
from partimento.errors import RequestError
from partimento.paths import check_folder

if TYPE_CHECKING:
    from partimento.evaluate.systems.table import SystemsTable

TABLES = ("text-to-music", "controls", "inpaint", "edit", "codec")
LABELLED = ("edit", "codec")
"""Those that measure something else without ``--systems``."""
SCORED = ("plan", "compose")
"""Those whose systems are plans or scores rather than sound."""


def add_tables(sub: Any) -> list[argparse.ArgumentParser]:
    """Declare the subcommands that are new here; ``edit`` gets its options by :func:`add_system_options`."""
    words = sub.add_parser("text-to-music", help="folders of generated sound against real music: FAD, KAD, faults")
    add_system_options(words, required=False)
    words.add_argument("--captions", type=Path, metavar="CSV", help="only clips that it names (columns id and caption)")
    words.add_argument(
        "--make", metavar="MODEL", help="make the clips of a model of ours (score, or a checkpoint) from the captions"
    )
    words.add_argument("--clips", type=int, metavar="N", help="with --make: how many captions (default: all)")
    words.add_argument("--duration", type=float, default=10.0, metavar="S", help="with --make: seconds of a clip (default 10)")
    words.add_argument("--all-clips", action="store_true", help="all clips of every set instead of equally many")
    words.add_argument("--embedder", default="log-mel", metavar="NAME[:PATH]", help="default log-mel, which needs no download")
    words.add_argument("--classifier", metavar="NAME[:PATH]", help="panns or passt: adds KLD against clips of equal names")
    words.add_argument("--text-embedder", metavar="NAME[:PATH]", help="clap: adds the match of captions and sounds")
    controls = sub.add_parser("controls", help="are the asked-for chords, tempo, key, beats and sections in the sound?")
    add_system_options(controls, required=True)
    inpaint = sub.add_parser("inpaint", help="inpainted regions against the pieces they were cut from")
    add_system_options(inpaint, required=True)
    inpaint.add_argument("--regions", type=Path, required=True, metavar="CSV", help="columns id, start_s, end_s")
    sanity = sub.add_parser("sanity", help="does every metric get worse when the music does?")
    sanity.add_argument("--page", type=Path, metavar="FILE", help="write the documentation's page of metrics there")
    return [words, controls, inpaint, sanity]


def add_system_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """What all tables of systems take."""
    add = parser.add_argument
    add("--systems", type=Path, nargs="+", required=required, metavar="DIR", help="one folder of sound files per system")
    add("--reference", type=Path, required=required, metavar="DIR", help="real music, or what should come out")
    add("--jobs", type=int, metavar="N", help="processes (default: the cores)")
    add("--bootstrap", type=int, default=50, metavar="N", help="draws per interval (default 50)")
    add("--seed", type=int, default=0, metavar="N", help="of all draws (default 0)")
    add("--cache", type=Path, metavar="DIR", help="where measurements are kept (default: the user's cache)")
    add("--papers", action="store_true", help="set the papers' rows beside (marked as not comparable)")


def add_score_systems(parser: argparse.ArgumentParser, help_: str) -> None:
    """What tables of systems take whose output is not sound."""
    parser.add_argument("--systems", type=Path, nargs="+", metavar="DIR", help=help_)
    parser.add_argument("--bootstrap", type=int, default=50, metavar="N", help="with --systems: draws per interval (default 50)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="with --systems: of all draws (default 0)")


def run_table(args: argparse.Namespace) -> int:
    """Measure and write; 0 when every system had at least one clip that could be measured, else 1."""
    if not 0 <= args.bootstrap <= 10_000:
        raise RequestError(f"--bootstrap {args.bootstrap} is outside 0 to 10000")
    jobs = getattr(args, "jobs", None)
    if jobs is not None and not 1 <= jobs <= 256:
        raise RequestError(f"--jobs {jobs} is outside 1 to 256")
    if args.seed < 0:
        raise RequestError(f"--seed {args.seed} must be 0 or more")
    if args.out is not None:
        check_folder(args.out)
    name = str(args.what)
    table = _TABLES[name](args, shlex.join(["partimento", *sys.argv[1:]]))
    print(table.markdown())
    if args.out is not None:
        suffix = "_audio" if name in LABELLED else "_systems" if name in SCORED else ""
        table.write(args.out, name.replace("-", "_") + suffix)
    return 0 if all(row.n_clips for row in table.rows if row.comparable and not row.anchor) else 1


def run_sanity(args: argparse.Namespace) -> int:
    """The table of damages; 1 when a metric is out of order."""
    from partimento.evaluate.metrics_page import metrics_page
    from partimento.evaluate.sanity import as_markdown, evaluate_sanity
    from partimento.paths import make_folder, write_text

    lines = evaluate_sanity(progress=lambda prompts: list(track(prompts, len(prompts), "pieces", args.quiet)))
    page = as_markdown(lines)
    print(page)
    if args.out is not None:
        make_folder(args.out)
        write_text(args.out / "metrics_sanity.md", page + "\n")
    if args.page is not None:
        write_text(args.page, metrics_page(lines))
    return 0 if all(line.ordered for line in lines) else 1


def _text_to_music(args: argparse.Namespace, command: str) -> SystemsTable:
    from partimento.evaluate.systems.text_to_music import Options, evaluate_text_to_music

    if args.reference is None:
        raise RequestError("text-to-music needs --reference: a folder of real music")
    made, failed = _made(args) if args.make else ((), ())
    options = Options(
        (*(args.systems or ()), *made), args.reference, args.captions, args.embedder,
        not args.all_clips, args.bootstrap, args.seed, args.jobs, args.cache, args.papers, args.classifier, args.text_embedder,
    )  # fmt: skip
    table = evaluate_text_to_music(options, command, Bar(args.quiet))
    return replace(table, skipped=(*table.skipped, *failed))


def _made(args: argparse.Namespace) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Clips of a model of ours, made where they are not there yet.

    Raises:
        RequestError: no captions, no place for the clips, or a number out of range.
    """
    from partimento.evaluate.systems.make_clips import make_clips
    from partimento.evaluate.systems.text_to_music import read_captions

    if args.captions is None or args.out is None:
        raise RequestError("--make needs --captions (what to make) and --out (where; clips go into OUT/clips)")
    if args.clips is not None and args.clips < 1:
        raise RequestError(f"--clips {args.clips} must be 1 or more")
    folder, failed = make_clips(
        args.make, read_captions(args.captions), args.out / "clips", n_clips=args.clips, duration_s=args.duration,
        seed=args.seed, n_jobs=args.jobs or 1, progress=Bar(args.quiet),
    )  # fmt: skip
    return (folder,), failed


def _controls(args: argparse.Namespace, command: str) -> SystemsTable:
    from partimento.evaluate.systems.controls import Options, evaluate_controls

    options = Options(tuple(args.systems), args.reference, args.bootstrap, args.seed, args.jobs, args.cache, args.papers)
    return evaluate_controls(options, command, Bar(args.quiet))


def _inpaint(args: argparse.Namespace, command: str) -> SystemsTable:
    from partimento.evaluate.systems.pairs import Options, evaluate_inpaint

    options = Options(
        tuple(args.systems), args.reference, regions=args.regions, bootstrap=args.bootstrap, seed=args.seed, papers=args.papers,
        n_jobs=args.jobs, cache=args.cache,
    )  # fmt: skip
    return evaluate_inpaint(options, command, Bar(args.quiet))


def _edit(args: argparse.Namespace, command: str) -> SystemsTable:
    from partimento.evaluate.systems.pairs import Options, evaluate_edit_audio

    if args.reference is None:
        raise RequestError("--systems needs --reference: the folder of what the edits should sound like")
    options = Options(
        tuple(args.systems), args.reference, args.inputs, bootstrap=args.bootstrap, seed=args.seed, papers=args.papers,
        stem=args.stem, gone=args.gone, n_jobs=args.jobs, cache=args.cache,
    )  # fmt: skip
    return evaluate_edit_audio(options, command, Bar(args.quiet))


def _codec(args: argparse.Namespace, command: str) -> SystemsTable:
    """Reconstructions by any codecs against what went in."""
    from partimento.evaluate.systems.pairs import Options, evaluate_edit_audio

    if args.reference is None:
        raise RequestError("--systems needs --reference: the folder of the originals")
    options = Options(
        tuple(args.systems), args.reference, bootstrap=args.bootstrap, seed=args.seed, title="Reconstructions",
        n_jobs=args.jobs, cache=args.cache,
    )  # fmt: skip
    return evaluate_edit_audio(options, command, Bar(args.quiet))


def _plan(args: argparse.Namespace, command: str) -> SystemsTable:
    """Words as any readers understood them."""
    from partimento.evaluate.plan_words import label_groups, read_captions
    from partimento.evaluate.systems.plans import Options, evaluate_plan_systems

    captions = read_captions(args.captions) if args.captions else {}
    labels = [row for _, _, rows in label_groups(bool(args.captions), args.sealed, args.labels) for row in rows]
    options = Options(tuple(args.systems), args.bootstrap, args.seed)
    return evaluate_plan_systems(options, labels, captions, command, Bar(args.quiet))


def _compose(args: argparse.Namespace, command: str) -> SystemsTable:
    """Tunes by any composers."""
    from partimento.evaluate.systems.tunes import Options, evaluate_compose_systems
    from partimento.paths import cache_dir

    if args.sheets is None:
        raise RequestError("compose --systems needs --sheets: the folder of real lead sheets")
    if args.sealed or args.parts or args.quartets:
        raise RequestError("--systems compares tunes with the working sheets; leave out --sealed, --parts and --quartets")
    options = Options(tuple(args.systems), args.sheets, args.bootstrap, args.seed, cache_dir() / "evaluate")
    return evaluate_compose_systems(options, command, progress=Bar(args.quiet))


_TABLES = {
    "codec": _codec,
    "text-to-music": _text_to_music,
    "controls": _controls,
    "inpaint": _inpaint,
    "edit": _edit,
    "plan": _plan,
    "compose": _compose,
}
