"""Any folder of sound, with or without text.

Every sound file under the folder is an item. Its words come, first found first, from a ``.txt`` of the same name (one
caption per line), a ``.json`` of the same name (``caption``, ``captions``, ``description`` or ``text``; ``tags``,
``genre``; ``license``, ``split``), or a table (csv) anywhere above it within the folder that has a column ``file``,
``file_name``, ``filename``, ``path`` or ``audio`` and any of those keys. A folder called train, valid or test is that
split.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, Split, find_sounds, split_named, text_of, words_of

NAME = "folder"
_CAPTION_KEYS = ("caption", "captions", "description", "text")
_TAG_KEYS = ("tags", "genre", "keywords")
_FILE_KEYS = ("file", "file_name", "filename", "path", "audio")
_LICENCE_KEYS = ("license", "licence")


@dataclass(frozen=True, slots=True)
class Words:
    """What is written about a sound file; ``problem`` says what could not be read."""

    captions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    licence: str = ""
    split: Split | None = None
    problem: str = ""


def detect(root: Path) -> bool:
    """True for a folder with sound in it."""
    return root.is_dir() and next(find_sounds(root), None) is not None


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Sound files in order of their paths."""
    tables: dict[Path, dict[str, dict[str, Any]]] = {}
    for path in find_sounds(root):
        name = path.relative_to(root).as_posix()
        words = _words(path, root, tables)
        if words.problem:
            yield Skip(name, words.problem, "caption")
        split = words.split or next((s for part in path.relative_to(root).parts[:-1] if (s := split_named(part))), None)
        yield from checked_item(
            NAME, name, path, (), level, captions=words.captions, tags=words.tags, licence=words.licence, split=split
        )


def _words(path: Path, root: Path, tables: dict[Path, dict[str, dict[str, Any]]]) -> Words:
    """The words of a file from the first place that has any."""
    text, data = path.with_suffix(".txt"), path.with_suffix(".json")
    try:
        if text.is_file():
            captions = tuple(c for line in text.read_text(encoding="utf-8-sig").splitlines() if (c := text_of(line)))
            return Words(captions, problem="" if captions else f"{text.name} is empty")
        if data.is_file():
            return _from_row(json.loads(data.read_text(encoding="utf-8")), data.name)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        return Words(problem=f"the text beside it is damaged ({type(error).__name__})")
    for folder in path.parents:
        table = _table(folder, tables)
        row = table.get(path.relative_to(folder).as_posix())
        if row is not None:
            return _from_row(row, "its row of the table")
        if folder == root:
            break
    return Words()


def _from_row(row: dict[str, Any], place: str) -> Words:
    """Captions and the rest of one record."""
    captions: list[str] = []
    for key in _CAPTION_KEYS:
        value = row.get(key)
        captions += [text_of(v) for v in (value if isinstance(value, list) else [value])]
    found = tuple(dict.fromkeys(c for c in captions if c))
    tags = tuple(dict.fromkeys(tag for key in _TAG_KEYS for tag in words_of(row.get(key))))
    licence = next((t for key in _LICENCE_KEYS if (t := text_of(row.get(key)))), "")
    empty = not found and any(key in row for key in _CAPTION_KEYS)
    return Words(found, tags, licence, split_named(str(row.get("split", ""))), f"empty caption in {place}" if empty else "")


def _table(folder: Path, tables: dict[Path, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Rows of the tables in a folder by file name; read once."""
    if folder not in tables:
        rows: dict[str, dict[str, Any]] = {}
        for path in sorted(folder.glob("*.csv")):
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                reader = csv.DictReader(file)
                keys = [key for key in _FILE_KEYS if key in (reader.fieldnames or ())]
                if keys:
                    for row in reader:
                        rows.setdefault(str(row[keys[0]]).strip().removeprefix("./"), row)
        tables[folder] = rows
    return tables[folder]
