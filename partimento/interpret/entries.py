"""When who plays: passages of the words → ranges of bars, at section borders where the words leave it open."""

from __future__ import annotations

from dataclasses import replace

from partimento.interpret.parts import Draft
from partimento.interpret.reading import Passage, Reading, Where
from partimento.plan.plan import BarRange
from partimento.score.score import Section


class Timeline:
    """Bars of a plan, for placing passages.

    Args:
        sections: covering the piece.
        n_bars: bars of the piece.
        bar_s: seconds of a bar.
    """

    def __init__(self, sections: tuple[Section, ...], n_bars: int, bar_s: float) -> None:
        self.sections = sections
        self.n_bars = n_bars
        self.bar_s = bar_s
        self.borders = sorted({s.start_bar for s in sections} | {0})

    def bar(self, where: Where) -> int | None:
        """The bar of a place; None when only the order is known."""
        last = max(0, self.n_bars - 1)
        if where.unit in ("bars", "seconds"):
            amount = where.amount if where.unit == "bars" else where.amount / self.bar_s
            at = round(amount) if where.amount >= 0 else self.n_bars + round(min(-1.0, amount))
            return min(last, max(0, at))
        if where.unit == "fraction":
            return self.near(where.amount * self.n_bars) if where.amount else 0
        if where.unit == "section":
            found = self.named(where.name)
            index = int(where.amount)
            if not found or index >= len(found):
                return None
            return found[index].start_bar or None
        if where.unit == "after_section":
            found = self.named(where.name)
            return found[0].end_bar if found and found[0].end_bar < self.n_bars else None
        if where.unit == "end":
            return self.ending()
        return None

    def ending(self) -> int:
        """First bar of the end: the last section when it is a short one, else the last quarter."""
        start = self.sections[-1].start_bar if self.sections else 0
        if start >= 0.6 * self.n_bars and start < self.n_bars:
            return start
        return min(max(0, self.n_bars - 1), max(self.n_bars - max(1, self.n_bars // 4), 0))

    def near(self, bar: float) -> int:
        """The section border next to a bar if one is within an eighth of the piece, else the nearest even bar."""
        best = min(self.borders, key=lambda b: abs(b - bar))
        if best and abs(best - bar) <= max(1.0, self.n_bars / 8):
            return best
        even = 2 * round(bar / 2)
        return min(max(0, self.n_bars - 1), even if even > 0 else max(1, round(bar)))

    def named(self, name: str) -> list[Section]:
        """Sections of that name, or what comes nearest to it in this form."""
        found = [s for s in self.sections if s.name == name]
        if found or not self.sections:
            return found
        if name in ("chorus", "drop", "refrain"):
            loudest = max(self.sections, key=lambda s: s.energy)
            return [s for s in self.sections if s.material == loudest.material and s.energy >= loudest.energy - 0.05]
        if name == "outro":
            return [self.sections[-1]] if len(self.sections) > 1 else []
        if name == "intro":
            return [self.sections[0]] if len(self.sections) > 1 else []
        if name == "verse":
            return [s for s in self.sections if s.material == self.sections[min(1, len(self.sections) - 1)].material]
        if name in ("bridge", "breakdown", "interlude", "solo", "prechorus", "buildup") and len(self.sections) > 1:
            middle = [s for s in self.sections[1:] if s.name != "outro"] or [self.sections[-1]]
            return [middle[len(middle) // 2]]
        return []


def stage_bars(passages: list[Passage], time: Timeline) -> dict[int, int]:
    """Bar of every ``enter`` passage (by index): said places are kept, the others spread between them in order."""
    order = [i for i, p in enumerate(passages) if p.kind == "enter"]
    fixed = {i: time.bar(passages[i].where) for i in order}
    bars: dict[int, int] = {}
    previous = 0
    position = 0
    while position < len(order):
        known = fixed[order[position]]
        if known is not None:
            bars[order[position]] = max(known, min(previous + 1, time.n_bars - 1) if position and known <= previous else known)
            previous = bars[order[position]]
            position += 1
            continue
        run = [j for j in range(position, len(order)) if all(fixed[order[k]] is None for k in range(position, j + 1))]
        following = fixed[order[run[-1] + 1]] if run[-1] + 1 < len(order) else None
        end = following if following is not None and following > previous else time.n_bars
        for k, j in enumerate(run, start=1):
            ideal = previous + (end - previous) * 1.0 / (len(run) - k + 2)
            at = time.near(ideal)
            at = at if previous < at < end else round(ideal)
            bars[order[j]] = previous = min(max(previous + 1, at), max(0, time.n_bars - 1))
        position = run[-1] + 1
    return bars


def active_ranges(
    drafts: list[Draft], reading: Reading, time: Timeline
) -> tuple[list[tuple[BarRange, ...]], list[tuple[BarRange, ...]]]:
    """For every draft the bars in which it plays and those of its solo.

    A part of the style that no section is energetic enough for gets no bars; every other part plays somewhere.
    """
    passages = [p for p in reading.passages if not (p.kind == "enter" and _left_there(p, reading.passages))]
    bars = stage_bars(passages, time)
    on = [[True] * time.n_bars for _ in drafts]
    starters = {id_ for p in passages if p.kind == "start" for id_ in p.instruments}
    starters &= {d.follows for d in drafts}
    entering = {id_ for p in passages if p.kind == "enter" for id_ in p.instruments}
    named = starters | entering
    others = tuple(sorted({d.follows for d in drafts} - named))
    passages = [replace(p, instruments=others) if "*" in p.instruments else p for p in passages]
    entering |= {id_ for p in passages if p.kind == "enter" for id_ in p.instruments}
    first_entry = min((bars[i] for i, p in enumerate(passages) if p.kind == "enter"), default=time.near(time.n_bars / 3))
    soloists: list[list[BarRange]] = [[] for _ in drafts]
    for k, draft in enumerate(drafts):
        if starters and draft.follows not in starters and draft.follows not in entering:
            _clear(on[k], 0, first_entry)
        for section in time.sections:
            if section.energy < draft.from_energy:
                _clear(on[k], section.start_bar, section.end_bar)
        _apply(on[k], draft, passages, bars, time, starters, soloists[k])
    _apply_only(on, drafts, passages, time)
    for row, draft in zip(on, drafts, strict=True):
        if draft.after:
            leavers = [on[k] for k, d in enumerate(drafts) if d.follows in draft.after]
            row[:] = [plays and not any(r[bar] for r in leavers) for bar, plays in enumerate(row)]
    _never_empty(on, drafts, starters)
    active = [_ranges(row) for row in on]
    solos = [tuple(s) for s in soloists]
    return active, solos


def _left_there(enters: Passage, passages: tuple[Passage, ...]) -> bool:
    """True when the same place is the one at which the same players leave."""
    return any(p.kind == "leave" and p.instruments == enters.instruments and p.where == enters.where for p in passages)


def _clear(row: list[bool], start: int, end: int) -> None:
    for bar in range(max(0, start), min(len(row), end)):
        row[bar] = False


def _apply(
    row: list[bool],
    draft: Draft,
    passages: list[Passage],
    bars: dict[int, int],
    time: Timeline,
    starters: set[str],
    soloist: list[BarRange],
) -> None:
    """Passages of one part."""
    entered = False
    for index, passage in enumerate(passages):
        if draft.follows not in passage.instruments:
            continue
        if passage.kind == "enter" and not entered and draft.follows not in starters:
            _clear(row, 0, bars[index])
            entered = True
        elif passage.kind == "leave":
            at = time.bar(passage.where)
            _clear(row, at if at else time.near(time.n_bars * 0.7), time.n_bars)
        elif passage.kind in ("during", "silent", "solo"):
            found = time.named(passage.where.name)
            if not found or len(found) == len(time.sections):
                continue
            if passage.kind == "solo":
                soloist.extend(BarRange(s.start_bar, s.end_bar) for s in found)
                continue
            inside = {b for s in found for b in range(s.start_bar, s.end_bar)}
            for bar in range(time.n_bars):
                if (bar in inside) == (passage.kind == "silent"):
                    row[bar] = False


def _apply_only(on: list[list[bool]], drafts: list[Draft], passages: list[Passage], time: Timeline) -> None:
    """From such a place on the others are silent: to the end of the piece, or of the section named."""
    for passage in passages:
        if passage.kind != "only" or not any(d.follows in passage.instruments for d in drafts):
            continue
        start = time.bar(passage.where)
        start = start if start else time.ending()
        end = time.n_bars
        if passage.where.unit == "section" and (found := time.named(passage.where.name)):
            end = found[0].end_bar
        for k, draft in enumerate(drafts):
            if draft.follows in passage.instruments:
                on[k][start:end] = [True] * (end - start)
            else:
                _clear(on[k], start, end)


def _never_empty(on: list[list[bool]], drafts: list[Draft], starters: set[str]) -> None:
    """A part plays somewhere, and somebody plays in the first bar."""
    for row, draft in zip(on, drafts, strict=True):
        if not any(row) and not draft.from_energy:
            row[-1] = True
    if not any(any(row) for row in on):
        # All that is left waits for more energy than any section has: then they play at the energy there is.
        on[:] = [[True] * len(row) for row in on]
    if not any(row[0] for row in on):
        first = next((k for k, d in enumerate(drafts) if d.follows in starters), None)
        if first is None:
            first = min((k for k in range(len(on)) if any(on[k])), key=lambda k: (on[k].index(True), k))
        until = on[first].index(True)
        on[first][:until] = [True] * until


def _ranges(row: list[bool]) -> tuple[BarRange, ...]:
    """Runs of True."""
    ranges, start = [], None
    for bar, plays in enumerate([*row, False]):
        if plays and start is None:
            start = bar
        elif not plays and start is not None:
            ranges.append(BarRange(start, bar))
            start = None
    return tuple(ranges)
