"""Datasets that :mod:`partimento.data.render` wrote: ``manifest.jsonl`` and ``items/NNNNNN/`` with mix, stems, score and
truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partimento.data.audio_folder import RENDERED_MANIFEST, manifest_lines
from partimento.data.datasets.build import checked_item
from partimento.data.datasets.item import Item, Level, Skip, Stem, split_named
from partimento.data.render_files import file_damage
from partimento.errors import FileError
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
    for line in manifest_lines(root):
        folder = root / "items" / str(line["id"])
        try:
            item = _truth(folder)
        except FileError as error:
            yield Skip(str(line["id"]), str(error))
            continue
        written = folder / "score.json"
        lost = file_damage(written, sizes_of(line).get(written.name)) if level == "sound" else ""
        if lost:
            yield Skip(f"{line['id']}/{written.name}", f"file {lost}", "score")
        stems, cut = _stems(folder, line, item, level)
        yield from cut
        said = _cut(folder / "mix.flac", line, folder) if level == "sound" else ""
        if said:
            yield Skip(str(line["id"]), f"mix.flac: {said}")
            continue
        for found in checked_item(
            NAME, str(line["id"]), folder / "mix.flac", stems, level,
            captions=tuple(line.get("captions", ())), split=split_named(str(line["split"])),
            tags=tuple(dict.fromkeys(str(r["instrument"]) for r in item.get("stems", ()))),
            score=written if written.exists() else None, truth=folder / "item.json",
        ):  # fmt: skip
            of_mix = isinstance(found, Skip) and found.what == "item" and "sample rates" not in found.reason
            yield Skip(found.name, f"mix.flac: {found.reason}") if isinstance(found, Skip) and of_mix else found


def _truth(folder: Path) -> dict[str, Any]:
    """An item's ``item.json``. Raises FileError that says what is wrong."""
    if not folder.is_dir():
        raise FileError("its folder is missing")
    path = folder / "item.json"
    if not path.is_file():
        raise FileError("item.json is missing")
    try:
        text = path.read_text(encoding="utf-8")
        item = json.loads(text) if text else None
    except OSError as error:
        raise FileError(f"item.json cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise FileError("item.json is damaged (not JSON)") from error
    if not isinstance(item, dict):
        raise FileError("item.json is damaged (no object)" if text else "item.json is empty")
    return item


def _stems(folder: Path, line: dict[str, Any], item: dict[str, Any], level: Level) -> tuple[list[Stem], list[Skip]]:
    """Stems as they were written (mixes alone may be all there ever was), and those that are not as long as they were."""
    sizes = sizes_of(line)
    wrote_stems = any(name.startswith("stems/") for name in sizes) if sizes else (folder / "stems").is_dir()
    if not wrote_stems:
        return [], []
    stems = [Stem(str(r["name"]), role_of(r), folder / str(r["file"])) for r in item.get("stems", ())]
    cut = {stem.path: said for stem in stems if level == "sound" and (said := _cut(stem.path, line, folder))}
    skips = [Skip(f"{line['id']}/{s.path.name}", f"{s.name}: {cut[s.path]}", "stem") for s in stems if s.path in cut]
    return [stem for stem in stems if stem.path not in cut], skips


def _cut(path: Path, line: dict[str, Any], folder: Path) -> str:
    """A file that has not the size it was written with, in words; whether it is there is asked elsewhere."""
    wanted = sizes_of(line).get(path.relative_to(folder).as_posix())
    if wanted is None or not path.is_file() or path.stat().st_size == 0:
        return ""
    said = file_damage(path, wanted)
    return f"file {said}" if said else ""


def sizes_of(line: dict[str, Any]) -> dict[str, int]:
    """Bytes of an item's files as its line has them; none where it was made before they were noted."""
    sizes = line.get("bytes")
    return sizes if isinstance(sizes, dict) else {}


def role_of(row: dict[str, Any]) -> str:
    """Role of a stem by its instrument."""
    if row.get("is_drum"):
        return "drums"
    if row.get("program") in _PIANOS:
        return "piano"
    known = instruments().get(str(row.get("instrument")))
    return _FAMILIES.get(known.family, "other") if known is not None else "other"
