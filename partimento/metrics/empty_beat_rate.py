"""Empty-beat rate: the share of beats in which nothing sounds.

Conventions:
    Beats are windows of ``beat_quarters`` from 0 to ``length`` (the last one may be shorter); a beat is empty when no note
    sounds in it, held notes included. A note that ends exactly where a beat begins does not fill that beat. MusPy's
    function of this name goes by the same definition in words, but its first versions count the beats that are *not*
    empty; figures published with those are 1 minus ours. No beats: NaN.

References:
    H.-W. Dong, W.-Y. Hsiao and Y.-H. Yang, "Pypianoroll", ISMIR late-breaking 2018. H.-W. Dong et al., "MusPy", ISMIR 2020.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from partimento.errors import PartimentoError
from partimento.metrics.note_arrays import validate_positive, validate_times

_TOLERANCE = 1e-6  # quarter notes; rounding of written positions, far below any note value


def validate(onsets: ArrayLike, durations: ArrayLike, beat_quarters: float, length: float | None) -> None:
    """Check the input.

    Raises:
        PartimentoError: on arrays that do not match, or a beat or length of 0 and less.
    """
    validate_times(onsets, durations)
    validate_positive("beat length", beat_quarters)
    if length is not None and not (math.isfinite(length) and length >= 0):
        raise PartimentoError(f"length is {length:g}; it must be a finite number of quarter notes, 0 or more")


def sounding_beats(
    onsets: ArrayLike, durations: ArrayLike, beat_quarters: float = 1.0, length: float | None = None
) -> NDArray[np.bool_]:
    """True for each beat in which something sounds ``[beats]``.

    Args:
        onsets: onsets in quarter notes ``[N]``.
        durations: durations in quarter notes ``[N]``.
        beat_quarters: length of a beat.
        length: end of the piece; None takes the end of the last note.
    """
    validate(onsets, durations, beat_quarters, length)
    starts, lengths = validate_times(onsets, durations)
    ends = starts + lengths
    last = float(ends.max()) if length is None and ends.size else (length or 0.0)
    filled = np.zeros(math.ceil(last / beat_quarters - _TOLERANCE), dtype=np.bool_)
    first_beat = np.floor(starts / beat_quarters + _TOLERANCE).astype(np.int64)
    after_beat = np.ceil(ends / beat_quarters - _TOLERANCE).astype(np.int64)
    for first, after in zip(first_beat, after_beat, strict=True):
        filled[first:after] = True
    return filled


def empty_beat_rate(onsets: ArrayLike, durations: ArrayLike, beat_quarters: float = 1.0, length: float | None = None) -> float:
    """Share of empty beats, 0 to 1 (arguments as in :func:`sounding_beats`)."""
    filled = sounding_beats(onsets, durations, beat_quarters, length)
    return float(1.0 - filled.mean()) if filled.size else float("nan")


def evaluate(
    onsets: ArrayLike, durations: ArrayLike, beat_quarters: float = 1.0, length: float | None = None
) -> dict[str, float]:
    """The one figure, by name."""
    return {"empty_beat_rate": empty_beat_rate(onsets, durations, beat_quarters, length)}
