"""The Song Describer Dataset: 1.1k captions for 706 recordings, for evaluation only.

Layout (Manco et al., 2023; Zenodo 10072001; data card in ``github.com/mulab-mir/song-describer-dataset``):
``song_describer.csv`` (``caption_id``, ``track_id``, ``caption``, ``is_valid_subset``, ``familiarity``, ``artist_id``,
``album_id``, ``path``, ``duration``), ``audio/NN/<track id>.2min.mp3`` where the table says ``NN/<track id>.mp3``, and
``audio_licenses.txt`` (blocks of path, title and licence line). One item per track with all its captions; the split is
test. Captions CC BY-SA 4.0.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, text_of

NAME = "song-describer"
TABLE = "song_describer.csv"
_URL = re.compile(r"https?://\S+")


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    return (root / TABLE).is_file()


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Tracks in order of their first row."""
    tracks: dict[str, list[dict[str, str]]] = {}
    with (root / TABLE).open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            tracks.setdefault(text_of(row.get("path")), []).append(row)
    licences = _licences(root / "audio_licenses.txt")
    for path, rows in tracks.items():
        id_ = text_of(rows[0].get("track_id")) or path
        captions = tuple(dict.fromkeys(c for row in rows if (c := text_of(row.get("caption")))))
        if not path:
            yield Skip(id_ or "row without path", "no path")
        elif not captions:
            yield Skip(id_, "no caption")
        else:
            valid = any(str(row.get("is_valid_subset")).strip().lower() == "true" for row in rows)
            yield from checked_item(
                NAME, id_, _sound(root, path), (), level, captions=captions, split="test",
                tags=("validated",) if valid else (), licence=licences.get(path, "captions CC-BY-SA-4.0"),
            )  # fmt: skip


def _sound(root: Path, path: str) -> Path:
    """Where the file lies that the table calls ``path``."""
    short = Path(path).with_suffix(".2min.mp3")
    places = [folder / name for folder in (root / "audio", root) for name in (short, Path(path))]
    return next((place for place in places if place.is_file()), places[0])


def _licences(path: Path) -> dict[str, str]:
    """Licence address by path of the table."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    current = ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.strip().endswith(".mp3") and "://" not in line:
            current = line.strip()
        elif "license" in line.lower() and (url := _URL.search(line)) and current:
            found[current] = url[0].rstrip(".")
    return found
