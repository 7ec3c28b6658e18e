"""A model's folder in either published layout: where it is, what is in it, and the tensors of its files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from partimento.checkpoints import read_pickled, why_unreadable
from partimento.errors import FileError, MissingDependencyError, ParseError
from partimento.models.musicgen import audiocraft_layout
from partimento.models.musicgen.stored import StoredTensors

AUDIOCRAFT_FILES = ("state_dict.bin", "compression_state_dict.bin")
SAFETENSORS, INDEX, PICKLED = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
"""Weights in the layout of transformers: one file; what lists several; the older form."""
TOKENIZERS = ("tokenizer.json", "spiece.model")
"""Either holds the words of the text encoder."""
NO_NUMBERS = "holds values that are not numbers (NaN or infinity); get the model again"


def find_folder(source: str, what: str = "--model") -> Path:
    """A folder, or the local copy of a published model that the ``huggingface_hub`` cache has.

    Raises:
        MissingDependencyError: there is none; the message says how to get it.
    """
    found = find_local(source)
    if found is None and not is_id(source):
        raise MissingDependencyError(f"there is no folder '{source}'; give the folder of a model, or the id of a downloaded one")
    if found is None:
        raise MissingDependencyError(
            f"no folder and no downloaded model '{source}'; get it: hf download {source} --local-dir DIR, then give {what} DIR"
        )
    return found


def find_local(source: str) -> Path | None:
    """A folder, or the copy of a published model that has been downloaded; None where there is neither."""
    return Path(source) if Path(source).is_dir() else _downloaded(source)


def is_id(name: str) -> bool:
    """Whether a name can be that of a published model: ``owner/model`` or ``model``."""
    return re.fullmatch(r"(?!\.)[\w.-]+(/[\w.-]+)?", name) is not None


def _downloaded(name: str) -> Path | None:
    """Where the cache of ``huggingface_hub`` has a model of that id, if it has."""
    if not is_id(name):
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json`` of a folder.

    Raises:
        FileError: missing.
        ParseError: not a JSON object.
    """
    path = folder / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path} is missing; give a folder with a whole model") from error
    except ValueError as error:
        raise ParseError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ParseError(f"{path} is not a JSON object")
    return data


def read_tensors(folder: Path) -> StoredTensors:
    """Tensors of a folder's :func:`weight_files`; those of safetensors files are read when they are asked for.

    Raises:
        FileError: missing, damaged or half downloaded, or an index that names files elsewhere.
    """
    from safetensors import SafetensorError, safe_open

    names = weight_files(folder)
    if names == [PICKLED]:
        return StoredTensors(read_pickled(folder / PICKLED))
    places: dict[str, tuple[Path, str] | Tensor] = {}
    for name in names:
        path = folder / name
        if not path.exists():
            raise FileError(f"{path} is missing; the download is not complete: get it again")
        try:
            with safe_open(str(path), "pt") as file:  # type: ignore[no-untyped-call]
                places |= {key: (path, key) for key in file.keys()}  # noqa: SIM118  # the file is no mapping
        except (SafetensorError, OSError) as error:
            raise FileError(f"{path} {why_unreadable(path, str(error))}; get it again") from error
    return StoredTensors(places)


def weight_files(folder: Path) -> list[str]:
    """Names of the files that hold a folder's tensors in the layout of transformers, which need not all be there.

    Those that the index lists, else ``model.safetensors``; ``pytorch_model.bin`` where that is all there is.

    Raises:
        FileError: the index is damaged, or names a file that is not in the folder itself.
    """
    index, names = folder / INDEX, [SAFETENSORS]
    if index.exists():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{index} is damaged; get it again") from error
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[\w-][\w.-]*", name):
            raise FileError(f"{index} names {str(name)[:60]!r}, which is no file of its own folder; do not use this model")
    only_pickled = names == [SAFETENSORS] and not (folder / SAFETENSORS).exists() and (folder / PICKLED).exists()
    return [PICKLED] if only_pickled else names


def missing_of_transformers(folder: Path) -> str | None:
    """The first file that the layout of transformers needs and a folder does not have; None when it is complete.

    Raises:
        FileError: a damaged index.
    """
    if not (folder / "config.json").is_file():
        return "config.json"
    absent = next((name for name in weight_files(folder) if not (folder / name).is_file()), None)
    if absent is not None:
        return absent
    return None if any((folder / name).is_file() for name in TOKENIZERS) else TOKENIZERS[0]


def damaged(folder: Path, layout: str) -> str | None:
    """What to say of the first tensor in a folder's files that holds NaN or infinity; None when all are numbers.

    Reads every weight: only worth it when a model has come to what is no number.
    """
    if layout == "audiocraft":
        packages = {folder / name: read_pickled(folder / name) for name in AUDIOCRAFT_FILES}
        stores: dict[Path, Mapping[str, Tensor]] = {
            path: audiocraft_layout.unpack(package, str(path))[0]
            for path, package in packages.items()
            if "best_state" in package  # a codec's file may only name another
        }
    else:
        stores = {folder / SAFETENSORS: read_tensors(folder)} if layout == "transformers" else {}
    for path, tensors in stores.items():
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                return f"{path}: {name} {NO_NUMBERS}"
    return None
