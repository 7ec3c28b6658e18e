"""Where files live, and how they are written: whole or not at all."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

from partimento.errors import FileError

_UMASK_LOCK = threading.Lock()


def cache_dir() -> Path:
    """Folder for things that can be made again; ``PARTIMENTO_CACHE`` overrules the platform's usual place."""
    named = os.environ.get("PARTIMENTO_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(base or Path.home() / ".cache") / "partimento"


def check_output(path: str | os.PathLike[str]) -> Path:
    """The path as a ``Path`` when a file can be written there.

    Raises:
        FileError: it is a directory, or its folder does not exist or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise FileError(f"cannot write {target}: it is a directory; name a file in it")
    folder = target.parent
    if not folder.exists():
        raise FileError(f"cannot write {target}: the folder {folder} does not exist; create it first")
    if not folder.is_dir():
        raise FileError(f"cannot write {target}: {folder} is not a folder")
    if not os.access(folder, os.W_OK):
        raise FileError(f"cannot write {target}: no permission to write in {folder}")
    return target


def try_output(path: str | os.PathLike[str]) -> Path:
    """:func:`check_output`, and a file is really made in the folder and taken away again: rights are not all that can forbid it.

    Raises:
        FileError: as :func:`check_output`, or nothing can be made there.
    """
    target = check_output(path)
    try:
        with tempfile.NamedTemporaryFile(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent):
            return target
    except OSError as error:
        raise FileError(f"cannot write {target}: {error.strerror or error}") from error


def check_folder(path: str | os.PathLike[str]) -> Path:
    """The path as a ``Path`` when it is a folder that can be written in, or one that can be created. Nothing is created.

    Raises:
        FileError: a file stands in the way, or there is no permission.
    """
    folder = Path(path)
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise FileError(f"cannot create the folder {folder}: {above} is not a folder")
    if not os.access(above, os.W_OK):
        raise FileError(f"cannot create files in {folder}: no permission to write in {above}")
    return folder


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder (and those above it) unless it exists.

    Raises:
        FileError: a file stands in the way, or there is no permission.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot create the folder {folder}: {error.strerror or error}") from error
    return folder


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file under a temporary name beside its place, then rename it: nobody ever sees half a file.

    Raises:
        FileError: it cannot be written (permission, full disk, a directory in the way).
    """
    target = check_output(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise FileError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        # Also after Ctrl-C: a half-written temporary file must not stay behind.
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """:func:`write_bytes` for UTF-8 text."""
    return write_bytes(path, text.encode("utf-8"))


def append_line(path: str | os.PathLike[str], text: str) -> None:
    """Add a line of UTF-8 text to a file, which is made where it is not there yet.

    Raises:
        FileError: it cannot be written.
    """
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error


def read_bytes(path: str | os.PathLike[str], what: str) -> bytes:
    """Content of a file; ``what`` names its kind in the error ("audio", "MIDI").

    Raises:
        FileError: missing, a directory, empty or unreadable.
    """
    source = Path(path)
    try:
        if source.is_dir():
            raise FileError(f"cannot read {source} as {what}: it is a directory")
        data = source.read_bytes()
    except OSError as error:
        raise FileError(f"cannot read {source}: {error.strerror or error}") from error
    except ValueError as error:  # e.g. a NUL in the name
        raise FileError(f"cannot read {str(path)!r}: {error}") from error
    if not data:
        raise FileError(f"cannot read {source} as {what}: the file is empty")
    return data


def umask() -> int:
    """The process's umask (reading it means setting it for a moment, so one thread at a time)."""
    with _UMASK_LOCK:
        mask = os.umask(0)
        os.umask(mask)
    return mask
