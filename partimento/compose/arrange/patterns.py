"""Rhythm patterns as text, and how they fit any metre.

A pattern is a line of **cells**, one per felt beat, separated by spaces; ``|`` separates bars. A cell divides its beat
evenly by its number of characters: ``x.x.`` is four sixteenths, ``x.x`` three triplet eighths, ``x`` one whole beat.
A letter strikes, ``-`` prolongs the stroke before it, ``.`` is silence. What the letters mean is up to the reader
(drums: loudness; bass: steps of the chord; chords: which voices). ``styles/data/README.md`` lists them.

A pattern is written for one metre (4/4 unless it says so). For any other metre :func:`hits` derives it from the felt
beats: beats of the source are dealt to the beats of the target so that backbeats stay backbeats, and a beat of three
eighths stretches its cell to six sixteenths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from partimento.score.timing import Metre

_BEAT_MAPS = {
    1: (0,),
    2: (0, 1),
    3: (0, 2, 3),
    4: (0, 1, 2, 3),
    5: (0, 2, 3, 0, 1),
    6: (0, 1, 2, 3, 2, 3),
    7: (0, 1, 2, 3, 0, 2, 3),
}
"""Beats of a 4/4 source that make 1 to 7 beats: three keeps the strong beats and the last backbeat."""
_REST, _HOLD = ".", "-"


@dataclass(frozen=True, slots=True)
class Hit:
    """A stroke of a pattern: ``at`` and ``length`` in quarter notes from the bar's start, and its letter."""

    at: float
    length: float
    sign: str


@dataclass(frozen=True)
class Pattern:
    """One pattern of a style file.

    Attributes:
        name: for people and for variety (two patterns of one name are variants of each other).
        lanes: lane → pattern text (drums: one per drum; chords: ``right`` and ``left``; others: ``p``).
        metre: the metre it is written in.
        energy: lowest and highest section energy that it suits.
        families: instrument families or ids it is meant for; empty suits all.
        tags: words of a part that call for it (``strum``, ``walking`` …).
        options: whatever else its reader understands (``voicing``, ``hold`` …).
    """

    name: str
    lanes: dict[str, str]
    metre: str = "4/4"
    energy: tuple[float, float] = (0.0, 1.0)
    families: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def n_bars(self) -> int:
        """Bars until the longest lane repeats."""
        return max((len(_cells(text)) for text in self.lanes.values()), default=1)


_FIELDS = {"name", "metre", "energy", "for", "tags"}


def read_pattern(raw: dict[str, Any], lanes: frozenset[str]) -> Pattern:
    """A pattern from its YAML mapping; keys in ``lanes`` are pattern text, the rest are options."""
    low, high = raw.get("energy", (0.0, 1.0))
    return Pattern(
        name=str(raw.get("name", "")),
        lanes={k: str(v) for k, v in raw.items() if k in lanes},
        metre=str(raw.get("metre", "4/4")),
        energy=(float(low), float(high)),
        families=tuple(_words(raw.get("for", ()))),
        tags=tuple(_words(raw.get("tags", ()))),
        options={k: v for k, v in raw.items() if k not in _FIELDS and k not in lanes},
    )


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else [str(v) for v in value]


def choose(
    pool: list[Pattern],
    rng: np.random.Generator,
    energy: float,
    metre: Metre,
    instrument: tuple[str, str] = ("", ""),
    tags: tuple[str, ...] = (),
) -> Pattern | None:
    """Pick a pattern: first by the part's words, then the instrument, then the metre, then the energy, then by chance.

    Args:
        pool: patterns to choose from.
        instrument: id and family of the player.
        tags: words that the part asks for.
    """
    left = [p for p in pool if not p.families or set(p.families) & set(instrument)]
    special = [p for p in left if p.families]
    left = special or left
    left = [p for p in left if set(p.tags) & set(tags)] or left
    left = [p for p in left if p.metre == str(metre)] or [p for p in left if p.metre == "4/4"] or left
    if not left:
        return None
    suited = [p for p in left if p.energy[0] - 1e-9 <= energy <= p.energy[1] + 1e-9]
    if not suited:
        nearest = min(_miss(p, energy) for p in left)
        suited = [p for p in left if _miss(p, energy) <= nearest + 1e-9]
    return suited[int(rng.integers(len(suited)))]


def _miss(pattern: Pattern, energy: float) -> float:
    return max(pattern.energy[0] - energy, energy - pattern.energy[1], 0.0)


def hits(text: str, native: str, metre: Metre, bar: int) -> tuple[Hit, ...]:
    """The strokes of one bar.

    Args:
        text: pattern text.
        native: metre it is written in, e.g. ``"4/4"``.
        metre: metre to play it in.
        bar: bar since the pattern began; it repeats.
    """
    bars = _cells(text)
    return _hits(bars[bar % len(bars)], native, metre)


@lru_cache(maxsize=4096)
def _cells(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(bar.split()) for bar in text.split("|"))


@lru_cache(maxsize=8192)
def _hits(cells: tuple[str, ...], native: str, metre: Metre) -> tuple[Hit, ...]:
    beats = felt_beats(metre)
    source = _deal(len(cells), len(beats)) if str(metre) != native or len(cells) != len(beats) else range(len(cells))
    steady = _is_steady(cells)
    found: list[list[Any]] = []
    for (start, length), index in zip(beats, source, strict=True):
        cell = _stretch(cells[index], steady) if _is_triple(length) and len(cells[index]) not in (3, 6, 12) else cells[index]
        step = length / len(cell)
        for i, sign in enumerate(cell):
            if sign == _HOLD and found:
                found[-1][1] = start + (i + 1) * step
            elif sign not in (_REST, _HOLD):
                found.append([start + i * step, start + (i + 1) * step, sign])
    return tuple(Hit(at, end - at, sign) for at, end, sign in found)


def _deal(n_source: int, n_target: int) -> tuple[int, ...]:
    """Which source beat each target beat takes."""
    if n_source == 4:
        dealt: list[int] = []
        while n_target - len(dealt) > 7:
            dealt += _BEAT_MAPS[4]
        return (*dealt, *_BEAT_MAPS[n_target - len(dealt)])
    if n_source == 3 and n_target in (2, 4):
        return (0, 2) if n_target == 2 else (0, 1, 2, 1)
    if n_source == 2 and n_target % 2:
        return (0, 1, 1) if n_target == 3 else tuple([i % 2 for i in range(n_target - 3)] + [0, 1, 1])
    return tuple(i % n_source for i in range(n_target))


def _is_steady(cells: tuple[str, ...]) -> bool:
    """True when most beats are struck on the beat and on its second half (a running eighth-note line)."""

    def runs(cell: str) -> bool:
        return len(cell) % 2 == 0 and cell[0] not in "-." and cell[len(cell) // 2] not in "-."

    return sum(runs(c) for c in cells) * 5 >= len(cells) * 3


def _stretch(cell: str, steady: bool) -> str:
    """Cell of a plain beat → six sixteenths of a dotted one."""
    if len(cell) == 8:
        cell = cell[::2]
    if len(cell) == 2:
        cell = cell[0] + _after(cell, 0) + cell[1] + _after(cell, 1)
    if len(cell) == 1:
        return cell + "-" * 5
    a, b, c, d = tuple((cell + "...")[:4])
    if steady and all(s not in "-." for s in (a, b, c, d)):
        return a + b + c + d + c + b
    middle = c if steady and c not in "-." else ("-" if b == _HOLD else _REST)
    return a + b + middle + ("-" if _HOLD in (b, middle) and middle != _REST else _REST) + c + d


def _after(cell: str, i: int) -> str:
    """What fills the second half of a doubled step: a hold when the next step holds, else silence."""
    return _HOLD if i + 1 < len(cell) and cell[i + 1] == _HOLD else _REST


def _is_triple(length: float) -> bool:
    return any(abs(length - t) < 1e-9 for t in (0.75, 1.5, 3.0))


@lru_cache(maxsize=256)
def felt_beats(metre: Metre) -> tuple[tuple[float, float], ...]:
    """Start and length (quarter notes) of every felt beat; half notes are split, runs of short beats are joined."""
    unit = 4.0 / metre.denominator
    lengths = [g * unit for g in metre.beat_groups]
    total = metre.bar_quarters
    if max(lengths) < 0.75:
        for span in (1.0, 1.5, 0.75):
            if abs(total / span - round(total / span)) < 1e-9:
                lengths = [span] * round(total / span)
                break
    split: list[float] = []
    for length in lengths:
        n = round(length / 1.0) if length >= 2.0 and abs(length - round(length)) < 1e-9 and abs(length - 3.0) > 1e-9 else 1
        split += [length / n] * n
    starts, at = [], 0.0
    for length in split:
        starts.append((at, length))
        at += length
    return tuple(starts)
