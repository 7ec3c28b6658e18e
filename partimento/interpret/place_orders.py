"""Who enters by a place: "pipes only in the B part", "Scene one: … Scene two: …", 小号只在结尾吹两声.

Clauses that name a place of the piece put what they name on one time line; what is said without a place is there from the
beginning. Neighbours on that line are the pairs "this sounds before that", and each later place is an entrance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from partimento.interpret.mentions import Mention
from partimento.interpret.place_ranks import Place, names_a_place, places_in
from partimento.interpret.reading import Passage, SaidOrder, Where
from partimento.interpret.timeline import rank_of
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
_STOP = re.compile(r"[,，;!?。；：！？\n()（）]|:(?!\d)|\.(?!\d)|\s[-–—]+\s|—+")
_SENTENCE = re.compile(r"[;!?。；！？\n]|\.(?!\d)")
_JOINT = re.compile(r"\b(?:and|while|but|where|then) (?=(?:an?|the|some|his|her|its)? ?\w)|[而但]")
_SILENT = re.compile(
    r"\b(?:out|stops?|leaves?|gone|silent|silence|without|not?|never|nobody|returns?|rests?|again|back|gives way|"
    r"fad(?:es?|ing) (?:out|away)|"
    r"ends?(?! of)|quit(?:s|ting)?|quiet(?:s|er)?|tacet|lays? out|drops?(?! (?:in|hits))|alone|remains?|left|leaving)\b|"
    r"n't\b|[停没无别再又静剩不]|在[^,，]*之后$|休息|消失|离开|退出|回到|渐弱"
)
_STILL_ENTERS = re.compile(
    r"\b(?:not|n't|never)\b[^,.;]{0,24}\b(?:until|till|before)\b|\bnot a moment earlier\b|"
    r"再(?:进|加|来|露|上|出|响|往)|(?:不|没)[^,，。]{0,8}(?:直到|[,，]?等)"
)
_OVER = re.compile(
    r"\b(?:over|on top of|above|against|under|underneath|beneath|behind|alongside|besides|than|led by|joins|instead of|without)"
    r"(?: an?| the)?(?: [\w-]+)?\s*$|除了?$|[在与跟]$"
)
_GLUE = re.compile(
    r"\b(?:and|but|on|onwards?|then|only|just|right|the|there|is|are|it|we|you|see|hear|ship|in|at|from|comes?|so|until|"
    r"up|to|they|that|where|not|before|for|first|time|very)\b|[\W_]|[的处时候是有则就才起那里先只后]"
)
_BRACKET = re.compile(r"[(（][^()（）]*[)）]")
_BARE = 6  # letters beside the place in a clause that governs what follows
_HEADING = 3  # letters beside the place in a sentence that is a heading
_NAMELESS = 12  # Chinese characters are words: twice as many letters are allowed in English
_WHICH = re.compile(r"\s*which (?:is|are|ha(?:s|ve)|features?) (?:only|just|nothing but)\b")
_UP_TO = re.compile(r"\b(?:until|till|before|up to)(?: the| an?| its)?\s*$")
_FROM_UP_TO = re.compile(r"(?:until|till|before)\b")
_WAITS = re.compile(
    r"\b(?:waits?|waiting|hold(?:s|ing)?|held|sav(?:es?|ed|ing)|reserved?|not|never|silent|rests?|tacet|stays? (?:out|quiet)|"
    r"delays?|keeps? (?:out|quiet)|hangs? back|nothing|out)\b|n't\b"
)
_SOLO = re.compile(r"\b(?:solo|alone)\b|独奏|独自")
_BACK = re.compile(r"\b(?:it|they|he|she|not|but|only|just|until|saved?|reserved|from|onwards?)\b|[只才到等留直]")
_MAX_EARLIER = 6
_LITTLE, _SAME = 0.01, 1e-6
_EARLY = 0.2  # a piece begins with its intro or its first verse


@dataclass(frozen=True)
class Entry:
    """What is said to sound from a place on: mention, place, words."""

    index: int
    place: Place
    span: Span


def find_entries(text: str, start: int, end: int, live: list[Mention], last: float) -> list[Entry]:
    """Entries of the clauses of one sentence; ``last`` is the rank of the place told before."""
    found: list[Entry] = []
    governing: Place | None = None
    before: list[int] = []
    for low, high in _clauses(text, start, end, live):
        inside = [i for i, m in enumerate(live) if low <= m.start < high]
        places = places_in(text, low, high, last)
        if places:
            last = places[-1].rank
        if places and not inside:
            rest = len(_GLUE.sub("", text[low : places[0].span[0]] + text[places[-1].span[1] : high]))
            fronted = rest <= (_BARE if has_cjk(text[low:high]) else _NAMELESS)
            backward = before and _BACK.search(text, low, high) and not governing and not _heads(text, high)
            if backward and not _SILENT.search(_plain(text, low, high)):
                found += [Entry(i, places[0], (live[before[0]].start, high)) for i in before[-1:]]
            governing = places[-1] if fronted or _heads(text, high) else None
            continue
        if places:
            found += _attach(text, low, high, inside, live, places)
            fronting = places[-1].span[0] - low <= _BARE + 2 and places[-1].span[1] <= live[inside[0]].start
            fronting = fronting or _up_to(text, low, places[-1])
            governing = places[-1] if fronting else None
        elif inside and _WHICH.match(text, low):
            found += [Entry(i, Place(0.0, Where("fraction", 0.0), (low, low)), (low, high)) for i in inside]
        elif governing and inside and not _SILENT.search(_plain(text, low, high)):
            found += [Entry(i, governing, (low, high)) for i in inside if not _OVER.search(text[low : live[i].start])]
        before = inside or before
    return found


def _up_to(text: str, low: int, place: Place) -> bool:
    """True for "until the drop": what is said lasts as far as the place."""
    return bool(_UP_TO.search(text, low, place.span[0]) or _FROM_UP_TO.match(text, place.span[0]))


def _heads(text: str, at: int) -> bool:
    return bool(re.match(r"\s*[:：]", text[at : at + 3]))


def _plain(text: str, low: int, high: int) -> str:
    return _STILL_ENTERS.sub(" ", text[low:high])


def _clauses(text: str, start: int, end: int, live: list[Mention]) -> list[Span]:
    """Stretches between stops, also cut where "and" or "while" joins two that name somebody and hold a place of their own."""
    out: list[Span] = []
    at = start
    brackets = [b for b in (m.span() for m in _BRACKET.finditer(text, start, end)) if _lists_players(text, b, live)]
    stops = [m.span() for m in _STOP.finditer(text, start, end)]
    for stop in [*(s for s in stops if not any(b[0] <= s[0] < b[1] for b in brackets)), (end, end)]:
        low = at
        for joint in _JOINT.finditer(text, at, stop[0]):
            left = [m.end for m in live if low <= m.start < joint.start()]
            right = any(joint.end() <= m.start < stop[0] for m in live)
            said = left and len(text[left[-1] : joint.start()].split()) > 1  # "piano in all verses and …", not "piano and …"
            if said and right and places_in(text, joint.end(), stop[0], 0.0):
                out.append((low, joint.start()))
                low = joint.start()
        if low < stop[0]:
            out.append((low, stop[0]))
        at = stop[1]
    return out


def _lists_players(text: str, bracket: Span, live: list[Mention]) -> bool:
    """True for "the band (guitar, bass, drums)": what stands in brackets belongs to the clause around them."""
    return sum(bracket[0] <= m.start < bracket[1] for m in live) > 1 and not places_in(text, *bracket, 0.0)


def _attach(text: str, low: int, high: int, inside: list[int], live: list[Mention], places: list[Place]) -> list[Entry]:
    """The instruments of a clause with a place: those that it is about."""
    if _SILENT.search(_plain(text, low, high)):
        return []
    if _up_to(text, low, places[0]) and not _WAITS.search(text, low, places[0].span[0]):
        return []  # "piano until the drop": it is there before
    about = [i for i in inside if not _OVER.search(text[low : live[i].start])]
    if _SOLO.search(text, low, high):
        about = [i for i in about if not any(m.id == live[i].id for m in live[:i])]  # who played before plays a solo there
    if len(places) == 1:
        return [Entry(i, places[0], (low, high)) for i in about]
    found = []
    leading = places[0].span[0] < live[inside[0]].start
    for i in about:
        ahead = [p for p in places if p.span[1] <= live[i].start]
        behind = [p for p in places if p.span[0] >= live[i].end]
        place = (ahead[-1] if ahead else behind[0]) if leading or not behind else behind[0]
        found.append(Entry(i, place, (low, high)))
    return found


def add_places(
    text: str,
    original: str,
    sentences: list[Span],
    live: list[Mention],
    pairs: list[SaidOrder],
    passages: list[Passage],
    told: set[str],
) -> tuple[list[SaidOrder], list[Passage]]:
    """The pairs and passages, and those that follow from places.

    Args:
        text, original: the words, normalised and verbatim.
        sentences: their spans.
        live: mentions that sound.
        pairs, passages: what clauses joined in time gave already; nothing of it is changed.
        told: ids whose entry these clauses told.
    """
    entries: list[Entry] = []
    last = 0.0
    if not live or not names_a_place(text):
        return pairs, passages
    carried: Place | None = None
    for start, end in sentences:
        if carried and not places_in(text, start, end, last):
            inside = [i for i, m in enumerate(live) if start <= m.start < end]
            if not _SILENT.search(_plain(text, start, end)):
                entries += [Entry(i, carried, (start, end)) for i in inside]
        found = find_entries(text, start, end, live, last)
        if found:
            last = found[-1].place.rank
        entries += found
        lone = places_in(text, start, end, last)
        heading = lone and not any(start <= m.start < end for m in live)
        beside = _GLUE.sub("", text[start : lone[0].span[0]] + text[lone[0].span[1] : end]) if heading else ""
        carried = lone[0] if heading and len(beside) <= _HEADING else None
    if not any(e.place.rank > _EARLY for e in entries):
        return pairs, passages
    ranks = _ranks(_rounds(entries), live, text)
    return _pairs(original, ranks, pairs, told), _passages(original, ranks, passages)


def _rounds(entries: list[Entry]) -> list[Entry]:
    """The entries; where nothing but choruses is counted ("the saxes have the first chorus"), the first is the beginning."""
    named = [e for e in entries if e.place.rank > _EARLY]
    choruses = {e.place.where.amount for e in named if e.place.where.name == "chorus"}
    if len(named) < len(entries) or any(e.place.where.name != "chorus" for e in named) or not {0.0, 1.0} <= choruses:
        return entries
    return [replace(e, place=replace(e.place, rank=0.0)) if e.place.where.amount == 0.0 else e for e in entries]


def _ranks(entries: list[Entry], live: list[Mention], text: str) -> dict[str, tuple[float, Entry | None]]:
    """Where each instrument enters: its earliest place, or the beginning when a name without a place is not a mere list."""
    intro = any(e.place.intro for e in entries)
    placed: dict[str, Entry] = {}
    for entry in entries:
        rank = entry.place.rank if intro or entry.place.rank > _EARLY else 0.0
        here = replace(entry, place=replace(entry.place, rank=rank))
        id_ = live[entry.index].id
        if id_ not in placed or placed[id_].place.rank > rank:
            placed[id_] = here
    for mention in live:  # "first just the kick, hats after 16 bars": the kit is there with its first piece
        entry = placed.get(mention.id)  # type: ignore[assignment]
        if mention.id == "drums" and entry and not any(live[e.index] is mention for e in entries):
            named = live[entry.index]
            if text[mention.start : mention.end] != text[named.start : named.end]:
                del placed[mention.id]
    ranks: dict[str, tuple[float, Entry | None]] = {}
    for mention in live:
        entry = placed.get(mention.id)  # type: ignore[assignment]
        ranks[mention.id] = (entry.place.rank, entry) if entry else (-1.0, None)
    lowest = min((r for r, e in ranks.values() if e), default=0.0)
    return {i: ((0.0 if not intro or lowest > 0 else lowest) if e is None else r, e) for i, (r, e) in ranks.items()}


def _with_told(ranks: dict[str, tuple[float, Entry | None]], pairs: list[SaidOrder]) -> dict[str, tuple[float, Entry | None]]:
    """Those who enter behind another, with no place: a little later than whom they follow, in the order of the pairs."""
    out = dict(ranks)
    for pair in pairs:
        if pair.then in out and out[pair.then][1] is None:
            ahead = out.get(pair.first, (0.0, None))[0]
            out[pair.then] = (max(out[pair.then][0], ahead + _LITTLE), None)
    return out


def _pairs(
    original: str, ranks: dict[str, tuple[float, Entry | None]], pairs: list[SaidOrder], told: set[str]
) -> list[SaidOrder]:
    """Pairs of neighbours on the line, for those whose entry nothing else tells."""
    out = list(pairs)
    ranks = _with_told(ranks, pairs)
    known = {p.then for p in pairs}
    joined = {(p.first, p.then) for p in pairs}
    for then, (rank, entry) in ranks.items():
        if entry is None or rank <= 0.0 or then in known:
            continue
        ahead = {i: r for i, (r, e) in ranks.items() if r < rank - _SAME}
        if not ahead:
            continue
        nearest = max(ahead.values())
        firsts = [i for i, r in ahead.items() if r == nearest]
        if any(p.first == then and p.then in firsts for p in pairs) or (then in told and len(firsts) > _MAX_EARLIER):
            continue
        words = (original[entry.span[0] : entry.span[1]].strip(" ,.;，。；、"),)
        ahead_of_it = firsts if len(firsts) <= _MAX_EARLIER else ["*"]
        fresh = [i for i in ahead_of_it if (i, then) not in joined and (then, i) not in joined]
        out += [SaidOrder(i, then, words) for i in fresh]
    return out


def _passages(original: str, ranks: dict[str, tuple[float, Entry | None]], passages: list[Passage]) -> list[Passage]:
    """An entrance at each later place, unless passages tell the entrance already."""
    entering = {i for p in passages if p.kind in ("enter", "start") for i in p.instruments}
    out = list(passages)
    for id_, (rank, entry) in sorted(ranks.items(), key=lambda item: item[1][0]):
        if entry is not None and rank > 0.0 and id_ not in entering:
            words = (original[entry.span[0] : entry.span[1]].strip(" ,.;，。；、"),)
            told = [(k, rank_of("next", p.where)) for k, p in enumerate(out) if p.kind == "enter"]
            later = next((k for k, at in told if at is not None and at > rank), len(out))
            out.insert(later, Passage("enter", (id_,), entry.place.where, words))
    return out
