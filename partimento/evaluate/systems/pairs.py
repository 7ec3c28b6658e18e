"""Tables of pairs: what an edit or an inpainting made against what it should be, file by file.

Edits: ``--inputs`` before the edit, ``--reference`` as it should be after. Inpainting: ``--reference`` the whole pieces,
``--regions`` a CSV of ``id,start_s,end_s``; outside the region nothing may differ.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio import Waveform, read_audio
from partimento.errors import FileError, PartimentoError, RequestError
from partimento.evaluate.embedders import SIGNAL, embedder
from partimento.evaluate.systems.distribution import COLUMNS as DISTANCES
from partimento.evaluate.systems.distribution import VectorSet, distances
from partimento.evaluate.systems.jobs import mono_at
from partimento.evaluate.systems.papers import paper_columns, paper_rows
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, marked_partial, mean_figure, versions
from partimento.evaluate.systems.text_to_music import named
from partimento.evaluate.systems.work import Progress, no_progress, sound_files
from partimento.listen.separate import separate
from partimento.metrics.bit_exactness import bit_exactness
from partimento.metrics.chroma_cosine import chroma_cosine
from partimento.metrics.instrument_presence import stem_score
from partimento.metrics.log_spectral_distance import log_spectral_distance_db
from partimento.metrics.mel_distance import mel_distance
from partimento.metrics.mel_ssim import SAMPLE_RATE as SSIM_RATE
from partimento.metrics.mel_ssim import mel_ssim
from partimento.metrics.seam_quality import seam_quality
from partimento.metrics.si_sdr import si_sdr_db, si_sdr_improvement_db

RATE = 32_000
_SILENT = 1e-4
SAME_LENGTH_S = 0.1
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
STEM = Column("stem as asked", "share of the clips in which the named stem is there, or gone, as a separator hears it", "more")
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
        embedder, bootstrap, seed, papers: see :mod:`partimento.evaluate.systems.text_to_music`.
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


@dataclass
class _Gathered:
    ours: VectorSet
    theirs: VectorSet
    n: int = 0
    n_skipped: int = 0
    n_silent: int = 0
    scores: dict[str, list[float]] = field(default_factory=dict)

    def add(self, found: Mapping[str, float]) -> None:
        for name, value in found.items():
            self.scores.setdefault(name, []).append(value)


Pair = Callable[[str, Waveform, Waveform, _Gathered], Waveform]
"""Adds the scores of a pair, and returns the sound whose silence counts."""


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
    methods: set[str] = set()

    def separator(samples: NDArray[np.float32], sample_rate: int) -> dict[str, NDArray[np.float32]]:
        """The one place that takes recordings apart, as the metric wants it."""
        found = separate(Waveform(samples[None], sample_rate), (options.stem or "drums",))
        methods.add(found.method)
        return {name: wave.mono() for name, wave in found.stems.items()}

    def judge(name: str, target: Waveform, made: Waveform, into: _Gathered) -> Waveform:
        """All scores of an edit."""
        before = read_audio(inputs[name]) if name in inputs else None
        if before is not None and abs(before.duration_s - target.duration_s) > SAME_LENGTH_S:
            raise RequestError(f"its input is {before.duration_s:.2f} s long where the reference has {target.duration_s:.2f} s")
        into.add(_edit_scores(target, made, before))
        if options.stem is not None:
            into.add({STEM.name: stem_score(made.mono(), made.sample_rate, separator, options.stem, there=not options.gone)})
        _embed(options, target, made, into)
        return made

    extra = [("(the unedited input)", inputs)] if inputs else []
    rows, skipped, notes = _rows(options, judge, extra, progress)
    published = paper_rows("edit", options.group) if options.papers else []
    notes += tuple(f"stem {options.stem} {'gone' if options.gone else 'there'}, taken apart by {m}" for m in sorted(methods))
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

    def judge(name: str, target: Waveform, made: Waveform, into: _Gathered) -> Waveform:
        """All scores of an inpainting."""
        if name not in regions:
            raise RequestError("no region is given for it")
        start, end = (round(t * target.sample_rate) for t in regions[name])
        if end > target.n_samples:
            raise RequestError(f"its region ends at {regions[name][1]:g} s, the piece at {target.duration_s:g} s")
        into.add(_inpaint_scores(target, made, start, end))
        _embed(options, target.part(start, end), made.part(start, end), into)
        return made.part(start, end)

    rows, skipped, notes = _rows(options, judge, [], progress)
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
    options: Options, judge: Pair, extra: list[tuple[str, dict[str, Path]]], progress: Progress
) -> tuple[list[Row], list[str], tuple[str, ...]]:
    """One row per system."""
    targets = sound_files(options.reference)
    skipped: list[str] = []
    notes = [f"embedder: {embedder(options.embedder).name}; {options.bootstrap} bootstrap draws, seed {options.seed}"]
    rows = []
    systems = [*extra, *((name, sound_files(folder)) for name, folder in named(options.systems).items())]
    for name, files in systems:
        common = [k for k in targets if k in files]
        if not common:
            raise RequestError(f"no file of {name} is named like one of {options.reference}; pairs have equal names")
        dim = embedder(options.embedder).dim
        gathered = _Gathered(VectorSet(dim, options.seed), VectorSet(dim, options.seed))
        missing = [k for k in targets if k not in files]
        skipped += [f"{name}/{k}: no such file" for k in missing]
        gathered.n_skipped += len(missing)
        for key in progress(common, len(common), name):
            reason = _judge_one(key, targets[key], files[key], judge, gathered)
            if reason:
                gathered.n_skipped += 1
                skipped.append(f"{name}/{files[key].name}: {reason}")
        rows.append(_row(name, gathered, options, notes))
    return marked_partial(rows), skipped, tuple(dict.fromkeys(notes))


def _judge_one(key: str, target: Path, made: Path, judge: Pair, into: _Gathered) -> str:
    """Measure a pair; returns why it was left out, or nothing."""
    try:
        wanted, got = read_audio(target), read_audio(made)
        for name, wave in (("reference", wanted), ("file", got)):
            if wave.n_samples == 0 or not np.isfinite(wave.samples).all():
                return f"the {name} is empty or holds samples that are not finite"
        if abs(wanted.duration_s - got.duration_s) > SAME_LENGTH_S:
            return f"{got.duration_s:.2f} s long where the reference has {wanted.duration_s:.2f} s"
        judged = judge(key, wanted, got, into)
    except PartimentoError as error:
        return str(error).replace(str(made), made.name).replace(str(target), target.name)
    into.n += 1
    into.n_silent += int(float(np.abs(judged.samples).max(initial=0.0)) < _SILENT)
    return ""


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
    return Row(name, gathered.n, gathered.n_skipped, silent, figures, anchor=name.startswith("("))


def _both(target: Waveform, made: Waveform, rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mono at a rate, of one length."""
    a, b = mono_at(target, rate), mono_at(made, rate)
    n = min(len(a), len(b))
    return a[:n], b[:n]


def _edit_scores(target: Waveform, made: Waveform, before: Waveform | None) -> dict[str, float]:
    a, b = _both(target, made, RATE)
    x, y = _both(target, made, SSIM_RATE)
    scores = {
        "mel": mel_distance(a, b, RATE),
        "LSD": log_spectral_distance_db(a, b),
        "chroma": chroma_cosine(a, b, RATE),
        "SSIM": mel_ssim(x, y),
    }
    if float(np.abs(x).max()) < _SILENT:
        return scores
    scores |= {"SSIM log": mel_ssim(x, y, log=True), "SI-SDR": si_sdr_db(x, y)}
    if before is not None:
        z = mono_at(before, SSIM_RATE)
        n = min(len(x), len(z))
        scores["SI-SDRi"] = si_sdr_improvement_db(z[:n], x[:n], y[:n])
    return scores


def _inpaint_scores(target: Waveform, made: Waveform, start: int, end: int) -> dict[str, float]:
    if (made.sample_rate, made.n_channels) != (target.sample_rate, target.n_channels):
        raise RequestError(
            f"{made.sample_rate} Hz and {made.n_channels} channel(s); the piece has {target.sample_rate} and {target.n_channels}"
        )
    same_length = made.n_samples == target.n_samples
    exact = same_length and bit_exactness(target.samples, made.samples, (start, end)).exact
    edges = [t / made.sample_rate for t in (start, end) if 0 < t < made.n_samples]
    scores = {"exact outside": float(exact)}
    if edges and made.duration_s >= 1.0:
        seams = seam_quality(made.mono(), made.sample_rate, edges)
        scores |= {
            "seam percentile": max(s.worst_percentile for s in seams),
            "seam click": max(s.click for s in seams),
        }
    a, b = _both(target.part(start, end), made.part(start, end), RATE)
    return {**scores, "mel inside": mel_distance(a, b, RATE), "chroma inside": chroma_cosine(a, b, RATE)}


def _embed(options: Options, target: Waveform, made: Waveform, into: _Gathered) -> None:
    model = embedder(options.embedder)
    into.theirs.add(model.embed(mono_at(target, model.sample_rate)))
    into.ours.add(model.embed(mono_at(made, model.sample_rate)))
