"""Note F-measure: are the asked-for notes there, at their time and pitch?

Conventions:
    Notes are rows ``(onset_s, offset_s, pitch)`` with MIDI pitch. A hit lies within ±50 ms and 50 cents, each note is used once
    (maximum matching). ``onset``: offsets do not matter; ``onset_offset``: the end also within 50 ms or a fifth of the
    reference's length. Two empty lists agree (1); one empty list scores 0. ``mir_eval.transcription`` (0.8).

References:
    Bay et al., "Evaluation of multiple-F0 estimation and tracking systems", ISMIR 2009; MIREX note tracking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.mir import mir_eval_module

ONSET_TOLERANCE_S = 0.05


def validate(name: str, notes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Notes ``[N, 3]`` as float64.

    Raises:
        RequestError: another shape, not finite, a note that ends before it begins.
    """
    array = np.asarray(notes, dtype=np.float64).reshape(-1, 3) if np.size(notes) == 0 else np.asarray(notes, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        raise RequestError(f"{name}: rows (onset_s, offset_s, MIDI pitch) are needed, got shape {array.shape}")
    if (array[:, 1] <= array[:, 0]).any() or (array[:, 0] < 0).any():
        raise RequestError(f"{name}: every note begins at 0 s or later and ends after it began")
    return array


def note_f1(reference: NDArray[np.floating], estimate: NDArray[np.floating], *, offsets: bool = False) -> float:
    """F-measure of notes ``[N, 3]`` against ``[M, 3]``, 0 to 1.

    Raises:
        RequestError: see :func:`validate`. MissingDependencyError: ``mir_eval`` is not installed.
    """
    a, b = validate("reference", reference), validate("estimate", estimate)
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    hz = [440.0 * 2.0 ** ((x[:, 2] - 69.0) / 12.0) for x in (a, b)]
    found = mir_eval_module("transcription").precision_recall_f1_overlap(
        a[:, :2], hz[0], b[:, :2], hz[1], onset_tolerance=ONSET_TOLERANCE_S, offset_ratio=0.2 if offsets else None
    )
    return float(found[2])


def evaluate(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> dict[str, float]:
    """All scores by name (``note_onset_f1``, ``note_onset_offset_f1``)."""
    return {
        "note_onset_f1": note_f1(reference, estimate),
        "note_onset_offset_f1": note_f1(reference, estimate, offsets=True),
    }
