"""MusicGen, built from the files of either published layout."""

from __future__ import annotations

import logging
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from partimento.checkpoints import read_pickled
from partimento.codec.encodec import EncodecCodec, EncodecConfig
from partimento.codec.encodec_layout import config_from_transformers, weights_from_audiocraft, weights_from_transformers
from partimento.codec.interface import Encoded
from partimento.embed.t5 import T5Texts
from partimento.errors import FileError, MissingDependencyError, PartimentoError
from partimento.lm.engines import AUTO, Choice, choose_engine, get_engine
from partimento.lm.transformer import LmConfig, MusicGenLm
from partimento.models.mini import is_mini, load_mini
from partimento.models.musicgen import audiocraft_layout, hf_layout
from partimento.models.musicgen.folder import (
    NO_NUMBERS,
    SAFETENSORS,
    TOKENIZERS,
    find_folder,
    find_local,
    is_id,
    missing_of_transformers,
    read_config,
    read_tensors,
)
from partimento.models.musicgen.keymap import Part, Table, assemble, check_keys, check_table, fill, joined
from partimento.models.musicgen.manifest import check_manifest
from partimento.models.musicgen.stored import LazyLayers, StoredTensors

T5_NAMES = ("t5-base", "google-t5/t5-base")
"""The text encoder of every published model; AudioCraft's files leave it out."""
_COMPUTED = re.compile(r"decoder\.model\.decoder\.embed_positions\.weights")


@dataclass(frozen=True, slots=True, eq=False)
class MusicGen:
    """A loaded model.

    Attributes:
        lm: language model.
        codec: mono codec; stereo models run it once per side.
        texts: text encoder.
        stereo: codebooks are 1L, 1R, 2L, 2R, …
        layout: how it was stored.
        folder: where.
    """

    lm: MusicGenLm
    codec: EncodecCodec
    texts: T5Texts
    stereo: bool
    layout: Literal["transformers", "audiocraft", "partimento"]
    folder: Path

    @property
    def channels(self) -> int:
        """Audio channels."""
        return 2 if self.stereo else self.codec.channels

    def encode(self, wav: Tensor) -> Tensor:
        """``[B, channels, n]`` at the codec's rate to codes ``[B, K, T]``."""
        if not self.stereo:
            return self.codec.encode(wav).codes
        sides = [self.codec.encode(wav[:, side : side + 1]).codes for side in (0, 1)]
        return torch.stack(sides, dim=2).flatten(1, 2)

    def decode_stream(self, pieces: Iterator[Tensor]) -> Iterator[Tensor]:
        """Sound ``[B, channels, n]`` for codes ``[B, K, t]`` as they come; together it equals decoding the whole."""
        stream = self.codec.stream()
        piece = None
        for piece in pieces:
            yield self._joined(stream.push(self._sides(piece)))
        if piece is not None:  # what was held back needs no more frames, only to know that none come
            yield self._joined(stream.push(self._sides(piece[..., :0]), last=True))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``[B, K, T]`` to ``[B, channels, T * hop]``."""
        return self._joined(self.codec.decode(Encoded(self._sides(codes))))

    def _sides(self, codes: Tensor) -> Tensor:
        """A stereo model's codes ``[B, 2K, T]`` as ``[2B, K, T]``: both sides pass the codec together."""
        return torch.stack([codes[:, 0::2], codes[:, 1::2]], dim=1).flatten(0, 1) if self.stereo else codes

    def _joined(self, sound: Tensor) -> Tensor:
        """The inverse for sound: ``[2B, 1, n]`` to ``[B, 2, n]``."""
        return sound.view(-1, 2, sound.shape[-1]) if self.stereo else sound


def _lm(tensors: Mapping[str, Tensor], config: LmConfig, table: Table, source: str, layerwise: bool) -> MusicGenLm:
    """The language model, its shapes checked before any memory is taken; ``layerwise``: its layers not read yet."""
    with torch.device("meta"):
        model = MusicGenLm(config)
    if not layerwise:
        return model.adopt(assemble(tensors, table, model, source))
    check_table(tensors, table, model, source)
    layers, model.layers = model.layers, torch.nn.ModuleList()
    model.adopt({name: _numbers(joined(tensors, table[name]), table[name], source) for name in model.state_dict()})

    def _read(index: int) -> dict[str, Tensor]:
        stem = f"layers.{index}."
        own = {name.removeprefix(stem): parts for name, parts in table.items() if name.startswith(stem)}
        return {name: _numbers(joined(tensors, parts), parts, source) for name, parts in own.items()}

    model.layers = LazyLayers(layers, _read)
    return model


def _numbers(tensor: Tensor, parts: tuple[Part, ...], source: str) -> Tensor:
    """The tensor, of which no value is NaN or infinity: rounded to a few bits such a value would no longer be seen.

    Its sum shows them, in one pass and without a copy.

    Raises:
        FileError: there is one; the message names the published tensor, or the first of those that it is made of.
    """
    if not torch.isfinite(tensor.sum()):
        for part, piece in zip(parts, tensor.chunk(len(parts)), strict=True):
            if not torch.isfinite(piece).all():
                raise FileError(f"{source}: {part.key} {NO_NUMBERS}")
    return tensor


def _codec(config: EncodecConfig, weights: Mapping[str, Tensor], source: str) -> EncodecCodec:
    """The codec of these weights."""
    with torch.device("meta"):
        codec = EncodecCodec(config)
    fill(codec, weights, source, assign=True)
    return codec


def _stored_codec(config: EncodecConfig, stored: StoredTensors, source: str) -> EncodecCodec:
    """The codec of tensors in the layout of transformers; what files hold of the encoder is checked now and read later."""
    if not stored.in_files:
        return _codec(config, weights_from_transformers(stored), source)
    codec = _codec(config, weights_from_transformers({name: tensor.to("meta") for name, tensor in stored.items()}), source)

    def _read() -> dict[str, Tensor]:
        return {name: tensor.float() for name, tensor in weights_from_transformers(stored.below("encoder.")).items()}

    codec.leave_encoder(_read)
    own = weights_from_transformers(stored.only(lambda name: not name.startswith("encoder.")))
    codec.load_state_dict({name: tensor.float() for name, tensor in own.items()}, strict=False, assign=True)
    codec.requires_grad_(False)
    return codec


def _t5(folder: Path, config: dict[str, Any], stored: Mapping[str, Tensor], source: str) -> T5Texts:
    """Text encoder from its tensors, tokenizer from the folder."""
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in TOKENIZERS):  # transformers would take one that knows no word
        either = f"{folder / TOKENIZERS[0]} is missing (and so is {TOKENIZERS[1]}, which would do)"
        raise FileError(f"{either}; the download is not complete: get it again")
    model = _t5_encoder(config, stored, source)
    again = partial(_t5_encoder, config, stored, source) if isinstance(stored, StoredTensors) and stored.in_files else None
    try:
        with _without_remarks():
            return T5Texts(model, AutoTokenizer.from_pretrained(folder, local_files_only=True), again)
    except Exception as error:  # the tokenizers package raises bare Exception for files that it cannot read
        raise FileError(f"{folder} has no tokenizer that can be read (tokenizer.json or spiece.model); get it again") from error


@contextmanager
def _without_remarks() -> Iterator[None]:
    """transformers remarks on the special token of every MusicGen, which lies behind its vocabulary as published."""
    from transformers.utils import logging as remarks

    level = remarks.get_verbosity()
    remarks.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        remarks.set_verbosity(level)


def _t5_encoder(config: dict[str, Any], stored: Mapping[str, Tensor], source: str) -> Any:
    """Text encoder from its tensors."""
    from transformers import T5Config, T5EncoderModel

    with torch.device("meta"):
        model = T5EncoderModel(T5Config(**config))
    own = model.state_dict()
    tensors = {name: tensor for name, tensor in stored.items() if name in own or name.startswith("encoder.")}
    shared = tensors.get("shared.weight", tensors.get("encoder.embed_tokens.weight"))
    if shared is not None:  # one tensor under two names; files hold either or both
        tensors |= {"shared.weight": shared, "encoder.embed_tokens.weight": shared}
    fill(model, tensors, source, assign=True)
    return model


def _load_transformers(folder: Path, layerwise: bool) -> MusicGen:
    data, tensors, source = read_config(folder), read_tensors(folder), f"{folder / SAFETENSORS}"
    config = hf_layout.lm_config(data)
    other = ("text_encoder.", "audio_encoder.")
    own = tensors.only(lambda name: not name.startswith(other) and not _COMPUTED.fullmatch(name))
    lm = _lm(own, config, hf_layout.lm_table(config), source, layerwise)
    stored = tensors.below("audio_encoder.")
    codec = _stored_codec(config_from_transformers(data["audio_encoder"]), stored, f"{source} (audio_encoder)")
    texts = _t5(folder, data["text_encoder"], tensors.below("text_encoder."), f"{source} (text_encoder)")
    stereo = int(data["decoder"].get("audio_channels", 1)) == 2
    return MusicGen(lm, codec, texts, stereo, "transformers", folder)


def _load_audiocraft(folder: Path, text_encoder: str | None, layerwise: bool) -> MusicGen:
    path = folder / "state_dict.bin"
    tensors, settings = audiocraft_layout.unpack(read_pickled(path), str(path))
    config = audiocraft_layout.lm_config(tensors, settings, str(path))
    lm = _lm(tensors, config, audiocraft_layout.lm_table(config), str(path), layerwise)
    codec = _audiocraft_codec(folder / "compression_state_dict.bin")
    place = folder / "t5"
    names = [text_encoder] if text_encoder else [str(place)] if place.is_dir() else list(T5_NAMES)
    t5 = next((found for name in names if (found := find_local(name)) is not None), None)
    if t5 is None:
        half = missing_of_transformers(folder) if (folder / "config.json").is_file() else None
        or_else = f"; or complete its other half, where {folder / half} is missing" if half else ""
        raise MissingDependencyError(
            f"{folder} has no text encoder and '{names[-1]}' is not downloaded; "
            f"get it: hf download {names[-1] if is_id(names[-1]) else T5_NAMES[-1]} --local-dir {place}{or_else}"
        )
    texts = _t5(t5, read_config(t5), read_tensors(t5), str(t5))
    return MusicGen(lm, codec, texts, config.n_codebooks == 2 * codec.n_codebooks, "audiocraft", folder)


def _audiocraft_codec(path: Path) -> EncodecCodec:
    """The codec in ``compression_state_dict.bin``, or the one that it points to."""
    package = read_pickled(path)
    if isinstance(package, dict) and isinstance(package.get("pretrained"), str):
        name = package["pretrained"]
        beside = path.parent / name.split("/")[-1]
        folder = beside if beside.is_dir() else find_folder(name, f"its folder the name {beside} instead of")
        return _stored_codec(config_from_transformers(read_config(folder)), read_tensors(folder), str(folder))
    tensors, settings = audiocraft_layout.unpack(package, str(path))
    config = audiocraft_layout.codec_config(tensors, settings)
    books = [f"quantizer.vq.layers.{i}._codebook.embed" for i in range(config.n_codebooks)]
    check_keys([name for name in books if name in tensors], books, str(path))
    return _codec(config, weights_from_audiocraft(tensors), str(path))


def load_musicgen(source: str, text_encoder: str | None = None, *, layerwise: bool = False) -> MusicGen:
    """A MusicGen ready for use: float32, on the CPU, no gradients.

    Args:
        source: a folder in the layout of transformers (``config.json``, ``model.safetensors``, tokenizer) or of AudioCraft
            (``state_dict.bin``, ``compression_state_dict.bin``), the id of one that has been downloaded, or what
            :func:`partimento.models.mini.load_mini` takes. Where it has both, as Meta's repositories have, the layout of
            transformers is taken when it is complete: it has the text encoder.
        text_encoder: folder or id of the T5 that AudioCraft's files leave out (default: ``t5`` in the folder, else t5-base).
        layerwise: leave the language model's layers where they are until they are used (:class:`LazyLayers`), for an engine
            that converts them.

    Raises:
        MissingDependencyError: it is not on this machine; the message says how to get it.
        FileError: a file is missing, damaged, half downloaded, or has other tensors than it should.
        ParseError: a configuration that is not one of MusicGen.
        UnsupportedError: a variant that no published model uses.
    """
    if is_mini(source):
        return load_mini(source)
    folder = find_folder(source)
    check_manifest(folder)
    if (folder / "state_dict.bin").exists() and missing_of_transformers(folder) is not None:
        return _load_audiocraft(folder, text_encoder, layerwise)
    if (folder / "config.json").exists():
        return _load_transformers(folder, layerwise)
    raise FileError(f"{folder} holds neither config.json nor state_dict.bin: not a MusicGen; give the folder of a whole model")


def hears_melody(source: str) -> bool | None:
    """Whether a model hears a melody, told without reading its weights; None where only these tell.

    Raises:
        As of :func:`load_musicgen`: it is not on this machine, or its configuration is no MusicGen's.
    """
    if is_mini(source):
        return False
    folder = find_folder(source)
    if (folder / "state_dict.bin").exists() and missing_of_transformers(folder) is not None:
        return _audiocraft_hears(folder / "state_dict.bin")
    if not (folder / "config.json").exists():
        return None
    return hf_layout.lm_config(read_config(folder)).melody_classes is not None


def _audiocraft_hears(path: Path) -> bool | None:
    """From the names in AudioCraft's file, whose tensors are mapped and not read; None for a file that cannot be mapped."""
    try:
        with warnings.catch_warnings():  # torch remarks on the pickle protocol before it refuses a file
            warnings.simplefilter("ignore", UserWarning)
            package = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        tensors, settings = audiocraft_layout.unpack(package, str(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, AttributeError, TypeError, PartimentoError):
        return None  # of an older form, or damaged: reading it whole will tell
    return audiocraft_layout.lm_config(tensors, settings, str(path)).melody_classes is not None


def load_for_engine(source: str, engine: str, text_encoder: str | None = None) -> tuple[MusicGen, Choice]:
    """A MusicGen that an engine runs, and which that is.

    An engine that converts the layers reads them one by one; for the others they are all in memory.

    Args:
        source, text_encoder: as for :func:`load_musicgen`.
        engine: a name in :data:`partimento.lm.engines.ENGINES`, or ``auto``.

    Raises:
        RequestError: no such engine. Others as of :func:`load_musicgen` and the engine.
    """
    if engine != AUTO:
        get_engine(engine)  # a wrong name is said before anything is loaded
    model = load_musicgen(source, text_encoder, layerwise=True)
    chosen = choose_engine(engine, model.lm)
    if chosen.engine.name != "eager" and isinstance(model.codec, EncodecCodec):  # mini has a codec of its own
        model.codec.quicken()
    chosen.engine.prepare(model.lm)
    if isinstance(model.lm.layers, LazyLayers):
        model.lm.layers = model.lm.layers.kept()
    return model, chosen
