"""Files of a frame cache.

=================== ===============================================================================================
``cache.json``      what the frames are (:class:`~partimento.data.cache.encoders.FrameLayout`) and the version
``index.jsonl``     one line per item: name, key, place of its frames, split, captions, tags; a later line replaces an
                    earlier one of the same name
``shards/NNNNN.bin`` frames of items one after the other, row by row, little endian
``controls.jsonl``  truth of items in seconds (tempo, chords, beats, ...), found by the index
``skipped.jsonl``   what was left out in the last run, and why
=================== ===============================================================================================

Data are written before the index names them, so whatever kill -9 leaves behind is either complete or cut off at the next start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partimento.data.cache.encoders import VERSION, FrameLayout
from partimento.errors import FileError

INFO = "cache.json"
INDEX = "index.jsonl"
CONTROLS = "controls.jsonl"
SHARDS = "shards"
LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Entry:
    """An item in a cache.

    Attributes:
        name: dataset's name and item's id.
        key: SHA-256 of sound and encoder.
        shard, start, n_frames: where its frames are (``start`` in frames).
        split: ``train``, ``valid`` or ``test``; where the dataset has no splits drawn from the name.
        captions, tags, licence: of the item.
        controls: place of its truth in ``controls.jsonl`` (byte, length), or None.
    """

    name: str
    key: str
    shard: int
    start: int
    n_frames: int
    split: str
    captions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    licence: str = ""
    controls: tuple[int, int] | None = None


def shard_path(folder: Path, number: int) -> Path:
    """A shard's file."""
    return folder / SHARDS / f"{number:05d}.bin"


def read_layout(folder: Path) -> FrameLayout:
    """What a cache holds.

    Raises:
        FileError: it is no cache, or one of another version.
    """
    try:
        data = json.loads((folder / INFO).read_text(encoding="utf-8"))
        version = data.pop("version")
        layout = FrameLayout(**data)
    except OSError as error:
        raise FileError(f"{folder} is no cache: make one with 'partimento data encode DATA --out {folder}'") from error
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{folder / INFO} is damaged; encode into another folder") from error
    if version != VERSION:
        raise FileError(f"{folder} was made by version {version} of the cache, this is {VERSION}; encode again")
    return layout


def index_lines(folder: Path) -> Iterator[tuple[Entry, int]]:
    """Entries in the order written, each with the byte where its line ends; ends at a line that was cut off."""
    path = folder / INDEX
    if not path.exists():
        return
    at = 0
    with path.open("rb") as file:
        for line in file:
            at += len(line)
            try:
                row: dict[str, Any] = json.loads(line)
                for key in ("captions", "tags", "controls"):
                    if row.get(key) is not None:
                        row[key] = tuple(row[key])
                entry = Entry(**row)
            except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError):
                return
            if not line.endswith(b"\n"):
                return
            yield entry, at


def row_bytes(layout: FrameLayout) -> int:
    """Bytes of a frame."""
    import numpy as np

    return int(np.dtype(layout.dtype).itemsize) * layout.width
