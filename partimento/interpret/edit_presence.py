"""Clauses about when a part is there: kept out of a place, only in one place, silent until something, everything silent."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.errors import RequestError
from partimento.interpret.edit_complement import rest_of
from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_items import Item
from partimento.plan.edit import EditOperation, Region

_KEPT_OUT = re.compile(
    r"\bkeep(?:ing)?\b.*?\b(?:out(?: of)?|silent|quiet until|muted?|off|away from)\b|"
    r"\bhold(?:s|ing)?\b.*?\b(?:back|off)\b.*?\b(?:until|till|before)\b|"
    r"\b(?:doesn't|don't|does not|do not|shouldn't|should not|won't|isn't|aren't|must not|mustn't|not)\s+(?:to\s+)?"
    r"(?:play|come in|enter|start|sound|sing|begin|be (?:there|in|heard|playing))\b|"
    r"\bwaits?\b.*?\b(?:until|till|for|before)\b|\bstays? (?:silent|quiet|out)\b|\bsits? out\b|\blays? out\b|"
    r"\bhold(?:s|ing)?\s+(?:the |my )?(?:drums?|drum kit|kit|beat|percussion|bass|kick|snare|groove)\s+(?:until|till)\b|"
    r"(?:先)?(?:不|别)(?:要)?(?:演奏|响|出现|出来|出声|进|上|弹|唱|打|拉|吹)"
)
_ENTERS_ONLY = re.compile(
    r"\b(?:only|not)\s+(?:come|enter|start|begin|join)\w*(?: in| playing)?\b|\b(?:come|enter|start|begin|join)\w*(?: in)? only\b|"
    r"(?:\bnot|\bdon't|\bdo not|\bnever)\b.*\b(?:until|till)\b|(?:等到?|直到).*(?:再|才)|才(?:进|出现|开始|响|加入|演奏|弹|唱)"
)
_PLAYS = r"(?:(?:be )?(?:play|sound|come|heard|enter|appear|sing|use|keep|have|stay)\w*(?: in)?\s*)?"
_ONLY_BEFORE_PLACE = re.compile(
    rf"(?:\bonly|\bjust|\bexclusively|\bsolely)\s+{_PLAYS}(?:play\w*\s*)?$|(?:只|仅)(?:有|要|需)?(?:在)?\s*$"
)
_ONLY_USED_THERE = re.compile(r"\W*(?:please )?(?:only|just) (?:use|have|play|keep)\b|(?:请)?(?:只|仅)在")
_SILENT = re.compile(
    r"\b(?:total|complete|absolute|dead|full)?\s*silen(?:ce|t)\b|\b(?:stop|cut|drop)(?:s|ped)?\b(?: out| dead| short)?|"
    r"\bfalls? silent\b|\bgoes? (?:silent|quiet|dead|mute)\b|\bpauses?\b|\bcomplete stop\b|\brests?\b|"
    r"静默|鸦雀无声|(?:全部?|都|一起|完全|乐队|所有人|大家|所有乐器|彻底)(?:都|全)?(?:停|安静|静|不响|休止|没声)"
)
_LEVEL = re.compile(r"\b(?:a (?:bit|little)|slightly|more|quieter|much)\b|一点|一些|更|点儿")
_ON_AGAIN = re.compile(
    r"\W*(?:then |and |it |everything |everyone |they |the band |all )*(?:carr(?:y|ies) on|continues?|resumes?|goes on|"
    r"(?:comes?|is|are|kicks?) back(?: in)?|back in|returns?|picks? up again)\b.*|"
    r"\W*(?:然后|接着|之后|再)*(?:继续|恢复|再(?:进来|开始|回来)|回来).*"
)

_THE_REST = re.compile(r"\b(?:other|others|else|rest|more)\b|其[他它余]|别的|剩下")


def stands_in(f: Frame) -> list[EditOperation]:
    """ "put an oboe where the flute is", "a cello does what the bass does", 把长笛的位置给单簧管: one for the other."""
    named = [i for i in f.things if i.value not in ("it", "all")]
    if len(named) != 2:
        return []
    low = f.clause.span[0]
    between = f.text[named[0].span[1] - low : named[1].span[0] - low]
    after = f.text[named[1].span[1] - low :]
    where = re.search(r"\b(?:where|wherever)\s+(?:the |my |our |that )?$", between) and re.match(
        r"\s*(?:part |line )?(?:is|was|are|were|plays?|played|sits?|stands?|currently|used to|has been|now)\b", after
    )
    what = re.search(r"\b(?:do|play|take|cover|handle)\w*\s+(?:over )?what(?:ever)?\s+(?:the |my |our )?$", between)
    place = re.search(r"\b(?:in|into|takes?|at)\s+(?:the |my )?$", between) and re.match(
        r"(?:'s|s')?\s*(?:place|spot|stead|role)\b", after
    )
    if where or what or place:
        return [f.operation("replace", (named[1].value,), instrument=named[0].value)]
    return []


def kept_out(f: Frame) -> list[EditOperation]:
    """ "keep the drums out of the intro", "the bass doesn't play until the drums come in": silent in that place."""
    if not f.own or f.region.kind == "all" or f.clause.of("intent", "effect", "amount", "style"):
        return []
    place = _until(f)
    if place.kind in ("after", "while") and place.name and re.search(r"等到?|直到", f.text) and "negated" in f.cues:
        place = replace(place, kind="before")  # 鼓先别出来，等吉他进来以后再打: it plays after that
    if _KEPT_OUT.search(f.text):
        return [f.operation("mute_region", f.own, region=place)]
    if place is not f.region and f.cues & {"negated", "mute"} and not f.cues & {"up", "down"}:
        return [f.operation("mute_region", f.own, region=place)]  # "no drums until bar 9"
    adds = [i.span[0] for i in f.clause.of("cue") if i.value == "add" and i.text.startswith(("加", "来", "配", "引入"))]
    if adds and adds[0] < min(i.span[0] for i in f.things) and not all(f.context.has(n) for n in f.own):
        return []  # 等钢琴进来以后再加弦乐
    late = "negated" in f.cues and place is f.region and place.kind != "before"
    if late or not _ENTERS_ONLY.search(f.text):
        return []
    if place.kind == "before" or place is not f.region:
        return [f.operation("mute_region", f.own, region=place)]
    start = place.start or 0
    if place.kind == "section":
        return [f.operation("mute_region", f.own, region=replace(place, kind="before"))]
    if place.kind == "bars" and start > 1:
        return [f.operation("mute_region", f.own, region=Region("bars", 1.0, start - 1))]
    if place.kind in ("after", "while") and place.name:
        return [f.operation("mute_region", f.own, region=replace(place, kind="before"))]
    return []


def _until(f: Frame) -> Region:
    """A silence "until bar 9" ends before bar 9."""
    region = f.region
    upto = any(re.search(r"\b(?:until|till)\b", i.text) for i in f.clause.of("region"))
    waits = re.search(r"\bwaits?\b", f.text) and any(i.text.startswith("for ") for i in f.clause.of("region"))
    if waits and region.kind == "bars" and region.start == region.end and (region.start or 0) > 1:
        return Region("bars", 1.0, (region.start or 0) - 1)  # "wait for bar 9 before the drums"
    if upto and region.kind == "bars" and region.start == 1 and (region.end or 0) > 1:
        return replace(region, end=(region.end or 0) - 1)
    return region


def only_there(f: Frame) -> list[EditOperation]:
    """ "strings only in the chorus", 鼓只在副歌: silent everywhere else; where the part is not there yet, it comes in.

    Raises:
        RequestError: everything else cannot be said as a place.
    """
    places = f.clause.of("region")
    if not f.own or not places or f.clause.of("intent", "effect", "amount", "style", "chords"):
        return []
    in_use = bool(f.context.known) and all(f.context.has(n) for n in f.own) and len(places) == 1
    used = in_use and not f.cues - {"only", "keep", "add", "becomes"} and _ONLY_USED_THERE.match(f.text)
    if used and places[0].value.kind not in ("after", "before", "while", "between", "except"):
        return [f.operation("mute_region", f.own, region=rest_of(places[0].value), reason="only there, so silent elsewhere")]
    if f.cues - {"only", "keep", "add", "negated", "bit"} or any(i.value == "it" for i in f.things):
        return []
    low = f.clause.span[0]
    only = _ONLY_BEFORE_PLACE.search(f.text[: places[0].span[0] - low] + (" " if places[0].text.isascii() else ""))
    if only is None:
        only = re.search(r"(?:只|仅)$", f.text[: places[0].span[0] - low]) or re.match(r"(?:只|仅)在", places[0].text)
    things = [i for i in f.things if i.value != "all"]
    puts = [i for i in f.clause.of("cue") if i.value == "add" and not re.fullmatch(r"have|use|put|get|需要", i.text)]
    if any(p.value.kind in ("after", "before", "while", "between", "except") for p in places):
        return []
    if only is None or puts or not things or things[0].span[0] > places[0].span[0] or things[0].span[0] - low > only.start():
        return []
    if f.context.known and not any(f.context.has(n) for n in f.own):
        return [f.operation("add", (), instrument=n) for n in f.own]
    others = [p.value for p in places]
    rest = rest_of(others[0]) if len(others) == 1 else Region("except", others=tuple(others))
    return [f.operation("mute_region", f.own, region=rest, reason="only there, so silent in all other places")]


def silence(f: Frame) -> list[EditOperation]:
    """ "everything stops dead in bar 12", 第12小节全部安静: a stop of everything in a place that has an end."""
    region = f.region
    ends = region.kind in ("first_bars", "last_bars", "section") or (
        region.kind in ("bars", "seconds") and region.end is not None
    )
    if f.own or not ends or not _SILENT.search(f.unplaced) or _LEVEL.search(f.unplaced):
        return []
    if f.clause.of("effect", "style", "amount", "key", "metre", "chords") or f.cues & {
        "add",
        "keep",
        "extend",
        "fade_out",
        "fade_in",
    }:
        return []
    if (
        any(i.value not in ("calmer", "drop") and i.text != "dead" for i in f.clause.of("intent"))
        or "trim" in f.cues
        or region.kind == "section"
    ):
        return []
    if re.search(r"\b(?:cut|drop)\b", f.unplaced) and not any(i.value == "all" for i in f.things):
        return []
    return [f.operation("mute_region")]


def goes_on_again(f: Frame) -> bool:
    """True for a clause that only says that the music comes back after a silence."""
    stopped = bool(f.context.last) and all(o.op == "mute_region" for o in f.context.last)
    return stopped and not f.own and bool(_ON_AGAIN.fullmatch(f.text))


def means_silence(f: Frame) -> bool:
    """ "… goes quiet for bar 16, total silence": the clause before was meant as a stop."""
    last = f.context.last
    quiet = len(last) == 1 and last[0].op in ("gain", "dynamics", "effect") and last[0].region.kind != "all"
    return (
        quiet
        and not f.own
        and bool(
            re.fullmatch(
                r"\W*(?:total|complete|absolute|dead|utter)? ?silence\W*|\W*(?:完全|彻底)?(?:静音|无声|没有声音)\W*", f.text
            )
        )
    )


# Parts that play another's notes along.
_DOUBLES = re.compile(
    r"\b(?:doubl(?:e|es|ed|ing)(?! bass| time|-time)|in unison|unison|shadow(?:s|ing|ed)?|harmoni[sz](?:e|es|ing)|"
    r"follow(?:s|ing)?|in octaves|in thirds|"
    r"in sixths|along with|copy(?:ing)?|copies)\b|加倍|重复旋律|重复(?=主?旋律)|同度|齐奏|叠(?:加|在|上)?|跟着|跟随|重叠|复制"
)
_INTERVAL_TO = re.compile(r"\b(?:above|below|over|under(?:neath)?|beneath|on top of)\b|上方|下方|之上|之下|上面|下面")
_PLAYS_TUNE = re.compile(r"\b(?:play|sing|tak|carr|doing)\w*\b|演奏|吹|拉|弹|唱|奏")
_LOWER = re.compile(r"\b(?:lower|below|down|under(?:neath)?|beneath)\b|低|下方|之下|下面")
_NEW = re.compile(
    r"\b(?:an?|another|second|some|add(?:s|ed|ing)?|bring in|layer|double|doubled|doubling|with|have|let)\b|加|添|用|叠|来"
)
_PARALLEL = {"in thirds": 4.0, "in sixths": 9.0, "in octaves": 12.0}


def doubling(f: Frame) -> list[EditOperation]:
    """A part that plays along with another: "a flute playing the melody an octave higher", 用长笛高八度叠加旋律."""
    parts = [i for i in f.things if i.value not in ("all", "it", "groove", "form", "instruments")]
    interval = f.amount("semitones")
    doubles = _DOUBLES.search(f.text)
    if any(i.value in ("drums", "percussion") for i in parts):
        return []
    if (
        f.cues & {"remove", "mute", "only", "keep", "trim"}
        or f.clause.of("intent", "effect", "style")
        or not parts
        or len(parts) > 2
    ):
        return []
    if len(parts) == 1:
        alone = re.search(r"\b(?:doubl(?:e|ed)|harmoni[sz]ed?)\b|(?:加|叠|配).*和声", f.text) and (
            interval is not None or _parallel(f)
        )
        return [_double(f, "", parts[0].value)] if alone else []
    beside = interval is not None and (_INTERVAL_TO.search(f.text) or _PLAYS_TUNE.search(f.text))
    if not doubles and not (beside and _comes_new(f, parts)):
        return []
    if not doubles and not any(i.role for i in parts) and not _INTERVAL_TO.search(f.text):
        return []
    player, model = _who(f, parts)
    if player.value == "chords" and interval is not None and model.value == "melody":
        return [_double(f, "", model.value)]  # "a harmony a third above the melody"
    if player.role and player.value not in ("bass",):
        return []
    return [_double(f, player.value, model.value)]


def plays_along(f: Frame) -> EditOperation | None:
    """ "add a flute, playing the melody an octave higher": what the part that was just asked for shall play; else None."""
    last = f.context.last
    models = [i for i in f.things if i.value not in ("all", "it")]
    if len(last) != 1 or last[0].op != "add" or last[0].doubles or len(models) != 1 or models[0].value not in ("melody", "bass"):
        return None
    along = _DOUBLES.search(f.text) or (f.amount("semitones") is not None and _PLAYS_TUNE.search(f.text))
    if not along or f.cues - {"add", "up", "down", "transpose", "keep", "bit"} or f.clause.of("intent", "effect", "style"):
        return None
    new = _double(f, last[0].instrument, models[0].value)
    return replace(new, region=f.region if f.clause.of("region") else last[0].region, words=(*last[0].words, *new.words))


def _comes_new(f: Frame, parts: list[Item]) -> bool:
    """True when the words bring a player in: "a flute", 加一支长笛; not "the flute"."""
    player = next((i for i in parts if not i.role), parts[0])
    low = f.clause.span[0]
    return bool(_NEW.search(f.text[: player.span[0] - low])) and not re.search(r"\bthe $", f.text[: player.span[0] - low])


def _who(f: Frame, parts: list[Item]) -> tuple[Item, Item]:
    """Who plays along, and whose notes."""
    first, second = parts
    low = f.clause.span[0]
    between = f.text[first.span[1] - low : second.span[0] - low]
    before = f.text[: first.span[0] - low]
    if second.role and not first.role:
        return first, second
    if first.role and not second.role:
        return second, first
    passive = re.search(r"\bdoubled\b.*\b(?:by|with|on)\b", between) or (
        re.search(r"\bdoubl(?:e|ing)\b", before) and re.search(r"\b(?:with|by|on|using)\b", between)
    )
    return (second, first) if passive or "用" in between else (first, second)


def _parallel(f: Frame) -> float | None:
    """Semitones of "in thirds"."""
    return next((v for k, v in _PARALLEL.items() if k in f.text), None)


def _double(f: Frame, player: str, model: str) -> EditOperation:
    """The operation."""
    interval = f.amount("semitones")
    steps = float(interval.value.value) if interval is not None else _parallel(f) or 0.0
    if abs(steps) > 36:
        raise RequestError(f"{steps:g} semitones: a part can be doubled up to three octaves away")
    steps = -steps if _LOWER.search(f.unplaced) else steps
    amount = {"amount": steps, "unit": "semitones"} if steps else {}
    return f.operation("add", (), instrument=player, doubles=model, **amount)


def says_the_rest_is_out(f: Frame) -> bool:
    """ "only the guitar in the intro, no other instruments", 其他乐器都不要: what "only" has said already."""
    last = f.context.last
    if not last or any(o.op != "extract" for o in last) or not f.cues & {"negated", "remove", "mute", "out"}:
        return False
    places = f.clause.of("region")
    elsewhere = bool(places) and places[0].value != last[-1].region
    named = {i.value for i in f.things} - {"it", "all", "instruments"}
    more = f.clause.of("intent", "effect", "amount", "style", "key", "metre", "chords")
    return not named and not elsewhere and not more and bool(_THE_REST.search(f.text))
