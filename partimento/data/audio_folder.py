"""A folder of sound files as training windows: window ``i`` of seed ``s`` is always the same sound."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
RENDERED_MANIFEST = "manifest.jsonl"


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
    lines = []
    for text in (folder / RENDERED_MANIFEST).read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue  # a line cut off by a crash
    return [
        folder / "items" / line["id"] / "mix.flac" for line in sorted(lines, key=lambda d: str(d["id"])) if line["split"] == split
    ]


class AudioWindows:
    """Random mono windows of a set of files, files chosen in proportion to their length.

    Args:
        files: from :func:`find_audio`.
        sample_rate: Hz of the windows; other rates are resampled.
        window_samples: length of a window at ``sample_rate``; shorter files are padded with silence.
        gain_db: each window is scaled by a random gain of up to this many decibels either way.
        silence_rms: a window quieter than this is drawn again (at most four times).
    """

    def __init__(
        self,
        files: Sequence[AudioFile],
        sample_rate: int,
        window_samples: int,
        *,
        gain_db: float = 0.0,
        silence_rms: float = 1e-4,
    ) -> None:
        self._files = list(files)
        self._sample_rate, self._window, self._gain_db, self._silence = sample_rate, window_samples, gain_db, silence_rms
        lengths = np.array([f.duration_s for f in self._files])
        self._ends = np.cumsum(lengths) / lengths.sum()
        self.duration_s = float(lengths.sum())

    def batch(self, rng: np.random.Generator, size: int) -> NDArray[np.float32]:
        """``[size, window_samples]``, decided by ``rng`` alone."""
        return np.stack([self._draw(rng) for _ in range(size)])

    def _draw(self, rng: np.random.Generator) -> NDArray[np.float32]:
        window = np.zeros(self._window, dtype=np.float32)
        for _ in range(5):
            file = self._files[min(int(np.searchsorted(self._ends, rng.random(), side="right")), len(self._files) - 1)]
            window = self._read(file, float(rng.random()))
            if float(np.sqrt(np.mean(window**2))) >= self._silence:
                break
        gain = 10.0 ** (rng.uniform(-self._gain_db, self._gain_db) / 20.0)
        peak = float(np.abs(window).max())
        return np.asarray(window * min(gain, 1.0 / max(peak, 1e-9)), dtype=np.float32)

    def _read(self, file: AudioFile, place: float) -> NDArray[np.float32]:
        """The window at ``place`` (0 first possible, 1 last possible)."""
        import soundfile

        need = -(-self._window * file.sample_rate // self._sample_rate)
        start = int(place * max(0, file.n_samples - need))
        samples, _ = soundfile.read(str(file.path), frames=need, start=start, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1, dtype=np.float32)
        if file.sample_rate != self._sample_rate:
            import soxr

            mono = soxr.resample(mono, file.sample_rate, self._sample_rate)
        mono = mono[: self._window]
        return np.pad(mono, (0, self._window - len(mono)))
