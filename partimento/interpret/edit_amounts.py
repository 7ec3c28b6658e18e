"""Amounts in an instruction: decibels, semitones, beats per minute, factors, bars, seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from partimento.interpret.edit_places import NUMBER, ZH_NUMBER
from partimento.interpret.quantities import parse_number

Span = tuple[int, int]
_N = rf"(?:{NUMBER}|an?\b|half an?\b)"
_DB = re.compile(
    rf"([+-]?\s?(?:{NUMBER}|{ZH_NUMBER}|半|\ba couple(?: of)?|\ba few))\s*(?:个(半)?)?\s*-?"
    r"(?:db\b|decibels?\b|分贝|db)"
)
_SIGNED = re.compile(r"(?<=[a-z\u4e00-\u9fff]) ?([+-]\d{1,2}(?:\.\d+)?)(?=\s*(?:$|[,.;!?]\s|in\b|at\b|from\b|during\b|and\b))")
_BPM = re.compile(
    rf"(minus|negative|负|-)?\s*({NUMBER}|{ZH_NUMBER}|zero|零)\s*(?:个)?\s*(?:bpm|beats per minute|beats a minute|clicks|拍每分钟"
    rf"|拍/分)|每分钟(?P<zh>{ZH_NUMBER})\s*(?:拍|下)|"
    # 再快8拍, 每分钟快10拍, 减速到80拍: beats a minute; one or two beats sooner is a shift, no tempo
    rf"(?<=[快慢速])(?:了)?(?P<by>(?![一二两半12]拍){ZH_NUMBER})\s*(?:拍|下)(?!子|号)|(?<=[速快慢]到)(?P<upto>{ZH_NUMBER})\s*(?:拍|下)(?!子|号)|"
    r"\b(?:(?:bring|take|get|push|pull|set|put|make|drop|raise|lower|bump) (?:it|this|the (?:song|piece|track|tempo|speed)) |"
    r"(?:speed|slow|accelerat|decelerat)\w* )"
    r"(?:up |down |back )?to (?:about |around )?(?P<to>[4-9]\d|1\d\d|2[0-3]\d)(?=\W*$|[,;] )(?![\d.:%/])"
)
_TEMPO_TO = re.compile(
    r"(?:tempo|speed|bpm|速度|节拍)\s*(?:of|to|at|is|=|:|为|成|到|改成|改为|调到|调成|设为|设成|降到|提到|升到|变成)*\s*(minus|negative|负"
    r"|-)?\s*(\d+(?:\.\d+)?)()"
    r"(?![\d.])(?!\s*(?:times\b|x\b|%|percent|倍|/|\d*\s*(?:bars?|小节)))"
)
_PERCENT = re.compile(rf"({NUMBER})\s*(?:%|percent|per cent)|百分之({ZH_NUMBER})|(?P<tenths>[一二两三四五六七八九])成(?![为了])")
_INTERVALS = (
    (re.compile(r"\b(?:key|pitch|transpos\w+)(?: it| this| everything)?(?: up| down)? by ([1-9]|1\d|2[0-4])(?=\W*$|[,;])"), 1.0),
    (re.compile(rf"({_N})?\s*\b(?:semi-?\s?tones?|half[- ]?steps?|half[- ]?tones?)\b"), 1.0),
    (re.compile(rf"({_N})?\s*\b(?:whole[- ]?(?:tones?|steps?)|full[- ]?(?:tones?|steps?))\b"), 2.0),
    (re.compile(rf"({_N})?\s*\boctaves?\b"), 12.0),
    (re.compile(rf"({_N})\s*(?:tones?|steps?)\b(?! (?:back|away|aside))"), 2.0),
    (re.compile(r"()(?:一)?半个音"), 1.0),
    (re.compile(rf"({ZH_NUMBER})?(?:个)?半音"), 1.0),
    (re.compile(rf"(?<=[升降高低])({ZH_NUMBER})个音(?![色量响])"), 2.0),
    (re.compile(rf"({ZH_NUMBER})?(?:个)?(?:全音|整音)"), 2.0),
    (re.compile(rf"({ZH_NUMBER})?(?:个)?八度"), 12.0),
    (re.compile(rf"({ZH_NUMBER})(?:个)?(?:key|调)(?![式性号])"), 1.0),
    (re.compile(r"()\ba? ?minor second\b|()小二度"), 1.0),
    (re.compile(r"()\ba? ?major second\b|()大二度"), 2.0),
    (re.compile(r"()\ba? ?tritone\b|()三全音"), 6.0),
    (re.compile(r"()\ba? ?minor sixth\b|()小六度"), 8.0),
    (re.compile(r"()\ba? ?(?:major )?sixth\b|()大六度|()六度(?=的?和声|音程|叠|平行)"), 9.0),
    (re.compile(r"()\ba? ?minor seventh\b|()小七度"), 10.0),
    (re.compile(r"()\ba? ?minor third\b|()小三度"), 3.0),
    (re.compile(r"()\ba? ?(?:major )?third (?=up|down|higher|lower|above|below|over|under)|()\bmajor third\b|()大三度"), 4.0),
    (re.compile(r"()(?:(?<=up )|(?<=down )|(?<=by ))a third\b(?! of)|升()三度|()三度(?=的?和声|音程|叠|平行)"), 4.0),
    (re.compile(r"()\ba (?:perfect )?fourth\b|()纯?四度"), 5.0),
    (re.compile(r"()\ba (?:perfect )?fifth\b|()纯?五度"), 7.0),
)
_PARTS = {"third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4, "fifths": 5, "tenth": 10, "tenths": 10}
_FRACTION = re.compile(
    rf"(?:\b({NUMBER}|an?)[ -])(thirds?|quarters?|fourths|fifths|tenths?)\b"
    r"(?! (?:up|down|higher|lower|above|below|over|under|time|notes?))"
    rf"(?= of (?:the|its) (?:speed|tempo|original|length|way)|"
    rf" (?:faster|slower|as|the (?:speed|tempo)|shorter|longer|of))|({ZH_NUMBER})分之({ZH_NUMBER})"
)
_TIMES_A_FIGURE = re.compile(
    r"\b(?:times|by a factor of|(?:with |by )?(?:a )?factor (?:of )?|multipl(?:y|ied) (?:\w+ ){0,3}by|x)\s*"
    r"(?P<figure>\d+(?:\.\d+)?)(?![\d:%])|"
    r"(?<![\d.])(?P<decimal>\d+\.\d+)\s*(?:times\b|x\b|-?fold\b)|"
    r"\bdivid(?:e|ed) (?:\w+ ){0,3}by\s*(?P<by>\d+(?:\.\d+)?)(?![\d:%])|"
    r"乘(?:以|上)?(?P<zh>\d+(?:\.\d+)?)|除以(?P<parts>\d+(?:\.\d+)?)|(?<![\d.])(?P<bei>\d+\.\d+)倍"
)
"""A figure that something is multiplied with, or divided by."""
_FACTORS = (
    (
        re.compile(
            r"(?<![\d.])\b(?:twice|double|doubled|doubling|2x|x ?2|two times|2 times)\b|"
            r"(?:翻倍|两倍|二倍|2倍|翻一番|加倍|双倍|一倍)"
        ),
        2.0,
    ),
    (re.compile(r"\b(?:triple|three times|3x|3 times)\b|三倍|3倍"), 3.0),
    (re.compile(r"\b(?:four times|4x|quadruple|4 times)\b|四倍|4倍"), 4.0),
    (re.compile(r"\b(?:half|halve|halved|halving)\b(?! of)|一半|减半|半速|半倍"), 0.5),
    (re.compile(r"\bone and a half times\b|1\.5x|1\.5倍|一倍半|一点五倍"), 1.5),
)
_BARS = re.compile(
    rf"({NUMBER}|{ZH_NUMBER}|\ban?)\s*-?(?:more |extra |additional |further |个)?\s*-?(?:bars?\b|measures?\b|小节)"
)
_MINUTE_AND_A_HALF = re.compile(
    rf"({ZH_NUMBER})分钟?半|({NUMBER}|\ba) minutes? and a half|({NUMBER}) and a half minutes?|\ba minute and a half"
)
_SECONDS = re.compile(
    rf"({NUMBER}|{ZH_NUMBER}|\ban?(?= (?:minute|second)\b))\s*-?(?:more |extra )?(?:(minutes?|mins?|分钟)(?:\s*(?:and )?({NUMBER}"
    rf"|{ZH_NUMBER})\s*(?:seconds?|secs?|秒))?"
    r"|(seconds?\b|secs?\b|s\b|秒钟?))|(?<![\d:])(\d{1,2}):([0-5]\d)(?![\d:])"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit.

    Attributes:
        unit: ``dB``, ``semitones``, ``bpm``, ``percent``, ``factor``, ``bars`` or ``s``.
        value: may be negative where a sign was said.
        span: where it stands.
    """

    unit: str
    value: float
    span: Span


def _value(text: str | None) -> float:
    if not text:
        return 1.0
    text = text.replace(" ", "") if text[0] in "+-" else text.strip()
    sign = -1.0 if text.startswith("-") else 1.0
    text = text.lstrip("+-")
    if text.startswith(("a couple", "a few")):
        return 2.0 if text.startswith("a couple") else 3.0
    if text.startswith(("half", "半")):
        return 0.5
    number = parse_number(text)
    return sign * (1.0 if number is None else number)


def amounts(text: str) -> Iterator[Amount]:
    """Every amount of a normalised text; where two overlap, the first yielded is meant."""
    for m in _DB.finditer(text):
        yield Amount("dB", _value(m.group(1)) + (0.5 if m.group(2) else 0.0), m.span())
    for m in _SIGNED.finditer(text):
        if re.search(r"(?:tempo|speed|bpm|速度|pitch|transpose|key)\s*$", text[: m.start()]):
            continue
        yield Amount("dB", _value(m.group(1)), m.span())
    for pattern in (_BPM, _TEMPO_TO):
        for m in pattern.finditer(text):
            given = m.groupdict()
            if said := given.get("zh") or given.get("to") or given.get("by") or given.get("upto"):
                yield Amount("bpm", _value(said), m.span())
                continue
            value = 0.0 if m.group(2) in ("zero", "零") else _value(m.group(2))
            yield Amount("bpm", -value if m.group(1) else value, m.span())
    for m in _PERCENT.finditer(text):
        tenths = m.group("tenths")
        yield Amount("percent", 10.0 * _value(tenths) if tenths else _value(m.group(1) or m.group(2)), m.span())
    for pattern, semitones in _INTERVALS:
        for m in pattern.finditer(text):
            yield Amount("semitones", semitones * _value(next((g for g in m.groups() if g), None)), m.span())
    for m in _BARS.finditer(text):
        yield Amount("bars", _value(m.group(1)), m.span())
    for m in _MINUTE_AND_A_HALF.finditer(text):
        yield Amount("s", _value(m.group(1) or m.group(2) or m.group(3)) * 60 + 30, m.span())
    for m in _SECONDS.finditer(text):
        if m.group(4) == "s" and re.search(r"(?:the|from|like|style) $", text[: m.start()]):
            continue  # "the 50s" are years
        if m.group(5):
            seconds = float(m.group(5)) * 60 + float(m.group(6))
        elif m.group(2):
            seconds = _value(m.group(1)) * 60 + (_value(m.group(3)) if m.group(3) else 0.0)
        else:
            seconds = _value(m.group(1))
        yield Amount("s", seconds, m.span())
    for m in _FRACTION.finditer(text):
        if m.group(3):
            below, above = _value(m.group(3)), _value(m.group(4))
        else:
            below, above = float(_PARTS[m.group(2)]), _value(m.group(1)) if m.group(1) else 1.0
        if 0 < above < below:
            yield Amount("factor", round(above / below, 4), m.span())
    for m in _TIMES_A_FIGURE.finditer(text):
        value = _value(next(g for g in m.groups() if g))
        if value > 0 and (m.lastgroup != "parts" or value >= 1):
            yield Amount("factor", round(1 / value, 4) if m.lastgroup in ("by", "parts") else value, m.span(m.lastgroup or 0))
    for pattern, factor in _FACTORS:
        for m in pattern.finditer(text):
            yield Amount("factor", factor, m.span())
