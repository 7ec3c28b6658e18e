"""Order in time: "starts with piano, then drums enter", "halfway the choir joins", 先…然后…最后只剩….

Every clause with a cue becomes an event (start, next, end) with its instruments; events in sequence give the pairs
"this sounds before that" and the passages that decide in which bars a part plays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import backward_chain, forward_chain
from partimento.interpret.places import find_place
from partimento.interpret.reading import Passage, SaidOrder, Where
from partimento.interpret.tokens import clause_spans, has_cjk

Span = tuple[int, int]
_MAX_EARLIER = 6
_EN_BREAK = re.compile(
    r"\b(?:and then|but then|then|before|until|followed by|while|but|whereas|and finally|and later|"
    r"and after|and eventually|over which)\b"
)
_STRONG_START = re.compile(r"start|begin|open|commenc|kick|intro|先|起|开")


@dataclass
class Event:
    """A cue with the instruments it is about."""

    kind: str  # start, next, end
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


@dataclass(frozen=True)
class Order:
    """Result of :func:`read_order`."""

    pairs: tuple[SaidOrder, ...]
    passages: tuple[Passage, ...]
    spans: tuple[Span, ...]


def read_order(text: str, original: str, sentences: list[Span], mentions: list[Mention], skip: set[int]) -> Order:
    """Orders and passages. ``skip``: indices of mentions that do not sound."""
    live = [m for i, m in enumerate(mentions) if i not in skip]
    events: list[Event] = []
    in_event: set[int] = set()
    for start, end in sentences:
        _sentence(text, start, end, live, events, in_event)
    plain = [(m.start, m.id) for i, m in enumerate(live) if i not in in_event]
    going_on = {m.id for m in live if re.match(r"(?: \w+){0,3} continu", text[m.end : m.end + 40])}
    plain = [(at, id_) for at, id_ in plain if id_ not in going_on]
    events.sort(key=lambda e: e.position)
    pairs = _pairs(events, plain, original)
    passages = _passages(events, plain, original, {m.id for m in live})
    return Order(tuple(pairs), tuple(passages), tuple(e.span for e in events))


def _clauses(text: str, start: int, end: int) -> list[Span]:
    """Clauses of a sentence, English ones also broken at words such as "then" and "before"."""
    spans = []
    for low, high in clause_spans(text, start, end):
        at = low
        if not has_cjk(text[low:high]):
            for match in _EN_BREAK.finditer(text, low, high):
                if match.start() > at:
                    spans.append((at, match.start()))
                    at = match.start()
        spans.append((at, high))
    return spans


def _cue(text: str, low: int, high: int) -> tuple[str, Span, bool] | None:
    """The first cue of a clause: kind, span, and whether it looks back ("X first")."""
    found: list[tuple[int, str, Span, bool]] = []
    languages = ("zh", "en") if has_cjk(text[low:high]) else ("en",)
    for language in languages:
        order = cues(language)["order"]
        for rank, (name, kind, back) in enumerate(
            (
                ("start", "start", False),
                ("end", "end", False),
                ("next", "next", False),
                ("start_after", "start", True),
                ("end_after", "end", True),
            )
        ):
            if name in order and (match := order[name].search(text, low, high)):
                found.append((match.start() * 10 + rank, kind, match.span(), back))
    if not found:
        return None
    _, kind, span, back = min(found)
    return kind, span, back


def _sentence(text: str, start: int, end: int, live: list[Mention], events: list[Event], in_event: set[int]) -> None:
    """Events of one sentence."""
    current: Event | None = None
    inherits = False
    for low, high in _clauses(text, start, end):
        inside = [i for i, m in enumerate(live) if low <= m.start < high]
        leaving = _leaving(text, low, high, live, inside)
        cue = _cue(text, low, high)
        if cue and _is_list(text, start, cue[1], events):
            current, inherits = None, False
            continue
        if cue is None:
            sequel = _after(text, low, high, live, inside)
            entering = sequel[1] if sequel else _entering(text, low, high, live)
            if entering:
                current = _event("next", entering, (low, high), text, live, in_event)
                current.entering = not sequel
                current.earlier = [live[i].id for i in sequel[0]] if sequel else []
                events.append(current)
                inherits = False
                continue
            if current is not None and inherits and inside and not leaving:
                _extend(current, inside, live, in_event)
            elif leaving:
                _leave(events, leaving, live, (low, high), text)
            continue
        kind, span, back = cue
        chosen, prefix = _chosen(text, low, high, span, live, inside, back=back)
        chosen = [i for i in chosen if i not in leaving]
        event = _event(kind, chosen, (min(low, span[0]), high) if chosen else span, text, live, in_event)
        event.everyone = any(
            "everyone" in cues(c)["order"] and cues(c)["order"]["everyone"].search(text, span[0], high) for c in ("en", "zh")
        )
        event.only = _only_there(text, low, high)
        event.leaving = [live[i].id for i in leaving]
        event.position = span[0]
        event.entering = bool(_entering(text, low, high, live))
        event.ending = bool(re.match(r"end|finish|clos|conclu|wrap|leav|until|till|strip|[只收仅]", text[span[0] : span[1]]))
        event.strong = not (not back and kind == "start" and all(live[i].end <= span[0] for i in chosen)) and bool(
            _STRONG_START.search(text[span[0] : span[1]])
        )
        event.core = [live[i].id for i in forward_chain(text, span[1], high, live) if i in chosen] or list(event.ids)
        if not chosen and not event.everyone:
            if leaving:
                _leave(events, leaving, live, (low, high), text, event.where)
            # a bare cue ("after 8 bars, …", 到最后…) governs what follows in the sentence
            waits = text[span[0] : span[1]].strip().startswith(("until", "till", "before"))
            current, inherits = event, (not text[low : span[0]].strip(" ,") or has_cjk(text[low:high])) and not waits
            events.append(event)
            continue
        events.append(event)
        current, inherits = event, prefix


def _event(kind: str, chosen: list[int], span: Span, text: str, live: list[Mention], in_event: set[int]) -> Event:
    """An event of these mentions."""
    in_event.update(chosen)
    return Event(kind, list(dict.fromkeys(live[i].id for i in chosen)), span, find_place(text, *span), position=span[0])


def _after(text: str, low: int, high: int, live: list[Mention], inside: list[int]) -> tuple[list[int], list[int]] | None:
    """ "strings come in after the piano", "on the synth immediately after she sings": (earlier, later)."""
    if has_cjk(text[low:high]):
        return None
    match = re.search(r"(?<!shortly )\bafter\b(?! (?:which|that|this|all))", text[low:high])
    if not match:
        return None
    cue = low + match.start()
    earlier = [i for i in forward_chain(text, low + match.end(), high, live, 3) if i in inside]
    later = [i for i in inside if live[i].end <= cue]
    if not earlier or not later:
        return None
    entering = [i for i in _entering(text, low, cue, live) if i in later]
    return earlier, entering or later


def _extend(event: Event, inside: list[int], live: list[Mention], in_event: set[int]) -> None:
    """The next clause goes on about the same event."""
    in_event.update(inside)
    event.ids.extend(id_ for id_ in dict.fromkeys(live[i].id for i in inside) if id_ not in event.ids)
    event.span = (event.span[0], max(event.span[1], max(live[i].end for i in inside)))


def _leave(
    events: list[Event], leaving: list[int], live: list[Mention], span: Span, text: str, where: Where | None = None
) -> None:
    """Instruments that stop."""
    place = where if where and where.unit != "stage" else find_place(text, *span)
    events.append(Event("leave", [], span, place, leaving=[live[i].id for i in leaving], position=span[0]))


def _is_list(text: str, start: int, span: Span, events: list[Event]) -> bool:
    """True for "features A, B, followed by C": an enumeration, not an order in time."""
    if "followed" not in text[span[0] : span[1]]:
        return False
    before = text[start : span[0]]
    others = any(e.span[0] >= start for e in events)
    listing = cues("en")["order"]["lists"].search(before) or re.search(r"\btempo\b.*\bwith\b", before)
    return bool(listing) and not others and not re.search(r"\b(?:first|start|begin|intro\b|opening)", before)


def _chosen(
    text: str, low: int, high: int, span: Span, live: list[Mention], inside: list[int], *, back: bool
) -> tuple[list[int], bool]:
    """Mentions that a cue is about, and whether later clauses of the sentence may go on about it."""
    after = [i for i in inside if live[i].start >= span[1]]
    before = [i for i in inside if live[i].end <= span[0] + 1]
    if has_cjk(text[low:high]):
        return (after or before), bool(after)
    order = cues("en")["order"]
    if not back and after:
        entering = [i for i in _entering(text, span[1], high, live) if i in after]
        leave = order["leave"].search(text, span[1], high)
        return (entering if entering and not leave else after), not entering
    entering = [i for i in _entering(text, low, high, live) if i in before]
    if entering:
        return entering, False
    if back:
        return [i for i in backward_chain(text, span[0], low, live, 4) if i in before], False
    if not after:
        return _subject(text, low, span, live, before), False
    return after, True


def _subject(text: str, low: int, span: Span, live: list[Mention], before: list[int]) -> list[int]:
    """What a place at the end of a clause is said of: "… and bells at the end", "the drums are busy in the first half"."""
    if not before:
        return []
    gap = text[live[before[-1]].end : span[0]]
    if re.search(r"\b(?:which|who)\b", gap) and not re.search(r"\b(?:appear|comes?|enter|plays?|kick|starts?|join)", gap):
        return []
    if cues("en")["order"]["lists"].search(text[max(0, low - 200) : span[0]]) or re.search(r"\bthat\b", gap):
        return before[-1:]
    return before


def _entering(text: str, low: int, high: int, live: list[Mention]) -> list[int]:
    """Mentions that are the subject of "enters", "comes in", 加入 …; not in a subordinate clause."""
    if has_cjk(text[low:high]):
        match = cues("zh")["order"]["enter"].search(text, low, high)
        if not match:
            return []
        inside = [i for i, m in enumerate(live) if low <= m.start and m.end <= match.start()]
        return inside if not re.search(r"加入$", match.group()) or inside else []
    order = cues("en")["order"]
    match = order["enter"].search(text, low, high)
    if (
        not match
        or order["dependent"].match(text[low:high].lstrip(" ,"))
        or order["dependent"].search(text[max(low, match.start() - 36) : match.start()])
    ):
        return []
    if "join" in match.group() and re.search(r"\b(?:is|are|be|been)\s*$", text[low : match.start()]):
        return []
    if not re.search(r"\w", text[low : match.start()]):
        return forward_chain(text, match.end(), high, live, 3)
    return backward_chain(text, match.start(), low, live, 3)


def _leaving(text: str, low: int, high: int, live: list[Mention], inside: list[int]) -> list[int]:
    """Mentions that are the subject of "drop out", 停掉 …."""
    if not has_cjk(text[low:high]):
        match = cues("en")["order"]["leave"].search(text, low, high)
        return [i for i in backward_chain(text, match.start(), low, live, 2) if i in inside] if match else []
    out: list[int] = []
    for match in cues("zh")["order"]["leave"].finditer(text, low, high):
        before = [i for i in inside if live[i].end <= match.start() and i not in out]
        if before and match.start() - live[before[-1]].end <= 4:
            out.extend(i for i in before if match.start() - live[i].end <= 10)
    return out


def _only_there(text: str, low: int, high: int) -> bool:
    """True when nothing else sounds there: "only", "solo", 只剩."""
    return bool(
        re.search(r"\b(?:only|alone|solo|just|by itself|on its own|leaving|remains?)\b|只|独白|独奏|一个人|收回", text[low:high])
    )


def _pairs(events: list[Event], plain: list[tuple[int, str]], original: str) -> list[SaidOrder]:
    """Pairs (earlier, later) of adjacent stages."""
    pairs: dict[tuple[str, str], SaidOrder] = {}

    def add(first: str, then: str, span: Span) -> None:
        if first != then and (first, then) not in pairs and (then, first) not in pairs:
            pairs[first, then] = SaidOrder(first, then, (original[span[0] : span[1]].strip(" ,.;，。；、"),))

    starts = [id_ for e in events if e.kind == "start" for id_ in e.ids]
    everything = list(dict.fromkeys([*(id_ for e in events for id_ in e.ids), *(id_ for _, id_ in plain)]))
    stage: list[str] = []
    told: set[str] = set()
    for event in events:
        if event.everyone:
            event.ids.extend(i for i in everything if i not in told and i not in event.ids and i not in starts)
        if event.kind == "start" and event.ids:
            stage = list(event.ids)
        elif event.kind == "next" and event.ids:
            earlier_plain = [id_ for at, id_ in plain if at < event.span[0]]
            new = [i for i in event.ids if i not in told and (starts or i not in earlier_plain)]
            if not new and not told and event.entering:
                new = list(event.ids)
            earlier = event.earlier or [i for i in (stage or dict.fromkeys(earlier_plain)) if i not in new]
            earlier = earlier if 0 < len(earlier) <= _MAX_EARLIER else ["*"]
            for then in new:
                for first in earlier:
                    add(first, then, event.span)
            stage = new or list(event.ids)
        elif event.kind == "end":
            known = {id_ for at, id_ in plain if at < event.span[0]} | told
            for then in event.ids:
                if event.only or event.ending or then not in known:
                    add("*", then, event.span)
        told.update(event.ids)
    opening = next((e for e in events if e.kind == "start" and e.ids and e.strong), None)
    if opening:
        for at, then in plain:
            if then not in told and not opening.span[0] <= at <= opening.span[1]:
                for first in opening.core:
                    add(first, then, opening.span)
    return list(pairs.values())


def _passages(events: list[Event], plain: list[tuple[int, str]], original: str, everything: set[str]) -> list[Passage]:
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
            passages.append(Passage("enter", ("*",), event.where, words))
        if not ids:
            continue
        if event.kind == "start":
            passages.append(Passage("start", ids, Where("fraction", 0.0), words))
        elif event.kind == "next":
            alone = event.only and event.where.unit != "stage"
            if not alone or event.entering:
                passages.append(Passage("enter", ids, event.where, words))
            if alone:
                passages.append(Passage("only", ids, event.where, words))
        elif event.kind == "end":
            where = event.where if event.where.unit != "stage" else Where("end")
            if fresh:
                passages.append(Passage("enter", fresh, where, words))
            if event.only:
                passages.append(Passage("only", ids, where, words))
    return passages
