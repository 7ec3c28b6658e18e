"""All layouts by name, and which one a folder has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from partimento.data.datasets import (
    audiocraft,
    fma,
    folder,
    moisesdb,
    musdb,
    musiccaps,
    rendered,
    slakh,
    song_describer,
)
from partimento.data.datasets.item import Item, Level, Skip, SkipReport
from partimento.errors import FileError, RequestError

AUTO = "auto"


class Layout(Protocol):
    """What each module of a layout offers."""

    NAME: str

    def detect(self, root: Path) -> bool:
        """True for a folder of this layout."""

    def read(self, root: Path, level: Level = "headers") -> Iterator[Item | Skip]:
        """Items, and what was left out, in a fixed order; files are opened only as it goes on."""


LAYOUTS: dict[str, Layout] = {
    layout.NAME: layout
    for layout in (rendered, slakh, moisesdb, musdb, song_describer, musiccaps, fma, audiocraft, folder)
}  # fmt: skip
"""By name, in the order in which they are tried."""


def find_layout(root: Path, name: str = AUTO) -> str:
    """Name of a folder's layout.

    Args:
        root: the dataset, or a manifest of AudioCraft.
        name: a name of :data:`LAYOUTS`, or ``auto``.

    Raises:
        FileError: nothing is there, or nothing that a reader knows.
        RequestError: no layout of that name, or the folder has not that layout.
    """
    if not root.exists():
        raise FileError(f"no folder {root}; give one that holds a dataset or sound files")
    if name == AUTO:
        for known, layout in LAYOUTS.items():
            if layout.detect(root):
                return known
        raise FileError(f"{root} holds no sound and no dataset that is known ({', '.join(LAYOUTS)})")
    if name not in LAYOUTS:
        raise RequestError(f"no layout '{name}'; known are {AUTO}, {', '.join(LAYOUTS)}")
    if not LAYOUTS[name].detect(root):
        raise RequestError(f"{root} has not the layout '{name}'; try --layout {AUTO}")
    return name


def read_dataset(
    root: Path, layout: str = AUTO, *, level: Level = "headers", on_skip: Callable[[Skip], None] = lambda skip: None
) -> Iterator[Item]:
    """Items of a dataset, one after the other; what cannot be used goes to ``on_skip`` and nothing stops.

    Raises:
        FileError, RequestError: as :func:`find_layout`.
    """
    for found in LAYOUTS[find_layout(root, layout)].read(root, level):
        if isinstance(found, Skip):
            on_skip(found)
        else:
            yield found


@dataclass(slots=True)
class Summary:
    """What a dataset holds.

    Attributes:
        layout: its name.
        items, stems, captioned, scored: how many items, stems, items with captions and items with a score.
        duration_s: of all items.
        splits, roles, rates, licences: how many of each.
        skips: everything that was left out.
    """

    layout: str
    items: int = 0
    stems: int = 0
    captioned: int = 0
    scored: int = 0
    duration_s: float = 0.0
    splits: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    rates: Counter[int] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    skips: list[Skip] = field(default_factory=list)


def inspect_dataset(root: Path, layout: str = AUTO, *, level: Level = "headers", report: Path | None = None) -> Summary:
    """Read a whole dataset and count.

    Args:
        root, layout, level: as for :func:`read_dataset`.
        report: where ``skipped.jsonl`` goes; None writes none.
    """
    summary = Summary(find_layout(root, layout))
    skipped = SkipReport(report)
    for item in read_dataset(root, summary.layout, level=level, on_skip=skipped.add):
        summary.items += 1
        summary.stems += len(item.stems)
        summary.captioned += bool(item.captions)
        summary.scored += item.score is not None
        summary.duration_s += item.duration_s
        summary.splits[item.split or "none"] += 1
        summary.rates[item.sample_rate] += 1
        summary.licences[item.licence or "not stated"] += 1
        summary.roles.update(stem.role for stem in item.stems)
    summary.skips = skipped.skips
    return summary
