"""Bars that the words leave to nobody: an only player who drops out has to stay, and the conflict is listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from partimento.interpret.reading import Passage
from partimento.plan.plan import BarRange, Conflict, PartPlan
from partimento.score.instruments import instruments


def filled(
    parts: tuple[PartPlan, ...], passages: Sequence[Passage], n_bars: int
) -> tuple[tuple[PartPlan, ...], tuple[Conflict, ...]]:
    """Parts such that somebody plays in every bar.

    Who played last before a gap goes on through it; at the start, who comes first begins earlier.

    Args:
        parts: with their bars.
        passages: what the words say about who leaves.
        n_bars: of the piece.

    Returns:
        The parts, and one conflict for each instrument that stays against the words.
    """
    staying: dict[str, tuple[BarRange, ...]] = {}
    for gap in _gaps(parts, n_bars):
        before = [max((r.end_bar for r in p.active if r.end_bar <= gap.start_bar), default=-1) for p in parts]
        last = max(before)
        if last >= 0:
            chosen = [p for p, end in zip(parts, before, strict=True) if end == last]
        else:
            first = min(p.active[0].start_bar for p in parts if p.active)
            chosen = [p for p in parts if p.active and p.active[0].start_bar == first]
        for part in chosen:
            staying[part.name] = (*staying.get(part.name, ()), gap)
    if not staying:
        return parts, ()
    done = tuple(replace(p, active=_joined((*p.active, *staying.get(p.name, ())))) for p in parts)
    ids = dict.fromkeys(p.instrument for p in parts if p.name in staying)
    return done, tuple(_conflict(id_, passages) for id_ in ids)


def _gaps(parts: tuple[PartPlan, ...], n_bars: int) -> list[BarRange]:
    """Runs of bars without any part."""
    gaps: list[BarRange] = []
    for bar in range(n_bars):
        if any(p.plays_in(bar) for p in parts):
            continue
        if gaps and gaps[-1].end_bar == bar:
            gaps[-1] = BarRange(gaps[-1].start_bar, bar + 1)
        else:
            gaps.append(BarRange(bar, bar + 1))
    return gaps


def _joined(ranges: tuple[BarRange, ...]) -> tuple[BarRange, ...]:
    """In order, without borders between ranges that touch."""
    out: list[BarRange] = []
    for r in sorted(ranges, key=lambda r: r.start_bar):
        if out and r.start_bar <= out[-1].end_bar:
            out[-1] = BarRange(out[-1].start_bar, max(out[-1].end_bar, r.end_bar))
        else:
            out.append(r)
    return tuple(out)


def _conflict(instrument_id: str, passages: Sequence[Passage]) -> Conflict:
    """The conflict for one instrument, with the words that wanted it silent."""
    name = instruments()[instrument_id].en
    said = next((p.words for p in passages if p.kind in ("leave", "silent", "enter") and instrument_id in p.instruments), ())
    return Conflict("entrances", f"{name} plays on", " ".join(said) or f"{name} is silent", "nobody else would play there")
