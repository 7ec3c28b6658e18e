"""ABC files: the front door to reading and writing."""

from __future__ import annotations

import os
from pathlib import Path

from partimento.paths import read_bytes, write_text
from partimento.score.abc_read import parse_abc
from partimento.score.abc_write import abc_text
from partimento.score.score import Score

__all__ = ["abc_text", "parse_abc", "read_abc", "write_abc"]


def read_abc(path: str | os.PathLike[str]) -> Score:
    """Read the first tune of an ABC file (UTF-8, else Latin-1).

    Raises:
        FileError: missing, empty, or no ABC tune.
    """
    data = read_bytes(path, "ABC")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return parse_abc(text, str(path))


def write_abc(score: Score, path: str | os.PathLike[str]) -> Path:
    """Write a score as ABC text (see :func:`abc_text` for what ABC cannot hold).

    Raises:
        FileError: the file cannot be written.
    """
    return write_text(path, abc_text(score))
