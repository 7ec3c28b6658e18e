"""What one clause says about time: its cue, whom it is about, who enters and who leaves."""

from __future__ import annotations

import re

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import BLOCK, backward_chain, forward_chain, forward_chain_zh, subject_end
from partimento.interpret.places import find_place, is_opening
from partimento.interpret.timeline import Event, rank_of
from partimento.interpret.tokens import clause_spans, has_cjk

Span = tuple[int, int]
_EN_BREAK = re.compile(
    r"\b(?:and then|but then|(?<!until )(?<!till )(?<!before )(?<!by )(?<!since )(?<!up to )then|"
    r"(?<!everything )(?<!all )(?<!comes )before|"
    r"until|followed by|(?<!a )(?<!little )while|but|whereas|and finally|and later|"
    r"and after|and eventually|and (?:at last|lastly|last|subsequently|in the end|ultimately)|"
    r"over which)\b"
)
_AND = re.compile(r"\band (?!(?:then|but|off|on|out|over|again)\b)")
_DETERMINED = re.compile(r"(?:an?|the|some|two|his|her|its|their|(?:\w+ )?\w+)\b")
_BESIDE = re.compile(
    r"\s*(?:over|on top of|above|against|atop|under|underneath|beneath|below|behind|alongside|beside|around|with|to|into)"
    r"(?: an?| the| its| their)?(?: \w+){0,2}\s*"
)
_BEHIND_LIST = re.compile(r"in (?:just |exactly )?(?:that|this|the same)|one after|each ")
_NOUN_WORDS = (
    "section sections part parts line lines melody beat beats groove riff riffs solo solos sound sounds pattern patterns loop "
    "chord chords arpeggio arpeggios tune theme rhythm note notes s"
)
_NOUNS = frozenset(_NOUN_WORDS.split())
"""What completes a name rather than saying something of it."""
_ZH_POSTPOSED = (
    r"(?:打头|领头|起头|先行|开路|殿后|压轴|垫后|起拍|热场|开场|开头|在前|在后|随后|后到|紧随其后|继之|跟上|"
    r"先(?=[,、。;]|$)|后(?=[,、。;]|$)|收尾|收束|作结)"
)
_ZH_BREAK = re.compile(_ZH_POSTPOSED + "、")
_THEN_VERB = re.compile(
    r"then (?!an?\b|the\b|(?:at|in|after|for|on|from|with|over|to|halfway|"
    r"later|finally|suddenly|just|only|more|two|three)\b|by\b|some\b|there\b|comes?\b)[a-z]+"
)
_ARRIVAL = re.compile(
    r"\b(?:when|as|before) (?:suddenly |gradually |slowly |finally |then )?(?=(?:an?|the|some|two|more|male|female|soft|loud)\b)"
)
_CHANGE = re.compile(
    r"\b(?:chang|slow|retard|speed|build|grow|swell|soften|quicken|resolv|gets?\b(?! (?:it|the|them|its|to)\b)|becom)"
)
_FIGURE = re.compile(
    r"\bwith (?:an? |some )?(?:\w+ )?(?:rolls?|fills?|flourish|runs?|slides?|trills?|bends?|accents?|cadence|pause)\b"
)
_RELATIVE = re.compile(r",? (?:that|which|who)(?: (?:only|just|then|later|soon|finally|eventually|\w+ly))*\s*$")
_COMPANY = re.compile(r"\b(?:together|along|alongside) with\b|\balongside\b")
_STARTS_PLAYING = re.compile(r"\b(?:starts?|begins?|starting) (?:to (?:sing|play|rap|solo)|singing|playing|rapping|soloing)\b")
_CUE_KINDS = (
    ("prior", "prior", False),
    ("sequence", "sequence", False),
    ("start", "start", False),
    ("end", "end", False),
    ("next", "next", False),
    ("start_after", "start", True),
    ("end_after", "end", True),
    ("next_after", "next", True),
    ("place", "place", False),
)
_PLACE_LAST = 1_000_000  # puts a mere place behind every other cue of its clause


def clauses_of(text: str, start: int, end: int, live: list[Mention]) -> list[Span]:
    """Clauses of a sentence, English ones also broken at words such as "then" and "before"; 打头、… is two."""
    subjects = {m.end for m in live}
    spans = []
    for low, high in clause_spans(text, start, end):
        at = low
        if not has_cjk(text[low:high]):
            for match in _EN_BREAK.finditer(text, low, high):
                adverb = match.start() - 1 in subjects and _THEN_VERB.match(text, match.start(), high)
                if match.start() > at and (not adverb or _names(text, match.end(), live)):
                    spans.append((at, match.start()))
                    at = match.start()
            spans += [(a, b) for a, b in _joined_clauses(text, at, high, live) if a < b]
            at = high
        else:
            for match in _ZH_BREAK.finditer(text, low, high):
                spans.append((at, match.end()))
                at = match.end()
        if at < high:
            spans.append((at, high))
    return [(a, a + len(text[a:b].rstrip())) for a, b in spans]


def _names(text: str, at: int, live: list[Mention]) -> bool:
    """True when a name follows with adjectives at most: "then guitar", "then heavy drums", but not "then plays guitar"."""
    following = next((m.start for m in live if m.start >= at), None)
    words = re.findall(r"[a-z']+", text[at:following]) if following is not None else [""] * 3
    return len(words) <= 2 and not any(w in BLOCK or w.endswith(("s", "ed")) for w in words)


def _whole_list(text: str, chain: list[int], live: list[Mention]) -> list[int]:
    """ "…; voice, bass and drums come in": commas join the subjects of such a list, behind whoever sounds already."""
    chain = list(chain)
    while len(chain) > 1 and chain[0] > 1:
        before = live[chain[0] - 1]
        low = max((m.end() for m in re.finditer(r"[,.;:!?]", text[: before.start])), default=0)
        words = re.findall(r"[a-z']+", text[low : before.start])
        if not re.fullmatch(r"\s*,\s*(?:\w+ )?", text[before.end : live[chain[0]].start]):
            break
        if len(words) > 1 or BLOCK & set(words) or text[low - 1 : low] not in (",", ";", "."):
            break
        chain.insert(0, chain[0] - 1)
    return chain


def _joined_clauses(text: str, low: int, high: int, live: list[Mention]) -> list[Span]:
    """A stretch broken at each "and" that joins two clauses: both name somebody, and the second says when by itself."""
    order, spans, at = cues("en")["order"], [], low
    for match in _AND.finditer(text, low, high):
        left = [m for m in live if at <= m.start and m.end <= match.start()]
        right = [m for m in live if match.end() <= m.start < high]
        if not left or not right:
            continue
        begins = match.end()
        cue = cue_of(text, begins, high)
        verb = order["add"].match(text, begins, high) or (cue and cue[0] != "place" and cue[1][0] - begins < 2)
        said = order["add"].search(text, at, left[0].start) or cue_of(text, at, match.start())
        gap = [w for w in re.findall(r"[a-z']+", text[left[-1].end : match.start()]) if w not in _NOUNS]
        subject = gap and (order["enter"].search(text, right[0].end, high) or (cue and not verb and right[0].end <= cue[1][0]))
        if (verb and said) or (subject and _DETERMINED.match(text, begins, high)):
            spans.append((at, match.start()))
            at = match.start()
    return [*spans, (at, high)]


def cue_of(text: str, low: int, high: int) -> tuple[str, Span, bool] | None:
    """The first cue of a clause: kind, span, and whether it looks back ("X first"); a mere place only without another."""
    found: list[tuple[int, str, Span, bool]] = []
    languages = ("zh", "en") if has_cjk(text[low:high]) else ("en",)
    for language in languages:
        order = cues(language)["order"]
        for rank, (name, kind, back) in enumerate(_CUE_KINDS):
            if name in order and (match := order[name].search(text, low, high)):
                at = match.start() * 10 + rank + (_PLACE_LAST if kind == "place" else 0)
                found.append((0 if kind in ("prior", "sequence") else at, kind, match.span(), back))
    if not found:
        return None
    _, kind, span, back = min(found)
    return kind, span, back


def event_of(
    kind: str, chosen: list[int], span: Span, text: str, live: list[Mention], in_event: set[int], cue: Span | None = None
) -> Event:
    """An event of these mentions."""
    in_event.update(chosen)
    where = find_place(text, *span)
    rank = 0.0 if kind == "place" and is_opening(text[slice(*(cue or span))]) else rank_of(kind, where)
    return Event(kind, list(dict.fromkeys(live[i].id for i in chosen)), span, where, position=span[0], rank=rank)


def sequence_of(text: str, span: Span, live: list[Mention], inside: list[int]) -> list[list[int]]:
    """Stages of "one by one" or 依次: its list, split at commas; what "and" joins last comes last."""
    after = [i for i, m in enumerate(live) if m.start >= span[1]]
    if has_cjk(text[span[0] : span[1]]):
        chain = (
            [i for i in inside if live[i].end <= span[0]]
            or _list_before_zh(text, span[0], live)
            or (
                forward_chain_zh(text, live[after[0]].start, len(text), live)
                if after and live[after[0]].start - span[1] < 4
                else []
            )
        )
    else:
        low = live[after[0]].start if after and live[after[0]].start - span[1] < 24 else -1
        back = _BEHIND_LIST.match(text, span[0])
        chain = _list_before(text, span[0], live) if back else []
        chain = chain if len(chain) > 1 or low < 0 else forward_chain(text, low, len(text), live)
    stages: list[list[int]] = []
    for index in chain:
        if stages and any(live[i].id == live[index].id for i in stages[-1]):
            stages[-1].append(index)
        else:
            stages.append([index])
    return stages


def _list_before(text: str, at: int, live: list[Mention]) -> list[int]:
    """The list that "…, in that order" or "…, each four bars apart" closes."""
    chain: list[int] = []
    position = at
    for index in range(len(live) - 1, -1, -1):
        if live[index].end > position:
            continue
        gap = text[live[index].end : position]
        if re.search(r"[.;:!?]", gap) or len(gap.split()) > 4 or (chain and not re.search(r",|\band\b|\+|&|/", gap)):
            break
        chain.insert(0, index)
        position = live[index].start
    return chain


def _list_before_zh(text: str, at: int, live: list[Mention]) -> list[int]:
    """The list in front of a 依次 that opens its own clause: 长笛、单簧管、巴松, 依次来."""
    before = [i for i, m in enumerate(live) if m.end <= at]
    if not before or not re.fullmatch(r"\s*[,，]\s*", text[live[before[-1]].end : at]):
        return []
    low = max((m.end() for m in re.finditer(r"[,，:：;；。!?]", text[: live[before[-1]].start])), default=0)
    return forward_chain_zh(text, live[next(i for i in before if live[i].start >= low)].start, at, live)


def governs(text: str, low: int, high: int, span: Span) -> bool:
    """True when a cue without instruments is about the clauses that follow, not about a predicate of its own."""
    if has_cjk(text[low:high]):
        return len(text[span[1] : high].strip(" 的时候处")) < 2
    return not text[low : span[0]].strip(" ,") or looks_ahead(text, low, high, span)


def looks_ahead(text: str, low: int, high: int, span: Span) -> bool:
    """True for "… and at the very end, a snare": a place between "and" and a comma belongs to what follows."""
    joined = re.search(r"\b(?:and|but|then)\s*$", text[low : span[0]])
    return bool(joined) and bool(re.fullmatch(r"(?: of the \w+)?\s*", text[span[1] : high])) and text[high : high + 1] == ","


def arriving(text: str, start: int, low: int, high: int, live: list[Mention]) -> list[int]:
    """ "The guitar strums when a voice starts to sing": a main clause with an instrument, then somebody's arrival."""
    match = _ARRIVAL.search(text, low, high)
    if has_cjk(text[low:high]) or not match or not any(start <= m.start and m.end <= match.start() for m in live):
        return []
    verbs = (cues("en")["order"]["enter"].search(text, match.end(), high), _STARTS_PLAYING.search(text, match.end(), high))
    verb = next((v for v in verbs if v), None)
    return backward_chain(text, verb.start(), match.end(), live, 3) if verb else []


def is_list(text: str, start: int, span: Span, events: list[Event]) -> bool:
    """True for "features A, B, followed by C": an enumeration, not an order in time."""
    if "followed" not in text[span[0] : span[1]]:
        return False
    before = text[start : span[0]]
    others = any(e.span[0] >= start for e in events)
    listing = cues("en")["order"]["lists"].search(before) or re.search(r"\btempo\b.*\bwith\b", before)
    return bool(listing) and not others and not re.search(r"\b(?:first|start|begin|intro\b|opening)", before)


def chosen(
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
        entering = [i for i in who_enters(text, span[1], high, live) if i in after]
        leave = order["leave"].search(text, span[1], high)
        subject_before = [i for i in who_enters(text, low, span[0], live) if i in before]
        if subject_before and not entering and _BESIDE.fullmatch(text[span[1] : live[after[0]].start]):
            return subject_before, False
        if entering and not leave:
            company = _COMPANY.search(text, live[entering[-1]].end, high)
            return entering + (forward_chain(text, company.end(), high, live, 4) if company else []), False
        if text[span[0] : span[1]].strip() == "and then" and any(m.end == span[0] or m.end + 1 == span[0] for m in live):
            return forward_chain(text, span[1], high, live) or after, True
        return [i for i in who_is_added(text, low, high, live) if i in after] or after, not entering
    entering = [i for i in who_enters(text, low, high, live) or who_is_added(text, low, span[0], live) if live[i].end <= span[0]]
    if entering:
        return entering, False
    if back:
        return [i for i in backward_chain(text, subject_end(text, low, span[0]), low, live, 4) if i in before], False
    if not after:
        if looks_ahead(text, low, high, span):
            return [], True
        return subject(text, low, span, live, before), False
    return after, True


def subject(text: str, low: int, span: Span, live: list[Mention], before: list[int]) -> list[int]:
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


def who_enters(text: str, low: int, high: int, live: list[Mention]) -> list[int]:
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
    relative = _RELATIVE.search(text, low, match.start())
    if relative:  # "bass and a clarinet that shows up later": only the last of the list
        return backward_chain(text, relative.start(), low, live, 1)[-1:]
    if "join" in match.group() and re.search(r"\b(?:is|are|be|been)\s*$", text[low : match.start()]):
        return []
    if not re.search(r"\w", text[low : match.start()]):
        return forward_chain(text, match.end(), high, live, 3)
    return _whole_list(text, backward_chain(text, subject_end(text, low, match.start()), low, live, 3), live)


def states(text: str, low: int, high: int, live: list[Mention], inside: list[int]) -> list[int]:
    """The subject of a plain statement that fills its clause: "the horn states the theme"."""
    if has_cjk(text[low:high]) or not inside:
        return []
    subject = forward_chain(text, low, high, live, 3)
    verb = re.match(r" (?:\w+ly )?[a-z]+(?<![is])s\b|, (?:too|also)", text[live[subject[-1]].end : high]) if subject else None
    return subject if verb else []


def who_is_added(text: str, low: int, high: int, live: list[Mention]) -> list[int]:
    """Mentions that are the object of a verb of adding: "layer in a flute", "let the drums in"."""
    match = None if has_cjk(text[low:high]) else cues("en")["order"]["add"].search(text, low, high)
    return forward_chain(text, match.end(), high, live, 4) if match else []


def who_leaves(text: str, low: int, high: int, live: list[Mention], inside: list[int]) -> list[int]:
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
