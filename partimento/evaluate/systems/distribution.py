"""Distances of a system's clips from reference clips, in memory that does not grow with the number of files."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.evaluate.systems.table import Column, Figure
from partimento.metrics.frechet_distance import Gaussian, RunningGaussian, distance, frechet_distance, frechet_infinity
from partimento.metrics.kernel_distance import kernel_distance

MAX_ROWS = 40_000
"""Vectors kept per set; beyond them a seeded, even sample of all is kept (reservoir sampling)."""
KERNEL_ROWS = 5_000
INFINITY_ROWS = 20_000
COLUMNS = (
    Column("FAD", "Fréchet distance of embeddings, all windows", "less"),
    Column("FAD∞", "the same extrapolated to infinitely many windows (5 seeds; the interval is ± one deviation)", "less"),
    Column("KAD", "unbiased MMD² x 100, bandwidth the reference's median distance", "less"),
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

    def __post_init__(self) -> None:
        self.running = RunningGaussian(self.dim)
        self.kept = np.empty((0, self.dim), np.float32)
        self._rng = np.random.default_rng(self.seed)

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take in ``[N, D]``.

        Raises:
            RequestError: wrong width or not finite.
        """
        self.running.add(rows)
        for start in range(0, len(rows), MAX_ROWS):
            self._keep(rows[start : start + MAX_ROWS])

    def _keep(self, rows: NDArray[np.float32]) -> None:
        """Reservoir sampling (Vitter's algorithm R), a block at a time."""
        room = MAX_ROWS - len(self.kept)
        if room > 0:
            self.kept = np.concatenate([self.kept, rows[:room]])
            self.n += len(rows[:room])
            rows = rows[room:]
        for row in rows:
            self.n += 1
            place = int(self._rng.integers(self.n))
            if place < MAX_ROWS:
                self.kept[place] = row

    def sample(self, most: int) -> NDArray[np.float32]:
        """At most so many of the kept vectors, evenly."""
        if len(self.kept) <= most:
            return self.kept
        return np.asarray(self.kept[np.linspace(0, len(self.kept) - 1, most).astype(int)])


def distances(reference: VectorSet, estimate: VectorSet, *, bootstrap: int = 50) -> tuple[dict[str, Figure], list[str]]:
    """FAD, FAD∞ and KAD with intervals, and lines on what had to be done differently.

    Small sets are shrunk rather than refused here, and the line says so; FAD∞ is left out where there are too few.
    """
    notes: list[str] = []
    if reference.n < 2 or estimate.n < 2:
        return {}, [f"{min(reference.n, estimate.n)} vectors are too few for any distance"]
    a, b = _gaussian(reference, "reference", notes), _gaussian(estimate, "estimate", notes)
    value = distance(a, b)
    drawn = frechet_distance(reference.kept, estimate.kept, small="shrink", bootstrap=bootstrap)
    shift = value - drawn.value
    figures = {"FAD": Figure(value, max(0.0, drawn.low + shift), max(0.0, drawn.high + shift), estimate.n)}
    try:
        found = frechet_infinity(reference.sample(INFINITY_ROWS), estimate.sample(INFINITY_ROWS))
        figures["FAD∞"] = Figure(found.value, found.value - found.spread, found.value + found.spread, estimate.n)
        notes.append(f"FAD∞ with R² {found.r2:.2f}")
    except RequestError as error:
        notes.append(f"no FAD∞: {error}")
    kernel = kernel_distance(reference.sample(KERNEL_ROWS), estimate.sample(KERNEL_ROWS), bootstrap=bootstrap)
    figures["KAD"] = Figure(kernel.value, kernel.low, kernel.high, min(estimate.n, KERNEL_ROWS))
    return figures, notes


def _gaussian(vectors: VectorSet, name: str, notes: list[str]) -> Gaussian:
    found = vectors.running.result("shrink")
    if found.shrinkage > 0:
        notes.append(f"{name}: {found.n} vectors of {found.dim} numbers are few; covariance shrunk by {found.shrinkage:.2f}")
    return found
