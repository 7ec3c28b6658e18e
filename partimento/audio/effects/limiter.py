"""Holding peaks below a ceiling, of whole sounds and of sounds that come in pieces.

The gain goes down smoothly before a peak, so nothing is clipped: the least gain over a look-ahead, let go slowly, then its
mean over the same length, which never exceeds what any sample needs. Peaks are those of the sound oversampled four times, as
true peaks are measured (BS.1770-4, annex 2).
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from partimento.audio.loudness import highest_gain_between, peaks_between

Samples = NDArray[np.float32]
LOOKAHEAD_S = 0.004
RELEASE_S = 0.06
_BLOCK = 32
"""Samples with one gain at either end and a straight line between: 1 ms at 32 kHz."""
_MARGIN = 12
"""Samples on either side of a block that its true peak hangs on."""
_BLOCKS_AT_ONCE = 1024
_ROUNDING = 1.0 - 1e-6
"""Less than the ceiling by more than float32 rounds."""
_BACK_AGAIN = 1.0 - 1e-6
"""A gain so near to 1 is 1, a second after the last peak; it would never come back quite."""


class Limiter:
    """A limiter for sound that comes in pieces; what it gives does not depend on where the pieces are cut.

    Before the first peak, and from a second after the last, samples come out as they went in, bit for bit. All channels get
    the same gain, so the stereo image stays.

    Args:
        sample_rate: Hz.
        ceiling_db: dB relative to full scale, for samples and true peaks. Samples never exceed it; the change of gain may lift
            what lies between them above it by some hundredths of a dB.
        lookahead_s: how long before a peak the gain goes down; this and two blocks more are held back between pieces.
        release_s: time constant with which the gain comes back.
    """

    def __init__(
        self, sample_rate: int, ceiling_db: float, lookahead_s: float = LOOKAHEAD_S, release_s: float = RELEASE_S
    ) -> None:  # fmt: skip
        self._ceiling = _ROUNDING * 10.0 ** (ceiling_db / 20.0)
        self._ahead = max(1, round(lookahead_s * sample_rate / _BLOCK))
        self._back = 1.0 - math.exp(-_BLOCK / (sample_rate * release_s))
        self._unsettled: Samples | None = None
        self._unmeasured: Samples = np.zeros((0, 0), np.float32)
        self._needed: deque[float] = deque([1.0] * (self._ahead + 1), maxlen=self._ahead + 2)
        self._released: deque[float] = deque([1.0] * (self._ahead + 1), maxlen=self._ahead + 1)
        self._edges: list[float] = []
        self._n_before = self._ahead

    def push(self, samples: Samples, last: bool = False) -> Samples:
        """Take ``[C, n]`` more; returns what is settled ``[C, m]``, with the ``last`` piece all that is left.

        Nothing may follow the last piece.
        """
        if self._unsettled is None:
            self._unsettled = samples[:, :0]
            self._unmeasured = np.zeros((samples.shape[0], _MARGIN), np.float32)
        self._unsettled = np.concatenate([self._unsettled, samples], axis=1)
        self._unmeasured = np.concatenate([self._unmeasured, samples], axis=1)
        needed = self._measured(last)
        self._edges += [gain for gain in map(self._edge, needed) if gain is not None]
        n = min(self._unsettled.shape[1], max(0, len(self._edges) - 1) * _BLOCK)
        ready, edges = self._unsettled[:, :n], self._edges
        self._unsettled, self._edges = self._unsettled[:, n:], edges[-1:]
        if not n or min(edges) == 1.0:
            return ready.copy()
        curve = np.interp(np.arange(n), np.arange(len(edges)) * _BLOCK, edges)
        return (ready * curve).astype(np.float32)

    def _measured(self, last: bool) -> list[float]:
        """The gain that each further block needs; after the last one, that of the silence behind it."""
        sound = self._unmeasured
        if last:
            short = -(sound.shape[1] - _MARGIN) % _BLOCK
            sound = np.pad(sound, ((0, 0), (0, short + _MARGIN)))
        n = max(0, sound.shape[1] - 2 * _MARGIN) // _BLOCK
        self._unmeasured = sound[:, n * _BLOCK :]
        rows = np.lib.stride_tricks.sliding_window_view(sound, _BLOCK + 2 * _MARGIN, axis=1)[:, ::_BLOCK] if n else None
        gains = [] if rows is None else self._gains(rows[:, :n])
        return [*gains, *[1.0] * (self._ahead + 1)] if last else gains

    def _gains(self, rows: Samples) -> list[float]:
        """The gain that blocks ``[C, n, 32 and margins]`` need."""
        peaks = np.abs(rows[..., _MARGIN:-_MARGIN]).max(axis=(0, 2), initial=0.0).astype(np.float64)
        loud = np.flatnonzero(np.abs(rows).max(axis=(0, 2), initial=0.0) * highest_gain_between() > self._ceiling)
        for start in range(0, len(loud), _BLOCKS_AT_ONCE):
            some = loud[start : start + _BLOCKS_AT_ONCE]
            between = peaks_between(rows[:, some].reshape(-1, rows.shape[2]).astype(np.float64)).reshape(len(rows), -1)
            peaks[some] = np.maximum(peaks[some], between.max(axis=0))
        gains: list[float] = (self._ceiling / np.maximum(peaks, self._ceiling)).tolist()
        return gains

    def _edge(self, needed: float) -> float | None:
        """The gain at the beginning of the block that lies the look-ahead before the one that needs this; None before the sound.

        It is a mean over released gains that all know the blocks on both sides of this edge.
        """
        self._needed.append(needed)
        before = self._released[-1]
        released = before + self._back * (1.0 - before)
        self._released.append(min(min(self._needed), released if released < _BACK_AGAIN else 1.0))
        if self._n_before:
            self._n_before -= 1
            return None
        return sum(self._released) / len(self._released)


def limit(
    samples: Samples, sample_rate: int, ceiling_db: float, lookahead_s: float = LOOKAHEAD_S, release_s: float = RELEASE_S
) -> Samples:  # fmt: skip
    """Hold all peaks of ``[C, n]`` below a ceiling (see :class:`Limiter`)."""
    return Limiter(sample_rate, ceiling_db, lookahead_s, release_s).push(samples, last=True)
