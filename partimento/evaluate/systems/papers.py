"""The figures that papers published, as rows to set beside ours; never comparable unless everything behind them matches."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from partimento.evaluate.systems.table import Column, Figure, Row


@cache
def _tables() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files("partimento.evaluate.systems").joinpath("papers.yaml").read_text("utf-8"))
    return found


def paper_rows(table: str, group: str | None = None) -> list[Row]:
    """Rows of the papers for one of our tables (``text-to-music``, ``controls``, ``inpaint``, ``edit``).

    Args:
        table: which.
        group: only this group (a task or data set), as written in ``papers.yaml``.
    """
    rows = []
    for block in _tables().get(table, ()):
        if group is not None and block.get("group") != group:
            continue
        for name, figures in block["rows"].items():
            values = {column: Figure(float(v)) for column, v in zip(block["columns"], figures, strict=True) if v is not None}
            rows.append(Row(f"{name}, {block['group']}", 0, 0, 0.0, values, source=block["source"], comparable=False))
    return rows


def paper_columns(rows: list[Row]) -> tuple[Column, ...]:
    """Columns for the figures of such rows, in the order in which they come."""
    names = dict.fromkeys(name for row in rows for name in row.figures)
    return tuple(Column(name, "as published; not comparable with the columns measured here") for name in names)
