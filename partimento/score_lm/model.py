"""The score model: a decoder-only Transformer that hears the harmony beside every token.

Each position is the sum of its token's vector and those of the features of :mod:`partimento.score_lm.walk`. Rotary positions
(Su et al., "RoFormer", 2021), RMS normalisation before each block, output weights shared with the tokens' vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.errors import RequestError
from partimento.lm.cache import KvCache
from partimento.score_lm.vocabulary import Vocabulary
from partimento.score_lm.walk import feature_sizes

_ROTARY_BASE = 10_000.0


@dataclass(frozen=True, slots=True)
class ScoreModelConfig:
    """Shape of the model.

    Attributes:
        width, n_layers, n_heads, ffn: of the Transformer.
        dropout: while training.
        context: longest sequence it was trained on, in tokens.
        chord_tokens: chords are said as tokens, too, and not only heard beside every token.
        vocabulary: the words, kept with the weights so that a later version reads them alike.
        familiar: runs of notes of tunes that came round often while it learned (:mod:`partimento.score_lm.familiar`); written in
            when weights are released.
    """

    width: int = 320
    n_layers: int = 4
    n_heads: int = 5
    ffn: int = 1280
    dropout: float = 0.1
    context: int = 448
    chord_tokens: bool = False
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    familiar: str = ""

    def __post_init__(self) -> None:
        if self.width % self.n_heads or (self.width // self.n_heads) % 2:
            raise RequestError(f"a width of {self.width} does not divide into {self.n_heads} heads of even width")


def rotary(n: int, width: int, start: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines ``[n, width / 2]`` of positions ``start`` on, for heads of ``width``."""
    rates = _ROTARY_BASE ** (-torch.arange(0, width, 2, device=like.device).float() / width)
    phases = torch.arange(start, start + n, device=like.device).float()[:, None] * rates
    return phases.cos().to(like.dtype), phases.sin().to(like.dtype)


def rotated(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """``[R, heads, n, width]`` with each pair (i, i + width / 2) turned by its angle."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosines - b * sines, b * cosines + a * sines], dim=-1)


def _attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention ``[R, heads, n, width]`` in plain products.

    In bfloat16 on a CPU these take half the time of the fused kernel, forwards and backwards (448 positions, Zen 4, one thread).
    """
    rows, _, n, width = q.shape
    later = torch.full((n, n), -torch.inf, dtype=v.dtype).triu(1)
    a, b, c = ((x.to(v.dtype).flatten(0, 1)) for x in (q * width**-0.5, k, v))
    scores = torch.baddbmm(later.expand(a.shape[0], n, n), a, b.transpose(1, 2))
    return (scores.softmax(dim=-1).to(v.dtype) @ c).view(rows, -1, n, width)


class Block(nn.Module):
    """Self-attention and feed-forward, each normalised first and added."""

    def __init__(self, config: ScoreModelConfig) -> None:
        super().__init__()
        width = config.width
        self.n_heads, self.dropout = config.n_heads, config.dropout
        self.norm1 = nn.RMSNorm(width)
        self.in_proj = nn.Linear(width, 3 * width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)
        self.norm2 = nn.RMSNorm(width)
        self.linear1 = nn.Linear(width, config.ffn, bias=False)
        self.linear2 = nn.Linear(config.ffn, width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], index: int, cache: KvCache | None, mask: Tensor | None) -> Tensor:
        """``[R, n, d]`` to the same shape; ``index`` is the layer's number in the cache."""
        n = x.shape[1]
        q, k, v = self._heads(x, turn)
        if cache is not None:
            k, v = cache.append(index, k, v)
        if cache is None and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            y = _attended(q, k, v)
        else:
            y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and n > 1)
        return self._rest(x, y)

    def step(self, x: Tensor, turn: tuple[Tensor, Tensor], index: int, caches: Sequence[KvCache]) -> Tensor:
        """``[R, 1, d]`` to the same shape: a token of each of R sequences, each with a past of its own length."""
        q, k, v = self._heads(x, turn)
        rows = []
        for r, cache in enumerate(caches):
            keys, values = cache.append(index, k[r : r + 1], v[r : r + 1])
            rows.append(functional.scaled_dot_product_attention(q[r : r + 1], keys, values))
        return self._rest(x, torch.cat(rows))

    def _heads(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values ``[R, heads, n, d / heads]``, turned to their positions."""
        rows, n, _ = x.shape
        q, k, v = self.in_proj(self.norm1(x)).view(rows, n, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        return rotated(q, *turn), rotated(k, *turn), v

    def _rest(self, x: Tensor, y: Tensor) -> Tensor:
        """What attention heard added, and the feed-forward part."""
        x = x + self._drop(self.out_proj(y.transpose(1, 2).reshape(x.shape)))
        return x + self._drop(self.linear2(functional.gelu(self.linear1(self.norm2(x)))))

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class ScoreModel(nn.Module):
    """See the module's text."""

    first_of_feature: Tensor

    def __init__(self, config: ScoreModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ScoreModelConfig()
        self.embed = nn.Embedding(len(config.vocabulary), config.width)
        sizes = feature_sizes(config.vocabulary)
        self.features = nn.EmbeddingBag(sum(sizes), config.width, mode="sum")
        first = torch.tensor([0, *accumulate(sizes[:-1])])
        self.register_buffer("first_of_feature", first, persistent=False)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.out_norm = nn.RMSNorm(config.width)
        for name, parameter in self.named_parameters():
            if parameter.dim() >= 2:
                scale = 0.02 / (2.0 * config.n_layers) ** 0.5 if name.endswith(("out_proj.weight", "linear2.weight")) else 0.02
                nn.init.normal_(parameter, std=scale)

    def cache(self, rows: int, capacity: int) -> KvCache:
        """An empty cache for ``rows`` sequences of up to ``capacity`` tokens."""
        config = self.config
        return KvCache(config.n_layers, rows, config.n_heads, config.width // config.n_heads, capacity, self.out_norm.weight)

    def forward(self, tokens: Tensor, features: Tensor, cache: KvCache | None = None) -> Tensor:
        """Logits of the token after each of ``tokens``.

        Args:
            tokens: ``[R, n]``.
            features: ``[R, n, F]``, as :meth:`Walk.features` gives them after each token.
            cache: the past, to which these are added; None for whole sequences.

        Returns:
            ``[R, n, words]``.
        """
        x = self._heard(tokens, features)
        n, past = tokens.shape[1], 0 if cache is None else cache.length
        turn = rotary(n, self.config.width // self.config.n_heads, past, x)
        mask = None
        if past and n > 1:
            mask = torch.ones(n, past + n, dtype=torch.bool, device=x.device).tril(past)
        for index, block in enumerate(self.blocks):
            x = block(x, turn, index, cache, mask)
        if cache is not None:
            cache.advance(n)
        return functional.linear(self.out_norm(x), self.embed.weight)

    def step(self, tokens: Tensor, features: Tensor, caches: Sequence[KvCache]) -> Tensor:
        """Logits ``[R, words]`` behind one token of each of R sequences that are of different length.

        Args:
            tokens: ``[R, 1]``.
            features: ``[R, 1, F]``.
            caches: the past of each, for one row, to which the tokens are added.
        """
        x = self._heard(tokens, features)
        width = self.config.width // self.config.n_heads
        turns = [rotary(1, width, cache.length, x) for cache in caches]
        cosines, sines = (torch.stack(parts)[:, None] for parts in zip(*turns, strict=True))
        for index, block in enumerate(self.blocks):
            x = cast(Block, block).step(x, (cosines, sines), index, caches)
        for cache in caches:
            cache.advance(1)
        return functional.linear(self.out_norm(x[:, -1]), self.embed.weight)

    def _heard(self, tokens: Tensor, features: Tensor) -> Tensor:
        """Tokens and what is beside them as vectors ``[R, n, d]``."""
        beside = self.features((features + self.first_of_feature).flatten(0, 1))
        return cast(Tensor, self.embed(tokens) + beside.unflatten(0, tokens.shape))
