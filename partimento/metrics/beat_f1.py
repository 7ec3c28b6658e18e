"""Beat and downbeat F-measure.

Conventions:
    Sorted times in seconds, a hit within ±70 ms, each reference used once. Nothing is trimmed: ``mir_eval``'s five seconds at
    the start suit songs, not ten-second clips. Two empty lists agree (1); one empty list scores 0. Needs ``mir_eval``.

References:
    Dixon, "Onset detection revisited", DAFx 2006; Davies et al., "Evaluation methods for musical audio beat tracking
    algorithms", QMUL 2009. ``mir_eval.beat.f_measure`` (0.8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.mir import mir_eval_module

TOLERANCE_S = 0.07
Times = Sequence[float] | NDArray[np.floating]


def times(name: str, values: Times) -> NDArray[np.float64]:
    """Event times as an array.

    Raises:
        RequestError: not finite, negative, or not strictly rising.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or (np.diff(array) <= 0).any():
        raise RequestError(f"{name}: finite, rising times from 0 s on are needed, got {array.tolist()[:6]} ...")
    return array


def beat_f1(reference_s: Times, estimate_s: Times, tolerance_s: float = TOLERANCE_S) -> float:
    """F-measure, 0 to 1.

    Raises:
        RequestError: times that :func:`times` refuses. MissingDependencyError: ``mir_eval`` is not installed.
    """
    a, b = times("reference", reference_s), times("estimate", estimate_s)
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    return float(mir_eval_module("beat").f_measure(a, b, f_measure_threshold=tolerance_s))


def evaluate(reference_s: Times, estimate_s: Times) -> dict[str, float]:
    """All scores by name (``beat_f1``)."""
    return {"beat_f1": beat_f1(reference_s, estimate_s)}
