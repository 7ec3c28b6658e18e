"""Measuring many files: on all cores, cached by content, resumable, and without stopping at a broken one."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from partimento.audio import read_audio
from partimento.audio.waveform import Waveform
from partimento.data.audio_folder import RENDERED_MANIFEST, SUFFIXES
from partimento.errors import FileError, PartimentoError
from partimento.paths import cache_dir, make_folder, write_bytes

T = TypeVar("T")
Values = dict[str, NDArray[Any]]
_AHEAD = 4
LEAST_S = 0.5
"""Shorter sounds are left out by name."""


class Job(Protocol):
    """What is measured of a file; must be picklable."""

    @property
    def key(self) -> str:
        """Names the measurement and its version; part of the cache's name."""
        ...

    def __call__(self, wave: Waveform) -> Values:
        """Arrays by name."""
        ...


class GroupJob(Protocol):
    """What is measured of several files together, say of an edit and what it should be; must be picklable."""

    @property
    def key(self) -> str:
        """Names the measurement, its version and all that it depends on beside the files."""
        ...

    def __call__(self, waves: Sequence[Waveform]) -> Values:
        """Arrays by name, of the files in order."""
        ...


class Progress(Protocol):
    """Wraps an iterable in a progress bar."""

    def __call__(self, items: Iterable[T], total: int, label: str, /) -> Iterable[T]: ...


def no_progress(items: Iterable[T], _total: int, _label: str, /) -> Iterable[T]:
    """Draws nothing."""
    return items


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Measured:
    """A file's values, and the SHA-256 of what was measured."""

    path: Path
    values: Values
    sha256: str = ""


def measure(
    paths: Sequence[Path],
    job: Job,
    *,
    cache: Path | None = None,
    n_jobs: int | None = None,
    progress: Progress = no_progress,
    label: str = "measuring",
) -> Iterator[Measured | Skipped]:
    """Measure files in the order given; results come one by one and are not kept.

    A result is stored under the file's SHA-256 and the job's key as soon as it is there, so that an interrupted run goes
    on where it was. Memory does not grow with the number of files.

    Args:
        paths: sound files.
        job: what to measure.
        cache: folder; None takes the user's cache.
        n_jobs: processes; None takes the cores, 1 stays in this process.
        progress, label: bar.
    """
    store = _store(cache)
    yield from _in_order(paths, partial(_one, job=job, store=store), n_jobs, progress, label)


def measure_groups(
    groups: Sequence[tuple[tuple[Path, ...], GroupJob]],
    *,
    cache: Path | None = None,
    n_jobs: int | None = None,
    progress: Progress = no_progress,
    label: str = "measuring",
) -> Iterator[Measured | Skipped]:
    """As :func:`measure`, for files that belong together, each group with its job; results bear the first file's path."""
    store = _store(cache)
    yield from _in_order(groups, partial(_group, store=store), n_jobs, progress, label)


def _store(cache: Path | None) -> Path:
    return make_folder((cache or cache_dir()) / "measured")


def _in_order(
    items: Sequence[T], one: Callable[[T], Measured | Skipped], n_jobs: int | None, progress: Progress, label: str
) -> Iterator[Measured | Skipped]:
    """Results in order, in this process or with several."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    n = max(1, min(n_jobs or n_cores, len(items)))
    if n == 1:
        yield from progress((one(item) for item in items), len(items), label)
        return
    with ProcessPoolExecutor(n) as pool:
        yield from progress(_flying(pool, items, one, n), len(items), label)


def _flying(
    pool: ProcessPoolExecutor, items: Sequence[T], one: Callable[[T], Measured | Skipped], n: int
) -> Iterator[Measured | Skipped]:
    """Results in order, with only a few items in flight."""
    flying: dict[int, Future[Measured | Skipped]] = {}
    started = 0
    for due in range(len(items)):
        while started < len(items) and len(flying) < n * _AHEAD:
            flying[started] = pool.submit(one, items[started])
            started += 1
        wait([flying[due]], return_when=FIRST_COMPLETED)
        yield flying.pop(due).result()


def _one(path: Path, job: Job, store: Path) -> Measured | Skipped:
    """Measure one file, or take it from the cache."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry = _entry(store, digest, job.key)
        known = _read(entry) if entry.exists() else None
        if known is not None:
            return Measured(path, known, digest)
        wave = read_audio(path)
        if not np.isfinite(wave.samples).all():
            return Skipped(path, f"{int((~np.isfinite(wave.samples)).sum())} samples are not finite")
        if wave.duration_s < LEAST_S:
            return Skipped(path, f"{wave.duration_s:.3g} s long; {LEAST_S:g} s are needed")
        values = job(wave)
    except PartimentoError as error:
        return Skipped(path, str(error).replace(str(path), path.name))  # tables are published; folders are not
    except OSError as error:
        return Skipped(path, error.strerror or str(error))
    _keep(entry, values)
    return Measured(path, values, digest)


def _group(group: tuple[tuple[Path, ...], GroupJob], store: Path) -> Measured | Skipped:
    """Measure files together, or take the result from the cache."""
    paths, job = group
    try:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
        entry = _entry(store, hashlib.sha256(" ".join(digests).encode()).hexdigest(), job.key)
        known = _read(entry) if entry.exists() else None
        if known is not None:
            return Measured(paths[0], known, digests[0])
        waves = []
        for path in paths:
            try:
                waves.append(read_audio(path))
            except PartimentoError as error:
                whose = "" if path == paths[0] else f"{path.parent.name}/{path.name}: "
                return Skipped(paths[0], whose + str(error).replace(str(path), path.name))
            if waves[-1].n_samples == 0 or not np.isfinite(waves[-1].samples).all():
                return Skipped(paths[0], f"{path.parent.name}/{path.name} is empty or holds samples that are not finite")
        values = job(waves)
    except PartimentoError as error:
        return Skipped(paths[0], str(error))
    except OSError as error:
        return Skipped(paths[0], error.strerror or str(error))
    _keep(entry, values)
    return Measured(paths[0], values, digests[0])


def _entry(store: Path, digest: str, key: str) -> Path:
    """Where a result is kept: named by what was measured and how."""
    return store / f"{digest[:32]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"


def _keep(entry: Path, values: Values) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **values)  # type: ignore[arg-type]
    write_bytes(entry, buffer.getvalue())


def _read(entry: Path) -> Values | None:
    """A stored result, or None when the file is damaged (it is then made again)."""
    import zipfile

    try:
        with np.load(entry, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None


def data_hash(digests: Iterable[str]) -> str:
    """Short name of a set of files: of what is in them, whatever they are called."""
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:12]


def sound_files(folder: Path) -> dict[str, Path]:
    """Sound files of a folder (subfolders included) by name without suffix, sorted.

    A folder that ``partimento data render`` wrote gives the mixes of its items by their ids.

    Raises:
        FileError: no folder, no sound in it, or two files of one name.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder")
    if (folder / RENDERED_MANIFEST).exists():
        found = {path.parent.name: path for path in sorted(folder.glob("items/*/mix.flac"))}
    else:
        found = {}
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
            if path.stem in found:
                raise FileError(
                    f"{folder} has two files named {path.stem} ({found[path.stem].name}, {path.name}); names must be unique"
                )
            found[path.stem] = path
    if not found:
        raise FileError(f"no sound files in {folder}; wav, flac, ogg and mp3 are known")
    return found
