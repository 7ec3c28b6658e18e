"""Slakh2100: synthesized multi-track music with MIDI.

Layout (``github.com/ethman/slakh-utils``, README and ``splits/README``; Manilow et al., "Cutting Music Source Separation Some
Slakh", 2019): ``{train,validation,test,omitted}/TrackNNNNN/`` with ``mix.flac``, ``stems/SNN.flac``, ``MIDI/SNN.mid``,
``all_src.mid`` and ``metadata.yaml`` (``UUID``, ``overall_gain`` and per stem ``audio_rendered``, ``inst_class``, ``is_drum``,
``midi_program_name``, ``plugin_name``, ``program_num``). The release "redux" has the duplicates in ``omitted``, which is not
read; a ``redux.json`` beside the folders (track to ``action`` and ``destination_split``) is applied to the original release.
BabySlakh (tracks in one folder, wav) is read as well, without splits. Licence CC BY 4.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, Stem, split_named
from partimento.errors import FileError

NAME = "slakh"
LICENCE = "CC-BY-4.0"
_FOLDERS = ("train", "validation", "test")
_CLASSES = {
    "piano": "piano", "chromatic percussion": "percussion", "organ": "other_keys", "guitar": "guitar", "bass": "bass",
    "strings": "bowed_strings", "strings (continued)": "bowed_strings", "ensemble": "bowed_strings", "brass": "wind",
    "reed": "wind", "pipe": "wind", "synth lead": "other_keys", "synth pad": "other_keys", "synth effects": "other",
    "ethnic": "other_plucked", "percussive": "percussion", "sound effects": "other", "drums": "drums",
}  # fmt: skip
_PROGRAMS = {6: "other_keys", 7: "other_keys", 46: "other_plucked", 47: "percussion"}
_PROGRAMS |= dict.fromkeys((52, 53, 54), "vocals") | {109: "wind", 110: "bowed_strings", 111: "wind"}
"""General MIDI programs (from 0) whose sound is of another role than their class: harpsichord, clavinet, harp, timpani,
choirs, bagpipe, fiddle, shanai."""


def role_of(row: dict[str, Any]) -> str:
    """Role of a stem by its row of ``metadata.yaml``."""
    if row.get("is_drum"):
        return "drums"
    program = row.get("program_num")
    if isinstance(program, int) and program in _PROGRAMS:
        return _PROGRAMS[program]
    return _CLASSES.get(str(row.get("inst_class", "")).strip().lower(), "other")


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    return next(_tracks(root), None) is not None


def _tracks(root: Path) -> Iterator[Path]:
    """Folders of tracks in order of split and number."""
    for folder in (root, *(root / name for name in _FOLDERS)):
        if folder.is_dir():
            for path in sorted(folder.glob("Track*")):
                if (path / "metadata.yaml").exists() or any(path.glob("mix.*")):
                    yield path


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Items in order of split and number."""
    moves = _moves(root)
    for folder in _tracks(root):
        move = moves.get(folder.name, {})
        if move.get("action") == "omit":
            continue
        split = split_named(str(move.get("destination_split") or folder.parent.name)) if folder.parent != root else None
        try:
            stems, tags = _stems(folder)
        except FileError as error:
            yield Skip(folder.name, str(error))
            continue
        score = folder / "all_src.mid"
        yield from checked_item(
            NAME, folder.name, next(iter(sorted(folder.glob("mix.*"))), folder / "mix.flac"), stems, level,
            tags=tags, split=split, licence=LICENCE, score=score if score.exists() else None,
        )  # fmt: skip


def _moves(root: Path) -> dict[str, Any]:
    """The resplitting of ``redux.json``, unless the folders are split that way already."""
    path = root / "redux.json"
    if not path.exists() or (root / "omitted").is_dir():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise FileError(f"{path} is damaged ({error}); get it again or take it away") from error
    return data if isinstance(data, dict) else {}


def _stems(folder: Path) -> tuple[list[Stem], tuple[str, ...]]:
    """Rendered stems of a track, and their classes. Raises FileError for bad metadata."""
    try:
        data = yaml.load((folder / "metadata.yaml").read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        rows = data["stems"].items()
    except FileNotFoundError as error:
        raise FileError("metadata.yaml is missing") from error
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise FileError(f"metadata.yaml is damaged ({type(error).__name__})") from error
    stems = []
    for key, row in rows:
        if not isinstance(row, dict) or not row.get("audio_rendered"):
            continue
        path = next(iter(sorted((folder / "stems").glob(f"{key}.*"))), folder / "stems" / f"{key}.flac")
        midi = folder / "MIDI" / f"{key}.mid"
        name = str(row.get("midi_program_name") or row.get("inst_class") or key)
        stems.append(Stem(name, role_of(row), path, midi if midi.exists() else None))
    return stems, tuple(dict.fromkeys(str(r.get("inst_class", "")) for _, r in rows if isinstance(r, dict)))
