"""Manifests of AudioCraft, with MusicGen's texts.

Layout (``docs/DATASETS.md``, ``audiocraft/data/audio_dataset.py`` and ``music_dataset.py`` of
``github.com/facebookresearch/audiocraft``): ``data.jsonl`` or ``data.jsonl.gz``, one JSON per line with ``path``,
``duration`` (seconds), ``sample_rate`` and possibly ``amplitude``, ``weight``, ``info_path``; beside each sound file a
``.json`` of the same name with any of ``title``, ``artist``, ``key``, ``bpm``, ``genre``, ``moods``, ``keywords``,
``description``, ``name``, ``instrument``. A manifest in a folder called train, valid or test is that split. Relative paths
are tried from the manifest's folder and the folders above it up to the root given. Files inside of zip archives
(``archive.zip:member``) are not read.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, Split, split_named, text_of, words_of

NAME = "audiocraft"
_NAMES = ("data.jsonl", "data.jsonl.gz", "data.json.gz")
_TAG_KEYS = ("genre", "moods", "keywords", "instrument")


def _manifests(root: Path) -> list[Path]:
    """The manifest itself, or those under a folder."""
    if root.is_file():
        return [root]
    return sorted(path for name in _NAMES for path in root.rglob(name))


def detect(root: Path) -> bool:
    """True for a manifest, or a folder that holds some."""
    if root.is_file():
        return root.name.endswith((".jsonl", ".jsonl.gz", ".json.gz"))
    return bool(_manifests(root))


def read(root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
    """Lines of the manifests in their order."""
    base = root.parent if root.is_file() else root
    for manifest in _manifests(root):
        split = next((s for part in (manifest.stem.split(".")[0], manifest.parent.name) if (s := split_named(part))), None)
        try:
            for number, text in enumerate(_lines(manifest), 1):
                if text.strip():
                    yield from _items(text, f"{manifest.relative_to(base)}:{number}", manifest, base, split, level)
        except (OSError, EOFError, UnicodeDecodeError) as error:
            yield Skip(str(manifest.relative_to(base)), f"the manifest is damaged ({error}); what comes after is not read")


def _lines(manifest: Path) -> Iterator[str]:
    """Text lines, unpacked where needed."""
    with manifest.open("rb") as raw:
        file = gzip.GzipFile(fileobj=raw) if manifest.suffix == ".gz" else raw
        for line in file:
            yield line.decode("utf-8")


def _items(text: str, place: str, manifest: Path, base: Path, split: Split | None, level: Level) -> Iterator[Item | Skip]:
    """One line."""
    try:
        row = json.loads(text)
        name = str(row["path"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        yield Skip(place, f"the line is damaged ({type(error).__name__})")
        return
    path = _sound(name, manifest, base)
    if path is None:
        why = "files inside of zip archives are not read" if ".zip:" in name else "file is missing"
        yield Skip(name, why)
        return
    captions, tags, problem = _words(path, row.get("info_path"))
    if problem:
        yield Skip(name, problem, "caption")
    for found in checked_item(NAME, name, path, (), level, captions=captions, tags=tags, split=split):
        if isinstance(found, Item) and _differs(found, row):
            said = f"{row.get('duration')} s at {row.get('sample_rate')} Hz"
            yield Skip(name, f"the manifest says {said}, the file {found.duration_s:.3f} s at {found.sample_rate} Hz")
            continue
        yield found


def _sound(name: str, manifest: Path, base: Path) -> Path | None:
    """Where the file lies that a line names."""
    path = Path(name)
    if path.is_absolute():
        return path if path.is_file() else None
    folder = manifest.parent
    places = [folder]
    while folder != base and folder != folder.parent:
        folder = folder.parent
        places.append(folder)
    # AudioCraft runs in its own folder, whose subfolder egs/ holds the manifests.
    places += [base.parent, base.parent.parent]
    return next((place / path for place in places if (place / path).is_file()), None)


def _differs(item: Item, row: dict[str, Any]) -> bool:
    """True when the manifest was written for another file (MP3 lengths differ by a few frames from reader to reader)."""
    duration, rate = row.get("duration"), row.get("sample_rate")
    if isinstance(rate, int) and rate != item.sample_rate:
        return True
    return isinstance(duration, int | float) and abs(duration - item.duration_s) > max(0.2, 0.02 * item.duration_s)


def _words(path: Path, info_path: object) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Captions, tags, and what was wrong with the text beside a sound file."""
    info = Path(info_path) if isinstance(info_path, str) and Path(info_path).is_file() else path.with_suffix(".json")
    if not info.exists():
        return (), (), ""
    try:
        data = json.loads(info.read_text(encoding="utf-8"))
        caption = text_of(data.get("description"))
        tags = [tag for key in _TAG_KEYS for tag in words_of(data.get(key))]
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, AttributeError) as error:
        return (), (), f"{info.name} is damaged ({type(error).__name__})"
    if "description" in data and not caption:
        return (), tuple(dict.fromkeys(tags)), "empty description"
    return ((caption,) if caption else ()), tuple(dict.fromkeys(tags)), ""
