"""The key of notes that come without a key signature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key

# Probe-tone profiles of C. L. Krumhansl and E. J. Kessler, "Tracing the dynamic changes in perceived tonal
# organization", Psychological Review 89 (1982), table 1.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_FINAL_BONUS = 0.15


def guess_key(notes: Sequence[Note], chords: Sequence[ChordSpan] = ()) -> Key:
    """Major or minor key by correlation of sounding time per pitch class with the Krumhansl-Kessler profiles.

    Args:
        notes: pitched notes (no drum keys).
        chords: chord symbols, when known; their notes count half, and the last root speaks for its key.

    Returns:
        The best key; C major when there is nothing to hear.
    """
    weight = np.zeros(12)
    for note in notes:
        weight[note.pitch % 12] += note.duration
    for span in chords:
        for pitch_class in span.chord.pitch_classes:
            weight[pitch_class] += 0.5 * (span.end - span.start)
    if not weight.any():
        return Key()
    final = chords[-1].chord.root if chords else min(notes, key=lambda n: (-n.end, n.pitch)).pitch % 12
    best, best_score = Key(), -np.inf
    for mode, profile in (("major", _MAJOR), ("minor", _MINOR)):
        for tonic in range(12):
            shifted = np.roll(profile, tonic)
            spread = float(np.std(weight)) * float(np.std(shifted))
            score = float(np.mean((weight - weight.mean()) * (shifted - shifted.mean()))) / spread if spread > 1e-12 else 0.0
            score += _FINAL_BONUS * (tonic == final)
            if score > best_score + 1e-12:
                best, best_score = Key(tonic, mode), score
    return best
