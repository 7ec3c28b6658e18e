"""Residual vector quantiser of EnCodec, for use only (Zeghidour et al., "SoundStream", 2021, section III-C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from partimento.errors import RequestError


class FixedQuantizer(nn.Module):
    """K codebooks of fixed entries ``[K, N, D]``, each describing what the ones before leave over."""

    entries: Tensor

    def __init__(self, n_codebooks: int, cardinality: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("entries", torch.zeros(n_codebooks, cardinality, dimension))

    def encode(self, vectors: Tensor, n_codebooks: int | None = None) -> Tensor:
        """``[B, D, T]`` to codes ``[B, k, T]`` of the first ``k`` codebooks (all by default)."""
        batch, dimension, n_frames = vectors.shape
        residual = vectors.transpose(1, 2).reshape(-1, dimension)
        out = []
        for entries in self.entries[:n_codebooks]:
            # In this order of terms, so that near ties fall as in the published implementations.
            distances = residual.pow(2).sum(1, keepdim=True) - 2 * residual @ entries.T + entries.pow(2).sum(1)[None, :]
            codes = distances.argmin(dim=1)
            residual = residual - entries[codes]
            out.append(codes.reshape(batch, n_frames))
        return torch.stack(out, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``[B, k, T]`` of the first ``k`` codebooks to vectors ``[B, D, T]``.

        Raises:
            RequestError: more codebooks than there are, or a code outside them.
        """
        n, cardinality, _ = self.entries.shape
        if codes.shape[1] > n:
            raise RequestError(f"{codes.shape[1]} codebooks given; this codec has {n}")
        if codes.numel() and not (int(codes.min()) >= 0 and int(codes.max()) < cardinality):
            raise RequestError(f"codes {int(codes.min())} to {int(codes.max())}; this codec's are 0 to {cardinality - 1}")
        total = self.entries[0][codes[:, 0]]
        for level in range(1, codes.shape[1]):
            total = total + self.entries[level][codes[:, level]]
        return total.transpose(1, 2)
