"""Is one harmony held for a whole clip: how long the smoothed chroma stays near itself, beside onsets per second.

A model that is stuck repeats no codes and is never silent: it holds one chord with living sound. Chroma and onsets are
those of :mod:`partimento.listen`; what is new is the comparison of a clip with itself, in the manner of a self-similarity
matrix (Foote, "Visualizing music and audio using self-similarity", ACM Multimedia 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.evaluate.systems.work import Values

Array = NDArray[np.float64]

MOST_DISTANCE = 0.3
"""Cosine distance of centred, smoothed chroma up to which two moments have one harmony.

Centring (the mean of the twelve classes is taken away) spreads distances: a triad and the same with a minor seventh are 0.18
apart, two triads with two notes in common 0.44 (0.37 to 0.48 as measured of sound: C major and A minor), with one 0.89.
On 500 windows of 5 s of real training pieces, of which the score says the chords, 68 % of the pairs of moments of one
written chord are within 0.3, and 8 % of those of different chords (area under the curve 0.87). The cut that tells them
apart best, 0.405, would take C major and A minor for one. Of the 420 windows whose chords change (none lasts 3.5 s) none is
called held throughout at 0.3 or 0.4, one at 0.5, eight at 0.6.
"""
HELD_SHARE = 0.9
"""A clip whose longest held harmony covers so much of it counts as held throughout."""
SMOOTH_S = 0.5
SILENT_DBFS = -60.0
_RELATIVE_SILENCE = 0.01
"""Chroma frames below this share of the loudest are silent (-40 dB)."""
_LEVEL_DBFS = -20.0
"""Clips are brought to this level first: onsets and strength depend on it."""
_LEAST_STRENGTH = 0.5
"""Smoothed chroma whose strongest class is below this, at the level above, has no pitch to speak of: of moments of real
training pieces 99 % are above with drums and 97 % without, of white noise 3 %, of brown noise none. Of 100 real stems of
percussion it leaves 8 held (15 without it): some percussion has a tone."""


@dataclass(frozen=True, slots=True)
class HeldHarmony:
    """What one clip does.

    Attributes:
        duration_s: of the clip.
        longest_s: longest stretch within which any two moments are at most :data:`MOST_DISTANCE` apart.
        share: of the clip's moments, those near its most frequent harmony, 0 to 1.
        onsets_hz: onsets per second.
    """

    duration_s: float
    longest_s: float
    share: float
    onsets_hz: float

    @property
    def throughout(self) -> bool:
        """One harmony for (nearly) the whole clip."""
        return self.longest_s >= HELD_SHARE * self.duration_s


def held_harmony(wave: Waveform) -> HeldHarmony:
    """Measure a clip. Its level does not matter, unless it is silent throughout (below :data:`SILENT_DBFS`).

    Silence, noise and strokes without pitch have no harmony: they end a stretch and count for no share.
    """
    from scipy.ndimage import uniform_filter1d

    from partimento.listen.chroma import chroma
    from partimento.listen.onsets import onset_times
    from partimento.listen.spectrum import Sound

    levelled = _levelled(wave)
    if levelled is None:
        return HeldHarmony(wave.duration_s, 0.0, 0.0, 0.0)
    sound = Sound(levelled)
    found = chroma(sound)
    size = max(1, round(SMOOTH_S * found.rate_hz))
    smooth = uniform_filter1d(np.asarray(found.treble + found.bass, np.float64), size, axis=0, mode="nearest")
    pitched = (found.level > _RELATIVE_SILENCE) & (smooth.max(axis=1) >= _LEAST_STRENGTH)
    near = same_harmony(smooth)
    near &= pitched[:, None] & pitched[None, :]
    longest_s = min(wave.duration_s, longest_square(near) / found.rate_hz)
    share = float(near.sum(axis=1).max(initial=0)) / len(near)
    return HeldHarmony(wave.duration_s, longest_s, share, len(onset_times(sound)) / wave.duration_s)


def same_harmony(chroma: Array, most_distance: float = MOST_DISTANCE) -> NDArray[np.bool_]:
    """Which moments of chroma ``[T, 12]`` are near each other, ``[T, T]``; even chroma is near nothing, not even itself."""
    centred = chroma - chroma.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    units = np.where(norm > 1e-9, centred / np.maximum(norm, 1e-9), 0.0)
    return np.asarray(units @ units.T >= 1.0 - most_distance)


def longest_square(near: NDArray[np.bool_]) -> int:
    """Side of the largest all-true square on the diagonal of a symmetric matrix ``[T, T]``."""
    longest = start = 0
    for end in range(len(near)):
        far = np.flatnonzero(~near[end, start : end + 1])
        if far.size:
            start += int(far[-1]) + 1
        longest = max(longest, end + 1 - start)
    return longest


def _levelled(wave: Waveform) -> Waveform | None:
    """Mono with a mean level of :data:`_LEVEL_DBFS` where it sounds; None when it is silent throughout."""
    from partimento.listen.energy import level_curve

    mono = Waveform(wave.mono()[None], wave.sample_rate)
    db = level_curve(mono).db
    if not db.size or db.max() < SILENT_DBFS:
        return None
    sounding = db[db > db.max() + 20.0 * np.log10(_RELATIVE_SILENCE)]
    level_db = 10.0 * np.log10(np.mean(10.0 ** (sounding / 10.0)))
    gain = np.float32(10.0 ** ((_LEVEL_DBFS - level_db) / 20.0))
    return Waveform(mono.samples * gain, wave.sample_rate)


class HarmonyJob:
    """What is measured of a file, kept apart from everything else that is measured of it."""

    key = "audio lm harmony 1"

    def __call__(self, wave: Waveform) -> Values:
        """``held``: duration, longest stretch, share and onsets as in :class:`HeldHarmony`."""
        found = held_harmony(wave)
        return {"held": np.array([found.duration_s, found.longest_s, found.share, found.onsets_hz])}
