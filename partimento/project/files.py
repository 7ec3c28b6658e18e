"""The files of a project by their names inside it: in a folder, or in one ``.partimento`` archive.

Names are relative with ``/``. Everything is written whole; in an archive nothing is seen before :meth:`Files.flush`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from partimento.errors import FileError
from partimento.paths import check_output, make_folder, read_bytes, write_bytes

ARCHIVE_SUFFIX = ".partimento"
LOCK_TIMEOUT_S = 10.0
"""How long a process waits for another one that edits the same project."""
_TEMPORARY = ".part"
_UNFINISHED = {"objects", "versions", ".lock"}  # what is left of a project whose making was killed


class Files(Protocol):
    """Where a project's files are."""

    path: Path

    def exists(self, name: str) -> bool:
        """True when there is such a file."""
        ...

    def read(self, name: str, what: str = "a project's file") -> bytes:
        """Content; raises FileError when it is missing or cannot be read."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names (with the folder) of the files in a folder, sorted."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write whole, over what is there."""
        ...

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""
        ...

    def flush(self) -> None:
        """From now on everything written is there, also after a crash."""
        ...

    def refresh(self) -> None:
        """See what other processes wrote."""
        ...

    def sweep(self) -> None:
        """Remove what killed processes left behind; only under the lock."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """One writer at a time."""
        ...


class FolderFiles:
    """A project folder.

    Args:
        path: the folder; created with the first file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self, name: str) -> bool:
        """See :class:`Files`."""
        return (self.path / name).is_file()

    def read(self, name: str, what: str = "a project's file") -> bytes:
        """See :class:`Files`."""
        if not (self.path / name).exists():
            raise FileError(f"{self.path} is damaged: {name} is missing ({what}); restore it from a copy")
        return read_bytes(self.path / name, what)

    def names(self, folder: str) -> list[str]:
        """See :class:`Files`."""
        try:
            return sorted(f"{folder}/{entry.name}" for entry in os.scandir(self.path / folder) if entry.is_file())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(f"cannot read {self.path / folder}: {error.strerror or error}") from error

    def write(self, name: str, data: bytes) -> None:
        """See :class:`Files`."""
        target = self.path / name
        if not target.parent.is_dir():
            make_folder(target.parent)
        write_bytes(target, data)

    def remove(self, name: str) -> None:
        """See :class:`Files`."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise FileError(f"cannot remove {self.path / name}: {error.strerror or error}") from error

    def flush(self) -> None:
        """Nothing to do: every file was written whole."""

    def refresh(self) -> None:
        """Nothing to do: files are read when they are asked for."""

    def sweep(self) -> None:
        """See :class:`Files`."""
        for folder, _, names in os.walk(self.path):
            for name in names:
                if name.startswith(".") and name.endswith(_TEMPORARY):
                    (Path(folder) / name).unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See :class:`Files`."""
        if not os.access(self.path, os.W_OK):
            raise FileError(f"cannot write in {self.path}: no permission; copy the project to a folder of your own")
        with held(self.path / ".lock", self.path):
            yield


@contextmanager
def held(lock: Path, project: Path) -> Iterator[None]:
    """A lock that dies with its process.

    Args:
        lock: file that stands for it.
        project: for the message.

    Raises:
        FileError: another process holds it for longer than :data:`LOCK_TIMEOUT_S`, or it cannot be made.
    """
    from filelock import FileLock, Timeout

    own = FileLock(lock, timeout=LOCK_TIMEOUT_S)
    try:
        own.acquire()
    except Timeout as error:
        raise FileError(f"{project} is being edited by another process; wait for it and try again") from error
    except (OSError, NotImplementedError) as error:
        raise FileError(f"cannot write in {project.parent if project.is_file() else project}: {error}") from error
    try:
        yield
    finally:
        own.release()


def open_files(path: Path) -> Files:
    """The files of a project.

    Raises:
        FileError: there is none, it cannot be reached, or its archive is damaged.
    """
    try:
        path.stat()
    except FileNotFoundError:
        raise FileError(f"{path} is not a project: there is no such folder or file") from None
    except (OSError, ValueError) as error:
        raise FileError(f"cannot open {path}: {getattr(error, 'strerror', None) or error}") from error
    if path.is_dir():
        return FolderFiles(path)
    if path.is_file() and path.suffix.lower() == ARCHIVE_SUFFIX:
        from partimento.project.archive import ArchiveFiles

        return ArchiveFiles(path)
    raise FileError(f"{path} is not a project; give a project's folder or its {ARCHIVE_SUFFIX} file")


def check_new(path: Path) -> None:
    """Find out before long work whether a project can be made there.

    Raises:
        FileError: something is there already, or it cannot be written.
    """
    archive = path.suffix.lower() == ARCHIVE_SUFFIX
    begun = not archive and path.is_dir() and {entry.name for entry in path.iterdir()} <= _UNFINISHED
    if path.exists() and not begun:
        raise FileError(f"{path} exists already; choose another name, or edit it with `partimento edit {path} …`")
    if archive:
        check_output(path)
        return
    above = path if path.is_dir() else next((p for p in path.absolute().parents if p.exists()), path)
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise FileError(f"cannot create {path}: no permission to write in {above}")


def new_files(path: Path) -> Files:
    """The place of a project that is to be made; a name that ends in ``.partimento`` becomes an archive.

    Raises:
        FileError: see :func:`check_new`.
    """
    check_new(path)
    if path.suffix.lower() == ARCHIVE_SUFFIX:
        from partimento.project.archive import ArchiveFiles

        return ArchiveFiles(path, new=True)
    make_folder(path)
    return FolderFiles(path)
