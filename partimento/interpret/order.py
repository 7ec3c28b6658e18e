"""Order in time: "starts with piano, then drums enter", "once the harp is done, a choir enters", 先…然后…最后只剩….

Sentences are read clause by clause. Two clauses joined in time give a relation ("after", "until", 等…再…), a clause that
waits gives a late entry, any other clause with a cue an event (start, next, end, place, before that). The events in the
order of the piece give the pairs "this sounds before that" and the passages that decide in which bars a part plays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.interpret.anaphora import with_anaphors
from partimento.interpret.clause_events import (
    arriving,
    chosen,
    clauses_of,
    cue_of,
    event_of,
    governs,
    is_list,
    sequence_of,
    states,
    who_enters,
    who_is_added,
    who_leaves,
)
from partimento.interpret.clauses import Late, Relation, find_late, find_relations
from partimento.interpret.clauses_zh import find_late_zh, find_relations_zh
from partimento.interpret.cues import cues
from partimento.interpret.handover import Handover, find_handovers
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import REMAINS_OF, forward_chain
from partimento.interpret.place_orders import add_places
from partimento.interpret.places import find_place, late_place
from partimento.interpret.reading import Passage, SaidOrder, Where
from partimento.interpret.stage_lists import Stage, find_stages
from partimento.interpret.timeline import Event, in_time, only_there, pairs_of, passages_of
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
_UNDER = re.compile(r"(?:之上|上方|声中|的?伴奏下|的?背景下|的?衬托下)")
_OVER = re.compile(
    r"\b(?:over|on top of|above|against|atop|under|underneath|beneath|below|behind|alongside|beside|around)"
    r"(?: an?| the)?(?: \w+)?\s*$"
)
_AT_ONCE = re.compile(r"同时|\bat the same time\b|\bsimultaneously\b|\bat once\b")
_INSTEAD = re.compile(r"改用|换成|换|转为|改成")  # behind what is taken away these are replacements, not stages
_CLAUSE_STOP = re.compile(r"[,.;:!?，。；]")
_EARLY = ("intro", "verse")  # sections at which a piece begins: what is silent there comes in behind them
_FIRST = re.compile(r"\bfirst\b|第一")
_STRONG_START = re.compile(r"start|begin|open|commenc|kick|intro|先|起|开")


@dataclass(frozen=True)
class Order:
    """Result of :func:`read_order`."""

    pairs: tuple[SaidOrder, ...]
    passages: tuple[Passage, ...]
    spans: tuple[Span, ...]


class _Reader:
    """The events of a text, sentence by sentence.

    Args:
        text: normalised words.
        live: mentions that sound.
        silent: where the words name what shall not sound.
    """

    def __init__(self, text: str, live: list[Mention], silent: list[int]) -> None:
        self.text = text
        self.live = live
        self.silent = silent
        self.events: list[Event] = []
        self.in_event: set[int] = set()
        self.end = 0  # of the sentence that is read
        self.spoken: list[int] = []  # what a pronoun of the next sentence may mean

    def sentence(self, start: int, end: int) -> None:
        """Read one sentence."""
        text, live = self.text, self.live
        self.end = end
        joined = self._joined(start, end)
        current: Event | None = None
        inherits = False
        for low, high in clauses_of(text, start, end, live):
            if any(a < high and low < b for a, b in joined):
                self._beside(low, high, joined)
                current, inherits = None, False
                continue
            current, inherits = self._clause(start, low, high, current, inherits)
        inside = [i for i, m in enumerate(live) if start <= m.start < end]
        self.spoken = inside[-1:] or self.spoken

    def listed(self, stages: list[Stage]) -> None:
        """The stages of a layout ("piano -> strings", "0:30 strings"), one event each."""
        for k, stage in enumerate(stages):
            event = event_of("next" if k else "start", list(stage.mentions), stage.span, self.text, self.live, self.in_event)
            event.where, event.entering, event.strong, event.rank = stage.where, bool(k), not k, None
            event.core = list(event.ids)
            self.events.append(event)

    def _joined(self, start: int, end: int) -> list[Span]:
        """Events of clauses that are joined in time; where they stand."""
        text, live = self.text, self.live
        chinese = has_cjk(text[start:end])
        spans: list[Span] = []
        found: list[Relation | Late | Handover] = []
        found += (find_relations_zh if chinese else find_relations)(text, start, end, live, self.spoken)
        for more in (find_handovers(text, start, end, live), (find_late_zh if chinese else find_late)(text, start, end, live)):
            taken = [f.span for f in found]
            found += [f for f in more if not any(a < f.span[1] and f.span[0] < b for a, b in taken)]
        for item in sorted(found, key=lambda f: f.span):
            silent = late_place(text, item.span[0], self._stop(item.span[1], end)) if isinstance(item, Late) else Where()
            if silent.name and silent.name not in _EARLY and not _FIRST.search(text, *item.span):
                continue  # silent in the chorus: a pause, no late entry
            event = event_of("next", list(item.later), item.span, text, live, self.in_event)
            event.entering = True
            if isinstance(item, Late):
                event.late = True
                event.where = silent if silent.unit != "stage" else event.where
                inside = [i for i, m in enumerate(live) if start <= m.start < end and i not in item.later]
                event.beside = [live[i].id for i in inside if _OVER.search(text[start : live[i].start])]
            else:
                event.where = find_place(text, start, end)
                self.in_event.update(item.earlier)
                event.earlier = list(dict.fromkeys(live[i].id for i in item.earlier))
                event.explicit = True
            if isinstance(item, Handover) and item.replaced and event.where.unit != "stage":
                event.leaving = list(event.earlier)
            self.events.append(event)
            spans.append(item.span)
        return spans

    def _stop(self, at: int, end: int) -> int:
        """Where the clause around ``at`` ends."""
        stop = _CLAUSE_STOP.search(self.text, at, end)
        return stop.start() if stop else end

    def _beside(self, low: int, high: int, joined: list[Span]) -> None:
        """What enters, opens or came before in a clause that is partly read already."""
        text, live = self.text, self.live
        rest = [i for i, m in enumerate(live) if low <= m.start < high and not any(a <= m.start < b for a, b in joined)]
        rest = [i for i in rest if i not in self.in_event]
        cue = cue_of(text, low, high)
        starts = [i for i in who_enters(text, low, high, live) if i in rest]
        if cue and cue[0] in ("start", "prior") and rest and not any(a <= cue[1][0] < b for a, b in joined):
            event = event_of(cue[0], rest, (low, high), text, live, self.in_event)
            event.core, event.position = list(event.ids), cue[1][0]
            self.events.append(event)
        elif starts:
            event = event_of("next", starts, (low, high), text, live, self.in_event)
            event.entering = True
            self.events.append(event)

    def _clause(self, start: int, low: int, high: int, current: Event | None, inherits: bool) -> tuple[Event | None, bool]:
        """Read one clause; the event that the next clause may go on about."""
        text, live = self.text, self.live
        inside = [i for i, m in enumerate(live) if low <= m.start < high]
        gone = who_leaves(text, low, high, live, inside)
        cue = cue_of(text, low, high)
        if cue and is_list(text, start, cue[1], self.events):
            return None, False
        if cue is None:
            return self._without_cue(start, low, high, inside, gone, current, inherits)
        kind, span, back = cue
        if _INSTEAD.match(text[span[0] : span[1]]) and any(start <= at < span[0] for at in self.silent):
            return self._without_cue(start, low, high, inside, gone, current, inherits)
        if text[span[0]] in "只仅唯" and not REMAINS_OF.search(text, start, span[0]):
            return self._without_cue(start, low, high, inside, gone, current, inherits)
        if inside and self._at_once(low, high):
            return current, inherits
        if kind == "sequence":
            return self._sequence(low, high, span, inside)
        ids, prefix = chosen(text, low, high, span, live, inside, back=back)
        going_on = _going_on(text, [live[i] for i in inside])
        ids = [i for i in ids if i not in gone and live[i].id not in going_on]
        event = event_of(kind, ids, (min(low, span[0]), high) if ids else span, text, live, self.in_event, span)
        event.everyone = any(
            "everyone" in cues(c)["order"] and cues(c)["order"]["everyone"].search(text, span[0], high) for c in ("en", "zh")
        )
        event.only = only_there(text, low, high)
        event.leaving = [live[i].id for i in gone]
        event.position = span[0]
        event.entering = bool(who_enters(text, low, high, live) or (self.events and who_is_added(text, low, high, live)))
        said = text[span[0] : span[1]]
        event.ending = said != "end" and bool(
            re.match(
                r"end|finish|clos|conclu|wrap|leav|until|till|strip|last|at the (?:close|finish)|[只收仅终殿压垫归以唯]", said
            )
        )
        looks_back = not back and kind == "start" and all(live[i].end <= span[0] for i in ids)
        event.strong = not looks_back and bool(_STRONG_START.search(said))
        if kind == "next":
            self._beneath(event, low, ids, [i for i in inside if i not in gone])
        event.core = [live[i].id for i in forward_chain(text, span[1], high, live) if i in ids] or list(event.ids)
        if ids or event.everyone:
            self.events.append(event)
            return event, prefix
        if gone:
            self._leave(gone, (low, high), event.where)
        if kind in ("place", "prior") and not governs(text, low, high, span):
            return None, False
        # a bare cue ("after 8 bars, …", 到最后…) governs what follows in the sentence
        waits = kind != "prior" and said.strip().startswith(("until", "till", "before"))
        self.events.append(event)
        return event, governs(text, low, high, span) and not waits

    def _without_cue(
        self, start: int, low: int, high: int, inside: list[int], gone: list[int], current: Event | None, inherits: bool
    ) -> tuple[Event | None, bool]:
        """A clause that says nothing about time by itself."""
        text, live = self.text, self.live
        if inside and self._at_once(low, high):
            return current, inherits
        enters = who_enters(text, low, high, live) or self._added(low, high)
        arrives = [] if enters else arriving(text, start, low, high, live)
        if enters or arrives:
            span = (live[arrives[0]].start, high) if arrives else (low, high)
            event = event_of("next", enters or arrives, span, text, live, self.in_event)
            event.entering = True
            self._beneath(event, low, enters or arrives, inside)
            self.events.append(event)
            return event, False
        last = self.events[-1] if self.events else None
        if not (current and inherits) and last and last.kind == "start" and last.span[0] >= start and self._goes_on(high):
            stated = [] if gone else states(text, low, high, live, inside)
            if stated:
                self.events.append(event_of("next", stated, (low, high), text, live, self.in_event))
                return None, False
        if current is not None and inherits and inside and not gone:
            self.in_event.update(inside)
            current.ids.extend(id_ for id_ in dict.fromkeys(live[i].id for i in inside) if id_ not in current.ids)
            current.span = (current.span[0], max(current.span[1], max(live[i].end for i in inside)))
        elif gone:
            self._leave(gone, (low, high))
        return current, inherits

    def _goes_on(self, at: int) -> bool:
        """True when a later stage is told behind ``at`` in the sentence: what stands between is a stage of its own."""
        cue = cue_of(self.text, at, self.end) if self.end > at else None
        return bool(cue and cue[0] in ("next", "end"))

    def _added(self, low: int, high: int) -> list[int]:
        """ "Begin with a piano, add strings": the object of a verb of adding enters, once something has begun."""
        last = next((e for e in reversed(self.events) if e.kind in ("start", "next", "sequence")), None)
        return who_is_added(self.text, low, high, self.live) if last and last.ids else []

    def _beneath(self, event: Event, low: int, ids: list[int], inside: list[int]) -> None:
        """Others of the clause sound already: "brass enters over the piano", 铜管在钢琴之上登场."""
        event.beside = list(dict.fromkeys(self.live[i].id for i in inside if i not in ids))
        under = [
            i for i in ids
            if _UNDER.match(self.text, self.live[i].end) or (event.entering and _OVER.search(self.text[low : self.live[i].start]))
        ]  # fmt: skip
        if under and len(under) < len(ids):
            event.beside = list(dict.fromkeys(self.live[i].id for i in under))
            event.ids = [i for i in event.ids if i not in event.beside]

    def _at_once(self, low: int, high: int) -> bool:
        """ "… and the drums at the same time", 鼓同时进来: the clause belongs to the stage before."""
        last = next((e for e in reversed(self.events) if e.ids), None)
        inside = [i for i, m in enumerate(self.live) if low <= m.start < high]
        if not _AT_ONCE.search(self.text, low, high) or last is None or last.kind not in ("next", "start"):
            return False
        self.in_event.update(inside)
        last.ids.extend(id_ for id_ in dict.fromkeys(self.live[i].id for i in inside) if id_ not in last.ids)
        return True

    def _sequence(self, low: int, high: int, span: Span, inside: list[int]) -> tuple[Event | None, bool]:
        """ "Layer by layer: A, B, C", A、B 依次进入: one stage each."""
        stages = sequence_of(self.text, span, self.live, inside)
        first = not self.events and not any(m.end <= low for m in self.live)
        for k, ids in enumerate(stages):
            here = (self.live[ids[0]].start, self.live[ids[-1]].end)
            event = event_of("start" if first and k == 0 else "next", ids, here, self.text, self.live, self.in_event)
            event.entering = True
            self.events.append(event)
        return None, False

    def _leave(self, gone: list[int], span: Span, where: Where | None = None) -> None:
        """Instruments that stop."""
        place = where if where and where.unit != "stage" else find_place(self.text, *span)
        self.events.append(Event("leave", [], span, place, leaving=[self.live[i].id for i in gone], position=span[0]))


def read_order(text: str, original: str, sentences: list[Span], mentions: list[Mention], skip: set[int]) -> Order:
    """Orders and passages. ``skip``: indices of mentions that do not sound."""
    live = [m for i, m in enumerate(mentions) if i not in skip]
    live = with_anaphors(text, live)
    reader = _Reader(text, live, [m.start for i, m in enumerate(mentions) if i in skip])
    stages = find_stages(text, live)
    reader.listed(stages)
    for start, end in _outside(sentences, stages):
        reader.sentence(start, end)
    going_on = _going_on(text, live)
    events = in_time(reader.events)
    told = {i for e in events for i in e.ids}
    plain = [(m.start, m.id) for i, m in enumerate(live) if i not in reader.in_event or m.id not in told]
    plain = [(at, id_) for at, id_ in plain if id_ not in going_on]
    pairs = pairs_of(events, plain, original)
    passages = passages_of(events, plain, original, {m.id for m in live})
    pairs, passages = add_places(text, original, sentences, live, pairs, passages, told)
    return Order(tuple(pairs), tuple(passages), tuple(e.span for e in events))


def _outside(sentences: list[Span], stages: list[Stage]) -> list[Span]:
    """The sentences, without what a layout of stages takes of them."""
    if not stages:
        return sentences
    low, high = stages[0].span[0], stages[-1].span[1]
    parts = [part for a, b in sentences for part in ((a, min(b, low)), (max(a, high), b))]
    return [(a, b) for a, b in parts if a < b]


def _going_on(text: str, mentions: list[Mention]) -> set[str]:
    """Ids of what "continues": it does not enter."""
    return {m.id for m in mentions if re.match(r"(?: \w+){0,3} continu", text[m.end : m.end + 40])}
