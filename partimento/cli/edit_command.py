"""``partimento edit``: change a project or a recording by an instruction; what is not named keeps its samples."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from partimento.errors import RequestError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest
from partimento.tables import text_table

CLEAR_LEAD = 0.1
"""A first reading that is this much more certain than the second is taken without asking."""
EPILOG = """examples:
  partimento generate "lazy jazz, saxophone over piano" -o song/
  partimento edit song/ "add strings in the second half" --dry-run
  partimento edit song/ "remove the drums"
  partimento undo song/
  partimento edit take.wav "fade out over 5 seconds" -o faded.wav
  partimento edit take.wav "8 bars longer" -o take/
  partimento edit takes/ "warmer" -o warm/

Of a folder of sound files and projects every item is edited into the output folder, with its verdict and the lines of its
report that failed; what cannot be is named and skipped, and the exit code is 2 then, 0 when all were done. As with generate it
is 0 when the edit was done, also where the report has a line with "fail": look there, or at --json."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("project", type=Path, metavar="SRC",
        help="a project (partimento generate … -o FOLDER/), a sound file (wav, flac, mp3, ogg), or a folder of them")  # fmt: skip
    add("words", help='what to change, e.g. "remove the drums and add strings in the chorus"')
    add("-o", "--output", type=Path, metavar="OUT",
        help="of a project: also write the new mix there; of a sound file: the new file, or a new project's folder")  # fmt: skip
    add("--bars", metavar="A-B", help="confine it to these bars (counted from 1)")
    add("--from", dest="from_s", type=float, metavar="S", help="confine it to what follows this second")
    add("--to", dest="to_s", type=float, metavar="S", help="confine it to what comes before this second")
    add("--stem", metavar="NAME", help="the only part it may touch")
    add("--keep", default="", metavar="LIST", help="of melody,chords,groove,form,instruments")
    add("--seed", type=int, default=0, metavar="N", help="another seed, another solution (default 0)")
    add("--dry-run", action="store_true", help="show how it is understood and change nothing")
    add("--pick", type=int, metavar="N", help="take the N-th reading")
    add("--yes", action="store_true", help="take the first reading where several are about as likely")
    add("--json", action="store_true", help="print machine-readable JSON")
    add("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Read, show, do; returns the exit code."""
    from partimento.cli.edit_audio import edit_file, edit_folder, is_batch, is_sound, places_in
    from partimento.interpret.edit_reader import read_edit
    from partimento.project import Project

    request = EditRequest(
        args.words,
        _bars(args.bars),
        args.from_s,
        args.to_s,
        args.stem,
        tuple(k.strip() for k in args.keep.split(",") if k.strip()),
        args.pick,
        args.seed,
    )
    sound, batch = is_sound(args.project), is_batch(args.project)
    if args.dry_run and (sound or batch):
        readings = read_edit(args.words, ())
        where = places_in(args.project, request, readings[0] if args.pick is None else _chosen(readings, args)) if sound else ()
        _show(readings, args)
        if where and not args.json:
            print("\n".join(where))
        return 0
    if sound or batch:
        edit = edit_file if sound else edit_folder
        return edit(args.project, request, lambda stems: _chosen(read_edit(args.words, stems), args), args)
    project = Project(args.project)
    readings = read_edit(args.words, tuple(project.head.stems))
    if args.dry_run:
        from partimento.edit.rehearse import rehearse

        rehearse(project.load(project.head), readings[0] if args.pick is None else _chosen(readings, args), request)
        _show(readings, args)
        return 0
    plan = _chosen(readings, args)
    return _do(project, request, plan, args)


def _do(project: object, request: EditRequest, plan: EditPlan, args: argparse.Namespace) -> int:
    """Carry the plan out and say what happened."""
    from partimento.audio import write_audio
    from partimento.audio.io import check_format
    from partimento.cli.progress import stages
    from partimento.paths import check_output
    from partimento.project import Project
    from partimento.report import report_table
    from partimento.sessions import edit_project

    assert isinstance(project, Project)
    if args.output is not None:
        if args.output.is_dir() or not args.output.suffix:
            raise RequestError(
                f"-o {args.output}: of a project name a sound file for the new mix, e.g. {args.output / 'mix.wav'}; the project "
                "itself gets a new version, and a copy of its folder is a project of its own"
            )
        check_output(args.output)
        check_format(args.output)
    with stages(len(plan.operations) + 2, args.quiet) as tell:
        version, edited = edit_project(project, request, plan, on_stage=tell)
    if args.output is not None:
        write_audio(args.output, edited.contents.mix, depth="24" if args.output.suffix in (".wav", ".flac") else "16")
    if args.json:
        from partimento.plan.serial import to_builtins, to_json

        body = {"version": to_builtins(version), "plan": to_builtins(plan), "report": to_builtins(edited.report)}
        print(to_json(body), end="")
    elif not args.quiet:
        print(plan_text(plan))
        print("\n".join(f"changed: {line}" for line in edited.changed))
        print(report_table(edited.report))
        print(f"{project.folder}: version {version.number}, made from {version.parent}; {project.where_mix}")
    return 0


def plan_text(plan: EditPlan) -> str:
    """A reading as a table: operation, targets, where, how much, the words behind it, and what vague words come to."""
    from partimento.edit.controls import controls_text
    from partimento.edit.wording import place_text

    rows = [
        (
            op.op.replace("_", " "),
            ", ".join(op.targets) or op.instrument,
            place_text(op),
            _how_much(op),
            ", ".join(op.words),
        )
        for op in plan.operations
    ]
    lines = [text_table(("operation", "what", "where", "how", "from"), rows)]
    told = [(op.value.replace("_", " "), controls_text(op)) for op in plan.operations]
    lines += [f"{value}: {'; '.join(controls)}" for value, controls in told if controls]
    lines += [f"note: {remark}" for remark in plan.remarks]
    if plan.unknown:
        lines.append(f"not understood: {', '.join(plan.unknown)}")
    return "\n".join(lines)


def _show(readings: tuple[EditPlan, ...], args: argparse.Namespace) -> None:
    """Print every reading, best first."""
    if args.json:
        from partimento.plan.serial import to_json

        print(to_json([_as_json(r) for r in readings]), end="")
        return
    for number, reading in enumerate(readings, 1):
        print(f"reading {number} ({100 * reading.confidence:.0f} % sure)\n{plan_text(reading)}")


def _chosen(readings: tuple[EditPlan, ...], args: argparse.Namespace) -> EditPlan:
    """The reading to do.

    Raises:
        RequestError: the number is none of them, or several are about as likely and none was picked.
    """
    if args.pick is not None:
        if not 1 <= args.pick <= len(readings):
            raise RequestError(f"--pick {args.pick}: there are {len(readings)} readings (see --dry-run)")
        picked: EditPlan = readings[args.pick - 1]
        return picked
    if len(readings) > 1 and readings[0].confidence - readings[1].confidence < CLEAR_LEAD and not args.yes:
        raise RequestError(f"{len(readings)} readings are about as likely; look with --dry-run, then --pick N or --yes")
    return readings[0]


def _as_json(reading: EditPlan) -> dict[str, object]:
    """A reading as JSON, with the controls of each operation."""
    from partimento.edit.controls import controls_text
    from partimento.plan.serial import to_builtins

    body: dict[str, object] = to_builtins(reading)
    operations = [{**to_builtins(op), "controls": list(controls_text(op))} for op in reading.operations]
    return {**body, "operations": operations}


def _how_much(op: EditOperation) -> str:
    """Instrument, amount and value for people."""
    from partimento.edit.wording import amount_text, where_text

    into = f"→ {op.instrument}" if op.instrument and op.targets else ""
    into = f"to: {where_text(op.to)}" if op.to is not None else into
    keep = f"keep {', '.join(op.keep)}" if op.keep else ""
    spare = f"not {', '.join(op.spare)}" if op.spare else ""
    along = f"doubles {op.doubles}" if op.doubles else ""
    return " ".join(x for x in (amount_text(op), along, into, keep, spare) if x)


def _bars(text: str | None) -> tuple[int, int] | None:
    """``9-12`` or ``9``.

    Raises:
        RequestError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,6})(?:\s*[-–]\s*(\d{1,6}))?\s*", text)
    if match is None:
        raise RequestError(f"--bars {text}: write one bar or a range, e.g. 9-12")
    return int(match.group(1)), int(match.group(2) or match.group(1))
