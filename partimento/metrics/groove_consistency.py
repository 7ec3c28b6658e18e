"""Groove consistency: how alike the onset patterns of bars are.

Conventions:
    Each bar becomes a binary vector over a grid of ``steps`` positions, 1 where a note begins (onsets are rounded to
    the nearest step). The similarity of two bars is 1 minus the share of positions in which they differ. MusPy
    averages it over neighbouring bars (:func:`groove_consistency`), Wu and Yang over all pairs of bars
    (:func:`groove_similarity`). Both depend strongly on the grid: with many steps most are empty everywhere and the value
    nears 1, so figures compare only at the same ``steps`` (64 in the Jazz Transformer paper). Empty bars up to the last onset
    count. Fewer than two bars: NaN. One metre throughout.

References:
    S.-L. Wu and Y.-H. Yang, "The Jazz Transformer on the Front Line", ISMIR 2020, section 5.2.
    H.-W. Dong et al., "MusPy", ISMIR 2020 (``groove_consistency``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from partimento.errors import PartimentoError
from partimento.metrics.note_arrays import validate_positive, validate_times

DEFAULT_STEPS = 64


def validate(onsets: ArrayLike, bar_quarters: float, steps: int) -> None:
    """Check the input.

    Raises:
        PartimentoError: on onsets that are no times, or a bar length or number of steps of 0 and less.
    """
    validate_times(onsets, np.ones(np.shape(onsets)))
    validate_positive("bar length", bar_quarters)
    if steps < 1:
        raise PartimentoError(f"steps is {steps}; a bar needs at least 1")


def groove_vectors(onsets: ArrayLike, bar_quarters: float = 4.0, steps: int = DEFAULT_STEPS) -> NDArray[np.bool_]:
    """Binary onset vectors ``[bars, steps]`` of all bars up to the last onset.

    Args:
        onsets: onsets in quarter notes ``[N]``, bar 0 starting at 0.
        bar_quarters: length of a bar in quarter notes.
        steps: positions of a bar.
    """
    validate(onsets, bar_quarters, steps)
    position = np.round(np.asarray(onsets, dtype=np.float64) / bar_quarters * steps).astype(np.int64)
    n_bars = int(position.max() // steps) + 1 if position.size else 0
    vectors = np.zeros(n_bars * steps, dtype=np.bool_)
    vectors[position] = True
    return vectors.reshape(n_bars, steps)


def groove_consistency(onsets: ArrayLike, bar_quarters: float = 4.0, steps: int = DEFAULT_STEPS) -> float:
    """Mean similarity of neighbouring bars, 0 to 1 (arguments as in :func:`groove_vectors`)."""
    vectors = groove_vectors(onsets, bar_quarters, steps)
    return float(1.0 - (vectors[1:] != vectors[:-1]).mean()) if len(vectors) > 1 else float("nan")


def groove_similarity(onsets: ArrayLike, bar_quarters: float = 4.0, steps: int = DEFAULT_STEPS) -> float:
    """Mean similarity of all pairs of bars, 0 to 1 (arguments as in :func:`groove_vectors`)."""
    vectors = groove_vectors(onsets, bar_quarters, steps)
    n_bars = len(vectors)
    if n_bars < 2:
        return float("nan")
    # a position with k of n bars set differs in k (n - k) of the n (n - 1) / 2 pairs
    ones = vectors.sum(axis=0, dtype=np.int64)
    differing = (ones * (n_bars - ones)).sum() / (n_bars * (n_bars - 1) / 2)
    return float(1.0 - differing / steps)


def evaluate(onsets: ArrayLike, bar_quarters: float = 4.0, steps: int = DEFAULT_STEPS) -> dict[str, float]:
    """Both averages."""
    return {
        "groove_consistency": groove_consistency(onsets, bar_quarters, steps),
        "groove_similarity": groove_similarity(onsets, bar_quarters, steps),
    }
