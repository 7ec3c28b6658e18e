"""Polyphony: how many notes sound at once.

Conventions:
    Time is cut at every onset and end, so no grid is needed: the figures are exact shares of time. ``polyphony`` is the
    mean number of notes sounding where at least one sounds (MusPy, Pypianoroll); ``polyphony_rate`` the share of all time,
    silence included, in which at least ``threshold`` notes sound (Mogren; MusPy). A pitch struck in two parts
    counts twice; merge parts first to count pitches. No notes: NaN.

References:
    O. Mogren, "C-RNN-GAN", NeurIPS workshop 2016. H.-W. Dong et al., "MusPy", ISMIR 2020.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from partimento.errors import PartimentoError
from partimento.metrics.note_arrays import FloatArray, IntArray, validate_times


def validate(onsets: ArrayLike, durations: ArrayLike, threshold: int = 2) -> None:
    """Check the input.

    Raises:
        PartimentoError: on arrays that do not match, or a threshold below 1.
    """
    validate_times(onsets, durations)
    if threshold < 1:
        raise PartimentoError(f"threshold is {threshold}; it must be at least 1 note")


def sounding_counts(onsets: ArrayLike, durations: ArrayLike, length: float | None = None) -> tuple[FloatArray, IntArray]:
    """Stretches of time with a constant number of notes.

    Args:
        onsets: onsets ``[N]``.
        durations: durations ``[N]``.
        length: end of the piece; None takes the end of the last note.

    Returns:
        lengths ``[M]`` and numbers of notes ``[M]``, from 0 to the end.
    """
    starts, lengths = validate_times(onsets, durations)
    ends = starts + lengths
    last = float(ends.max(initial=0.0)) if length is None else length
    edges = np.unique(np.clip(np.concatenate([[0.0, last], starts, ends]), 0.0, last))
    begun = np.searchsorted(np.sort(starts), edges[:-1], side="right")
    ended = np.searchsorted(np.sort(ends), edges[:-1], side="right")
    return np.diff(edges), (begun - ended).astype(np.int64)


def polyphony(onsets: ArrayLike, durations: ArrayLike) -> float:
    """Mean number of notes where any sounds, 1 or more."""
    spans, counts = sounding_counts(onsets, durations)
    sounding = spans[counts > 0].sum()
    return float((spans * counts).sum() / sounding) if sounding > 0 else float("nan")


def polyphony_rate(onsets: ArrayLike, durations: ArrayLike, threshold: int = 2, length: float | None = None) -> float:
    """Share of time with at least ``threshold`` notes, 0 to 1."""
    validate(onsets, durations, threshold)
    spans, counts = sounding_counts(onsets, durations, length)
    return float(spans[counts >= threshold].sum() / spans.sum()) if spans.sum() > 0 else float("nan")


def evaluate(onsets: ArrayLike, durations: ArrayLike, threshold: int = 2) -> dict[str, float]:
    """Both figures."""
    return {
        "polyphony": polyphony(onsets, durations),
        "polyphony_rate": polyphony_rate(onsets, durations, threshold),
    }
