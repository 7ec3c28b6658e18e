"""A table of systems as data: figures with intervals, what they were made from, and how they are written."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from partimento.paths import make_folder, write_bytes, write_text
from partimento.tables import markdown_table

MUCH_SILENCE = 0.1
"""From this share of silent clips on, a row is marked and never the best."""


@dataclass(frozen=True)
class Figure:
    """A number with its interval (None: none was taken) and its count."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @property
    def text(self) -> str:
        """For a cell."""
        if not math.isfinite(self.value):
            return "-"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.value:.3g}{interval}"


@dataclass(frozen=True)
class Row:
    """One system.

    Attributes:
        system: name.
        n_clips: measured.
        n_skipped: left out (named in the table's list).
        silent_share: of the clips, 0–1.
        figures: by column.
        source: ``measured``, or the work that published the row.
        comparable: False for rows of others, whose classifier, embedding or data differ.
        data: short hash of the files behind it.
        partial: it rests on fewer clips than others, and does not compete.
        anchor: a row that shows an end of the scale (real music, an unedited input) and does not compete.
    """

    system: str
    n_clips: int
    n_skipped: int
    silent_share: float
    figures: dict[str, Figure]
    source: str = "measured"
    comparable: bool = True
    anchor: bool = False
    data: str = ""
    partial: bool = False

    @property
    def competes(self) -> bool:
        """True when the row may hold the best figure of a column."""
        return self.comparable and not self.anchor and not self.partial and self.silent_share < MUCH_SILENCE


@dataclass(frozen=True)
class Column:
    """A figure's head: name, unit or convention in words, and whether less or more is better (None: neither)."""

    name: str
    about: str
    better: str | None = None

    @property
    def head(self) -> str:
        """With an arrow."""
        return self.name + {"less": " ↓", "more": " ↑", None: ""}[self.better]


@dataclass(frozen=True)
class SystemsTable:
    """Everything that is written.

    Attributes:
        title, command: what it is and what makes it again.
        columns, rows: the table.
        notes: conventions, one line each.
        skipped: ``file: reason``.
        versions: of the software that figures depend on.
        items: what is counted.
        sounding: they are sounds, and may be silent.
    """

    title: str
    command: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    items: str = "clips"
    sounding: bool = True

    def markdown(self) -> str:
        """As a page."""
        used = [c for c in self.columns if any(c.name in r.figures for r in self.rows)]
        best = {c.name: self._best(c) for c in used}
        counts = [self.items, "skipped", "silent"][: 3 if self.sounding else 2]
        cells = []
        for row in self.rows:
            name = row.system + (f" ({row.source}; not comparable)" if not row.comparable else "")
            silent = f"{100 * row.silent_share:.0f} %" + (" (!)" if row.silent_share >= MUCH_SILENCE else "")
            clips = f"{row.n_clips} (fewer)" if row.partial else str(row.n_clips)
            counted = [clips, str(row.n_skipped), silent][: len(counts)] if row.comparable else [""] * len(counts)
            cells.append([name, *counted, *(self._cell(row, c, best[c.name]) for c in used)])
        lines = [
            f"### {self.title}",
            "",
            markdown_table(["system", *counts, *(c.head for c in used)], cells),
            "",
        ]
        lines += [f"- {c.name}: {c.about}" for c in used]
        lines += [f"- {note}" for note in self.notes]
        if any(r.silent_share >= MUCH_SILENCE for r in self.rows):
            lines.append(
                f"- (!) {100 * MUCH_SILENCE:.0f} % or more of the clips are silent: the row's figures do not count as good."
            )
        if any(r.partial for r in self.rows):
            lines.append(f"- (fewer): rests on fewer {self.items} than other rows, so it is not compared with them.")
        lines += [f"- data of {r.system}: {r.data}" for r in self.rows if r.data]
        if self.skipped:
            lines += ["", "Left out:", *(f"- {line}" for line in self.skipped)]
        lines += ["", f"`{self.command}`", ", ".join(f"{k} {v}" for k, v in sorted(self.versions.items()))]
        return "\n".join(lines)

    def _best(self, column: Column) -> float | None:
        """The best comparable figure of a column, among rows that are not silent; None where fewer than two compete."""
        values = [
            r.figures[column.name].value
            for r in self.rows
            if column.name in r.figures
            and r.comparable
            and r.silent_share < MUCH_SILENCE
            and math.isfinite(r.figures[column.name].value)
        ]
        n_competing = sum(r.competes and column.name in r.figures for r in self.rows)
        if column.better is None or not values or n_competing < 2:
            return None
        return min(values) if column.better == "less" else max(values)

    @staticmethod
    def _cell(row: Row, column: Column, best: float | None) -> str:
        if column.name not in row.figures:
            return ""
        figure = row.figures[column.name]
        winner = row.competes and best is not None and figure.value == best
        return f"**{figure.text}**" if winner else figure.text

    def csv(self) -> str:
        """One line per system and figure."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            ["system", "source", "comparable", "clips", "skipped", "silent_share", "figure", "value", "low", "high", "n"]
        )
        for r in self.rows:
            for name, f in r.figures.items():
                writer.writerow(
                    [r.system, r.source, r.comparable, r.n_clips, r.n_skipped, r.silent_share, name, f.value, f.low, f.high, f.n]
                )
        return out.getvalue()

    def json(self) -> str:
        """Everything; figures that are not finite are null."""
        return json.dumps(_finite(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False)

    def write(self, folder: Path, name: str) -> None:
        """``NAME.md``, ``NAME.csv``, ``NAME.json`` and ``NAME.png``."""
        make_folder(folder)
        write_text(folder / f"{name}.md", self.markdown() + "\n")
        write_text(folder / f"{name}.csv", self.csv())
        write_text(folder / f"{name}.json", self.json() + "\n")
        write_bytes(folder / f"{name}.png", self.plot())

    def plot(self) -> bytes:
        """One panel per figure that has a direction: points with intervals, rows of others hollow. PNG."""
        import matplotlib.figure

        used = [c for c in self.columns if c.better and any(c.name in r.figures for r in self.rows)]
        rows = [r for r in reversed(self.rows) if any(c.name in r.figures for c in used)]
        n = max(1, len(used))
        figure = matplotlib.figure.Figure(figsize=(min(3.2 * n, 18), 0.9 + 0.36 * len(rows)), dpi=110, layout="constrained")
        for index, column in enumerate(used):
            axes = figure.add_subplot(1, n, index + 1)
            axes.set_title(column.head, fontsize=9)
            for y, row in enumerate(rows):
                f = row.figures.get(column.name)
                if f is None or not math.isfinite(f.value):
                    continue
                good = row.competes
                if f.low is not None and f.high is not None:
                    axes.plot([f.low, f.high], [y, y], color="0.6", linewidth=2)
                axes.plot(f.value, y, "o", color="C0" if good else "none", markeredgecolor="C0" if good else "0.4", markersize=6)
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.set_yticks(range(len(rows)), [r.system for r in rows] if index == 0 else [])
            axes.tick_params(labelsize=8)
            axes.grid(axis="x", alpha=0.3)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
        return out.getvalue()


def marked_partial(rows: Sequence[Row]) -> list[Row]:
    """The rows, those of systems with fewer clips than the fullest one marked."""
    most = max((r.n_clips for r in rows if r.comparable and not r.anchor), default=0)
    return [replace(r, partial=r.comparable and not r.anchor and r.n_clips < most) for r in rows]


def mean_figure(values: Sequence[float], bootstrap: int, seed: int, of: Callable[..., Any] = np.mean) -> Figure:
    """Mean (or another statistic over ``axis``) with a percentile bootstrap interval, which always holds the value."""
    array = np.asarray(values, dtype=np.float64)
    value = float(of(array))
    if not bootstrap or len(array) < 2 or not np.isfinite(array).all():
        return Figure(value, n=len(array))
    drawn = of(array[np.random.default_rng(seed).integers(len(array), size=(bootstrap, len(array)))], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value, min(value, float(low)), max(value, float(high)), len(array))


def versions(packages: Sequence[str] = ("partimento", "numpy", "scipy", "soxr", "mir_eval")) -> dict[str, str]:
    """Installed versions by package, Python's included; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _finite(value: object) -> object:
    """JSON has no infinity: such figures become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value
