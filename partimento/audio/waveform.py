"""The audio value type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Sound.

    Attributes:
        samples: float32 ``[channels, n]``, full scale ±1, read-only.
        sample_rate: Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples[None, :]
        if samples.ndim != 2 or samples.shape[0] < 1:
            raise RequestError(f"audio of shape {samples.shape} is not [channels, samples]")
        if not 1_000 <= self.sample_rate <= 768_000:
            raise RequestError(f"sample rate {self.sample_rate} Hz is outside 1000 to 768000 Hz")
        view = samples.view()
        view.flags.writeable = False
        object.__setattr__(self, "samples", view)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def n_samples(self) -> int:
        """Samples per channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate

    def part(self, start: int, end: int) -> Waveform:
        """Samples ``start`` to ``end`` (cut to what there is); a view, or read from disk where the sound lies there."""
        return Waveform(self.samples[:, max(0, start) : max(0, end)], self.sample_rate)

    def once(self) -> Waveform:
        """The whole sound for one who looks at it once: where it lies on disk, it does not stay in memory for the next."""
        return self

    def mono(self) -> NDArray[np.float32]:
        """Mean of the channels, ``[n]``."""
        return np.asarray(self.samples.mean(axis=0, dtype=np.float32))
