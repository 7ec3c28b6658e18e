"""Checkpoint files: those that come with the package (where they are, and that they are whole), and reading pickled ones
of others without running what is in them.

``weights/manifest.json`` lists our own; each entry names everything that its model card needs. Loads no torch until a
pickled file is read.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from partimento.errors import FileError

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"
WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
"""Of a checkpoint folder that the trainer wrote."""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One built-in model.

    Attributes:
        name: how it is asked for.
        file, config: names in the weights' folder (safetensors; JSON).
        sha256, bytes: of ``file``.
        licence: SPDX name.
        recipe, commit: what trained it.
        data: what it was trained on.
        hours_seen: hours of sound that training steps used, repeats counted.
        hardware, minutes: where and how long.
        results: name to measured figure.
        command: prints the results again.
        status: ``released`` or ``experimental``.
    """

    name: str
    file: str
    config: str
    sha256: str
    bytes: int
    licence: str
    recipe: str
    commit: str
    data: str
    hours_seen: float
    hardware: str
    minutes: float
    results: dict[str, float]
    command: str
    status: str = "experimental"


@dataclass(frozen=True, slots=True)
class Manifest:
    """All built-in models."""

    models: tuple[ManifestEntry, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A checked built-in model: its entry and the paths of its files."""

    entry: ManifestEntry
    weights: Path
    config: Path


def read_manifest(folder: Path = WEIGHTS_FOLDER) -> Manifest:
    """The manifest of a weights' folder; empty when there is none.

    Raises:
        FileError: it is damaged.
    """
    path = folder / MANIFEST
    if not path.exists():
        return Manifest()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, OSError) as error:
        raise FileError(f"{path} is damaged ({error}); install the package again") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def built_in(name: str, folder: Path = WEIGHTS_FOLDER) -> BuiltIn:
    """A built-in model, its file checked against the manifest (once per process).

    Raises:
        FileError: no model of that name, or a file that is missing or not the one listed.
    """
    entries = {entry.name: entry for entry in read_manifest(folder).models}
    if name not in entries:
        known = ", ".join(entries) or "none in this version"
        raise FileError(f"no checkpoint '{name}': it is neither a folder nor built in (built in: {known})")
    entry = entries[name]
    path = folder / entry.file
    if not path.exists() or sha256_of(path) != entry.sha256:
        raise FileError(f"{path} is missing or not the file that was released; install the package again")
    return BuiltIn(entry, path, folder / entry.config)


def model_files(source: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Weights and configuration of a checkpoint folder, which are not looked for, or of a :func:`built_in` model.

    Raises:
        FileError: neither a folder nor built in, or a built-in file that is missing or not the one listed.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder / WEIGHTS_FILE, folder / CONFIG_FILE
    found = built_in(str(source))
    return found.weights, found.config


class Opaque:
    """Stands for a pickled object that is neither a tensor nor plain data; whatever is done with it does nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Opaque:
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __call__(self, *_args: object, **_kwargs: object) -> Opaque:
        return self

    def __setstate__(self, _state: object) -> None: ...

    def __setitem__(self, _key: object, _value: object) -> None: ...

    def append(self, _value: object) -> None:
        """As of a list; does nothing."""

    def extend(self, _values: object) -> None:
        """As of a list; does nothing."""


_PLAIN = {
    ("collections", "OrderedDict"),
    ("torch", "Size"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_tensor_v2"),
}


_COMMANDS = {
    "commands", "ctypes", "importlib", "multiprocessing", "nt", "os", "posix", "pty", "runpy", "shutil", "socket", "subprocess",
    "webbrowser",
}  # fmt: skip
"""Modules that no checkpoint has a use for; a file that names one of them was made to do harm."""
_COMMANDS_BUILT_IN = {"__import__", "compile", "eval", "exec", "open"}


class _CommandError(Exception):
    """A file wants to run something."""


class _TensorsOnly(pickle.Unpickler):
    """Knows tensors and plain containers; every other class or function becomes :class:`Opaque`."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of that name, if it is harmless."""
        top = module.split(".")[0]
        if top in _COMMANDS or (top in ("builtins", "__builtin__") and name in _COMMANDS_BUILT_IN):
            raise _CommandError(f"{module}.{name}")
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module == "torch":
            import torch

            value = getattr(torch, name, None)
            if isinstance(value, torch.dtype) or (isinstance(value, type) and name.endswith("Storage")):
                return value
        return Opaque


def read_pickled(path: Path) -> Any:
    """What a file of ``torch.save`` holds, tensors on the CPU, without running anything that it asks to run.

    First as torch reads weights only; a file that holds other objects beside its tensors (training frameworks put their
    configuration classes in) is read again with those replaced by :class:`Opaque`.

    Raises:
        FileError: no such file, one that is damaged or half downloaded, or one that asks to run a command (nothing is run).
    """
    import torch

    try:
        with warnings.catch_warnings():  # torch remarks on the pickle protocol before it refuses a file
            warnings.simplefilter("ignore", UserWarning)
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except pickle.UnpicklingError:
                reader = SimpleNamespace(
                    __name__="tensors only",
                    Unpickler=_TensorsOnly,
                    load=lambda file, **options: _TensorsOnly(file, **options).load(),
                )
                return torch.load(path, map_location="cpu", weights_only=False, pickle_module=reader)
    except _CommandError as error:
        raise FileError(f"{path} asks to run {error} (nothing was run): no checkpoint needs that; do not use it") from error
    except FileNotFoundError as error:
        raise FileError(f"{path} is missing") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, AttributeError, TypeError) as error:
        raise FileError(f"{path} {why_unreadable(path)}; get it again") from error


def why_unreadable(path: Path, detail: str = "") -> str:
    """What is wrong with a file of weights that cannot be read; ``detail`` is what the reader said."""
    try:
        with path.open("rb") as file:
            if file.read(40).startswith(b"version https://git-lfs"):
                return "is a pointer of git-lfs, not the file itself: run git lfs pull"
    except OSError:
        return f"cannot be read ({detail})" if detail else "cannot be read"
    return "is damaged or half downloaded" + (f" ({detail})" if detail else "")
