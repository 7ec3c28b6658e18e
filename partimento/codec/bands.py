"""The frequency bands of the magnitude codec: single bins where notes are told apart, log-spaced bands above.

A spectrum of 1,281 bins (2,560 points at 32 kHz, 12.5 Hz apart) becomes 579 numbers: 320 bins up to 4 kHz singly and
259 bands up to 16 kHz. The way back spreads a band evenly over its bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.metrics.mel_distance import hz_to_mel


@dataclass(frozen=True, slots=True)
class BandLayout:
    """Which bins form which band.

    Attributes:
        n_fft: points of the transform; it has ``n_fft // 2 + 1`` bins.
        n_single: lowest bins that stay single.
        n_bands: bands in all.
    """

    n_fft: int = 2560
    n_single: int = 320
    n_bands: int = 579

    def __post_init__(self) -> None:
        n_bins = self.n_fft // 2 + 1
        if not 0 < self.n_single < self.n_bands <= n_bins:
            raise ValueError(f"bands need 0 < n_single {self.n_single} < n_bands {self.n_bands} <= {n_bins} bins")

    @property
    def edges(self) -> NDArray[np.int64]:
        """First bin of every band, then the number of bins: ``[n_bands + 1]``, strictly rising."""
        n_bins, n_wide = self.n_fft // 2 + 1, self.n_bands - self.n_single
        wide = self.n_single * (n_bins / self.n_single) ** (np.arange(n_wide + 1) / n_wide)
        # Rounded log spacing would repeat a bin where bands are narrow: each edge is at least one past the last, and
        # leaves one bin for every band still to come.
        edges = np.empty(n_wide + 1, dtype=np.int64)
        edges[0], edges[-1] = self.n_single, n_bins
        for i in range(1, n_wide):
            edges[i] = min(max(round(wide[i]), edges[i - 1] + 1), n_bins - (n_wide - i))
        return np.concatenate([np.arange(self.n_single), edges])

    def band_of_bin(self) -> NDArray[np.int64]:
        """Band of every bin, ``[n_bins]``: indexing bands with it is the pseudo-inverse of :meth:`pool`."""
        return np.repeat(np.arange(self.n_bands), np.diff(self.edges))

    def pool(self) -> NDArray[np.float32]:
        """Matrix ``[n_bands, n_bins]`` that averages the bins of each band; its rows sum to 1."""
        bands = self.band_of_bin()
        matrix = np.zeros((self.n_bands, len(bands)), dtype=np.float32)
        matrix[bands, np.arange(len(bands))] = 1.0
        return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))

    def mel_groups(self, sample_rate: int, n_groups: int) -> NDArray[np.int64]:
        """Group of every bin, ``[n_bins]``: equally wide steps of the mel scale, of which low ones without a bin are left out."""
        bins = np.arange(self.n_fft // 2 + 1, dtype=np.float64) * (sample_rate / self.n_fft)
        steps = np.floor(hz_to_mel(bins) / hz_to_mel(np.array(sample_rate / 2)) * n_groups).clip(max=n_groups - 1)
        return np.unique(steps, return_inverse=True)[1].astype(np.int64)

    def centres_hz(self, sample_rate: int) -> NDArray[np.float64]:
        """Centre frequency of each band in Hz, ``[n_bands]``."""
        edges = self.edges
        return (edges[:-1] + edges[1:] - 1) / 2.0 * sample_rate / self.n_fft
