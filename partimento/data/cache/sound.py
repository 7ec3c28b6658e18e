"""The sound of an item at the rate and channels that an encoder wants, and a name for its bytes."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from partimento.data.datasets.check import SILENT_PEAK
from partimento.data.datasets.item import Item
from partimento.errors import FileError


def item_sound(item: Item, sample_rate: int, channels: int) -> NDArray[np.float32]:
    """``[channels, n]`` of an item: its mix, or the sum of its stems.

    Raises:
        FileError: a file that cannot be read, or sound that is silent or not finite; the message says why.
    """
    total: NDArray[np.float32] | None = None
    for path in item.paths:
        sound = _read(str(path), item)
        if total is None:
            total = sound
        else:
            longer, shorter = (total, sound) if total.shape[1] >= sound.shape[1] else (sound, total)
            # Stems of one song may differ in channels and by some samples; the shorter ends in silence.
            longer = np.array(np.broadcast_to(longer, (max(len(longer), len(shorter)), longer.shape[1])))
            longer[:, : shorter.shape[1]] += shorter
            total = longer
    if total is None or total.shape[1] == 0:
        raise FileError("no samples")
    if not np.isfinite(total).all():
        raise FileError("samples that are not numbers (NaN or infinity)")
    if float(np.abs(total).max()) < SILENT_PEAK:
        raise FileError(f"silent (all samples below {SILENT_PEAK:g})")
    if channels == 1:
        total = total.mean(axis=0, keepdims=True, dtype=np.float32)
    elif len(total) != channels:
        total = np.repeat(total.mean(axis=0, keepdims=True, dtype=np.float32), channels, axis=0)
    if item.sample_rate != sample_rate:
        import soxr

        total = np.stack([soxr.resample(side, item.sample_rate, sample_rate, quality="HQ") for side in total])
    return np.ascontiguousarray(total, dtype=np.float32)


def _read(path: str, item: Item) -> NDArray[np.float32]:
    """The item's part of a file, ``[channels, n]``."""
    import soundfile

    try:
        whole = item.start_s == 0.0 and len(item.paths) > 1
        with soundfile.SoundFile(path) as file:
            if not whole:
                file.seek(min(round(item.start_s * file.samplerate), file.frames))
            count = -1 if whole else round(item.duration_s * file.samplerate)
            samples = file.read(count, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, OSError, MemoryError) as error:
        raise FileError(f"not readable ({str(error).rsplit(': ', 1)[-1].rstrip('.')})") from error
    return np.asarray(samples.T, dtype=np.float32)


def item_key(item: Item, encoder: str) -> str:
    """SHA-256 that names what an encoder makes of an item: its files' bytes, the part of them, and the encoder.

    Args:
        item: what.
        encoder: fingerprint of the encoder.

    Raises:
        FileError: a file cannot be read.
    """
    total = hashlib.sha256(f"{encoder} {item.start_s!r} {item.duration_s!r} {item.sample_rate}".encode())
    for path in item.paths:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise FileError(f"not readable ({error.strerror or error})") from error
    return total.hexdigest()
