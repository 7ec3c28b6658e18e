"""Clauses about parts: who comes in, goes, stays, takes over, and how loud they are."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

from partimento.errors import RequestError
from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_items import edit_lexicon, unknown_words
from partimento.interpret.edit_places import NUMBER, ZH_NUMBER
from partimento.interpret.edit_presence import kept_out
from partimento.interpret.quantities import parse_number
from partimento.plan.edit import KEEPABLE, EditOperation, Region, check_gain
from partimento.score.instruments import instruments

_ROLE_INSTRUMENTS = {"drums": "drums", "bass": "bass", "pad": "synth_pad", "percussion": "percussion"}
_NOT_THESE = re.compile(r"(?:no,? ?|actually,? ?|but )*not (?:the |my |our |that )")
_EXCEPT = re.compile(
    r"\b(?:except(?: for)?|but(?: not)?|apart from|other than|besides|save for)\b|除了?(?=.*(?:都|全|其他|其它|以?外))"
)
_STRIPPED = re.compile(r"\bstrip\w*\b.*\b(?:down|back) to\b|\b(?:down|back) to (?:just|only)\b")
_TURNS_INTO = re.compile(r"(?:to )?be|become|play(?:ed)?(?: it)? on|(?:instead|play) be")
_HANDS_OVER = re.compile(
    r"\b(?:giv(?:e|ing)|hand(?:ing)?|pass(?:ing)?|move|assign|switch)\b.*\b(?:to|over to|onto)\b|"
    r"\b(?:play(?:s|ed|ing)?|take(?:s|n)?(?: over)?|carr(?:y|ies)|sing(?:s|ing)?|do(?:es)?|have|has|gets?)\b|"
    r"交给|给|由|演奏|来?(?:弹|吹|拉|唱|奏)|用"
)
PUTS_IN = re.compile(r"add|bring|introduc|insert|layer|includ|put|slip|throw|加|添|来|配|铺|垫|引入|增加")
_BESIDE = re.compile(
    r"\b(?:on top of|under(?:neath)?|beneath|behind|over|to|alongside|along with|together with|between|above|below|like|for)"
    r" (?:the |my |our )?$"
)
_WHERE_IN_MIX = re.compile(r"in the background|further back|back|quiet(?:ly)?|loud|up front|forward in the mix|less loud|soft")
_COVERS = re.compile(r"drown\w*(?: out)?|overpower\w*|盖过|盖住|压过|too prominent")


_OTHERS = re.compile(r"\b(?:everything|all|anything|everyone) else\b|\bthe (?:rest|others)\b|其他|其它|其余|别的(?!动)")


def excepted(f: Frame) -> tuple[str, ...]:
    """ "everything louder except the drums": the parts that are left out; () when the clause is no such sentence."""
    places = list(_EXCEPT.finditer(f.unplaced))
    whole = [i for i in f.things if i.value == "all"] or re.search(r"其他|其它|others|the rest|除.*[都全]", f.text)
    if not places or not whole:
        return ()
    start = f.clause.span[0] + places[0].end()
    return tuple(dict.fromkeys(i.value for i in f.things if i.span[0] >= start and i.value not in ("all", "it")))


def note_kept(f: Frame) -> bool:
    """True when the clause only says what must stay."""
    if f.cues <= {"negated", "correct", "keep", "bit"} and "negated" in f.cues and f.own and _NOT_THESE.match(f.text.strip()):
        f.context.kept += [n for n in f.own if n not in f.context.kept]
        return True
    if "keep" not in f.cues or "only" in f.cues or excepted(f) or kept_out(f) or (f.own and _ALONE.search(f.text)):
        return False
    if _OTHERS.search(f.text) and all(i.value in ("all", "it") for i in f.things) and not f.cues & {"remove", "mute", "out"}:
        return True  # "leave everything else alone": nothing else is touched anyway
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


def extract(f: Frame) -> list[EditOperation]:
    """Only some parts: "only the piano", 只留钢琴; or only so much of the piece."""
    if (spared := excepted(f)) and f.cues & {"remove", "mute", "out", "negated"} and not f.clause.of("intent"):
        return [f.operation("extract", spared)]
    others = re.search(r"\b(?:everything|all|anything|everyone) else\b|\bthe (?:rest|others)\b|其他|其它|其余", f.text)
    if others and f.context.kept and not f.own and f.cues & {"remove", "mute", "out", "negated"}:
        return [f.operation("extract", tuple(f.context.kept))]
    edge = _AT_AN_EDGE.match(f.text) if f.own and f.region.kind == "all" and f.cues & {"only"} else None
    if edge and not f.clause.of("intent", "effect", "amount"):
        kind = "last_bars" if re.match(r"end|finish|close|结", edge.group(1)) else "first_bars"
        return [f.operation("extract", f.own, region=Region(kind, float(edit_lexicon()["amounts"]["place_bars"])))]
    bars_only = "only" in f.cues and f.cues <= {"only", "keep"} and f.region.kind == "bars" and f.region.end is not None
    if bars_only and not f.things and not f.clause.of("intent", "effect", "amount"):
        return [f.operation("trim", value="keep")]
    if f.own and _ALONE.search(f.text) and not f.cues & {"up", "down", "negated", "remove"} and not f.clause.of("intent"):
        return [f.operation("extract", f.own)]
    if f.own and _STRIPPED.search(f.text) and not f.cues & {"add", "tempo"}:
        return [f.operation("extract", f.own)]
    if "only" in f.cues and not f.own and re.search(r"\ba ?cappella\b|清唱", f.text):
        return [f.operation("extract", ("voice",))]
    if f.cues & {"only", "keep"} and not f.own and f.region.kind in ("first_bars", "seconds") and (f.region.start or 0) >= 0:
        seconds = f.region.kind == "seconds"
        upto = f.region.end if seconds else f.region.start
        if upto and not (seconds and f.region.start) and not f.cues & {"up", "down", "remove"} and not f.clause.of("intent"):
            return [f.operation("trim", region=Region(), amount=upto, unit="s" if seconds else "bars", value="to")]
    solos = [i for i in f.clause.of("cue") if i.value == "only"]
    if (
        solos
        and (_puts_in(f, chinese=True) or re.match(r"\W*(?:please )?giv", f.text))
        and all(re.fullmatch(r"solo|独奏", i.text) for i in solos)
    ):
        return []
    if _only_does(f):
        return []
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


_AT_AN_EDGE = re.compile(
    r"\W*(?:let'?s |(?:it|the (?:song|piece|track)) (?:should |could )?)?(start|begin|open|end|finish|close)s?(?:ing)? "
    r"(?:it |the (?:song|piece|track) )?(?:off |out |up )?(?:with|on)\b"
)


def _only_does(f: Frame) -> bool:
    """ "just vary the drums": the only thing that is done, not the only parts that are left."""
    cues = f.clause.of("cue")
    return any(
        a.value == "only" and re.fullmatch(r"just|only|simply|只|只要", a.text) and b.value in ("vary", "swap", "transpose")
        and not f.context.text[a.span[1] : b.span[0]].strip()
        for a, b in pairwise(cues)
    )  # fmt: skip


_ALONE = re.compile(
    r"\b(?:play(?:s|ed|ing)?|be|is|are|stands?|sounds?|goes|start(?:s|ing)?|end(?:s|ing)?|solo|sing(?:s|ing)?|left)\s+"
    r"(?:all |completely |quite )?alone\b|独自|单独(?:演奏|出现)"
)


def exchange(f: Frame) -> list[EditOperation]:
    """One instrument for another."""
    named = [i for i in f.things if i.value != "it"]
    instead = next((i for i in f.clause.of("cue") if i.value == "instead_of"), None)
    if len(named) == 2 and not f.cues & {"add", "remove", "only", "keep", "up", "down"}:
        between = f.context.text[named[0].span[1] : named[1].span[0]]
        made = "swap" in f.cues and re.fullmatch(r"\s*(?:part |sound )?(?:into )?an?\s*", between)
        played = re.search(r"\b(?:play\w*|do)\b", f.text) and re.fullmatch(
            r"\s*(?:part |line )?(?:back )?on (?:an? |the )?\s*", between
        )
        if (made or played) and not f.clause.of("intent", "effect"):
            return _pairs(f, [named[0].value], [named[1].value])
    turns = [i for i in f.clause.of("cue") if i.value == "becomes" and any(t.span[0] > i.span[0] for t in named)]
    if "swap" not in f.cues:
        turns.sort(key=lambda i: not _TURNS_INTO.fullmatch(i.text))
    becomes = turns[0] if turns else None
    into = next((i for i in f.clause.of("cue") if i.value == "becomes" and named and i.span[0] > named[0].span[0]), None)
    kind = _of_that_kind(f, into.span[1], named[0].value) if into is not None and "swap" in f.cues else ""
    if kind:
        return [f.operation("replace", (named[0].value,), instrument=kind)]
    if instead:
        before = [i.value for i in named if i.span[0] < instead.span[0]]
        if not before and len(named) == 2:  # "instead of the piano use a harpsichord"
            return _pairs(f, [named[0].value], [named[1].value])
        after = [i.value for i in named if i.span[0] > instead.span[0]]
        return _pairs(f, after, before)
    pairable = "swap" in f.cues or (becomes is not None and not becomes.text.isascii() and becomes.text not in ("用", "给"))
    pairable = pairable or (becomes is not None and bool(_TURNS_INTO.fullmatch(becomes.text)))
    if not pairable or becomes is None:
        return []
    before = [i.value for i in named if i.span[0] < becomes.span[0]]
    after = [i.value for i in named if i.span[0] > becomes.span[0]]
    last = max((i.span[1] for i in named if i.span[0] < becomes.span[0]), default=becomes.span[0])
    low = f.clause.span[0]
    if unknown_words(f.unplaced[last - low : becomes.span[0] - low], []):  # "make the bass sidechain to the kick": another verb
        return []
    if not before:
        before = list(f.context.last_things) if any(i.value == "it" for i in f.things) else []
    return _pairs(f, before, after)


_KINDS = {
    ("electric", "guitar"): "electric_guitar", ("acoustic", "guitar"): "acoustic_guitar", ("nylon", "guitar"): "classical_guitar",
    ("classical", "guitar"): "classical_guitar", ("upright", "bass"): "double_bass", ("acoustic", "bass"): "double_bass",
    ("fretless", "bass"): "fretless_bass", ("slap", "bass"): "slap_bass", ("electric", "bass"): "bass",
    ("electric", "piano"): "electric_piano", ("acoustic", "piano"): "piano", ("grand", "piano"): "piano",
}  # fmt: skip
_KIND = re.compile(
    r"\W*(?:an? |the )?(electric|acoustic|nylon|classical|upright|fretless|slap|grand)(?: one| version)?\b"
    r"(?! \w*(?:style|version))"
)


def _of_that_kind(f: Frame, at: int, instrument: str) -> str:
    """ "switch the electric guitar to acoustic": another instrument of the same family, named by its adjective."""
    m = _KIND.match(f.context.text[at : f.clause.span[1]])
    family = next((w for w in ("guitar", "bass", "piano") if instrument.endswith(w)), "")
    kind = _KINDS.get((m.group(1), family), "") if m else ""
    return kind if kind in instruments() and kind != instrument else ""


def hand_over(f: Frame) -> list[EditOperation]:
    """ "give the tune to the violin", "let a trombone play the melody": the role stays, its instrument changes."""
    roles = [i for i in f.things if i.role and i.value in ("melody", "chords", "pad")]
    players = [i for i in f.things if i.value not in ("all", "it") and not i.role]
    free = not f.cues - {"add", "becomes", "swap", "up", "vary", "instead_of"} and not f.clause.of("intent", "effect", "amount")
    verb = _HANDS_OVER.search(f.text) or re.search(r"\bon\b", f.text)
    if len(roles) != 1 or len(players) != 1 or not free or not verb:
        return []
    low = f.clause.span[0]
    role, player = roles[0], players[0]
    between = f.text[min(role.span[1], player.span[1]) - low : max(role.span[0], player.span[0]) - low]
    if not _HANDS_OVER.search(between) and not re.search(r"\b(?:to|on)\b|给|由|用", between):
        return []
    lets = r"play|take|carr|sing|do|演奏|弹|吹|拉|唱|奏" + (r"|\b(?:have|has|get)\b" if _LETS.search(f.text) else "")
    if role.span[0] > player.span[0] and not re.search(lets, between):
        return []
    return [f.operation("replace", (role.value,), instrument=player.value)]


def _pairs(f: Frame, before: list[str], after: list[str]) -> list[EditOperation]:
    """One by one where the numbers agree, else all by the first."""
    after = [
        _ROLE_INSTRUMENTS.get(a, a) for a in after if a not in ("all", "it", "melody", "chords", "groove", "form", "instruments")
    ]
    before = [b for b in dict.fromkeys(before) if b != "all"] or list(dict.fromkeys(before))
    if not before or not after:
        return []
    if len(before) == len(after):
        if before == after:
            raise RequestError(f"{before[0]} for {after[0]} changes nothing; name another instrument")
        return [f.operation("replace", (b,), instrument=a) for b, a in zip(before, after, strict=True)]
    if tuple(before) == tuple(after):
        raise RequestError(f"{before[0]} for {after[0]} changes nothing; name another instrument")
    return [f.operation("replace", tuple(before), instrument=after[0])] + [
        f.operation("add", (), instrument=a) for a in after[1:]
    ]


def mute(f: Frame) -> list[EditOperation]:
    """A stop, or parts that fall silent."""
    if "mute" not in f.cues:
        return []
    own = f.own
    lasting = _LASTING.search(f.unplaced)
    if lasting:
        low = f.clause.span[0] + lasting.start()
        beats = {i.value for i in f.things if low <= i.span[0] < f.clause.span[0] + lasting.end()}
        own = tuple(n for n in own if n not in beats or sum(i.value == n for i in f.things) > 1)
        return [f.operation("mute_region", own or ("all",), region=_stop(f.region, lasting))]
    if f.region.kind == "all":
        return [f.operation("remove", own)] if own else []
    if not own and f.region.kind == "before" and f.region.start is None and f.region.end is None and _A_REST.search(f.text):
        return [f.operation("mute_region", region=replace(f.region, start=1.0), reason="a general rest of one bar")]
    return [f.operation("mute_region", own or ("all",))]


def _stop(region: Region, lasting: re.Match[str]) -> Region:
    """Where a stop of some beats or bars is: just before what it comes before.

    Raises:
        RequestError: it is not said before what, or that cannot be counted.
    """
    spoken = lasting.group(1)
    n = 0.5 if spoken.startswith(("half", "半")) else 1.0 if spoken in ("a", "an", "single") else parse_number(spoken) or 1.0
    in_bars = bool(re.match(r"bar|measure|小节", lasting.group(2)))
    if region.kind == "before" and (not in_bars or n >= 1):
        return replace(region, start=n, end=None) if in_bars else replace(region, start=None, end=n)
    if in_bars and region.kind == "bars" and region.end is not None and region.end - (region.start or 1) + 1 >= n >= 1:
        opens = (region.start or 1) > 1
        return replace(region, end=region.start + n - 1) if opens and region.start else replace(region, start=region.end - n + 1)
    if in_bars and region.kind == "bars" and region.start and n >= 1:
        return replace(region, end=region.start + n - 1)
    raise RequestError(f"'{lasting.group().strip()}' of silence: say before which section, or in which bars or seconds")


def remove(f: Frame) -> list[EditOperation]:
    """Parts that go."""
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


def _puts_in(f: Frame, *, chinese: bool = False) -> bool:
    """True when a verb of adding has a part as its object, however loud that shall be ("… in the background")."""
    verbs = [i for i in f.clause.of("cue") if i.value == "add" and PUTS_IN.match(i.text)]
    levels = [i for i in f.clause.of("cue") if i.value in ("up", "down")]
    parts = [i for i in f.things if i.value not in ("all", "it")]
    if not verbs or not parts or parts[0].span[0] < verbs[0].span[0] or not (chinese or parts[0].text.isascii()):
        return False
    return all(_WHERE_IN_MIX.fullmatch(i.text) for i in levels)


_LASTING = re.compile(
    rf"(?:\bfor\s+)?(?<![a-z0-9])({NUMBER}|an?|half an?|half|single|{ZH_NUMBER}|半)[ -]?(?:个)?"
    r"(beats?\b|bars?\b|measures?\b|拍|小节)"
)
_A_REST = re.compile(
    r"\b(?:general |grand |dramatic |short |brief |big |a |little )+(?:pause|rest|stop|gap|silence|break)\b|"
    r"休止|停顿|停一下|空一下"
)
_LETS = re.compile(
    r"^\W*(?:please |can you |could you )?(?:let|have|make|the|[a-z]+ (?:should|must|start|begin))\b|^\W*(?:让|把)"
)


_COMES_IN = re.compile(
    r"\b(?:bring|have|let|get|make|should|must|the)\b.*\b(?:in|enters?|comes? in|joins?(?: in)?)(?: only| again)?\W*$|"
    r"\b(?:bring|come) in\b|进来?|加入|入"
)


_AGAIN_IN = re.compile(r"\b(?:back|again|return\w*)\b|回|再")


def enters_late(f: Frame) -> list[EditOperation]:
    """ "let the drums start in bar 9", 让鼓从第9小节开始: silent before."""
    start = f.region.start or 1
    late = f.region.kind == "bars" and f.region.end in (None, start) and start > 1
    brought = late and f.own and _COMES_IN.search(f.unplaced) and not f.cues - {"add", "bit", "swap", "up"}
    if brought and not f.clause.of("intent", "effect", "amount") and all(f.context.has(n) for n in f.own):
        why = "it is there already, so it is silent until then"
        return [f.operation("mute_region", f.own, region=Region("bars", 1.0, float(start) - 1), reason=why)]
    there = bool(f.context.known) and bool(f.own) and all(f.context.has(n) for n in f.own)
    enters = there and f.region.kind == "section" and not f.cues - {"add", "bit", "swap", "up"} and _COMES_IN.search(f.unplaced)
    if enters and not f.clause.of("intent", "effect", "amount") and not _AGAIN_IN.search(f.text):
        why = "it is there already, so it is silent until then"
        return [f.operation("mute_region", f.own, region=replace(f.region, kind="before"), reason=why)]
    late = late and f.region.end is None
    starts = re.search(r"\b(?:start|begin)s?(?: playing)?(?: only| in| at| from)*\s*(?:bar|measure)|才?(?:开始|进)", f.text)
    if not late or not starts or not f.own or f.cues - {"add", "swap", "only", "bit"} or f.clause.of("intent", "effect"):
        return []
    if not there and not _LETS.search(f.text):
        return []
    return [f.operation("remove", f.own, region=Region("bars", 1.0, float(f.region.start or 1) - 1))]


_HIS_ROLE = re.compile(
    r"\s*(?:加|来|演奏|拉|吹|弹|唱|写)(?:一)?(?:个|条|段)?(?:新的)?|"
    r"\s*(?:的|part|line)?\s*(?:(?:on|by|from|for|played by|played on|with) (?:the |an? )?)?"
)
_FILL = re.compile(
    r"\b(?:an?|another|some|the|drum|snare|tom)\s+(?:drum |snare |tom |little |big |short )*(?:fills?|rolls?)\b|过门|滚奏"
)


def add(f: Frame) -> list[EditOperation]:
    """Parts that come in."""
    if "add" not in f.cues and not (f.cues & {"becomes", "vary"} and not f.cues & {"up", "down"}):
        return []
    if (f.cues & {"up", "down"} and not _puts_in(f)) or f.amount("dB"):
        return []
    if "add" not in f.cues and (f.strange or ("swap" in f.cues and "vary" not in f.cues)):
        return []
    if _FILL.search(f.text) and set(f.own) <= {"drums", "percussion"}:
        just = f.region.kind == "before" and not (f.region.start or f.region.end)
        place = replace(f.region, start=1.0) if just else f.region
        why = "a fill: more strokes in that place"
        return [f.operation("dynamics", ("drums",), region=place, value="busier", reason=why)]
    low = f.clause.span[0]
    named = [i for i in f.things if i.value not in ("all", "it", "groove", "form", "instruments")]
    alone = [i for i in named if not _BESIDE.search(f.text[: i.span[0] - low])]
    names = [i.value for i in alone or named]
    if len(alone) == 2 and sum(i.role for i in alone) == 1:  # "a string pad", 弦乐铺底: one part
        player, role = sorted(alone, key=lambda i: i.role)
        between = f.context.text[min(player.span[1], role.span[1]) : max(player.span[0], role.span[0])]
        beside = _HIS_ROLE.fullmatch(between)
        if beside and role.value in ("melody", "chords", "pad", "bass", "counter"):
            return [f.operation("add", (role.value,), instrument=player.value)]
    if len(names) == 1 and not (alone or named)[0].role and f.region.kind != "all" and re.search(r"\bsolo\b|独奏", f.unplaced):
        back = "the others step back for the solo"
        return [
            f.operation("add", ("melody",), instrument=names[0]),
            f.operation("gain", amount=-float(edit_lexicon()["amounts"]["gain_db"]["plain"]), unit="dB",
                        spare=(names[0],), reason=back),
        ]  # fmt: skip
    return [
        f.operation("add", (), instrument=_ROLE_INSTRUMENTS.get(n, n))
        if n not in ("melody", "chords", "counter")
        else f.operation("add", (n,))
        for n in dict.fromkeys(names)
    ]


def decibels(f: Frame) -> list[EditOperation]:
    """Decibels say it all, whatever else the verb could mean ("knock 3 dB off the drums")."""
    return gain(f) if f.amount("dB") and not f.clause.of("effect") else []


def room_for(f: Frame) -> list[EditOperation]:
    """ "make room for the vocals", 给人声让点位置: the others step back."""
    if not f.own or not _ROOM_FOR.search(f.text) or f.amount("dB"):
        return []
    size = float(edit_lexicon()["amounts"]["gain_db"][f.degree()])
    return [f.operation("gain", amount=-size, unit="dB", spare=f.own, reason="the others step back")]


_ROOM_FOR = re.compile(
    r"\b(?:make|leave|clear|give|need)s? (?:some |more |a bit of )?(?:room|space|way) (?:for|to)\b|\bout of the way of\b|"
    r"给.{1,8}(?:让|留|腾)(?:出)?(?:点|些|一点)?(?:位置|空间|地方)|让位"
)


def gain(f: Frame) -> list[EditOperation]:
    """Louder and softer."""
    decibels = f.amount("dB")
    scaled = f.amount("factor") is not None and bool(_VOLUME.search(f.text))
    if (not f.cues & {"up", "down"} and decibels is None and not scaled) or (decibels is None and _puts_in(f)):
        return []
    vague = [i for i in f.clause.of("cue") if i.value in ("up", "down") and re.match(r"(?:less|more)\b", i.text)]
    if vague and decibels is None and not f.own and f.strange:
        return []  # "less digital": an adjective that is not known
    covering = next((i for i in f.clause.of("cue") if _COVERS.fullmatch(i.text)), None)
    if covering and decibels is None and (loud := [i.value for i in f.things if i.span[0] < covering.span[0]]):
        return [f.operation("gain", (loud[0],), amount=-float(edit_lexicon()["amounts"]["gain_db"][f.degree()]), unit="dB")]
    table = edit_lexicon()["amounts"]["gain_db"]
    lowers = bool(f.cues & {"down", "remove"} or (decibels is not None and "out" in f.cues)) or (
        decibels is not None and bool(re.search("[降减低]|lower", f.text))
    )
    refused = "negated" in f.cues and "up" in f.cues and not re.search(r"enough|hear", f.text)  # "not so loud"
    sign = -1.0 if lowers or refused else 1.0
    size = float(decibels.value.value) if decibels else float(table[f.degree()])
    plain = _BARE_FIGURE.search(f.unplaced)
    if decibels is None and plain and f.own and not f.clause.of("amount"):
        size = float(plain.group(1))  # "strings up 2": a mixing desk counts in decibels
    check_gain(sign * size)
    if decibels is None and (share := f.amount("percent")) and 0 < share.value.value < 100:
        size = abs(20.0 * math.log10(1.0 + math.copysign(share.value.value / 100.0, sign)))
        return [f.operation("gain", _without_measure(f), amount=round(sign * size, 1), unit="dB")]
    if decibels is None and (factor := f.amount("factor")):  # "twice as loud": 6 dB a doubling of the amplitude
        size = 20.0 * math.log10(factor.value.value)
        return [f.operation("gain", _without_measure(f), amount=round(-abs(size) if sign < 0 else size, 1), unit="dB")]
    return [f.operation("gain", _without_measure(f), amount=sign * size, unit="dB")]


def _without_measure(f: Frame) -> tuple[str, ...]:
    """What gets louder or softer, without what it is only compared with ("tuck the piano in under the voice")."""
    low = f.clause.span[0]
    compared = {i.value for i in f.things if _COMPARED.search(f.text[: i.span[0] - low])}
    named = tuple(n for n in f.carried if n not in compared) or f.carried
    return tuple(n for n in named if n != "instruments") or ("all",)


_BARE_FIGURE = re.compile(r"\b(?:up|down|louder|quieter|softer)(?: by)? (\d+(?:\.\d+)?)(?=\W*$)")
_COMPARED = re.compile(r"\b(?:under(?:neath)?|beneath|behind|below|against|than) (?:the |my |our )?$")
_VOLUME = re.compile(r"\b(?:volume|level|loudness|gain)\b|音量|响度|声音")


_NO_ADDING = re.compile(
    r"\b(?:cop(?:y|ies)|mov(?:e|es)|pan|reverse|paste|sidechain|order|tune|send|save|export|share|print)\b|复制|移动|导出|发给"
)


_UNDER = re.compile(
    r"\b(?:over|under(?:neath)?|beneath|behind|throughout|across)\s*(?:the\s*)?$|"
    r"^(?:over|under|beneath|behind|across)\b"
)


def only_described(f: Frame) -> bool:
    """ "soft pad over the last four bars": no verb, a part with its adjective and where it lies: it comes in."""
    wishes, places, parts = f.clause.of("intent"), f.clause.of("region"), [i for i in f.things if i.value not in ("all", "it")]
    if len(wishes) != 1 or len(places) != 1 or len(parts) != 1 or f.cues or not wishes[0].text.isascii():
        return False
    low = f.clause.span[0]
    opens = re.fullmatch(r"\W*(?:(?:an?|some|maybe)\s+)*", f.text[: wishes[0].span[0] - low]) is not None
    joined = not f.context.text[wishes[0].span[1] : parts[0].span[0]].strip() and parts[0].span[0] > wishes[0].span[0]
    lies = _UNDER.search(places[0].text) or _UNDER.search(f.text[: places[0].span[0] - low])
    return opens and joined and lies is not None and parts[0].span[0] < places[0].span[0]


def bare(f: Frame) -> list[EditOperation]:
    """Only a name: with a place, or with an article, it is to be added."""
    if only_described(f):
        return [f.operation("add", (), instrument=_ROLE_INSTRUMENTS.get(i.value, i.value)) for i in f.things
                if i.value not in ("all", "it", "melody", "chords", "counter")]  # fmt: skip
    names = [i for i in f.things if not i.role]
    if f.cues - {"bit", "much"} or not names or _NO_ADDING.search(f.text) or f.clause.of("intent", "effect", "amount"):
        return []
    article = re.match(r"\W*(?:an? |some |more |maybe )", f.text)
    if f.region.kind == "all" and not article:
        return []
    return [f.operation("add", (), instrument=i.value) for i in names]
