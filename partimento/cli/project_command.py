"""``partimento history | undo | redo | checkout | replay``: the versions of a project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from partimento.errors import RequestError

if TYPE_CHECKING:
    from partimento.project import Project, Version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of whichever of the commands this is."""
    action = parser.prog.split()[-1]
    parser.set_defaults(action=action)
    add = parser.add_argument
    add("project", type=Path, help="a project: its folder, or its .partimento file")
    if action == "checkout":
        add("number", type=int, nargs="?", help="version to go to (default: stay at the current one and write its files)")
    if action == "replay":
        add("-o", "--output", type=Path, required=True, metavar="DIR", help="copy to make: a new folder, or a .partimento file")
    elif action != "history":
        add("-o", "--output", type=Path, metavar="FILE", help="write the version's mix (wav, flac: 24 bit; ogg, mp3)")
        add("--stems", type=Path, metavar="DIR", help="write its stems, one 24-bit wav per part; they sum to the mix")
        add("--midi-out", type=Path, metavar="FILE", help="write its score (.mid, .musicxml, .mxl, .abc)")
        add("--report", type=Path, metavar="FILE", help="write its report as JSON")
    add("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from partimento.project import Project

    project = Project(args.project)
    if args.action == "history":
        return _history(project, args.json)
    if args.action == "replay":
        return _replay(project, args)
    _check_outputs(args)
    if args.action == "checkout":
        version = project.head if args.number is None else project.checkout(args.number)
    else:
        version = project.undo() if args.action == "undo" else project.redo()
    _say(project, version, _write(project, version, args), args.json)
    return 0


def _check_outputs(args: argparse.Namespace) -> None:
    """Find out before the head moves whether everything can be written.

    Raises:
        FileError: something cannot.
    """
    from partimento.audio.io import check_format
    from partimento.paths import check_output
    from partimento.score.io import check_score_path

    if args.output is not None:
        check_format(args.output)
    if args.midi_out is not None:
        check_score_path(args.midi_out)
    for path in (args.output, args.midi_out, args.report):
        if path is not None:
            check_output(path)


def _write(project: Project, version: Version, args: argparse.Namespace) -> list[Path]:
    """The version's files that were asked for."""
    from partimento.outputs import save_contents

    if not any((args.output, args.stems, args.midi_out, args.report)):
        return []
    contents = project.load(version)
    return save_contents(contents, audio=args.output, stems=args.stems, midi=args.midi_out, report=args.report)


def _say(project: Project, version: Version, written: list[Path], as_json: bool) -> None:
    """Where the project is now, and what was written."""
    if as_json:
        from partimento.plan.serial import to_builtins, to_json

        print(to_json({"head": version.number, "version": to_builtins(version), "files": [str(p) for p in written]}), end="")
        return
    print(f"{project.folder}: now at version {version.number} ({version.instruction or 'no words'})")
    for path in written:
        print(path)


def _replay(project: Project, args: argparse.Namespace) -> int:
    """Make it again elsewhere, and compare; 1 when something differs."""
    from partimento.plan.serial import to_json
    from partimento.sessions import replay

    if args.output.resolve() == project.folder.resolve():
        raise RequestError(f"{args.output} is the project itself; name another place for the copy")
    copy = replay(project, args.output)
    pairs = list(zip(project.versions(), copy.versions(), strict=True))
    mixes = [old.number for old, new in pairs if old.mix_sha256 != new.mix_sha256]
    stems = [old.number for old, new in pairs if old.stems != new.stems]
    head = copy.head.number
    if args.json:
        body = {"project": str(copy.folder), "version": head, "versions": len(pairs)}
        print(to_json({**body, "mix_same": not mixes, "stems_same": not stems, "different": sorted({*mixes, *stems})}), end="")
        return 1 if mixes or stems else 0
    made = f"version {head}" if len(pairs) == 1 else f"{len(pairs)} versions, at version {head}"
    which = ", ".join(map(str, mixes or stems))
    same = "the same, byte for byte" if not stems and not mixes else f"DIFFERENT in version {which}"
    if stems and not mixes:
        same = f"the same; a stem of version {which} is DIFFERENT"
    print(f"{copy.folder}: {made}; the mix is {same}")
    return 1 if mixes or stems else 0


def _history(project: Project, as_json: bool) -> int:
    """Print all versions; the head is marked. Damaged ones are named on stderr; 2 when there are any."""
    from partimento.plan.serial import to_builtins, to_json
    from partimento.project.tree import history_lines

    versions, damaged = project.sound_versions()
    head = project.head_number
    if as_json:
        body = {"head": head, "redo": project.next_redo, "versions": [to_builtins(v) for v in versions], "damaged": damaged}
        print(to_json(body), end="")
    else:
        print("\n".join(history_lines(versions, head)))
    for line in damaged:
        print(f"partimento: {line}; the other versions can be used (`partimento checkout {project.folder} N`)", file=sys.stderr)
    return 2 if damaged else 0
