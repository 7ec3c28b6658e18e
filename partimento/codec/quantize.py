"""Residual vector quantisation: each codebook describes what the ones before it left over.

Codebooks start from k-means, follow the encoder by exponential moving averages (van den Oord et al., "Neural Discrete
Representation Learning", 2017, appendix A.1), and entries that nobody uses are moved onto vectors of the present batch
(Zeghidour et al., "SoundStream", 2021, section III-C, which also has quantiser dropout).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class QuantizerConfig:
    """Shape and training of the quantiser.

    Attributes:
        n_codebooks: levels K.
        cardinality: entries per level.
        dimension: numbers per vector.
        decay: of the moving averages.
        revive_below: an entry whose averaged share of a batch falls below this many vectors is moved.
        dropout: share of training items that use a random number of levels only.
    """

    n_codebooks: int = 8
    cardinality: int = 1024
    dimension: int = 128
    decay: float = 0.99
    revive_below: float = 0.2
    dropout: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """Result of quantising ``[B, T, D]``.

    Attributes:
        values: the sum of entries, with gradients passed straight through.
        codes: int64 ``[B, K, T]``.
        commitment: mean squared distance of the vectors to their entries, over levels.
    """

    values: Tensor
    codes: Tensor
    commitment: Tensor


def kmeans(vectors: Tensor, k: int, iterations: int = 10) -> Tensor:
    """Centres ``[k, D]`` of ``vectors [N, D]`` by Lloyd's algorithm from random vectors; empty centres are redrawn."""
    n = vectors.shape[0]
    pick = torch.randperm(n, device=vectors.device)
    centres = vectors[pick[torch.arange(k, device=vectors.device) % n]].clone()
    for _ in range(iterations):
        codes = nearest(vectors, centres)
        counts = torch.bincount(codes, minlength=k).to(vectors.dtype)
        sums = torch.zeros_like(centres).index_add_(0, codes, vectors)
        centres = sums / counts.clamp_min(1.0)[:, None]
        empty = torch.nonzero(counts == 0)[:, 0]
        if len(empty):
            centres[empty] = vectors[torch.randint(n, (len(empty),), device=vectors.device)]
    return centres


def nearest(vectors: Tensor, entries: Tensor) -> Tensor:
    """Index ``[N]`` of the entry ``[k, D]`` nearest to each of ``vectors [N, D]``."""
    # |v - e|² without |v|², which is the same for all entries.
    scores = torch.addmm((entries**2).sum(1)[None, :], vectors, entries.T, beta=1.0, alpha=-2.0)
    return scores.argmin(dim=1)


class ResidualVectorQuantizer(nn.Module):
    """K codebooks on residuals. Until :meth:`initialize` (or loaded weights) it passes vectors through unchanged."""

    entries: Tensor
    counts: Tensor
    sums: Tensor
    ready: Tensor

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        k, n, d = config.n_codebooks, config.cardinality, config.dimension
        self.register_buffer("entries", torch.zeros(k, n, d))
        self.register_buffer("counts", torch.ones(k, n))
        self.register_buffer("sums", torch.zeros(k, n, d))
        self.register_buffer("ready", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def initialize(self, vectors: Tensor, iterations: int = 10) -> None:
        """Set every codebook by k-means on what the ones before leave of ``vectors [N, D]``."""
        residual = vectors.float()
        for level in range(self.config.n_codebooks):
            centres = kmeans(residual, self.config.cardinality, iterations)
            codes = nearest(residual, centres)
            self.entries[level] = centres
            # One average batch's worth of counts, so that the averages neither jump nor stick at the start.
            self.counts[level] = 1.0
            self.sums[level] = centres
            residual = residual - centres[codes]
        self.ready.fill_(True)

    def forward(self, vectors: Tensor) -> Quantized:
        """Quantise ``[B, T, D]``; in training mode the codebooks learn as well."""
        batch, n_frames, dimension = vectors.shape
        flat = vectors.reshape(-1, dimension).float()
        if not bool(self.ready):
            codes = torch.zeros(batch, self.config.n_codebooks, n_frames, dtype=torch.int64, device=vectors.device)
            return Quantized(flat.reshape(vectors.shape), codes, flat.new_zeros(()))
        keep = self.levels_kept(batch, flat.device).repeat_interleave(n_frames)
        residual, total = flat, torch.zeros_like(flat)
        all_codes, losses = [], []
        for level in range(self.config.n_codebooks):
            with torch.no_grad():
                codes = nearest(residual, self.entries[level])
            chosen = self.entries[level][codes]
            used = (keep > level)[:, None]
            losses.append(((residual - chosen.detach()) ** 2 * used).mean())
            if self.training:
                self._follow(level, residual.detach()[used[:, 0]], codes[used[:, 0]])
            chosen = chosen * used
            residual, total = residual - chosen.detach(), total + chosen
            all_codes.append(codes)
        straight = flat + (total - flat).detach()
        codes = torch.stack(all_codes).reshape(-1, batch, n_frames).transpose(0, 1)
        return Quantized(straight.reshape(vectors.shape), codes, torch.stack(losses).mean())

    @torch.no_grad()
    def encode(self, vectors: Tensor) -> Tensor:
        """``[B, T, D]`` to codes ``[B, K, T]``."""
        batch, n_frames, dimension = vectors.shape
        residual = vectors.reshape(-1, dimension).float()
        out = []
        for entries in self.entries:
            codes = nearest(residual, entries)
            residual = residual - entries[codes]
            out.append(codes)
        return torch.stack(out).reshape(-1, batch, n_frames).transpose(0, 1).contiguous()

    def decode(self, codes: Tensor, kept: Tensor | None = None) -> Tensor:
        """Codes ``[B, k, T]`` of the first ``k`` ≤ K levels to vectors ``[B, T, D]``.

        Args:
            codes: of the first levels.
            kept: how many of them count for each item, ``[B]``; None means all.
        """
        total = torch.zeros(codes.shape[0], codes.shape[2], self.config.dimension, device=self.entries.device)
        for level in range(codes.shape[1]):
            chosen = self.entries[level][codes[:, level]]
            total = total + (chosen if kept is None else chosen * (kept > level)[:, None, None])
        return total

    def levels_kept(self, batch: int, device: torch.device) -> Tensor:
        """How many levels each item uses, ``[B]``: all, but in training some have a random number."""
        n = self.config.n_codebooks
        kept = torch.full((batch,), n, device=device)
        if not self.training or self.config.dropout <= 0:
            return kept
        drop = torch.rand(batch, device=device) < self.config.dropout
        return torch.where(drop, torch.randint(1, n + 1, (batch,), device=device), kept)

    @torch.no_grad()
    def _follow(self, level: int, vectors: Tensor, codes: Tensor) -> None:
        """Move a codebook towards the vectors that chose its entries, and unused entries onto some of them."""
        if not len(vectors):
            return
        n, decay = self.config.cardinality, self.config.decay
        counts = torch.bincount(codes, minlength=n).to(vectors.dtype)
        sums = torch.zeros_like(self.sums[level]).index_add_(0, codes, vectors)
        self.counts[level].mul_(decay).add_(counts, alpha=1.0 - decay)
        self.sums[level].mul_(decay).add_(sums, alpha=1.0 - decay)
        dead = torch.nonzero(self.counts[level] < self.config.revive_below)[:, 0]
        if len(dead):
            fresh = vectors[torch.randint(len(vectors), (len(dead),), device=vectors.device)]
            share = len(vectors) / n
            self.counts[level][dead] = share
            self.sums[level][dead] = fresh * share
        self.entries[level] = self.sums[level] / self.counts[level].clamp_min(1e-6)[:, None]


def perplexities(codes: Tensor, cardinality: int) -> list[float]:
    """Exponential of the entropy of each codebook's use in ``codes [B, K, T]``: 1 to ``cardinality``."""
    out = []
    for level in range(codes.shape[1]):
        share = torch.bincount(codes[:, level].reshape(-1), minlength=cardinality).double()
        share = share / share.sum()
        out.append(float(torch.exp(-(share * torch.log(share.clamp_min(1e-12))).sum())))
    return out
