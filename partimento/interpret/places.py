"""Places in a piece: "after 8 bars", "in the second half", "in the chorus", 第二段, 二十秒的时候."""

from __future__ import annotations

import re
from functools import cache

from partimento.interpret.data import comma_list, load_yaml
from partimento.interpret.quantities import parse_number
from partimento.interpret.reading import Where
from partimento.interpret.tokens import normalise

_N = (
    r"(\d+(?:\.\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|twenty(?:[- ]four)?|"
    r"thirty(?:[- ]two)?|fifteen)"
)
_ZN = r"([0-9.]+|[一二两三四五六七八九十百]+)"
_LAST = re.compile(rf"(?:last|final) {_N} (bars?|measures?|seconds?|secs?)|最后{_ZN}(?:个)?(小节|秒)")
_AFTER = re.compile(
    rf"after (?:about |around |the first )?{_N} (bars?|measures?|seconds?|secs?|s\b|minutes?)|"
    rf"{_ZN}(?:个)?(小节|秒钟?|分钟)(?:之后|以后|后|的时候|时候|处|时|起)"
)
_AT_BAR = re.compile(rf"(?:at|from|in|on|by) (?:bar|measure) {_N}|第{_ZN}小节")
_AT_TIME = re.compile(rf"(?:at|around|from|by) (?:the )?(?:(\d+):(\d\d)|{_N}[- ]?(?:s\b|secs?|seconds?))|第{_ZN}秒")
_FIRST_BARS = re.compile(rf"(?:敲|弹|吹|拉|奏|play(?:s|ing)?|for) ?(?:the first )?(?:{_N}|{_ZN})(?:个)? ?(小节|bars?|measures?)")
_HALF = re.compile(r"half ?way|mid ?way|(?:second|other|latter|last) half|halfway|in the middle|后半|下半段|中段|中间")
_THIRD = re.compile(r"(?:last|final) (?:third|part|section)")
_END = re.compile(r"\b(?:end|ending|finale|coda|close|closing)\b|最后|结尾|末尾|收尾|尾声|末段|终了")
_OPENING = re.compile(
    rf"first (?:{_N} )?(?:bars?|measures?|seconds?|beats|minute)|"
    rf"^\W*for (?:about |around )?{_N} (?:bars?|measures?|seconds?|beats)|"
    rf"(?:弹|吹|拉|奏|敲|打|唱|响|循环|铺)(?:了|满)?{_ZN}(?:个)?(?:小节|秒)"
)
_SILENT_BARS = re.compile(
    rf"\b(?:for|during|in|through|throughout) (?:the first )?{_N} (bars?|measures?|seconds?|secs?|minutes?)|"
    rf"(?:前|头){_ZN}(?:个)?(小节|秒钟?|分钟)"
)
_SILENT_OPENING = re.compile(
    r"\b(?:in|at|during|through|throughout|for|from) the (?:very )?(?:intro|introduction|start|beginning|opening|outset)\b|"
    r"前奏|引子|开头|开场|一开始|起始"
)
_SILENT_IN = re.compile(r"\b(?:in|during|through|throughout|for) (?:the |each |every |any )?(?:\w+ )?\w+")
_NUMBERED_EN = re.compile(rf"\b(?:phase|stage|step|part|section|scene|act|movement) {_N}\b")
_ORDINAL_EN = re.compile(
    r"\b(first|second|third|fourth|fifth)(?: \w+)? (?:part|section|movement|act|phrase|stanza|round|pass|scene|shot)\b"
)
_ORDINAL_ZH = re.compile(r"第([一二三四五])(?:段|部分|节|遍|阶段|步|层|幕|乐章|轮|次|回)")
_SECTION_BEFORE = (
    r"(?:in|during|for|at|on|throughout|through|as|by|from|when|until|before|once|into|after)\s+"
    r"(?:the |each |every |a )?(?:\w+ )?"
)


@cache
def _section_pattern() -> re.Pattern[str]:
    """Section names with the prepositions that make a place of them."""
    names: dict[str, str] = {}
    for row in load_yaml("terms.yaml")["sections"]:
        for name in comma_list(row["en"]) + comma_list(row["zh"]):
            names[normalise(name)] = row["name"]
    english = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n.isascii())
    chinese = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if not n.isascii())
    chinese = chinese.replace("|高潮", "|(?<![推向入渐达])高潮(?!迭起|收尾)")  # "builds to a climax" is no place
    number = r"(?:(?:first|second|third|last|final|\d) )?"
    listed = rf"(?<![a-z] )\b(?:the |an? )?{number}({english})(?= (?:with|is|has|brings|adds|uses|gets)\b|:|$)"
    return re.compile(rf"{_SECTION_BEFORE}({english})s?\b|{listed}|({chinese})")


def section_place(text: str, start: int, end: int) -> tuple[str, tuple[int, int]] | None:
    """Canonical section name of the first "in the chorus"-like place, with its span."""
    match = _section_pattern().search(text, start, end)
    if not match:
        return None
    spoken = match.group(1) or match.group(2) or match.group(3)
    for name, words in section_words():
        if spoken in words:
            return name, match.span()
    return None


@cache
def section_words() -> tuple[tuple[str, frozenset[str]], ...]:
    """Section names with their words."""
    rows = load_yaml("terms.yaml")["sections"]
    return tuple((row["name"], frozenset(normalise(n) for n in comma_list(row["en"]) + comma_list(row["zh"]))) for row in rows)


def _number(*groups: str | None) -> float:
    return next((n for g in groups if g and (n := parse_number(g)) is not None), 0.0)


def _ordinal(match: re.Match[str] | None) -> float:
    """0 for the first (or any), 1 for "the second …", -1 for the last."""
    if match is None:
        return 0.0
    word = match.group(1)
    if word is None:
        return _number(match.group(2)) - 1
    return -1.0 if word in ("last", "final") else float(["second", "third", "fourth", "2nd", "3rd", "4th"].index(word) % 3 + 1)


def find_place(text: str, start: int, end: int) -> Where:
    """The place that ``text[start:end]`` names; ``stage`` when only the order is known."""
    part = text[start:end]
    if match := _LAST.search(part):
        unit = match.group(2) or match.group(4)
        return Where("bars" if unit.startswith(("bar", "meas", "小")) else "seconds", -_number(match.group(1), match.group(3)))
    if match := _AFTER.search(part):
        unit, amount = match.group(2) or match.group(4), _number(match.group(1), match.group(3))
        if unit.startswith(("bar", "meas", "小")):
            return Where("bars", amount)
        return Where("seconds", amount * (60 if unit.startswith(("min", "分")) else 1))
    if match := _AT_BAR.search(part):
        return Where("bars", max(0.0, _number(match.group(1), match.group(2)) - 1))
    if match := _AT_TIME.search(part):
        if match.group(1):
            return Where("seconds", float(match.group(1)) * 60 + float(match.group(2)))
        return Where("seconds", _number(match.group(3), match.group(4)))
    if _HALF.search(part):
        return Where("fraction", 0.5)
    if _THIRD.search(part):
        return Where("fraction", 0.67)
    if section := section_place(text, start, end):
        ordinal = re.search(r"\b(second|third|fourth|2nd|3rd|4th|last|final) [a-z-]+$|第([二三四])[^第]*$", text[: section[1][1]])
        return Where("section", _ordinal(ordinal), section[0])
    if match := _ORDINAL_ZH.search(part):
        return Where("stage", _number(match.group(1)))
    if match := _NUMBERED_EN.search(part):
        return Where("stage", _number(match.group(1)))
    if match := _ORDINAL_EN.search(part):
        return Where("stage", 1.0 + ("first", "second", "third", "fourth", "fifth").index(match.group(1)))
    if _END.search(part):
        return Where("end")
    return Where()


def late_place(text: str, start: int, end: int) -> Where:
    """Where something enters that is silent "in the intro", "for the first 4 bars", "at the start", 在开头, 前四小节."""
    part = text[start:end]
    if match := _SILENT_BARS.search(part):
        unit, amount = match.group(2) or match.group(4), _number(match.group(1), match.group(3))
        if unit.startswith(("bar", "meas", "小")):
            return Where("bars", amount)
        return Where("seconds", amount * (60 if unit.startswith(("min", "分")) else 1))
    if _SILENT_OPENING.search(part):
        return Where("after_section", name="intro")
    section = section_place(text, start, end)
    return Where("after_section", name=section[0]) if section and _SILENT_IN.search(part) else Where()


def is_opening(text: str) -> bool:
    """True for "the first eight bars", "for four bars", 弹十六小节: how long something sounds alone."""
    return bool(_OPENING.search(text))
