"""The room of :mod:`partimento.score.room` for sounds that end up mono: one convolution instead of two."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.score.room import impulse_response

Samples = NDArray[np.float32]

_BLOCK_SAMPLES = 1 << 17
_BLOCKS_AT_ONCE = 4  # side by side, one in each lane of the processor's vectors


@lru_cache(maxsize=4)
def _spectrum(sample_rate: int) -> NDArray[Any]:
    """Transform of both channels' mean: what is left of the stereo room when its channels are averaged."""
    from scipy import fft

    response = impulse_response(sample_rate).mean(axis=0)
    size = _BLOCK_SAMPLES
    while size < 3 * len(response):
        size *= 2
    return np.asarray(fft.rfft(response, size))


def add_mono_room(dry: Samples, gain: float, into: Samples, sample_rate: int) -> None:
    """Add the room's answer to a mono sound, as the mean of :func:`partimento.score.room.add_room`'s two channels.

    Args:
        dry: ``[n]``.
        gain: linear level of the room.
        into: ``[n]``, changed in place; what rings on after its end is dropped.
        sample_rate: Hz.
    """
    from scipy import fft

    spectrum = _spectrum(sample_rate)
    size = 2 * (len(spectrum) - 1)
    hop = size - impulse_response(sample_rate).shape[1] + 1
    sent = np.empty((_BLOCKS_AT_ONCE, size), np.float32)
    for at in range(0, len(dry), hop * _BLOCKS_AT_ONCE):
        sent[:] = 0.0
        for k, row in enumerate(sent):
            block = dry[at + k * hop : at + (k + 1) * hop]
            np.multiply(block, np.float32(gain), out=row[: len(block)])
        if not sent.any():
            continue
        parts = fft.rfft(sent, axis=1)
        parts *= spectrum
        for k, wet in enumerate(fft.irfft(parts, size, axis=1, overwrite_x=True)):
            begin = at + k * hop
            if begin < len(into):
                inside = min(size, len(into) - begin)
                into[begin : begin + inside] += wet[:inside]
