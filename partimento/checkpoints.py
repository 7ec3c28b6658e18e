"""Checkpoint files that come with the package: where they are, what they are, and that they are whole.

``weights/manifest.json`` lists them; each entry names everything that its model card needs. Loads no torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from partimento.errors import FileError

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"


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
