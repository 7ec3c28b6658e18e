"""Regions in an instruction: "bars 9 to 12", "from 0:40", "in the last chorus", "after the piano enters", 后半段."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from partimento.errors import RequestError
from partimento.interpret.edit_passages import Words, passages
from partimento.interpret.edit_place_lists import listed
from partimento.interpret.mentions import Mention
from partimento.interpret.places import section_words
from partimento.interpret.quantities import parse_number
from partimento.plan.edit import Region

Span = tuple[int, int]
Found = tuple[Region, Span]
NUMBER = (
    r"(?:\d+(?:\.\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen|fifteen"
    r"|twenty(?:[- ](?:four|five))?|"
    r"thirty(?:[- ]two)?|forty|sixty)"
)
"""An English number, in digits or words."""
ZH_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|[一二两三四五六七八九十百]+)"
"""A Chinese number."""
_ZH_ONE = "(?<![来弹唱奏放加多要添演播走听复环一])一?(?:段|遍|次|个)"
"""What may stand before a section (每一次副歌), unless it says how often (再来一次副歌)."""
_TO = r"\s*(?:to|-|–|—|~|through|thru|until|till|and|到|至)\s*"
_CLOCK = (
    r"(?:\d{1,2}:\d\d(?:\.\d+)?|\d+(?:\.\d+)?\s*(?:s\b|secs?\b|seconds?\b|秒)|"
    rf"(?:[0-9]+|[一二两三四五六七八九十]+)分(?:钟|(?:[0-9]+|[一二三四五六七八九十零]+)秒?)?|(?:一|二|两|三|四|五|六|七|八|九|十)+秒|"
    rf"(?:{NUMBER}|a)\s*(?:minutes?|mins?)(?:\s*(?:and )?{NUMBER}\s*(?:seconds?|secs?|s\b)?|\s*and a half)?)"
)
_BAR = r"(?:bars?|measures?)"
_LEAD = r"(?:\b(?:in|from|at|over|for|during|between|within|on|across)\s+(?:the\s+)?)?"
_ORDINALS = {
    "first": 1, "1st": 1, "opening": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5, "5th": 5,
    "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8,
    "last": -1, "final": -1, "closing": -1, "penultimate": -2, "next to last": -2, "second to last": -2, "last but one": -2,
}  # fmt: skip
_NEEDS_FRAME = {
    "drop", "drops", "break", "hook", "bridge", "solo section", "the drop", "the break", "breakdown", "solo", "solos",
}  # fmt: skip
_ENTERS = re.compile(
    r"\s*(?:section\s+)?(?:has |have |is |are |'s )?(?:enter\w*|c[oa]m(?:e|es|ing) in|kick\w* in|in\b|start\w*|"
    r"join\w*|play\w*|s[iau]ng\w*|"
    r"sound\w*|"
    r"begin\w*|began|drop\w* in|arriv\w*|first (?:enter|play)\w*|(?:entry|entrance)\b)(?: playing| in)?"
)
_WHEN = re.compile(
    r"\b(after|once|when|whenever|as soon as|from when|from where|from|as|before|until|till|while|whilst|during)"
    r"(?: the moment)?(?: that)?\s+(?:the |a |an )?(?:entr(?:y|ance) of (?:the )?)?$"
)
_ZH_ENTERS = re.compile(
    r"(?:(?:进来|进入|加入|出现|响起|开始|起来|进)(?:的时候|了)?(之后|以后|后|时|之前|以前|前)|(?:演奏|弹|响|拉|吹|唱)(?:的)?(?:时候?|期间)())"
)
_ORDER_OF_PARTS = re.compile(
    r"\b(?:c[oa]m(?:e|es|ing)|enter(?:s|ing)?|join(?:s|ing)?|start(?:s|ing)?|begin(?:s|ning)?|bring(?:s|ing)?|add(?:s|ing)?|"
    r"have|introduc(?:e|es|ing)|in)\b[^,.;!?]*?\s(?P<when>(?:right |just |only |straight )?(after|before)\s+(?:the |my |our ))$"
)
"""Words between a verb of entering and the part that another one enters before or after: "come in after the | harp"."""
_UNTIL_PART = re.compile(
    r"\b(?:don't|do not|not|no|never|hold|wait|silent|quiet|out)\b[^,.;!?]*?\s"
    r"(?P<when>(?:until|till)\s+(?:the |my |our ))$"
)
_WAITS_FOR = re.compile(r"\bwait(?:s|ing)?\s+(?:for|until|till)\s+(?:the |my |our )?$")
_WAITED_FOR = re.compile(r"(?:\s+(?:to (?:come in|enter|start|play|join)|comes? in|enters?|starts?|is in))?(?:\s+before)?\b")
_ZH_WAITED_FOR = re.compile(r"\s*(?:先)?(?:进来|进入|加入|出现|响起|开始|起来|出来|进)(?:了)?(?=\s*[,，]?\s*[再才])")
_ZH_ORDER = re.compile(
    r"\s*(之后|以后|后面?|之前|以前|前面?)(?=\s*[,，]?\s*(?:再|才)?(?:进|加入|出现|响起|出来|开始(?:演奏|弹|吹|拉|唱)?))"
)


def _n(text: str | None) -> float | None:
    return parse_number(text) if text else None


def _seconds(text: str) -> float:
    """``"1:05"``, ``"40 s"``, ``"40秒"`` → seconds."""
    if ":" in text:
        minutes, seconds = text.split(":")
        return int(minutes) * 60 + float(seconds)
    if m := re.match(rf"({NUMBER}|a|[0-9]+|[一二两三四五六七八九十]+)\s*(?:minutes?|mins?|分钟?)\s*(?:and )?(.*)", text):
        whole = 1.0 if m.group(1) == "a" else _n(m.group(1)) or 0.0
        rest = re.match(rf"{NUMBER}|[一二两三四五六七八九十零]+", m.group(2))
        return whole * 60 + (30.0 if m.group(2) == "a half" else (_n(rest.group()) or 0.0) if rest else 0.0)
    if m := re.match(r"[一二两三四五六七八九十]+", text):
        return _n(m.group()) or 0.0
    digits = re.match(r"[\d.]+", text)
    return float(digits.group()) if digits else 0.0


def _bars(first: float | None, last: float | None) -> Region:
    """Bars as said.

    Raises:
        RequestError: they cannot be.
    """
    if first is None or first < 1 or (last is not None and last < first) or first != int(first):
        raise RequestError(f"bars {first:g} to {last:g}: count from 1, the first not after the last" if first is not None
                           and last is not None else "bars count from 1; say e.g. bars 9 to 12")  # fmt: skip
    return Region("bars", float(first), None if last is None else float(last))


@cache
def _section_names() -> dict[str, str]:
    """Spoken section name → canonical name."""
    names: dict[str, str] = {}
    for name, words in section_words():
        for word in words:
            names.setdefault(word, name)
            if word.isascii() and not word.endswith("s"):
                names.setdefault(word + "s", name)
    names.setdefault("solo", "solo")
    names.setdefault("solos", "solo")
    for word in ("独奏部分", "solo部分", "华彩"):
        names.setdefault(word, "solo")
    for word in ("高潮", "过渡"):
        names.setdefault(word, "chorus" if word == "高潮" else "bridge")
    return names


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Everything that is compiled once."""
    english = "|".join(re.escape(n) for n in sorted(_section_names(), key=len, reverse=True) if n.isascii() and n != "drop")
    chinese = "|".join(re.escape(n) for n in sorted(_section_names(), key=len, reverse=True) if not n.isascii())
    ordinal = "|".join(sorted(_ORDINALS, key=len, reverse=True))
    n, z = NUMBER, ZH_NUMBER
    return {
        "bars": re.compile(rf"{_LEAD}(?:{_BAR}\s*|\bmm?\.?\s*(?=\d))({n}){_TO}(?:{_BAR}\s*)?({n})(?!\s*(?:db|bpm))\b"),
        "bars_zh": re.compile(rf"(?:从|在)?第?({z})(?:小节)?\s*(?:到|至|-|~|—)\s*第?({z})(?:个)?小节(?:之间|里|中)?"),
        "bar_on": re.compile(rf"(?:\bfrom|\bstarting (?:at|from|in)|\bafter|\bat|\bsince)\s+(?:the )?(?:{_BAR})\s*({n})"
                             rf"(?:\s*(?:on(?:wards?)?|forwards?|to the end|and on|onwards?|till the end"
                             rf"|until the end))?\b(?!{_TO}\d)"),
        "bar_to": re.compile(rf"\b(?:until|till|up to|before|to)\s+{_BAR}\s*({n})\b"),
        "bar_in": re.compile(rf"(?:\b(?:in|on|for|during)\s+)?(?:the )?{_BAR}\s*(?:number )?({n})\b"),
        "bar_on_zh": re.compile(rf"从?第({z})小节(?:开始|起|往后|之后|以后|后)|从第({z})小节"),
        "bar_to_zh": re.compile(rf"第({z})小节(?:之前|以前|前)"),
        "bar_zh": re.compile(rf"(?:在)?第({z})小节(?:里|处|时|的时候)?"),
        "edge": re.compile(rf"{_LEAD}(?:\bthe\s+)?\b(last|final|closing|first|opening)\s+(?:({n})\s+)?{_BAR}\b"),
        "edge_zh": re.compile(rf"(?:在)?(最后|末尾|结尾|前|头|开头|最前面?|后)(?:的)?({z})(?:个)?小节(?:里|中)?"),
        "clock": re.compile(rf"(?:\b(?:from|between|at|during|in)\s+)?(?:从|在)?第?({_CLOCK}|\d+(?=\s*(?:to|and|-|–|到"
            rf"|至)\s*\d+\s*(?:s\b|sec|秒))){_TO}第?({_CLOCK})(?:之间)?"),
        "clock_end": re.compile(rf"(?:\b(?:from|between)\s+|从)({_CLOCK})\s*(?:to|until|till|through to|and|到|至|直到)\s*"
            rf"(?:the (?:very )?(?:end|close|finish)(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?|结尾|结束|最后|末尾|完)"),
        "bar_end": re.compile(rf"(?:\bfrom\s+(?:{_BAR})\s*({n})\s*(?:to|until|till|through to)\s*the (?:very )?"
            rf"(?:end|close|finish)(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?|"
            rf"从?第({z})小节(?:一直)?(?:到|至|直到)(?:结尾|结束|最后|末尾|完))"),
        "clock_on": re.compile(rf"(?:\b(?:from|after|starting at|starting from"
            rf"|at)\s+(?:about )?)({_CLOCK})(?:\s*(?:on(?:wards?)?|forwards?|to the end|until the end))?"
            rf"|从?({_CLOCK})(?:开始|起|往后|之后|以后|后)|\b({_CLOCK})\s*(?:on(?:wards?)|onwards?)\b"),
        "clock_to": re.compile(rf"\b(?:until|till|up to|before)\s+({_CLOCK})|({_CLOCK})(?:之前|以前)"),
        "sec_edge": re.compile(rf"{_LEAD}(?:the )?\b(first|last|final|opening)\s+({n})\s*(?:s|secs?|seconds?)\b|(最后|前"
            rf"|开头|头)({z})秒钟?"),
        "half": re.compile(
            rf"{_LEAD}(?:the\s+)?\b(first|second|other|latter|last|final|1st|2nd)\s+(half|third|quarter)"
            r"(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?"),
        "half_zh": re.compile(
            r"(?:在)?(前半|后半|前一半|后一半|上半|下半)(?:段|部分|首|程|场|曲)?(?:里|中)?|(?:前|后)(?:三|四)分之一"),
        "middle": re.compile(r"(?<!stuck )(?<!squashed )(?<!squeezed )(?<!crammed )(?<!bunched )(?<!crowded )(?<!sits )(?<!into )"
            r"(?:\b(?:in|at|during|for|through)\s+)?(?<!stuck in )(?<!squashed in )(?<!crammed in )(?<!bunched in )"
            r"(?<!crowded in )(?<!squeezed in )(?<!sits in )(?<!into )\bthe middle(?: (?:section|part|third"
            r"|bit))?(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?\b(?!\s*eight)|(?<!\w)half-?way(?: through"
            r"| in)?(?: the (?:song|piece|track))?\b(?! (?:over )?(?:to(?:wards?)? the )?(?:left|right)\b)|"
            r"(?:在)?(?:中间|中段)(?:部分|一段|那段)?"),
        "end": re.compile(r"\b(?:at|towards?|near|before|for|in|to)\s+the (?:very )?(?:end|ending|close"
            r"|finish)(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?\b|"
            r"\b(?:the|its|our|my) (?:very )?ending(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?\b"
            r"(?! (?:chord|note|hit|strum|bars?|measures?|section|part)s?\b)|"
            r"(?:在)?(?:结尾|末尾|收尾|快结束时|最后(?=[慢渐淡快停收]))(?:处"
            r"|的?时候|部分)?"),
        "start": re.compile(r"\b(?:at|from|in|for|near)\s+the (?:very )?(?:start|beginning|opening|top"
            r"|outset)(?: of (?:the |it\b)?(?:song|piece|track|tune)?)?\b|(?:在)?(?:开头|一开始|刚开始)(?:处|的?时候|部分)?"),
        "section": re.compile(
            rf"(?:\b(after|before|until)\s+|\b(?:in|during|for|at|on|throughout|into|of|from|over|to)\s+)?(?:(?:the"
            rf"|each|every|all|all the|both|a)\s+)?"
            rf"(?:\b({ordinal})\s+)?\b({english}|drop)\b(?:\s+({n})(?![\d.])(?!\s*(?:db|bars?|measures?|bpm|seconds?|semitones?"
            rf"|more|times|steps?)))?(?:\s+sections?)?"),
        "section_on": re.compile(
            rf"\b(?:from|starting (?:with|from|at|in)|as of|beginning (?:with|from|at))\s+(?:the\s+)?"
            rf"(?:({ordinal})\s+)?\b({english}|drop)\b"
            rf"(?:\s+({n}))?\s+(?:on(?:wards?)?\b|onwards?\b|forwards?\b|(?:un)?till? the end|to the end)"),
        "section_on_zh": re.compile(
            rf"从(?:(?:第({z})|(最后))(?:一)?(?:段|遍|次|个)?|{_ZH_ONE})?(?:的)?({chinese})(?:部分|段)?"
            r"(?:开始(?!渐|慢)|起|往后|以后|到(?:结尾|最后|结束))"),
        "section_zh": re.compile(
            rf"(?:在|从)?(?:(?:第({z})|(最后|末|尾))(?:一)?(?:段|遍|次|个)?|{_ZH_ONE})?(?:的)?({chinese})"
            rf"(?:部分|段落|那段|段)?(?:({z})(?=里|中|加|去|不|只|的))?"
            r"(之前|以前|前|之后|以后|后(?!半))?(?:的时候|里面|里|中|时)?"),
        "just_before": re.compile(
            rf"(?:\b(?:in|for|over|during|at)\s+)?(?:the\s+)?(?:last\s+)?(?:({n})\s+)?(bars?|measures?|beats?)\s+"
            rf"(?:right |just |directly )?before\s+(?:the\s+)?(?:({ordinal})\s+)?({english})\b"),
        "just_before_zh": re.compile(
            rf"(?:在)?(?:(?:第({z})|(最后))(?:一)?(?:段|遍|次|个)?|{_ZH_ONE})?(?:的)?({chinese})(?:之)?前(?:面)?(?:的)?(?:最后)?(?:的)?"
            rf"({z}|半)个?(小节|拍)"),
        "letter": re.compile(rf"{_LEAD}(?:the\s+)?(?:\b(?:section|part)\s+([a-h])\b|\b([a-h])[- ](?:section|part)\b)|([a-h])段"),
    }  # fmt: skip


def regions(text: str, mentions: list[Mention]) -> Iterator[Found]:
    """Every region that a normalised text names, possibly overlapping; the first found has precedence.

    Raises:
        RequestError: bars or seconds that cannot be ("bars 12 to 9").
    """
    yield from passages(text, Words(NUMBER, ZH_NUMBER, _section_names(), _ORDINALS, parse_number))
    yield from listed(text, NUMBER, ZH_NUMBER, _section_names(), _ORDINALS, parse_number, _bars)
    yield from _beside(text, mentions)
    yield from _just_before(text)
    yield from _numbered(text)
    yield from _clocked(text)
    yield from _parts(text)
    yield from _sections(text)


def _beside(text: str, mentions: list[Mention]) -> Iterator[Found]:
    """Entrances: "once the drums are in", 钢琴进来之后."""
    for mention in mentions:
        when = _WHEN.search(text[: mention.start])
        enters = _ENTERS.match(text, mention.end)
        if when and enters:
            word = when.group(1)
            kind = "before" if word in ("before", "until", "till") else "after"
            sounds = re.search(r"play|sing|sound", enters.group())
            if word in ("while", "whilst", "during", "whenever", "as") or (word == "when" and sounds):
                kind = "while"
            yield Region(kind, name=mention.id), (when.start(), enters.end())
        else:
            yield from _in_order(text, mention)
        if zh := _ZH_ENTERS.match(text, mention.end):
            kind = "while" if zh.group(1) is None else "before" if "前" in zh.group(1) else "after"
            start = mention.start - 1 if text[: mention.start].endswith(("在", "从", "等")) else mention.start
            yield Region(kind, name=mention.id), (start, zh.end())


def _in_order(text: str, mention: Mention) -> Iterator[Found]:
    """Entrances told by another part alone: "come in after the harp", "wait for the guitar", 在竖琴之后进来."""
    head = text[: mention.start]
    if waits := _WAITS_FOR.search(head):
        waited = _WAITED_FOR.match(text, mention.end)
        yield Region("before", name=mention.id), (waits.start(), waited.end() if waited else mention.end)
    elif (until := _UNTIL_PART.search(head)) and re.match(r"\s*(?:$|[,.;!?])", text[mention.end :]):
        yield Region("before", name=mention.id), (until.start("when"), mention.end)
    elif (order := _ORDER_OF_PARTS.search(head)) and (solo := re.match(r"\s+solo\b", text[mention.end :])):
        yield Region(order.group(2), name="solo"), (order.start("when"), mention.end + solo.end())
    elif (order := _ORDER_OF_PARTS.search(head)) and re.match(r"\s*(?:part)?\s*(?:$|[,.;!?])", text[mention.end :]):
        yield Region(order.group(2), name=mention.id), (order.start("when"), mention.end)
    wait = re.search(r"(?:等到?|直到)$", head)
    if wait and (zh := _ZH_WAITED_FOR.match(text, mention.end)):
        yield Region("after", name=mention.id), (wait.start(), zh.end())
    elif (zh := _ZH_ORDER.match(text, mention.end)) and re.search(r"[\u4e00-\u9fff]\s*[在到等]$", head):
        kind = "before" if "前" in zh.group(1) else "after"
        yield Region(kind, name=mention.id), (mention.start - 1, zh.end())


def _numbered(text: str) -> Iterator[Found]:
    """Bars."""
    p = _patterns()
    if re.search(r"\b(?:bars?|measures?)\s*(?:-|minus |negative )\s*\d", text):
        raise RequestError("bars count from 1; say e.g. bars 9 to 12")
    for name in ("bars", "bars_zh"):
        for m in p[name].finditer(text):
            yield _bars(_n(m.group(1)), _n(m.group(2))), m.span()
    for m in p["edge"].finditer(text):
        kind = "last_bars" if m.group(1) in ("last", "final", "closing") else "first_bars"
        yield Region(kind, _n(m.group(2)) or 1.0), m.span()
    for m in p["edge_zh"].finditer(text):
        kind = "last_bars" if m.group(1) in ("最后", "末尾", "结尾", "后") else "first_bars"
        yield Region(kind, _n(m.group(2)) or 1.0), m.span()
    for m in p["bar_end"].finditer(text):
        yield _bars(_n(m.group(1) or m.group(2)), None), m.span()
    builds: tuple[tuple[str, Callable[[float, str], Region]], ...] = (
        ("bar_on", lambda n, w: _bars(n + 1 if w.startswith("after") else n, None)),
        ("bar_on_zh", lambda n, w: _bars(n + 1 if re.search("后", w) else n, None)),
        ("bar_to", lambda n, w: _bars(1.0, n - 1 if "before" in w else n)),
        ("bar_to_zh", lambda n, _: _bars(1.0, n - 1)),
        ("bar_in", lambda n, _: _bars(n, n)),
        ("bar_zh", lambda n, _: _bars(n, n)),
    )
    for name, build in builds:
        for m in p[name].finditer(text):
            value = next((v for g in m.groups() if (v := _n(g)) is not None), None)
            if value is not None:
                yield build(value, m.group()), m.span()


def _clocked(text: str) -> Iterator[Found]:
    """Seconds."""
    p = _patterns()
    for m in p["clock_end"].finditer(text):
        yield Region("seconds", _seconds(m.group(1))), m.span()
    for m in p["clock"].finditer(text):
        low, high = _seconds(m.group(1)), _seconds(m.group(2))
        if high <= low:
            raise RequestError(f"from {low:g} s to {high:g} s: the start must be before the end")
        yield Region("seconds", low, high), m.span()
    for m in p["clock_on"].finditer(text):
        yield Region("seconds", _seconds(m.group(1) or m.group(2) or m.group(3))), m.span()
    for m in p["clock_to"].finditer(text):
        yield Region("seconds", 0.0, _seconds(m.group(1) or m.group(2))), m.span()
    for m in p["sec_edge"].finditer(text):
        amount = _n(m.group(2) or m.group(4)) or 1.0
        if (m.group(1) or m.group(3)) in ("last", "final", "最后"):
            yield Region("seconds", -amount), m.span()
        else:
            yield Region("seconds", 0.0, amount), m.span()


def _parts(text: str) -> Iterator[Found]:
    """Fractions, the beginning and the end."""
    p = _patterns()
    size = {"half": 0.5, "third": 1 / 3, "quarter": 0.25}
    for m in p["half"].finditer(text):
        share = size[m.group(2)]
        if m.group(1) in ("first", "1st"):
            yield Region("fraction", 0.0, round(share, 4)), m.span()
        elif m.group(1) in ("second", "2nd") and share < 0.5:
            yield Region("fraction", round(share, 4), round(2 * share, 4)), m.span()
        else:
            yield Region("fraction", round(1 - share, 4), 1.0), m.span()
    for m in p["half_zh"].finditer(text):
        share = 0.25 if "四" in m.group() else round(1 / 3, 4) if "三" in m.group() else 0.5
        early = m.group().lstrip("在")[0] in "前上"
        yield Region("fraction", 0.0 if early else 1 - share, share if early else 1.0), m.span()
    for m in p["middle"].finditer(text):
        yield (Region("fraction", 0.5, 1.0) if m.group().startswith("half") else Region("fraction", 0.25, 0.75)), m.span()
    for m in p["end"].finditer(text):
        if m.group() == "最后" and re.search("先|再|然后|接着", text[: m.start()]):
            continue  # "and finally"
        yield Region("last_bars", 4.0), m.span()
    for m in p["start"].finditer(text):
        yield Region("first_bars", 4.0), m.span()


def _just_before(text: str) -> Iterator[Found]:
    """The last bars or beats before a section: "the two bars before the chorus", 副歌前一小节."""
    p, names = _patterns(), _section_names()
    for m in p["just_before"].finditer(text):
        n, which, unit = _n(m.group(1)) or 1.0, _ORDINALS.get(m.group(3) or "", 0), m.group(2)
        if n >= 1:
            ends = unit.startswith("beat")
            yield Region("before", None if ends else n, n if ends else None, names.get(m.group(4), m.group(4)), which), m.span()
    for m in p["just_before_zh"].finditer(text):
        n = 0.5 if m.group(4) == "半" else _n(m.group(4)) or 1.0
        which = -1 if m.group(2) else int(_n(m.group(1)) or 0)
        if n >= 1 or m.group(5) == "拍":
            ends = m.group(5) == "拍"
            yield Region("before", None if ends else n, n if ends else None, names[m.group(3)], which), m.span()


def _sections(text: str) -> Iterator[Found]:
    """Sections by name or letter."""
    p, names = _patterns(), _section_names()
    for m in p["section_on"].finditer(text):
        which = _ORDINALS.get(m.group(1) or "", int(_n(m.group(3)) or 0))
        yield Region("from", name=names.get(m.group(2), m.group(2)), which=which), m.span()
    for m in p["section_on_zh"].finditer(text):
        yield Region("from", name=names[m.group(3)], which=-1 if m.group(2) else int(_n(m.group(1)) or 0)), m.span()
    for m in p["section"].finditer(text):
        spoken = m.group(3)
        framed = m.start() < (m.start(2) if m.group(2) else m.start(3)) or bool(m.group(2))
        applied = spoken == "chorus" and not m.group(2) and not re.search(r"\b(?:in|the|every|each)\b", m.group())
        if applied and re.match(r"\s+(?:on|onto|to)\s+(?!the end)", text[m.end() :]):
            continue
        if (spoken in _NEEDS_FRAME and not framed) or re.match(r"\s*(?:effect|pedal|of voices)", text[m.end() :]):
            continue
        if spoken in ("solo", "solos") and re.match(r"(?:\w+ )?an?\s", m.group()):
            continue  # "give the piano a solo": no place
        if spoken in ("drop", "drops", "break") and re.search(r"\b(?:a|big|huge|to|massive)\s+\w*$", m.group()[: -len(spoken)]):
            continue
        which = _ORDINALS.get(m.group(2) or "", int(_n(m.group(4)) or 0))
        kind = {"after": "after", "before": "before", "until": "before"}.get(m.group(1) or "", "section")
        yield Region(kind, name=names.get(spoken, spoken), which=which), m.span()
    for m in p["section_zh"].finditer(text):
        number = m.group(1) or m.group(4)
        which = -1 if m.group(2) else int(_n(number) or 0)
        kind = "section" if not m.group(5) else "before" if "前" in m.group(5) else "after"
        yield Region(kind, name=names[m.group(3)], which=which), m.span()
    for m in p["letter"].finditer(text):
        yield Region("section", name=(m.group(1) or m.group(2) or m.group(3)).upper()), m.span()
