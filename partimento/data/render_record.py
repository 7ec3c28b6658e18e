"""The books of a dataset that grows over several runs: its settings, its lock, and files of one JSON a line.

``settings.json`` says what decides the items. It is written before the first item, and a run with other settings is refused:
one folder would else hold items of two datasets. One process writes at a time (``.lock``).
"""

from __future__ import annotations

import hashlib
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from partimento.data.audio_folder import json_lines
from partimento.data.workers import leave_with_parent
from partimento.errors import FileError, RequestError
from partimento.paths import check_folder, make_folder, write_bytes, write_text

SETTINGS = "settings.json"
LOCK = ".lock"
MAX_JOBS = 256
_LOCK_WAIT_S = 1.5  # workers of a killed run leave within a second


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Make a dataset's folder and keep other processes from writing in it.

    Raises:
        FileError: it cannot be made or written, or another process is writing in it.
    """
    from filelock import FileLock, Timeout

    make_folder(check_folder(out))
    lock = FileLock(str(out / LOCK), timeout=_LOCK_WAIT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise FileError(f"another process is writing in {out}; wait for it, or take another folder") from error
    except OSError as error:
        raise FileError(f"cannot write {out / LOCK}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def stopping_gently(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C lets what is under way finish, so that nothing made is lost; a second one stops at once.

    Gives a function that tells whether to stop. Raises KeyboardInterrupt at the end when Ctrl-C came.
    """
    asked = False

    def ask(_number: int, _frame: object) -> None:
        """Take a Ctrl-C."""
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say("stopping when what is under way is done; Ctrl-C again stops at once")

    usual = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if usual:
        signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked:
        raise KeyboardInterrupt


def start_worker() -> None:
    """For processes of a pool: Ctrl-C is for the one that gives out the work; they finish what is under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_with_parent()


def check_jobs(jobs: int) -> None:
    """Raises RequestError when there cannot be that many processes."""
    if not 1 <= jobs <= MAX_JOBS:
        raise RequestError(f"--jobs {jobs} is outside 1 to {MAX_JOBS}")


def collection_digest(files: Sequence[Path], folder: Path) -> str:
    """A collection of files in words: how many, and a hash of their names and sizes (-1 for a link to nowhere)."""
    rows = "\n".join(f"{p.relative_to(folder).as_posix()} {p.stat().st_size if p.exists() else -1}" for p in files)
    return f"{len(files)} files, {hashlib.sha256(rows.encode(errors='surrogateescape')).hexdigest()[:16]}"


def read_settings(out: Path) -> dict[str, Any] | None:
    """What a dataset's folder says of itself, or None where nothing is written (made before that was done).

    Raises:
        FileError: the file is damaged.
    """
    path = out / SETTINGS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise FileError(f"{path} is damaged; take it away if you know that the settings are the same") from error
    if not isinstance(found, dict):
        raise FileError(f"{path} is damaged; take it away if you know that the settings are the same")
    return found


def settings_text(value: object) -> str:
    """A setting for a message."""
    return "none" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)


def refuse_change(out: Path, name: str, old: object, new: object) -> None:
    """Raises RequestError that names a setting which has changed, and the way out."""
    raise RequestError(
        f"{out} was made with {name} {settings_text(old)}, not {settings_text(new)}; "
        f"take another folder, or {settings_text(old)} again"
    )


def claim(out: Path, settings: Mapping[str, object], there: Mapping[str, Any] | None) -> None:
    """Write a dataset's settings, or make sure that they are those written.

    Args:
        out: folder.
        settings: name on the command line → value as JSON has it.
        there: from :func:`read_settings`.

    Raises:
        RequestError: one has changed.
        FileError: they cannot be written.
    """
    for name, value in settings.items():
        if there is not None and name in there and there[name] != value:
            refuse_change(out, name, there[name], value)
    if there is None or any(name not in there for name in settings):
        write_text(out / SETTINGS, json.dumps({**(there or {}), **settings}, indent=1) + "\n")


def cut_to_lines(path: Path) -> None:
    """Take away a last line that a crash cut off, so that the next one begins a line."""
    if path.exists():
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            write_bytes(path, data[: data.rfind(b"\n") + 1])


def keep_lines(path: Path, keep: Set[str]) -> None:
    """Write a manifest anew with one line each of these ids, in the order of the file."""
    rows = {str(row["id"]): row for row in json_lines(path) if str(row.get("id")) in keep}
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows.values()))
