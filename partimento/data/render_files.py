"""Files of a rendered item: written whole or not at all, looked at cheaply, and taken up when only their line is missing."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError

Samples = NDArray[np.float32]

LINE_KEYS = ("id", "split", "source", "group", "soundfont", "seconds", "stems", "captions")
"""What a line of the manifest says of its item; ``bytes`` comes behind it."""
MIX, ITEM, SCORE = "mix.flac", "item.json", "score.json"
_FLAC_LEVEL = 0.25  # of libsndfile's 0 to 1: level 2 of 8; higher ones cost time and save two per cent
_LENGTH_SLACK_S = 0.01


class WriteError(FileError):
    """An item cannot be written: the next one could not either."""


def item_folder(out: Path, index: int | str) -> Path:
    """Where an item lies."""
    return out / "items" / (index if isinstance(index, str) else f"{index:06d}")


def write_item(
    final: Path, mix: Samples, stems: Sequence[Samples], sample_rate: int, item: Mapping[str, Any], score: str
) -> dict[str, int]:
    """An item's folder, under a temporary name first.

    Args:
        final: the folder.
        mix: ``[n]``.
        stems: ``[n]`` each; none are written where there are none.
        sample_rate: Hz.
        item: truth.
        score: as JSON.

    Returns:
        Size of each file in bytes.

    Raises:
        WriteError: it cannot be written; nothing is left of it.
    """
    temporary = final.with_name(f"{final.name}.partial")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        (temporary / MIX).write_bytes(flac_of(mix, sample_rate))
        if stems:
            (temporary / "stems").mkdir()
        for i, samples in enumerate(stems):
            (temporary / "stems" / f"{i:02d}.flac").write_bytes(flac_of(samples, sample_rate))
        (temporary / ITEM).write_text(json.dumps(item, indent=1) + "\n", encoding="utf-8")
        (temporary / SCORE).write_text(score, encoding="utf-8")
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
    except OSError as error:
        raise WriteError(f"cannot write {final}: {error.strerror or error}") from error
    finally:
        # Also after Ctrl-C; the error on its way out must not be replaced by one of cleaning up.
        shutil.rmtree(temporary, ignore_errors=True)
    return sizes(final)


def flac_of(samples: Samples, sample_rate: int) -> bytes:
    """A mono file of 16 bits; what is above full scale stands at the ceiling. In memory: libsndfile hides that a disk is full."""
    import soundfile

    scaled = samples * np.float32(2**15)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -(2**15), 2**15 - 1, out=scaled)
    data = io.BytesIO()
    soundfile.write(data, scaled.astype(np.int16), sample_rate, "PCM_16", format="FLAC", compression_level=_FLAC_LEVEL)
    return data.getvalue()


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of an item."""
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}


def line_of(folder: Path, stems: bool) -> dict[str, Any] | None:
    """The line of the manifest for an item that is whole, or None where it is not.

    Args:
        folder: of the item.
        stems: it shall have stems.
    """
    try:
        item = json.loads((folder / ITEM).read_text(encoding="utf-8"))
        line = {key: item[key] for key in LINE_KEYS} | {"stems": len(item["stems"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if line["id"] != folder.name or damage(folder, line, stems) else line | {"bytes": sizes(folder)}


def damage(folder: Path, line: Mapping[str, Any], stems: bool) -> str:
    """What is wrong with an item on disk, in words; empty when nothing is.

    Files are there and as long as the manifest says, the JSON parses, and the sound is as long as its header and the item say.
    Sizes are not known of items made before they were noted: there the last sample of every file is read.

    Args:
        folder: of the item.
        line: its line of the manifest.
        stems: it shall have stems.
    """
    if not folder.is_dir():
        return f"its folder {folder.name} is missing"
    sounds = [MIX, *(f"stems/{i:02d}.flac" for i in range(int(line["stems"]) if stems else 0))]
    known = line.get("bytes")
    for name in [*sounds, ITEM, SCORE]:
        said = file_damage(folder / name, known.get(name) if isinstance(known, dict) else None)
        if said:
            return f"{name} {said}"
    try:
        for name in (ITEM, SCORE):
            if not isinstance(json.loads((folder / name).read_text(encoding="utf-8")), dict):
                return f"{name} is damaged (no object)"
    except (OSError, ValueError):
        return f"{name} is damaged (not JSON)"
    for name in sounds:
        said = _sound_damage(folder / name, float(line["seconds"]), to_the_end=not isinstance(known, dict))
        if said:
            return f"{name} {said}"
    return ""


def file_damage(path: Path, n_bytes: int | None = None) -> str:
    """Is a file there, and as long as it was written? In words; empty when nothing is wrong."""
    if not path.is_file():
        return "is missing"
    found = path.stat().st_size
    if found == 0:
        return "is empty"
    return "" if n_bytes in (None, found) else f"has {found} bytes instead of {n_bytes}"


def _sound_damage(path: Path, seconds: float, *, to_the_end: bool) -> str:
    """What a FLAC file's header says against it."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            found = file.frames / file.samplerate
            if abs(found - seconds) > _LENGTH_SLACK_S:
                return f"lasts {found:.3f} s instead of {seconds:.3f} s"
            if to_the_end:
                file.seek(file.frames - 1)
                if len(file.read(1)) < 1:
                    return "is cut off"
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        return "is damaged (no readable sound)"
    return ""
