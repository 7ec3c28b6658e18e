"""Layouts that list the stages of a piece: "piano -> strings", "1. cello 2. harp", "0:30 strings", "bars 1-4: flute"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from partimento.interpret.mentions import Mention
from partimento.interpret.reading import Where

Span = tuple[int, int]
_ARROW = re.compile(r"\s*(?:-+>|=+>|→|⇒|➔|➜|»|>{1,3})\s*")
_TIME = re.compile(
    r"[\[(]?(?<![\d:])(?P<min>\d{1,2}):(?P<sec>[0-5]\d)"
    r"(?:\s*(?:-|–|—|~|to|until|till|到|至)\s*(?:\d{1,2}:[0-5]\d|end|the end|结尾))?[\])]?"
)
_BARS = re.compile(
    r"\b(?:bars?|measures?|mm?\.)\s*(?P<bar>\d{1,3})(?:\s*(?:-|–|to|through)\s*\d{1,3})?(?= *[:,–-]? *[a-z])|"
    r"第(?P<zh>\d{1,3})(?:\s*(?:-|–|到|至|~)\s*\d{1,3})小节"
)
_SECONDS = re.compile(r"(?<![\d:.])(?P<s>\d{1,3})\s*(?:-|–|to|到|至|~)\s*\d{1,3}\s*(?:s\b|secs?\b|seconds?\b|秒)")
_NUMBER = re.compile(r"(?:^|(?<=[\s,.;:，。；、(（]))[(（]?(?P<n>[1-9])[.)）、:]\s*(?=[^\d\s])|(?P<circle>[①-⑨])")
_AFTER_LAST = re.compile(r"[.;。；\n]")
_LEAVES = re.compile(r"\b(?:out|stops?|leaves?|gone|rests?|silent|fades? out)\b|停|退|消失|没有|离开")
_MIN_STAGES = 2


@dataclass(frozen=True)
class Stage:
    """Indices of mentions that sound from here on, the stretch of text and the place that it names."""

    mentions: tuple[int, ...]
    span: Span
    where: Where


def find_stages(text: str, live: list[Mention]) -> list[Stage]:
    """The stages of the first layout that the text shows; fewer than two are none."""
    for find in (_timed, _numbered, _arrows):
        stages = find(text, live)
        if len(stages) >= _MIN_STAGES and len({frozenset(live[i].id for i in s.mentions) for s in stages}) > 1:
            return stages
    return []


def _between(text: str, low: int, high: int, live: list[Mention]) -> tuple[int, ...]:
    """Mentions of a stretch, without those that are said to leave there."""
    inside = [i for i, m in enumerate(live) if low <= m.start < high]
    return tuple(i for i in inside if not _LEAVES.match(text[live[i].end : min(high, live[i].end + 24)].lstrip(" ,是都")))


def _cut(text: str, marks: list[tuple[Span, Where]], live: list[Mention]) -> list[Stage]:
    """Stages from each mark to the next; the last one ends with its sentence."""
    stages = []
    for k, ((low, head), where) in enumerate(marks):
        high = marks[k + 1][0][0] if k + 1 < len(marks) else len(text)
        if k + 1 == len(marks) and (stop := _AFTER_LAST.search(text, head + 1)):
            high = stop.start()
        if inside := _between(text, head, high, live):
            stages.append(Stage(inside, (low, high), where))
    return stages


def _timed(text: str, live: list[Mention]) -> list[Stage]:
    """Times or bars in front of what they bring, in rising order; "piano at 0:10" is another matter."""
    for pattern, unit in ((_TIME, "seconds"), (_BARS, "bars"), (_SECONDS, "seconds")):
        marks: list[tuple[Span, Where]] = []
        last = -1.0
        for match in pattern.finditer(text):
            amount = _amount(match)
            before = text[max(0, match.start() - 8) : match.start()]
            if amount <= last or re.search(r"\b(?:at|by|from|after|until|around|in|of|on)\s*(?:the )?$|[在从到]$", before):
                return []
            last = amount
            marks.append((match.span(), Where(unit, amount)))
        stages = _cut(text, marks, live)
        if len(stages) >= _MIN_STAGES and len(stages) >= len(marks) - 1:
            return stages
    return []


def _amount(match: re.Match[str]) -> float:
    groups = match.groupdict()
    if groups.get("min"):
        return 60.0 * int(groups["min"]) + int(groups["sec"])
    if groups.get("s"):
        return float(groups["s"])
    return float(groups.get("bar") or groups.get("zh") or 1) - 1.0


def _numbered(text: str, live: list[Mention]) -> list[Stage]:
    """ "1. cello 2. harp 3. choir", ①…②…: numbers from one on, each with a name behind it."""
    marks: list[tuple[Span, Where]] = []
    for match in _NUMBER.finditer(text):
        number = int(match.group("n")) if match.group("n") else "①②③④⑤⑥⑦⑧⑨".index(match.group("circle")) + 1
        if number != len(marks) + 1:
            return []
        marks.append((match.span(), Where()))
    stages = _cut(text, marks, live)
    return stages if len(stages) == len(marks) else []


def _arrows(text: str, live: list[Mention]) -> list[Stage]:
    """ "piano -> strings -> full choir": what stands between the arrows."""
    arrows = [m.span() for m in _ARROW.finditer(text) if m.group().strip()]
    if not arrows:
        return []
    low = max((m.end() for m in re.finditer(r"[.;:!?。；：\n]", text[: arrows[0][0]])), default=0)
    stop = re.compile(r"[.;!?。；\n,，]").search(text, arrows[-1][1])
    high = stop.start() if stop else len(text)
    edges = [(low, arrows[0][0]), *((a[1], b[0]) for a, b in pairwise(arrows)), (arrows[-1][1], high)]
    stages = [Stage(_between(text, a, b, live), (a, b), Where()) for a, b in edges]
    return stages if all(s.mentions for s in stages) else []
