"""What a training run could not read: named once each in ``skipped.jsonl`` of its folder, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from partimento.data.audio_folder import json_lines
from partimento.data.datasets.item import SKIPPED, Skip
from partimento.errors import FileError
from partimento.paths import append_line, make_folder

_MOST_SAID = 10


class Skipped:
    """Collects names of bad items, from any thread; what a run found before stays in the report.

    Args:
        folder: of the run; made when there is something to write.
        say: gets a line for each of the first ten.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.path, self._say, self._lock = folder / SKIPPED, say, Lock()
        self._known = _names(self.path)
        self._n_said = 0

    def add(self, name: str, reason: str) -> None:
        """Note an item, unless it is noted already."""
        with self._lock:
            if name in self._known:
                return
            self._known.add(name)
            try:
                append_line(make_folder(self.path.parent) / SKIPPED, Skip(name, reason, "sound").line())
            except FileError as error:
                self._say(str(error))
            self._n_said += 1
            if self._n_said <= _MOST_SAID:
                self._say(f"skipped {name}: {reason}")
            elif self._n_said == _MOST_SAID + 1:
                self._say(f"more are skipped; all are in {self.path}")


def _names(path: Path) -> set[str]:
    """Names in a report; one that cannot be read has none."""
    try:
        return {str(row.get("name")) for row in json_lines(path)}
    except FileError:
        return set()
