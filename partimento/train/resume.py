"""Going on with a run: from its newest checkpoint that is whole, and only with a recipe that is still that run's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from partimento.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from partimento.errors import FileError, RequestError
from partimento.score_lm.vocabulary import Vocabulary
from partimento.train.recipe import Recipe, to_plain
from partimento.train.state import Ema, TrainState, checkpoints, read_training, restore, weights_file

DAMAGED = ".damaged"
_MODEL = ("task", "model.", "score_model.", "lm_model.", "text.", "codec_used.", "embed_model.")
"""Keys of what a network is; all others are how it learns."""
_LEARNING_ONLY = (
    "model.quantizer.decay", "model.quantizer.revive_below", "model.quantizer.dropout", "score_model.dropout",
    "score_model.context", "embed_model.dropout", "text.dropout",
)  # fmt: skip
"""Keys of models that change no shape and nothing of what a trained network does."""
_OF_NO_ACCOUNT = (
    "note",
    "run.log_every",
    "run.save_every_s",
    "run.validate_every",
    "run.sample_every",
    "optim.total_steps",
    "finetune.base",
)
"""Keys that change nothing of what is learned in a step, or (the schedule's length) may change as documented."""
_COMPLETED = ("text.words", "codec_used.sha256")
"""Keys that recipes leave empty and the trainer fills in."""
_MOST_SHOWN = 40


def changes(recorded: dict[str, Any], recipe: Recipe) -> tuple[list[str], list[str]]:
    """What differs between a run's recipe and a given one, as ``key old → new``: of the model, and of how it learns.

    Args:
        recorded: ``config.json`` of a checkpoint; a key that it lacks (an older version's) is not compared.
        recipe: the given one.
    """
    was, now = dict(_leaves(recorded)), dict(_leaves(json.loads(json.dumps(to_plain(recipe)))))
    if recorded.get("task") != recipe.task:
        return [f"task {_shown(recorded.get('task'))} → {recipe.task}"], []
    model: list[str] = []
    course: list[str] = []
    same_codec = was.get("codec_used.sha256") == now.get("codec_used.sha256") != ""
    for key, value in now.items():
        if key not in was or was[key] == value or key in _OF_NO_ACCOUNT or (key in _COMPLETED and not (value and was[key])):
            continue
        if key == "codec_used.source" and same_codec:
            continue
        is_model = key.startswith(_MODEL) and key not in _LEARNING_ONLY
        (model if is_model else course).append(f"{key} {_shown(was[key])} → {_shown(value)}")
    return model, course


def refuse_another_model(folder: Path, recipe: Recipe) -> None:
    """Raise RequestError when the run in a folder is of another task or model than a recipe's (no data are needed)."""
    for checkpoint in reversed(checkpoints(folder)):
        recorded = _recorded(checkpoint)
        if recorded is not None:
            _refuse(folder, changes(recorded, recipe)[0])
            return


def with_vocabulary_of(recipe: Recipe, folder: Path, warm_start: str | Path | None) -> Recipe:
    """A score recipe with the words of the run in a folder, else of the weights that it begins from, which an earlier version may
    have had fewer of. A recipe that names its own words keeps them.

    Raises:
        FileError: no such weights.
    """
    if recipe.score_model.vocabulary != Vocabulary():
        return recipe
    found = checkpoints(folder)
    if found:
        config = found[-1] / CONFIG_FILE
    elif warm_start is not None:
        weights = weights_file(warm_start)
        config = weights.with_name(CONFIG_FILE) if weights.name == WEIGHTS_FILE else weights.with_suffix(".json")
    else:
        return recipe
    try:
        plain = json.loads(config.read_text(encoding="utf-8"))["score_model"]["vocabulary"]
        words = msgspec.convert(plain, Vocabulary)
    except (OSError, ValueError, KeyError, TypeError):  # what is wrong with it is said where the weights are read
        return recipe
    return replace(recipe, score_model=replace(recipe.score_model, vocabulary=words))


def resume(
    folder: Path, recipe: Recipe, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer, say: Callable[[str], None],
    *, may_write: bool = True,
) -> TrainState | None:  # fmt: skip
    """Restore the newest whole checkpoint of a run; None where there is no run.

    A damaged one is said and put aside under another name (``….damaged``).

    Args:
        folder: of the run.
        recipe: the given one, complete.
        model, ema, optimizer: get what was saved.
        say: gets lines.
        may_write: whether this process may put damaged checkpoints aside.

    Raises:
        FileError: there are checkpoints, and none is whole. RequestError: the recipe is of another task or model.
    """
    found, damaged = checkpoints(folder), []
    for checkpoint in reversed(found):
        try:
            saved = read_training(checkpoint)
        except FileError as error:
            damaged.append(checkpoint)
            say(f"{checkpoint.name} is damaged ({error}): looking for the one before")
            continue
        _say_changes(checkpoint, recipe, say)
        state = restore(checkpoint, saved, model, ema, optimizer)
        for bad in damaged if may_write else []:
            _put_aside(bad)
        if state is None:
            say(f"weights of {checkpoint.name}; no optimiser state, starting anew")
            return TrainState()
        say(f"resumed {checkpoint.name}")
        return state
    if found:
        names = ", ".join(path.name for path in found)
        raise FileError(f"no checkpoint in {folder} is whole ({names}): take another --out, or move them away to begin anew")
    return None


def _say_changes(checkpoint: Path, recipe: Recipe, say: Callable[[str], None]) -> None:
    """Refuse another model; name other changes."""
    recorded = _recorded(checkpoint)
    if recorded is None:
        say(f"{checkpoint / CONFIG_FILE} cannot be read: whether the recipe is still the run's is not known")
        return
    model, course = changes(recorded, recipe)
    _refuse(checkpoint.parent, model)
    if course:
        say(f"changed since {checkpoint.name}: {', '.join(course)}; from here this is no longer exactly the run that was begun")


def _refuse(folder: Path, model: list[str]) -> None:
    if model:
        raise RequestError(
            f"{folder} holds a run of another model: {', '.join(model)}; give another --out (and --warm-start where shapes fit), "
            "or the recipe that the run was begun with"
        )


def _recorded(checkpoint: Path) -> dict[str, Any] | None:
    """The recipe that a checkpoint names, or None."""
    try:
        data = json.loads((checkpoint / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _leaves(data: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their dotted keys; lists are values."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _put_aside(checkpoint: Path) -> None:
    """Rename a damaged checkpoint, so that it is neither resumed nor counted among those that are kept."""
    target = checkpoint.with_name(checkpoint.name + DAMAGED)
    shutil.rmtree(target, ignore_errors=True)
    try:
        checkpoint.rename(target)
    except OSError as error:
        raise FileError(f"cannot rename the damaged {checkpoint}: {error.strerror or error}; move it away") from error
