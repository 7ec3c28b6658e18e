"""Clauses about the music: fades, chords, key, metre, tempo, pitch, length, style, new versions."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.errors import RequestError
from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_items import Item, edit_lexicon, lone_key
from partimento.interpret.edit_places import NUMBER
from partimento.interpret.quantities import keys
from partimento.plan.edit import EditOperation, Region
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, PITCH_NAMES_FLAT, PITCH_NAMES_SHARP, Key

_TO = re.compile(r"\b(?:to|at|be|under|after)\s*(?:about |around |exactly |just )?\s*$|(?:到|成|为|至|在|是)\s*$|=\s*$")
_PLAIN_TEMPO = re.compile(r"(?:\bto|\bat|到|成|为)\s*(\d{1,4})(?![\d.:%/]|\s*(?:percent|bars?|%|s\b|sec|小节|秒|倍))")
_TIMES = re.compile(r"\b(\d{1,2}) times\b|(\d|[两三四五])(?:遍|次)")
_END_SLOWING = re.compile(r"\b(?:rit|ritardando|rallentando)\b|渐慢")
_BARE_SLOWING = re.compile(r"\b(?:rit|ritardando|rallentando)\b|(?<!逐)渐慢")
"""Terms for what happens at the end where no other place is said."""
_CLOSES = re.compile(
    r"\b(?:end|finish|close|conclude|wrap up)(?:s|ing)?(?: (?:it|this|off|(?:the )?(?:song|piece|track|music|everything)))*"
    r"\s+(?:with|in|on|by|slow)|最后|结束|收尾|结尾|末尾|收场"
)
"""A slowing with which the piece closes, though no place is named."""
_SLOWS_DOWN = re.compile(r"\bslow(?:s|ing)?(?: it| this| things| everything)? down\b|慢下来|放慢")
"""At the end of a piece these mean a ritardando."""
CLOSING_BARS = 4.0
"""Bars in which a piece slows down at its end."""
GRADUAL = re.compile(
    r"\b(?:gradual\w*|ritardando|rit|rallentando|accelerando|bit by bit|little by little|slowing|steadily|progressively|"
    r"by and by|over time|slower and slower|faster and faster|more and more)\b|渐|逐步|一点点地|越来越|慢慢(?:地)?(?:变|加|减|放)"
)
"""Words of a tempo that changes by and by."""
GRADUALLY = "gradually"
"""Value of a tempo that changes along its region."""
_BENEFICIARY = re.compile(r"\bfor (?:my|our|the|a|an|her|his)? ?(?:\w+ )?$")
_COMES_OVER = re.compile(
    r"\b(?:com(?:e|es|ing)|br(?:ing|ings|inging)|eas(?:e|es|ing)) in(?: (?:the|my|our) [a-z]+(?: [a-z]+)?)? over (?:about )?"
    r"(?:\d+|an?|two|three|four|five|six|eight|ten|twelve|sixteen)\s*(?:s|secs?|seconds?|bars?|measures?)\b"
)
"""An entrance that takes its time: "come in over four bars"."""
_CHANGEABLE = {"melody", "bass", "drums", "chords", "groove", "pad"}
_SIGNED_TEMPO = re.compile(r"(?<!to )(?<!at )(?<![\w.-])([+-])\s?(\d{1,3})(?=\s*(?:bpm\b|$|[,.;!?]))")
_ENDS = re.compile(
    r"\b(?:end|finish)(?:s|ing)?(?: (?:it|this|the (?:song|piece|track|music)|everything))? (?:at|after)\b|结束|收掉"
)


_AGAIN = re.compile(r"repeat|loop|again|once more|one more time|重复|反复|再来|循环")
_STARTS_AT = re.compile(
    r"\W*(?:let (?:it|the (?:song|piece)) |make (?:it|the (?:song|piece)) )?(?:start|begin)s? "
    r"(?:(?:it|the (?:song|piece|track|music)|everything) )?(?:straight |right )?(?:at|from)\b|从.*开始(?:吧)?\W*$"
)
_MADE_SO_LONG = re.compile(
    rf"\W*(?:please )?(?:make|get) (?:it|this|the (?:song|piece|track|music)) (?:last )?(?:to )?(?:about |around |exactly )?"
    rf"(?:{NUMBER}|an?)\s*(?:and a half )?(?:minutes?|mins?|seconds?|secs?|s)(?: and a half)?(?: and {NUMBER} seconds?)?"
    r"(?: in total| in all)?\W*"
)
_MAX_SEMITONES = 48
_NO_NOTE = re.compile(r"\bh(?:[ -]?(?:sharp|flat|major|minor|dur|moll)|#|♯)?\b(?![-'])|(?<![a-z])h(?=大调|小调|调)")
_SPELT_KEY = re.compile(r"\b(?:to|in|into)\s+(?:the key of )?([a-g])[ -](flat|sharp)(?:\s+(major|minor))?\b")


def key_name(key: Key) -> str:
    """``"F# minor"``."""
    flat = (key.tonic, key.mode) in {
        (1, "major"),
        (3, "major"),
        (3, "minor"),
        (8, "major"),
        (10, "major"),
        (10, "minor"),
        (5, "major"),
    }
    return f"{(PITCH_NAMES_FLAT if flat else PITCH_NAMES_SHARP)[key.tonic]} {key.mode}"


def fade(f: Frame) -> list[EditOperation]:
    """Fades in and out, with their lengths."""
    way = "in" if "fade_in" in f.cues else "out" if "fade_out" in f.cues else ""
    if way == "out" and re.search(r"\bfad\w*(?: \w+){0,4}[- ]in\b(?! (?:bars?|measures?|\d|\w+ seconds))", f.text):
        way = "out" if re.search(r"\bfad\w*(?: \w+){0,4}[- ](?:out|away)\b|\blast\b|\bend", f.text) else "in"
    if not way and _COMES_OVER.search(f.text) and not f.cues & {"up", "down", "remove"} and not f.clause.of("region"):
        way = "in"
    if not way:
        return []
    seconds, bars = f.amount("s"), f.amount("bars")
    _positive(f, seconds, bars)
    amount: float | None = None
    unit = ""
    region = f.region
    if seconds:
        amount, unit = seconds.value.value, "s"
    elif bars:
        amount, unit = bars.value.value, "bars"
    elif region.kind == "seconds" and (region.start or 0) <= 0:
        amount, unit, region = abs((region.start or 0.0) or (region.end or 0.0)), "s", Region()
    elif region.kind in ("last_bars", "first_bars"):
        spoken = bool(re.search(r"bar|measure|小节", f.text))
        amount, unit = (region.start, "bars") if spoken else (None, "")
        region = Region()
    if region.kind in ("last_bars", "first_bars"):  # the edge that a fade is at anyway
        region = Region()
    return [f.operation("fade", f.own or ("all",), region=region, amount=amount, unit=unit, value=way)]


def chords(f: Frame) -> list[EditOperation]:
    """Chords that are named."""
    found = f.clause.of("chords")
    goes, comes = f.clause.of("chord_goes"), f.clause.of("chord_comes")
    if goes and comes:
        return [
            f.operation("set_chords", ("chords",), value=str(new.value), goes=str(old.value))
            for old, new in zip(goes, comes, strict=False)
        ]
    return [f.operation("set_chords", ("chords",), value=str(found[0].value))] if found else []


def key(f: Frame) -> list[EditOperation]:
    """Another key, or only another mode.

    Raises:
        RequestError: a note name that English does not have, or a word behind the key that is none.
    """
    found = f.clause.of("key")
    if _NO_NOTE.search(f.text) and (found or f.cues & {"key_word", "transpose"}):
        raise RequestError("keys are named A to G with sharps and flats (the German H is B); say e.g. B minor")
    if found:
        behind = f.text[found[0].span[1] - f.clause.span[0] :]
        if (m := re.match(r"\s+([a-z]+)\W*$", behind)) and m.group(1) in {w for w, _ in f.strange}:
            raise RequestError(f"'{found[0].text.strip()} {m.group(1)}' is no key; say e.g. D minor")
        return [f.operation("set_key", value=key_name(found[0].value))]
    if re.search(r"\brelative (?:minor|major|key)\b|关系[大小]调", f.text):
        return [f.operation("set_key", value="relative")]
    if re.fullmatch(r"\W*(?:换|改|变|转)(?:一)?个?调(?:式|吧)?\W*|\W*(?:please )?change (?:the )?key\W*", f.text):
        raise RequestError("say which key, or how far: e.g. in D major, up a tone")
    asks = f.cues & {"key_word", "transpose"} or re.search(r"\bkey\b|调", f.text)
    spelt = _SPELT_KEY.search(f.text)
    if spelt and f.amount("semitones") is None and not f.clause.of("chords", "chord_comes"):
        name = f"{spelt.group(1).upper()}{'b' if 'flat' in spelt.group(2) else '#'} {spelt.group(3) or 'major'}"
        return [f.operation("set_key", value=key_name(q.value))
                for q in keys(f"in {name.lower()}", f"in {name}") if isinstance(q.value, Key)][:1]  # fmt: skip
    if asks and f.amount("semitones") is None and (m := lone_key(f.context.original, *f.clause.span)):
        mark = {" sharp": "#", " flat": "b", "♯": "#", "♭": "b"}.get(m.group(2) or "", m.group(2) or "")
        mode = "minor" if (m.group(3) or "").startswith("m") and not (m.group(3) or "").startswith("maj") else "major"
        spelled = f"{m.group(1)}{mark} {mode}"
        return [
            f.operation("set_key", value=key_name(q.value))
            for q in keys(f"in {spelled.lower()}", f"in {spelled}")
            if isinstance(q.value, Key)
        ][:1]
    if m := re.search(
        r"\b(?:(?:in|to|into)(?: an?)? (?:the )?|make (?:it|this|the [a-z ]{3,24}) )(minor|major)\b"
        r"(?! (?:chord|third|change))|(?:改|变|换)(?:成|到|为)(大调|小调)",
        f.text,
    ):
        return [
            f.operation(
                "set_key", value={"大调": "major", "小调": "minor"}.get(m.group(1) or m.group(2), m.group(1) or m.group(2))
            )
        ]
    return []


def metre(f: Frame) -> list[EditOperation]:
    """Another metre."""
    found = f.clause.of("metre")
    return [f.operation("set_metre", value=str(found[0].value))] if found else []


def tempo(f: Frame) -> list[EditOperation]:
    """Absolute, relative and proportional tempi.

    Raises:
        RequestError: a tempo that cannot be.
    """
    bpm = f.amount("bpm")
    direction = 1 if "faster" in f.cues else -1 if "slower" in f.cues else 0
    if not direction and (bpm or "tempo" in f.cues):
        lowers = f.cues & {"down", "remove", "negated", "out", "trim"} or re.search(r"\b(?:back|off|less)\b|减|降|慢", f.text)
        direction = 1 if f.cues & {"up", "add"} and not lowers else -1 if lowers else 0
    if (
        bpm is None
        and direction
        and "tempo" in f.cues
        and (by := re.search(r"\bby (\d{1,3})(?![\d%:.]| ?(?:percent|times))", f.text))
    ):
        return [f.operation("set_tempo", amount=direction * float(by.group(1)), unit="bpm_change")]
    if (signed := _SIGNED_TEMPO.search(f.text)) and (bpm or "tempo" in f.cues):
        return [f.operation("set_tempo", amount=float(signed.group(1) + signed.group(2)), unit="bpm_change")]
    if bpm:
        value = float(bpm.value.value)
        if (
            direction
            and value > 0
            and not _TO.search(f.context.text[: bpm.span[0]])
            and not re.search(r"tempo|速度|to ", bpm.text)
        ):
            return [f.operation("set_tempo", amount=direction * abs(value), unit="bpm_change")]
        if not MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM:
            raise RequestError(f"tempo {value:g} bpm is outside {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g}")
        return [f.operation("set_tempo", amount=value, unit="bpm", value=_along(f) or f"{value:g}")]
    feel = re.search(r"\b(half|double)[- ]time\b", f.text)
    of_drums = set(f.own) <= {"drums", "percussion", "groove"} and bool(f.own or re.search(r"\b(?:drums?|drum kit)\b", f.text))
    if feel and of_drums and "tempo" not in f.cues:
        way, how = ("sparser", "half") if feel.group(1) == "half" else ("busier", "twice")
        return [f.operation("dynamics", ("drums",), value=way, reason=f"{how} as many strokes; the tempo stays")]
    if feel:
        return [f.operation("set_tempo", amount=0.5 if feel.group(1) == "half" else 2.0, unit="factor")]
    speaks = "tempo" in f.cues or direction or bool(re.search(r"半速|倍速", f.text))
    if not speaks or f.clause.of("style"):
        return []
    if plain := _PLAIN_TEMPO.search(f.unplaced):
        value = float(plain.group(1))
        if not MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM:
            raise RequestError(f"tempo {value:g} bpm is outside {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g}")
        return [f.operation("set_tempo", amount=value, unit="bpm", value=_along(f) or f"{value:g}")]
    percent, factor = f.amount("percent"), f.amount("factor")
    if percent:
        share = float(percent.value.value) / 100
        if re.search(r"\b(?:to|of)\s*$|[到为]$", f.context.text[: percent.span[0]]) or not direction:
            return [f.operation("set_tempo", amount=round(share, 4), unit="factor")]
        scaled = round(max(0.05, 1 + direction * share), 4)
        return [f.operation("set_tempo", amount=scaled, unit="factor", value=_along(f))]
    if factor:
        value = float(factor.value.value)
        by = re.search(r"\bby (?:a |an |one )?$|(?<!到)(?<!原来的)(?<!为)(?<!成)$", f.context.text[: factor.span[0]])
        if by and value < 1 and re.search(r"third|quarter|fifth|分之", factor.text) and not re.search(r"\bof\b", f.text[-40:]):
            value = 1 + direction * value  # "a third faster"; "to two thirds" is said with its "to"
        value = 1 / value if direction < 0 and value > 1 else value
        return [f.operation("set_tempo", amount=round(value, 4), unit="factor")]
    if not direction:
        return []
    table = edit_lexicon()["amounts"]
    gradual = _along(f)
    if direction < 0 and not f.clause.of("region") and _slows_at_the_end(f):
        f = replace(f, region=Region("last_bars", CLOSING_BARS))
    ending = f.region.kind == "last_bars" or f.region.name == "outro" or bool(_END_SLOWING.search(f.text))
    if direction < 0 and ending:
        gradual = GRADUALLY if _SLOWS_DOWN.search(f.text) else gradual
        return [f.operation("set_tempo", amount=table["ending_factor"], unit="factor", value=gradual)]
    value = table["tempo_factor"][f.degree()]
    return [f.operation("set_tempo", amount=round(value if direction > 0 else 1 / value, 2), unit="factor", value=gradual)]


def _slows_at_the_end(f: Frame) -> bool:
    """ "end with a ritardando": a slowing without a place that closes the piece; "throughout" is a place too."""
    everywhere = re.search(r"\b(?:whole|entire|throughout|everywhere|overall|all)\b|整|全", f.text)
    bare = f.region.kind == "all" and _BARE_SLOWING.search(f.text)
    return not everywhere and bool(_CLOSES.search(f.text) or bare)


def _along(f: Frame) -> str:
    """The value of a tempo that comes by and by."""
    return GRADUALLY if GRADUAL.search(f.text) else ""


def transpose(f: Frame) -> list[EditOperation]:
    """Up and down by an interval."""
    interval = f.amount("semitones")
    if interval is not None and abs(float(interval.value.value)) > _MAX_SEMITONES:
        raise RequestError(f"{interval.value.value:g} semitones are beyond every instrument; the limit is {_MAX_SEMITONES}")
    if interval is None and ("transpose" not in f.cues or f.amount("dB") or re.search(r"音量|声音|volume|level|loud", f.text)):
        return []
    down = bool(f.cues & {"down", "remove"} or re.search(r"\b(?:lower|down)\b|降|低", f.text))
    if interval is None:
        if not f.cues & {"up", "down"} and not re.search(r"higher|lower|升|降|高|低|up|down", f.text):
            return []
        steps = float(edit_lexicon()["amounts"]["transpose"][f.degree()])
    else:
        steps = float(interval.value.value)
    low = f.clause.span[0]
    served = {i.value for i in f.things if _BENEFICIARY.search(f.text[: i.span[0] - low])}
    names = tuple(n for n in f.own if n not in served)
    return [f.operation("transpose", names or ("all",), amount=-steps if down else steps, unit="semitones")]


def length(f: Frame) -> list[EditOperation]:
    """Longer or shorter.

    Raises:
        RequestError: a length of nothing.
    """
    bars, seconds, factor = f.amount("bars"), f.amount("s"), f.amount("factor", "percent")
    if _ENDS.search(f.text) and not f.own and seconds is not None:
        return [f.operation("trim", region=Region(), amount=seconds.value.value, unit="s", value="to")]
    if _ENDS.search(f.text) and not f.own and f.region.end is None and (f.region.start or 0) > 0:
        if f.region.kind == "seconds":
            return [f.operation("trim", region=Region(), amount=f.region.start, unit="s", value="to")]
        if f.region.kind == "bars" and re.search(r"after|后", f.text):
            return [f.operation("trim", region=Region(), amount=float(f.region.start or 1) - 1, unit="bars", value="to")]
    if not f.own and f.region.name and f.region.kind == "after" and _ENDS.search(f.text) and not f.clause.of("amount"):
        return [f.operation("trim", value="off")]
    if not f.own and f.region.kind in ("section", "from") and _STARTS_AT.match(f.text) and not f.clause.of("amount"):
        return [f.operation("trim", region=replace(f.region, kind="before"), value="off")]
    measure = bars or seconds
    _positive(f, bars, seconds)
    cuts = "remove" in f.cues and not f.own and (measure or f.region.kind != "all")
    cuts = cuts and not (f.region.kind == "before" and (f.region.start or f.region.end))  # a stop just before something
    cuts = cuts and not f.clause.of("intent", "effect") and (measure is not None or not f.strange)
    shorter = "trim" in f.cues or cuts
    if shorter and not f.own:
        return _trim(f, measure, factor)
    grown = factor is not None and factor.value.unit == "factor" and factor.value.value > 1 and f.clause.of("region")
    extended = grown and not f.own and not f.cues & {"up", "down", "faster", "slower", "tempo"}
    made = seconds is not None and not f.own and not f.cues - {"becomes", "swap", "style", "extend"}
    if made and seconds is not None and (re.search(r"\blong\b|[成到为]$", f.text[: seconds.span[1] - f.clause.span[0] + 6]
        if seconds.text.isascii() else f.context.text[: seconds.span[0]]) or _MADE_SO_LONG.fullmatch(f.text)):  # fmt: skip
        return [f.operation("extend", amount=seconds.value.value, unit="s", value="to")]
    so_long = bars is not None and bars.value.value > 0 and not f.own and re.search(r"\blong\b(?!er)", f.text)
    if bars is not None and so_long and "extend" in f.cues:
        return [f.operation("extend", amount=float(bars.value.value), unit="bars", value="to")]
    extends = "extend" in f.cues or extended or (bars is not None and not f.own and not f.cues & {"up", "down", "mute", "keep"})
    if not extends or (f.own and "extend" in f.cues and measure is None and factor is None):
        return []
    times = _TIMES.search(f.text)
    if any(i.value.value <= 0 for i in (bars, seconds, factor) if i is not None):
        raise RequestError("a length must be more than 0; say e.g. four more bars")
    if measure is not None:
        amount, unit = measure.value.value, measure.value.unit
        if seconds is not None and bars is None and _TO.search(f.context.text[: seconds.span[0]]):
            return [f.operation("extend", amount=amount, unit="s", value="to")]
    elif factor is not None and factor.value.unit == "factor":
        amount, unit = factor.value.value, "factor"
    elif factor is not None:
        amount, unit = round(1 + factor.value.value / 100, 4), "factor"
    elif times:
        spoken = times.group(1) or times.group(2)
        amount, unit = float({"两": 2, "三": 3, "四": 4, "五": 5}.get(spoken, 0) or spoken), "factor"
    elif _AGAIN.search(f.text) or (f.region.kind == "section" and f.degree() == "plain"):
        amount, unit = 2.0, "factor"
    else:
        amount, unit = float(edit_lexicon()["amounts"]["extend_bars"][f.degree()]), "bars"
    if unit == "factor" and amount < 1:
        return [f.operation("trim", amount=amount, unit="factor", value="to")]
    return [f.operation("extend", amount=float(amount), unit=unit)]


def _positive(f: Frame, *lengths: Item | None) -> None:
    """Raises RequestError where a length has a minus."""
    if any(re.search(r"(?:minus|negative|负)\s*$", f.context.text[: i.span[0]]) for i in lengths if i is not None):
        raise RequestError("a length cannot be less than nothing; say e.g. four more bars, or fade out over 5 seconds")


def _up_to(f: Frame) -> tuple[float, str] | None:
    """Where a place that begins with the piece ends."""
    if f.region.kind == "first_bars" and f.region.start:
        return f.region.start, "bars"
    return (f.region.end, "s") if f.region.kind == "seconds" and not f.region.start and f.region.end else None


def _trim(f: Frame, measure: Item | None, factor: Item | None) -> list[EditOperation]:
    """Shorter: to a length, by a length, or without a region."""
    if measure is not None:
        to = bool(_TO.search(f.context.text[: measure.span[0]]) or re.search(r"only the first|控制在", f.text))
        return [f.operation("trim", amount=measure.value.value, unit=measure.value.unit, value="to" if to else "off")]
    if factor is not None and factor.value.unit == "factor":
        return [f.operation("trim", amount=factor.value.value, unit="factor", value="to")]
    if (upto := _up_to(f)) and re.search(r"\bto the (?:first|opening)\b|到(?:前|开头)", f.text):
        return [f.operation("trim", region=Region(), amount=upto[0], unit=upto[1], value="to")]
    if f.region.kind in ("first_bars", "last_bars"):
        return [f.operation("trim", amount=f.region.start, unit="bars", value="off")]
    if f.region.kind == "seconds" and (f.region.start or 0) <= 0:
        return [f.operation("trim", amount=abs((f.region.start or 0.0) or (f.region.end or 0.0)), unit="s", value="off")]
    if f.region.kind != "all":
        return [f.operation("trim", value="off")]
    if "trim" in f.cues and not f.clause.of("thing"):
        return [f.operation("trim", amount=float(edit_lexicon()["amounts"]["extend_bars"][f.degree()]), unit="bars", value="off")]
    return []


def restyle(f: Frame) -> list[EditOperation]:
    """Another style."""
    found = f.clause.of("style")
    named = [i for i in f.things if i.value not in ("all", "it")]
    again = "vary" in f.cues and re.search(r"\b(?:as|into|in|to)\b|成|为", f.text)
    asked = f.cues & {"style", "becomes", "swap"} or again or (not f.cues and not f.context.last)
    if not found or (named and not f.cues & {"style"}) or not asked:
        return []
    return [f.operation("restyle", value=str(found[0].value))]


def vary(f: Frame) -> list[EditOperation]:
    """Something new in the place of what is there."""
    changed = (
        "swap" in f.cues
        and f.own
        and not f.clause.of("intent")
        and set(f.own) <= _CHANGEABLE | {"it"}
        and "becomes" not in f.cues
    )
    changed = changed and bool(re.search(r"\bchang", f.text))
    if ("vary" not in f.cues and not changed) or f.clause.of("intent"):
        return []
    if any(i.value == "add" and re.match("add|bring|加|添", i.text) for i in f.clause.of("cue")):
        return []
    weak = all(
        re.fullmatch(r"different|new|another|fresh|better|新的|不同的?", i.text) for i in f.clause.of("cue") if i.value == "vary"
    )
    if weak and not changed and not f.own and not re.search(r"version|take|variation", f.text):
        return []
    names = tuple(n for n in f.own if n != "groove") or (("drums",) if f.own else ("all",))
    return [f.operation("vary", names)]
