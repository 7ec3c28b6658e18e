"""Places without a name of their own: "the third section", "the 3rd bar", "between the first and second chorus", 第三段."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from partimento.plan.edit import Region

Span = tuple[int, int]
Found = tuple[Region, Span]
_LEAD = r"(?:\b(?:in|from|at|over|for|during|within|on|to)\s+)?(?:\b(?:the|its|this)\s+)?"
_HERE = r"(?:\s+of (?:the |it\b|this )?(?:song|piece|track|tune)?)?"
_TOLD = r"\b(?:in between|between)\s+(?:the\s+)?"
_ZH_WHICH = r"(?:第({z})(?:段|遍|次|个)?|(最后|末)(?:一)?(?:段|遍|次|个)?)?(?:的)?"


@dataclass(frozen=True)
class Words:
    """What the words of a place stand for.

    Attributes:
        number, zh_number: patterns.
        sections: spoken → canonical name.
        ordinals: word → which.
        value: text of a number → number.
    """

    number: str
    zh_number: str
    sections: dict[str, str]
    ordinals: dict[str, int]
    value: Callable[[str], float | None]

    def which(self, spoken: str | None) -> int:
        """``"second"``, ``"2nd"``, ``"二"`` → 2; 0 for nothing."""
        if not spoken:
            return 0
        if spoken in self.ordinals:
            return self.ordinals[spoken]
        return int(self.value(re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", spoken)) or 0)


def passages(text: str, words: Words) -> Iterator[Found]:
    """Regions of such phrases in a normalised text."""
    p = _patterns(words.number, words.zh_number, "|".join(sorted(map(re.escape, words.sections), key=len, reverse=True)),
                  "|".join(sorted(words.ordinals, key=len, reverse=True)))  # fmt: skip
    for m in p["between"].finditer(text):
        second = words.sections[m.group("last")]
        first = words.sections[m.group("name")] if m.group("name") else second
        ends = (words.which(m.group("a")), words.which(m.group("b")))
        yield _between(first, second, ends), m.span()
    for m in p["between_zh"].finditer(text):
        first, second = words.sections[m.group(3) or m.group(6)], words.sections[m.group(6)]
        ends = (-1 if m.group(2) else words.which(m.group(1)), -1 if m.group(5) else words.which(m.group(4)))
        yield _between(first, second, ends), m.span()
    for m in p["bar"].finditer(text):
        which = words.which(m.group(1))
        if which > 0:
            last = words.which(m.group(2)) if m.group(2) else which
            yield Region("bars", float(which), float(max(which, last))), m.span()
    for m in p["section"].finditer(text):
        yield Region("section", which=words.which(m.group(1))), m.span()
    for m in p["section_number"].finditer(text):
        yield Region("section", which=words.which(m.group(1))), m.span()
    for m in p["section_zh"].finditer(text):
        yield Region("section", which=-1 if m.group(2) else words.which(m.group(1))), m.span()


def _between(first: str, second: str, which: tuple[int, int]) -> Region:
    """What lies between two sections; "between the choruses" is between the first two."""
    a, b = which
    if first == second and not a and not b:
        a, b = 1, 2
    return Region("between", others=(Region("section", name=first, which=a), Region("section", name=second, which=b)))


@cache
def _patterns(number: str, zh_number: str, sections: str, ordinals: str) -> dict[str, re.Pattern[str]]:
    """Compiled once."""
    which = rf"(?:{ordinals}|\d{{1,3}}(?:st|nd|rd|th))"
    count = rf"(?:{number}|\d{{1,3}})"
    zh = _ZH_WHICH.format(z=zh_number)
    return {
        "between": re.compile(
            rf"{_TOLD}(?:(?P<a>{which})\s+)?(?:(?P<name>{sections})\s+)?(?:and|&)\s+(?:the\s+)?(?:(?P<b>{which})\s+)?"
            rf"(?P<last>{sections})\b"
        ),
        "between_zh": re.compile(rf"(?:在)?{zh}({sections})?(?:和|与|跟|到){zh}({sections})(?:之间|中间)(?:的)?"),
        "bar": re.compile(
            rf"{_LEAD}\b((?!last|final|closing|first|opening|penultimate|next)(?:{ordinals})|\d{{1,3}}(?:st|nd|rd|th))"
            rf"(?:\s*(?:to|through|-|–)\s*(?:the\s+)?({which}))?\s+(?:bars?|measures?)\b{_HERE}"
        ),
        "section": re.compile(rf"{_LEAD}\b({which})\s+(?:section|part)(?!s)\b{_HERE}"),
        "section_number": re.compile(rf"{_LEAD}\b(?:section|part)\s+(?:number\s+|no\.? ?)?({count})\b(?!\s*(?:db|bars?|%))"),
        "section_zh": re.compile(
            rf"(?:在)?(?:第({zh_number})|(最后)一?)(?:个)?(?:段落|部分|段(?![^，。,]{{0,3}}[歌副曲]))(?:里|中|的)?"
        ),
    }
