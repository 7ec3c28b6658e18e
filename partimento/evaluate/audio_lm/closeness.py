"""How close is generated music to real music: FAD and KAD against held-out windows, equally many of everything.

Beside the model: real training windows (what a perfect model would reach), held-out windows through the codec, the model
without words, and codes drawn from a bigram chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partimento.audio.resample import mono_at
from partimento.audio.waveform import Waveform
from partimento.errors import RequestError
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.embedders import SIGNAL, embedder
from partimento.evaluate.systems.distribution import VectorSet, distances
from partimento.evaluate.systems.work import Measured, Progress, Values, measure, no_progress

if TYPE_CHECKING:
    from partimento.evaluate.audio_lm.clips import Clip
    from partimento.evaluate.systems.table import Figure

GOAL_ITEMS = 1_000
_BOOTSTRAP = 50


@dataclass(frozen=True)
class _Vectors:
    """The job of embedding a file by the embedder of that name."""

    spec: str

    @property
    def key(self) -> str:
        """For the cache."""
        return f"vectors 1 {self.spec}"

    def __call__(self, wave: Waveform) -> Values:
        """``embeddings [N, D]``."""
        model = embedder(self.spec)
        return {"embeddings": model.embed(mono_at(wave, model.sample_rate))}


def vectors_of(
    clips: Sequence[Clip], spec: str, work: Path, progress: Progress = no_progress, jobs: int | None = None
) -> tuple[VectorSet, int]:
    """Embeddings of clips, and how many could not be measured.

    Raises:
        RequestError: none could.
    """
    found: VectorSet | None = None
    failed = 0
    job = _Vectors(spec)
    for one in measure([c.path for c in clips], job, cache=work, n_jobs=jobs, progress=progress, label="embedding"):
        if not isinstance(one, Measured):
            failed += 1
            continue
        rows = one.values["embeddings"]
        found = found or VectorSet(rows.shape[1])
        found.add(rows)
    if found is None:
        raise RequestError(f"none of {len(clips)} clips could be measured")
    return found, failed


def closeness_page(
    reference: Sequence[Clip], sets: Mapping[str, Sequence[Clip]], model: str, rivals: Sequence[str], work: Path, checkpoint: str,
    *, spec: str = SIGNAL, jobs: int | None = None, progress: Progress = no_progress,
) -> Page:  # fmt: skip
    """The table.

    Args:
        reference: held-out real windows.
        sets: clips of each row, as many as the reference.
        model, rivals: rows of which the first is to be below the others.
        work: where measurements are kept.
        checkpoint: its name.
        spec: embedder (:mod:`partimento.evaluate.embedders`).
        jobs: processes.
        progress: bar.

    Raises:
        RequestError: unequal numbers.
    """
    if any(len(clips) != len(reference) for clips in sets.values()):
        raise RequestError(f"sets of {[len(c) for c in sets.values()]} clips against {len(reference)}: all must be equal")
    real, _ = vectors_of(reference, spec, work, progress, jobs)
    rows, figures = [], {}
    said: dict[str, list[str]] = {}
    for name, clips in sets.items():
        vectors, failed = vectors_of(clips, spec, work, progress, jobs)
        found, lines = distances(real, vectors, bootstrap=_BOOTSTRAP)
        for line in [*lines, *([f"{failed} clips could not be measured"] if failed else [])]:
            said.setdefault(line, []).append(name)
        rows.append((name, *(_text(found.get(key)) for key in ("FAD", "FAD∞", "KAD"))))
        figures[name] = {key: (f.value, f.low, f.high) for key, f in found.items()}
    goals = {
        f"{key} of {model} below {rival}": bool(_value(figures, model, key) < _value(figures, rival, key))
        for key in ("FAD", "KAD")
        for rival in rivals
    } | {f"{GOAL_ITEMS} items or more ({len(reference)} here)": len(reference) >= GOAL_ITEMS}
    head = ("sound", "FAD ↓", "FAD∞ ↓", "KAD ↓")
    words = (
        f"{len(reference)} held-out windows against as many of each row; embedding: {spec}; 95 % intervals by drawing clips.",
        *(f"{line} ({', '.join(names) if len(names) < len(sets) else 'all rows'})" for line, names in said.items()),
        f"Model: {checkpoint}.",
    )
    return Page("closeness", "Distance from real music", head, tuple(rows), words, figures, goals)


def _value(figures: dict[str, dict[str, tuple[float, float | None, float | None]]], row: str, key: str) -> float:
    return figures[row][key][0] if key in figures[row] else float("nan")


def _text(figure: Figure | None) -> str:
    """A figure with its interval."""
    if figure is None:
        return "–"
    if figure.low is None or figure.high is None or not np.isfinite(figure.low):
        return f"{figure.value:.3g}"
    return f"{figure.value:.3g} ({figure.low:.3g} to {figure.high:.3g})"
