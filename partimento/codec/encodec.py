"""EnCodec (Défossez et al. 2022): MusicGen's 32 kHz codec and the published 24 kHz and 48 kHz ones.

The 48 kHz model works on chunks of one second that overlap by 1 %, each at its own loudness; its frames are those of
the chunks one after the other, and ``Encoded.scales`` holds one gain per chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from partimento.codec.decoder_stream import DecoderStream, lay_out
from partimento.codec.interface import Encoded
from partimento.codec.quick import quicken
from partimento.codec.rvq import FixedQuantizer
from partimento.codec.seanet import SeanetConfig, SeanetDecoder, SeanetEncoder
from partimento.errors import RequestError

DEFAULT_CHUNK_FRAMES = 100
"""Frames per chunk of :meth:`EncodecCodec.decode_chunks`: two seconds of MusicGen's codec."""


@dataclass(frozen=True, slots=True)
class EncodecConfig:
    """Shape of the codec; the defaults are MusicGen's 32 kHz codec.

    Attributes:
        sample_rate: Hz.
        n_codebooks, cardinality: of the quantiser.
        normalize: bring each chunk to unit RMS first (the 48 kHz model).
        chunk_s: length of independent chunks, or None to treat a sound as one.
        overlap: share of a chunk that the next one repeats.
        seanet: encoder and decoder.
    """

    sample_rate: int = 32_000
    n_codebooks: int = 4
    cardinality: int = 2048
    normalize: bool = False
    chunk_s: float | None = None
    overlap: float = 0.01
    seanet: SeanetConfig = field(default_factory=SeanetConfig)

    @property
    def chunk_samples(self) -> int | None:
        """Samples of an independent chunk."""
        return None if self.chunk_s is None else int(self.chunk_s * self.sample_rate)

    @property
    def chunk_stride(self) -> int | None:
        """Samples from one chunk's start to the next one's."""
        return None if self.chunk_samples is None else max(1, int((1.0 - self.overlap) * self.chunk_samples))


class EncodecCodec(nn.Module):
    """See the module's text. Implements :class:`partimento.codec.interface.Codec`."""

    def __init__(self, config: EncodecConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EncodecConfig()
        self.encoder = SeanetEncoder(config.seanet)
        self.decoder = SeanetDecoder(config.seanet)
        self.quantizer = FixedQuantizer(config.n_codebooks, config.cardinality, config.seanet.dimension)
        self._read_encoder: Callable[[], Mapping[str, Tensor]] | None = None

    def leave_encoder(self, read: Callable[[], Mapping[str, Tensor]]) -> None:
        """Have the encoder, now on the meta device, read when it is first needed: most pieces are only decoded.

        Args:
            read: gives its state.
        """
        self._read_encoder = read

    def _need_encoder(self) -> None:
        """Read an encoder that was left where it lies."""
        if self._read_encoder is not None:
            read, self._read_encoder = self._read_encoder, None
            self.encoder.load_state_dict(read(), assign=True)
            self.encoder.requires_grad_(False)

    def state_dict(self, *args: Any, **options: Any) -> Any:
        """As of every module, the encoder read."""
        self._need_encoder()
        return super().state_dict(*args, **options)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> EncodecCodec:
        self._need_encoder()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.config.sample_rate

    @property
    def channels(self) -> int:
        """Audio channels C."""
        return self.config.seanet.channels

    @property
    def frame_rate_hz(self) -> float:
        """Token frames per second (inside a chunk)."""
        return self.config.sample_rate / self.config.seanet.hop

    @property
    def n_codebooks(self) -> int:
        """Codebooks K."""
        return self.config.n_codebooks

    @property
    def cardinality(self) -> int:
        """Entries of each codebook."""
        return self.config.cardinality

    @torch.inference_mode()
    def encode(self, wav: Tensor, n_codebooks: int | None = None) -> Encoded:
        """``[B, C, n]`` to codes ``[B, k, T]``, ``T = ceil(n / hop)`` (for chunked models: the sum over chunks).

        Args:
            wav: samples at the codec's rate.
            n_codebooks: how many to use (all by default).

        Raises:
            RequestError: wrong channels, no samples, or a number of codebooks that the codec does not have.
        """
        if wav.ndim != 3 or wav.shape[1] != self.channels or not wav.shape[-1]:
            raise RequestError(
                f"audio of shape {tuple(wav.shape)}; this codec takes [batch, {self.channels}, samples], samples ≥ 1"
            )
        if n_codebooks is not None and not 1 <= n_codebooks <= self.n_codebooks:
            raise RequestError(f"{n_codebooks} codebooks asked for; this codec has 1 to {self.n_codebooks}")
        self._need_encoder()
        length = self.config.chunk_samples or wav.shape[-1]
        stride = self.config.chunk_stride or wav.shape[-1]
        codes, scales = [], []
        for start in range(0, wav.shape[-1], stride):
            chunk = wav[..., start : start + length]
            if self.config.normalize:
                scale = chunk.mean(dim=1).pow(2).mean(dim=-1, keepdim=True).sqrt() + 1e-8
                chunk = chunk / scale[:, None]
                scales.append(scale)
            codes.append(self.quantizer.encode(self.encoder(chunk), n_codebooks))
        return Encoded(torch.cat(codes, dim=-1), torch.cat(scales, dim=-1) if scales else None)

    def decode(self, encoded: Encoded) -> Tensor:
        """Codes ``[B, k, T]`` to ``[B, C, T * hop]`` (chunked models: chunks cross-faded where they overlap)."""
        if self.config.chunk_samples is not None:
            return torch.cat(list(self.decode_chunks(encoded)), dim=-1)
        with torch.inference_mode():
            latent = self.quantizer.decode(encoded.codes)
            whole = self.config.seanet.group_norm
            wav: Tensor = self.decoder(latent) if whole else DecoderStream(self.decoder, latent.shape[0]).push(latent, last=True)
            return wav if encoded.scales is None else wav * encoded.scales[:, :1, None]

    def decode_chunks(self, encoded: Encoded, chunk_frames: int = DEFAULT_CHUNK_FRAMES) -> Iterator[Tensor]:
        """The same as :meth:`decode`, piece by piece, in memory that does not grow with the length.

        Args:
            encoded: codes.
            chunk_frames: frames per piece (chunked models keep their own chunks).

        Yields:
            ``[B, C, n]``; put together they equal the whole.
        """
        if chunk_frames < 1:
            raise RequestError(f"pieces of {chunk_frames} frames; give 1 or more")
        if self.config.chunk_samples is not None:
            yield from self._cross_fade(encoded)
            return
        stream, n_frames = self.stream(), encoded.codes.shape[-1]
        for start in range(0, n_frames, chunk_frames):
            wav = stream.push(encoded.codes[..., start : start + chunk_frames], last=start + chunk_frames >= n_frames)
            yield wav if encoded.scales is None else wav * encoded.scales[:, :1, None]

    def quicken(self) -> None:
        """Decode from now on as fast engines do (:mod:`partimento.codec.quick`), in place; its weights cannot be saved then.

        Codecs that work in chunks stay as they are.
        """
        if self.config.chunk_samples is None and not self.config.seanet.group_norm:
            quicken(self.decoder)
            lay_out(self.decoder)

    def stream(self) -> DecodeStream:
        """A decoder for codes that come bit by bit (not for chunked models)."""
        return DecodeStream(self)

    @torch.inference_mode()
    def _cross_fade(self, encoded: Encoded) -> Iterator[Tensor]:
        """Chunks weighted by triangles over their overlaps, as the published 48 kHz model does."""
        length, stride = self.config.chunk_samples or 0, self.config.chunk_stride or 0
        per_chunk = -(-length // self.config.seanet.hop)
        weight = 0.5 - (torch.linspace(0, 1, length + 2, device=encoded.codes.device)[1:-1] - 0.5).abs()
        pieces = torch.split(encoded.codes, per_chunk, dim=-1)
        sounds = weights = torch.zeros(0)
        for i, codes in enumerate(pieces):
            wav = self.decoder(self.quantizer.decode(codes))[..., :length]
            if encoded.scales is not None:
                wav = wav * encoded.scales[:, i, None, None]
            here = weight[: wav.shape[-1]]
            wav = wav * here
            if i:
                n = max(sounds.shape[-1], wav.shape[-1])
                pad = nn.functional.pad
                wav = pad(sounds, (0, n - sounds.shape[-1])) + pad(wav, (0, n - wav.shape[-1]))
                here = pad(weights, (0, n - weights.shape[-1])) + pad(here, (0, n - here.shape[-1]))
            done = stride if i + 1 < len(pieces) else wav.shape[-1]
            yield wav[..., :done] / here[:done]
            sounds, weights = wav[..., done:], here[done:]


class DecodeStream:
    """Decodes codes as they come; holds back the few samples that still depend on what follows."""

    def __init__(self, codec: EncodecCodec) -> None:
        if codec.config.chunk_samples is not None or codec.config.seanet.group_norm:
            raise RequestError("this codec normalises whole chunks; decode it with decode_chunks")
        self._codec = codec
        self._stream: DecoderStream | None = None

    @torch.inference_mode()
    def push(self, codes: Tensor, last: bool = False) -> Tensor:
        """The samples ``[B, C, n]`` that codes ``[B, k, t]`` settle; ``last`` ends the stream."""
        latent = self._codec.quantizer.decode(codes)
        if self._stream is None:
            self._stream = DecoderStream(self._codec.decoder, latent.shape[0])
        return self._stream.push(latent, last)
