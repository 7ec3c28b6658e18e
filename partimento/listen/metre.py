"""Metre and downbeats: which beats carry the weight, and whether beats divide in two or three.

Sources: Klapuri, Eronen and Astola, "Analysis of the meter of acoustic musical signals", IEEE TASLP 14(1), 2006 (levels of
the metre); Goto, "An audio-based real-time beat tracking system", JNMR 30(2), 2001 (chord changes mark bars).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.listen.chroma import Chroma
from partimento.listen.onsets import OnsetEnvelope
from partimento.listen.tempo import Beats

# Log preference for a number of beats in a bar; four is by far the commonest.
_PREFERENCE = {2: -0.06, 3: 0.0, 4: 0.08, 5: -0.06, 7: -0.08}


@dataclass(frozen=True)
class MetreGuess:
    """What the bar looks like.

    Attributes:
        beats_per_bar: 2 to 7; 0 when there are too few beats.
        ternary: True when beats divide in three (6/8, 12/8, swing, triplets).
        text: the likeliest written metre.
        downbeats_s: times of first beats, seconds.
        confidence: lead over the next number of beats, 0 to 1.
        phase_accents: mean accent (standard deviations) of each beat of the bar, counted from the first beat that was
            tracked.
    """

    beats_per_bar: int
    ternary: bool
    text: str
    downbeats_s: tuple[float, ...]
    confidence: float
    phase_accents: tuple[float, ...] = ()


def guess_metre(beats: Beats, envelope: OnsetEnvelope, found: Chroma) -> MetreGuess:
    """Metre from the accents of the beats: low onsets, all onsets, and changes of harmony."""
    times = np.array(beats.times_s)
    if times.size < 8:
        return MetreGuess(0, False, "unknown", (), 0.0)
    accents = _accents(times, envelope, found)
    scores: dict[int, tuple[float, int]] = {}
    for n, preference in _PREFERENCE.items():
        profile = np.array([accents[phase::n].mean() for phase in range(n)])
        best = int(np.argmax(profile))
        repeat = float(np.corrcoef(accents[:-n], accents[n:])[0, 1]) if accents.std() > 1e-9 and times.size > n + 3 else 0.0
        # Contrast of the first beat, corrected for the chance that more phases give a larger maximum.
        contrast = float(profile[best] - np.delete(profile, best).mean()) - 0.5 * np.sqrt(n / times.size)
        scores[n] = (0.5 * np.nan_to_num(repeat) + 0.35 * contrast + preference, best)
    ranked = sorted(scores, key=lambda n: -scores[n][0])
    n, phase = ranked[0], scores[ranked[0]][1]
    lead = scores[ranked[0]][0] - scores[ranked[1]][0]
    ternary = _divides_in_three(times, envelope)
    text = _text(n, ternary, beats.tempo_bpm)
    means = tuple(round(float(accents[p::n].mean()), 3) for p in range(n))
    return MetreGuess(n, ternary, text, tuple(beats.times_s[phase::n]), float(np.clip(lead / 0.3, 0.0, 1.0)), means)


def _accents(times: NDArray[np.float64], envelope: OnsetEnvelope, found: Chroma) -> NDArray[np.float64]:
    """Accent of each beat, standardised: onset strength, low onset strength and harmonic change."""
    frames = np.array([envelope.frame_at(t) for t in times])
    strong = np.max([_sample(envelope.strength, frames + s) for s in (-1, 0, 1)], axis=0)
    low = np.max([_sample(envelope.low, frames + s) for s in (-1, 0, 1)], axis=0)
    pooled = []
    edges = np.append(times, 2 * times[-1] - times[-2])
    both = np.concatenate([found.treble, found.bass], axis=1)
    for start, end in itertools.pairwise(edges):
        a = min(int(start * found.rate_hz + 0.5), both.shape[0] - 1)
        pooled.append(both[a : max(a + 1, int(end * found.rate_hz + 0.5))].mean(axis=0))
    table = np.array(pooled)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    change = np.concatenate([[0.0], 1.0 - (table[1:] * table[:-1]).sum(axis=1)])
    return 0.3 * _standard(strong) + 0.7 * _standard(low) + 1.0 * _standard(change)


def _divides_in_three(times: NDArray[np.float64], envelope: OnsetEnvelope) -> bool:
    """True when onsets lie at thirds of the beat rather than at its half."""
    period = np.diff(times)

    def mean_at(part: float) -> float:
        frames = np.array([envelope.frame_at(t) for t in times[:-1] + part * period])
        return float(np.max([_sample(envelope.strength, frames + s) for s in (-1, 0, 1)], axis=0).mean())

    half = max(mean_at(0.5), 0.5 * (mean_at(0.25) + mean_at(0.75)))
    thirds = mean_at(2 / 3)
    return thirds > 1.3 * half and thirds > 0.1


def _text(n: int, ternary: bool, tempo_bpm: float) -> str:
    """Written metre for beats per bar; slow ternary beats are compound metres, fast ones swing."""
    if ternary and n in (2, 4) and tempo_bpm < 100:
        return {2: "6/8", 4: "12/8"}[n]
    return f"{n}/4"


def _sample(values: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at fractional positions."""
    return np.interp(at, np.arange(values.size), values)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Zero mean, unit deviation (zero when constant), single peaks limited."""
    deviation = float(values.std())
    return np.clip((values - values.mean()) / deviation, -2.5, 2.5) if deviation > 1e-9 else np.zeros_like(values)
