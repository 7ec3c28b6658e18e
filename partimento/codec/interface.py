"""What every codec offers: sound to a few integers per frame, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Tokens of a sound.

    Attributes:
        codes: int64 ``[B, K, T]``, each 0 to ``cardinality - 1``; codebook 0 is the coarsest.
        scales: per-item gains ``[B, 1]`` (``[B, chunks]`` of codecs working in chunks) where sound is normalised, else None.
    """

    codes: Tensor
    scales: Tensor | None = None


@runtime_checkable
class Codec(Protocol):
    """A neural codec.

    ``encode`` takes ``[B, C, n]`` at ``sample_rate`` and gives ``T = ceil(n / hop)`` frames; ``decode`` gives
    ``T * hop`` samples (the caller cuts the last few), with ``hop = sample_rate / frame_rate_hz``.
    """

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def channels(self) -> int:
        """Audio channels C."""

    @property
    def frame_rate_hz(self) -> float:
        """Token frames per second."""

    @property
    def n_codebooks(self) -> int:
        """Codebooks K."""

    @property
    def cardinality(self) -> int:
        """Entries of each codebook."""

    def encode(self, wav: Tensor) -> Encoded:
        """``[B, C, n]`` to codes ``[B, K, T]``."""

    def decode(self, encoded: Encoded) -> Tensor:
        """Codes ``[B, K, T]`` (or the first few codebooks of them) to ``[B, C, T * hop]``."""
