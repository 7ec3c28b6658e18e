"""One space for words and music: two towers and what brings them together (the role of MuLan, Huang et al. 2022).

The audio tower hears log-mel frames: two strided convolutions (to a quarter of the rate), a Transformer, the mean over time.
The text tower's states are averaged over words. Both end as unit vectors; training maximises the
similarity of pairs against all others of the batch (InfoNCE both ways, Radford et al. 2021) with a learned temperature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.embed.tower import TextTower, TowerConfig, TowerLayer

SAMPLE_RATE = 32_000
"""Hz, mono."""
MEL_WINDOW, MEL_BANDS = 2_560, 128
MAX_SCALE = 100.0
"""The temperature's inverse never grows beyond (as in CLIP)."""
_MEL_MEAN, _MEL_DEVIATION = -4.0, 4.0  # of natural-log mel magnitudes of music; exact values do not matter
_MAX_FRAMES = 4_096


@dataclass(frozen=True, slots=True)
class JointConfig:
    """Shape of the audio tower and of the common space.

    Attributes:
        n_mels: bands of the log-mel frames.
        width, n_layers, n_heads, ffn, dropout: of the Transformer.
        kernel: of the convolutions, odd.
        dim: of the common space.
    """

    n_mels: int = MEL_BANDS
    width: int = 256
    n_layers: int = 4
    n_heads: int = 4
    ffn: int = 1024
    kernel: int = 5
    dim: int = 256
    dropout: float = 0.1


def sines(n: int, width: int) -> Tensor:
    """Sinusoidal positions ``[n, width]``."""
    rates = torch.exp(torch.arange(width // 2).float() * -(math.log(10_000) / (width // 2)))
    phases = torch.arange(n).float()[:, None] * rates[None, :]
    return torch.cat([torch.sin(phases), torch.cos(phases)], dim=1)


class AudioTower(nn.Module):
    """Log-mel frames to one vector."""

    positions: Tensor

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        width, pad = config.width, config.kernel // 2
        self.conv1 = nn.Conv1d(config.n_mels, width, config.kernel, stride=2, padding=pad)
        self.conv2 = nn.Conv1d(width, width, config.kernel, stride=2, padding=pad)
        self.layers = nn.ModuleList(TowerLayer(width, config.n_heads, config.ffn, config.dropout) for _ in range(config.n_layers))
        self.out_norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, config.dim, bias=False)
        self.register_buffer("positions", sines(_MAX_FRAMES // 4, width), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """``[B, T, n_mels]`` (natural log, T up to 4,096) to unit vectors ``[B, dim]``."""
        x = ((mel - _MEL_MEAN) / _MEL_DEVIATION).transpose(1, 2)
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(x)))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]].to(x.dtype)
        for layer in self.layers:
            x = layer(x)
        return functional.normalize(self.project(self.out_norm(x).mean(dim=1)).float(), dim=-1)


class JointEmbedding(nn.Module):
    """See the module's text.

    Args:
        config: of sound and space.
        text: of the text tower; its vocabulary must be complete.
    """

    def __init__(self, config: JointConfig, text: TowerConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioTower(config)
        self.text = TextTower(text)
        self.text_project = nn.Linear(text.width, config.dim, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1.0 / 0.07)))

    def embed_audio(self, mel: Tensor) -> Tensor:
        """Unit vectors ``[B, dim]`` of log-mel frames ``[B, T, n_mels]``."""
        out: Tensor = self.audio(mel)
        return out

    def embed_words(self, ids: Tensor) -> Tensor:
        """Unit vectors ``[B, dim]`` of word numbers ``[B, L]``; a text without words has the zero vector."""
        states, mask = self.text(ids)
        mean = states.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp_min(1).to(states.dtype)
        return functional.normalize(self.text_project(mean).float(), dim=-1)

    def similarities(self, mel: Tensor, ids: Tensor) -> Tensor:
        """Scaled cosines ``[B, B]``: rows are sounds, columns are texts."""
        scale = self.log_scale.clamp(max=math.log(MAX_SCALE)).exp()
        return scale * self.embed_audio(mel) @ self.embed_words(ids).T


def contrastive_loss(similarities: Tensor, ids: Tensor) -> Tensor:
    """Symmetric InfoNCE; pairs whose texts are word for word the same count as right for each other.

    Args:
        similarities: ``[B, B]``, rows are sounds.
        ids: word numbers ``[B, L]`` of the columns.
    """
    same = (ids[:, None] == ids[None]).all(dim=-1).to(similarities.dtype)
    wanted = same / same.sum(dim=1, keepdim=True)
    rows = -(wanted * similarities.log_softmax(dim=1)).sum(dim=1).mean()
    columns = -(wanted * similarities.T.log_softmax(dim=1)).sum(dim=1).mean()
    return (rows + columns) / 2.0
