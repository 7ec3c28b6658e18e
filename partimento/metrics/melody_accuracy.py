"""Melody accuracy: is the asked-for line there, frame by frame?

Conventions:
    Frequencies in Hz on one grid, 0 where nothing sounds. Raw pitch accuracy (RPA): share of the reference's sounding
    frames within 50 cents; raw chroma accuracy (RCA): octaves forgiven; chroma accuracy over *all* frames counts silence in
    both as right (the 12-class comparison of the MusicGen melody papers). A reference without any pitch is refused.
    RPA and RCA are ``mir_eval.melody``'s (0.8).

References:
    Poliner et al., "Melody transcription from music audio", IEEE TASLP 2007; Raffel et al., "mir_eval", ISMIR 2014.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import paired
from partimento.metrics.mir import mir_eval_module

TOLERANCE_CENTS = 50.0


def validate(reference_hz: NDArray[np.floating], estimate_hz: NDArray[np.floating]) -> None:
    """Check two grids of frequencies.

    Raises:
        RequestError: different lengths, negative or not finite, or a reference without pitch.
    """
    a, b = paired(reference_hz, estimate_hz, "frequency lines")
    if a.ndim != 1 or (a < 0).any() or (b < 0).any():
        raise RequestError("frequency lines [T] in Hz are needed, 0 where nothing sounds")
    if not (a > 0).any():
        raise RequestError("the reference has no sounding frame; there is no melody to look for")


def melody_accuracy(reference_hz: NDArray[np.floating], estimate_hz: NDArray[np.floating]) -> dict[str, float]:
    """``rpa``, ``rca``, ``chroma_accuracy`` of two lines ``[T]``, each 0 to 1.

    Raises:
        RequestError: see :func:`validate`. MissingDependencyError: ``mir_eval`` is not installed.
    """
    validate(reference_hz, estimate_hz)
    melody = mir_eval_module("melody")
    a, b = np.asarray(reference_hz, dtype=np.float64), np.asarray(estimate_hz, dtype=np.float64)
    (ref_cent, ref_voicing), (est_cent, est_voicing) = (
        (melody.hz2cents(np.abs(line)), (line > 0).astype(np.float64)) for line in (a, b)
    )
    args = (ref_voicing, ref_cent, est_voicing, est_cent)
    classes = [np.where(line > 0, np.round(12.0 * np.log2(np.maximum(line, 1e-9) / 440.0)) % 12, -1) for line in (a, b)]
    return {
        "rpa": float(melody.raw_pitch_accuracy(*args, cent_tolerance=TOLERANCE_CENTS)),
        "rca": float(melody.raw_chroma_accuracy(*args, cent_tolerance=TOLERANCE_CENTS)),
        "chroma_accuracy": float(np.mean(classes[0] == classes[1])),
    }


def evaluate(reference_hz: NDArray[np.floating], estimate_hz: NDArray[np.floating]) -> dict[str, float]:
    """All scores by name; see :func:`melody_accuracy`."""
    return melody_accuracy(reference_hz, estimate_hz)
