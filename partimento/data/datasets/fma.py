"""The Free Music Archive dataset (FMA).

Layout (Defferrard et al., "FMA: A Dataset For Music Analysis", 2017; ``github.com/mdeff/fma``): ``fma_metadata/tracks.csv``
with two header lines (group, column) and a third that names the index, read here: ``set.split`` (training, validation,
test), ``set.subset`` (small, medium, large: each holds those before it), ``track.genre_top``, ``track.genres``
(identifiers), ``track.license``, ``track.tags``, ``track.title``; ``fma_metadata/genres.csv`` (``genre_id``, ``title``);
sound in ``fma_{small,medium,large,full}/NNN/NNNNNN.mp3``. Each track has its own Creative Commons licence. There are no
captions.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator
from pathlib import Path

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, split_named, text_of, words_of
from partimento.errors import FileError

NAME = "fma"
SUBSETS = ("small", "medium", "large")
_LONGEST_FIELD = 1 << 24


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    return (root / "fma_metadata" / "tracks.csv").is_file() or (root / "tracks.csv").is_file()


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Tracks in the table's order; only those of the subsets whose folder is there."""
    meta = root / "fma_metadata" if (root / "fma_metadata").is_dir() else root
    folders = [(name, root / f"fma_{name}") for name in (*SUBSETS, "full") if (root / f"fma_{name}").is_dir()]
    if not folders:
        raise FileError(f"no sound in {root}: one of the folders fma_small, fma_medium, fma_large or fma_full is needed")
    genres = _genres(meta / "genres.csv")
    for row in _rows(meta / "tracks.csv"):
        id_ = row["track_id"]
        subset = row.get("set.subset", "")
        places = [folder for name, folder in folders if _holds(name, subset)]
        if not places:
            continue
        if not id_.isdigit():
            yield Skip(id_ or "row without track_id", "the track's identifier is no number")
            continue
        number = f"{int(id_):06d}"
        paths = [folder / number[:3] / f"{number}.mp3" for folder in places]
        yield from checked_item(
            NAME, number, next((p for p in paths if p.is_file()), paths[0]), (), level,
            tags=_tags(row, genres), split=split_named(row.get("set.split", "")), licence=text_of(row.get("track.license")),
        )  # fmt: skip


def _holds(folder: str, subset: str) -> bool:
    """True when the folder of a subset holds tracks whose smallest subset is ``subset``."""
    return folder == "full" or (subset in SUBSETS and SUBSETS.index(subset) <= SUBSETS.index(folder))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Lines of ``tracks.csv``, keys ``group.column``."""
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        lines = csv.reader(file)
        groups, columns = next(lines, []), next(lines, [])
        if not groups or len(groups) != len(columns):
            raise FileError(f"{path} has not the two header lines of FMA's table")
        keys = ["track_id", *(f"{group}.{column}" for group, column in zip(groups[1:], columns[1:], strict=True))]
        for values in lines:
            if values and values[0] != "track_id":
                yield dict(zip(keys, values, strict=False))


def _genres(path: Path) -> dict[int, str]:
    """Title by identifier."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row["genre_id"]): row["title"] for row in csv.DictReader(file) if row.get("genre_id", "").isdigit()}


def _tags(row: dict[str, str], genres: dict[int, str]) -> tuple[str, ...]:
    """Genres and tags of a track, the top genre first."""
    listed: list[str] = [text_of(row.get("track.genre_top"))]
    for key in ("track.genres", "track.tags"):
        try:
            values = ast.literal_eval(row.get(key) or "[]")
        except (ValueError, SyntaxError):
            continue
        listed += words_of([genres.get(v, "") if isinstance(v, int) else v for v in values])
    return tuple(dict.fromkeys(tag for tag in listed if tag))
