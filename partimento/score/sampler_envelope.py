"""Envelopes and oscillators of a SoundFont voice, computed in closed form (*SoundFont 2.04*, sections 8.1 and 9.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

ENVELOPE_RANGE_DB = 100.0
"""Change of level in the nominal decay and release times (sections 8.1.2, 36 and 38)."""
FLOOR_DB = 84.0
"""A released note is over when its envelope has fallen this far below full."""
MAX_TAIL_S = 15.0
"""A released note is faded out after this time even when its file says that it rings longer."""
MIN_RELEASE_S = 0.04
"""Shortest nominal release: the specification's default of 1 ms would click on low notes."""
CHOKE_RELEASE_S = 0.15
"""Nominal release of a note cut by its exclusive class (open hi-hat by closed): 60 dB down after 90 ms."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Delay, attack, hold, decay and release in seconds; ``sustain`` as stored (volume: cB; modulation: 0.1 %)."""

    delay_s: float
    attack_s: float
    hold_s: float
    decay_s: float
    sustain: float
    release_s: float


@dataclass(frozen=True, slots=True)
class Lfo:
    """A triangle starting at zero, upwards, after ``delay_s``."""

    delay_s: float
    freq_hz: float

    def at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value at these times, -1 to 1."""
        phase = np.maximum(time_s - self.delay_s, 0.0) * self.freq_hz
        return np.asarray(1.0 - 4.0 * np.abs(np.mod(phase + 0.25, 1.0) - 0.5))


def seconds_of(timecents: float) -> float:
    """Timecents to seconds; the lowest value of the file format means none."""
    return 0.0 if timecents <= -11950 else 2.0 ** (min(timecents, 8000.0) / 1200.0)


def hertz_of(absolute_cents: float) -> float:
    """Absolute cents to hertz (section 8.1.1)."""
    return float(8.175798915643707 * 2.0 ** (absolute_cents / 1200.0))


def envelope_of(gens: NDArray[np.float64], first: int, key: int, min_release_s: float) -> Envelope:
    """The envelope whose delay generator is ``first``; hold and decay scaled by the distance of the key from 60."""
    delay, attack, hold, decay, sustain, release, key_to_hold, key_to_decay = gens[first : first + 8].tolist()
    return Envelope(
        delay_s=seconds_of(delay),
        attack_s=max(seconds_of(attack), 0.001),
        hold_s=seconds_of(hold + key_to_hold * (60 - key)),
        decay_s=max(seconds_of(decay + key_to_decay * (60 - key)), 0.001),
        sustain=min(max(sustain, 0.0), 1440.0),
        release_s=max(seconds_of(release), min_release_s),
    )


@lru_cache(maxsize=192)
def volume_curve(env: Envelope, n: int, sample_rate: int) -> Samples:
    """Volume envelope of a held key, linear gain ``[n]``: attack straight in amplitude, decay straight in decibels."""
    time_s = np.arange(n) / sample_rate - env.delay_s
    rise = np.clip(time_s / env.attack_s, 0.0, 1.0)
    fallen_db = (time_s - env.attack_s - env.hold_s) * (ENVELOPE_RANGE_DB / env.decay_s)
    fallen_db = np.clip(fallen_db, 0.0, min(env.sustain / 10.0, 144.0))
    curve = np.asarray(rise * np.exp(fallen_db * (-math.log(10.0) / 20.0)), dtype=np.float32)
    curve.flags.writeable = False
    return curve


@lru_cache(maxsize=64)
def release_curve(release_s: float, sample_rate: int) -> Samples:
    """Gain after letting go, from 1 down by :data:`FLOOR_DB`, straight in decibels; at most :data:`MAX_TAIL_S` of it."""
    n = max(2, round(min(release_s * FLOOR_DB / ENVELOPE_RANGE_DB, MAX_TAIL_S) * sample_rate))
    nepers_per_sample = math.log(10.0) / 20.0 * ENVELOPE_RANGE_DB / (release_s * sample_rate)
    curve = np.asarray(np.exp(np.arange(n) * -nepers_per_sample), dtype=np.float32)
    curve.flags.writeable = False
    return curve


def modulation_curve(env: Envelope, time_s: NDArray[np.float64], off_s: float = math.inf) -> NDArray[np.float64]:
    """Modulation envelope at these times, 0 to 1: convex attack, straight decay and release (section 8.1.2, 25-30)."""
    t = np.minimum(time_s, off_s) - env.delay_s
    rise = np.clip(t / env.attack_s, 1e-9, 1.0)
    rise = np.maximum(0.0, 1.0 + 40.0 / 96.0 * np.log10(rise))
    fall = np.clip((t - env.attack_s - env.hold_s) / env.decay_s, 0.0, min(env.sustain, 1000.0) / 1000.0)
    held = np.where(t < 0, 0.0, rise - fall)
    return np.asarray(np.maximum(0.0, held - np.maximum(0.0, time_s - off_s) / env.release_s))
