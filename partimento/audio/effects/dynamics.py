"""Changing loudness over time: compression and transient shaping.

One gain curve serves all channels, so the stereo image stays. Levels are followed in blocks of about a millisecond and
interpolated, which costs little and is inaudible next to attack times of several milliseconds (Giannoulis, Massberg and
Reiss, "Digital Dynamic Range Compressor Design", JAES 2012: feed-forward, decoupled smoothing in decibels).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
_BLOCK_S = 0.001
_FLOOR_DB = -90.0


def compress(
    samples: Samples,
    sample_rate: int,
    threshold_db: float,
    ratio: float,
    attack_s: float = 0.015,
    release_s: float = 0.15,
    knee_db: float = 6.0,
) -> Samples:
    """Lower what is above a threshold: 1 dB out for every ``ratio`` dB in. No make-up gain."""
    level, block = _levels(samples, sample_rate)
    over = level - threshold_db
    soft = np.clip(over + knee_db / 2, 0.0, knee_db) ** 2 / (2 * max(knee_db, 1e-9))
    wanted = -(1 - 1 / ratio) * np.where(over > knee_db / 2, over, soft)
    return _apply(samples, _smooth(wanted, block / sample_rate, attack_s, release_s), block)


def even_out(
    samples: Samples, sample_rate: int, ratio: float, over_rms_db: float = 0.0, attack_s: float = 0.005, release_s: float = 0.12
) -> Samples:
    """Compress above a threshold that follows from the sound: its own RMS level and ``over_rms_db`` more."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    if rms < 1e-6:
        return samples.copy()
    return compress(samples, sample_rate, 20 * math.log10(rms) + over_rms_db, ratio, attack_s, release_s)


def shape_transients(samples: Samples, sample_rate: int, attack_db: float, sustain_db: float = 0.0) -> Samples:
    """Strengthen or soften attacks and what rings after them.

    The difference of a quick and a slow level follower marks attacks (positive) and decays (negative), independent of
    how loud the sound is (the principle of the "differential envelope" designs).
    """
    level, block = _levels(samples, sample_rate)
    step = block / sample_rate
    quick, slow = _follow(level, step, 0.001, 0.05), _follow(level, step, 0.03, 0.05)
    late = _follow(level, step, 0.001, 0.4)
    rising = np.clip((quick - slow) / 12.0, 0.0, 1.0)
    falling = np.clip((late - quick) / 12.0, 0.0, 1.0)
    gain = attack_db * rising + sustain_db * falling
    gain[level <= _FLOOR_DB + 1] = 0.0
    return _apply(samples, _follow(gain, step, 0.0015, 0.004), block)


def _levels(samples: Samples, sample_rate: int) -> tuple[NDArray[np.float64], int]:
    """Peak level in dB of each block over all channels, and the block's length."""
    block = max(1, round(_BLOCK_S * sample_rate))
    n_blocks = -(-samples.shape[1] // block)
    top = np.abs(np.pad(samples, ((0, 0), (0, n_blocks * block - samples.shape[1])))).max(axis=0)
    peaks = top.reshape(n_blocks, block).max(axis=1).astype(np.float64)
    return 20 * np.log10(np.maximum(peaks, 10 ** (_FLOOR_DB / 20))), block


def _smooth(gain_db: NDArray[np.float64], step_s: float, attack_s: float, release_s: float) -> NDArray[np.float64]:
    """Follow a gain reduction: downwards with the attack time, back with the release time."""
    return -_follow(-gain_db, step_s, attack_s, release_s)


def _follow(values: NDArray[np.float64], step_s: float, rise_s: float, fall_s: float) -> NDArray[np.float64]:
    """One-pole follower with different time constants upwards and downwards."""
    up, down = (1 - math.exp(-step_s / t) for t in (rise_s, fall_s))
    out = np.empty_like(values)
    state = float(values[0]) if len(values) else 0.0
    for i, value in enumerate(values.tolist()):
        state += (up if value > state else down) * (value - state)
        out[i] = state
    return out


def _apply(samples: Samples, gain_db: NDArray[np.float64], block: int) -> Samples:
    """Multiply by a gain curve given per block, interpolated between block centres."""
    centres = (np.arange(len(gain_db)) + 0.5) * block
    curve = np.interp(np.arange(samples.shape[1]), centres, 10 ** (gain_db / 20))
    return (samples * curve).astype(np.float32)
