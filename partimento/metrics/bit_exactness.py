"""Did an edit leave everything outside its region as it was, sample for sample?

Conventions:
    Samples are compared as they are stored, without tolerance: ``-0.0`` and ``0.0`` are equal, NaN equals nothing. The
    region is given in samples, end exclusive; sounds may have different lengths only inside or after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError


@dataclass(frozen=True)
class Exactness:
    """Outcome.

    Attributes:
        share: of the samples outside the region that are equal, 0–1 (1 where there are none).
        first_difference: index of the first sample outside that differs, or None.
        largest_difference: over the samples outside, linear.
        n_outside: samples compared (per channel).
    """

    share: float
    first_difference: int | None
    largest_difference: float
    n_outside: int

    @property
    def exact(self) -> bool:
        """True when every sample outside is equal."""
        return self.first_difference is None


def bit_exactness(before: NDArray[np.generic], after: NDArray[np.generic], region: tuple[int, int] | None = None) -> Exactness:
    """Compare ``[n]`` or ``[C, n]`` outside ``region``; None compares everything.

    Raises:
        RequestError: different channels or types of number, lengths that differ where nothing may, a region that is backwards.
    """
    a, b = np.atleast_2d(before), np.atleast_2d(after)
    start, end = region if region is not None else (0, 0)
    if not 0 <= start <= end:
        raise RequestError(f"region {start} to {end}: 0 <= start <= end is needed")
    if a.shape[0] != b.shape[0] or a.dtype != b.dtype:
        raise RequestError(f"{a.shape[0]} channels of {a.dtype} against {b.shape[0]} of {b.dtype}; both must be as stored")
    if a.shape[1] != b.shape[1] and (region is None or min(a.shape[1], b.shape[1]) < end):
        raise RequestError(f"lengths {a.shape[1]} and {b.shape[1]} differ although the region ends at {end}")
    if a.shape[1] != b.shape[1]:
        raise RequestError(f"lengths {a.shape[1]} and {b.shape[1]} differ after the region; compare the parts that were kept")
    outside = np.ones(a.shape[1], dtype=bool)
    outside[start:end] = False
    x, y = a[:, outside], b[:, outside]
    same = (x == y).all(axis=0)
    index = np.flatnonzero(outside)
    wrong = index[~same]
    largest = float(np.max(np.abs(x.astype(np.float64) - y.astype(np.float64)), initial=0.0))
    return Exactness(float(same.mean()) if len(same) else 1.0, int(wrong[0]) if len(wrong) else None, largest, int(outside.sum()))


def evaluate(before: NDArray[np.generic], after: NDArray[np.generic], region: tuple[int, int] | None = None) -> dict[str, float]:
    """All scores by name (``exact_share``, ``largest_difference``)."""
    found = bit_exactness(before, after, region)
    return {"exact_share": found.share, "largest_difference": found.largest_difference}
