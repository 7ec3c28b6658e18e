"""Sound on the 24-bit grid, where stems add up to their mix without any residual."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.errors import FileError

STEP_24 = 2.0**-23
"""One step of a 24-bit sample."""


def quantised(wave: Waveform) -> Waveform:
    """The sound rounded to 24 bits: what is stored is then what is heard, bit for bit."""
    # Scaling by a power of two and rounding to 24 bits are exact in single precision.
    steps = wave.samples * np.float32(1.0 / STEP_24)
    np.rint(steps, out=steps)
    np.clip(steps, -(2**23), 2**23 - 1, out=steps)
    steps *= np.float32(STEP_24)
    return Waveform(steps, wave.sample_rate)


def exact_sum(stems: Mapping[str, Waveform]) -> Waveform:
    """Sum of quantised stems: exact in double precision, then 24 bits again, whatever the order.

    Raises:
        FileError: there are no stems.
    """
    if not stems:
        raise FileError("a project needs at least one stem")
    first = next(iter(stems.values()))
    total = np.zeros(first.samples.shape, np.float64)
    for stem in stems.values():
        total += stem.samples
    return Waveform(np.clip(total, -1.0, 1.0 - STEP_24).astype(np.float32), first.sample_rate)
