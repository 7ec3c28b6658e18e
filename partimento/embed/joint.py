"""One space for words and music: two towers and what brings them together (the role of MuLan, Huang et al. 2022).

The audio tower hears log-mel frames as a picture: convolutions over time and pitch, so that an instrument is known at any height,
then a Transformer over time, the mean and the greatest value of its states. The text tower's states are averaged over words.
Both end as unit vectors. Training maximises the similarity of pairs against all others of the batch (InfoNCE both ways, Radford
et al. 2021) with a learned temperature, and asks of short prompts, one by one, whether they are true of a sound (sigmoid loss,
Zhai et al., "Sigmoid loss for language image pre-training", 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.embed.tower import TextTower, TowerConfig, TowerLayer
from partimento.errors import RequestError

SAMPLE_RATE = 32_000
"""Hz, mono."""
MEL_WINDOW, HOP, MEL_BANDS = 2_560, 640, 128
MAX_SCALE = 100.0
"""The temperature's inverse never grows beyond (as in CLIP)."""
RANGE_NEPER = 9.2
"""What lies further below a window's loudest place (80 dB) is not heard."""
_MAX_FRAMES = 4_096
_STRIDES = ((2, 2), (2, 2), (2, 2), (1, 2))  # of the convolutions: time, pitch
_STEP_FRAMES = 8
_NORM_GROUPS = 8
PROMPT_SCALE, PROMPT_BIAS = 10.0, -2.0
"""Where the sigmoid loss's own scale and bias begin."""


@dataclass(frozen=True, slots=True)
class JointConfig:
    """Shape of the audio tower and of the common space.

    Attributes:
        n_mels: bands of the log-mel frames, a multiple of 16.
        window_frames: heard at a time, in training and in use (250 are 5 s at 50 Hz); up to 4,096.
        channels: of the four convolutions, multiples of 8.
        width, n_layers, n_heads, ffn, dropout: of the Transformer.
        dim: of the common space.
    """

    n_mels: int = MEL_BANDS
    window_frames: int = 250
    channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    width: int = 256
    n_layers: int = 3
    n_heads: int = 4
    ffn: int = 1024
    dim: int = 256
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.window_frames <= _MAX_FRAMES:
            raise RequestError(f"a window of {self.window_frames} frames is not possible; 1 to {_MAX_FRAMES} are")
        if self.n_mels % 2 ** len(_STRIDES):
            raise RequestError(f"{self.n_mels} mel bands cannot be halved {len(_STRIDES)} times; take a multiple of 16")
        if any(n < 1 or n % _NORM_GROUPS for n in self.channels):
            raise RequestError(f"channels {list(self.channels)} must be multiples of {_NORM_GROUPS}")


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
        width, channels = config.width, (1, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels[i], channels[i + 1], 5 if i == 0 else 3, stride=stride, padding=2 if i == 0 else 1)
            for i, stride in enumerate(_STRIDES)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(_NORM_GROUPS, n) for n in config.channels)
        self.gather = nn.Linear(channels[-1] * (config.n_mels >> len(_STRIDES)), width)
        self.layers = nn.ModuleList(TowerLayer(width, config.n_heads, config.ffn, config.dropout) for _ in range(config.n_layers))
        self.out_norm = nn.LayerNorm(width)
        self.project = nn.Linear(2 * width, config.dim, bias=False)
        self.register_buffer("positions", sines(_MAX_FRAMES // _STEP_FRAMES, width), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """``[B, T, n_mels]`` (natural log, T up to 4,096) to unit vectors ``[B, dim]``; how loud it is does not matter."""
        peak = mel.amax(dim=(1, 2), keepdim=True)
        x = ((mel - peak).clamp_min(-RANGE_NEPER) / (RANGE_NEPER / 2.0) + 1.0)[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.gelu(norm(convolution(x)))
        x = self.gather(x.transpose(1, 2).flatten(2))
        x = x + self.positions[: x.shape[1]].to(x.dtype)
        for layer in self.layers:
            x = layer(x)
        x = self.out_norm(x)
        return functional.normalize(self.project(torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=-1)).float(), dim=-1)


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
        self.prompt_log_scale = nn.Parameter(torch.tensor(math.log(PROMPT_SCALE)))
        self.prompt_bias = nn.Parameter(torch.tensor(PROMPT_BIAS))

    def embed_audio(self, mel: Tensor) -> Tensor:
        """Unit vectors ``[B, dim]`` of log-mel frames ``[B, T, n_mels]``."""
        out: Tensor = self.audio(mel)
        return out

    def embed_words(self, ids: Tensor) -> Tensor:
        """Unit vectors ``[B, dim]`` of word numbers ``[B, L]``; a text without words has the zero vector."""
        states, mask = self.text(ids)
        mean = states.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp_min(1).to(states.dtype)
        return functional.normalize(self.text_project(mean).float(), dim=-1)

    def similarities(self, sounds: Tensor, words: Tensor) -> Tensor:
        """Scaled cosines ``[B, B]`` of vectors ``[B, dim]``: rows are sounds, columns are texts."""
        return self.log_scale.clamp(max=math.log(MAX_SCALE)).exp() * sounds @ words.T

    def truths(self, sounds: Tensor, prompts: Tensor) -> Tensor:
        """How true each prompt is of each sound, as logits ``[B, C]`` of vectors ``[B, dim]`` and ``[C, dim]``."""
        return self.prompt_log_scale.clamp(max=math.log(MAX_SCALE)).exp() * sounds @ prompts.T + self.prompt_bias


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


def truth_loss(truths: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy of every prompt and sound, in nats per weighted true pair.

    Args:
        truths: logits ``[B, C]``.
        wanted: ``[B, C]``, 1 true, 0 not true, negative where it is not known or a matter of words: left out.
        weights: of true pairs, ``[C]``; rare classes have more.
    """
    true, known = (wanted > 0).float(), (wanted >= 0).float()
    costs = functional.binary_cross_entropy_with_logits(truths, true, weight=known, pos_weight=weights, reduction="sum")
    return costs / (true * weights).sum().clamp_min(1.0)
