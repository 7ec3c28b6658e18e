"""Rhythm as beat cells: what happens inside one felt beat.

A bar of any metre is cut into beats: quarters in simple metres (a half-note beat is two), dotted quarters in compound
ones, and the groups of an irregular metre (7/8 as 2+2+3 has two plain beats and one dotted). A beat has twelve units,
so that halves, thirds, quarters and sixths fall on units. Its cell is a text of twelve signs: ``x`` a note begins,
``-`` it is held, ``.`` silence.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partimento.score.timing import Metre

UNITS = 12
N_GROUPS = 10
N_DESCRIPTORS = 11
HOLD, LONG, SHORT, PAIR, DOTTED, TRIPLET, MANY, OFFBEAT, REST, UPBEAT = range(N_GROUPS)
"""Families of cells: held through; one note; one note and silence; equal halves; long-short; thirds (in a dotted beat:
halves); three notes or more; held into and a note inside; silence; silence and a note."""
GROUP_NAMES = ("hold", "long", "short", "pair", "dotted", "triplet", "many", "offbeat", "rest", "upbeat")


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat of a bar.

    Attributes:
        start: quarter notes from the start of the bar.
        quarters: length.
        dotted: three subdivisions rather than two.
        place: 0 downbeat, 1 middle of the bar, 2 another beat, 3 the last beat.
    """

    start: float
    quarters: float
    dotted: bool
    place: int


@cache
def beats_of(metre: Metre) -> tuple[Beat, ...]:
    """The beats of a bar of a metre."""
    unit = 4.0 / metre.denominator
    beats: list[tuple[float, float, bool]] = []
    at = 0.0
    for group in metre.beat_groups:
        length = group * unit
        dotted = group == 3
        parts = max(1, round(length)) if not dotted and length > 1 else 1
        beats += [(at + i * length / parts, length / parts, dotted) for i in range(parts)]
        at += length
    bar = metre.bar_quarters
    out = []
    for i, (start, length, dotted) in enumerate(beats):
        if i == 0:
            place = 0
        elif len(beats) >= 4 and len(beats) % 2 == 0 and abs(start - bar / 2) < 1e-9:
            place = 1
        elif i == len(beats) - 1:
            place = 3
        else:
            place = 2
        out.append(Beat(start, length, dotted, place))
    return tuple(out)


def group_of(cell: str) -> int:
    """The family of a cell."""
    onsets = [i for i, sign in enumerate(cell) if sign == "x"]
    if not onsets:
        return HOLD if "." not in cell else REST
    if cell[0] == "-":
        return OFFBEAT
    if cell[0] == ".":
        return UPBEAT
    if len(onsets) == 1:
        return SHORT if "." in cell else LONG
    if onsets == [0, 6]:
        return PAIR
    if len(onsets) == 2:
        return TRIPLET if onsets[1] == 4 else DOTTED
    return TRIPLET if onsets == [0, 4, 8] else MANY


def descriptors(cell: str) -> list[float]:
    """What the traits of a piece may favour in a cell (see :data:`N_DESCRIPTORS`): number of notes, note on the beat,
    held through, note inside a held beat, silence, short notes, equal halves, long-short, thirds, one note, upbeat."""
    onsets = [i for i, sign in enumerate(cell) if sign == "x"]
    group = group_of(cell)
    edges = [*onsets, UNITS]
    short = sum(b - a < 6 for a, b in itertools.pairwise(edges))
    return [
        len(onsets) / 2,
        float(cell[0] == "x"),
        float(group == HOLD),
        float(group == OFFBEAT),
        cell.count(".") / UNITS,
        short / 2,
        float(group == PAIR),
        float(group == DOTTED),
        float(group == TRIPLET),
        float(group == LONG),
        float(group == UPBEAT),
    ]


@dataclass(frozen=True)
class Vocabulary:
    """The cells of one kind of beat.

    Attributes:
        cells: texts, the most frequent first.
        groups: family of each ``[C]``.
        descriptors: ``[C, D]``.
        needs_sound: True where the cell goes on holding a note ``[C]``.
        ends_sounding: True where a note sounds at the cell's end ``[C]`` (a held cell: only if it did before).
        onsets: units of the onsets of each cell.
        events: (unit, begins) of each cell: a note begins, or silence does.
        unheld: the cell with silence in the place of its held beginning (the silent cell where there is none) ``[C]``.
    """

    cells: tuple[str, ...]
    groups: NDArray[np.int64]
    descriptors: NDArray[np.float64]
    needs_sound: NDArray[np.bool_]
    ends_sounding: NDArray[np.bool_]
    onsets: tuple[tuple[int, ...], ...]
    events: tuple[tuple[tuple[int, bool], ...], ...]
    unheld: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cells)


def vocabulary(cells: tuple[str, ...]) -> Vocabulary:
    """Tables of a list of cells."""
    return Vocabulary(
        cells=cells,
        groups=np.array([group_of(c) for c in cells], dtype=np.int64),
        descriptors=np.array([descriptors(c) for c in cells]),
        needs_sound=np.array([c[0] == "-" for c in cells]),
        ends_sounding=np.array([c[-1] != "." for c in cells]),
        onsets=tuple(tuple(i for i, sign in enumerate(c) if sign == "x") for c in cells),
        events=tuple(_events(c) for c in cells),
        unheld=np.array([_unheld(c, cells) for c in cells], dtype=np.int64),
    )


def _events(cell: str) -> tuple[tuple[int, bool], ...]:
    found = []
    for i, sign in enumerate(cell):
        if sign == "x":
            found.append((i, True))
        elif sign == "." and (i == 0 or cell[i - 1] != "."):
            found.append((i, False))
    return tuple(found)


def _unheld(cell: str, cells: tuple[str, ...]) -> int:
    tail = cell.lstrip("-")
    wanted = "." * (len(cell) - len(tail)) + tail
    return cells.index(wanted if wanted in cells else "." * UNITS)


def read_cell(ticks: list[tuple[float, float]], start: float, quarters: float) -> str:
    """The cell of a beat.

    Args:
        ticks: (onset, end) of the notes in quarter notes, sorted.
        start: of the beat, in quarter notes.
        quarters: its length.
    """
    signs = ["."] * UNITS
    for onset, end in ticks:
        first = round((onset - start) / quarters * UNITS)
        last = round((end - start) / quarters * UNITS)
        if last <= 0 or first >= UNITS:
            continue
        for i in range(max(first, 0), min(max(last, first + 1), UNITS)):
            signs[i] = "-"
        if first >= 0:
            signs[first] = "x"
    return "".join(signs)


def nearest_cell(cell: str, cells: tuple[str, ...]) -> int:
    """Index of the most similar cell of a list: same onsets count most, then silence against sound."""

    def _distance(other: str) -> float:
        total = 0.0
        for a, b in zip(cell, other, strict=True):
            if a != b:
                total += 2.0 if "x" in (a, b) else 0.5
        return total + (4.0 if (cell[0] == "-") != (other[0] == "-") else 0.0)

    return min(range(len(cells)), key=lambda i: (_distance(cells[i]), i))
