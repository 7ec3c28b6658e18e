"""Clauses that are joined in time: "once the piano has finished, strings enter", 等钢琴弹完, 小提琴再进.

A subordinate clause names what sounds before (or after) its main clause; both sides become a :class:`Relation`. A clause
whose predicate is waiting ("the drums hang back until bar nine", 鼓到副歌才进) becomes a :class:`Late`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import backward_chain, forward_chain
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
_STRONG = re.compile(r"[;:!?]|\.(?!\d)|\s[-–—]\s|—")
_MAIN_END = re.compile(r"[;:!?]|\.(?!\d)|—|,? (?:and )?(?:then|finally|before|until|till|after|while|whereupon|but)\b|,")
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|those|these|that|this|he|she|his|her|both|the two|the (?:first|former|latter))\b"
)
_FRONT_GAP = re.compile(
    r"[\s,]*(?:and|but|so|or|only|then|not|right|just|shortly|soon|immediately|even|long|well|directly)?[\s,]*"
)
_HAVING = re.compile(r"\bhaving (?:been )?[a-z]+")
_ALREADY = re.compile(r"\balready\b|\b(?:have|has|had) been\b|\bfor (?:a while|some time)\b")
_ALL_BUT = re.compile(
    r"\b(?:every(?:thing|one|body)|all|nothing|nobody|no one|none)\b.*\b(?:but|except|save|other than|apart from|besides|than)\b"
)
_FADES = re.compile(
    r"\b(?:fad(?:es?|ing)(?! in)|di(?:es?|ed) (?:away|out|down)|falls? (?:silent|quiet|away)|recedes?|subsides?|ebbs?|stops?|"
    r"drops? (?:out|away)|withdraws?|thins? out|melts? away|goes? (?:quiet|silent)|bows? out)\b"
)
_RISES = re.compile(
    r"\b(?:ris(?:es?|ing)|grows?|growing|swells?|swelling|emerges?|enters?|arrives?|appears?|takes? over|comes? (?:in|up)|"
    r"fades? in|builds?|blossoms?|begins?|starts?)\b"
)
_THAN = re.compile(r"\bthan\b|\bdo(?:es)?\b|\bcan\b|\bshould\b")


@dataclass(frozen=True)
class Relation:
    """Indices of the mentions before and after, and the words that say so."""

    earlier: tuple[int, ...]
    later: tuple[int, ...]
    span: Span


@dataclass(frozen=True)
class Late:
    """Indices of mentions that wait, and the words around."""

    later: tuple[int, ...]
    span: Span


def inside_of(live: list[Mention], low: int, high: int) -> list[int]:
    """Indices of the mentions that begin in ``low`` to ``high``."""
    return [i for i, m in enumerate(live) if low <= m.start < high]


def waits(text: str, low: int, high: int) -> re.Match[str] | None:
    """The predicate of waiting in a stretch of English, or None."""
    return cues("en")["clause"]["wait"].search(text, low, high)


def find_relations(text: str, start: int, end: int, live: list[Mention], before: list[int]) -> list[Relation | Late]:
    """Subordinate clauses of one English sentence; ``before`` holds what a pronoun may mean from the sentences before."""
    found: list[Relation] = _first_of_several(text, start, end, live)
    late: list[Late] = []
    for match in _HAVING.finditer(text, start, end):
        subject, stop = backward_chain(text, match.start(), start, live, 2), text.find(",", match.end(), end)
        main = _main_after(text, stop + 1, end, live) if stop > 0 else []
        if subject and main:
            found.append(Relation(tuple(subject), tuple(main), (live[subject[0]].start, live[main[-1]].end)))
    for match in cues("en")["clause"]["subordinator"].finditer(text, start, end):
        if any(r.span[0] <= match.start() < r.span[1] for r in found):
            continue
        relation = _relation(text, start, end, match, live, before)
        if isinstance(relation, Late):
            late.append(relation)
        elif relation and relation.earlier and relation.later:
            earlier = {live[i].id for i in relation.earlier}
            later = tuple(i for i in relation.later if live[i].id not in earlier)
            if later:
                found.append(Relation(relation.earlier, later, relation.span))
    return [*found, *late]


def _relation(
    text: str, start: int, end: int, match: re.Match[str], live: list[Mention], before: list[int]
) -> Relation | Late | None:
    """What one subordinator joins."""
    word = match.group().split()[-1] if not match.group().startswith("no sooner") else "once"
    word = "once" if match.group().strip() == "as soon as" else word
    word = "ahead" if match.group().endswith(("ahead of", "prior to")) else word
    main_low = max((m.end() for m in _STRONG.finditer(text, start, match.start())), default=start)
    comma = text.rfind(",", main_low, match.start())
    clause_low = comma + 1 if comma >= 0 else main_low
    lead_gap = text[clause_low : match.start()]
    main_before = inside_of(live, main_low, match.start())
    bare = bool(_FRONT_GAP.fullmatch(lead_gap))
    stop = _sub_end(text, match.end(), end, match.group().startswith(("no sooner", "only")))
    fronted = bare and (comma < 0 or not main_before or bool(re.search(r"\b(?:and|but)\b", lead_gap)))
    joint = _after_comma(text, stop, end)
    following = _main_after(text, joint, end, live) if joint < end else []
    if word == "with" and not fronted:
        return None
    if fronted and not following:
        fronted = not main_before and False
    everyone = cues("en")["order"]["everyone"]
    chain = forward_chain(text, match.end(), stop if fronted else end, live, 6)
    sub_high = max([stop, *(live[i].end for i in chain)])
    sub = text[match.end() : sub_high]
    done = bool(cues("en")["clause"]["done"].search(sub))
    if not chain and word != "ahead" and _PRONOUN.search(sub) and done:
        chain = spoken_before(live, match.start(), start, before)
    if not chain and done and everyone.search(sub) and following:
        return Late(tuple(following), (match.start(), live[following[-1]].end))
    if not chain:
        return None
    if fronted:
        main = [i for i in following if i not in chain]
        high = max((live[i].end for i in main), default=stop)
    else:
        main, high = _main_before(text, main_low, clause_low, match.start(), live), sub_high
        moves = waits(text, main_low, match.start()) or cues("en")["order"]["enter"].search(text, main_low, match.start())
        if not main and moves and _PRONOUN.search(text[main_low : match.start()]):
            main = [i for i in spoken_before(live, main_low, start, before) if i not in chain]
    span = (min([match.start(), *(live[i].start for i in main if not fronted)]), high)
    return _directed(text, word, chain, main, span, done, fronted, (main_low, match.start()) if not fronted else (stop, end))


def _directed(
    text: str, word: str, chain: list[int], main: list[int], span: Span, done: bool, fronted: bool, where: Span
) -> Relation | None:
    """Which side is the earlier one."""
    sub_first = Relation(tuple(chain), tuple(main), span)
    main_first = Relation(tuple(main), tuple(chain), span)
    said_main = text[where[0] : where[1]]
    if word == "time":
        return main_first if _ALREADY.search(said_main) else None
    if word in ("when", "as", "while"):
        if done != bool(_FADES.search(said_main)) and _RISES.search(said_main + " " + text[span[0] : span[1]]):
            return sub_first if done else main_first  # "the guitar fades as the strings rise"
        if fronted and _ALREADY.search(said_main):
            return main_first
        leaves = cues("en")["clause"]["done"].search(said_main) and not fronted
        if leaves and cues("en")["order"]["enter"].search(text, *span):
            return main_first
        return sub_first if done else None
    if word in ("after", "once", "following", "with"):
        return sub_first
    if _ALL_BUT.search(said_main):
        return main_first  # "everything is silent but the oboe until …"
    if waits(text, *where):
        return sub_first
    if word == "ahead":
        return main_first
    return main_first if fronted else None


def _sub_end(text: str, at: int, end: int, inverted: bool) -> int:
    """Where a subordinate clause ends."""
    stops = [m.start() for m in re.finditer(r"[,;:!?]|\.(?!\d)| (?:and )?then\b| before\b| until\b", text[at:end])]
    if inverted:
        stops += [m.start() for m in _THAN.finditer(text[at:end])]
    return at + min(stops, default=end - at)


def _after_comma(text: str, stop: int, end: int) -> int:
    """Where the main clause begins behind a fronted one."""
    match = re.match(r"[\s,]*(?:than|then|does|do)?\s*", text[stop:end])
    return stop + (match.end() if match else 0)


def _main_after(text: str, at: int, end: int, live: list[Mention]) -> list[int]:
    """The phrase that a main clause behind its subordinate one is about."""
    stop = _MAIN_END.search(text, at, end)
    high = stop.start() if stop else end
    first = inside_of(live, at, high)
    if not first:
        return []
    enter = cues("en")["order"]["enter"].search(text, at, high)
    if enter and (subject := [i for i in backward_chain(text, enter.start(), at, live, 3) if i in first]):
        return subject
    return list(dict.fromkeys(first + forward_chain(text, live[first[0]].start, end, live)))


def _main_before(text: str, main_low: int, clause_low: int, high: int, live: list[Mention]) -> list[int]:
    """The phrase that a main clause in front of its subordinate one is about."""
    for low in (clause_low, main_low):
        inside = inside_of(live, low, high)
        if not inside:
            continue
        enter = cues("en")["order"]["enter"].search(text, low, high)
        if enter and (subject := [i for i in backward_chain(text, enter.start(), main_low, live, 3) if i in inside]):
            return subject
        return backward_chain(text, live[inside[-1]].end, main_low, live) or inside
    return []


def spoken_before(live: list[Mention], at: int, start: int, before: list[int]) -> list[int]:
    """What a pronoun at ``at`` means: the last phrase named."""
    named = [i for i, m in enumerate(live) if start <= m.start < at]
    return named[-1:] or before


def find_late(text: str, start: int, end: int, live: list[Mention]) -> list[Late]:
    """ "Hold the drums until bar 17", "the tuba waits eight bars", "save the bagpipes for the end" in one sentence."""
    if has_cjk(text[start:end]):
        return []
    found: list[Late] = _late_relatives(text, start, end, live)
    group = cues("en")["clause"]
    for match in group["wait"].finditer(text, start, end):
        limit = group["limit"].search(text, match.end() - 6, min(end, match.end() + 60))
        if not limit and not re.search(r"\bonly\b", match.group()):
            continue
        subjects = backward_chain(text, match.start(), start, live, 3)
        for k in range(len(subjects) - 1, 0, -1):
            if "," in text[live[subjects[k - 1]].end : live[subjects[k]].start]:
                subjects = subjects[k:]  # a comma alone joins no subjects
                break
        if subjects:
            found.append(Late(tuple(subjects), (live[subjects[0]].start, limit.end() if limit else match.end())))
    for match in group["delay"].finditer(text, start, end):
        objects = forward_chain(text, match.end(), end, live, 2)
        if objects:
            found += [Late(tuple(objects), (match.start(), live[objects[-1]].end))]
    for match in group["hold"].finditer(text, start, end):
        objects = forward_chain(text, match.end(), end, live, 3)
        if not objects:
            continue
        tail = live[objects[-1]].end
        limit = group["limit"].search(text, tail, min(end, tail + 36))
        if limit and not re.search(r"[,.;:]", text[tail : limit.start()]):
            stop = re.search(r"[,.;:]", text[limit.end() : end])
            found.append(Late(tuple(objects), (match.start(), limit.end() + stop.start() if stop else end)))
    return found


_TURNS = re.compile(
    r"\b(?:take|taking|takes) turns\b|\balternat(?:e|es|ing)\b|\btrad(?:e|es|ing) (?:solos|phrases|fours|bars|lines|places)\b"
)
_GOES_FIRST = re.compile(
    r"\b(?:going|goes|starting|starts|leading|leads|beginning|begins)(?: off| first)?\b(?= *(?:[,.;!]|$|and\b|with\b))"
)
_FRAMES = re.compile(r"\bat the (?:very )?(?:beginning|start|opening) and (?:again )?(?:at )?(?:the )?(?:very )?(?:end|close)\b")
_INSIDE = re.compile(r"\b(?:in between|in the middle|between(?= *(?:[,.;!]|$)))")


def _first_of_several(text: str, start: int, end: int, live: list[Mention]) -> list[Relation]:
    """ "A and B take turns, B going first" and "A at the beginning and at the end, B in between"."""
    found = []
    turns, first = _TURNS.search(text, start, end), _GOES_FIRST.search(text, start, end)
    if turns and first and turns.end() <= first.start():
        players, ahead = (
            backward_chain(text, turns.start(), start, live, 3),
            backward_chain(text, first.start(), turns.end(), live, 1),
        )
        ids = {live[i].id for i in ahead}
        rest = [i for i in players if live[i].id not in ids]
        if ahead and rest and len(rest) < len(players):
            found.append(Relation(tuple(ahead), tuple(rest), (live[players[0]].start, first.end())))
    frame = _FRAMES.search(text, start, end)
    inside = _INSIDE.search(text, frame.end(), end) if frame else None
    if frame and inside:
        outer, inner = inside_of(live, start, frame.start())[-2:], inside_of(live, frame.end(), end)
        if outer and inner and not {live[i].id for i in outer} & {live[i].id for i in inner}:
            high = max(inside.end(), live[inner[-1]].end)
            found.append(Relation(tuple(outer), tuple(inner), (live[outer[0]].start, high)))
    return found


_LATE_RELATIVE = re.compile(
    r",? (?:that|which|who)(?: (?:only|just|then|\w+ly))* (?:(?:turn|show)s? up|join(?:s)?|enters?|arrives?|appears?|"
    r"com(?:es?) in|(?:sneak|creep|slip|drop|kick|chime)s? in|starts?|begins?|is (?:added|introduced|heard|saved|held back))"
    r"(?: (?:only|later|late))?(?= (?:for|in|at|after|from|halfway|midway|towards?|near|late|later|on)\b)"
)


def _late_relatives(text: str, start: int, end: int, live: list[Mention]) -> list[Late]:
    """ "Organ, bass and a trumpet that only turns up for the finale": the trumpet waits, wherever the others are named."""
    found = []
    for match in _LATE_RELATIVE.finditer(text, start, end):
        subject = backward_chain(text, match.start(), start, live, 1)[-1:]
        if subject:
            stop = re.search(r"[,.;:!?]|\b(?:over|above|on top of|beneath|under|with)\b", text[match.end() : end])
            found.append(Late(tuple(subject), (live[subject[0]].start, match.end() + stop.start() if stop else end)))
    return found
