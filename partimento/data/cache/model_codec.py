"""The codec inside a MusicGen checkpoint, as token caches use it: long recordings in pieces, both sides of stereo models."""

from __future__ import annotations

import hashlib
from dataclasses import astuple

import torch
from torch import Tensor

from partimento.codec.interface import Encoded
from partimento.models.musicgen.loader import MusicGen

BLOCK_S = 30.0
"""Of sound at a time, as the models were trained; a whole song at once would take gigabytes (64 channels at the full rate)."""
CONTEXT_S = 2.0
"""Sound heard before and behind a block whose codes are thrown away: the codec's LSTM has settled by then."""


class ModelCodec:
    """Sound to a checkpoint's tokens.

    Args:
        model: its codec is used, nothing else is kept.
    """

    def __init__(self, model: MusicGen) -> None:
        self._codec, self._stereo = model.codec, model.stereo
        self.sample_rate, self.frame_rate_hz = model.codec.sample_rate, model.codec.frame_rate_hz
        self.channels, self.n_codebooks = model.channels, model.lm.config.n_codebooks
        self.cardinality = model.lm.config.cardinality

    def encode(self, wav: Tensor) -> Encoded:
        """``[1, channels, n]`` to codes ``[1, K, T]``; the same for a sound of one block as the codec gives at once."""
        hop = round(self.sample_rate / self.frame_rate_hz)
        block, context = round(BLOCK_S * self.frame_rate_hz), round(CONTEXT_S * self.frame_rate_hz)
        n_frames = -(-wav.shape[-1] // hop)
        parts = []
        for start in range(0, max(1, n_frames), block):
            end = start + block if n_frames - start - block > context else n_frames
            lead = min(context, start)
            heard = wav[..., (start - lead) * hop : (end + context) * hop]
            parts.append(self._sides(heard)[..., lead : lead + end - start])
            if end == n_frames:
                break
        return Encoded(torch.cat(parts, dim=-1))

    def _sides(self, wav: Tensor) -> Tensor:
        """Codes ``[1, K, t]``; of stereo models 1L, 1R, 2L, 2R, …"""
        if not self._stereo:
            return self._codec.encode(wav).codes
        return torch.stack([self._codec.encode(wav[:, side : side + 1]).codes for side in (0, 1)], dim=2).flatten(1, 2)

    def fingerprint(self) -> str:
        """SHA-256 of the codec's weights and shape, whatever file they are in: a fine-tuned model has its base's."""
        total = hashlib.sha256(repr((astuple(self._codec.config), self._stereo)).encode())
        for name, tensor in sorted(self._codec.state_dict().items()):
            total.update(name.encode() + tensor.float().contiguous().numpy().tobytes())
        return total.hexdigest()
