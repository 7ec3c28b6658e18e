"""What a cache can hold per frame: codec tokens or log-mel features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, UnsupportedError

VERSION = 1
"""Goes into every key: raised whenever the same sound would be encoded differently by this code."""
MEL = "mel"
_MEL_RATE = 32_000
_MEL_WINDOW = 2560
_MEL_BANDS = 128


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Names an encoder; small enough to be sent to another process.

    Attributes:
        kind: ``tokens`` of a codec, or ``mel`` features.
        source: for tokens ``mini-codec`` or a checkpoint folder.
    """

    kind: Literal["tokens", "mel"] = "tokens"
    source: str = ""


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """What frames of a cache are.

    Attributes:
        kind: as in :class:`EncoderSpec`.
        name: of the codec, or of the features.
        fingerprint: SHA-256 of everything that decides the frames.
        sample_rate, channels: of the sound that went in.
        frame_rate_hz: frames per second.
        dtype: numpy name.
        width: numbers per frame (codebooks, or bands).
        cardinality: values of a token; 0 for features.
    """

    kind: str
    name: str
    fingerprint: str
    sample_rate: int
    channels: int
    frame_rate_hz: float
    dtype: str
    width: int
    cardinality: int = 0


class FrameEncoder(Protocol):
    """Sound to frames."""

    @property
    def layout(self) -> FrameLayout:
        """What the frames are."""

    def encode(self, sound: NDArray[np.float32]) -> NDArray[Any]:
        """``[channels, n]`` at the layout's rate to ``[T, width]``."""


def fingerprint_of(facts: dict[str, Any]) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(facts | {"version": VERSION}, sort_keys=True).encode()).hexdigest()


class MelEncoder:
    """Log-mel spectrogram: 128 Slaney bands of a 2,560-point Hann window at hop 640 of 32 kHz (50 frames per second, as the
    tokens of the built-in codec), natural logarithm, floor 1e-5, as float16."""

    def __init__(self) -> None:
        from partimento.metrics.mel_distance import LOG_FLOOR, MelScale

        self._scale = MelScale(_MEL_WINDOW, _MEL_BANDS)
        facts = {"mel": [_MEL_RATE, _MEL_WINDOW, _MEL_BANDS, self._scale.hop, LOG_FLOOR]}
        rate = _MEL_RATE / self._scale.hop
        self.layout = FrameLayout("mel", "log-mel", fingerprint_of(facts), _MEL_RATE, 1, rate, "float16", _MEL_BANDS)

    def encode(self, sound: NDArray[np.float32]) -> NDArray[np.float16]:
        """``[1, n]`` to ``[ceil(n / hop), bands]``."""
        from partimento.metrics.mel_distance import log_mel

        frames = -(-sound.shape[1] // self._scale.hop)
        return log_mel(sound[0], _MEL_RATE, self._scale)[:frames].astype(np.float16)


class TokenEncoder:
    """Codes of a neural codec as unsigned 16-bit integers.

    Args:
        source: ``mini-codec``, a checkpoint folder of the trainer, a folder of EnCodec weights as transformers stores them, or a
            MusicGen (folder or id) for the codec in it.

    Raises:
        FileError, ParseError: no such codec, or a damaged one.
        UnsupportedError: a codec whose sounds need more than its codes.
    """

    def __init__(self, source: str) -> None:
        codec, digests = _load(source)
        self._codec = codec
        if codec.cardinality > 2**16 - 1:
            raise UnsupportedError(f"codec '{source}' has {codec.cardinality} codes a book; 65535 fit the cache")
        if getattr(getattr(codec, "config", None), "normalize", False):
            raise UnsupportedError(f"codec '{source}' keeps the loudness beside its codes; take one that does not normalise")
        name = source if not Path(source).is_dir() else Path(source).name
        self.layout = FrameLayout(
            "tokens", name, fingerprint_of({"codec": digests}), codec.sample_rate, codec.channels, codec.frame_rate_hz,
            "uint16", codec.n_codebooks, codec.cardinality,
        )  # fmt: skip

    def encode(self, sound: NDArray[np.float32]) -> NDArray[np.uint16]:
        """``[channels, n]`` to ``[T, codebooks]``."""
        import torch

        codes = self._codec.encode(torch.from_numpy(sound)[None]).codes
        return np.ascontiguousarray(codes[0].T.numpy().astype(np.uint16))


def _load(source: str) -> tuple[Any, list[str]]:
    """A codec, and hashes of what decides what it does."""
    from partimento.codec.loading import load_mini_codec

    folder = Path(source)
    if (folder / "state_dict.bin").exists() or ("/" in source and not folder.exists()):
        return _of_model(source)
    if not folder.is_dir():
        codec = load_mini_codec(source)
        return codec, [codec.tokens_sha256()]
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"no codec at {folder}: it has no config.json") from error
    except json.JSONDecodeError as error:
        raise FileError(f"{folder / 'config.json'} is damaged ({error})") from error
    if str(config.get("model_type")).startswith("musicgen"):
        return _of_model(source)
    if config.get("model_type") == "encodec":
        return _encodec(folder, config)
    codec = load_mini_codec(folder)
    return codec, [codec.tokens_sha256()]


def _hashes(files: Iterable[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


def _of_model(source: str) -> tuple[Any, list[str]]:
    """The codec in a MusicGen."""
    from partimento.data.cache.model_codec import ModelCodec
    from partimento.models.musicgen.loader import load_musicgen

    codec = ModelCodec(load_musicgen(source, layerwise=True))
    return codec, [codec.fingerprint()]


def _encodec(folder: Path, config: dict[str, Any]) -> tuple[Any, list[str]]:
    """EnCodec from a folder as transformers writes it."""
    from partimento.codec.encodec import EncodecCodec
    from partimento.codec.encodec_layout import config_from_transformers, weights_from_transformers
    from partimento.models.musicgen.folder import read_tensors
    from partimento.models.musicgen.keymap import fill

    codec = EncodecCodec(config_from_transformers(config))
    fill(codec, weights_from_transformers(read_tensors(folder)), str(folder))
    weights = sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".bin"))
    return codec.eval().requires_grad_(False), _hashes([*weights, folder / "config.json"])


@lru_cache(maxsize=2)
def open_encoder(spec: EncoderSpec) -> FrameEncoder:
    """The encoder of that name, once per process."""
    return MelEncoder() if spec.kind == "mel" else TokenEncoder(spec.source)
