"""Places of a piece and their order: "second loop", "B part", "bar 9", "at the peak", 第三段, 最后两小节, 走到尽头."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.interpret.quantities import parse_number
from partimento.interpret.reading import Where

Span = tuple[int, int]
_ORDINAL_WORDS = (("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th"), ("fifth", "5th"), ("sixth", "6th"))
_ORDINALS = {word: number for number, words in enumerate(_ORDINAL_WORDS, start=1) for word in words}
_LETTERS = {"a": 1, "b": 2, "c": 3, "d": 4, "i": 1, "ii": 2, "iii": 3, "iv": 4}
_UNITS = (
    "loop|verse|scene|act|part|section|time(?: round| around)?|pass|round|chorus|refrain|repeat|strain|stanza|movement|level|"
    "phase|stage|episode|shot|line|iteration|go|drop|bridge"
)
_N = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|twenty|thirty)"
_PREP = r"(?:in|at|on|from|by|for|until|till|during|towards?|near|to|with|into|before|after|reaching)"
_ZN = r"[0-9一二两三四五六七八九十]+"
_EN = re.compile(
    rf"\b(?P<ord>first|second|third|fourth|fifth|sixth|[1-5](?:st|nd|rd|th)) "
    rf"(?P<ou>{_UNITS}|half|third|minute)s?\b(?! player| guitar| violin)"
    r"|\b(?:on|in|from|by) the (?P<bare>second|third|fourth|fifth)(?=\s*(?:[,.;!]|$|the\b|an?\b))"
    rf"|\b(?:except|but|save)(?: for| in)*(?: the)? first (?P<exc>{_N}) (?P<eu>bars?|measures?|minutes?|seconds?)\b"
    r"|\b(?P<roman>iii|ii|i)(?= ?[:)])"
    rf"|\b(?P<cu>verse|chorus|loop|scene|act|part|section|phase|level|stage|movement) "
    rf"(?P<cn>one|two|three|four|five|[1-6]|iii|ii|i|[abcd])\b"
    r"|\b(?P<lu>[abcd])[- ](?:part|section|theme)\b"
    rf"|\b(?:last|final) (?P<tail>{_N}) (?:bars?|measures?|beats|seconds?|minutes?)\b"
    rf"|\b(?:the )?(?P<lastu>last|final|closing) (?:{_UNITS}|third|half|part|minute|bars?|measures?|"
    rf"touch|pages?|moments?|seconds?)s?\b"
    rf"|\b(?:bars?|measures?) (?P<bar>\d+|one|five|nine|seventeen)\b"
    rf"|(?<![\d:])(?P<min>\d{{1,2}}):(?P<sec>[0-5]\d)"
    rf"|\b(?P<mins>{_N})[- ](?P<mu>minutes?|seconds?) (?:in\b|mark\b)"
    rf"|\bafter (?P<after>{_N}) (?P<au>bars?|measures?|minutes?|seconds?)\b"
    rf"|\b(?:the )?(?P<early>first {_N} bars?|intro(?:duction)?|opening(?: \w+)?|outset|very start|beginning|very top)\b"
    rf"|\b(?:from|at) the (?P<early2>off|top|start|beginning)\b"
    rf"|\b(?P<early3>the whole (?:way|time)|from bar 1|right away|up front|throughout|all (?:along|the way))\b"
    rf"|\b{_PREP} (?:the |a )?(?P<sect>chorus|refrain|drop|bridge|breakdown|outro|coda|finale|climax|peak|solo section|interlude|"
    r"exit|repeat|recapitulation|reprise|ending|main part|trio)\b"
    rf"|\b(?P<sect2>chorus|refrain|bridge|breakdown|outro|coda|finale|climax)(?= ?:)"
    r"|\b(?P<end>at the (?:very )?end(?! of the (?:bar|phrase|line))|right at the end|by the end|"
    r"to (?:finish|end|close)(?= *(?:[,.;!]|$)))"
    r"|\b(?P<mid>in the middle(?! of)|half ?-?way(?: through| in| point)?|midway|near the middle)\b"
    r"|\b(?P<late>(?:enters?|comes? in|joins?|arrives?|appears?|very|only|late) late\b|"
    r"late (?:in|on)\b(?! the (?:night|evening))|later(?: on)?(?! than)\b|a bit further on)"
    rf"|\bfor (?:the |an?)?(?P<rel>following|next|other|another) {_N}\b"
    rf"|\b(?P<rel2>(?:on top of|above) that|{_N} (?:bars )?more)\b"
    r"|\b(?P<repeat>every (?:pass|loop|verse|round) (?:but|except) the first|for the first time)\b"
)
_ZH_SECTIONS = (
    "间奏|桥段|副歌|尾奏|尾声|结尾|末尾|片尾|谢幕|终章|末段|末乐章|高潮|最高点|中段|中间(?!层)|后半段?|后一半|后一段|再现部|尽头|"
    "快结束|结束时|收尾处|主歌|前奏|引子|片头|开场|首段|前半段?|前一半|开头|一开始|drop|正片|三分之二|三分之一|最后"
)
_ZH = re.compile(
    rf"第(?P<n>{_ZN})(?:个)?(?P<u>段主歌|段副歌|遍副歌|遍主歌|段|遍|幕|关|场|次|句|章|乐章|轮|层|部分|阶段|分钟|小节|秒|节|回|圈|拍)"
    rf"|最后(?P<tail>{_ZN})(?:个)?(?:小节|秒|拍)|最后一(?P<lastu>[段遍次轮句]|小节|个(?=副歌|主歌))(?:副歌|主歌)?|(?P<letter>[abcd])段"
    rf"|(?P<unit>场景|关卡|阶段|部分)(?P<un>{_ZN})"
    rf"|(?P<min>\d{{1,2}}):(?P<sec>[0-5]\d)|(?<![\d一二三四五六七八九十前头])(?P<amount>{_ZN})(?P<au>秒|分钟|小节)(?:之?后|以后|时|处)(?!停)"
    rf"|(?P<sect>{_ZH_SECTIONS})|(?P<early>一直|始终|全程|从头到尾|从头|贯穿|一路)|(?P<late>很晚才|晚些时候|稍后)|(?P<moment>[^,，。；;]{{2,10}}(?:那一刻|的瞬间|的时候才))"
    rf"|(?P<rel>接下来|再往后|再{_ZN}小节)"
)
_SECTION_RANKS = {
    "verse": 0.15, "chorus": 0.4, "refrain": 0.4, "drop": 0.5, "breakdown": 0.6, "bridge": 0.7, "solo section": 0.65,
    "interlude": 0.55, "climax": 0.85, "peak": 0.85, "outro": 1.0, "coda": 1.0, "finale": 1.0, "exit": 1.0, "ending": 1.0,
    "repeat": 0.5, "recapitulation": 0.75, "reprise": 0.75, "main part": 0.3, "trio": 0.6,
    "间奏": 0.55, "桥段": 0.7, "副歌": 0.4, "主歌": 0.15, "高潮": 0.85, "最高点": 0.85, "中段": 0.5, "中间": 0.5, "再现部": 0.75,
    "正片": 0.4, "三分之二": 0.67, "三分之一": 0.33, "前奏": 0.0, "引子": 0.0, "片头": 0.0, "开场": 0.0, "首段": 0.0,
    "前半": 0.0, "前半段": 0.0, "前一半": 0.0, "开头": 0.0, "一开始": 0.0, "后半": 0.5, "后半段": 0.5,
    "后一半": 0.5, "后一段": 0.5,
}  # fmt: skip
"""Where a place stands, 0 to 1; only the order counts, and the middle of the piece when nothing else places it."""
_SECTION_NAMES = {
    "chorus": "chorus", "refrain": "chorus", "drop": "drop", "breakdown": "breakdown", "bridge": "bridge",
    "interlude": "interlude",
    "solo section": "solo", "间奏": "interlude", "桥段": "bridge", "副歌": "chorus", "verse": "verse", "主歌": "verse",
}  # fmt: skip
_INTRO = frozenset({"前奏", "引子", "片头"})
_STEP = 0.02  # "for the next eight bars" is behind what was told before it
_REPEAT_STEP = 0.22
_LAST = 0.9


@dataclass(frozen=True)
class Place:
    """``rank`` orders places (0 beginning, 1 end); ``intro`` says that it is in front of the first section."""

    rank: float
    where: Where
    span: Span
    intro: bool = False


def places_in(text: str, low: int, high: int, last: float) -> list[Place]:
    """The places named in a stretch; ``last``: the rank told before, for "the next eight bars"."""
    found: list[Place] = []
    for pattern, make in ((_EN, _english), (_ZH, _chinese)):
        if pattern is _ZH and text[low:high].isascii():
            continue
        for match in pattern.finditer(text, low, min(len(text), high + 2)):  # a heading looks at the colon behind it
            if match.end() > high:
                break
            place = make(match, found[-1].rank if found else last)
            if place and not any(p.span[0] < match.end() and match.start() < p.span[1] for p in found):
                found.append(place)
    return sorted(found, key=lambda p: p.span)


def names_a_place(text: str) -> bool:
    """True when any place is named: most texts name none, and one search tells."""
    return bool(_EN.search(text) or (not text.isascii() and _ZH.search(text)))


def _fraction(rank: float, span: Span) -> Place:
    return Place(rank, Where("end") if rank >= 1.0 else Where("fraction", rank), span)


def _numbered(number: int, unit: str, span: Span) -> Place:
    """The n-th of something: sections by name, halves and thirds by size, other things by number."""
    if unit == "half":
        return _fraction(0.5 * (number - 1), span)
    if unit == "third":
        return _fraction((number - 1) / 3, span)
    if unit in ("bar", "小节"):
        return _bars(number - 1, span)
    if unit in ("minute", "分钟"):
        return _seconds(60.0 * (number - 1), span)
    if unit == "秒":
        return _seconds(float(number), span)
    name = "verse" if unit.endswith(("verse", "主歌")) else "chorus" if unit.endswith(("chorus", "refrain", "副歌")) else ""
    if name:
        rank = min(0.85, _SECTION_RANKS[name] + _REPEAT_STEP * (number - 1))
        return Place(rank, Where("section", float(number - 1), name), span)
    return _fraction(0.8 * (1 - 1 / number), span)


def _bars(bars: float, span: Span) -> Place:
    return Place(0.95 * bars / (bars + 24), Where("bars", bars), span)


def _seconds(seconds: float, span: Span) -> Place:
    return Place(0.95 * seconds / (seconds + 60), Where("seconds", seconds), span)


def _section(name: str, span: Span) -> Place:
    rank = _SECTION_RANKS.get(name, 1.0)
    where = Where("section", 0.0, _SECTION_NAMES[name]) if name in _SECTION_NAMES else _fraction(rank, span).where
    return Place(rank, where, span, intro=name in _INTRO)


def _value(text: str) -> int:
    return max(1, int(parse_number(text) or 1))


def _english(match: re.Match[str], last: float) -> Place | None:
    group, span = match.groupdict(), match.span()
    if group["early"] or group["early2"] or group["early3"]:
        return Place(0.0, Where("fraction", 0.0), span, intro=(group["early"] or "").startswith("intro"))
    if group["ord"]:
        return _numbered(_ORDINALS[group["ord"]], group["ou"], span)
    if group["bare"]:
        return _numbered(_ORDINALS[group["bare"]], "verse" if last > 0 else "part", span)
    if group["roman"]:
        return _numbered(_LETTERS[group["roman"]], "part", span)
    if group["cu"]:
        return _numbered(_LETTERS.get(group["cn"]) or _value(group["cn"]), group["cu"], span)
    if group["lu"]:
        return _numbered(_LETTERS[group["lu"]], "part", span)
    if group["tail"]:
        unit = "seconds" if "sec" in match.group() else "bars"
        amount = float(_value(group["tail"]))
        return Place(0.97, Where("end") if "minute" in match.group() else Where(unit, -amount), span)
    if group["lastu"]:
        if group["lastu"] == "closing":
            return _fraction(1.0, span)
        name = next((n for n in ("chorus", "verse") if n in match.group()), "chorus" if "refrain" in match.group() else "")
        rank = 0.5 if "half" in match.group() else 0.67 if "third" in match.group() else _LAST
        return Place(rank, Where("section", -1.0, name) if name else Where("fraction", rank), span)
    if group["bar"]:
        return _bars(_value(group["bar"]) - 1, span)
    return _english_time(match, last)


def _english_time(match: re.Match[str], last: float) -> Place | None:
    """Times, sections by name, the end, the middle and what is later than what was told."""
    group, span = match.groupdict(), match.span()
    if group["min"]:
        return _seconds(60.0 * int(group["min"]) + int(group["sec"]), span)
    if said := group["mins"] or group["after"] or group["exc"]:
        amount, unit = _value(said), group["mu"] or group["au"] or group["eu"]
        if unit.startswith(("bar", "mea")):
            return _bars(amount, span)
        return _seconds(amount * (60 if unit.startswith("min") else 1), span)
    if name := group["sect"] or group["sect2"]:
        return _section(name, span)
    if group["end"]:
        return _fraction(1.0, span)
    if group["mid"]:
        return _fraction(0.5, span)
    if group["late"]:
        return _fraction(0.8 if match.group() != "a bit further on" else 0.4, span)
    if group["repeat"]:
        return _fraction(0.4, span)
    if group["rel2"] and last <= 0:
        return None  # "on top of that" is a layer, unless stages are being counted
    return Place(min(0.96, last + _STEP), Where(), span)


def _chinese(match: re.Match[str], last: float) -> Place | None:
    group, span = match.groupdict(), match.span()
    if group["early"]:
        return Place(0.0, Where("fraction", 0.0), span)
    if group["n"]:
        return _numbered(_value(group["n"]), group["u"], span)
    if group["tail"]:
        unit = "seconds" if "秒" in match.group() else "bars"
        return Place(0.97, Where(unit, -float(_value(group["tail"]))), span)
    if group["lastu"]:
        name = "chorus" if "副歌" in match.group() else "verse" if "主歌" in match.group() else ""
        return Place(_LAST, Where("section", -1.0, name) if name else Where("fraction", _LAST), span)
    if group["letter"]:
        return _numbered(_LETTERS[group["letter"]], "part", span)
    if group["un"]:
        return _numbered(_value(group["un"]), "part", span)
    if group["min"]:
        return _seconds(60.0 * int(group["min"]) + int(group["sec"]), span)
    if group["amount"]:
        amount, unit = _value(group["amount"]), group["au"]
        return _bars(amount, span) if unit == "小节" else _seconds(amount * (60 if unit == "分钟" else 1), span)
    if name := group["sect"]:
        return _section(name, span)
    if group["late"] or group["moment"]:
        return _fraction(0.75, span)
    return Place(min(0.96, last + _STEP), Where(), span)
