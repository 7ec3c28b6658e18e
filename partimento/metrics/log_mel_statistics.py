"""An embedder without a network: statistics of the log-mel spectrogram, one vector per second.

Per window of one second (hop half a second): mean and standard deviation over time of 48 log-mel bands (30 Hz to 15 kHz),
and the standard deviation of their frame-to-frame change, all of mono sound at 32 kHz: ``3 x 48`` numbers. It sees timbre,
balance, density and dynamics, not harmony. Its figures compare systems in one table; they are not those of VGGish.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.mel_distance import MelScale, log_mel

_BANDS = 48
_SCALE = MelScale(2048, _BANDS)
_LOW_HZ, _HIGH_HZ = 30.0, 15_000.0
_WINDOW_S, _HOP_S = 1.0, 0.5


class LogMelStatistics:
    """The embedder (see the head of this file)."""

    name = "log-mel statistics"
    sample_rate = 32_000
    dim = 3 * _BANDS

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, 144]`` of mono ``samples [n]`` at 32 kHz; sound shorter than a second gives one vector.

        Raises:
            RequestError: no samples, more than one channel, or values that are not finite.
        """
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 1 or samples.size == 0:
            raise RequestError(f"mono sound [n] with n >= 1 is needed, got shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise RequestError(f"the sound holds {int((~np.isfinite(samples)).sum())} samples that are not finite")
        frames = log_mel(samples, self.sample_rate, _SCALE, _LOW_HZ, _HIGH_HZ)
        change = np.diff(frames, axis=0, prepend=frames[:1])
        rate = self.sample_rate / _SCALE.hop
        size, hop = round(_WINDOW_S * rate), round(_HOP_S * rate)
        starts = range(0, max(1, len(frames) - size + 1), hop)
        rows = [
            np.concatenate([part.mean(axis=0), part.std(axis=0), change[s : s + size].std(axis=0)])
            for s in starts
            for part in (frames[s : s + size],)
        ]
        return np.stack(rows).astype(np.float32)
