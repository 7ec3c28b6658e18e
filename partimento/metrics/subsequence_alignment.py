"""Where in a long sequence does a short one occur: subsequence dynamic time warping.

Conventions:
    Sequences are ``[n, D]`` frames of unit length (or zeros for silence); the distance of two frames is 1 - cosine, 0 to 2, and 1
    against silence. Steps are (1, 1), (1, 2) and (2, 1) in (query, reference), so that the tempo may differ by a factor of
    up to two either way; every query frame counts once. The cost is the mean distance per query frame: 0 where the
    reference holds the query.

References:
    M. Müller, "Fundamentals of Music Processing", 2nd edition, 2021, section 7.2 (subsequence DTW, step sizes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The best place.

    Attributes:
        cost: mean distance per query frame, 0 to 2.
        query_start: frame of the query at which the stretch begins.
        start, end: frames of the reference, ``end`` exclusive.
    """

    cost: float
    query_start: int
    start: int
    end: int


def validate(query: NDArray[np.floating], reference: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two sequences ``[n, D]`` and ``[m, D]`` as float32.

    Raises:
        RequestError: empty, of different widths, or not finite.
    """
    a, b = np.asarray(query, dtype=np.float32), np.asarray(reference, dtype=np.float32)
    if a.ndim != 2 or b.ndim != 2 or not a.size or not b.size or a.shape[1] != b.shape[1]:
        raise RequestError(f"sequences [n, D] and [m, D] are needed, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise RequestError("sequences to align must be finite")
    return a, b


def best_occurrence(
    query: NDArray[np.floating], reference: NDArray[np.floating], window: int | None = None, hop: int = 1
) -> Occurrence:
    """The stretch of the query that the reference holds most nearly.

    Args:
        query: ``[n, D]``.
        reference: ``[m, D]``.
        window: frames of a stretch; None (or more than there are) takes the whole query.
        hop: frames from one stretch to the next.

    Raises:
        RequestError: see :func:`validate`; a window or hop below 1.
    """
    a, b = validate(query, reference)
    size = len(a) if window is None else min(window, len(a))
    if size < 1 or hop < 1:
        raise RequestError(f"window {window} and hop {hop}: both must be 1 or more")
    starts = np.unique(np.append(np.arange(0, len(a) - size + 1, hop), len(a) - size))
    distance = 1.0 - a @ b.T
    m = len(b)
    # total[w, j]: cost of aligning the first frames of stretch w so that they end at reference frame j; begin: where it began.
    total = distance[starts].copy()
    begin = np.tile(np.arange(m), (len(starts), 1))
    before = np.full_like(total, np.inf)
    before_begin = begin.copy()
    for i in range(1, size):
        here, skipped = distance[starts + i], distance[starts + i - 1]
        choices = np.stack([_shift(total, 1), _shift(total, 2), _shift(before, 1) + skipped])
        froms = np.stack([_shift(begin, 1, 0), _shift(begin, 2, 0), _shift(before_begin, 1, 0)])
        best = choices.argmin(axis=0)[None]
        before, before_begin = total, begin
        total = np.take_along_axis(choices, best, axis=0)[0] + here
        begin = np.take_along_axis(froms, best, axis=0)[0]
    if not np.isfinite(total).any():  # the reference is shorter than half of the stretch: no step fits
        return Occurrence(2.0, int(starts[0]), 0, m)
    w, j = np.unravel_index(int(np.argmin(total)), total.shape)
    return Occurrence(max(0.0, float(total[w, j]) / size), int(starts[w]), int(begin[w, j]), int(j) + 1)


def _shift(rows: NDArray[np.generic], n: int, fill: float = np.inf) -> NDArray[np.generic]:
    """Rows moved ``n`` columns to the right."""
    out = np.full_like(rows, fill)
    out[:, n:] = rows[:, :-n] if rows.shape[1] > n else rows[:, :0]
    return out
