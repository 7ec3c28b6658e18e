"""The best loop of a recording: two bar lines around which the music is alike, aligned to the sample.

At the end of a loop the sound jumps from bar line ``b`` back to bar line ``a``. That is unheard when what leads to ``a``
and what follows it are like what leads to ``b`` and follows it: harmony (chroma), colour (mel bands) and level are compared
on both sides, then the waveforms are laid over each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.edit.recording_ear import Ear

_AROUND_S = 2.0
_ALIGN_S = 0.025
_LEVEL_SHARE = 0.02  # similarity lost per dB of difference
_LENGTHS = (4, 8, 16, 2, 12, 1)
_PHRASE_BONUS = {16: 0.04, 8: 0.05, 4: 0.04, 12: 0.01, 2: 0.0, 1: -0.03}
_LATE_BONUS = 0.02


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop.

    Attributes:
        first_bar, end_bar: 0-based, the end exclusive.
        start, end: samples; ``end`` is aligned so that the waveform goes on from ``start``.
        likeness: 0 to 1: how alike the music is on both sides of the seam.
    """

    first_bar: int
    end_bar: int
    start: int
    end: int
    likeness: float

    @property
    def n_bars(self) -> int:
        """Length in bars."""
        return self.end_bar - self.first_bar


def find_loop(ear: Ear, n_bars: int | None = None, *, most: int = 16) -> Loop | None:
    """The loop with the best seam; None when there are fewer than two bars to choose from.

    Args:
        ear: of the recording; its bars must be countable.
        n_bars: length wanted; None takes the best of the usual lengths, 4 and 8 bars first.
        most: longest loop in bars when ``n_bars`` is None.
    """
    lines = ear.bars
    features, rate_hz = _features(ear)
    # The last bar is the ending: a loop may lead up to it, not contain it.
    usable = len(lines) - 2
    lengths = [n_bars] if n_bars else [n for n in _LENGTHS if n <= most]
    best: tuple[float, int, int] | None = None
    for length in lengths:
        for first in range(0, usable - length + 1):
            end = first + length
            score = _likeness(features, rate_hz, lines[first], lines[end], ear.wave.sample_rate)
            score += _PHRASE_BONUS.get(length, 0.0) + _LATE_BONUS * end / max(1, usable)
            if best is None or score > best[0] + 1e-9:
                best = (score, first, end)
    if best is None:
        return None
    _, first, end = best
    likeness = _likeness(features, rate_hz, lines[first], lines[end], ear.wave.sample_rate)
    return Loop(first, end, lines[first], aligned(ear, lines[first], lines[end]), max(0.0, likeness))


def aligned(ear: Ear, start: int, end: int) -> int:
    """The sample near ``end`` from which a jump to ``start`` is smoothest: best correlation of the sound around both."""
    mono, rate = ear.wave.mono(), ear.wave.sample_rate
    half, reach = round(0.06 * rate), round(_ALIGN_S * rate)
    if start - half < 0 or end - half - reach < 0 or end + half + reach > len(mono) or start + half > len(mono):
        return end
    from scipy.signal import correlate

    pattern = mono[start - half : start + half].astype(np.float64)
    field = mono[end - half - reach : end + half + reach].astype(np.float64)
    products = correlate(field, pattern, "valid", "fft")
    energy = np.concatenate([[0.0], np.cumsum(field**2)])
    norm = np.sqrt(np.maximum(energy[len(pattern) :] - energy[: -len(pattern)], 1e-12) * max(float((pattern**2).sum()), 1e-12))
    return end - reach + int(np.argmax(products / norm))


def _features(ear: Ear) -> tuple[NDArray[np.float64], float]:
    """Per frame of the chroma: chroma (unit), mel colour (unit), level in dB as the last column."""
    found = ear.chroma
    tones = np.concatenate([found.treble, found.bass], axis=1).astype(np.float64)
    tones /= np.maximum(np.linalg.norm(tones, axis=1, keepdims=True), 1e-6)
    mel = ear.sound.mel
    at = np.minimum((np.arange(len(tones)) * ear.sound.onset_frame_rate_hz / found.rate_hz).astype(int), len(mel) - 1)
    colour = np.log1p(3e4 * mel[at]).astype(np.float64)
    level = 10.0 * np.log10(mel[at].sum(axis=1).astype(np.float64) + 1e-9)
    colour /= np.maximum(np.linalg.norm(colour, axis=1, keepdims=True), 1e-6)
    return np.concatenate([tones, colour, level[:, None]], axis=1), found.rate_hz


def _likeness(features: NDArray[np.float64], rate_hz: float, a: int, b: int, sample_rate: int) -> float:
    """How alike the music is around two samples, at most 1."""
    half = round(_AROUND_S * rate_hz)
    first, second = round(a / sample_rate * rate_hz), round(b / sample_rate * rate_hz)
    before = min(half, first, second)
    after = min(half, len(features) - first, len(features) - second)
    if before + after < 4:
        return -1.0
    x, y = features[first - before : first + after], features[second - before : second + after]
    alike = 0.5 * float((x[:, :-1] * y[:, :-1]).sum(axis=1).mean())
    return alike - _LEVEL_SHARE * float(np.abs(x[:, -1] - y[:, -1]).mean())
