"""The built-in audio language model: MusicGen's Transformer on codec tokens with a text tower of its own.

Its checkpoint is one set of tensors (``lm.…``, ``text.…``) and a configuration that names the codec whose tokens it speaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.embed.tower import TextTower, TowerConfig
from partimento.lm.cache import TextContext
from partimento.lm.patterns import align_predictions, delay_delays, interleave
from partimento.lm.transformer import LmConfig, MusicGenLm

_TOKENS_LOUDNESS = 0.7
"""Deviation of the summed embeddings at the start: as loud as the positions."""
_FIRST_SHARPNESS, _SHARPNESS_RATIO = 1.6, 0.6
"""Length of the first head's rows where they begin from the codec's codebooks, and of each next one's beside the one before:
finer codebooks say less about the next frame (chosen by the held-out loss before the first step)."""


@dataclass(frozen=True, slots=True)
class AudioLmConfig:
    """Shape of the language model.

    Attributes:
        n_codebooks: how many of the codec's codebooks it speaks, the coarsest first.
        cardinality: codes per codebook.
        width, n_layers, n_heads, ffn: of the Transformer.
    """

    n_codebooks: int = 4
    cardinality: int = 1024
    width: int = 384
    n_layers: int = 9
    n_heads: int = 6
    ffn: int = 1536


@dataclass(frozen=True, slots=True)
class CodecUsed:
    """The codec whose tokens a model speaks.

    Attributes:
        source: ``mini-codec``, or a checkpoint folder.
        sha256: of what decides its tokens (``MiniCodec.tokens_sha256``); empty in a recipe, written by the trainer.
    """

    source: str = "mini-codec"
    sha256: str = ""


class AudioLm(nn.Module):
    """See the module's text.

    Args:
        config: of the language model.
        text: of the tower; its vocabulary must be complete.
    """

    def __init__(self, config: AudioLmConfig, text: TowerConfig) -> None:
        super().__init__()
        self.config = config
        self.text = TextTower(text)
        self.lm = MusicGenLm(
            LmConfig(
                config.n_codebooks, config.cardinality, config.width, config.n_layers, config.n_heads, config.ffn,
                text_width=text.width, delays=delay_delays(config.n_codebooks),
            )
        )  # fmt: skip

    @torch.no_grad()
    def initialize(self) -> None:
        """Weights to begin from: matrices with a deviation of 1 / sqrt(inputs), those that add to the residual stream
        less (by the square root of how many add to it), embeddings as loud as the positions, heads near equal chances."""
        config = self.config
        depth = math.sqrt(3.0 * config.n_layers)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                adds = name.endswith(("out_proj", "linear2"))
                nn.init.normal_(module.weight, std=module.in_features**-0.5 / (depth if adds else 1.0))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.lm.embed.weight, std=_TOKENS_LOUDNESS / math.sqrt(config.n_codebooks))
        nn.init.normal_(self.text.embed.weight, std=0.7)
        assert isinstance(self.lm.heads, nn.Linear)
        nn.init.normal_(self.lm.heads.weight, std=0.02)

    @torch.no_grad()
    def start_from_codebooks(self, entries: Tensor) -> None:
        """Let embeddings and heads begin from the codec's own codebooks, so that codes that sound alike are alike from the first
        step, and what comes next is at first guessed to sound like what is there.

        Each codebook's entries, centred and of unit length, are turned into the model's width by a random rotation of their own.
        An untrained model otherwise has to learn for every code by itself which ones are near it.

        Args:
            entries: ``[K, cardinality, D]`` of the codec's first codebooks, ``D`` at most the model's width.
        """
        config, width = self.config, self.config.width
        rows = self.lm.embed.weight.view(config.n_codebooks, config.cardinality + 1, width)
        assert isinstance(self.lm.heads, nn.Linear)
        heads = self.lm.heads.weight.view(config.n_codebooks, config.cardinality, width)
        for book, own in enumerate(entries[: config.n_codebooks].float()):
            turn = torch.linalg.qr(torch.randn(width, own.shape[1]))[0]
            placed = functional.normalize(own - own.mean(0), dim=1) @ turn.T
            rows[book, : config.cardinality] = placed * (_TOKENS_LOUDNESS * math.sqrt(width / config.n_codebooks))
            heads[book] = placed * (_FIRST_SHARPNESS * _SHARPNESS_RATIO**book)

    def losses(self, codes: Tensor, ids: Tensor, heard: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood in nats and where it counts.

        Args:
            codes: ``[B, K, T]``; ``cardinality`` where the sound is over (not counted).
            ids: word numbers ``[B, L]``; all 0 for no text.
            heard: boolean ``[B, T]``; positions of the past that are heard as empty where it is False. None: all are heard.

        Returns:
            ``[B, K, T]`` each, float (0 where it does not count) and boolean.
        """
        states, mask = self.text(ids)
        return code_losses(self.lm, codes, self.lm.text_context(states, mask), heard=heard)


def code_losses(
    lm: MusicGenLm, codes: Tensor, text: TextContext | None, prefix: Tensor | None = None, heard: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood in nats of codes that a language model hears before itself, and where it counts.

    Args:
        lm: in its own modules (no runner).
        codes: ``[B, K, T]``; ``cardinality`` where the sound is over (not counted).
        text: what it listens to; None for models that hear a prefix.
        prefix: ``[B, P, d]`` before the codes, of melody models.
        heard: as of :meth:`AudioLm.losses`; positions of the delay pattern, so that those behind the last frame are heard.

    Returns:
        ``[B, K, T]`` each, float (0 where it does not count) and boolean.
    """
    config = lm.config
    tokens = interleave(codes, config.delays, config.special)
    if heard is not None:
        silent = functional.pad(~heard.to(tokens.device), (1, tokens.shape[2] - heard.shape[1] - 1))
        tokens = torch.where(silent[:, None, :], config.special, tokens)
    logits = lm(tokens, text, prefix=prefix)
    aligned = align_predictions(logits, config.delays).float()
    valid = codes < config.cardinality
    wanted = torch.where(valid, codes, 0)
    nats = functional.cross_entropy(aligned.flatten(0, 2), wanted.flatten(), reduction="none").view(codes.shape)
    return nats * valid, valid
