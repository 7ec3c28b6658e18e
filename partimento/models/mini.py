"""The built-in audio language model, or one trained like it, from its weights to something that sings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from partimento.checkpoints import CONFIG_FILE, WEIGHTS_FILE, built_in, read_manifest
from partimento.errors import FileError, ParseError, RequestError

if TYPE_CHECKING:
    from partimento.codec.encodec import EncodecCodec
    from partimento.embed.t5 import T5Texts
    from partimento.lm.audio_lm import AudioLm
    from partimento.models.musicgen.loader import MusicGen

MINI = "mini"
TASK = "lm"


def is_mini(source: str) -> bool:
    """True for the built-in model's name and for a folder that the trainer of language models wrote."""
    if source == MINI:
        return True
    try:
        data = json.loads((Path(source) / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("task") == TASK


def is_released() -> bool:
    """Whether the package holds weights of the built-in model."""
    return any(entry.name == MINI for entry in read_manifest().models)


def mini_files(source: str) -> tuple[Path, Path]:
    """Weights and configuration of a checkpoint folder or of the built-in model.

    Raises:
        RequestError: the built-in model is not there yet. FileError: a file that is missing or not the one released.
    """
    if source != MINI:
        return Path(source) / WEIGHTS_FILE, Path(source) / CONFIG_FILE
    if not is_released():
        raise RequestError(
            "this version comes without weights of the model 'mini': train it (docs/training.md) and give its folder, or take "
            "--model score"
        )
    entry = built_in(MINI)  # also where a folder of that name stands in the working directory
    return entry.weights, entry.config


def load_audio_lm(source: str) -> tuple[AudioLm, dict[str, Any]]:
    """The network (float32, evaluation mode, no gradients) and its configuration as plain values.

    Raises:
        FileError, ParseError: missing, damaged, or weights that do not fit their configuration.
    """
    import msgspec
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from partimento.codec.packing import filled
    from partimento.embed.tower import TowerConfig
    from partimento.lm.audio_lm import AudioLm, AudioLmConfig

    weights_path, config_path = mini_files(source)
    try:
        data = json.loads(config_path.read_text(encoding="utf-8"))
        config = msgspec.convert(data["lm_model"], AudioLmConfig)
        text = msgspec.convert(data["text"], TowerConfig)
        weights = load_file(str(weights_path))
    except OSError as error:
        raise FileError(f"{error.filename or weights_path} is missing; give a folder that the trainer wrote") from error
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise ParseError(f"{config_path} does not describe a language model: {error}") from error
    except SafetensorError as error:
        raise FileError(f"{weights_path} is damaged: {error}") from error
    return filled(AudioLm(config, text), weights, weights_path, config_path), data


def load_mini(source: str) -> MusicGen:
    """A language model with its codec and its text tower, ready for use.

    Args:
        source: ``mini``, or a checkpoint folder of the trainer.

    Raises:
        As :func:`load_audio_lm`, and FileError when its codec is not the one whose tokens it was trained on.
    """
    from partimento.codec.loading import load_mini_codec
    from partimento.codec.mini_stream import MiniCodecPart
    from partimento.embed.tower import TowerTexts
    from partimento.models.musicgen.loader import MusicGen

    model, data = load_audio_lm(source)
    used = data.get("codec_used") or {}
    name, sha256 = str(used.get("source", "")), used.get("sha256")
    codec = load_mini_codec(name)
    present = codec.tokens_sha256()
    if sha256 and present != sha256:
        raise FileError(
            f"{source} speaks tokens of another version of {name} ({sha256[:12]}; here is {present[:12]}); train it anew"
        )
    part = MiniCodecPart(codec, model.config.n_codebooks)
    # Codec and texts are used by what they can do; only import and export of published layouts look into them.
    spoken, texts = cast("EncodecCodec", part), cast("T5Texts", TowerTexts(model.text))
    return MusicGen(model.lm, spoken, texts, False, "partimento", mini_files(source)[0].parent)
