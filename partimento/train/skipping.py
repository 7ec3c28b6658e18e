"""What a training run could not read: named once each in ``skipped.jsonl`` of its folder, and the run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Lock

SKIPPED_FILE = "skipped.jsonl"
_MOST_SAID = 10


class Skipped:
    """Collects names of bad items, from any thread; what a run found before stays in the report.

    Args:
        folder: of the run; made when there is something to write.
        say: gets a line for each of the first ten.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.path, self._say, self._lock = folder / SKIPPED_FILE, say, Lock()
        self._known = _names(self.path)
        self._n_said = 0

    def add(self, name: str, reason: str) -> None:
        """Note an item, unless it is noted already."""
        with self._lock:
            if name in self._known:
                return
            self._known.add(name)
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"name": name, "what": "sound", "reason": reason}, ensure_ascii=False) + "\n")
            except OSError as error:
                self._say(f"cannot write {self.path} ({error.strerror or error})")
            self._n_said += 1
            if self._n_said <= _MOST_SAID:
                self._say(f"skipped {name}: {reason}")
            elif self._n_said == _MOST_SAID + 1:
                self._say(f"more are skipped; all are in {self.path}")


def _names(path: Path) -> set[str]:
    """Names in a report; a line cut off by a crash is passed over."""
    found: set[str] = set()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict):
            found.add(str(row.get("name")))
    return found
