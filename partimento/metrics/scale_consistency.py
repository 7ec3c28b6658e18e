"""Scale consistency: the largest share of notes that one scale explains.

Conventions:
    The pitch-in-scale rate of a scale is the share of notes whose pitch class belongs to it; scale consistency is the
    largest rate over the 12 major and 12 natural minor scales. As a minor scale has the notes of its relative
    major, 12 scales decide the value; the reported scale is the major one. 1 means diatonic throughout; notes drawn
    at random over the chromatic scale give about 0.6. No notes: NaN. Drums do not belong in the input.

References:
    O. Mogren, "C-RNN-GAN", NeurIPS workshop 2016. H.-W. Dong et al., "MuseGAN", AAAI 2018 (rate), and "MusPy",
    ISMIR 2020 (``scale_consistency``; its first versions carried a wrong mask for the major scale).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from partimento.metrics.note_arrays import validate_pitches
from partimento.score.timing import Key


def validate(pitches: ArrayLike) -> None:
    """Check the input.

    Raises:
        PartimentoError: on pitches that are no MIDI numbers.
    """
    validate_pitches(pitches)


def in_scale_rate(pitches: ArrayLike, key: Key) -> float:
    """Share of notes ``[N]`` inside the scale of a key, 0 to 1."""
    notes = validate_pitches(pitches)
    return float(np.isin(notes % 12, key.scale).mean()) if notes.size else float("nan")


def best_scale(pitches: ArrayLike) -> tuple[Key | None, float]:
    """The major scale with the largest rate (the lowest tonic among equals) and that rate; None and NaN without notes."""
    notes = validate_pitches(pitches)
    if not notes.size:
        return None, float("nan")
    rates = [in_scale_rate(notes, Key(tonic)) for tonic in range(12)]
    best = int(np.argmax(rates))
    return Key(best), rates[best]


def scale_consistency(pitches: ArrayLike) -> float:
    """The largest in-scale rate, 0 to 1."""
    return best_scale(pitches)[1]


def evaluate(pitches: ArrayLike, key: Key | None = None) -> dict[str, float]:
    """Scale consistency and, when the key is known, the rate inside its scale."""
    figures = {"scale_consistency": scale_consistency(pitches)}
    if key is not None:
        figures["in_scale_rate"] = in_scale_rate(pitches, key)
    return figures
