"""Distances of a system's clips from reference clips, in memory that does not grow with the number of files."""

from __future__ import annotations

import hashlib
from bisect import insort
from dataclasses import dataclass, field
from operator import itemgetter

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

MAX_ROWS = 4_000
"""Vectors kept per set, or :data:`ROWS_PER_DIM` times their length: an even sample of the clips, chosen by their content."""
ROWS_PER_DIM = 6
MAX_CLIPS = 1_500
"""Clips whose mean vectors are kept for the kernel distance, chosen likewise."""
FEWEST_CLIPS = 4
"""Of either set, from which on there are intervals: drawing one clip again and again has no spread at all."""
COLUMNS = (
    Column("FAD", "Fréchet distance of embeddings, all windows; interval by drawing clips, spread put around the figure", "less"),
    Column("FAD∞", "the same extrapolated to infinitely many windows (5 seeds; the interval is ± one deviation)", "less"),
    Column("KAD", "unbiased MMD² x 100 of the clips' mean vectors, bandwidth the reference's median distance", "less"),
)


@dataclass
class VectorSet:
    """Embeddings of a set of clips, gathered file by file in constant memory.

    Mean and covariance are those of all vectors. What needs the vectors themselves (spread by drawing clips, FAD∞, KAD) works
    on a sample: every clip has a number that follows from its vectors and the seed alone, and those with the smallest numbers
    are kept, so the sample depends neither on the order of the clips nor on who measured them.

    Attributes:
        dim: length of a vector.
        seed: of the sample.
        n: vectors seen.
        n_clips: clips seen.
    """

    dim: int
    seed: int = 0
    n: int = 0
    n_clips: int = 0
    running: RunningGaussian = field(init=False)
    _windows: _Sample = field(init=False, repr=False)
    _means: _Sample = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.running = RunningGaussian(self.dim)
        self._windows = _Sample(max(MAX_ROWS, ROWS_PER_DIM * self.dim))
        self._means = _Sample(MAX_CLIPS)

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take in the windows ``[N, D]`` of one clip.

        Raises:
            RequestError: wrong width or not finite.
        """
        self.running.add(rows)
        kept = np.ascontiguousarray(rows, np.float32)
        digest = hashlib.sha256(kept.data)
        digest.update(str(self.seed).encode())
        self._windows.add(digest.digest(), kept)
        self._means.add(digest.digest(), kept.mean(axis=0)[None])
        self.n += len(rows)
        self.n_clips += 1

    @property
    def kept(self) -> NDArray[np.float32]:
        """The kept vectors ``[K, D]``."""
        return self._stacked(self._windows)

    @property
    def n_kept_clips(self) -> int:
        """Clips whose vectors are kept."""
        return len(self._windows.entries)

    @property
    def means(self) -> NDArray[np.float32]:
        """Mean vectors of kept clips ``[C, D]``."""
        return self._stacked(self._means)

    def drawn(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """The windows of as many clips as are kept, drawn with replacement: windows of a clip go together."""
        clips = [rows for _, rows in self._windows.entries]
        return np.concatenate([clips[i] for i in rng.integers(len(clips), size=len(clips))])

    def _stacked(self, sample: _Sample) -> NDArray[np.float32]:
        return np.concatenate([np.empty((0, self.dim), np.float32), *(rows for _, rows in sample.entries)])


class _Sample:
    """Clips with the smallest numbers, as many as have together at most so many rows.

    Args:
        most: rows.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.entries: list[tuple[bytes, NDArray[np.float32]]] = []
        self._n_rows = 0
        self._limit: bytes | None = None  # the smallest number that had to go: from it on none comes in

    def add(self, number: bytes, rows: NDArray[np.float32]) -> None:
        """Take a clip in, or not; of one that is very long an even choice of its rows."""
        if self._limit is not None and number >= self._limit:
            return
        longest = max(1, self.most // 4)
        if len(rows) > longest:
            rows = rows[np.linspace(0, len(rows) - 1, longest).astype(int)]
        insort(self.entries, (number, rows.copy()), key=itemgetter(0))
        self._n_rows += len(rows)
        while self._n_rows > self.most:
            self._limit, gone = self.entries.pop()
            self._n_rows -= len(gone)


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
    low, high = _spread(value, reference, estimate, bootstrap, seed)
    figures = {"FAD": Figure(value, low, high, estimate.n)}
    for name, vectors in (("reference", reference), ("estimate", estimate)):
        if vectors.n_kept_clips < vectors.n_clips:
            of = f"{len(vectors.kept)} of {vectors.n} vectors ({vectors.n_kept_clips} of {vectors.n_clips} clips)"
            notes.append(f"{name}: interval and FAD∞ from {of}, KAD from {len(vectors.means)} clips, chosen evenly by content")
    sample = estimate.kept
    try:
        found = frechet_infinity(reference.kept, sample)
        figures["FAD∞"] = Figure(found.value, found.value - found.spread, found.value + found.spread, len(sample))
        notes.append(f"FAD∞ with R² {found.r2:.2f}")
    except RequestError as error:
        notes.append(f"no FAD∞: {error}")
    ours, theirs = estimate.means, reference.means
    if min(len(theirs), len(ours)) < 2:
        return figures, [*notes, "no KAD: two clips at least are needed"]
    kernel = kernel_distance(theirs, ours, bootstrap=bootstrap)
    some = bootstrap and min(len(theirs), len(ours)) >= FEWEST_CLIPS
    figures["KAD"] = Figure(kernel.value, kernel.low if some else None, kernel.high if some else None, len(ours))
    return figures, notes


def _spread(
    value: float, reference: VectorSet, estimate: VectorSet, bootstrap: int, seed: int
) -> tuple[float, float] | tuple[None, None]:
    """Interval of FAD, the kept clips of both sets drawn with replacement.

    Where a sample is drawn from, its spread is that of a smaller set; it is scaled by the root of the share of clips that
    are kept, the larger share of the two sets, so that the interval is rather too wide.
    """
    if not bootstrap or min(vectors.n_kept_clips for vectors in (reference, estimate)) < FEWEST_CLIPS:
        return None, None
    draws = np.array([_drawn_distance(reference, estimate, np.random.default_rng([seed, i])) for i in range(bootstrap)])
    share = max(vectors.n_kept_clips / vectors.n_clips for vectors in (reference, estimate))
    return centred_interval(value, draws.mean() + (draws - draws.mean()) * share**0.5)


def _drawn_distance(reference: VectorSet, estimate: VectorSet, rng: np.random.Generator) -> float:
    """FAD of both sets, their clips drawn with replacement."""
    return distance(gaussian(reference.drawn(rng), "shrink"), gaussian(estimate.drawn(rng), "shrink"))


def _gaussian(vectors: VectorSet, name: str, notes: list[str]) -> Gaussian:
    found = vectors.running.result("shrink")
    if found.shrinkage > 0:
        notes.append(f"{name}: {found.n} vectors of {found.dim} numbers are few; covariance shrunk by {found.shrinkage:.2f}")
    return found
