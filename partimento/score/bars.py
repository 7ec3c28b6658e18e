"""Bars from the outside: metres, sections and bar lines of files that count otherwise than a :class:`Score` does."""

from __future__ import annotations

from collections.abc import Sequence

from partimento.score.score import MetrePoint, Section
from partimento.score.timing import Metre

_EPS = 1e-6


def metre_of_length(quarters: float, like: Metre) -> Metre:
    """A metre that lasts ``quarters``, on the note value of ``like`` where that fits (rounded up to 32nds at worst)."""
    for unit in dict.fromkeys((like.denominator, 4, 8, 16, 32)):
        beats = quarters * unit / 4
        if abs(beats - round(beats)) < 1e-4 and 1 <= round(beats) <= 32:
            return Metre(round(beats), unit)
    for unit in (32, 16, 8, 4, 2, 1):
        beats_up = -int(-quarters * unit // 4)
        if beats_up <= 32:
            return Metre(max(1, beats_up), unit)
    return Metre(32, 1)


def metre_points(bars: Sequence[Metre]) -> tuple[MetrePoint, ...]:
    """Points where the metre changes, from the metre of every bar."""
    points: list[MetrePoint] = []
    for i, metre in enumerate(bars):
        if not points or points[-1].metre != metre:
            points.append(MetrePoint(i, metre))
    return tuple(points)


def bars_from_changes(changes: Sequence[tuple[float, Metre]], length: float) -> list[Metre]:
    """Metre of every bar up to ``length``.

    Args:
        changes: (quarter note, metre), ascending, the first at 0. A change inside a bar ends that bar early.
        length: quarter notes to cover; the last bar is whole.
    """
    bars: list[Metre] = []
    at = 0.0
    for i, (_, metre) in enumerate(changes):
        end = changes[i + 1][0] if i + 1 < len(changes) else length
        last = i + 1 == len(changes)
        while at < end - _EPS or (last and not bars):
            short = end - at
            bar = metre if last or short >= metre.bar_quarters - _EPS else metre_of_length(short, metre)
            bars.append(bar)
            at += bar.bar_quarters
    return bars


def starts_of(bars: Sequence[Metre]) -> list[float]:
    """Start of every bar in quarter notes."""
    starts = [0.0]
    for metre in bars[:-1]:
        starts.append(starts[-1] + metre.bar_quarters)
    return starts


def sections_from_marks(marks: Sequence[tuple[float, str]], bar_starts: Sequence[float]) -> tuple[Section, ...]:
    """Sections from rehearsal marks or markers (quarter note, name); what lies before the first is ``intro``.

    Sections of the same name share their material.
    """
    names: dict[int, str] = {}
    for at, name in marks:
        if name:
            names.setdefault(max((i for i, bar in enumerate(bar_starts) if bar <= at + _EPS), default=0), name)
    if not names:
        return ()
    names.setdefault(0, "intro")
    firsts = sorted(names)
    ends = [*firsts[1:], len(bar_starts)]
    return tuple(Section(names[a], names[a], a, b - a) for a, b in zip(firsts, ends, strict=True))
