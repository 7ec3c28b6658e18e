"""``partimento evaluate text-to-music``: how far is what systems make from real music, and is it sound at all?"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partimento.errors import FileError, RequestError
from partimento.evaluate.systems.distribution import COLUMNS, VectorSet, distances
from partimento.evaluate.systems.jobs import SIGNAL, Embeddings, embedder
from partimento.evaluate.systems.papers import paper_columns, paper_rows
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, versions
from partimento.evaluate.systems.work import Measured, Progress, measure, no_progress, sound_files

FAULTY = Column("faulty", "share of the clips with clipping, clicks, holes, stuck loops or buzz", "less")
SECONDS = Column("seconds", "mean length of a clip")


@dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        systems: folders, one per system; a clip is named by its file without suffix.
        reference: folder of real music.
        captions: CSV with ``id`` (or ``ytid``, ``file``) and ``caption``; only clips that it names are measured. None takes all.
        embedder: see :func:`partimento.evaluate.systems.jobs.embedder`.
        equal_n: as many clips of each system (and of the reference) as the smallest has, drawn with ``seed``.
        bootstrap: draws per interval.
        seed: of all draws.
        n_jobs: processes (None: the cores).
        cache: folder (None: the user's).
        papers: set the rows that papers published beside.
    """

    systems: tuple[Path, ...]
    reference: Path
    captions: Path | None = None
    embedder: str = SIGNAL
    equal_n: bool = True
    bootstrap: int = 50
    seed: int = 0
    n_jobs: int | None = None
    cache: Path | None = None
    papers: bool = False


def read_captions(path: Path) -> dict[str, str]:
    """Captions by clip id.

    Raises:
        FileError: unreadable, or without the columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            key = next((n for n in ("id", "file", "ytid", "name") if n in names), None)
            if key is None or "caption" not in names:
                raise FileError(
                    f"{path}: columns id (or file, ytid, name) and caption are needed, got {', '.join(names) or 'none'}"
                )
            return {Path(row[key]).stem if key == "file" else row[key]: row["caption"] for row in reader if row[key]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"cannot read the captions {path}: {error}") from error


def evaluate_text_to_music(options: Options, command: str, progress: Progress = no_progress) -> SystemsTable:
    """Measure all systems.

    Raises:
        FileError: a folder without sound, or bad captions. RequestError: no clip in common with the captions, or two
            systems of one name.
    """
    folders = named(options.systems)
    wanted = set(read_captions(options.captions)) if options.captions is not None else None
    clips = {name: _wanted(sound_files(folder), wanted, name) for name, folder in folders.items()}
    reference = sound_files(options.reference)
    least = min(len(c) for c in [*clips.values(), reference]) if options.equal_n else None
    skipped: list[str] = []
    notes = [f"embedder: {embedder(options.embedder).name}, {options.bootstrap} bootstrap draws, seed {options.seed}"]
    if least is not None:
        notes.append(f"at most {least} clips of each set, drawn with seed {options.seed}")
    whole, halves = _gather(_drawn(reference, least, options.seed), options, progress, "reference", skipped)
    rows = [_row("(reference against its other half)", halves[0], halves[1], options, notes, anchor=True)]
    for name, found in clips.items():
        gathered, _ = _gather(_drawn(found, least, options.seed), options, progress, name, skipped)
        rows.append(_row(name, whole, gathered, options, notes))
    published = paper_rows("text-to-music") if options.papers else []
    columns = (*COLUMNS, FAULTY, SECONDS, *paper_columns(published))
    return SystemsTable(
        "Text to music", command, columns, (*rows, *published), tuple(dict.fromkeys(notes)), tuple(skipped), versions()
    )


@dataclass
class Gathered:
    """A set of clips, measured."""

    vectors: VectorSet
    n: int = 0
    n_skipped: int = 0
    n_silent: int = 0
    n_faulty: int = 0
    seconds: float = 0.0


def named(folders: Sequence[Path]) -> dict[str, Path]:
    """Systems by the name of their folder.

    Raises:
        RequestError: none, or two of one name.
    """
    if not folders:
        raise RequestError("no system named; give one folder of sound files per system")
    found: dict[str, Path] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise RequestError(f"two systems are named '{name}'; rename one of the folders")
        found[name] = folder
    return found


def _wanted(files: Mapping[str, Path], wanted: set[str] | None, system: str) -> dict[str, Path]:
    if wanted is None:
        return dict(files)
    found = {name: path for name, path in files.items() if name in wanted}
    if not found:
        raise RequestError(
            f"no file of {system} is named by the captions (e.g. {next(iter(files))}); file names must be caption ids"
        )
    return found


def _drawn(files: Mapping[str, Path], most: int | None, seed: int) -> list[Path]:
    """All paths, or a seeded choice of them in order."""
    paths = list(files.values())
    if most is None or len(paths) <= most:
        return paths
    return [paths[i] for i in np.sort(np.random.default_rng(seed).permutation(len(paths))[:most])]


def _gather(
    paths: Sequence[Path], options: Options, progress: Progress, label: str, skipped: list[str]
) -> tuple[Gathered, tuple[Gathered, Gathered]]:
    """A set as a whole, and as its even and odd clips."""
    dim = embedder(options.embedder).dim
    sets = [Gathered(VectorSet(dim, options.seed)) for _ in range(3)]
    results = measure(
        paths, Embeddings(options.embedder), cache=options.cache, n_jobs=options.n_jobs, progress=progress, label=label
    )
    for index, result in enumerate(results):
        for one in (sets[0], sets[1 + index % 2]):
            if not isinstance(result, Measured):
                one.n_skipped += 1
                continue
            one.n += 1
            one.n_silent += int(result.values["silent"])
            faults = str(result.values["faults"])
            one.n_faulty += bool(faults)
            one.seconds += float(result.values["duration_s"])
            one.vectors.add(result.values["embeddings"])
        if not isinstance(result, Measured):
            skipped.append(f"{label}/{result.path.name}: {result.reason}")
    return sets[0], (sets[1], sets[2])


def _row(name: str, reference: Gathered, system: Gathered, options: Options, notes: list[str], *, anchor: bool = False) -> Row:
    figures, found = distances(reference.vectors, system.vectors, bootstrap=options.bootstrap)
    notes += [f"{name}: {line}" for line in found]
    if system.n:
        figures["faulty"] = Figure(system.n_faulty / system.n, n=system.n)
        figures["seconds"] = Figure(system.seconds / system.n, n=system.n)
    return Row(name, system.n, system.n_skipped, system.n_silent / system.n if system.n else 0.0, figures, anchor=anchor)
