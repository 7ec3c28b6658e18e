"""Events of the words in their order in time → pairs "this sounds before that", and passages for the composer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partimento.interpret.reading import Passage, SaidOrder, Where

Span = tuple[int, int]
_MAX_EARLIER = 6
_SECTION_RANKS = {
    "intro": 0.0, "verse": 0.15, "prechorus": 0.3, "buildup": 0.3, "chorus": 0.4, "drop": 0.5, "interlude": 0.55,
    "breakdown": 0.6, "solo": 0.65, "bridge": 0.7, "outro": 1.0,
}  # fmt: skip
"""Where a section usually stands, as a fraction of the piece: only their order counts."""
_REPEAT_STEP = 0.22  # a second verse or chorus comes about that much later


@dataclass
class Event:
    """A cue with the instruments it is about.

    ``kind``: ``start``, ``next``, ``end``, ``place`` (sounds there; an order only beside other places), ``prior`` (before
    the event told last), ``leave``.
    """

    kind: str
    ids: list[str]
    span: Span
    where: Where
    only: bool = False
    everyone: bool = False
    leaving: list[str] = field(default_factory=list)
    position: int = 0
    entering: bool = False
    earlier: list[str] = field(default_factory=list)
    core: list[str] = field(default_factory=list)
    strong: bool = False
    ending: bool = False
    explicit: bool = False  # says itself what it follows
    rank: float | None = None
    late: bool = False  # said to wait
    beside: list[str] = field(default_factory=list)  # others of the clause: "enters over the piano"


def rank_of(kind: str, where: Where) -> float | None:
    """Where an event stands in the piece, 0 to 1; None when only its order is known."""
    if kind == "start":
        return 0.0
    if kind == "end" or where.unit == "end":
        return 1.0
    if where.unit == "fraction":
        return where.amount
    if where.unit == "section":
        base = _SECTION_RANKS.get(where.name, 0.5)
        return 0.9 if where.amount < 0 else min(0.95, base + _REPEAT_STEP * where.amount) if base < 1 else 1.0
    if where.unit == "stage" and where.amount:
        return min(0.9, _REPEAT_STEP * (where.amount - 1))
    return None


def in_time(events: list[Event]) -> list[Event]:
    """Events in the order of the piece: as told, but a place that is known to be earlier moves before a later one."""
    placed: list[Event] = []
    for event in _resolved(sorted(events, key=lambda e: e.position)):
        at = len(placed)
        if event.rank is not None and not event.explicit:
            while at and (other := placed[at - 1].rank) is not None and other > event.rank and not placed[at - 1].explicit:
                at -= 1
        placed.insert(at, event)
    return placed


def _resolved(events: list[Event]) -> list[Event]:
    """Places become stages when there are several, and are no events otherwise; "before that" looks back."""
    ranks = {e.rank for e in events if e.rank is not None and e.kind in ("place", "start", "end", "next")}
    several = len(ranks) > 1 or any(e.kind == "next" and e.ids for e in events)
    lowest = min((e.rank for e in events if e.kind in ("place", "start", "next") and e.ids and e.rank is not None), default=0.0)
    out: list[Event] = []
    for event in events:
        if event.kind == "place":
            if not event.ids or not (several or event.entering):
                continue
            first = event.rank == lowest and lowest < 1 and not event.entering
            event.kind, event.strong = ("start", False) if first else ("next", False)
            event.core = list(event.ids)
        if event.kind == "prior":
            target = next((e for e in reversed(out) if e.ids and e.kind in ("next", "end")), None)
            if target:
                target.earlier, target.explicit = list(event.ids), True
                target.ids = [i for i in target.ids if i not in event.ids] or target.ids
                event.kind = "told"
            else:
                event.kind, event.strong, event.rank = "start", True, 0.0
        out.append(event)
    return out


def pairs_of(events: list[Event], plain: list[tuple[int, str]], original: str) -> list[SaidOrder]:
    """Pairs (earlier, later) of adjacent stages; ``plain`` are mentions outside any event, by position."""
    pairs: dict[tuple[str, str], SaidOrder] = {}

    def add(first: str, then: str, span: Span) -> None:
        if first != then and (first, then) not in pairs and (then, first) not in pairs:
            pairs[first, then] = SaidOrder(first, then, (original[span[0] : span[1]].strip(" ,.;，。；、"),))

    starts = [id_ for e in events if e.kind == "start" for id_ in e.ids]
    everything = list(dict.fromkeys([*(id_ for e in events for id_ in e.ids), *(id_ for _, id_ in plain)]))
    stage: list[str] = []
    told: set[str] = set()
    for event in events:
        if event.everyone and not (event.kind == "end" and event.only):
            there = {*starts, *_opening(event, events, plain)}
            event.ids.extend(i for i in everything if i not in told and i not in event.ids and i not in there)
        if event.kind == "start" and event.ids:
            stage = list(event.ids)
        elif event.kind == "next" and event.ids:
            told_before = told | set(starts)
            if not (told_before or event.late or event.explicit or event.beside) and _more_to_come(event, events, plain):
                stage = list(event.ids)
                told.update(event.ids)
                continue
            earlier_plain = [id_ for at, id_ in plain if at < event.span[0]]
            new = [i for i in event.ids if i not in told and (starts or i not in earlier_plain)]
            if event.explicit or (not new and not told and event.entering):
                new = list(event.ids)
            sounding = stage or starts or dict.fromkeys(earlier_plain) or event.beside
            earlier = event.earlier or [i for i in sounding if i not in new]
            if not earlier and sounding and not event.late and not event.everyone and set(sounding) <= set(new):
                new = []  # "hi-hat, then the kick joins": one kit, no new player
            earlier = earlier if 0 < len(earlier) <= _MAX_EARLIER else ["*"]
            if earlier == ["*"] and not event.late and set(everything) <= set(new):
                new, earlier = [], []  # "then my wish: cello and piano": nothing is there before
            for then in new:
                for first in earlier:
                    add(first, then, event.span)
            stage = new or list(event.ids)
        elif event.kind == "end":
            known = {id_ for at, id_ in plain if at < event.span[0]} | told
            for then in event.ids:
                if event.only or event.ending or then not in known:
                    for first in event.earlier or ["*"]:
                        add(first, then, event.span)
        told.update(event.ids)
    opening = next((e for e in events if e.kind == "start" and e.ids and e.strong), None)
    if opening:
        for at, then in plain:
            if then not in told and not opening.span[0] <= at <= opening.span[1]:
                for first in opening.core or opening.ids:
                    add(first, then, opening.span)
    return list(pairs.values())


def _more_to_come(event: Event, events: list[Event], plain: list[tuple[int, str]]) -> bool:
    """True when the first to enter opens the piece: nothing is named before it, and others enter later."""
    if any(at < event.span[0] for at, _ in plain):
        return False
    later = [e for e in events if e is not event and e.kind in ("next", "end") and set(e.ids) - set(event.ids)]
    return bool(later)


def _opening(event: Event, events: list[Event], plain: list[tuple[int, str]]) -> list[str]:
    """Who sounds before the first "then" when everyone comes in at a later one: "piano, then bass, then everyone"."""
    first = next((e for e in events if e.ids or e.everyone), event)
    if first is event or first.kind != "next":
        return []
    return list(dict.fromkeys(id_ for at, id_ in plain if at < first.span[0]))


def passages_of(events: list[Event], plain: list[tuple[int, str]], original: str, everything: set[str]) -> list[Passage]:
    """What the composer needs: who starts, enters, leaves, remains, and where."""
    passages: list[Passage] = []
    known = {id_ for _, id_ in plain}
    for event in events:
        fresh = tuple(i for i in dict.fromkeys(event.ids) if i in everything and i not in known)
        known.update(event.ids)
        words = (original[event.span[0] : event.span[1]].strip(" ,.;，。；、"),)
        ids = tuple(i for i in event.ids if i in everything)
        if event.leaving:
            where = event.where if event.where.unit != "stage" else Where("end") if event.kind == "end" else event.where
            passages.append(Passage("leave", tuple(dict.fromkeys(event.leaving)), where, words))
        if not ids and event.everyone and event.kind == "next":
            opening = tuple(i for i in _opening(event, events, plain) if i in everything)
            if opening and not any(p.kind == "start" for p in passages):
                passages.insert(0, Passage("start", opening, Where("fraction", 0.0), words))
            passages.append(Passage("enter", ("*",), event.where, words))
        if not ids:
            continue
        if event.kind == "start" or event.kind == "told":
            passages.append(Passage("start", ids, Where("fraction", 0.0), words))
        elif event.kind == "next":
            alone = event.only and event.where.unit != "stage"
            if not alone or event.entering:
                passages.append(Passage("enter", ids, event.where, words))
            if alone:
                passages.append(Passage("only", ids, event.where, words))
        elif event.kind == "end":
            passages.extend(_ending(event, fresh, ids, words))
    return passages


def _ending(event: Event, fresh: tuple[str, ...], ids: tuple[str, ...], words: tuple[str, ...]) -> list[Passage]:
    """Passages of an event at the end."""
    where = event.where if event.where.unit != "stage" else Where("end")
    found = [Passage("enter", fresh, where, words)] if fresh else []
    return [*found, Passage("only", ids, where, words)] if event.only else found


def only_there(text: str, low: int, high: int) -> bool:
    """True when nothing else sounds there: "only", "solo", 只剩."""
    return bool(
        re.search(
            r"\b(?:only|alone|solo|just|by itself|on its own|leaving|remains?)\b|只(?!在)|[仅唯]余|归于|独白|独奏|一个人|收回",
            text[low:high],
        )
    )
