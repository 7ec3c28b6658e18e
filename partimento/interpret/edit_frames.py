"""One clause → operations: which frame its items fill."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from partimento.errors import RequestError
from partimento.interpret.edit_clauses import Clause
from partimento.interpret.edit_items import Item, edit_lexicon, lone_key
from partimento.interpret.quantities import keys
from partimento.plan.edit import KEEPABLE, EditOperation, Region
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, PITCH_NAMES_FLAT, PITCH_NAMES_SHARP, Key

_OPPOSITE = {
    "darker": "brighter", "brighter": "darker", "wider": "closer", "spacious": "drier", "closer": "spacious",
    "dirtier": "cleaner",
    "softer": "harder", "harder": "softer", "more_energy": "calmer", "calmer": "more_energy", "lofi": "cleaner",
    "vintage": "cleaner", "warmer": "brighter", "punchier": "softer", "drier": "spacious", "bigger": "calmer",
    "tighter": "more_expressive",
}  # fmt: skip
_ROLE_INSTRUMENTS = {"drums": "drums", "bass": "bass", "pad": "synth_pad", "percussion": "percussion"}
_TO = re.compile(r"\b(?:to|at|be|under|after)\s*(?:about |around |exactly |just )?\s*$|(?:到|成|为|至|在|是)\s*$|=\s*$")
_PLAIN_TEMPO = re.compile(r"(?:\bto|\bat|到|成|为)\s*(\d{1,4})(?![\d.:%/]|\s*(?:percent|bars?|%|s\b|sec|小节|秒|倍))")
_TIMES = re.compile(r"\b(\d{1,2}) times\b|(\d|[两三四五])(?:遍|次)")
_END_SLOWING = re.compile(r"\b(?:rit|ritardando|rallentando)\b|渐慢")
_PRONOUN = re.compile(r"\b(?:it|them|her|him)\b")  # "make it" is a phrase of its own
_CHANGEABLE = {"melody", "bass", "drums", "chords", "groove", "pad"}


@dataclass
class Context:
    """What clauses hand on.

    Attributes:
        text, original: the normalised and the user's words.
        region: that a leading place set for what follows.
        last_region: of the clause before.
        last_things: for "it" and "them".
        keep: tune, chords … that must stay.
        kept: instruments that must stay.
        last: operations of the clause before.
    """

    text: str
    original: str
    region: Region = field(default_factory=Region)
    last_region: Region = field(default_factory=Region)
    last_things: tuple[str, ...] = ()
    keep: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    last: list[EditOperation] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """A clause, taken apart."""

    clause: Clause
    context: Context
    cues: set[str]
    things: list[Item]
    region: Region
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """What is named, without ``all``; for a pronoun what was named before."""
        names = tuple(dict.fromkeys(i.value for i in self.things if i.value not in ("all", "it")))
        names = tuple(n for name in names for n in (("drums", "bass") if name == "rhythm section" else (name,)))
        if names or any(i.value == "all" for i in self.things):
            return names
        if any(i.value == "it" for i in self.things):
            return self.context.last_things if self._may_point else ()
        return self.context.last_things if not self.things else ()

    @property
    def _may_point(self) -> bool:
        """True when "it" can be what was named before: not what has just been taken out, unless that is taken back."""
        gone = bool(self.context.last) and all(o.op in ("remove", "extract", "mute_region") for o in self.context.last)
        return not gone or bool(self.cues & {"keep", "add", "remove", "correct", "cancel"})

    @property
    def own(self) -> tuple[str, ...]:
        """What the clause itself names."""
        pronoun = any(i.value == "it" for i in self.things)
        return self.names if pronoun or any(i.value not in ("all", "it") for i in self.things) else ()

    @property
    def carried(self) -> tuple[str, ...]:
        """What an adjective is about: what its clause names, or, joined by "and", what the clause before did."""
        same = bool(self.context.last) and all(o.op in ("gain", "effect", "dynamics") for o in self.context.last)
        goes_on = not self.things and self.clause.joined in ("and", "和", "并且", "而且") and same
        points = not self.things and self._may_point and bool(_PRONOUN.search(self.text))
        return self.own or (self.context.last_things if goes_on or points else ()) or ("all",)

    def amount(self, *units: str) -> Item | None:
        """The first amount in one of the units."""
        return next((i for i in self.clause.of("amount") if i.value.unit in units), None)

    def degree(self) -> str:
        """``bit``, ``much`` or ``plain``."""
        small = "bit" in self.cues or any(re.search("一[点些]|[点些]$", i.text) for i in self.clause.of("cue"))
        return "much" if "much" in self.cues else "bit" if small else "plain"

    def operation(self, op: str, targets: tuple[str, ...] = ("all",), **rest: object) -> EditOperation:
        """An operation at the clause's region."""
        fields = {"region": self.region, **rest}
        words = (self.context.original[self.clause.span[0] : self.clause.span[1]].strip(),)
        return EditOperation(op, targets or ("all",), words=words, **fields)  # type: ignore[arg-type]


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


def operations_of(frame: Frame) -> list[EditOperation]:
    """Operations of a clause; empty when it says nothing that can be done.

    Raises:
        RequestError: an amount that cannot be.
    """
    if "except" in frame.cues and frame.region.kind != "all":
        everywhere = operations_of(replace(frame, cues=frame.cues - {"except"}, region=Region()))
        names = tuple(o.instrument for o in everywhere if o.op == "add" and o.instrument)
        return [*everywhere, frame.operation("mute_region", names)] if names else []
    for rule in _RULES:
        found = rule(frame)
        if found:
            return found
    return []


def note_kept(f: Frame) -> bool:
    """True when the clause only says what must stay."""
    if "keep" not in f.cues or "only" in f.cues:
        return False
    if not f.own and (f.clause.of("intent") or f.cues & {"up", "down", "faster", "slower", "mute"}):
        return False
    for name in f.own:
        target = f.context.keep if name in KEEPABLE else f.context.kept
        if name not in target:
            target.append(name)
    if any(i.value in ("chords", "groove", "melody") for i in f.clause.of("effect")):
        f.context.keep.append("groove")
    if "tempo" in f.cues:
        f.context.kept.append("tempo")
    if f.cues & {"chords_word"} and "chords" not in f.context.keep:
        f.context.keep.append("chords")
    return True


def _extract(f: Frame) -> list[EditOperation]:
    if "only" in f.cues and f.own and not f.cues & {"up", "down", "faster", "slower"} and not f.clause.of("intent"):
        if (
            f.cues & {"remove", "mute", "out", "negated"}
            and "except" not in f.text
            and not re.search(r"\b(?:but|except|else)\b|其他|其它", f.text)
        ):
            return []
        return [f.operation("extract", f.own)]
    if "keep" in f.cues and f.own and re.search(r"(?:everything|all|所有|全部).*(?:but|except|除)|除了?.*(?:都|全|其他"
        r"|其它)", f.text) and f.cues & {
        "remove", "mute", "out", "negated"
    }:  # fmt: skip
        return [f.operation("extract", f.own)]
    return []


def _fade(f: Frame) -> list[EditOperation]:
    way = "in" if "fade_in" in f.cues else "out" if "fade_out" in f.cues else ""
    if not way:
        return []
    seconds, bars = f.amount("s"), f.amount("bars")
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


def _chords(f: Frame) -> list[EditOperation]:
    found = f.clause.of("chords")
    return [f.operation("set_chords", ("chords",), value=str(found[0].value))] if found else []


def _key(f: Frame) -> list[EditOperation]:
    found = f.clause.of("key")
    if found:
        return [f.operation("set_key", value=key_name(found[0].value))]
    asks = f.cues & {"key_word", "transpose"} or re.search(r"\bkey\b|调", f.text)
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
        r"\b(?:(?:in|to|into)(?: an?)? (?:the )?|make (?:it|this) )(minor|major)\b|(?:改|变|换)(?:成|到|为)(大调|小调)", f.text
    ):
        return [
            f.operation(
                "set_key", value={"大调": "major", "小调": "minor"}.get(m.group(1) or m.group(2), m.group(1) or m.group(2))
            )
        ]
    return []


def _metre(f: Frame) -> list[EditOperation]:
    found = f.clause.of("metre")
    return [f.operation("set_metre", value=str(found[0].value))] if found else []


def _tempo(f: Frame) -> list[EditOperation]:
    bpm = f.amount("bpm")
    direction = 1 if "faster" in f.cues else -1 if "slower" in f.cues else 0
    if not direction and (bpm or "tempo" in f.cues):
        direction = 1 if f.cues & {"up", "add"} and "down" not in f.cues else -1 if f.cues & {"down", "remove", "negated"} else 0
    if bpm:
        value = float(bpm.value.value)
        if direction and not _TO.search(f.context.text[: bpm.span[0]]) and not re.search(r"tempo|速度", bpm.text):
            return [f.operation("set_tempo", amount=direction * abs(value), unit="bpm_change")]
        if not MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM:
            raise RequestError(f"tempo {value:g} bpm is outside {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g}")
        return [f.operation("set_tempo", amount=value, unit="bpm", value=f"{value:g}")]
    if feel := re.search(r"\b(half|double)[- ]time\b", f.text):
        return [f.operation("set_tempo", amount=0.5 if feel.group(1) == "half" else 2.0, unit="factor")]
    speaks = "tempo" in f.cues or direction
    if not speaks or f.clause.of("style"):
        return []
    if plain := _PLAIN_TEMPO.search(f.text):
        value = float(plain.group(1))
        if not MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM:
            raise RequestError(f"tempo {value:g} bpm is outside {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g}")
        return [f.operation("set_tempo", amount=value, unit="bpm", value=f"{value:g}")]
    percent, factor = f.amount("percent"), f.amount("factor")
    if percent:
        share = float(percent.value.value) / 100
        if re.search(r"\b(?:to|of)\s*$|[到为]$", f.context.text[: percent.span[0]]) or not direction:
            return [f.operation("set_tempo", amount=round(share, 4), unit="factor")]
        return [f.operation("set_tempo", amount=round(max(0.05, 1 + direction * share), 4), unit="factor")]
    if factor:
        value = float(factor.value.value)
        value = 1 / value if direction < 0 and value > 1 else value
        return [f.operation("set_tempo", amount=round(value, 4), unit="factor")]
    if not direction:
        return []
    table = edit_lexicon()["amounts"]
    ending = f.region.kind == "last_bars" or f.region.name == "outro" or bool(_END_SLOWING.search(f.text))
    if direction < 0 and ending:
        return [f.operation("set_tempo", amount=table["ending_factor"], unit="factor")]
    value = table["tempo_factor"][f.degree()]
    return [f.operation("set_tempo", amount=round(value if direction > 0 else 1 / value, 2), unit="factor")]


def _transpose(f: Frame) -> list[EditOperation]:
    interval = f.amount("semitones")
    if interval is None and "transpose" not in f.cues:
        return []
    down = bool(f.cues & {"down", "remove"} or re.search(r"\b(?:lower|down)\b|降|低", f.text))
    if interval is None:
        if not f.cues & {"up", "down"} and not re.search(r"higher|lower|升|降|高|低|up|down", f.text):
            return []
        steps = float(edit_lexicon()["amounts"]["transpose"][f.degree()])
    else:
        steps = float(interval.value.value)
    return [f.operation("transpose", f.own or ("all",), amount=-steps if down else steps, unit="semitones")]


def _length(f: Frame) -> list[EditOperation]:
    bars, seconds, factor = f.amount("bars"), f.amount("s"), f.amount("factor", "percent")
    measure = bars or seconds
    shorter = "trim" in f.cues or ("remove" in f.cues and not f.own and (measure or f.region.kind != "all"))
    if shorter and not f.own:
        return _trim(f, measure, factor)
    extends = "extend" in f.cues or (bars is not None and not f.own and not f.cues & {"up", "down", "mute", "keep"})
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
    elif re.search(r"repeat|loop|again|once more|one more time|重复|反复|再来|循环", f.text):
        amount, unit = 2.0, "factor"
    else:
        amount, unit = float(edit_lexicon()["amounts"]["extend_bars"][f.degree()]), "bars"
    if unit == "factor" and amount < 1:
        return [f.operation("trim", amount=amount, unit="factor", value="to")]
    return [f.operation("extend", amount=float(amount), unit=unit)]


def _trim(f: Frame, measure: Item | None, factor: Item | None) -> list[EditOperation]:
    """Shorter: to a length, by a length, or without a region."""
    if measure is not None:
        to = bool(_TO.search(f.context.text[: measure.span[0]]) or re.search(r"only the first|控制在", f.text))
        return [f.operation("trim", amount=measure.value.value, unit=measure.value.unit, value="to" if to else "off")]
    if factor is not None and factor.value.unit == "factor":
        return [f.operation("trim", amount=factor.value.value, unit="factor", value="to")]
    if f.region.kind in ("first_bars", "last_bars"):
        return [f.operation("trim", amount=f.region.start, unit="bars", value="off")]
    if f.region.kind == "seconds" and (f.region.start or 0) <= 0:
        return [f.operation("trim", amount=abs((f.region.start or 0.0) or (f.region.end or 0.0)), unit="s", value="off")]
    if f.region.kind != "all":
        return [f.operation("trim", value="off")]
    if "trim" in f.cues and not f.clause.of("thing"):
        return [f.operation("trim", amount=float(edit_lexicon()["amounts"]["extend_bars"][f.degree()]), unit="bars", value="off")]
    return []


def _replace(f: Frame) -> list[EditOperation]:
    named = [i for i in f.things if i.value != "it"]
    instead = next((i for i in f.clause.of("cue") if i.value == "instead_of"), None)
    becomes = next((i for i in f.clause.of("cue") if i.value == "becomes" and any(t.span[0] > i.span[0] for t in named)), None)
    if instead:
        before = [i.value for i in named if i.span[0] < instead.span[0]]
        after = [i.value for i in named if i.span[0] > instead.span[0]]
        return _pairs(f, after, before)
    pairable = "swap" in f.cues or (becomes is not None and not becomes.text.isascii() and becomes.text not in ("用", "给"))
    if not pairable or becomes is None:
        return []
    before = [i.value for i in named if i.span[0] < becomes.span[0]]
    after = [i.value for i in named if i.span[0] > becomes.span[0]]
    if not before:
        before = list(f.context.last_things) if any(i.value == "it" for i in f.things) else []
    return _pairs(f, before, after)


def _pairs(f: Frame, before: list[str], after: list[str]) -> list[EditOperation]:
    """One by one where the numbers agree, else all by the first."""
    after = [
        _ROLE_INSTRUMENTS.get(a, a) for a in after if a not in ("all", "it", "melody", "chords", "groove", "form", "instruments")
    ]
    before = list(dict.fromkeys(before))
    if not before or not after:
        return []
    if len(before) == len(after):
        return [f.operation("replace", (b,), instrument=a) for b, a in zip(before, after, strict=True)]
    return [f.operation("replace", tuple(before), instrument=after[0])] + [
        f.operation("add", (), instrument=a) for a in after[1:]
    ]


def _restyle(f: Frame) -> list[EditOperation]:
    found = f.clause.of("style")
    named = [i for i in f.things if i.value not in ("all", "it")]
    asked = f.cues & {"style", "becomes", "swap"} or (not f.cues and not f.context.last)
    if not found or (named and not f.cues & {"style"}) or not asked:
        return []
    return [f.operation("restyle", value=str(found[0].value))]


def _vary(f: Frame) -> list[EditOperation]:
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


def _effects(f: Frame) -> list[EditOperation]:
    found = f.clause.of("effect")
    less = bool(f.cues & {"negated", "remove", "down", "out"})
    out = []
    for item in found:
        table = edit_lexicon()["effects"][item.value]
        if item.value == "low_end" and not less:
            value = "warmer"
        else:
            value = table["without"] if less else item.value
        out.append(f.operation("effect", f.own or ("all",), value=value))
    if not out and "no_effect" in f.cues:
        out.append(f.operation("effect", f.own or ("all",), value="drier"))
    return out


def _intents(f: Frame) -> list[EditOperation]:
    table = edit_lexicon()["intents"]
    out: list[EditOperation] = []
    strength = edit_lexicon()["amounts"]["strength"]
    for item in f.clause.of("intent"):
        value = str(item.value)
        before = f.context.text[max(0, item.span[0] - 12) : item.span[0]]
        if re.search(
            r"\b(?:not|less|isn't|don't|no|without)\s+(?:so |as |too |that |very )?$|(?:别|不要)(?:那么|太|这么)?$|没那么$",
            before,
        ):
            value = _OPPOSITE.get(value, value)
        region = f.region
        if value == "drop" and region.kind == "bars" and region.start == region.end:
            region = replace(region, end=None)
        places = f.clause.of("region")
        if value == "build_up" and places and region.kind == "section" and re.match(r"to|into|towards", places[0].text):
            region = replace(region, kind="before")
        if any(o.value == value for o in out):
            continue
        degree = f.degree()
        amount = None if degree == "plain" else strength[degree]
        out.append(
            f.operation(
                table[value]["op"],
                f.carried,
                value=value,
                region=region,
                amount=amount,
                unit="strength" if amount else "",
            )
        )
    return out


def _mute(f: Frame) -> list[EditOperation]:
    if "mute" not in f.cues:
        return []
    if f.region.kind == "all":
        return [f.operation("remove", f.own)] if f.own else []
    return [f.operation("mute_region", f.own or ("all",))]


def _remove(f: Frame) -> list[EditOperation]:
    if not f.cues & {"remove", "negated", "out"} or f.amount("dB"):
        return []
    if f.own:
        return [
            f.operation(
                "mute_region" if f.cues & {"out"} and "remove" not in f.cues and f.region.kind == "bars" else "remove", f.own
            )
        ]
    if any(i.value == "all" for i in f.things) and f.region.kind != "all":
        return [f.operation("mute_region")]
    return []


def _add(f: Frame) -> list[EditOperation]:
    if "add" not in f.cues and not (f.cues & {"becomes", "vary"} and not f.cues & {"up", "down"}):
        return []
    if f.cues & {"up", "down"} or f.amount("dB"):
        return []
    names = [i.value for i in f.things if i.value not in ("all", "it", "groove", "form", "instruments")]
    return [
        f.operation("add", (), instrument=_ROLE_INSTRUMENTS.get(n, n))
        if n not in ("melody", "chords")
        else f.operation("add", (n,))
        for n in dict.fromkeys(names)
    ]


def _gain(f: Frame) -> list[EditOperation]:
    decibels = f.amount("dB")
    if not f.cues & {"up", "down"} and decibels is None:
        return []
    table = edit_lexicon()["amounts"]["gain_db"]
    sign = -1.0 if f.cues & {"down", "remove"} else 1.0
    size = float(decibels.value.value) if decibels else float(table[f.degree()])
    return [f.operation("gain", f.carried, amount=sign * size, unit="dB")]


def _bare(f: Frame) -> list[EditOperation]:
    """Only a name: with a place, or with an article, it is to be added."""
    names = [i for i in f.things if not i.role]
    if f.cues - {"bit", "much"} or not names or f.clause.of("intent", "effect", "amount"):
        return []
    article = re.match(r"\W*(?:an? |some |more |maybe )", f.text)
    if f.region.kind == "all" and not article:
        return []
    return [f.operation("add", (), instrument=i.value) for i in names]


_RULES: tuple[Callable[[Frame], list[EditOperation]], ...] = (
    _extract, _fade, _chords, _key, _metre, _tempo, _transpose, _length, _replace, _restyle, _vary, _effects, _intents, _mute,
    _remove, _gain, _add, _bare,
)  # fmt: skip
