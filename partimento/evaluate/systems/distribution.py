"""Distances of a system's clips from reference clips, in memory that does not grow with the number of files."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.evaluate.systems.table import Column, Figure
from partimento.metrics.frechet_distance import (
    Gaussian,
    RunningGaussian,
    centred_interval,
    distance,
    frechet_infinity,
    gaussian,
)
from partimento.metrics.kernel_distance import kernel_distance

MAX_ROWS = 40_000
"""Vectors kept per set; beyond them a seeded, even sample of all is kept (reservoir sampling)."""
MAX_CLIPS = 5_000
"""Clips whose mean vectors are kept for the kernel distance: the first ones."""
INFINITY_ROWS = 20_000
COLUMNS = (
    Column("FAD", "Fréchet distance of embeddings, all windows; interval by drawing clips, spread put around the figure", "less"),
    Column("FAD∞", "the same extrapolated to infinitely many windows (5 seeds; the interval is ± one deviation)", "less"),
    Column("KAD", "unbiased MMD² x 100 of the clips' mean vectors, bandwidth the reference's median distance", "less"),
)


@dataclass
class VectorSet:
    """Embeddings of a set of clips, gathered file by file.

    Attributes:
        dim: length of a vector.
        seed: of the sample that is kept.
    """

    dim: int
    seed: int = 0
    n: int = 0
    running: RunningGaussian = field(init=False)
    kept: NDArray[np.float32] = field(init=False)
    clip_of: NDArray[np.int64] = field(init=False)
    means: list[NDArray[np.float32]] = field(init=False)

    def __post_init__(self) -> None:
        self.running = RunningGaussian(self.dim)
        self.kept = np.empty((0, self.dim), np.float32)
        self.clip_of = np.empty(0, np.int64)
        self.means: list[NDArray[np.float32]] = []
        self._n_clips = 0
        self._rng = np.random.default_rng(self.seed)

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take in the windows ``[N, D]`` of one clip.

        Raises:
            RequestError: wrong width or not finite.
        """
        self.running.add(rows)
        if len(self.means) < MAX_CLIPS:
            self.means.append(rows.mean(axis=0))
        for start in range(0, len(rows), MAX_ROWS):
            self._keep(rows[start : start + MAX_ROWS])
        self._n_clips += 1

    def _keep(self, rows: NDArray[np.float32]) -> None:
        """Reservoir sampling (Vitter's algorithm R), a block at a time."""
        room = MAX_ROWS - len(self.kept)
        if room > 0:
            self.kept = np.concatenate([self.kept, rows[:room]])
            self.clip_of = np.concatenate([self.clip_of, np.full(len(rows[:room]), self._n_clips)])
            self.n += len(rows[:room])
            rows = rows[room:]
        for row in rows:
            self.n += 1
            place = int(self._rng.integers(self.n))
            if place < MAX_ROWS:
                self.kept[place] = row
                self.clip_of[place] = self._n_clips

    def drawn(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """The kept windows of as many clips as there are, drawn with replacement: windows of a clip go together."""
        order = np.argsort(self.clip_of, kind="stable")
        clips, starts, counts = np.unique(self.clip_of[order], return_index=True, return_counts=True)
        picked = rng.integers(len(clips), size=len(clips))
        rows = np.concatenate([order[starts[i] : starts[i] + counts[i]] for i in picked])
        return np.asarray(self.kept[rows])

    def sample(self, most: int) -> NDArray[np.float32]:
        """At most so many of the kept vectors, evenly."""
        if len(self.kept) <= most:
            return self.kept
        return np.asarray(self.kept[np.linspace(0, len(self.kept) - 1, most).astype(int)])


def distances(
    reference: VectorSet, estimate: VectorSet, *, bootstrap: int = 50, seed: int = 0
) -> tuple[dict[str, Figure], list[str]]:
    """FAD, FAD∞ and KAD with intervals, and lines on what had to be done differently.

    Small sets are shrunk rather than refused here, and the line says so; FAD∞ is left out where there are too few.
    """
    notes: list[str] = []
    if reference.n < 2 or estimate.n < 2:
        return {}, [f"{min(reference.n, estimate.n)} vectors are too few for any distance"]
    a, b = _gaussian(reference, "reference", notes), _gaussian(estimate, "estimate", notes)
    value = distance(a, b)
    draws = [_drawn_distance(reference, estimate, np.random.default_rng([seed, i])) for i in range(bootstrap)]
    low, high = centred_interval(value, draws) if bootstrap else (None, None)
    figures = {"FAD": Figure(value, low, high, estimate.n)}
    try:
        found = frechet_infinity(reference.sample(INFINITY_ROWS), estimate.sample(INFINITY_ROWS))
        figures["FAD∞"] = Figure(found.value, found.value - found.spread, found.value + found.spread, estimate.n)
        notes.append(f"FAD∞ with R² {found.r2:.2f}")
    except RequestError as error:
        notes.append(f"no FAD∞: {error}")
    if min(len(reference.means), len(estimate.means)) < 2:
        return figures, [*notes, "no KAD: two clips at least are needed"]
    kernel = kernel_distance(np.stack(reference.means), np.stack(estimate.means), bootstrap=bootstrap)
    some = bootstrap and min(len(reference.means), len(estimate.means)) >= 4
    figures["KAD"] = Figure(kernel.value, kernel.low if some else None, kernel.high if some else None, len(estimate.means))
    return figures, notes


def _drawn_distance(reference: VectorSet, estimate: VectorSet, rng: np.random.Generator) -> float:
    """FAD of both sets, their clips drawn with replacement."""
    return distance(gaussian(reference.drawn(rng), "shrink"), gaussian(estimate.drawn(rng), "shrink"))


def _gaussian(vectors: VectorSet, name: str, notes: list[str]) -> Gaussian:
    found = vectors.running.result("shrink")
    if found.shrinkage > 0:
        notes.append(f"{name}: {found.n} vectors of {found.dim} numbers are few; covariance shrunk by {found.shrinkage:.2f}")
    return found
