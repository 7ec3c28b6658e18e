"""MoisesDB: recorded multi-track songs.

Layout (``github.com/moises-ai/moises-db``, README and ``moisesdb/track.py``; Pereira et al., "Moisesdb", 2023):
``moisesdb/moisesdb_v0.1/<track uuid>/`` with ``data.json`` (``song``, ``artist``, ``genre``, ``stems``: a list of
``stemName`` and ``tracks``, each of ``id``, ``trackType``, ``extension``, ``has_bleed``) and the sound in
``<stemName>/<track id>.<extension>``. There is no mix and no split: the mix is the sum of all tracks. Licence CC BY-NC-SA
4.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import ROLES, Item, Level, Skip, Stem, text_of
from partimento.errors import FileError

NAME = "moisesdb"
LICENCE = "CC-BY-NC-SA-4.0"


def _folders(root: Path) -> Iterator[Path]:
    """Folders of songs, whether the dataset, its provider's folder or what holds both was given."""
    for pattern in ("*/data.json", "*/*/data.json", "*/*/*/data.json"):
        found = sorted(path.parent for path in root.glob(pattern))
        if found:
            yield from found
            return


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    first = next(_folders(root), None)
    if first is None:
        return False
    try:
        return "stems" in json.loads((first / "data.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, TypeError, UnicodeDecodeError):
        # A damaged first song does not hide the dataset: its siblings are named by UUIDs as well.
        return any((p / "data.json").exists() and p != first for p in first.parent.iterdir())


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Songs in order of their identifiers."""
    for folder in _folders(root):
        try:
            data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
            stems = list(_stems(folder, data))
        except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
            yield Skip(folder.name, f"data.json is damaged ({type(error).__name__})")
            continue
        except FileError as error:
            yield Skip(folder.name, str(error))
            continue
        genre = text_of(data.get("genre"))
        yield from checked_item(NAME, folder.name, None, stems, level, tags=(genre,) if genre else (), licence=LICENCE)


def _stems(folder: Path, data: dict[str, Any]) -> Iterator[Stem]:
    """Every track as a stem of its role."""
    for stem in data["stems"]:
        name = str(stem["stemName"])
        role = name.replace(" ", "_").lower()
        for track in stem["tracks"]:
            path = folder / name / f"{track['id']}.{track['extension']}"
            if not path.resolve().is_relative_to(folder.resolve()):
                raise FileError(f"data.json names a file outside of its folder: {path}")
            yield Stem(str(track.get("trackType") or name), role if role in ROLES else "other", path)
