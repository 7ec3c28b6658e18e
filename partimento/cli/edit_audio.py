"""``partimento edit`` on sound files and on folders of them; a part of the command, not one of its own."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from partimento.errors import FileError, PartimentoError, RequestError
from partimento.plan.edit import EditPlan, EditRequest

if TYPE_CHECKING:
    from partimento.edit.execute import Edited
    from partimento.plan.result import Finding

Reading = Callable[[tuple[str, ...]], EditPlan]
"""The reading to do, of a piece with these stems."""


def is_sound(path: Path) -> bool:
    """True for a path whose name or content is that of a sound file rather than of a project."""
    from partimento.audio.source import AUDIO_SUFFIXES

    return path.suffix.lower() in AUDIO_SUFFIXES and not path.is_dir()


def is_batch(path: Path) -> bool:
    """True for a folder that is no project."""
    from partimento.project import Project

    return path.is_dir() and not Project.is_project(path)


def edit_file(path: Path, request: EditRequest, read: Reading, args: argparse.Namespace) -> int:
    """Edit a sound file into another one, or into a new project; returns the exit code."""
    from partimento.audio.io import check_format
    from partimento.audio.source import read_source
    from partimento.cli.progress import stages
    from partimento.project.files import ARCHIVE_SUFFIX
    from partimento.sessions import edit_project, edit_recording, project_of_recording

    if args.output is None:
        raise RequestError("name where to write: -o out.wav for a sound file, -o FOLDER/ for a project with versions")
    if not _is_file_name(args.output) and args.output.suffix.lower() not in ("", ARCHIVE_SUFFIX) and not args.output.is_dir():
        check_format(args.output)
    source = read_source(path)
    if source.cut_off:
        print(f"partimento: {source.cut_off}", file=sys.stderr)
    plan = read(())
    with stages(len(plan.operations) + 2, args.quiet) as tell:
        if _is_file_name(args.output):
            edited = edit_recording(source, request, plan, args.output, on_stage=tell)
            where = f"{args.output}: {source}" if args.output.suffix == path.suffix else str(args.output)
        else:
            project = project_of_recording(source, args.output)
            try:
                version, done = edit_project(project, request, plan, on_stage=tell)
            except PartimentoError as error:
                where = f"{project.folder} holds the recording as version 1; edit it there, or remove it"
                raise type(error)(f"{error}; {where}") from error
            edited = done  # type: ignore[assignment]
            where = f"{project.folder}: version {version.number}, made from {version.parent}"
            if project.head.provenance.get("rounded_to_24_bits"):
                where += " (a project keeps 24 bits a sample)"
    tell_edit(args, plan, edited, where)
    return 0


def places_in(path: Path, request: EditRequest, plan: EditPlan) -> tuple[str, ...]:
    """Where in a sound file the operations would apply; it is heard only where the words name a place."""
    from partimento.audio.source import read_source
    from partimento.edit.recording import places

    return places(read_source(path).wave, plan, request)


def tell_edit(args: argparse.Namespace, plan: EditPlan, edited: object, where: str) -> None:
    """Print the plan, what changed, the report."""
    from partimento.cli.edit_command import plan_text
    from partimento.edit.execute import Edited
    from partimento.plan.serial import to_builtins, to_json
    from partimento.report import report_table

    assert isinstance(edited, Edited)
    if args.json:
        body = {"plan": to_builtins(plan), "changed": list(edited.changed), "report": to_builtins(edited.report)}
        print(to_json(body), end="")
    elif not args.quiet:
        print(plan_text(plan))
        print("\n".join(f"changed: {line}" for line in edited.changed))
        print(report_table(edited.report))
        print(where)


def edit_folder(folder: Path, request: EditRequest, read: Reading, args: argparse.Namespace) -> int:
    """Edit every sound file and project of a folder into another folder.

    What cannot be done is named on stderr with its reason, and the rest goes on.

    Returns:
        0 when every item was done, 2 when one was skipped.

    Raises:
        RequestError: no output folder, or there is nothing to edit.
    """
    from partimento.cli.progress import track
    from partimento.paths import make_folder
    from partimento.plan.serial import to_json

    items = items_of(folder)
    if not items:
        raise RequestError(f"{folder} holds neither a project nor sound files (wav, flac, ogg, mp3); nothing to edit")
    if args.output is None:
        raise RequestError(f"{len(items)} item(s) in {folder}: name the folder to write them to, e.g. -o edited/")
    if args.output.suffix and not args.output.is_dir() and _is_file_name(args.output):
        raise RequestError(f"{args.output} is the name of a file; {folder} is a folder, so name a folder to write to")
    target = make_folder(args.output)
    if target.samefile(folder):
        raise FileError(f"{target} is the folder itself; name another one, nothing is overwritten")
    rows: list[dict[str, object]] = []
    for item in track(items, len(items), "editing", args.quiet):
        try:
            to, edited = _edit_item(item, target, request, read)
            rows.append(_row(item, to, edited))
            if not args.json and not args.quiet:
                print("\n".join(_row_lines(item, to, edited)))
        except PartimentoError as error:
            reason = " ".join(str(error).split())
            rows.append({"item": item.name, "skipped": reason})
            print(f"partimento: skipped {item.name}: {reason}", file=sys.stderr)
    skipped = [row for row in rows if "skipped" in row]
    if args.json:
        print(to_json(rows), end="")
    elif not args.quiet:
        missed = sum(row.get("verdict") == "fail" for row in rows)
        rest = f", {missed} of them with a line that failed" if missed else ""
        print(f"{len(rows) - len(skipped)} of {len(rows)} done in {target}{rest}")
    return 2 if skipped else 0


def _row(item: Path, to: Path, edited: Edited) -> dict[str, object]:
    """An item that was done, as JSON: ``verdict`` is ``fail`` when a line of its report is."""
    from partimento.plan.serial import to_builtins

    verdict = "fail" if _failed(edited) else "pass"
    report = to_builtins(edited.report)
    return {"item": item.name, "output": str(to), "changed": list(edited.changed), "verdict": verdict, "report": report}


def _row_lines(item: Path, to: Path, edited: Edited) -> list[str]:
    """An item that was done, for people, with the lines of its report that failed."""
    failed = _failed(edited)
    return [
        f"{'FAIL' if failed else 'ok  '} {item.name} → {to}: {'; '.join(edited.changed)}",
        *(f"     FAIL {f.control}: asked {f.asked}, heard {f.heard}" for f in failed),
    ]


def _failed(edited: Edited) -> list[Finding]:
    return [finding for finding in edited.report.findings if finding.verdict == "fail"]


def items_of(folder: Path) -> list[Path]:
    """Sound files and projects of a folder (not of the folders in it), by name."""
    from partimento.project import Project

    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise FileError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    return [path for path in names if not path.name.startswith(".") and (is_sound(path) or Project.is_project(path))]


def _edit_item(item: Path, target: Path, request: EditRequest, read: Reading) -> tuple[Path, Edited]:
    """One item: a sound file into a file of its name, a project into an edited copy."""
    from partimento.audio.io import FORMATS
    from partimento.project import Project
    from partimento.sessions import edit_project, edit_recording

    if is_sound(item):
        to = target / (item.name if item.suffix.lower() in FORMATS else f"{item.stem}.wav")
        return to, edit_recording(item, request, read(()), to)
    to = target / item.name
    if to.exists():
        raise FileError(f"{to} exists already; name another folder")
    part = target / f".{item.stem}.part{os.getpid()}{item.suffix}"
    try:
        if item.is_dir():
            shutil.copytree(item, part)
        else:
            shutil.copyfile(item, part)
        project = Project(part)
        _, edited = edit_project(project, request, read(tuple(project.head.stems)))
        os.replace(part, to)
    except OSError as error:
        raise FileError(f"cannot copy {item}: {error.strerror or error}") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        elif part.exists():
            part.unlink()
    return to, edited


def _is_file_name(path: Path) -> bool:
    """True when a path names a sound file to write."""
    from partimento.audio.source import AUDIO_SUFFIXES

    return path.suffix.lower() in AUDIO_SUFFIXES
