"""Datasets that :mod:`partimento.data.render` wrote: ``manifest.jsonl`` and ``items/NNNNNN/`` with mix, stems, score and
truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partimento.data.audio_folder import RENDERED_MANIFEST
from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, Stem, split_named
from partimento.score.instruments import instruments

NAME = "rendered"
_FAMILIES = {
    "drums": "drums", "percussion": "percussion", "mallets": "percussion", "bass": "bass", "guitars": "guitar",
    "strings": "bowed_strings", "brass": "wind", "winds": "wind", "voices": "vocals", "synth": "other_keys", "keys": "other_keys",
}  # fmt: skip
_PIANOS = range(6)


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    return (root / RENDERED_MANIFEST).is_file() and (root / "items").is_dir()


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Items in order of their numbers."""
    lines = []
    for text in (root / RENDERED_MANIFEST).read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue  # a line cut off by a crash
    for line in sorted(lines, key=lambda d: str(d["id"])):
        folder = root / "items" / str(line["id"])
        try:
            item = json.loads((folder / "item.json").read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
            yield Skip(str(line["id"]), f"item.json is damaged ({type(error).__name__})")
            continue
        written = folder / "score.json"
        stems = [Stem(str(r["name"]), role_of(r), folder / str(r["file"])) for r in item.get("stems", ())]
        yield from checked_item(
            NAME, str(line["id"]), folder / "mix.flac", stems if (folder / "stems").is_dir() else (), level,
            captions=tuple(line.get("captions", ())), split=split_named(str(line["split"])),
            tags=tuple(dict.fromkeys(str(r["instrument"]) for r in item.get("stems", ()))),
            score=written if written.exists() else None, truth=folder / "item.json",
        )  # fmt: skip


def role_of(row: dict[str, Any]) -> str:
    """Role of a stem by its instrument."""
    if row.get("is_drum"):
        return "drums"
    if row.get("program") in _PIANOS:
        return "piano"
    known = instruments().get(str(row.get("instrument")))
    return _FAMILIES.get(known.family, "other") if known is not None else "other"
