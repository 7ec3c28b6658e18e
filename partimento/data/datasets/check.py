"""Is a sound file usable? Asked of its header, or of every sample."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from partimento.data.datasets.item import Level, Skip, Stem, is_lost_link
from partimento.errors import FileError

SILENT_PEAK = 10.0 ** (-60.0 / 20.0)
"""A file whose samples all stay below -60 dBFS is silent."""
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Sound:
    """What a sound file holds.

    Attributes:
        n_samples: per channel.
        sample_rate: Hz.
    """

    n_samples: int
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate


def check_sound(path: Path, level: Level = "headers") -> Sound:
    """Look at a sound file.

    Raises:
        FileError: missing, corrupt, without samples; with ``level="sound"`` also silent, cut off, or with samples that
            are not numbers. The message says the reason without the path.
    """
    import soundfile

    if is_lost_link(path):
        raise FileError(f"link to nowhere ({os.readlink(path)})")
    if not path.is_file():
        raise FileError("file is missing")
    if path.stat().st_size == 0:
        raise FileError("file is empty")
    try:
        info = soundfile.info(str(path))
        found = Sound(int(info.frames), int(info.samplerate))
        if found.n_samples == 0:
            raise FileError("no samples")
        if level == "sound":
            _listen(path, found)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise FileError(f"not readable ({str(error).rsplit(': ', 1)[-1].rstrip('.')})") from error
    return found


def _listen(path: Path, sound: Sound) -> None:
    """Decode the whole file in blocks."""
    import numpy as np
    import soundfile

    peak, count = 0.0, 0
    with soundfile.SoundFile(str(path)) as file:
        for block in file.blocks(_BLOCK, dtype="float32"):
            if not np.isfinite(block).all():
                raise FileError("samples that are not numbers (NaN or infinity)")
            peak, count = max(peak, float(np.abs(block).max(initial=0.0))), count + len(block)
    # MP3 headers may promise some frames more than there are; a tenth missing is a file cut off.
    if count < 0.9 * sound.n_samples:
        raise FileError(f"cut off: {count} of {sound.n_samples} samples can be read")
    if peak < SILENT_PEAK:
        raise FileError(f"silent (all samples below {SILENT_PEAK:g})")


def check_stems(name: str, stems: Sequence[Stem], level: Level) -> tuple[tuple[Stem, ...], dict[Path, Sound], list[Skip]]:
    """The usable stems of an item, what they hold, and the others."""
    good: list[Stem] = []
    sounds: dict[Path, Sound] = {}
    skips: list[Skip] = []
    for stem in stems:
        try:
            sounds[stem.path] = check_sound(stem.path, level)
        except FileError as error:
            skips.append(Skip(f"{name}/{stem.path.name}", f"{stem.name}: {error}", "stem"))
            continue
        good.append(stem)
    return tuple(good), sounds, skips


def common_rate(rates: Sequence[int]) -> int:
    """The rate of all files of an item.

    Raises:
        FileError: they differ.
    """
    if len(set(rates)) > 1:
        raise FileError(f"mixed sample rates: {', '.join(str(r) for r in sorted(set(rates)))} Hz")
    return rates[0]
