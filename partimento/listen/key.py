"""Key from a pitch-class distribution: correlation with key profiles.

Profiles: Krumhansl and Kessler (probe tones; Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, table 2.1) and
Temperley ("The Cognition of Basic Musical Structures", 2001, p. 180), blended: the first knows listening, the second does
not take a dominant for a tonic so easily. What the music rests on at its end speaks too (Temperley 2001, section 7.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.listen.chords import NO_CHORD, ChordSegment
from partimento.listen.chroma import Chroma, chroma
from partimento.listen.spectrum import Sound
from partimento.metrics.chord_overlap import encode_label
from partimento.score.timing import Key

KRUMHANSL_KESSLER = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
TEMPERLEY = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
}
_KRUMHANSL_SHARE = 0.4
_TONIC_TIME = 0.35  # per share of the time on the tonic triad
_LAST_TONIC = 0.15
_FIRST_TONIC = 0.07


@dataclass(frozen=True)
class KeyFound:
    """The key of a recording.

    Attributes:
        key: the best one (major or minor).
        strength: 0 (several fit equally) to 1, from its lead over the best key that is not its relative.
        ranking: all 24 keys with their scores (correlation plus what the chords say), best first.
    """

    key: Key
    strength: float
    ranking: tuple[tuple[Key, float], ...]


def rank_keys(weights: Sequence[float] | NDArray[np.float64]) -> tuple[tuple[Key, float], ...]:
    """All 24 keys by correlation of a pitch-class distribution with the blended profiles, best first.

    Args:
        weights: 12 non-negative weights, C first.
    """
    return tuple(sorted(_correlations(np.asarray(weights, np.float64)).items(), key=lambda item: -item[1]))


def find_key(sound: Waveform | Sound, found: Chroma | None = None, chords: Sequence[ChordSegment] = ()) -> KeyFound:
    """Key of a recording.

    Args:
        sound: the recording.
        found: its chroma, when already there.
        chords: its recognised chords; with them, time on the tonic triad and a close on it count.
    """
    features = found or chroma(Sound.of(sound))
    weight = np.sqrt(features.level)[:, None]
    treble = (features.treble * weight).sum(axis=0).astype(np.float64)
    bass = (features.bass * weight).sum(axis=0).astype(np.float64)
    mixed = treble / max(treble.sum(), 1e-9) + 0.5 * bass / max(bass.sum(), 1e-9)
    return decide_key(mixed, chords)


def decide_key(weights: Sequence[float] | NDArray[np.float64], chords: Sequence[ChordSegment] = ()) -> KeyFound:
    """Key of a pitch-class distribution, with what the chords say about the tonic."""
    scores = _correlations(np.asarray(weights, np.float64))
    for key, bonus in _from_chords(chords).items():
        scores[key] += bonus
    ranking = tuple(sorted(scores.items(), key=lambda item: -item[1]))
    best = ranking[0][0]
    relative = Key((best.tonic + (3 if best.is_minor else 9)) % 12, "major" if best.is_minor else "minor")
    rival = next(score for key, score in ranking[1:] if key != relative)
    return KeyFound(best, float(np.clip((ranking[0][1] - rival) / 0.5, 0.0, 1.0)), ranking)


def _correlations(weights: NDArray[np.float64]) -> dict[Key, float]:
    """Blended correlation of each key; all zero for a flat distribution."""
    out = {}
    for mode in ("major", "minor"):
        profiles = np.array([KRUMHANSL_KESSLER[mode], TEMPERLEY[mode]])
        for tonic in range(12):
            rotated = np.roll(weights, -tonic)
            if np.ptp(weights) < 1e-12:
                out[Key(tonic, mode)] = 0.0
                continue
            first, second = (float(np.corrcoef(rotated, p)[0, 1]) for p in profiles)
            out[Key(tonic, mode)] = _KRUMHANSL_SHARE * first + (1 - _KRUMHANSL_SHARE) * second
    return out


def _from_chords(chords: Sequence[ChordSegment]) -> dict[Key, float]:
    """Bonus per key: share of the time on its tonic triad, and the first and the last chord being it."""
    sounding = [c for c in chords if c.label != NO_CHORD]
    total = sum(c.end_s - c.start_s for c in sounding)
    bonus: dict[Key, float] = {}
    if total <= 0:
        return bonus
    for i, segment in enumerate(sounding):
        encoded = encode_label(segment.label)
        if not encoded.in_majmin:
            continue
        key = Key(encoded.root, "minor" if 3 in encoded.semitones else "major")
        value = _TONIC_TIME * (segment.end_s - segment.start_s) / total
        value += _FIRST_TONIC * (i == 0) + _LAST_TONIC * (i == len(sounding) - 1)
        # A seventh chord with a minor seventh on a major triad wants to move on; it is no tonic.
        bonus[key] = bonus.get(key, 0.0) + value * (0.3 if {4, 10} <= encoded.semitones else 1.0)
    return bonus
