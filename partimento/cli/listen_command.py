"""``partimento listen``: what is in a recording."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partimento.audio.waveform import Waveform


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="wav, flac, ogg, mp3 …, or a project (its mix)")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Analyse and print; returns the exit code."""
    from partimento.listen import heard_table, listen_to
    from partimento.plan.serial import to_builtins, to_json

    found = {str(path): listen_to(_sound(path)) for path in args.files}
    if args.json:
        print(to_json({path: to_builtins(heard) for path, heard in found.items()}), end="")
        return 0
    for path, heard in found.items():
        print(f"{path}\n{heard_table(heard)}")
    return 0


def _sound(path: Path) -> Waveform:
    """A sound file, or the current mix of a project."""
    from partimento.audio import read_audio
    from partimento.project.files import ARCHIVE_SUFFIX

    if path.is_dir() or path.suffix.lower() == ARCHIVE_SUFFIX:
        from partimento.project import Project

        return Project(path).load().mix
    return read_audio(path)
