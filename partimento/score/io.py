"""Score files by their names: ``.mid``, ``.musicxml``, ``.mxl``, ``.abc``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from partimento.errors import FileError
from partimento.paths import read_bytes
from partimento.score.score import ChordSpan, Note, Score, Track

MIDI_SUFFIXES = (".mid", ".midi", ".smf")
MUSICXML_SUFFIXES = (".musicxml", ".mxl", ".xml")
ABC_SUFFIXES = (".abc",)
SCORE_SUFFIXES = (*MIDI_SUFFIXES, *MUSICXML_SUFFIXES, *ABC_SUFFIXES)
"""Endings of the score files that are read and written."""


def check_score_path(path: str | os.PathLike[str]) -> Path:
    """The path as a ``Path`` when its ending names a score format.

    Raises:
        FileError: it does not; the message lists those that do.
    """
    target = Path(path)
    if target.suffix.lower() not in SCORE_SUFFIXES:
        shown = f"the ending '{target.suffix}'" if target.suffix else "no ending"
        raise FileError(f"{target} has {shown}; a score file ends in one of {', '.join(SCORE_SUFFIXES)}")
    return target


def read_score(path: str | os.PathLike[str]) -> Score:
    """Read a score file.

    Args:
        path: MIDI, MusicXML or ABC by its ending; a file whose content is plainly another of these is read as that.

    Raises:
        FileError: missing, a directory, empty, corrupt, or with an unknown ending.
    """
    target = Path(path)
    if not target.is_dir():
        check_score_path(target)
    data = read_bytes(target, "a score")
    suffix = target.suffix.lower()
    if data.startswith(b"MThd") or (suffix in MIDI_SUFFIXES and not data.lstrip().startswith((b"<", b"PK"))):
        from partimento.score.midi import parse_midi

        return parse_midi(data, str(target))
    if suffix in ABC_SUFFIXES:
        from partimento.score.abc import read_abc

        return read_abc(target)
    from partimento.score.musicxml import parse_musicxml

    return parse_musicxml(data, str(target))


def write_score(score: Score, path: str | os.PathLike[str]) -> Path:
    """Write a score file in the format of its ending: whole or not at all.

    Raises:
        FileError: an unknown ending, a directory, or a place that cannot be written.
    """
    target = check_score_path(path)
    suffix = target.suffix.lower()
    if suffix in MIDI_SUFFIXES:
        from partimento.score.midi import write_midi

        return write_midi(score, target)
    if suffix in ABC_SUFFIXES:
        from partimento.score.abc import write_abc

        return write_abc(score, target)
    from partimento.score.musicxml import write_musicxml

    return write_musicxml(score, target)


def lead_sheet(score: Score) -> tuple[Track, tuple[ChordSpan, ...]]:
    """The tune and the chords of a score.

    Returns:
        The melody (the part with that role, else the highest pitched one) as a single line: of notes that begin
        together the highest, each cut where the next begins; and the chord symbols, empty when the score has none.

    Raises:
        FileError: the score has no pitched notes.
    """
    pitched = [t for t in score.tracks if not t.is_drum and t.notes]
    if not pitched:
        raise FileError("the score has no pitched notes; a tune is needed")
    named = [t for t in pitched if t.role == "melody"]
    track = named[0] if named else max(pitched, key=lambda t: sum(n.pitch for n in t.notes) / len(t.notes))
    line: list[Note] = []
    for note in sorted(track.notes, key=lambda n: (n.start, -n.pitch)):
        if line and note.start < line[-1].start + 1e-6:
            continue
        if line and line[-1].end > note.start:
            line[-1] = replace(line[-1], duration=note.start - line[-1].start)
        line.append(note)
    return replace(track, notes=tuple(line)), score.chords
