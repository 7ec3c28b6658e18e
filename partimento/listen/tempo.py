"""Tempo and beats of a recording.

:func:`track_beats` hears without being told (autocorrelation with a tempo prior, then dynamic programming);
:func:`refine_tempo` measures finely around a tempo that is expected.

Sources: Ellis, "Beat tracking by dynamic programming", J. New Music Research 36(1), 2007 (sections 3.2 and 3.3); comb over
the Fourier transform of the onset strength: Peeters, "Template-based estimation of time-varying tempo", EURASIP 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.listen.onsets import OnsetEnvelope, onset_envelope
from partimento.listen.spectrum import Array, Sound

PRIOR_BPM = 118.0
PRIOR_OCTAVES = 0.85
SLOWEST_BPM = 35.0
FASTEST_BPM = 260.0
COMB_SPAN = 0.06
SIMPLE_PULSES = (1.0, 2.0, 3.0, 4.0, 6.0)
COMPOUND_PULSES = (2.0 / 3.0, 2.0, 4.0)
_TIGHTNESS = 400.0
_FASTEST_PULSE_HZ = 18.0  # above this, onsets are closer than the frames can tell apart


@dataclass(frozen=True)
class Beats:
    """Beats of a recording.

    Attributes:
        times_s: ascending, seconds.
        tempo_bpm: slope of the regression over the beats; 0 when there are none.
        confidence: 0 (no pulse) to 1 (every beat is a clear onset).
        jitter_s: median absolute distance of the beats from the regression line.
    """

    times_s: tuple[float, ...]
    tempo_bpm: float
    confidence: float
    jitter_s: float = 0.0


class TempoComb(NamedTuple):
    """Result of :func:`refine_tempo`: tempo and how far its comb stands out of its surroundings (0 to 1)."""

    bpm: float
    strength: float


def track_beats(sound: Waveform | Sound, around_bpm: float | None = None, envelope: OnsetEnvelope | None = None) -> Beats:
    """Beats by dynamic programming.

    Args:
        sound: the recording.
        around_bpm: expected tempo; None hears with the usual prior of listeners (near 120 bpm).
        envelope: onset envelope of the recording, when it is already there.
    """
    env = envelope or onset_envelope(sound)
    strength = env.strength
    if strength.size < env.rate_hz or not strength.any():
        return Beats((), 0.0, 0.0)
    coarse = _global_tempo(env, around_bpm)
    bpm = refine_tempo(sound, coarse, envelope=env, span=0.04).bpm
    frames = _best_path(strength, 60.0 * env.rate_hz / bpm)
    frames = _trim(frames, strength)
    if frames.size < 3:
        return Beats((), 0.0, 0.0)
    times = np.interp(_sharpen(frames, strength), np.arange(strength.size), env.times_s().astype(np.float64))
    times = np.maximum(times, 0.0)
    slope, jitter = regress_period(times, 60.0 / bpm)
    return Beats(tuple(round(float(t), 4) for t in times), 60.0 / slope, _clarity(frames, strength), jitter)


def refine_tempo(
    sound: Waveform | Sound,
    around_bpm: float,
    span: float = COMB_SPAN,
    pulses: tuple[float, ...] = SIMPLE_PULSES,
    envelope: OnsetEnvelope | None = None,
    part_s: tuple[float, float] | None = None,
) -> TempoComb:
    """Tempo near an expected one, from the comb of its pulses in the Fourier transform of the whole onset strength.

    A comb at the true tempo has every tooth on a peak. Teeth far up are narrow, so 30 s of music give the tempo
    to about 0.05 %.

    Args:
        sound: the recording.
        around_bpm: expected tempo.
        span: relative search range to either side.
        pulses: teeth as multiples of the tempo (:data:`SIMPLE_PULSES`; :data:`COMPOUND_PULSES` for 6/8 and the like).
        envelope: onset envelope of the recording, when it is already there.
        part_s: look only at this stretch (start, end) in seconds.
    """
    env = envelope or onset_envelope(sound)
    strength = env.strength
    if part_s is not None:
        strength = strength[max(0, round(env.frame_at(part_s[0]))) : max(0, round(env.frame_at(part_s[1])))]
    if strength.size < 2 * env.rate_hz or not strength.any():
        return TempoComb(around_bpm, 0.0)
    teeth = [p for p in pulses if p * around_bpm / 60.0 < _FASTEST_PULSE_HZ]
    seconds = strength.size / env.rate_hz
    step = 0.2 / (seconds * max(teeth) * around_bpm / 60.0)
    grid = around_bpm * np.arange(1.0 - span, 1.0 + span + step, step)
    comb = _comb(strength, env.rate_hz, grid, teeth)
    best = int(np.argmax(comb))
    median = float(np.median(comb))
    peak = float(comb[best])
    return TempoComb(_parabola(grid, comb, best), max(0.0, 1.0 - median / peak) if peak > 0 else 0.0)


def regress_period(times_s: NDArray[np.float64], period_s: float) -> tuple[float, float]:
    """Beat period by regression over beat numbers, and the median absolute deviation from it in seconds.

    Beats are numbered by their distance to the one before in periods, so a missed beat does no harm; a second fit
    leaves out what lies more than three deviations off.
    """
    steps = np.maximum(1, np.round(np.diff(times_s) / period_s))
    number = np.concatenate([[0.0], np.cumsum(steps)])
    slope, offset = np.polyfit(number, times_s, 1)
    off = np.abs(times_s - slope * number - offset)
    keep = off <= max(3.0 * float(np.median(off)), 1e-3)
    if keep.sum() >= 3:
        slope, offset = np.polyfit(number[keep], times_s[keep], 1)
    return float(slope), float(np.median(np.abs(times_s - slope * number - offset)))


def _global_tempo(env: OnsetEnvelope, around_bpm: float | None) -> float:
    """Tempo in bpm from the autocorrelation, its multiples and a log-Gaussian prior (Ellis 2007, section 3.2)."""
    from scipy.fft import irfft, next_fast_len, rfft

    strength = env.strength - env.strength.mean()
    n = next_fast_len(2 * strength.size)
    auto = irfft(np.abs(rfft(strength, n)) ** 2, n)[: strength.size]
    auto = auto / max(float(auto[0]), 1e-9)
    lags = np.arange(env.rate_hz * 60.0 / FASTEST_BPM, env.rate_hz * 60.0 / SLOWEST_BPM, 0.25)
    axis = np.arange(auto.size)
    score = np.zeros_like(lags)
    for multiple, weight in ((1, 1.0), (2, 0.5), (3, 0.25), (4, 0.35)):
        score += weight * np.interp(lags * multiple, axis, auto, right=0.0)
    centre, octaves = (PRIOR_BPM, PRIOR_OCTAVES) if around_bpm is None else (around_bpm, 0.15)
    prior = np.exp(-0.5 * (np.log2(60.0 * env.rate_hz / lags / centre) / octaves) ** 2)
    return float(60.0 * env.rate_hz / lags[int(np.argmax(np.maximum(score, 1e-6) * prior))])


def _best_path(strength: Array, period: float) -> NDArray[np.int64]:
    """Frames of the beat sequence that maximises onset strength with steady spacing (Ellis 2007, section 3.3)."""
    from scipy.ndimage import gaussian_filter1d

    local = gaussian_filter1d(strength.astype(np.float64), max(0.6, period / 32.0))
    local /= max(float(local.std()), 1e-9)
    nearest, farthest = max(1, round(period / 2)), max(2, round(period * 2))
    offsets = np.arange(-farthest, -nearest + 1)
    cost = -_TIGHTNESS * np.log(-offsets / period) ** 2
    padded = np.concatenate([np.zeros(farthest), np.empty(local.size)])  # before the start a beat costs nothing
    back = np.full(local.size, -1)
    for t in range(local.size):
        window = cost + padded[t : t + offsets.size]
        best = int(np.argmax(window))
        came_from = t + int(offsets[best])
        gain = float(window[best])
        if came_from < 0 or gain < 0:
            gain, came_from = 0.0, -1
        back[t] = came_from
        padded[farthest + t] = local[t] + gain
    cumulative = padded[farthest:]
    tail = max(1, round(period))
    at = int(cumulative.size - tail + np.argmax(cumulative[-tail:]))
    path = []
    while at >= 0:
        path.append(at)
        at = int(back[at])
    return np.array(path[::-1])


def _trim(frames: NDArray[np.int64], strength: Array) -> NDArray[np.int64]:
    """Drop beats before the first and after the last sound."""
    loud = np.flatnonzero(strength > 0.05)
    if loud.size == 0:
        return frames[:0]
    return np.asarray(frames[(frames >= loud[0] - 3) & (frames <= loud[-1] + 3)])


def _sharpen(frames: NDArray[np.int64], strength: Array) -> NDArray[np.float64]:
    """Move each beat to the centre of gravity of the onset around it (two frames to either side)."""
    out = frames.astype(np.float64)
    for i, frame in enumerate(frames):
        low, high = max(0, frame - 2), min(strength.size, frame + 3)
        weight = strength[low:high].astype(np.float64)
        if weight.sum() > 0.5:
            out[i] = float((np.arange(low, high) * weight).sum() / weight.sum())
    return out


def _clarity(frames: NDArray[np.int64], strength: Array) -> float:
    """How much stronger onsets are at the beats than between them, 0 to 1."""
    near = np.zeros(strength.size, bool)
    for shift in (-1, 0, 1):
        near[np.clip(frames + shift, 0, strength.size - 1)] = True
    inside = float(strength[near].mean())
    outside = float(strength[~near].mean()) if (~near).any() else 0.0
    return max(0.0, (inside - outside) / max(inside + outside, 1e-9))


def _comb(strength: Array, rate_hz: float, grid_bpm: NDArray[np.float64], teeth: list[float]) -> NDArray[np.float64]:
    """Mean normalised magnitude of the onset strength's Fourier transform at the teeth, for each tempo of the grid."""
    from scipy.fft import next_fast_len, rfft

    n = next_fast_len(8 * strength.size)
    # A Hann taper keeps a strong neighbouring pulse's side lobes out of the search range.
    tapered = (strength - strength.mean()) * np.hanning(strength.size)
    magnitude = np.abs(rfft(tapered, n))
    axis = np.arange(magnitude.size) * rate_hz / n
    teeth_at = np.array([np.interp(grid_bpm / 60.0 * tooth, axis, magnitude) for tooth in teeth])
    return np.asarray(np.sqrt((teeth_at**2).mean(axis=0)))


def _parabola(grid: NDArray[np.float64], values: NDArray[np.float64], at: int) -> float:
    """Vertex of the parabola through a maximum and its neighbours."""
    if not 0 < at < values.size - 1:
        return float(grid[at])
    left, mid, right = values[at - 1 : at + 2]
    curve = left - 2 * mid + right
    shift = 0.5 * (left - right) / curve if curve < 0 else 0.0
    return float(grid[at] + shift * (grid[1] - grid[0]))
