"""MIDI files: the front door to reading and writing."""

from __future__ import annotations

import os
from pathlib import Path

from partimento.paths import write_bytes
from partimento.score.midi_read import parse_midi, read_midi
from partimento.score.midi_write import TICKS_PER_QUARTER, midi_bytes
from partimento.score.score import Score

__all__ = ["TICKS_PER_QUARTER", "midi_bytes", "parse_midi", "read_midi", "write_midi"]


def write_midi(score: Score, path: str | os.PathLike[str]) -> Path:
    """Write a score as a type 1 MIDI file (see :func:`midi_bytes`).

    Raises:
        FileError: the file cannot be written.
    """
    return write_bytes(path, midi_bytes(score))
