"""MusicXML (.musicxml, .xml, .mxl): the front door to reading and writing."""

from __future__ import annotations

import os
from pathlib import Path

from partimento.paths import write_bytes
from partimento.score.musicxml_read import parse_musicxml, read_musicxml
from partimento.score.musicxml_write import musicxml_bytes, mxl_bytes
from partimento.score.score import Score

__all__ = ["musicxml_bytes", "mxl_bytes", "parse_musicxml", "read_musicxml", "write_musicxml"]


def write_musicxml(score: Score, path: str | os.PathLike[str]) -> Path:
    """Write a score as MusicXML 4.0, compressed when the name ends in ``.mxl``.

    Raises:
        FileError: the file cannot be written.
    """
    compressed = Path(path).suffix.lower() == ".mxl"
    return write_bytes(path, mxl_bytes(score) if compressed else musicxml_bytes(score))
