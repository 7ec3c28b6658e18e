"""A project in one file: a zip whose members are never unpacked to disk.

Members are stored, not deflated (the audio is FLAC and the texts are deflated already), sorted, with one fixed date, so
that equal projects are equal files. A change is collected in memory and written as a whole new archive beside the old one,
synced and renamed over it: a kill, a full disk or a power cut leaves the old archive.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partimento.errors import FileError
from partimento.paths import check_output, umask
from partimento.project.files import held

MAX_EXPANSION = 200
"""A member or an archive that claims to become this many times larger is refused."""
_SMALL_BYTES = 64 << 20  # any archive may become so large
_NAME = re.compile(r"project\.json|mix\.wav|versions/\d{4,9}\.json|objects/[0-9a-f]{2}/[0-9a-f]{64}(\.[a-z]{1,9}){1,2}")
_OF_THE_SYSTEM = re.compile(r"(.*/)?(\.lock|\.DS_Store|Thumbs\.db|desktop\.ini|\.[^/]*\.part)|__MACOSX/.*")
"""What lies beside a project's files in a folder that somebody zips by hand; it is left out."""
_DATE = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED = 0x1


class ArchiveFiles:
    """A ``.partimento`` file (see :class:`partimento.project.files.Files`).

    Args:
        path: the file.
        new: it is to be made by the first :meth:`flush`.

    Raises:
        FileError: it is damaged, encrypted, or not a project's archive.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._written: dict[str, bytes] = {}
        if new:
            check_output(path)
        else:
            self.refresh()

    def exists(self, name: str) -> bool:
        """True when there is such a member."""
        return name in self._written or name in self._members

    def read(self, name: str, what: str = "a project's file") -> bytes:
        """Content of a member; its checksum is verified."""
        if name in self._written:
            return self._written[name]
        if name not in self._members or self._zip is None:
            raise FileError(f"{self.path} is damaged: {name} is missing ({what}); restore it from a copy")
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise FileError(f"{self.path} is damaged: {name} cannot be read ({error}); restore it from a copy") from error

    def names(self, folder: str) -> list[str]:
        """Names of the members in a folder, sorted."""
        every = {*self._written, *self._members}
        return sorted(name for name in every if name.rpartition("/")[0] == folder)

    def write(self, name: str, data: bytes) -> None:
        """Keep in memory until :meth:`flush`."""
        self._written[name] = data

    def remove(self, name: str) -> None:
        """Take a member away."""
        self._written.pop(name, None)
        self._members.pop(name, None)

    def flush(self) -> None:
        """Replace the archive by a new one.

        Raises:
            FileError: it cannot be written; the old one stays.
        """
        target = check_output(self.path)
        temporary: str | None = None
        try:
            handle, temporary = tempfile.mkstemp(prefix=f"{self._prefix}", suffix=".part", dir=target.parent)
            with os.fdopen(handle, "wb") as file:
                self._write_to(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
            temporary = None
            _sync_folder(target.parent)
        except OSError as error:
            raise FileError(f"cannot write {target}: {error.strerror or error}") from error
        finally:
            if temporary is not None and os.path.exists(temporary):
                os.unlink(temporary)
        self.refresh()

    def refresh(self) -> None:
        """Open the archive again; what was not flushed is forgotten.

        Raises:
            FileError: see the class.
        """
        self._written = {}
        if self._zip is not None:
            self._zip.close()
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise FileError(f"{self.path} is damaged or not a project's archive ({error}); restore it from a copy") from error
        except OSError as error:
            raise FileError(f"cannot read {self.path}: {error.strerror or error}") from error
        self._members = self._checked(self._zip.infolist())

    def sweep(self) -> None:
        """Remove what killed processes left beside the archive."""
        for path in self.path.parent.glob(f"{_escaped(self._prefix)}*.part"):
            path.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One writer at a time on this machine; the lock's file lies with the system's temporary files."""
        folder = self.path.absolute().parent
        if not os.access(folder, os.W_OK) or (self.path.exists() and not os.access(self.path, os.W_OK)):
            raise FileError(f"cannot write {self.path}: no permission; copy the project to a folder of your own")
        name = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:32]
        with held(Path(tempfile.gettempdir()) / f"partimento-{name}.lock", self.path):
            yield

    @property
    def _prefix(self) -> str:
        """Of temporary names beside the archive."""
        return f".{self.path.name[:80]}."

    def _write_to(self, file: object) -> None:
        """All members as a new archive."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as out:  # type: ignore[call-overload]
            for name in sorted({*self._members, *self._written}):
                info = zipfile.ZipInfo(name, _DATE)
                info.create_system, info.external_attr = 3, 0o644 << 16
                out.writestr(info, self.read(name))

    def _checked(self, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        """The members by name, when they are those of a project and no larger than can be."""
        size = self.path.stat().st_size
        members = {info.filename: info for info in infos if not info.is_dir()}
        own = {name: info for name, info in members.items() if not _OF_THE_SYSTEM.fullmatch(name)}
        strange = [name for name in own if not _NAME.fullmatch(name)]
        reason = ""
        if any(info.flag_bits & _ENCRYPTED for info in infos):
            reason = "it is encrypted; unpack it with its password, then use the folder"
        elif strange:
            reason = f"it holds {strange[0][:80]!r}, which no project has; it is not a project's archive"
        elif len(members) < sum(not info.is_dir() for info in infos):
            reason = "it holds a file twice; restore it from a copy"
        elif sum(i.file_size for i in infos) > max(_SMALL_BYTES, MAX_EXPANSION * size) or any(
            i.file_size > max(_SMALL_BYTES, MAX_EXPANSION * i.compress_size) for i in infos
        ):
            reason = f"it would become more than {MAX_EXPANSION} times larger when unpacked"
        elif "project.json" not in members:
            reason = "there is no project.json in it; it is not a project's archive"
        if reason:
            raise FileError(f"cannot use {self.path}: {reason}")
        return own


def _mode(target: Path) -> int:
    """Permissions: those of the old file, or the usual ones."""
    if target.exists():
        return target.stat().st_mode & 0o777
    return 0o666 & ~umask()


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _escaped(text: str) -> str:
    """For a glob pattern."""
    return re.sub(r"([\[\]*?])", r"[\1]", text)
