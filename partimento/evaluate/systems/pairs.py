"""Tables of pairs: what an edit or an inpainting made against what it should be, file by file.

Edits: ``--inputs`` before the edit, ``--reference`` as it should be after. Inpainting: ``--reference`` the whole pieces,
``--regions`` a CSV of ``id,start_s,end_s``; outside the region nothing may differ.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from partimento.errors import FileError, RequestError
from partimento.evaluate.embedders import SIGNAL, embedder
from partimento.evaluate.systems.distribution import COLUMNS as DISTANCES
from partimento.evaluate.systems.distribution import VectorSet, distances
from partimento.evaluate.systems.pair_jobs import SCORE, STEM_SCORE, EditJob, InpaintJob
from partimento.evaluate.systems.papers import paper_columns, paper_rows
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, marked_partial, mean_figure, versions
from partimento.evaluate.systems.text_to_music import named
from partimento.evaluate.systems.work import (
    GroupJob,
    Measured,
    Progress,
    Skipped,
    data_hash,
    measure_groups,
    no_progress,
    sound_files,
)

DB_LIMIT = 100.0
"""Ratios beyond this, infinite ones too, count as this much."""
EDIT_COLUMNS = (
    *DISTANCES,
    Column("mel", "multi-scale log-mel distance", "less"),
    Column("LSD", "log-spectral distance, dB", "less"),
    Column("chroma", "chroma cosine", "more"),
    Column("SSIM", "of raw power mel at 16 kHz, as Instruct-MusicGen takes it", "more"),
    Column("SSIM log", "the same on dB", "more"),
    Column("SI-SDR", "dB at 16 kHz mono; median over clips whose reference sounds, kept within ±100", "more"),
    Column("SI-SDRi", "dB above the input's own; median", "more"),
)
STEM = Column(STEM_SCORE, "share of the clips in which the named stem is there, or gone, as a separator hears it", "more")
INPAINT_COLUMNS = (
    *DISTANCES,
    Column("exact outside", "share of the pieces whose samples outside the region are all equal", "more"),
    Column("seam percentile", "worst seam against the piece's own changes, 0-100", "less"),
    Column("seam click", "step at the seam over what is usual around it; above 2 it clicks", "less"),
    Column("mel inside", "multi-scale log-mel distance in the region", "less"),
    Column("chroma inside", "chroma cosine in the region", "more"),
)


@dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        systems: folders, one per system.
        reference: what should come out (``edit``), or the whole pieces (``inpaint``).
        inputs: what went in (``edit``); None leaves SI-SDRi out.
        regions: CSV (``inpaint``).
        embedder, bootstrap, seed, papers, n_jobs, cache: see :mod:`partimento.evaluate.systems.text_to_music`.
        group: name of the papers' rows to set beside, e.g. ``Slakh, remove``.
        stem: one of :data:`partimento.listen.separate.STEMS`: is it there (``edit``; what P-Demucs asks of Demucs' four)?
        gone: ask instead whether it is gone.
        title: of the table.
    """

    systems: tuple[Path, ...]
    reference: Path
    inputs: Path | None = None
    regions: Path | None = None
    embedder: str = SIGNAL
    bootstrap: int = 50
    seed: int = 0
    papers: bool = False
    group: str | None = None
    stem: str | None = None
    gone: bool = False
    title: str = "Edits"
    n_jobs: int | None = None
    cache: Path | None = None


@dataclass
class _Gathered:
    ours: VectorSet
    theirs: VectorSet
    n: int = 0
    n_skipped: int = 0
    n_silent: int = 0
    scores: dict[str, list[float]] = field(default_factory=dict)
    methods: set[str] = field(default_factory=set)
    digests: list[str] = field(default_factory=list)

    def add(self, found: Measured) -> None:
        """Take in a pair."""
        self.n += 1
        self.n_silent += int(found.values["silent"])
        self.ours.add(found.values["ours"])
        self.theirs.add(found.values["theirs"])
        self.digests.append(found.sha256)
        self.methods |= {str(found.values["method"])} - {""} if "method" in found.values else set()
        for name, value in found.values.items():
            if name.startswith(SCORE):
                self.scores.setdefault(name.removeprefix(SCORE), []).append(float(value))


Group = tuple[tuple[Path, ...], GroupJob]
Grouper = Callable[[str, Path, Path], Group]
"""Name, target and what was made → what is measured together; raises RequestError where it cannot be."""


def read_regions(path: Path) -> dict[str, tuple[float, float]]:
    """``id → (start_s, end_s)``.

    Raises:
        FileError: unreadable, other columns, or a region that is backwards.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        found = {row["id"]: (float(row["start_s"]), float(row["end_s"])) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path}: a CSV with the columns id, start_s, end_s is needed ({error})") from error
    for name, (start, end) in found.items():
        if not 0 <= start < end:
            raise FileError(f"{path}: region of {name} runs from {start:g} to {end:g} s; 0 <= start < end is needed")
    return found


def evaluate_edit_audio(options: Options, command: str, progress: Progress = no_progress) -> SystemsTable:
    """Systems' edits against what they should be.

    Raises:
        FileError, RequestError: folders without sound, or without a file in common.
    """
    inputs = sound_files(options.inputs) if options.inputs is not None else {}
    job = EditJob(options.embedder, options.stem, options.gone)

    def group(name: str, target: Path, made: Path) -> Group:
        """With the input, where there is one."""
        return (made, target, *([inputs[name]] if name in inputs else [])), job

    extra = [("(the unedited input)", inputs)] if inputs else []
    rows, skipped, notes = _rows(options, group, extra, progress)
    published = paper_rows("edit", options.group) if options.papers else []
    columns = (*EDIT_COLUMNS, STEM, *paper_columns(published))
    return SystemsTable(options.title, command, columns, (*rows, *published), notes, tuple(skipped), versions())


def evaluate_inpaint(options: Options, command: str, progress: Progress = no_progress) -> SystemsTable:
    """Systems' inpaintings against the pieces they were cut from.

    Raises:
        FileError, RequestError: as above; no regions.
    """
    if options.regions is None:
        raise RequestError("inpaint needs --regions: a CSV with the columns id, start_s, end_s")
    regions = read_regions(options.regions)

    def group(name: str, target: Path, made: Path) -> Group:
        """With its region."""
        if name not in regions:
            raise RequestError("no region is given for it")
        return (made, target), InpaintJob(*regions[name], options.embedder)

    rows, skipped, notes = _rows(options, group, [], progress)
    published = paper_rows("inpaint", options.group) if options.papers else []
    return SystemsTable(
        "Inpainting",
        command,
        (*INPAINT_COLUMNS, *paper_columns(published)),
        (*rows, *published),
        notes,
        tuple(skipped),
        versions(),
    )


def _rows(
    options: Options, group: Grouper, extra: list[tuple[str, dict[str, Path]]], progress: Progress
) -> tuple[list[Row], list[str], tuple[str, ...]]:
    """One row per system."""
    targets = sound_files(options.reference)
    skipped: list[str] = []
    notes = [f"embedder: {embedder(options.embedder).name}; {options.bootstrap} bootstrap draws, seed {options.seed}"]
    rows = []
    methods: set[str] = set()
    systems = [*extra, *((name, sound_files(folder)) for name, folder in named(options.systems).items())]
    for name, files in systems:
        if not targets.keys() & files.keys():
            raise RequestError(f"no file of {name} is named like one of {options.reference}; pairs have equal names")
        dim = embedder(options.embedder).dim
        gathered = _Gathered(VectorSet(dim, options.seed), VectorSet(dim, options.seed))
        groups: list[Group] = []
        for key, target in targets.items():
            try:
                groups.append(group(key, target, _there(files, key)))
            except RequestError as error:
                gathered.n_skipped += 1
                skipped.append(f"{name}/{files[key].name if key in files else key}: {error}")
        skipped += [
            f"{name}/{path.name}: the reference has no file of that name" for k, path in files.items() if k not in targets
        ]
        for result in _measured(groups, options, progress, name):
            if isinstance(result, Measured):
                gathered.add(result)
            else:
                gathered.n_skipped += 1
                skipped.append(f"{name}/{result.path.name}: {result.reason}")
        methods |= gathered.methods
        rows.append(_row(name, gathered, options, notes))
    notes += [f"stem {options.stem} {'gone' if options.gone else 'there'}, taken apart by {m}" for m in sorted(methods)]
    return marked_partial(rows), skipped, tuple(dict.fromkeys(notes))


def _there(files: Mapping[str, Path], key: str) -> Path:
    if key not in files:
        raise RequestError("no such file")
    return files[key]


def _measured(groups: list[Group], options: Options, progress: Progress, label: str) -> Iterator[Measured | Skipped]:
    """Measure groups; networks only in this process."""
    n_jobs = options.n_jobs if options.embedder == SIGNAL else 1
    return measure_groups(groups, cache=options.cache, n_jobs=n_jobs, progress=progress, label=label)


def _row(name: str, gathered: _Gathered, options: Options, notes: list[str]) -> Row:
    figures: dict[str, Figure] = {}
    if gathered.ours.n > 1:
        figures, found = distances(gathered.theirs, gathered.ours, bootstrap=options.bootstrap)
        notes += [f"{name}: {line}" for line in found]
    for column, values in gathered.scores.items():
        finite = [v for v in values if math.isfinite(v)]
        of: Callable[..., Any] = np.median if column.startswith("SI-SDR") else np.mean
        if column.startswith("SI-SDR"):
            finite = [float(np.clip(v, -DB_LIMIT, DB_LIMIT)) for v in values if not math.isnan(v)]
        if finite:
            figures[column] = mean_figure(finite, 4 * options.bootstrap, options.seed, of)
    silent = gathered.n_silent / gathered.n if gathered.n else 0.0
    anchor = name.startswith("(")
    return Row(name, gathered.n, gathered.n_skipped, silent, figures, anchor=anchor, data=data_hash(gathered.digests))
