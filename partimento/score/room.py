"""One room for all stems: a fixed stereo impulse response and its convolution.

The response is noise whose decay depends on the frequency (Moorer 1979, "About this reverberation business"; Jot 1992 for
the decay per band), with a few early reflections before it. It has no low end, so that the bass stays dry.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.transforms import irfft, rfft

Samples = NDArray[np.float32]

_SEED = 1722  # of the noise; the room is part of the sound and must never change by itself
_LENGTH_S = 0.95
_PREDELAY_S = 0.014
_BUILD_UP_S = 0.025
# Time in seconds in which each octave band falls by 60 dB: a small hall with soft walls.
_RT60_S = {125.0: 1.05, 250.0: 1.1, 500.0: 1.1, 1000.0: 1.05, 2000.0: 0.95, 4000.0: 0.75, 8000.0: 0.5, 16000.0: 0.3}
_LOW_CUT_HZ = 180.0
_N_EARLY = 11
_EARLY_LAST_S = 0.055
_EARLY_SHARE = 0.35  # of the whole energy
_BLOCKS_AT_ONCE = 4  # transformed side by side, one in each lane of the processor's vectors
_BLOCK_SAMPLES = 1 << 17  # transform length; fixed, so that a block's result depends on that block's sound only


@lru_cache(maxsize=4)
def impulse_response(sample_rate: int) -> Samples:
    """The room at this sample rate, float32 ``[2, n]``, each channel with unit energy."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    n = round(_LENGTH_S * sample_rate)
    time_s = np.arange(n) / sample_rate
    size = 1 << (n - 1).bit_length()
    freq_hz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    octave = np.log2(np.maximum(freq_hz, 1.0))
    centres = np.log2(np.array(list(_RT60_S)))
    built = np.clip((time_s - _PREDELAY_S) / _BUILD_UP_S, 0.0, 1.0) ** 2
    cut = (freq_hz / _LOW_CUT_HZ) ** 2 / np.sqrt(1.0 + (freq_hz / _LOW_CUT_HZ) ** 4)
    out = np.zeros((2, n))
    for channel in range(2):
        # sums of uniform numbers are as good as Gaussian ones here, and the same with every NumPy
        noise = np.fft.rfft(rng.random((4, n)).sum(axis=0) - 2.0, size)
        for i, (centre, rt60_s) in enumerate(zip(centres, _RT60_S.values(), strict=True)):
            place = np.clip(octave - centre, -np.inf if i else 0.0, 0.0 if i == len(centres) - 1 else np.inf)
            if i == 0:
                place = np.maximum(octave - centre, 0.0)
            band = np.fft.irfft(noise * np.maximum(0.0, 1.0 - np.abs(place)) * cut, size)[:n]
            out[channel] += band * np.exp(-6.908 / rt60_s * time_s) * built
        out[channel] *= np.sqrt((1.0 - _EARLY_SHARE) / np.sum(out[channel] ** 2))
        out[channel] += _early(rng, n, sample_rate)
    fade = n // 5
    out[:, n - fade :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    out /= np.sqrt(np.sum(out**2, axis=1, keepdims=True))
    response = out.astype(np.float32)
    response.flags.writeable = False
    return response


def _early(rng: np.random.Generator, n: int, sample_rate: int) -> NDArray[np.float64]:
    """Early reflections of one channel, ``[n]``: soft pulses, weaker the later."""
    out = np.zeros(n)
    times_s = 0.006 + np.sort(rng.random(_N_EARLY)) * (_EARLY_LAST_S - 0.006)
    width = max(2, round(0.00012 * sample_rate))  # walls take the highest octave
    pulse = np.hanning(2 * width + 1)
    pulse /= pulse.sum()
    for time_s in times_s:
        at = round(time_s * sample_rate)
        sign = 1.0 if rng.random() < 0.5 else -1.0
        out[at : at + len(pulse)] += sign * pulse / (1.0 + 40.0 * time_s)
    # the difference takes the low end out of the pulses as well
    out[1:] -= 0.95 * out[:-1]
    return np.asarray(out * np.sqrt(_EARLY_SHARE / np.sum(out**2)))


@lru_cache(maxsize=4)
def _spectrum(sample_rate: int) -> NDArray[Any]:
    return np.asarray(rfft(impulse_response(sample_rate), _block(sample_rate)))


def _block(sample_rate: int) -> int:
    """Transform length: at least three times the response."""
    size = _BLOCK_SAMPLES
    while size < 3 * round(_LENGTH_S * sample_rate):
        size *= 2
    return size


def add_room(dry: Samples, gain: float, into: Samples, sample_rate: int, wrap: bool = False) -> None:
    """Put a sound into the room and add what comes back.

    Block by block (overlap-add), several blocks to a transform, silent ones skipped: the work grows with the length only,
    the memory not at all, and sound far away in time cannot change a single bit.

    Args:
        dry: ``[1 or 2, n]``; the room is fed with the mean of the channels.
        gain: linear level of the room.
        into: receives the sound, ``[2, n]``, changed in place.
        sample_rate: Hz.
        wrap: add what rings on after the end at the start (for a loop) instead of dropping it.
    """
    stretch = room_stretch(sample_rate)
    for at in range(0, dry.shape[1], stretch):
        add_room_stretch(dry[:, at : at + stretch], at, gain, into, sample_rate, wrap)


def room_stretch(sample_rate: int) -> int:
    """Samples that :func:`add_room_stretch` takes at once."""
    return int(_block(sample_rate) - impulse_response(sample_rate).shape[1] + 1) * _BLOCKS_AT_ONCE


def add_room_stretch(dry: Samples, at: int, gain: float, into: Samples, sample_rate: int, wrap: bool = False) -> None:
    """A stretch of :func:`add_room`: ``dry`` holds at most :func:`room_stretch` samples and begins at sample ``at``."""
    spectrum = _spectrum(sample_rate)
    size = _block(sample_rate)
    ring = impulse_response(sample_rate).shape[1] - 1
    hop, n = size - ring, dry.shape[1]
    # Always full batches: the transforms of a row must not depend on how many rows there are.
    send = np.empty((_BLOCKS_AT_ONCE, size), np.float32)
    lengths = [_send(dry, hop * k, gain, row, hop) for k, row in enumerate(send)]
    if not any(lengths):
        return
    transformed = rfft(send)
    for channel in range(2):
        wet = irfft(transformed * spectrum[channel], size)
        for start, length, row in zip(range(0, n, hop), lengths, wet, strict=False):
            if length:
                _return(row[: length + ring], at + start, into[channel], wrap)


def _send(dry: Samples, start: int, gain: float, row: Samples, hop: int) -> int:
    """Write what the room is fed with into ``row`` (zero behind it); its length, 0 for silence."""
    block = dry[:, start : start + hop]
    length = block.shape[1]
    if dry.shape[0] == 1 or dry.strides[0] == 0:
        np.multiply(block[0], np.float32(gain), out=row[:length])
    else:
        np.add(block[0], block[1], out=row[:length])
        row[:length] *= np.float32(0.5 * gain)
    row[length:] = 0.0
    return int(length) if row[:length].any() else 0


def _return(wet: Samples, at: int, into: Samples, wrap: bool) -> None:
    """Add what comes back from the room at a sample of one channel."""
    inside = min(len(wet), len(into) - at)
    into[at : at + inside] += wet[:inside]
    if wrap and inside < len(wet):
        rest = wet[inside:][: len(into)]
        into[: len(rest)] += rest
