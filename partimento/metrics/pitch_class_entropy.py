"""Pitch-class entropy: how evenly the twelve pitch classes are used.

Conventions:
    Entropy in bits of the pitch-class histogram, 0 (one pitch class) to log2(12) = 3.585 (all alike); seven scale
    notes used alike give 2.807. Notes count once each by default; ``weights`` (durations, say) may replace that.
    MusPy takes the histogram of the whole piece; Wu and Yang take it per stretch of 1 or 4 bars and average
    (:func:`windowed_entropy`), which tells erratic from merely chromatic. No notes: NaN; windows without a note
    are left out. Drums do not belong in the input.

References:
    S.-L. Wu and Y.-H. Yang, "The Jazz Transformer on the Front Line", ISMIR 2020, section 5.1.
    H.-W. Dong et al., "MusPy", ISMIR 2020 (``pitch_class_entropy``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from partimento.errors import PartimentoError
from partimento.metrics.note_arrays import entropy_bits, validate_pitches, validate_positive, validate_times


def validate(pitches: ArrayLike, weights: ArrayLike | None = None) -> None:
    """Check the input of :func:`pitch_class_entropy`.

    Raises:
        PartimentoError: on pitches that are no MIDI numbers, or weights that do not match or are below 0.
    """
    notes = validate_pitches(pitches)
    if weights is not None:
        heavy = np.asarray(weights, dtype=np.float64)
        if heavy.shape != notes.shape or not np.all(np.isfinite(heavy)) or np.any(heavy < 0):
            raise PartimentoError(f"weights must be {len(notes)} finite numbers of 0 or more, one for each pitch")


def pitch_class_entropy(pitches: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Entropy in bits of the pitch-class histogram of a whole piece.

    Args:
        pitches: MIDI numbers ``[N]``.
        weights: weight of each note ``[N]``; None counts each as 1.
    """
    validate(pitches, weights)
    notes = validate_pitches(pitches)
    heavy = np.ones(len(notes)) if weights is None else np.asarray(weights, dtype=np.float64)
    return entropy_bits(np.bincount(notes % 12, weights=heavy, minlength=12))


def windowed_entropy(onsets: ArrayLike, pitches: ArrayLike, window: float) -> float:
    """Mean pitch-class entropy of successive windows.

    Args:
        onsets: onsets ``[N]``.
        pitches: MIDI numbers ``[N]``.
        window: length of a window in the unit of the onsets (1 or 4 bars in the paper).
    """
    validate_positive("window", window)
    notes = validate_pitches(pitches)
    starts, _ = validate_times(onsets, np.ones(len(notes)))
    index = np.floor(starts / window + 1e-9).astype(np.int64)
    values = [pitch_class_entropy(notes[index == i]) for i in np.unique(index)]
    return float(np.mean(values)) if values else float("nan")


def evaluate(onsets: ArrayLike, pitches: ArrayLike, bar_quarters: float = 4.0) -> dict[str, float]:
    """All figures: whole piece, windows of 1 bar (H1) and of 4 bars (H4)."""
    return {
        "pitch_class_entropy": pitch_class_entropy(pitches),
        "pitch_class_entropy_1_bar": windowed_entropy(onsets, pitches, bar_quarters),
        "pitch_class_entropy_4_bars": windowed_entropy(onsets, pitches, 4 * bar_quarters),
    }
