"""The mini codec from a checkpoint folder, or from the weights that come with the package."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec

from partimento.checkpoints import model_files
from partimento.codec.mini import MiniCodec, MiniCodecConfig
from partimento.codec.packing import filled
from partimento.errors import FileError, ParseError

BUILT_IN = "mini-codec"
TRAINING_ONLY = ("quantizer.counts", "quantizer.sums")


def load_mini_codec(source: str | os.PathLike[str] = BUILT_IN) -> MiniCodec:
    """A codec ready for use (float32, evaluation mode, no gradients).

    Args:
        source: a checkpoint folder of the trainer (``model.safetensors`` and ``config.json``), or the name of built-in
            weights.

    Raises:
        FileError: no such checkpoint, a damaged file, or weights that do not fit their configuration.
        ParseError: a configuration that is not one of this codec.
    """
    return codec_of(*model_files(source))


def codec_of(weights_path: Path, config_path: Path) -> MiniCodec:
    """The same from its two files. Raises FileError and ParseError as :func:`load_mini_codec`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        data = json.loads(config_path.read_text(encoding="utf-8"))
        config = msgspec.convert(data.get("model"), MiniCodecConfig)
        weights = load_file(str(weights_path))
    except OSError as error:
        raise FileError(
            f"no codec at {weights_path.parent}: {error.strerror or error}; give a folder that the trainer wrote"
        ) from error
    except (json.JSONDecodeError, msgspec.ValidationError, AttributeError) as error:
        raise ParseError(f"{config_path} does not describe a mini codec: {error}") from error
    except SafetensorError as error:
        raise FileError(f"{weights_path} is damaged: {error}") from error
    codec = MiniCodec(config)
    own = codec.state_dict()
    # Released weights lack what only training needs (the moving averages behind the codebooks).
    return filled(codec, {name: own[name] for name in TRAINING_ONLY} | weights, weights_path, config_path)
