"""The score model from a checkpoint folder, or from the weights that come with the package."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from partimento.checkpoints import model_files
from partimento.errors import FileError, MissingDependencyError, ParseError

if TYPE_CHECKING:
    from partimento.score_lm.model import ScoreModel

BUILT_IN = "mini-score"


@cache
def load_score_model(source: str = BUILT_IN) -> ScoreModel:
    """A score model ready for use (float32, evaluation mode, no gradients); once per process.

    Args:
        source: a checkpoint folder of the trainer, or the name of built-in weights.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        FileError: no such checkpoint, a damaged file, or weights that do not fit their configuration.
        ParseError: a configuration that is not one of this model.
    """
    import importlib.util

    for package in ("torch", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(f"the score model needs {package}: pip install 'partimento[neural]'")
    import msgspec
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from partimento.codec.packing import filled
    from partimento.score_lm.model import ScoreModel, ScoreModelConfig

    weights_path, config_path = model_files(source)
    try:
        data = json.loads(config_path.read_text(encoding="utf-8"))
        config = msgspec.convert(data.get("score_model"), ScoreModelConfig)
        weights = load_file(str(weights_path))
    except OSError as error:
        raise FileError(f"no score model at {source}: {error.strerror or error}; give a folder that the trainer wrote") from error
    except (json.JSONDecodeError, msgspec.ValidationError, AttributeError) as error:
        raise ParseError(f"{config_path} does not describe a score model: {error}") from error
    except SafetensorError as error:
        raise FileError(f"{weights_path} is damaged: {error}") from error
    if "features.0.weight" in weights:
        raise FileError(
            f"{weights_path} is a score model of an earlier layout, which knows no traits and hears less beside its tokens;"
            f" train it anew (recipes/{BUILT_IN}.yaml) or take the built-in {BUILT_IN}"
        )
    return filled(ScoreModel(config), weights, weights_path, config_path)
