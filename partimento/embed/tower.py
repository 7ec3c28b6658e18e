"""A small Transformer over caption words: the text condition of the built-in models. Nothing is downloaded.

Pre-norm encoder with learned positions. Padding changes nothing: a text's states are what it would have alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.embed.t5 import TextStates
from partimento.embed.words import PAD, word_ids
from partimento.errors import RequestError


@dataclass(frozen=True, slots=True)
class TowerConfig:
    """Shape of the tower.

    Attributes:
        words: the vocabulary; empty in a recipe (the trainer takes that of the tables), complete in a checkpoint.
        most_words: what is behind is not heard.
        width, n_layers, n_heads, ffn: of the Transformer.
        dropout: while training.
    """

    words: tuple[str, ...] = ()
    most_words: int = 64
    width: int = 256
    n_layers: int = 2
    n_heads: int = 4
    ffn: int = 1024
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.n_heads:
            raise RequestError(f"a text tower's width of {self.width} does not divide into {self.n_heads} heads; it must")


class TowerLayer(nn.Module):
    """Attention to all places, then feed-forward; each normalised first and added."""

    def __init__(self, width: int, n_heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm1 = nn.LayerNorm(width)
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, ffn)
        self.linear2 = nn.Linear(ffn, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``[B, L, D]`` to the same shape; ``mask [B, 1, 1, L]`` is True where there is something to attend to (None: all)."""
        rows, n, width = x.shape
        q, k, v = self.in_proj(self.norm1(x)).view(rows, n, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        heard = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.dropout(self.out_proj(heard.transpose(1, 2).reshape(rows, n, width)))
        return cast(Tensor, x + self.dropout(self.linear2(functional.gelu(self.linear1(self.norm2(x))))))


class TextTower(nn.Module):
    """See the module's text."""

    def __init__(self, config: TowerConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(len(config.words) + 1, config.width)
        self.positions = nn.Parameter(torch.randn(config.most_words, config.width) * 0.3)
        self.layers = nn.ModuleList(
            TowerLayer(config.width, config.n_heads, config.ffn, config.dropout) for _ in range(config.n_layers)
        )
        self.out_norm = nn.LayerNorm(config.width)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """States ``[B, L, D]`` of word numbers ``[B, L]`` and the mask ``[B, L]``; zero where there is no word."""
        mask = ids != PAD
        x = self.embed(ids) + self.positions[: ids.shape[1]]
        # A text without words attends to its first empty place (nothing to attend to would be NaN); the result is masked.
        seen = torch.cat([mask[:, :1] | ~mask.any(dim=1, keepdim=True), mask[:, 1:]], dim=1)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, seen)
        return self.out_norm(x) * mask[..., None].to(x.dtype), mask


class TowerTexts:
    """Encodes texts one by one (as :class:`partimento.embed.t5.T5Texts` does).

    Args:
        tower: in evaluation mode.
    """

    def __init__(self, tower: TextTower) -> None:
        self.tower = tower

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> TextStates:
        """States of each text as if it were alone; a text without known words has no position."""
        config, found = self.tower.config, {}
        for text in texts:
            ids = word_ids(text, config.words, config.most_words)
            if text not in found:
                states = self.tower(torch.tensor([ids or [PAD]]))[0][0].float()
                found[text] = states[: len(ids)]
        return TextStates.stack([found[text] for text in texts])
