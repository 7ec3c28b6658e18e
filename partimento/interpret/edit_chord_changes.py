"""One chord in the place of another: "change the G in bar 2 to G7", "every Am becomes A7", 把第3小节的Dm换成D7."""

from __future__ import annotations

import re
from collections.abc import Iterator

from partimento.interpret.quantities import parse_number

Span = tuple[int, int]
CHORD = r"[A-G](?:#|b)?(?:maj|min|dim|aug|sus|add|m|M)?\d{0,2}(?:(?:sus|add|maj|b|#)\d{1,2})*(?:/[A-G](?:#|b)?)?"
"""A chord symbol as it is written; its capital tells it from a word."""
_ONE = rf"(?<![A-Za-z0-9#])({CHORD})(?:\s+(?:chords?\b|major\b(?! key))|和弦)?(?![A-Za-z0-9#'])"
_GAP = r"[^.;!?。；！？]{0,40}?"
_INTO = (
    r"(?:\s*(?:->|→|=>)\s*|\s*(?:改|换|变|替换|替)(?:成|为|作)?(?:了)?(?:一个)?\s*|\s*(?:应该|要)?是\s*|"
    r",?\s+(?:(?:should|must|could|shall)\s+)?(?:to|into|by|with|for|become|becomes|be)\s+(?:an?\s+|the\s+)?(?:chord (?:of )?)?)"
)
_PAIR = re.compile(rf"{_ONE}({_GAP}){_INTO}{_ONE}")
_MADE = re.compile(rf"(?i:\b(?:make|turn)\b)\s+(?:all |every |each |the |that )*{_ONE}({_GAP})\s+an?\s+{_ONE}")
_INSTEAD = re.compile(
    rf"{_ONE}({_GAP})\s+(?:instead of|rather than|in place of)\s+(?:the\s+|an?\s+)?{_ONE}|用?{_ONE}()(?:代替|取代|替换|替){_ONE}"
)
_EDGE = re.compile(
    r"(?i:\b(?:the\s+)?(?:very\s+)?(first|opening|last|final|closing|ending|end)\s+chord\b)|(?:(第一个|头一个|开头的?)|(?:最后一个|结尾的?|末尾的?))和弦"
)
_NUMBERS = {
    "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "penultimate": -2, "next to last": -2, "second to last": -2, "last but one": -2, "倒数第二": -2, "倒数第三": -3,
}  # fmt: skip
_COUNTED = re.compile(
    r"(?i:\b(?:the\s+)?(?P<en>second to last|next to last|last but one|penultimate|second|third|fourth|fifth|sixth|seventh|"
    r"eighth|\d{1,2}(?:st|nd|rd|th))\s+chord\b)|(?P<zh>倒数第[二三]|第[二三四五六七八九十\d]{1,2})个?和弦"
)
_BEFORE_PLACE = re.compile(
    rf"(?<![A-Za-z0-9#])({CHORD})(?:\s+chords?)?\s+(?i:(?:instead of|rather than|in place of|for|as)\s+(?:the\s+)?)$|"
    rf"用({CHORD})(?:和弦)?(?:代替|取代|替换|替)$"
)
_EDGE_INTO = re.compile(rf"^{_GAP}(?:{_INTO}|\s+an?\s+|\s*[:=]\s*){_ONE}")
_KEYS = re.compile(r"(?i:\bkeys?\b|\btranspos|\bmodulat|\bcapo\b)|调")
_QUALITY = re.compile(r"[A-G](?:#|b)?.+")
_MEANT = re.compile(r"(?i:\b(?:change|replace|swap|substitute|turn|make|every|all|each|chords?|the)\b)|和弦|小节|换|改|替")


def _places(original: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Chords that are named by where they stand: ``first``, ``last`` or a number (-2 is the last but one)."""
    for m in _EDGE.finditer(original):
        yield "first" if m.group(2) or (m.group(1) or "").lower() in ("first", "opening") else "last", m
    for m in _COUNTED.finditer(original):
        said = (m.group("en") or m.group("zh")).lower()
        place = _NUMBERS.get(said) or parse_number(said.rstrip("stndrh").removeprefix("第"))
        if place:
            yield ("first" if place == 1 else f"{int(place)}"), m


def chord_changes(original: str) -> Iterator[tuple[str, Span, str, Span]]:
    """Chords that go and chords that come in their place, with where they stand.

    Args:
        original: the user's own words.
    """
    for place, m in _places(original):
        if into := _EDGE_INTO.match(original[m.end() :]):
            start, end = into.span(into.lastindex or 0)
            yield place, m.span(), into.group(into.lastindex or 0), (m.end() + start, m.end() + end)
        elif into := _BEFORE_PLACE.search(original[: m.start()]):
            at = into.lastindex or 1
            yield place, m.span(), into.group(at), into.span(at)
    if _KEYS.search(original):
        return
    for pattern in (_INSTEAD, _MADE, _PAIR):
        for m in pattern.finditer(original):
            groups = [i for i in range(1, (m.lastindex or 0) + 1) if m.group(i) is not None]
            one, gap, two = groups[0], m.group(groups[1]), groups[-1]
            first, second = m.group(one), m.group(two)
            article = first == "A" and re.match(r"\s+[a-z]", original[m.end(one) :]) and not gap.startswith(" in ")
            sure = _QUALITY.fullmatch(first) or _QUALITY.fullmatch(second) or _MEANT.search(original[: m.end()])
            if first == second or article or not sure:
                continue
            if pattern is _INSTEAD:
                yield second, m.span(two), first, m.span(one)
            else:
                yield first, m.span(one), second, m.span(two)
            break
