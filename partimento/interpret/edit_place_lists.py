"""Several places in one phrase ("the first and last bar", "bars 2 and 4", 第2和第4小节), and places that were said but not read.

A phrase that names several places is given as that many regions whose spans touch, so that each is meant. What is left of a
place that was not understood is found by :func:`lost_place`: an edit must never reach further than it was told to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from partimento.plan.edit import Region

Span = tuple[int, int]
Found = tuple[Region, Span]
_LEAD = r"(?:\b(?:in|from|at|over|for|during|within|on|across)\s+)?(?:the\s+)?"
_AND = r"\s*(?:,\s*and|,|and|&|as well as)\s+(?:also\s+)?(?:(?:in|at|on|for|during)\s+)?(?:the\s+)?"
_ZH_AND = r"\s*(?:和|跟|与|及|以及|、|，)\s*"
_RANGE = r"\s*(?:to|through|thru|-|–|—|~|到|至)\s*"
_NO_UNIT = r"(?!\s*(?:db|bpm|%|percent|semitones?|times))"
_BAR = r"(?:bars?|measures?)"
_ORDINAL = r"(?:first|second|third|fourth|fifth|last|final|next|previous|penultimate|middle|\d{1,3}(?:st|nd|rd|th))"
_LOST = (
    re.compile(r"\b(?:from|between|at|around|near|after|before|until|till|up to|in|during)\s+(?:the\s+)?\d+(?:[.:]\d+)?\b"),
    re.compile(r"\b\d+\s*(?:to|-|–|and|until|through|到|至)\s*\d+\b|[0-9]+(?:到|至)"),
    re.compile(rf"\b(?:in|at|from|during|for|on|before|after|until|between)\s+(?:the\s+)?(?:\w+\s+)?{_BAR}\b(?<!\ba bar)"),
    re.compile(rf"\b(?:in|at|during|from|before|after|until|between|on)\s+(?:the\s+)?{_ORDINAL}\b"),
    re.compile(r"\b(?:part|section|letter) (?:one|two|three|four|five|six|\d+)\b|\b(?:next|previous) (?:part|section|bit)\b"),
    re.compile(r"\bduring\b"),
    re.compile(r"\b(?:on|at|in|during) (?:the )?(?:down|up|back|off)-?beats?\b"),
    re.compile(
        rf"\b{_ORDINAL} (?:two |three |four |few )?"
        r"(?:beats?|notes?|hits?|chords?|phrases?|words?|lines?|syllables?|strums?)\b"
    ),
    re.compile(r"第[零〇一二三四五六七八九十0-9]+(?:小节|部分|段|句|遍|次|个|秒)?|小节(?:之间|里|中|前|后)"),
)


def listed(text: str, number: str, zh_number: str, sections: dict[str, str], ordinals: dict[str, int],
           value: Callable[[str], float | None], bars: Callable[[float, float | None], Region]) -> Iterator[Found]:  # fmt: skip
    """Regions of phrases that name two places or more.

    Args:
        text: normalised.
        number, zh_number: patterns of numbers.
        sections: spoken → canonical names. ordinals: words → which.
        value: text of a number → number. bars: first and last → region.

    Raises:
        RequestError: bars that cannot be.
    """
    p = _patterns(number, zh_number, "|".join(sorted(map(re.escape, sections), key=len, reverse=True)), "|".join(ordinals))
    for m in p["edges"].finditer(text):
        first, own, second = m.group(2), m.group(3), m.group(5)
        later = value(second) if second else 1.0
        sooner = value(first) if first else 1.0 if own or m.group(6) == "one" else later
        kinds = ("last_bars", "first_bars") if m.group(1) in ("last", "final", "closing") else ("first_bars", "last_bars")
        if kinds[0] != ("last_bars" if m.group(4) in ("last", "final", "closing") else "first_bars"):
            yield Region(kinds[0], sooner or 1.0), (m.start(), m.start(4))
            yield Region(kinds[1], later or 1.0), (m.start(4), m.end())
    for m in p["edges_zh"].finditer(text):
        n = value(m.group(2)) or 1.0
        yield Region("first_bars", n), (m.start(), m.start(1))
        yield Region("last_bars", n), (m.start(1), m.end())
    for m in p["ends"].finditer(text):
        yield Region("first_bars", 4.0), (m.start(), m.start(1))
        yield Region("last_bars", 4.0), (m.start(1), m.end())
    for name in ("sections", "sections_zh"):
        for m in p[name].finditer(text):
            which = [ordinals.get(w) or int(value(w) or 0) for w in (m.group(1), m.group(2))]
            yield Region("section", name=sections[m.group(3)], which=which[0]), (m.start(), m.start(2))
            yield Region("section", name=sections[m.group(3)], which=which[1]), (m.start(2), m.end())
    for name in ("bars", "bars_zh"):
        for m in p[name].finditer(text):
            yield from _bar_list(m, p[f"item_{name}"], value, bars)


def _bar_list(
    m: re.Match[str], item: re.Pattern[str], value: Callable[[str], float | None], bars: Callable[[float, float | None], Region]
) -> Iterator[Found]:
    """The bars of a list, neighbours joined: "4, 5 and 9 to 12" is 4–5 and 9–12."""
    found: list[tuple[float, float, int]] = []
    for one in item.finditer(m.string, m.start(1), m.end(1)):
        low = value(one.group(1)) or 0.0
        high = value(one.group(2)) if one.group(2) else low
        assert high is not None
        bars(low, high)
        if found and found[-1][1] + 1 == low:
            found[-1] = (found[-1][0], high, found[-1][2])
        else:
            found.append((low, high, one.start()))
    for at, (low, high, _) in enumerate(found):
        start = m.start() if at == 0 else found[at][2]
        end = m.end() if at + 1 == len(found) else found[at + 1][2]
        yield bars(low, high), (start, end)


@cache
def _patterns(number: str, zh_number: str, sections: str, ordinals: str) -> dict[str, re.Pattern[str]]:
    """Compiled once."""
    n, z = number, zh_number
    one, one_zh = rf"{n}(?:{_RANGE}{n})?", rf"第?{z}(?:小节)?(?:{_RANGE}第?{z})?(?:小节)?"
    edge = r"(?:first|last|final|opening|closing)"
    return {
        "edges": re.compile(rf"{_LEAD}\b({edge})(?:\s+({n}))?(\s+{_BAR})?{_AND}({edge})(?:\s+({n}))?\s+({_BAR}|one)\b"),
        "edges_zh": re.compile(rf"(?:在)?(?:第?一|开头|最前)(?:个)?(?:小节)?{_ZH_AND}(最后(?:的)?({z})(?:个)?小节)"),
        "ends": re.compile(rf"{_LEAD}\b(?:start|beginning|opening){_AND}(end|ending|close)\b"),
        "sections": re.compile(rf"{_LEAD}\b({ordinals}){_AND}({ordinals})\s+({sections})\b"),
        "sections_zh": re.compile(rf"(?:在)?第({z})(?:段|遍|次|个)?{_ZH_AND}第({z})(?:段|遍|次|个)?(?:的)?({sections})"),
        "bars": re.compile(rf"(?<!between )(?<!between the ){_LEAD}{_BAR}\s*({one}(?:{_AND}(?:{_BAR}\s*)?{one})+)\b{_NO_UNIT}"),
        "bars_zh": re.compile(rf"(?:在)?({one_zh}(?:{_ZH_AND}{one_zh})+)(?<=小节)(?:里|中|处)?"),
        "item_bars": re.compile(rf"({n})(?:{_RANGE}({n}))?"),
        "item_bars_zh": re.compile(rf"第?({z})(?:小节)?(?:{_RANGE}第?({z}))?"),
    }


_NAMED_PLACE = re.compile(
    r"(?<!like )(?<!as )(?<!than )\b(?:(?:in|at) the|(?:during|before|after|until|till|throughout)(?: the| every| each)?)"
    r" ([a-z]+)\b"
)


def lost_place(text: str, covered: bytearray, places: list[Span], strange: list[tuple[str, Span]], *, tempo: bool) -> Span | None:
    """Where words of a place stand that was not understood; None when there are none.

    Args:
        text: normalised.
        covered: 1 for each character that is understood.
        places: spans of the regions that were read.
        strange: words that were not understood, with their spans.
        tempo: True when a tempo is asked for: its numbers are no place.
    """
    for index, pattern in enumerate(_LOST):
        if tempo and index < 2:
            continue
        for m in pattern.finditer(text):
            if not covered[m.start() if index in (1, 7) else m.end() - 1]:
                return m.span()
    unknown = {span[0] for _, span in strange}
    for m in _NAMED_PLACE.finditer(text):
        if m.start(1) in unknown:
            return m.span()
    for m in re.finditer(r"\bbetween\b|之间", text):
        if not covered[m.start()] and any(-24 <= a - m.end() <= 24 or -4 <= m.start() - b <= 4 for a, b in places):
            return m.span()
    return None
