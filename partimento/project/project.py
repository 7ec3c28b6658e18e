"""Projects: numbered versions, each naming its parent, the instruction, and what changed. Nothing is overwritten.

On disk::

    song/
      project.json         format, head, redo list: the only file that is ever replaced
      versions/0001.json   one per version
      objects/…            stems (24-bit FLAC), scores, plans, reports, requests: content-addressed
      mix.wav              the head's mix, for players (made again from the stems whenever the head moves)

A version is complete before ``project.json`` names it, so a project killed at any moment opens with its last complete
version. The mix of a version is the exact sum of its stems and is not stored twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from partimento.audio.io import write_audio
from partimento.edit.contents import Contents, Sound
from partimento.errors import FileError, ParseError, RequestError
from partimento.paths import make_folder, read_bytes, write_text
from partimento.plan.edit import EditPlan, EditRequest
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Report
from partimento.plan.serial import from_json, to_json
from partimento.project.store import Store, quantised
from partimento.score.score import Score

FORMAT = 1
"""Version of the layout on disk; newer ones are refused, not guessed at."""
LOCK_TIMEOUT_S = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Version:
    """One version.

    Attributes:
        number: 1-based.
        parent: number of the version it was made from, or None for the first.
        instruction: the words of the edit (or of the first request).
        changed: lines for people: what changed.
        objects: kind → object name: ``request`` or ``edit_request``, ``edit_plan``, ``plan``, ``score``, ``report``,
            ``sound``.
        stems: track name → object name.
        provenance: as in a result.
    """

    number: int
    parent: int | None
    instruction: str
    changed: tuple[str, ...]
    objects: dict[str, str]
    stems: dict[str, str]
    provenance: dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class _State:
    """Content of ``project.json``."""

    format: int
    head: int
    redo: tuple[int, ...] = ()


class Project:
    """A project folder.

    Args:
        folder: an existing project; :meth:`create` makes one.

    Raises:
        FileError: there is none, it is damaged, or it was made by a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "objects")
        self._state = self._read_state()

    @classmethod
    def create(cls, folder: Path, contents: Contents, provenance: dict[str, Any], instruction: str) -> Project:
        """Make a new project with its first version.

        Raises:
            FileError: the folder exists and is not empty, or cannot be written.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileError(f"{folder} exists already; choose another name, or edit it with `partimento edit {folder} …`")
        make_folder(folder / "versions")
        project = cls.__new__(cls)
        project.folder, project.store = folder, Store(folder / "objects")
        project._state = _State(FORMAT, 0)
        with project._lock():
            project._add(contents, None, instruction, ("made",), provenance, {})
        return project

    @staticmethod
    def is_project(path: Path) -> bool:
        """True when a folder looks like a project."""
        return (path / "project.json").is_file()

    @property
    def head(self) -> Version:
        """The current version."""
        return self.version(self._state.head)

    def version(self, number: int) -> Version:
        """A version by number.

        Raises:
            RequestError: there is none of that number.
        """
        path = self.folder / "versions" / f"{number:04d}.json"
        if not path.is_file():
            numbers = [v.number for v in self.versions()]
            raise RequestError(f"there is no version {number}; there are {', '.join(map(str, numbers))}")
        return self._parse(path, Version)

    def versions(self) -> list[Version]:
        """All complete versions, by number."""
        return [self._parse(path, Version) for path in sorted((self.folder / "versions").glob("[0-9]*.json"))]

    def load(self, version: Version | None = None) -> Contents:
        """Everything of a version (of the head by default).

        Raises:
            FileError: an object is missing or damaged.
        """
        of = version or self.head

        def read(kind: str, type_: type[T]) -> T | None:
            return from_json(self.store.get(of.objects[kind]), type_) if kind in of.objects else None

        stems = {name: self.store.get_audio(object_) for name, object_ in of.stems.items()}
        report = read("report", Report) or Report(())
        return Contents(
            read("request", GenerateRequest), read("plan", Plan), read("score", Score), report, stems, read("sound", Sound)
        )

    def commit(
        self,
        contents: Contents,
        request: EditRequest,
        plan: EditPlan,
        changed: tuple[str, ...],
        provenance: dict[str, Any],
        parent: int | None = None,
    ) -> Version:
        """Add a version made from ``parent`` (the head by default) and move the head to it.

        Raises:
            FileError: it cannot be written, or another process has edited the project meanwhile.
        """
        with self._lock():
            if self._read_state() != self._state:
                raise FileError(f"{self.folder} was changed by another process; run the edit again on its new state")
            extra = {"edit_request": to_json(request), "edit_plan": to_json(plan)}
            return self._add(contents, parent or self._state.head, request.words, changed, provenance, extra)

    def undo(self) -> Version:
        """Move the head to its parent.

        Raises:
            RequestError: the head is the first version.
        """
        parent = self.head.parent
        if parent is None:
            raise RequestError("nothing to undo: this is the first version")
        return self._move(parent, (self._state.head, *self._state.redo))

    def redo(self) -> Version:
        """Take the last undo back.

        Raises:
            RequestError: nothing was undone.
        """
        if not self._state.redo:
            raise RequestError("nothing to redo")
        return self._move(self._state.redo[0], self._state.redo[1:])

    def checkout(self, number: int) -> Version:
        """Move the head to any version; the next edit branches from there."""
        return self._move(self.version(number).number, ())

    def lineage(self, number: int | None = None) -> list[Version]:
        """Versions from the first to this one (the head by default), along the parents."""
        chain = [self.version(number or self._state.head)]
        while (parent := chain[-1].parent) is not None:
            chain.append(self.version(parent))
        return chain[::-1]

    def write_mix(self) -> Path:
        """Write the head's mix beside the project file."""
        return write_audio(self.folder / "mix.wav", self.load().mix, depth="24")

    # -- inside -------------------------------------------------------------------------------------------------

    def _add(
        self,
        contents: Contents,
        parent: int | None,
        instruction: str,
        changed: tuple[str, ...],
        provenance: dict[str, Any],
        extra: dict[str, str],
    ) -> Version:
        """Write objects, then the version, then the head: in this order a kill loses nothing."""
        texts = dict(extra)
        for kind in ("request", "plan", "score", "report", "sound"):
            value = getattr(contents, kind)
            if value is not None:
                texts[kind] = to_json(value)
        objects = {kind: self.store.put(text.encode(), ".json") for kind, text in sorted(texts.items())}
        stems = {name: self.store.put_audio(quantised(stem)) for name, stem in contents.stems.items()}
        number = max((v.number for v in self.versions()), default=0) + 1
        version = Version(number, parent, instruction, changed, objects, stems, provenance)
        write_text(self.folder / "versions" / f"{number:04d}.json", to_json(version))
        self._write_state(_State(FORMAT, number))
        self.write_mix()
        return version

    def _move(self, head: int, redo: tuple[int, ...]) -> Version:
        """Let the head point elsewhere."""
        with self._lock():
            if self._read_state() != self._state:
                raise FileError(f"{self.folder} was changed by another process; try again on its new state")
            version = self.version(head)
            self._write_state(_State(FORMAT, head, redo))
            self.write_mix()
        return version

    def _read_state(self) -> _State:
        """``project.json``, checked."""
        path = self.folder / "project.json"
        if not path.is_file():
            raise FileError(f"{self.folder} is not a project (no project.json in it)")
        raw: dict[str, Any] = self._parse(path, dict)
        if not isinstance(raw.get("format"), int):
            raise FileError(f"{path} is damaged: it names no format")
        if raw["format"] > FORMAT:
            raise FileError(
                f"{self.folder} was made by a newer Partimento (format {raw['format']}, this one reads {FORMAT}); upgrade"
            )
        return self._parse(path, _State)

    def _write_state(self, state: _State) -> None:
        """Replace ``project.json`` in one step."""
        write_text(self.folder / "project.json", to_json(state))
        self._state = state

    def _parse(self, path: Path, kind: type[T]) -> T:
        """A JSON file of the project."""
        try:
            return from_json(read_bytes(path, "a project file"), kind)
        except ParseError as error:
            raise FileError(f"{path} is damaged ({error}); restore it from a copy") from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time; the lock dies with its process."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_TIMEOUT_S):
                yield
        except Timeout as error:
            raise FileError(f"{self.folder} is being edited by another process; wait for it and try again") from error
        except PermissionError as error:
            raise FileError(f"cannot write in {self.folder}: {error.strerror}") from error
