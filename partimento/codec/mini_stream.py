"""The mini codec for a language model: some of its codebooks, and decoding of tokens as they come."""

from __future__ import annotations

import torch
from torch import Tensor

from partimento.codec.interface import Encoded
from partimento.codec.mini import MiniCodec


class MiniCodecPart:
    """The first codebooks of a mini codec. Implements :class:`partimento.codec.interface.Codec`.

    Args:
        codec: ready for use.
        n_codebooks: how many of them.
    """

    channels = 1

    def __init__(self, codec: MiniCodec, n_codebooks: int) -> None:
        self.codec = codec
        self.n_codebooks = n_codebooks
        self.sample_rate, self.frame_rate_hz, self.cardinality = codec.sample_rate, codec.frame_rate_hz, codec.cardinality

    def encode(self, wav: Tensor) -> Encoded:
        """``[B, 1, n]`` to codes ``[B, K, T]``."""
        return Encoded(self.codec.encode(wav).codes[:, : self.n_codebooks])

    def decode(self, encoded: Encoded) -> Tensor:
        """Codes ``[B, K, T]`` to ``[B, 1, T * hop]``."""
        return self.codec.decode(encoded)

    def stream(self) -> MiniCodecStream:
        """A new stream."""
        return MiniCodecStream(self.codec)


class MiniCodecStream:
    """Sound of tokens as they come: all of it at the end.

    Phases are found for blocks of 20 s (:meth:`partimento.codec.mini.MiniCodec.sound_of`), each from what follows as well as from
    what went before; smaller blocks would be heard. So a piece of 30 s has nothing to gain.
    """

    def __init__(self, codec: MiniCodec) -> None:
        self._codec = codec
        self._held: list[Tensor] = []

    def push(self, codes: Tensor, last: bool = False) -> Tensor:
        """The samples ``[B, 1, n]`` that codes ``[B, K, t]`` settle; ``last`` ends the stream."""
        self._held.append(codes)
        if not last:
            return torch.zeros(codes.shape[0], 1, 0)
        return self._codec.decode(Encoded(torch.cat(self._held, dim=-1)))
