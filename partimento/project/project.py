"""Projects: numbered versions, each naming its parent, the instruction, and what changed. Nothing is overwritten.

In a folder ``song/``, or the same in one file ``song.partimento`` (:mod:`partimento.project.archive`)::

    project.json         format, head, number of versions, redo list: the only file that is ever replaced
    versions/0001.json   one per version
    objects/…            sound in blocks (24-bit FLAC), scores, plans, reports, requests: content-addressed
    mix.wav              the head's mix, for players

A version is complete before ``project.json`` names it, so a project killed at any moment opens with its last complete
version. The mix of a version is the exact sum of its stems and is not stored twice: ``mix.wav`` is made again whenever the
head moves, from the mix that lies there as far as the stems are the same.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from partimento.audio.exact import exact_sum, sum_after
from partimento.audio.io import encode_audio
from partimento.audio.waveform import Waveform
from partimento.edit.contents import Contents, KnownMix, Sound
from partimento.errors import FileError, ParseError, RequestError
from partimento.plan.edit import EditPlan, EditRequest
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Report
from partimento.plan.serial import from_json, to_json
from partimento.project.files import ARCHIVE_SUFFIX, Files, new_files, open_files
from partimento.project.store import Store, StoredWave
from partimento.score.score import Score

FORMAT = 2
"""Version of the layout on disk; newer ones are refused, not guessed at."""
_STATE, _MIX = "project.json", "mix.wav"
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
        mix_sha256: of ``mix.wav`` while this version is the head.
        provenance: as in a result.
        checks: track name → :meth:`Store.checksum` of its stem when it was written, so that harm is found cheaply.
        digest: SHA-256 of this record without its digest, so that a changed record is noticed; empty in older projects.
    """

    number: int
    parent: int | None
    instruction: str
    changed: tuple[str, ...]
    objects: dict[str, str]
    stems: dict[str, str]
    mix_sha256: str
    provenance: dict[str, str | int | float | bool | None]
    checks: dict[str, str] = field(default_factory=dict)
    digest: str = ""

    @property
    def own_digest(self) -> str:
        """What :attr:`digest` must be."""
        return hashlib.sha256(to_json(replace(self, digest="")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _State:
    """Content of ``project.json``.

    Attributes:
        format: see :data:`FORMAT`.
        head: current version.
        last: highest number of a version; what a killed process left beyond it does not count.
        redo: what an undo left, the next first.
    """

    format: int
    head: int
    last: int
    redo: tuple[int, ...] = ()


class Project:
    """A project.

    Args:
        path: folder or ``.partimento`` file of an existing project; :meth:`create` makes one.

    Raises:
        FileError: there is none, it is damaged, or it was made by a newer version.
    """

    _state: _State
    _locked: bool

    def __init__(self, path: Path) -> None:
        self._open(open_files(path))
        self._state = self._read_state()

    @classmethod
    def create(cls, path: Path, contents: Contents, provenance: dict[str, Any], instruction: str) -> Project:
        """Make a new project with its first version.

        Args:
            path: a new folder, or a new file whose name ends in ``.partimento``.
            contents, provenance: of the version.
            instruction: the words that it was made from.

        Raises:
            FileError: the folder exists and is not empty, or cannot be written.
        """
        project = cls.__new__(cls)
        project._open(new_files(path))
        project._state = _State(FORMAT, 0, 0)
        with project.editing(fresh=False):
            project._add(contents, None, instruction, ("made",), provenance, {})
        return project

    @staticmethod
    def is_project(path: Path) -> bool:
        """True when a path looks like a project's folder or archive, be it a damaged one."""
        if path.suffix.lower() == ARCHIVE_SUFFIX and path.is_file():
            return True
        return (path / _STATE).is_file() or all((path / name).is_dir() for name in ("objects", "versions"))

    @property
    def folder(self) -> Path:
        """The project's folder, or its archive."""
        return self.files.path

    @property
    def where_mix(self) -> str:
        """Where the head's mix is, in words."""
        return f"mix in {self.folder / _MIX}" if self.folder.is_dir() else f"{_MIX} in it; `partimento checkout` writes it"

    @property
    def head(self) -> Version:
        """The current version."""
        return self.version(self._state.head)

    @property
    def head_number(self) -> int:
        """Number of the current version, also when its record is damaged."""
        return self._state.head

    @property
    def next_redo(self) -> int | None:
        """Version that :meth:`redo` would go to."""
        return self._state.redo[0] if self._state.redo else None

    def version(self, number: int) -> Version:
        """A version by number.

        Raises:
            RequestError: there is none of that number. FileError: it is damaged.
        """
        if not 1 <= number <= self._state.last:
            known = "is only version 1" if self._state.last == 1 else f"are versions 1 to {self._state.last}"
            raise RequestError(f"there is no version {number}; there {known}")
        try:
            return self._read_version(number)
        except FileError as error:
            others, _ = self.sound_versions()
            way = ", ".join(str(version.number) for version in others[-3:])
            raise FileError(
                f"{error}" + (f", or go to a sound version with `partimento checkout` ({way})" if way else "")
            ) from error

    def versions(self) -> list[Version]:
        """All complete versions, by number.

        Raises:
            FileError: one is damaged.
        """
        return [self.version(number) for number in range(1, self._state.last + 1)]

    def sound_versions(self) -> tuple[list[Version], list[str]]:
        """The versions that can be read, by number, and a line on each that is damaged."""
        found, damaged = [], []
        for number in range(1, self._state.last + 1):
            try:
                found.append(self._read_version(number))
            except FileError as error:
                damaged.append(f"version {number}: {error}")
        return found, damaged

    def load(self, version: Version | None = None) -> Contents:
        """Everything of a version (of the head by default); sound is read when it is asked for.

        Raises:
            FileError: an object is missing or damaged.
        """
        of = version or self.head

        def read(kind: str, type_: type[T]) -> T | None:
            """An object of the version; None where it has none of that kind."""
            if kind not in of.objects:
                return None
            try:
                return from_json(self.store.get_text(of.objects[kind]), type_)
            except ParseError as error:
                raise FileError(f"the {kind} of version {of.number} cannot be read ({error})") from error

        stems: dict[str, Waveform] = {name: self.store.get_audio(object_) for name, object_ in of.stems.items()}
        report, score = read("report", Report) or Report(()), read("score", Score)
        lost = [track.name for track in score.tracks if track.name not in stems] if score is not None and len(stems) > 1 else []
        if lost:
            where = self.folder / _version_file(of.number)
            raise FileError(f"{where} is damaged: it names no stem '{lost[0]}', which its score has; restore it from a copy")
        known = KnownMix(stems, lambda: self._mix_of(of, stems))
        return Contents(read("request", GenerateRequest), read("plan", Plan), score, report, stems, read("sound", Sound), known)

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
        with self.editing(fresh=False):
            extra = {"edit_request": to_json(request), "edit_plan": to_json(plan)}
            return self._add(contents, parent or self._state.head, request.words, changed, provenance, extra)

    def undo(self) -> Version:
        """Move the head to its parent.

        Raises:
            RequestError: the head is the first version.
        """
        with self.editing(fresh=True):
            parent = self.head.parent
            if parent is None:
                raise RequestError("nothing to undo: this is the first version")
            return self._move(parent, (self._state.head, *self._state.redo))

    def redo(self) -> Version:
        """Take the last undo back.

        Raises:
            RequestError: nothing was undone.
        """
        with self.editing(fresh=True):
            if not self._state.redo:
                raise RequestError("nothing to redo")
            return self._move(self._state.redo[0], self._state.redo[1:])

    def checkout(self, number: int) -> Version:
        """Move the head to any version; the next edit branches from there."""
        with self.editing(fresh=True):
            return self._move(self.version(number).number, ())

    def lineage(self, number: int | None = None) -> list[Version]:
        """Versions from the first to this one (the head by default), along the parents."""
        chain = [self.version(number or self._state.head)]
        while (parent := chain[-1].parent) is not None:
            chain.append(self.version(parent))
        return chain[::-1]

    @contextmanager
    def editing(self, *, fresh: bool = True) -> Iterator[None]:
        """Nobody else writes meanwhile; may be nested.

        Args:
            fresh: begin with what is on disk now. Otherwise what this object knows must still be the state on disk.

        Raises:
            FileError: another process does not finish in time, has changed the project, or it cannot be written.
        """
        if self._locked:
            yield
            return
        with self.files.lock():
            self._locked = True
            try:
                if fresh or self.files.exists(_STATE):
                    self.files.refresh()
                    state = self._read_state()
                    if not fresh and state != self._state:
                        raise FileError(f"{self.folder} was changed by another process; run it again on its new state")
                    self._state = state
                self._sweep()
                yield
            finally:
                self._locked = False

    # -- inside -------------------------------------------------------------------------------------------------

    def _open(self, files: Files) -> None:
        self.files = files
        self.store = Store(files)
        self._locked = False

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
        known = self._unharmed(contents, parent)
        texts = dict(extra)
        for kind in ("request", "plan", "score", "report", "sound"):
            value = getattr(contents, kind)
            if value is not None:
                texts[kind] = to_json(value)
        objects = {kind: self.store.put_text(text) for kind, text in sorted(texts.items())}
        with ThreadPoolExecutor(max_workers=1) as beside:  # what stems leave of the other core is enough for the mix
            encoded = beside.submit(encode_audio, contents.mix, ".wav", depth="24")
            stems = {name: self.store.put_audio(stem) for name, stem in contents.stems.items()}
            checks = {name: known.get(name) or self.store.checksum(object_) for name, object_ in stems.items()}
            mix = encoded.result()
        number = self._state.last + 1
        digest = hashlib.sha256(mix).hexdigest()
        version = Version(number, parent, instruction, changed, objects, stems, digest, provenance, checks)
        version = replace(version, digest=version.own_digest)
        self.files.write(_version_file(number), to_json(version).encode())
        self._settle(_State(FORMAT, number, number), mix)
        return version

    def _unharmed(self, contents: Contents, parent: int | None) -> dict[str, str]:
        """Check what a new version takes over from the store; gives the checksums of these stems.

        Raises:
            FileError: a stem that nobody touched is damaged; nothing has been written then.
        """
        before = self.version(parent) if parent is not None else None
        found: dict[str, str] = {}
        for name, wave in contents.stems.items():
            if not (isinstance(wave, StoredWave) and wave.store is self.store):
                continue
            same = before is not None and before.stems.get(name) == wave.name
            expected = before.checks.get(name) if before is not None and same else None
            try:
                found[name] = self.store.checksum(wave.name)
                if found[name] != expected:
                    self.store.verify(wave.name)
            except FileError as error:
                raise FileError(f"stem '{name}': {error}") from error
        return found

    def _move(self, head: int, redo: tuple[int, ...]) -> Version:
        """Let the head point elsewhere."""
        version = self.version(head)
        mix = encode_audio(self.load(version).mix, ".wav", depth="24")
        self._settle(_State(FORMAT, head, self._state.last, redo), mix)
        return version

    def _settle(self, state: _State, mix: bytes) -> None:
        """The new state, in one step, with its mix."""
        self.files.write(_MIX, mix)  # first, because it is large: on a full disk the head stays where it is
        self.files.write(_STATE, to_json(state).encode())
        self.files.flush()
        self._state = state

    def _mix_of(self, version: Version, stems: dict[str, Waveform]) -> Waveform:
        """Sum of a version's stems: read, or from the head's as far as they are the same, or by adding."""
        try:
            head = self.head
        except FileError:  # a damaged version must not keep one from going to another
            return exact_sum(stems)
        data = self.files.read(_MIX, "the mix") if self.files.exists(_MIX) else b""
        if hashlib.sha256(data).hexdigest() != head.mix_sha256:
            return exact_sum(stems)
        mix = _decoded(data)
        if head.number == version.number:
            return mix
        known = {wave.name: wave for wave in stems.values() if isinstance(wave, StoredWave)}
        of_head = {name: known.get(object_) or self.store.get_audio(object_) for name, object_ in head.stems.items()}
        return sum_after(mix, dict(of_head), {name: stems[name] for name in stems})[0]

    def _sweep(self) -> None:
        """Remove what a killed process left: temporary files, and a version that nothing names."""
        self.files.sweep()
        for name in self.files.names("versions"):
            number = name.rpartition("/")[2].partition(".")[0]
            if number.isdigit() and int(number) > self._state.last:
                self.files.remove(name)

    def _read_state(self) -> _State:
        """``project.json``, checked."""
        if not self.files.exists(_STATE):
            if self.is_project(self.folder):
                raise FileError(
                    f"{self.folder} is damaged: project.json is missing; restore it from a copy (or make the piece again, "
                    "where making it was interrupted)"
                )
            raise FileError(f"{self.folder} is not a project (no project.json in it)")
        raw: dict[str, Any] = self._parse(_STATE, dict)
        if not isinstance(raw.get("format"), int):
            raise FileError(f"{self.folder} is damaged: its project.json names no format; restore it from a copy")
        if raw["format"] > FORMAT:
            raise FileError(
                f"{self.folder} was made by a newer Partimento (format {raw['format']}, this one reads {FORMAT}); upgrade"
            )
        if raw["format"] < FORMAT:
            raise FileError(f"{self.folder} has format {raw['format']} of before the first release; make it again")
        state = self._parse(_STATE, _State)
        if not 1 <= state.head <= state.last or any(not 1 <= number <= state.last for number in state.redo):
            raise FileError(f"{self.folder} is damaged: its project.json names versions that cannot be; restore it from a copy")
        return state

    def _read_version(self, number: int) -> Version:
        """The record of a version, checked."""
        name = _version_file(number)
        version = self._parse(name, Version)
        reason = ""
        if version.number != number:
            reason = f"it says that it is version {version.number}"
        elif (version.parent is None) != (number == 1) or (version.parent is not None and not 1 <= version.parent < number):
            reason = f"it names {'none' if version.parent is None else version.parent} as its parent"
        elif version.digest and version.digest != version.own_digest:
            reason = "it is not what was written"
        if reason:
            raise FileError(f"{self.folder / name} is damaged ({reason}); restore it from a copy")
        return version

    def _parse(self, name: str, kind: type[T]) -> T:
        """A JSON file of the project."""
        try:
            return from_json(self.files.read(name), kind)
        except ParseError as error:
            raise FileError(f"{self.folder / name} is damaged ({error}); restore it from a copy") from error


def _version_file(number: int) -> str:
    return f"versions/{number:04d}.json"


def _decoded(data: bytes) -> Waveform:
    """Samples of a 24-bit WAV file that we wrote."""
    import soundfile

    words, sample_rate = soundfile.read(io.BytesIO(data), dtype="int32", always_2d=True)
    out = np.empty(words.shape[::-1], np.float32)
    np.multiply(words.T, np.float32(2.0**-31), out=out, casting="unsafe")
    return Waveform(out, int(sample_rate))
