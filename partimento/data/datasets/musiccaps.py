"""MusicCaps: captions by musicians for ten seconds of AudioSet each; the sound is not part of it.

Layout (Agostinelli et al., "MusicLM", 2023, section 4.2; ``musiccaps-public.csv``): columns ``ytid``, ``start_s``,
``end_s``, ``audioset_positive_labels``, ``aspect_list``, ``caption``, ``author_id``, ``is_balanced_subset``,
``is_audioset_eval``. Beside the table a folder of sound files whose names hold the identifier: ``<ytid>.wav``,
``[<ytid>]-[30-40].wav``, ``<ytid>_30_40.wav`` and the like. A file that lasts clearly longer than the excerpt is taken for
the whole video and read from ``start_s``. Rows of the AudioSet evaluation set are the test split, the others are for
training. Captions CC BY-SA 4.0.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from partimento.data.datasets.check import check_sound
from partimento.data.datasets.item import Item, Level, Skip, find_sounds, text_of, words_of
from partimento.errors import FileError

NAME = "musiccaps"
LICENCE = "captions CC-BY-SA-4.0; sound by its uploader"
_COLUMNS = {"ytid", "start_s", "end_s", "caption"}
_FILE = re.compile(r"^\[?([\w-]{11})\]?(?:$|[-_ .\[(].*)")
_SLACK_S = 1.0


def table_of(root: Path) -> Path | None:
    """The table in a folder, known by its columns."""
    for path in sorted(root.glob("*.csv")):
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            if set(next(csv.reader(file), ())) >= _COLUMNS:
                return path
    return None


def detect(root: Path) -> bool:
    """True for a folder of this layout."""
    return table_of(root) is not None


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Rows of the table in its order."""
    table = table_of(root)
    if table is None:
        raise FileError(f"no table with the columns {', '.join(sorted(_COLUMNS))} in {root}")
    sounds: dict[str, Path] = {}
    for path in find_sounds(root):
        match = _FILE.match(path.stem)
        if match is not None:
            sounds.setdefault(match[1], path)
    with table.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            yield _item(row, sounds, level)


def _item(row: dict[str, str], sounds: dict[str, Path], level: Level) -> Item | Skip:
    """One row."""
    id_ = text_of(row.get("ytid"))
    caption = text_of(row.get("caption"))
    try:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
        if not 0 <= start_s < end_s:
            raise ValueError
    except (TypeError, ValueError):
        return Skip(id_ or "row without ytid", f"start_s {row.get('start_s')!r} and end_s {row.get('end_s')!r} name no excerpt")
    if not caption:
        return Skip(id_, "no caption")
    if id_ not in sounds:
        return Skip(id_, "no sound file of this identifier")
    try:
        sound = check_sound(sounds[id_], level)
    except FileError as error:
        return Skip(id_, str(error))
    whole = sound.duration_s > end_s - start_s + _SLACK_S
    if whole and sound.duration_s < end_s - _SLACK_S:
        return Skip(id_, f"the file lasts {sound.duration_s:.1f} s, neither the excerpt nor the whole up to {end_s:.1f} s")
    begin_s = start_s if whole else 0.0
    return Item(
        id_, NAME, sounds[id_], min(end_s - start_s, sound.duration_s - begin_s), sound.sample_rate,
        captions=(caption,), tags=_aspects(row.get("aspect_list")), start_s=begin_s, licence=LICENCE,
        split="test" if str(row.get("is_audioset_eval")).strip().lower() == "true" else "train",
    )  # fmt: skip


def _aspects(text: str | None) -> tuple[str, ...]:
    """The list that is written as Python writes lists."""
    try:
        return words_of(ast.literal_eval(text or "[]"))
    except (ValueError, SyntaxError):
        return words_of((text or "").strip("[]").replace("'", ""))
