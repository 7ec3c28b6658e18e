"""Which instrument families are heard in a sound? A small network trained on stems of other SoundFonts than the model's.

Windows of rendered stems are mixed anew (some stems of one item, now and then of two, levels and tone colour changed), so that
families do not hint at each other and a SoundFont's own colour matters little. A family counts as present when its stems
are at most 20 dB below the mix, as absent when they are more than 40 dB below; between, it is not judged.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.data.render import read_manifest
from partimento.errors import FileError
from partimento.evaluate.audio_lm.windows import families, family_of, read_item
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.paths import make_folder, write_bytes

Floats = NDArray[np.float32]
SAMPLE_RATE = 32_000
FRAME_RATE_HZ = 25.0
N_MELS = 128
_WINDOW, _HOP = 2_560, 1_280
_FLOOR = 1e-5
_PRESENT_DB, _ABSENT_DB = -20.0, -40.0
_SILENT = 1e-4  # mean magnitude of a mel band; a stem below it says nothing
TRAIN, HELD_OUT = "train", "held out"


@dataclass(frozen=True, eq=False)
class Stem:
    """A stem as log-mel frames.

    Attributes:
        family: may be empty.
        frames: ``[T, 128]``, natural logarithm of mel magnitudes, float16, 25 per second.
    """

    family: str
    frames: NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Stems:
    """Items by their stems.

    Attributes:
        train, held_out: items; the second are of the renderer's validation and test splits, so of other tunes.
        soundfonts: that played them.
        fingerprint: of the items.
    """

    train: tuple[tuple[Stem, ...], ...]
    held_out: tuple[tuple[Stem, ...], ...]
    soundfonts: tuple[str, ...]
    fingerprint: str


def log_mel_frames(samples: Floats) -> Floats:
    """``[n]`` at 32 kHz to ``[T, 128]`` at 25 frames a second."""
    from partimento.metrics.mel_distance import MelScale, log_mel

    frames = log_mel(samples, SAMPLE_RATE, MelScale(_WINDOW, N_MELS))
    return np.asarray(frames[::2], dtype=np.float32)


def read_stems(data: Sequence[Path], work: Path, progress: Progress = no_progress) -> Stems:
    """The stems of rendered datasets; features are kept in ``work``.

    Raises:
        FileError: no dataset, or one without stems.
    """
    folder = make_folder(work / "stems")
    train: list[tuple[Stem, ...]] = []
    held_out: list[tuple[Stem, ...]] = []
    fonts, names = set(), []
    for dataset in data:
        lines = read_manifest(dataset)
        if not lines:
            raise FileError(f"{dataset} holds no rendered items; make them with 'partimento data render'")
        for line in progress(lines, len(lines), f"stems of {dataset.name}"):
            place = dataset / "items" / str(line["id"])
            (train if line["split"] == "train" else held_out).append(_stems_of(place, folder))
            fonts.add(str(line.get("soundfont", "")))
            names.append(str(place.resolve()))
    if not train or not held_out:
        raise FileError(
            f"{len(train)} training and {len(held_out)} held-out items with stems; both are needed, render more items"
        )
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return Stems(tuple(train), tuple(held_out), tuple(sorted(fonts)), digest)


def _stems_of(place: Path, folder: Path) -> tuple[Stem, ...]:
    """An item's stems, from the folder of features where they are there."""
    from partimento.audio import read_audio
    from partimento.audio.resample import mono_at

    rows = read_item(place)["stems"]
    path = folder / f"{hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:20]}.npz"
    if not path.exists():
        found = {}
        for i, row in enumerate(rows):
            if not row.get("file") or not (place / row["file"]).exists():
                raise FileError(f"{place} has no stems; render the dataset without --no-stems")
            found[str(i)] = log_mel_frames(mono_at(read_audio(place / row["file"]), SAMPLE_RATE)).astype(np.float16)
        buffer = io.BytesIO()
        np.savez(buffer, **found)  # type: ignore[arg-type]
        write_bytes(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as file:
        frames = [file[str(i)] for i in range(len(rows))]
    return tuple(
        Stem(family_of(str(row["instrument"]), bool(row["is_drum"])), part) for row, part in zip(rows, frames, strict=True)
    )


def draw_example(
    items: Sequence[Sequence[Stem]], n_frames: int, rng: np.random.Generator, *, vary: bool = True
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """A random mix.

    Args:
        items: to draw from.
        n_frames: length.
        rng: the only source of chance.
        vary: mix anew and change levels and colour; else a window of an item as it is.

    Returns:
        Log-mel frames ``[n_frames, 128]``, presence ``[F]`` (0 or 1) and where it is sure ``[F]``.
    """
    chosen = _cut(items[int(rng.integers(len(items)))], n_frames, rng)
    if vary:
        chosen = _some(chosen, rng, 0.5)
        if rng.random() < 0.4:
            chosen += _some(_cut(items[int(rng.integers(len(items)))], n_frames, rng), rng, 1.0)
    gains = rng.uniform(-6.0, 6.0, len(chosen)) if vary else np.zeros(len(chosen))
    parts = [(family, np.exp(2.0 * frames) * 10.0 ** (gain / 10.0)) for (family, frames), gain in zip(chosen, gains, strict=True)]
    mix = np.sum([power for _, power in parts], axis=0)
    present, sure = _truth([(family, float(power.mean())) for family, power in parts], float(mix.mean()))
    log = 0.5 * np.log(np.maximum(mix, _FLOOR**2))
    if vary:
        log = log + _colour(rng)
    return np.maximum(log, np.log(_FLOOR)).astype(np.float32), present, sure


def _cut(item: Sequence[Stem], n_frames: int, rng: np.random.Generator) -> list[tuple[str, Floats]]:
    """A window of each stem."""
    start = int(rng.integers(max(1, len(item[0].frames) - n_frames + 1)))
    out = []
    for stem in item:
        frames = stem.frames[start : start + n_frames].astype(np.float32)
        short = n_frames - len(frames)
        out.append((stem.family, np.pad(frames, ((0, short), (0, 0)), constant_values=float(np.log(_FLOOR)))))
    return out


def _some(stems: list[tuple[str, Floats]], rng: np.random.Generator, how_often: float) -> list[tuple[str, Floats]]:
    """Now and then only some of the stems."""
    if len(stems) < 2 or rng.random() >= how_often:
        return stems
    kept = rng.choice(len(stems), int(rng.integers(1, len(stems) + 1)), replace=False)
    return [stems[i] for i in sorted(kept)]


def _truth(powers: Sequence[tuple[str, float]], whole: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Presence by family, and where it is sure."""
    names = families()
    level = dict.fromkeys(names, 0.0)
    for family, power in powers:
        if family in level:
            level[family] += power
    db = np.array([10.0 * np.log10(max(level[name], 1e-30) / max(whole, 1e-30)) for name in names])
    audible = whole > _SILENT**2
    present = ((db >= _PRESENT_DB) & audible).astype(np.float32)
    return present, (db >= _PRESENT_DB) | (db < _ABSENT_DB)


def _colour(rng: np.random.Generator) -> Floats:
    """A level and a smooth change of tone colour ``[128]``, in nepers."""
    places = np.linspace(0, N_MELS - 1, 6)
    bends = rng.normal(0.0, 0.35, 6)
    return np.asarray(rng.uniform(-1.2, 0.6) + np.interp(np.arange(N_MELS), places, bends), dtype=np.float32)
