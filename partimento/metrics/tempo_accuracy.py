"""Tempo accuracy: is an estimate within a tolerance, and on the same metrical level?

Conventions:
    Tempi are beats per minute, > 0. A tolerance is relative to the reference.

Metrics:
    :func:`accuracy1` within the tolerance (default 4 %, Gouyon et al.); :func:`accuracy2` also at half, double, a
    third or three times; :func:`relative_error` signed; :func:`folded` brings an estimate to the reference's level.

References:
    Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE TASLP 14(5), 2006, section IV.
    ``mir_eval.tempo.detection`` uses the same test with 8 %.
"""

from __future__ import annotations

import math

DEFAULT_TOLERANCE = 0.04
_LEVELS = (1.0, 2.0, 0.5, 3.0, 1 / 3)


def validate(reference_bpm: float, estimate_bpm: float, tolerance: float = DEFAULT_TOLERANCE) -> None:
    """Check that both are finite and positive and the tolerance lies in 0 to 1.

    Raises:
        ValueError: otherwise.
    """
    for name, value in (("reference", reference_bpm), ("estimated", estimate_bpm)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} tempo {value!r} must be a finite number of bpm above 0")
    if not 0 <= tolerance <= 1:
        raise ValueError(f"tolerance {tolerance!r} must be 0 to 1")


def relative_error(reference_bpm: float, estimate_bpm: float) -> float:
    """Signed relative error: 0.01 is one percent too fast."""
    validate(reference_bpm, estimate_bpm)
    return estimate_bpm / reference_bpm - 1.0


def accuracy1(reference_bpm: float, estimate_bpm: float, tolerance: float = DEFAULT_TOLERANCE) -> float:
    """1 when the estimate is within the tolerance, else 0."""
    validate(reference_bpm, estimate_bpm, tolerance)
    return float(abs(estimate_bpm - reference_bpm) <= tolerance * reference_bpm)


def accuracy2(reference_bpm: float, estimate_bpm: float, tolerance: float = DEFAULT_TOLERANCE) -> float:
    """Like :func:`accuracy1`, forgiving factors of two and three."""
    return max(accuracy1(reference_bpm * level, estimate_bpm, tolerance) for level in _LEVELS)


def folded(reference_bpm: float, estimate_bpm: float) -> tuple[float, float]:
    """The estimate moved to the metrical level nearest to the reference, and the factor that was taken out.

    Returns:
        ``(bpm, factor)`` with ``bpm * factor == estimate_bpm``; the factor is one of 1, 2, 1/2, 3, 1/3, 3/2, 2/3, 4, 1/4.
    """
    validate(reference_bpm, estimate_bpm)
    factors = (*_LEVELS, 1.5, 2 / 3, 4.0, 0.25)
    factor = min(factors, key=lambda f: abs(math.log(estimate_bpm / f / reference_bpm)))
    return estimate_bpm / factor, factor


def evaluate(reference_bpm: float, estimate_bpm: float, tolerance: float = DEFAULT_TOLERANCE) -> dict[str, float]:
    """All scores of this file by name (``accuracy1``, ``accuracy2``, ``relative_error``)."""
    return {
        "accuracy1": accuracy1(reference_bpm, estimate_bpm, tolerance),
        "accuracy2": accuracy2(reference_bpm, estimate_bpm, tolerance),
        "relative_error": relative_error(reference_bpm, estimate_bpm),
    }
