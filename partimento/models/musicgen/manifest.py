"""Hashes of a model's folder in the format of ``sha256sum``: written at import, checked whenever the model is loaded."""

from __future__ import annotations

from pathlib import Path

from partimento.checkpoints import sha256_of
from partimento.errors import FileError

NAME = "SHA256SUMS"
_UNFINISHED = (".incomplete", ".part", ".aria2", ".crdownload", ".tmp")


def write_manifest(folder: Path) -> Path:
    """Hash every file below a folder (``sha256sum -c SHA256SUMS`` checks them too)."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != NAME)
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    path = folder / NAME
    path.write_text("".join(lines), encoding="utf-8")
    return path


def check_manifest(folder: Path) -> bool:
    """Compare a folder with its hashes.

    Returns:
        False when it has none.

    Raises:
        FileError: a file is missing or not the one that was imported, or the list is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        file = folder / name
        if len(digest) != 64 or not name or not file.resolve().is_relative_to(folder.resolve()):
            raise FileError(f"{path} is damaged at {line[:40]!r}; import the model again")
        if not file.is_file():
            raise FileError(f"{file} is missing; the model is not complete: import it again")
        if sha256_of(file) != digest:
            raise FileError(f"{file} is not the file that was imported (half copied or changed); import the model again")
    return True


def unfinished(folder: Path) -> list[Path]:
    """Files that a download has left half done."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in _UNFINISHED)
