"""Order in time: "starts with piano, then drums enter", "halfway the choir joins", 先…然后…最后只剩….

Every clause with a cue becomes an event (start, next, end) with its instruments; events in sequence give the pairs
"this sounds before that" and the passages that decide in which bars a part plays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partimento.interpret.cues import cues
from partimento.interpret.handover import Handover, find_handovers
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
_ZH_POSTPOSED = r"(?:打头|领头|起头|先行|开路|殿后|压轴|垫后)"
_ZH_BREAK = re.compile(_ZH_POSTPOSED + "、")
_THEN_VERB = re.compile(r"then (?!an?\b|the\b|by\b|some\b|there\b|comes?\b)[a-z]+")
_ARRIVAL = re.compile(
    r"\b(?:when|as|before) (?:suddenly |gradually |slowly |finally |then )?(?=(?:an?|the|some|two|more|male|female|soft|loud)\b)"
)
_CHANGE = re.compile(r"\b(?:chang|slow|retard|speed|build|grow|swell|soften|quicken|resolv|gets?\b|becom)")
_FIGURE = re.compile(
    r"\bwith (?:an? |some )?(?:\w+ )?(?:rolls?|fills?|flourish|runs?|slides?|trills?|bends?|accents?|cadence|pause)\b"
)
_COMPANY = re.compile(r"\b(?:together|along|alongside) with\b|\balongside\b")
_STARTS_PLAYING = re.compile(r"\b(?:starts?|begins?|starting) (?:to (?:sing|play|rap|solo)|singing|playing|rapping|soloing)\b")
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
    explicit: bool = False  # says itself what it follows


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
    going_on = _going_on(text, live)
    plain = [(at, id_) for at, id_ in plain if id_ not in going_on]
    events.sort(key=lambda e: e.position)
    pairs = _pairs(events, plain, original)
    passages = _passages(events, plain, original, {m.id for m in live})
    return Order(tuple(pairs), tuple(passages), tuple(e.span for e in events))


def _going_on(text: str, mentions: list[Mention]) -> set[str]:
    """Ids of what "continues": it does not enter."""
    return {m.id for m in mentions if re.match(r"(?: \w+){0,3} continu", text[m.end : m.end + 40])}


def _clauses(text: str, start: int, end: int, live: list[Mention]) -> list[Span]:
    """Clauses of a sentence, English ones also broken at words such as "then" and "before"; 打头、… is two."""
    subjects = {m.end for m in live}
    spans = []
    for low, high in clause_spans(text, start, end):
        at = low
        if not has_cjk(text[low:high]):
            for match in _EN_BREAK.finditer(text, low, high):
                adverb = match.start() - 1 in subjects and _THEN_VERB.match(text, match.start(), high)
                if match.start() > at and not adverb:
                    spans.append((at, match.start()))
                    at = match.start()
        else:
            for match in _ZH_BREAK.finditer(text, low, high):
                spans.append((at, match.end()))
                at = match.end()
        if at < high:
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
    handovers = find_handovers(text, start, end, live)
    events.extend(_handover_event(handover, text, start, end, live, in_event) for handover in handovers)
    for low, high in _clauses(text, start, end, live):
        if any(h.span[0] < high and low < h.span[1] for h in handovers):
            _opening_beside(text, low, high, handovers, live, events, in_event)
            current, inherits = None, False
            continue
        inside = [i for i, m in enumerate(live) if low <= m.start < high]
        leaving = _leaving(text, low, high, live, inside)
        cue = _cue(text, low, high)
        if cue and _is_list(text, start, cue[1], events):
            current, inherits = None, False
            continue
        if cue is None:
            sequel = _after(text, low, high, live, inside)
            entering = sequel[1] if sequel else _entering(text, low, high, live)
            arriving = [] if entering else _arriving(text, start, low, high, live)
            if entering or arriving:
                span = (live[arriving[0]].start, high) if arriving else (low, high)
                current = _event("next", entering or arriving, span, text, live, in_event)
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
        going_on = _going_on(text, [live[i] for i in inside])
        chosen = [i for i in chosen if i not in leaving and live[i].id not in going_on]
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
            current, inherits = event, _governs(text, low, high, span) and not waits
            events.append(event)
            continue
        events.append(event)
        current, inherits = event, prefix


def _event(kind: str, chosen: list[int], span: Span, text: str, live: list[Mention], in_event: set[int]) -> Event:
    """An event of these mentions."""
    in_event.update(chosen)
    return Event(kind, list(dict.fromkeys(live[i].id for i in chosen)), span, find_place(text, *span), position=span[0])


def _governs(text: str, low: int, high: int, span: Span) -> bool:
    """True when a cue without instruments is about the clauses that follow, not about a predicate of its own."""
    if has_cjk(text[low:high]):
        return len(text[span[1] : high].strip(" 的时候处")) < 2
    return not text[low : span[0]].strip(" ,") or _looks_ahead(text, low, high, span)


def _looks_ahead(text: str, low: int, high: int, span: Span) -> bool:
    """True for "… and at the very end, a snare": a place between "and" and a comma belongs to what follows."""
    joined = re.search(r"\b(?:and|but|then)\s*$", text[low : span[0]])
    return bool(joined) and bool(re.fullmatch(r"(?: of the \w+)?\s*", text[span[1] : high])) and text[high : high + 1] == ","


def _handover_event(handover: Handover, text: str, start: int, end: int, live: list[Mention], in_event: set[int]) -> Event:
    """What comes after, with what it follows."""
    event = _event("next", list(handover.later), handover.span, text, live, in_event)
    event.where = find_place(text, start, end)
    in_event.update(handover.earlier)
    event.earlier = list(dict.fromkeys(live[i].id for i in handover.earlier))
    event.entering = event.explicit = True
    if handover.replaced and event.where.unit != "stage":
        event.leaving = list(event.earlier)
    return event


def _opening_beside(
    text: str, low: int, high: int, handovers: list[Handover], live: list[Mention], events: list[Event], in_event: set[int]
) -> None:
    """What enters in the clause of a handover without being part of it: "drums enter and hand over to …" has none."""
    used = {i for h in handovers for i in (*h.earlier, *h.later)}
    entering = [i for i in _entering(text, low, high, live) if i not in used]
    if entering:
        event = _event("next", entering, (low, high), text, live, in_event)
        event.entering = True
        events.append(event)


def _arriving(text: str, start: int, low: int, high: int, live: list[Mention]) -> list[int]:
    """ "The guitar strums when a voice starts to sing": a main clause with an instrument, then somebody's arrival."""
    match = _ARRIVAL.search(text, low, high)
    if has_cjk(text[low:high]) or not match or not any(start <= m.start and m.end <= match.start() for m in live):
        return []
    verbs = (cues("en")["order"]["enter"].search(text, match.end(), high), _STARTS_PLAYING.search(text, match.end(), high))
    verb = next((v for v in verbs if v), None)
    return backward_chain(text, verb.start(), match.end(), live, 3) if verb else []


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
        if before and re.fullmatch(_ZH_POSTPOSED, text[span[0] : span[1]]):
            return before, False
        return (after or before), bool(after)
    order = cues("en")["order"]
    if not back and after:
        entering = [i for i in _entering(text, span[1], high, live) if i in after]
        leave = order["leave"].search(text, span[1], high)
        if entering and not leave:
            company = _COMPANY.search(text, live[entering[-1]].end, high)
            return entering + (forward_chain(text, company.end(), high, live, 4) if company else []), False
        if text[span[0] : span[1]].strip() == "and then" and any(m.end == span[0] or m.end + 1 == span[0] for m in live):
            return forward_chain(text, span[1], high, live) or after, True
        return after, not entering
    entering = [i for i in _entering(text, low, high, live) if i in before]
    if entering:
        return entering, False
    if back:
        return [i for i in backward_chain(text, span[0], low, live, 4) if i in before], False
    if not after:
        if _looks_ahead(text, low, high, span):
            return [], True
        return _subject(text, low, span, live, before), False
    return after, True


def _subject(text: str, low: int, span: Span, live: list[Mention], before: list[int]) -> list[int]:
    """What a place at the end of a clause is said of: "… and bells at the end", "the drums are busy in the first half"."""
    if not before:
        return []
    gap = text[live[before[-1]].end : span[0]]
    if _CHANGE.search(gap) or _FIGURE.search(gap):
        return []
    if re.search(r"\b(?:which|who|that)\b", gap) and not re.search(r"\b(?:appear|comes?|enter|plays?|kick|starts?|join)", gap):
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
        re.search(
            r"\b(?:only|alone|solo|just|by itself|on its own|leaving|remains?)\b|只|[仅唯]余|归于|独白|独奏|一个人|收回",
            text[low:high],
        )
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
        if event.everyone and not (event.kind == "end" and event.only):
            event.ids.extend(i for i in everything if i not in told and i not in event.ids and i not in starts)
        if event.kind == "start" and event.ids:
            stage = list(event.ids)
        elif event.kind == "next" and event.ids:
            earlier_plain = [id_ for at, id_ in plain if at < event.span[0]]
            new = [i for i in event.ids if i not in told and (starts or i not in earlier_plain)]
            if event.explicit or (not new and not told and event.entering):
                new = list(event.ids)
            earlier = event.earlier or [i for i in (stage or starts or dict.fromkeys(earlier_plain)) if i not in new]
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
