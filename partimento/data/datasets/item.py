"""One item of any dataset, and what a reader says when something is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from partimento.paths import append_line

Split = Literal["train", "valid", "test"]
Level = Literal["headers", "sound"]
SKIPPED = "skipped.jsonl"
"""Report of what was left out, and why, in the folder of a dataset, a cache or a run."""
"""How closely files are looked at: their headers only, or every sample (silent and broken ones are found then)."""

ROLES = (
    "vocals", "bass", "drums", "percussion", "guitar", "other_plucked", "piano", "other_keys", "bowed_strings", "wind",
    "other",
)  # fmt: skip
"""Stem roles: the eleven top stems of MoisesDB (Pereira et al., "Moisesdb", 2023), to which those of others are mapped."""

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff", ".aif")
_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test", "testing": "test", "evaluate": "test", "eval": "test",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stem:
    """A part that sounds alone.

    Attributes:
        name: what the dataset calls it (an instrument, a file).
        role: one of :data:`ROLES`.
        path: the sound.
        score: its MIDI file, where there is one.
    """

    name: str
    role: str
    path: Path
    score: Path | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of sound and everything known about it.

    Attributes:
        id: unique within its dataset; keeps its meaning when the folder is moved.
        dataset: name of the layout.
        audio: the mix, or None where only the stems exist (the mix is their sum then).
        duration_s: of the sound that this item means.
        sample_rate: Hz, of all its files.
        stems: parts, possibly none.
        captions: sentences, possibly none.
        tags: single words and names (genre, mood, instrument).
        split: where the dataset puts it, or None where it has no splits.
        licence: SPDX name or words; empty when nobody says.
        score: MIDI of the whole, where there is one.
        start_s: where in ``audio`` the item begins.
        truth: JSON with what is known about it in seconds (``item.json`` of rendered items).
    """

    id: str
    dataset: str
    audio: Path | None
    duration_s: float
    sample_rate: int
    stems: tuple[Stem, ...] = ()
    captions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    split: Split | None = None
    licence: str = ""
    score: Path | None = None
    start_s: float = 0.0
    truth: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files whose sum is the item's sound: the mix, or all stems."""
        return (self.audio,) if self.audio is not None else tuple(stem.path for stem in self.stems)


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that a reader left out.

    Attributes:
        name: the item, or its file.
        reason: why, in words.
        what: ``item``, ``stem`` (the item stays without it), ``caption`` (the item stays without words) or ``score`` (likewise);
            ``sound`` is a file of a folder of sound.
    """

    name: str
    reason: str
    what: Literal["item", "stem", "caption", "score", "sound"] = "item"

    def line(self) -> str:
        """As JSON in one line."""
        return json.dumps({"name": self.name, "what": self.what, "reason": self.reason}, ensure_ascii=False)


class SkipReport:
    """Collects what was left out; written line by line, so that a crash loses nothing.

    Args:
        path: of ``skipped.jsonl`` (begun anew), or None to keep it in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.skips: list[Skip] = []
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")

    def add(self, skip: Skip) -> None:
        """Note one. Raises FileError when it cannot be written."""
        self.skips.append(skip)
        if self._path is not None:
            append_line(self._path, skip.line())


def split_named(name: str) -> Split | None:
    """``train``, ``valid`` or ``test`` for the words that datasets use for them."""
    return _SPLITS.get(name.strip().lower())


def find_sounds(folder: Path) -> Iterator[Path]:
    """Sound files under a folder in order of their paths, links to nowhere as well (whoever opens them says so).

    Hidden ones and the ``._*`` files of macOS are not sounds.
    """
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in AUDIO_SUFFIXES and not hidden and (path.is_file() or is_lost_link(path)):
            yield path


def is_lost_link(path: Path) -> bool:
    """True for a link to nowhere."""
    return path.is_symlink() and not path.exists()


def text_of(value: object) -> str:
    """A caption in one line without double spaces; empty for anything that is no text."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def words_of(value: object) -> tuple[str, ...]:
    """Tags of a list, or of a text with commas."""
    parts = value if isinstance(value, list | tuple) else value.split(",") if isinstance(value, str) else ()
    return tuple(text for part in parts if (text := text_of(str(part))))
