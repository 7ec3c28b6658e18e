"""Section boundaries: are the changes of section where they were asked for?

Conventions:
    Boundaries in seconds, both ends of the piece included. F-measure with a window of 0.5 s and of 3 s; the ends are left
    out of the count (``trim``), as everybody finds them. Without any inner boundary on both sides the score is 1, on
    one side only 0.
    ``mir_eval.segment.detection`` (0.8).

References:
    Turnbull et al., "A supervised approach for detecting boundaries in music", ISMIR 2007; MIREX structural segmentation.
"""

from __future__ import annotations

import numpy as np

from partimento.errors import RequestError
from partimento.metrics.beat_f1 import Times, times
from partimento.metrics.mir import mir_eval_module

WINDOWS_S = (0.5, 3.0)


def boundary_f1(reference_s: Times, estimate_s: Times, window_s: float = WINDOWS_S[0]) -> float:
    """F-measure of the inner boundaries, 0 to 1.

    Raises:
        RequestError: fewer than two boundaries (start and end) on a side. MissingDependencyError: no ``mir_eval``.
    """
    a, b = times("reference", reference_s), times("estimate", estimate_s)
    if len(a) < 2 or len(b) < 2:
        raise RequestError(f"start and end are needed on both sides, got {len(a)} and {len(b)} boundaries")
    if len(a) == 2 or len(b) == 2:
        return float(len(a) == len(b))
    spans = [np.column_stack([x[:-1], x[1:]]) for x in (a, b)]
    return float(mir_eval_module("segment").detection(spans[0], spans[1], window=window_s, trim=True)[2])


def evaluate(reference_s: Times, estimate_s: Times) -> dict[str, float]:
    """All scores by name (``boundary_f1_0.5s``, ``boundary_f1_3s``)."""
    return {f"boundary_f1_{w:g}s": boundary_f1(reference_s, estimate_s, w) for w in WINDOWS_S}
