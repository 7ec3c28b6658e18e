"""Baselines of an audio language model: what counting alone knows about codec tokens.

Per codebook: a unigram, and two bigrams, one given the same codebook's code a frame earlier, one given the next coarser code
of the same frame. Bigrams are smoothed towards the unigram with a pseudo-count (Witten and Bell's idea with a free weight), which
the user of the baseline may choose in its favour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
WEIGHTS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
DRAWN_WEIGHT = 1.0
"""Of the unigram when sequences are drawn: little, so that hardly a pair comes that training never had."""


class CodeChains:
    """Counts of sequences.

    Args:
        sequences: ``[T, K]`` each, codes below ``cardinality``.
        cardinality: codes per codebook.
    """

    def __init__(self, sequences: Sequence[Ints], cardinality: int) -> None:
        self.n_codebooks = k = int(sequences[0].shape[1])
        self.cardinality = n = cardinality
        single = np.ones((k, n))
        self._earlier = np.zeros((k, n, n))
        self._coarser = np.zeros((k, n, n))
        for codes in sequences:
            for book in range(k):
                single[book] += np.bincount(codes[:, book], minlength=n)
                np.add.at(self._earlier[book], (codes[:-1, book], codes[1:, book]), 1.0)
                if book:
                    np.add.at(self._coarser[book], (codes[:, book - 1], codes[:, book]), 1.0)
        self._unigram = single / single.sum(axis=1, keepdims=True)

    def unigram(self, sequences: Sequence[Ints]) -> NDArray[np.float64]:
        """Mean nats per code of each codebook, ``[K]``."""
        sums, count = np.zeros(self.n_codebooks), 0
        for codes in sequences:
            sums -= sum_of_logs(self._unigram[np.arange(self.n_codebooks), codes])
            count += len(codes)
        return sums / count

    def bigram(self, sequences: Sequence[Ints], given: str = "earlier") -> NDArray[np.float64]:
        """The same given one other code (``earlier`` or ``coarser``), with the smoothing that suits these sequences best."""
        tried = np.stack([self._bigram(sequences, given, weight) for weight in WEIGHTS])
        best: NDArray[np.float64] = tried.min(axis=0)
        return best

    def draw(self, rng: np.random.Generator, n_frames: int, weight: float = DRAWN_WEIGHT) -> Ints:
        """A sequence ``[n_frames, K]``: the coarsest code given its own a frame earlier, each finer one given the coarser.

        Args:
            rng: the only source of chance.
            n_frames: length.
            weight: pseudo-count of the unigram.
        """
        tables = [self._earlier[0], *self._coarser[1:]]
        out = np.zeros((n_frames, self.n_codebooks), dtype=np.int64)
        for frame in range(n_frames):
            for book, table in enumerate(tables):
                chances = self._unigram[book]
                if book or frame:
                    given = out[frame, book - 1] if book else out[frame - 1, 0]
                    chances = table[given] + weight * chances
                out[frame, book] = np.searchsorted(np.cumsum(chances), rng.random() * chances.sum(), side="right")
        return np.minimum(out, self.cardinality - 1)

    def _bigram(self, sequences: Sequence[Ints], given: str, weight: float) -> NDArray[np.float64]:
        sums, count = np.zeros(self.n_codebooks), 0
        for codes in sequences:
            for book in range(self.n_codebooks):
                own = codes[:, book]
                alone = self._unigram[book, own]
                if given == "earlier":
                    table, before, start = self._earlier[book], codes[:-1, book], 1
                elif book:
                    table, before, start = self._coarser[book], codes[:, book - 1], 0
                else:
                    sums[book] -= float(np.log(alone).sum())
                    continue
                seen = table[before, own[start:]] + weight * alone[start:]
                sums[book] -= float(np.log(seen / (table.sum(axis=1)[before] + weight)).sum() + np.log(alone[:start]).sum())
            count += len(codes)
        return sums / count


def sum_of_logs(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over rows of ``[T, K]``."""
    total: NDArray[np.float64] = np.log(chances).sum(axis=0)
    return total
