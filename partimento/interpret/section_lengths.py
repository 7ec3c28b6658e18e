"""Bars that the words give to single sections: "intro 4 bars, verse 8 bars", "an 8-bar chorus", 前奏4小节, 8小节的副歌."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from partimento.interpret.data import load_yaml
from partimento.interpret.quantities import parse_number
from partimento.interpret.vocabulary import number_words

Span = tuple[int, int]

_FRINGE_BARS, _BODY_BARS = 4, 8
_FRINGE = ("intro", "outro")
_MOST_BARS = 128
_PLACE_BEFORE = re.compile(r"(?:\b(?:after|at|from|in|during|until|till|before|every|each|into|of)|在|从|到)\s*(?:the )?$")


@dataclass(frozen=True)
class SectionLength:
    """A section, its bars, and where in the words it stands."""

    name: str
    n_bars: int
    span: Span


@cache
def _names() -> dict[str, str]:
    """Spelled name → section."""
    rows = load_yaml("terms.yaml")["sections"]
    return {w.strip(): row["name"] for row in rows for field in ("en", "zh") for w in row[field].split(",") if w.strip()}


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_names(), key=len, reverse=True)
    latin = "|".join(re.escape(n) for n in names if n.isascii())
    han = "|".join(re.escape(n) for n in names if not n.isascii())
    spelled = "|".join(sorted((w for w in number_words() if w.isascii()), key=len, reverse=True))
    number, zh_number = rf"\d{{1,3}}|(?:{spelled})", r"\d{1,3}|[一二两三四五六七八九十]+"
    unit = r"[\s-]*(?:bars?|measures?)"
    return re.compile(
        rf"\b(?P<name>{latin})(?: [1-9])?(?: ?[:=(\[–-] ?| (?:of|is|lasts|has|with) | )"
        rf"(?P<bars>{number}){unit}\b(?! (?:in|later|before|after))\)?"
        rf"|(?<![\d.:/])\b(?P<bars2>{number}){unit}(?: of)?(?: an?| the)? (?P<name2>{latin})\b(?! (?:enters?|comes?))"
        rf"|(?P<name3>{han})(?:有|是|为|长|共)?\s?[:：(（=]?\s?(?P<bars3>{zh_number})\s?个?小节"
        rf"|(?P<bars4>{zh_number})\s?个?小节的?(?P<name4>{han})"
    )


@cache
def _bare() -> re.Pattern[str]:
    """A section that heads its clause and is given no bars."""
    names = "|".join(re.escape(n) for n in sorted(_names(), key=len, reverse=True))
    return re.compile(
        rf"(?:^|[,.;:>→，。；、]|\band\b|\bthen\b)\s*(?:(?:and|then|finally|然后|最后) ?)*(?:an? |the )?"
        rf"(?P<name>{names})(?![a-z])"
    )


def section_lengths(text: str) -> list[SectionLength]:
    """Sections with bars, in the order of the words.

    Args:
        text: normalised words (lower case).

    Returns:
        One row per section that is given 1 to 128 bars; empty when there is none.
    """
    found = []
    for match in _pattern().finditer(text):
        group = match.groupdict()
        name = next(group[k] for k in ("name", "name2", "name3", "name4") if group[k])
        value = parse_number(next(group[k] for k in ("bars", "bars2", "bars3", "bars4") if group[k]))
        if value and value == int(value) and 1 <= value <= _MOST_BARS and not _PLACE_BEFORE.search(text[: match.start()]):
            found.append(SectionLength(_names()[name], int(value), match.span()))
    return found


def measured_form(text: str) -> list[SectionLength]:
    """The form that two or more sections with bars spell out; sections named between them get 8 bars, 4 at the fringe."""
    rows = section_lengths(text)
    if len(rows) < 2:
        return []
    for match in _bare().finditer(text):
        span = match.span("name")
        if not any(a <= span[0] < b or a < span[1] <= b for a, b in (r.span for r in rows)):
            name = _names()[match.group("name")]
            rows.append(SectionLength(name, _FRINGE_BARS if name in _FRINGE else _BODY_BARS, span))
    return sorted(rows, key=lambda r: r.span)
