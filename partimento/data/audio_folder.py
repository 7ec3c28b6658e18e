"""A folder of sound files as training windows: window ``i`` of seed ``s`` is always the same sound."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
RENDERED_MANIFEST = "manifest.jsonl"
_TRIES, _TRIES_BAD = 5, 32
"""Windows looked at for one that is not silent, and for one that can be read before all files are tried in turn."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A readable sound file.

    Attributes:
        path: where.
        n_samples: per channel, at the file's own rate.
        sample_rate: Hz.
    """

    path: Path
    n_samples: int
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate


def find_audio(folder: str | os.PathLike[str]) -> tuple[list[AudioFile], list[str]]:
    """Sound files under ``folder`` sorted by path, and one line for every file that was left out (corrupt or empty).

    Raises:
        FileError: the folder is missing or holds no readable sound.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileError(f"no folder {root}; give one that holds wav, flac, ogg or mp3 files")
    found, skipped = _readable(sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not found:
        raise FileError(f"no readable sound under {root} ({len(skipped)} unreadable); wav, flac, ogg and mp3 are known")
    return found, skipped


def _readable(paths: Sequence[Path]) -> tuple[list[AudioFile], list[str]]:
    """Those of the files that can be read and hold sound, and a line for every other."""
    import soundfile

    found, skipped = [], []
    for path in paths:
        try:
            info = soundfile.info(str(path))
        except (soundfile.LibsndfileError, RuntimeError) as error:
            skipped.append(f"{path}: not readable ({str(error).rsplit(': ', 1)[-1].rstrip('.')})")
            continue
        if info.frames == 0:
            skipped.append(f"{path}: no samples")
            continue
        found.append(AudioFile(path, int(info.frames), int(info.samplerate)))
    return found, skipped


def find_training_audio(folders: Sequence[str | os.PathLike[str]], split: str = "train") -> tuple[list[AudioFile], list[str]]:
    """Sound files of several folders, and what was left out.

    A folder that :mod:`partimento.data.render` wrote gives the mixes of one split; any other gives all its sound files.

    Raises:
        FileError: a folder is missing, or nothing was found in any.
    """
    files: list[AudioFile] = []
    skipped: list[str] = []
    for folder in map(Path, folders):
        if (folder / RENDERED_MANIFEST).exists():
            wanted = _mixes(folder, split)
            found, bad = _readable(wanted)
        else:
            found, bad = find_audio(folder)
        files += found
        skipped += bad
    if not files:
        raise FileError(f"no sound of the split '{split}' in {', '.join(map(str, folders))}")
    return files, skipped


def _mixes(folder: Path, split: str) -> list[Path]:
    """Mixes of a rendered dataset's split, in order."""
    return [folder / "items" / line["id"] / "mix.flac" for line in manifest_lines(folder) if line["split"] == split]


def manifest_lines(folder: Path) -> list[dict[str, Any]]:
    """Lines of a rendered dataset's manifest in order of their ids, each id once (the line written last)."""
    lines = {str(line["id"]): line for line in json_lines(folder / RENDERED_MANIFEST) if "id" in line}
    return [lines[key] for key in sorted(lines)]


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a file with one JSON a line; a line that a crash cut off is left out, a missing file has none."""
    yield from (row for row in json_values(path) if isinstance(row, dict))


def json_values(path: Path) -> Iterator[Any]:
    """As :func:`json_lines`, with lines that are JSON but no object. Raises FileError when the file cannot be opened."""
    if not path.exists():
        return
    try:
        opened = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    with opened as file:
        for text in file:
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue


class AudioWindows:
    """Random mono windows of a set of files, files chosen in proportion to their length.

    Args:
        files: from :func:`find_audio`.
        sample_rate: Hz of the windows; other rates are resampled.
        window_samples: length of a window at ``sample_rate``; shorter files are padded with silence.
        gain_db: each window is scaled by a random gain of up to this many decibels either way.
        silence_rms: a window quieter than this is drawn again (at most four times).
        on_skip: gets a file and the reason each time one of its windows cannot be read; another window is drawn then, decided by
            the generator and the files alone.
    """

    def __init__(
        self,
        files: Sequence[AudioFile],
        sample_rate: int,
        window_samples: int,
        *,
        gain_db: float = 0.0,
        silence_rms: float = 1e-4,
        on_skip: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:
        self._files, self._on_skip = list(files), on_skip
        self._sample_rate, self._window, self._gain_db, self._silence = sample_rate, window_samples, gain_db, silence_rms
        lengths = np.array([f.duration_s for f in self._files])
        self._ends = np.cumsum(lengths) / lengths.sum()
        self.duration_s = float(lengths.sum())

    def batch(self, rng: np.random.Generator, size: int) -> NDArray[np.float32]:
        """``[size, window_samples]``, decided by ``rng`` alone.

        Raises:
            FileError: none of the files can be read.
        """
        return np.stack([self._draw(rng) for _ in range(size)])

    def _draw(self, rng: np.random.Generator) -> NDArray[np.float32]:
        window = np.zeros(self._window, dtype=np.float32)
        for _ in range(_TRIES):
            window = self._readable_window(rng)
            if float(np.sqrt(np.mean(window**2))) >= self._silence:
                break
        gain = 10.0 ** (rng.uniform(-self._gain_db, self._gain_db) / 20.0)
        peak = float(np.abs(window).max())
        return np.asarray(window * min(gain, 1.0 / max(peak, 1e-9)), dtype=np.float32)

    def _readable_window(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """A random window; one that cannot be read is drawn again.

        Nothing is remembered of bad files, so that a run in pieces draws what a run in one draws.
        """
        index, place, n = 0, 0.0, len(self._files)
        for _ in range(_TRIES_BAD):
            index, place = min(int(np.searchsorted(self._ends, rng.random(), side="right")), n - 1), float(rng.random())
            window = self._read_or_skip(self._files[index], place)
            if window is not None:
                return window
        for i in range(n):
            window = self._read_or_skip(self._files[(index + i) % n], place)
            if window is not None:
                return window
        raise FileError(f"none of the {n} sound files can be read, {self._files[0].path} among them; give others")

    def _read_or_skip(self, file: AudioFile, place: float) -> NDArray[np.float32] | None:
        """A window of a file, or None when that cannot be read."""
        import soundfile

        try:
            window = self._read(file, place)
        except (soundfile.LibsndfileError, RuntimeError, OSError, ValueError) as error:
            self._on_skip(str(file.path), f"not readable ({str(error).rsplit(': ', 1)[-1].rstrip('.')})")
            return None
        if not np.isfinite(window).all():
            self._on_skip(str(file.path), "holds samples that are not numbers")
            return None
        return window

    def _read(self, file: AudioFile, place: float) -> NDArray[np.float32]:
        """The window at ``place`` (0 first possible, 1 last possible)."""
        import soundfile

        need = -(-self._window * file.sample_rate // self._sample_rate)
        start = int(place * max(0, file.n_samples - need))
        samples, _ = soundfile.read(str(file.path), frames=need, start=start, dtype="float32", always_2d=True)
        if not len(samples):
            raise FileError(f"{file.path}: cut off before sample {start} of {file.n_samples}")
        mono = samples.mean(axis=1, dtype=np.float32)
        if file.sample_rate != self._sample_rate:
            import soxr

            mono = soxr.resample(mono, file.sample_rate, self._sample_rate)
        mono = mono[: self._window]
        return np.pad(mono, (0, self._window - len(mono)))
