"""``partimento evaluate``: the tables of figures that the documentation shows."""

from __future__ import annotations

import argparse
from pathlib import Path

from partimento.cli import evaluate_memorization
from partimento.cli.evaluate_edits import add_edits, run_edits
from partimento.cli.evaluate_mini import add_mini, run_mini
from partimento.cli.evaluate_systems import (
    LABELLED,
    SCORED,
    TABLES,
    add_score_systems,
    add_system_options,
    add_tables,
    run_sanity,
    run_table,
)
from partimento.cli.progress import Bar
from partimento.errors import FileError, RequestError

EPILOG = """examples:
  partimento evaluate plan --captions musiccaps.csv --out docs/figures
  partimento evaluate edit --out docs/figures
  partimento evaluate edits --scores quartets/ --jobs 2 --out docs/figures
  partimento evaluate compose --sheets openewld/ --quartets quartets/ --out docs/figures
  partimento evaluate exact --sheets openewld/ --out docs/figures
  partimento evaluate codec CHECKPOINT --data held_out/ --out docs/figures
  partimento evaluate mini CHECKPOINT --data data/ --tokens cache/ --hearing other/ --work kept/ --out docs/figures
  partimento evaluate plan --systems theirs/ --captions musiccaps.csv --out tables/
  partimento evaluate compose --systems theirs/ --sheets openewld/ --out tables/
  partimento evaluate text-to-music --systems ours/ theirs/ --reference real/ --out tables/
  partimento evaluate controls --systems ours/ --reference asked/ --out tables/
  partimento evaluate edit --systems ours/ --inputs before/ --reference after/ --out tables/
  partimento evaluate memorization --model CHECKPOINT --data train/ --out tables/
  partimento evaluate memorization --index train/ -o index.npz
  partimento evaluate memorization --check piece.wav --index index.npz"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    sub = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    plan = sub.add_parser("plan", help="words → plan, against hand-made labels")
    plan.add_argument(
        "--captions", type=Path, metavar="CSV", help="the MusicCaps file (ytid, caption); without it only the Chinese set"
    )
    plan.add_argument("--sealed", action="store_true", help="the sealed halves (run once, at the end) instead of the open ones")
    plan.add_argument(
        "--labels", "--reference", type=Path, metavar="JSONL", help="another set of labelled texts, by language, instead of these"
    )
    add_score_systems(plan, "one folder of plans (ID.json, .jsonl) per system, in the schema of the labels")
    plan.add_argument("--errors", action="store_true", help="also list what was wrong")
    plan.add_argument("--no-fail", action="store_true", help="exit with 0 also when a goal is missed")
    edit = sub.add_parser("edit", help="instructions → edits, against hand-made labels; with --systems: edited sounds")
    edit.add_argument("--sealed", action="store_true", help="the sealed half (run once, at the end) instead of the open one")
    edit.add_argument("--misses", "--errors", dest="errors", action="store_true", help="also list what was wrong")
    edit.add_argument("--labels", type=Path, metavar="FILE", help="another label file of that form")
    edit.add_argument("--no-fail", action="store_true", help="exit with 0 also below the goals")
    compose = sub.add_parser("compose", help="tunes, ensembles, styles and variety against real music")
    compose.add_argument("--sheets", "--reference", type=Path, metavar="DIR", help="lead sheets (MusicXML)")
    add_score_systems(compose, "one folder of scores (MIDI, MusicXML, ABC) per system; needs --sheets")
    compose.add_argument("--quartets", type=Path, metavar="DIR", help="string quartets (MusicXML)")
    compose.add_argument(
        "--parts", default="", metavar="LIST", help="some of tunes,ensembles,styles,variety (default: what can run)"
    )
    compose.add_argument("--sealed", action="store_true", help="compare with the sealed sheets (opened once, at the end)")
    exact = sub.add_parser("exact", help="given chords, tempo, key, metre and bars: kept, from the notes and from the sound")
    exact.add_argument("--sheets", type=Path, required=True, metavar="DIR", help="lead sheets that lend their progressions")
    exact.add_argument("--requests", type=int, default=100, metavar="N", help="how many (default 100)")
    exact.add_argument("--no-audio", action="store_true", help="notes only")
    exact.add_argument("--held-out", action="store_true", help="progressions of the sheets on which nothing was chosen")
    codec = sub.add_parser("codec", help="reconstruction by a trained codec, beside Opus; with --systems: by any codecs")
    codec.add_argument("checkpoint", type=Path, nargs="?", help="mini-codec, or a folder with model.safetensors and config.json")
    codec.add_argument("--data", type=Path, metavar="DIR", help="held-out sounds")
    add_system_options(codec, required=False)
    codec.add_argument("--files", type=int, default=24, metavar="N", help="how many of them (default 24)")
    codec.add_argument("--pictures", type=Path, metavar="DIR", help="write spectrograms and sounds of the first four")
    codec.add_argument("--quick", action="store_true", help="the codec alone, without Opus and ceilings")
    codec.add_argument("--no-fail", action="store_true", help="exit with 0 also when a goal is missed")
    add_system_options(edit, required=False)
    edit.add_argument("--stem", metavar="NAME", help="with --systems: is this stem there (drums, bass, vocals, other, melody)?")
    edit.add_argument("--gone", action="store_true", help="with --stem: is it gone?")
    edit.add_argument("--inputs", type=Path, metavar="DIR", help="the sounds before the edit (for SI-SDRi)")
    memorization = sub.add_parser("memorization", help="what a model has learned by heart; whether an output is a copy")
    evaluate_memorization.add_arguments(memorization)
    for one in (plan, edit, add_edits(sub), compose, exact, codec, add_mini(sub), memorization, *add_tables(sub)):
        one.add_argument("--out", type=Path, metavar="DIR", help="write the table as Markdown (and JSON) there")
        one.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Measure; 0 when every goal holds, 1 when one is missed."""
    if args.what == "memorization":
        return evaluate_memorization.run(args, Bar(args.quiet))
    if args.what == "sanity":
        return run_sanity(args)
    if args.what == "edits":
        return run_edits(args, Bar(args.quiet))
    if args.what == "mini":
        return run_mini(args, Bar(args.quiet))
    if args.what in SCORED and args.systems:
        return run_table(args)
    if args.what in TABLES and (args.systems or args.what not in LABELLED):
        return run_table(args)
    return {"plan": _plan, "edit": _edit, "compose": _compose, "exact": _exact, "codec": _codec}[args.what](args)


def _plan(args: argparse.Namespace) -> int:
    """Words against labels."""
    import json

    from partimento.evaluate import plan_words

    captions = plan_words.read_captions(args.captions) if args.captions else {}
    groups = plan_words.label_groups(bool(args.captions), args.sealed, args.labels)
    half = args.labels.stem.removeprefix("plan_") if args.labels else "sealed" if args.sealed else "dev"
    pages, data, missed = [], {}, []
    for title, name, labels in groups:
        tallies = plan_words.evaluate_plan(labels, captions)
        missed += [f"{title}: {line}" for line in plan_words.goals_missed(tallies)]
        pages.append(plan_words.as_markdown(tallies, title))
        data[name] = plan_words.rows(tallies)
        if args.errors:
            pages += [f"- {field}: {error}" for field, tally in tallies.items() for error in tally.errors]
    page = "\n".join(pages)
    print(page)
    _write(args.out, f"plan_{half}", page, json.dumps(data, indent=2, ensure_ascii=False))
    for line in missed:
        print(f"goal missed: {line}")
    return 1 if missed and not args.no_fail else 0


def _edit(args: argparse.Namespace) -> int:
    """Instructions against labels."""
    import json

    from partimento.evaluate import edit_words

    half = "sealed" if args.sealed else "dev"
    labels = Path(edit_words.__file__).parent / "labels" / f"edit_{half}.jsonl"
    if args.labels is not None:
        labels, half = args.labels, args.labels.stem.removeprefix("edit_")
    tallies = edit_words.evaluate_edit(edit_words.read_labels(labels))
    pages = [edit_words.as_markdown(tallies, f"Edit instructions, {half}")]
    if args.errors:
        pages += [f"- {kind}: {error}" for kind, tally in tallies.items() for error in tally.errors]
    page = "\n".join(pages)
    print(page)
    _write(args.out, f"edit_{half}", page, json.dumps(edit_words.rows(tallies), indent=2, ensure_ascii=False))
    return 0 if args.no_fail or edit_words.goals_met(tallies) else 1


def _compose(args: argparse.Namespace) -> int:
    """Musicality."""
    from partimento.evaluate.compose import PARTS, ComposeOptions, evaluate_compose, summary

    possible = [p for p in PARTS if (p != "tunes" or args.sheets) and (p != "ensembles" or args.quartets)]
    parts = tuple(p.strip() for p in args.parts.split(",") if p.strip()) or tuple(possible)
    options = ComposeOptions(sheets=_folder(args.sheets), quartets=_folder(args.quartets), parts=parts, sealed=args.sealed)
    evaluation = evaluate_compose(options, progress=Bar(args.quiet))
    print(summary(evaluation))
    if args.out is not None:
        evaluation.write(args.out)
    return 0 if evaluation.passed else 1


def _exact(args: argparse.Namespace) -> int:
    """Controls kept."""
    from partimento.evaluate import exact

    if not 1 <= args.requests <= 10_000:
        raise RequestError(f"--requests {args.requests} is outside 1 to 10000")
    sheets = _folder(args.sheets)
    assert sheets is not None
    result = exact.evaluate_exact(
        sheets, args.requests, audio=not args.no_audio, held_out=args.held_out, progress=Bar(args.quiet)
    )
    page = exact.to_markdown(result)
    print(page)
    _write(args.out, "exact_held_out" if args.held_out else "exact", page, exact.to_json(result))
    return 0 if all(exact.goals(result).values()) else 1


def _codec(args: argparse.Namespace) -> int:
    """Reconstruction."""
    import json
    from dataclasses import asdict

    from partimento.cli.train_command import need_torch

    if args.checkpoint is None or args.data is None:
        raise RequestError("evaluate codec needs a checkpoint and --data DIR, or --systems DIR… with --reference DIR")
    need_torch("measuring a codec")
    from partimento.evaluate.codec import OPUS_KBPS, evaluate_codec

    rates = () if args.quick else OPUS_KBPS
    table = evaluate_codec(
        args.checkpoint, args.data, n_files=args.files, ceilings=not args.quick, opus_kbps=rates, pictures=args.pictures
    )
    page = table.markdown()
    print(page)
    goals = table.goals()
    _write(args.out, "codec", page, json.dumps(asdict(table) | {"goals": goals}, indent=2))
    return 0 if args.no_fail or all(goals.values()) else 1


def _folder(path: Path | None) -> Path | None:
    """The folder, when named.

    Raises:
        FileError: it is none.
    """
    if path is not None and not path.is_dir():
        raise FileError(f"{path} is not a folder")
    return path


def _write(out: Path | None, name: str, page: str, data: str) -> None:
    """Markdown and JSON into the output folder, when one was named."""
    from partimento.paths import make_folder, write_text

    if out is not None:
        make_folder(out)
        write_text(out / f"{name}.md", page.rstrip("\n") + "\n")
        write_text(out / f"{name}.json", data.rstrip("\n") + "\n")
