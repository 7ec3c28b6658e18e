"""A part's result as a page: a table or more, what they say in a few lines, and the figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from partimento.paths import make_folder, write_text
from partimento.tables import markdown_table


@dataclass(frozen=True)
class Table:
    """A further table of a page, under a heading of its own."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Page:
    """A finished part.

    Attributes:
        part: its name.
        title: of the page.
        head, rows: the table.
        notes: what decides the figures.
        figures: values by name.
        goals: what is asked for, by its words: whether it is met.
        tables: more tables, after the first.
    """

    part: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)
    goals: dict[str, bool] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()

    def markdown(self, command: str = "") -> str:
        """The page; ``command`` is what made it."""
        lines = [f"# {self.title}", "", markdown_table(self.head, self.rows), ""]
        for table in self.tables:
            lines += [f"## {table.title}", "", markdown_table(table.head, table.rows), ""]
        lines += [f"- {note}" for note in self.notes]
        lines += [f"- goal {'met' if met else 'missed'}: {goal}" for goal, met in self.goals.items()]
        return "\n".join([*lines, *([f"- `{command}`"] if command else [])]) + "\n"

    def write(self, folder: Path, command: str = "") -> None:
        """``mini_PART.md`` and ``mini_PART.json``."""
        make_folder(folder)
        write_text(folder / f"mini_{self.part}.md", self.markdown(command))
        write_text(folder / f"mini_{self.part}.json", json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def shares(values: Sequence[float]) -> tuple[str, ...]:
    """Numbers from 0 to 1 with two places."""
    return tuple(f"{value:.2f}" for value in values)
