"""Width, room, echo, and the wavering of tape."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def set_width(samples: Samples, sample_rate: int, factor: float, low_hz: float = 150.0) -> Samples:
    """Scale the side signal: 0 mono, 1 as it is, 2 twice as wide; below ``low_hz`` the image stays in the middle.

    A mono or one-channel sound has no side signal; it is decorrelated by a short all-pass pair instead.
    """
    from scipy.signal import butter, sosfilt

    if samples.shape[0] != 2:
        return samples.copy()
    middle, side = (samples[0] + samples[1]) / 2, (samples[0] - samples[1]) / 2
    if factor > 1 and float(np.mean(side**2)) < 1e-3 * float(np.mean(middle**2)) + 1e-12:
        side = side + 0.25 * _decorrelated(middle, sample_rate)
    extra = (factor - 1) * sosfilt(butter(2, low_hz, "highpass", fs=sample_rate, output="sos"), side)
    side = side + extra.astype(np.float32)
    return np.stack([middle + side, middle - side]).astype(np.float32)


def pan(samples: Samples, sample_rate: int, position: float) -> Samples:
    """Turn a stereo image towards a side: -1 all to the left, 0 as it is, 1 all to the right.

    The channel that is turned away from is given to the other one with constant power (the panning algorithm for stereo
    input of the W3C Web Audio API, StereoPannerNode). One channel alone stays as it is.
    """
    if samples.shape[0] != 2:
        return samples.copy()
    turn = min(max(abs(position), 0.0), 1.0) * np.pi / 2
    near, far = (0, 1) if position > 0 else (1, 0)
    out = samples.copy()
    out[near] = samples[near] * np.float32(np.cos(turn))
    out[far] = samples[far] + samples[near] * np.float32(np.sin(turn))
    return out


def _decorrelated(signal: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """The signal through a chain of all-passes: same spectrum, other phase."""
    from scipy.signal import lfilter

    out = signal.astype(np.float64)
    for delay_s, g in ((0.0071, 0.55), (0.0113, -0.5), (0.0029, 0.45)):
        d = max(1, round(delay_s * sample_rate))
        b, a = np.zeros(d + 1), np.zeros(d + 1)
        b[0], b[d], a[0], a[d] = -g, 1.0, 1.0, -g
        out = lfilter(b, a, out)
    return out.astype(np.float32)


@cache
def room_response(sample_rate: int, decay_s: float, bright: float, pre_delay_s: float) -> NDArray[np.float32]:
    """Stereo impulse response ``[2, n]`` of a diffuse room, of energy 1 per channel.

    Noise of a fixed seed under an exponential decay whose high frequencies die sooner (``bright`` 0–1), after
    Moorer, "About This Reverberation Business" (CMJ 1979).
    """
    from scipy.signal import butter, sosfilt

    rng = np.random.Generator(np.random.PCG64(20_240_229))
    n = round(sample_rate * min(decay_s * 1.1, 8.0))
    t = np.arange(n) / sample_rate
    noise = rng.standard_normal((2, n))
    out = np.zeros((2, n))
    edges = [
        (None, 300.0, 0.9),
        (300.0, 2_000.0, 1.0),
        (2_000.0, 6_000.0, 0.55 + 0.4 * bright),
        (6_000.0, None, 0.25 + 0.5 * bright),
    ]
    for low, high, share in edges:
        if low is not None and low >= 0.45 * sample_rate:
            continue
        top = None if high is None or high >= 0.45 * sample_rate else high
        if low is None:
            sos = butter(2, top, "lowpass", fs=sample_rate, output="sos")
        elif top is None:
            sos = butter(2, low, "highpass", fs=sample_rate, output="sos")
        else:
            sos = butter(2, (low, top), "bandpass", fs=sample_rate, output="sos")
        out += sosfilt(sos, noise, axis=-1) * np.exp(-6.908 * t / (decay_s * share))
    out *= 1 - np.exp(-t / 0.004)  # a soft onset: early sound is diffuse, not a second click
    out /= np.sqrt(np.sum(out**2, axis=1, keepdims=True))
    delayed = np.pad(out, ((0, 0), (round(pre_delay_s * sample_rate), 0)))
    return delayed.astype(np.float32)


def reverberate(
    samples: Samples, sample_rate: int, wet_db: float, decay_s: float = 1.6, bright: float = 0.5, pre_delay_s: float = 0.012
) -> Samples:
    """Add a room: ``wet_db`` is its level against the dry sound. The tail past the end is not kept."""
    from scipy.signal import oaconvolve

    response = room_response(sample_rate, decay_s, bright, pre_delay_s)
    channels = [oaconvolve(channel, response[i % 2])[: samples.shape[1]] for i, channel in enumerate(samples.astype(np.float32))]
    return (samples + np.float32(10 ** (wet_db / 20)) * np.stack(channels)).astype(np.float32)


def echo(samples: Samples, sample_rate: int, delay_s: float, feedback: float, mix: float) -> Samples:
    """Repeats at a fixed distance, each ``feedback`` times the one before, crossing sides in stereo."""
    out = samples.astype(np.float32).copy()
    step = max(1, round(delay_s * sample_rate))
    gain, at, source = mix, step, samples
    while gain > 0.003 and at < samples.shape[1]:
        source = source[::-1] if samples.shape[0] == 2 else source
        out[:, at:] += np.float32(gain) * source[:, : samples.shape[1] - at]
        gain, at = gain * feedback, at + step
    return out


def chorus(samples: Samples, sample_rate: int, depth_s: float = 0.002, rate_hz: float = 0.6, mix: float = 0.4) -> Samples:
    """A second voice slightly out of tune, its wavering opposite on the two sides."""
    out = samples.copy()
    for i in range(samples.shape[0]):
        out[i] = (1 - mix / 2) * samples[i] + mix * _moving_delay(samples[i], sample_rate, 0.012, depth_s, rate_hz, np.pi * i)
    return out.astype(np.float32)


def vibrato_tape(samples: Samples, sample_rate: int, depth_cents: float = 8.0, rate_hz: float = 0.7) -> Samples:
    """Wow: the pitch of everything wavers by ``depth_cents`` either way."""
    ratio = 2 ** (depth_cents / 1200) - 1
    depth_s = ratio / (2 * np.pi * rate_hz)
    return np.stack([_moving_delay(c, sample_rate, depth_s, depth_s, rate_hz, 0.0) for c in samples]).astype(np.float32)


def _moving_delay(
    channel: NDArray[np.float32], sample_rate: int, base_s: float, depth_s: float, rate_hz: float, phase: float
) -> NDArray[np.float32]:
    """Read a signal at a delay that moves in a sine (cubic interpolation)."""
    n = np.arange(len(channel), dtype=np.float64)
    at = n - sample_rate * (base_s + depth_s * np.sin(2 * np.pi * rate_hz * n / sample_rate + phase))
    whole = np.floor(at).astype(np.int64)
    x = (at - whole).astype(np.float32)
    p = np.pad(channel, (1, 2))
    a, b, c, d = (p[np.clip(whole + k, 0, len(p) - 1)] for k in range(4))
    out = b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))
    return np.where(at < 0, np.float32(0), out).astype(np.float32)
