"""Clauses about where things are: parts left and right, parts that change places, sections and bars that go or come again."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.errors import RequestError
from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_items import Item
from partimento.plan.edit import EditOperation, Region

_SIDE = re.compile(
    r"\b(?P<en>left|right(?! (?:after|before|away|now|there|here|at|from)\b)|cent(?:er|re)|middle)(?:wards?)?"
    r"(?:[- ](?:hand )?(?:side|channel|speaker|ear|field))?\b(?! (?:alone|as)\b)|"
    r"(?P<zh>左|右|正?中间|中央|居中|正中)(?:边|侧|声道|面|方)?"
)
_PANS = re.compile(
    r"\bpan(?:s|ned|ning)?\b|\bcent(?:er|re)(?:ed|d)?\s+(?:the|my|our)\b|"
    r"\b(?:put|place|move|shift|bring|send|throw|set|push|pull|sit|keep|have|on|to|in)\b.*\b(?:left|right|cent(?:er|re)|middle)\b|"
    r"\b(?:left|right) (?:side|channel|speaker|ear)\b|\bto the (?:left|right)\b|"
    r"声像|声相|(?:放|摆|移|挪|往|向|靠|偏|推|拉|搬|到|在|置).{0,6}(?:左|右|中间|中央|居中|正中)|(?:左|右)(?:边|侧|声道)|居中"
)
_FULLY = re.compile(r"\b(?:hard|fully|all the way|completely|extreme|far|full|100 ?%|totally)\b|最|完全|全部|极|彻底")
_PART_WAY = re.compile(r"\b(?:half[- ]?way|half|50 ?%)\b|一半")
_SLIGHTLY = re.compile(
    r"\b(?:slightly|a (?:little )?(?:bit|little|touch|tad|hair|shade)|gently|subtly)\b|稍|略|微|一点|一些|[点些](?:$|[，,。])"
)
_SIZES = {"bit": 0.3, "plain": 0.6, "much": 0.9}
_NEXT_PART = re.compile(r"[,，;；、]|\b(?:and|but|while)\b|&|和|而|但")
_TRADES = re.compile(
    r"\b(?:swap|trade|exchange|switch|change|interchange)(?:s|d|ing)?\b(?:\s+(?:over|around|round|places|parts|roles|lines|positions|"
    r"with each other|instruments))*|互换|对调|交换|对换|调换"
)
_TOGETHER = re.compile(
    r"\b(?:places|parts|roles|lines|positions|with each other|each other'?s?|around|round|over)\b|"
    r"互|对|交换|调换|彼此"
)
_AND = re.compile(r"\s*(?:part|parts|line|lines)?\s*(?:,|and|&|with|和|跟|与|同)\s*(?:the |my |our |a )?\s*")
_MOVES = re.compile(r"\b(?:move|shift|put|bring|push|take|place|relocate|drag)\b|移|挪|搬|放|调|提")
_COPIES = re.compile(
    r"\b(?:cop(?:y|ies)|repeat|duplicate|paste|again|once more|one more|another time|reprise|bring back|play|add|have|"
    r"insert|sing|return(?:s|ing)?)\b|"
    r"复制|重复|再来|再(?:唱|奏|放|加|弹)|来一遍|加一遍|重现|再现|放"
)
_AGAIN = re.compile(
    r"\b(?:repeat|copy|duplicate|paste|again|once more|one more|another|reprise|bring back|a second time|return(?:s)?)\b|"
    r"复制|重复|再|一遍|重现"
)
_TO_START = re.compile(
    r"\b(?:to|at|for|in) the (?:very )?(?:beginning|start|front|top|opening|head)\b|"
    r"\b(?:start|begin|open)s? (?:it |the (?:song|piece|track) )?with\b|\bfirst\b\s*$|"
    r"(?:到|在|放|移)?(?:最)?(?:开头|前面|最前|开始)|^\W*(?:以|用|从).*(?:开头|开始|开场)|开场"
)
_TO_END = re.compile(
    r"\b(?:to|at|for|in) the (?:very )?(?:end|ending|close|finish)\b|"
    r"\b(?:end|finish|close)(?:s|ing)? (?:it |the (?:song|piece|track) )?(?:off )?(?:on|with)\b|"
    r"(?:到|在|放|移)?(?:最后|结尾|末尾|结束)|收尾|收场"
)
_STARTS_OR_ENDS = re.compile(r"\b(?:start|begin|open|end|finish|close)\w*\b.*\b(?:with|on)\b|以|开场|收")
_BEFORE = re.compile(r"\b(?:before|ahead of|in front of|previous to|to|at)\s*(?:the\s*)?$")
_AFTER = re.compile(r"\b(?:after|behind|following)\s*(?:the\s*)?$")
_ONCE_MORE = re.compile(r"(?:来|唱|奏|放|弹|重复|演奏)?([两二三四五2-5])(?:遍|次)")
_COUNTS = {"两": 2.0, "二": 2.0, "三": 3.0, "四": 4.0, "五": 5.0}
_ASKS_FOR_MUSIC = re.compile(r"\b(?:bars?|measures?|sections?)\b|小节|段")


def pan(f: Frame) -> list[EditOperation]:
    """ "pan the guitar 30% left", 钢琴放右边: a part at a side, or in the middle."""
    sides = list(_SIDE.finditer(f.text))
    vague = bool(f.clause.of("intent")) and not _FULLY.search(f.text)
    goes_on = bool(f.context.last) and all(o.op == "pan" for o in f.context.last)  # "…, and the piano 20 % right"
    if not sides or not f.own or not (goes_on or _PANS.search(f.text)) or f.amount("dB") or vague:
        return []
    if len(sides) > 1:
        return _several(f, sides)
    sign = _sign(sides[-1])
    size = _size(f, 0, len(f.text))
    region = Region() if f.region.kind == "fraction" and not sign else f.region
    return [f.operation("pan", f.own, amount=round(sign * size, 3), unit="position", region=region)]


def _sign(side: re.Match[str]) -> float:
    """-1 left, 1 right, 0 the middle."""
    said = side.group("en") or side.group("zh")
    return -1.0 if said.startswith(("left", "左")) else 1.0 if said.startswith(("right", "右")) else 0.0


def _size(f: Frame, low: int, high: int) -> float:
    """How far to a side the words from ``low`` to ``high`` of a clause say, 0 to 1.

    Raises:
        RequestError: a share that cannot be.
    """
    said, at = f.text[low:high], f.clause.span[0]
    shares = [i for i in f.clause.of("amount") if i.value.unit == "percent" and low <= i.span[0] - at < high]
    if shares:
        size = float(shares[0].value.value) / 100.0
        if not 0.0 <= size <= 1.0:
            raise RequestError(f"{shares[0].value.value:g} % to a side: give 0 to 100")
        return size
    if _FULLY.search(said):
        return 1.0
    if _PART_WAY.search(said):
        return 0.5
    cues = {i.value for i in f.clause.of("cue") if low <= i.span[0] - at < high}
    return _SIZES["bit" if _SLIGHTLY.search(said) or "bit" in cues else "much" if "much" in cues else "plain"]


def _several(f: Frame, sides: list[re.Match[str]]) -> list[EditOperation]:
    """ "the guitar hard left and the piano slightly right": each side has the parts since the one before, and its own words.

    Raises:
        RequestError: a share that cannot be.
    """
    out: list[EditOperation] = []
    low = 0
    for side in sides:
        ends = _NEXT_PART.search(f.text, side.end())
        high = ends.start() if ends else len(f.text)
        first, last = f.clause.span[0] + low, f.clause.span[0] + side.start()
        names = tuple(dict.fromkeys(i.value for i in f.things if first <= i.span[0] < last and i.value not in ("all", "it")))
        if names:
            amount = round(_sign(side) * _size(f, low, high), 3)
            out.append(f.operation("pan", names, amount=amount, unit="position"))
        low = high
    return out


def trade(f: Frame) -> list[EditOperation]:
    """ "let flute and violin swap", 钢琴和吉他互换: each plays what the other played."""
    verb = _TRADES.search(f.text)
    named = [i for i in f.things if i.value not in ("all", "it")]
    adds = [i for i in f.clause.of("cue") if i.value == "add" and i.text not in ("have", "get")]
    if verb is None or len(named) != 2 or named[0].value == named[1].value or adds or "remove" in f.cues:
        return []
    low = f.clause.span[0]
    first, second = (f.text[i.span[0] - low : i.span[1] - low] for i in named)
    between = f.text[named[0].span[1] - low : named[1].span[0] - low]
    behind = verb.start() > named[1].span[0] - low
    together = bool(_TOGETHER.search(f.text)) or behind or _plain_pair(f, verb, between)
    article = re.search(r"\b(?:an?|for)\b", between)
    if not _AND.fullmatch(between) or article or not (first and second):
        return []
    both_named = re.match(r"\s*(?:the|my|our)\s", f.text[verb.end() :]) and "the " in between and re.search(r"\band\b", between)
    if not together and not both_named:
        return []
    return [f.operation("trade", (named[0].value, named[1].value))]


def _plain_pair(f: Frame, verb: re.Match[str], between: str) -> bool:
    """ "swap piano and guitar": nothing else can be meant; "swap the piano with the guitar": where both are in the piece."""
    if not re.match(r"swap|trade|exchange|switch|interchange", verb.group()):
        return False
    if re.search(r"\band\b|&", between):
        return True
    return "with" in between and all(f.context.has(n) for n in f.own)


def form(f: Frame) -> list[EditOperation]:
    """ "move the bridge before the last chorus", "repeat the chorus at the end", 把副歌移到开头.

    Raises:
        RequestError: two sections shall change places.
    """
    places = f.clause.of("region")
    named = [i for i in f.things if i.value not in ("all", "it") and not i.text.startswith(("sing", "唱"))]
    others = f.cues & {"up", "down", "faster", "slower", "fade_in", "fade_out"}
    if named or others or f.clause.of("intent", "effect", "style", "key"):
        return []
    movable = [p for p in places if p.value.kind in ("section", "bars") or _counted(p)]
    edge = _edge(f, movable)
    if not movable:
        return []
    if len(movable) == 2 and re.search(r"\b(?:swap|exchange|switch|trade)\b|互换|对调|交换|调换", f.text):
        raise RequestError("two sections change places in two steps; say e.g. move the bridge before the verse")
    target = _target(f, places)
    source = next((p for p in movable if target is None or p is not target[0]), None)
    if source is None or (target is None and edge is None):
        return _twice(f, movable)
    to = edge if target is None else target[1]
    region = replace(source.value, kind="bars") if source.value.kind == "before" else source.value
    if _AGAIN.search(f.text):
        return [f.operation("copy", region=region, to=to)]
    starts = edge is not None and target is None and bool(_STARTS_OR_ENDS.search(f.text))
    if starts and re.search(r"\b(?:end|finish|close)|收|结尾|结束", f.text):
        return [f.operation("copy", region=region, to=to)]
    if _MOVES.search(f.text) or starts:
        return [f.operation("move", region=region, to=to)]
    return [f.operation("copy", region=region, to=to)] if _COPIES.search(f.text) else []


def _twice(f: Frame, movable: list[Item]) -> list[EditOperation]:
    """主歌来两遍: a section some times over."""
    times = _ONCE_MORE.search(f.text)
    if times is None or len(movable) != 1 or movable[0].value.kind not in ("section", "bars"):
        return []
    count = _COUNTS.get(times.group(1)) or float(times.group(1))
    return [f.operation("extend", region=movable[0].value, amount=count, unit="factor")]


def _counted(place: Item) -> bool:
    """True for "the first four bars", as against "at the beginning"."""
    return place.value.kind in ("first_bars", "last_bars") and bool(_ASKS_FOR_MUSIC.search(place.text))


def _edge(f: Frame, movable: list[Item]) -> Region | None:
    """The beginning or the end, where one of them is where something goes."""
    text = list(f.text)
    for item in movable:
        for at in range(max(0, item.span[0] - f.clause.span[0]), min(len(text), item.span[1] - f.clause.span[0])):
            text[at] = "~"
    rest = "".join(text)
    if _TO_END.search(rest):
        return Region("last_bars", 4.0)
    return Region("first_bars", 4.0) if _TO_START.search(rest) else None


def _target(f: Frame, places: list[Item]) -> tuple[Item, Region] | None:
    """The place before or after which something goes."""
    low = f.clause.span[0]
    for item in places[::-1]:
        value = item.value
        if value.kind in ("before", "after") and value.name and value.start is None and value.end is None and len(places) > 1:
            return item, value
        before, behind = f.text[: item.span[0] - low], f.text[item.span[1] - low :]
        if value.kind == "section" and len(places) > 1 and item is not places[0]:
            ahead = re.match(r"\s*(?:的)?(?:之)?(?:前面?|以前)", behind) or item.text.startswith(("to ", "before "))
            if ahead or _BEFORE.search(before):
                return item, replace(value, kind="before")
            if re.match(r"\s*(?:的)?(?:之)?(?:后面?|以后)", behind) or _AFTER.search(before):
                return item, replace(value, kind="after")
        if value.kind == "bars" and len(places) > 1 and item is not places[0] and value.start:
            said = item.text + behind[:4]
            if re.match(r"(?:after|behind)\b", item.text):
                return item, Region("bars", value.start - 1 if value.end is None else value.start)
            starts_there = re.match(r"(?:before|until|to|at|from)\b", item.text) or _BEFORE.search(before)
            if starts_there or "前" in said or "到" in before[-2:]:
                # "before bar 9" is read as bars 1 to 8
                upto = value.end if value.start == 1.0 and value.end is not None else None
                bar = value.start if upto is None else upto + (1.0 if item.text.startswith("before") else 0.0)
                return item, Region("before", bar)
    return None
