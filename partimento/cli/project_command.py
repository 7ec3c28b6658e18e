"""``partimento history | undo | redo | checkout | replay``: the versions of a project."""

from __future__ import annotations

import argparse
from pathlib import Path

from partimento.tables import text_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of whichever of the commands this is."""
    action = parser.prog.split()[-1]
    parser.set_defaults(action=action)
    parser.add_argument("project", type=Path, help="a project folder")
    if action == "checkout":
        parser.add_argument("number", type=int, help="version to go to")
    if action == "replay":
        parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the copy to make")
    if action == "history":
        parser.add_argument("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from partimento.project import Project

    project = Project(args.project)
    if args.action == "history":
        _history(project, args.json)
    elif args.action == "replay":
        from partimento.sessions import replay

        copy = replay(project, args.output)
        same = (project.folder / "mix.wav").read_bytes() == (copy.folder / "mix.wav").read_bytes()
        print(f"{copy.folder}: version {copy.head.number}; the mix is {'the same, byte for byte' if same else 'DIFFERENT'}")
        return 0 if same else 1
    else:
        if args.action == "checkout":
            version = project.checkout(args.number)
        else:
            version = project.undo() if args.action == "undo" else project.redo()
        print(f"{project.folder}: now at version {version.number} ({version.instruction or 'no words'})")
    return 0


def _history(project: object, as_json: bool) -> None:
    """Print all versions; the head is marked."""
    from partimento.plan.serial import to_builtins, to_json
    from partimento.project import Project

    assert isinstance(project, Project)
    versions, head = project.versions(), project.head.number
    if as_json:
        print(to_json({"head": head, "versions": [to_builtins(v) for v in versions]}), end="")
        return
    rows = [
        ("*" if v.number == head else "", str(v.number), str(v.parent or ""), v.instruction, "; ".join(v.changed))
        for v in versions
    ]
    print(text_table(("", "version", "from", "instruction", "changed"), rows))
