"""Clauses about sound and playing: effects by name, and wishes in vague words."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_items import Item, edit_lexicon
from partimento.interpret.edit_parts import PUTS_IN, only_described
from partimento.plan.edit import EditOperation

_LESS = re.compile(
    r"\b(?:less|cut|cuts|roll(?:ed)? off|tame|reduce|attenuate|scoop|filter out|"
    r"shave|half|halve|(?:dial|pull|ease|bring|turn|take)(?:ed)? (?:back|down)|lower)\b|"
    r"少|减半|收|减|降|切|削|弱|淡(?![出入])|衰减|滤掉|太[多重大强浓]"
)


def effects(f: Frame) -> list[EditOperation]:
    """Effects and bands of the spectrum by their names."""
    found = f.clause.of("effect")
    if f.clause.of("intent"):  # "tighten up the low end": the band is what the wish is about
        found = [i for i in found if i.value not in ("low_end", "highs", "mids")]
    less = bool(f.cues & {"negated", "remove", "down", "out"} or _LESS.search(f.text))
    out = []
    for item in found:
        table = edit_lexicon()["effects"][item.value]
        value = table["without"] if less else table.get("with", item.value)
        out.append(f.operation("effect", _treated(f, value), value=value))
    if not out and "no_effect" in f.cues:
        out.append(f.operation("effect", f.own or ("all",), value="drier"))
    return out


def _treated(f: Frame, value: str) -> tuple[str, ...]:
    """What an effect is for: "make the guitar an electric guitar and add some distortion" is about that guitar."""
    if f.own or any(i.value == "all" for i in f.things):
        return f.own or ("all",)
    last = f.context.last
    came = len(last) == 1 and last[0].op in ("replace", "add") and value in ("distortion", "chorus", "delay")
    treated = bool(last) and all(o.op == "effect" and o.targets != ("all",) for o in last)
    return f.context.last_things or ("all",) if came or (treated and f.clause.joined in ("and", "并", "并且", "和")) else ("all",)


def intents(f: Frame) -> list[EditOperation]:
    """Wishes in vague words, and their opposites."""
    table = edit_lexicon()["intents"]
    out: list[EditOperation] = []
    if f.own and f.context.last and f.context.last[-1].op == "gain" and [i.value for i in f.clause.of("intent")] == ["softer"]:
        size = float(edit_lexicon()["amounts"]["gain_db"][f.degree()])  # "drums louder, piano softer"
        return [f.operation("gain", f.own, amount=-size, unit="dB")]
    strength = edit_lexicon()["amounts"]["strength"]
    for item in _wishes(f):
        value = str(item.value)
        region = f.region
        if value == "drop" and region.kind == "bars" and region.start == region.end:
            region = replace(region, end=None)
        places = f.clause.of("region")
        if value == "build_up" and places and region.kind == "section" and re.match(r"to|into|towards", places[0].text):
            region = replace(region, kind="before")
        if any(o.value == value for o in out):
            continue
        if value == "build_up" and re.search(
            r"\b(?:after|before|following) (?:the|that|this|a) $", f.context.text[: item.span[0]]
        ):
            continue  # "after the build": a place, no wish
        degree = f.degree()
        amount = None if degree == "plain" else strength[degree]
        out.append(
            f.operation(
                table[value]["op"],
                _sounding(f.carried, value),
                value=value,
                region=region,
                amount=amount,
                unit="strength" if amount else "",
            )
        )
    return out


def _sounding(names: tuple[str, ...], value: str) -> tuple[str, ...]:
    """What sounds: a groove or a form is everybody's, and so is the harmony that jazz is about."""
    left = tuple(n for n in names if n not in ("groove", "form", "instruments"))
    return ("all",) if not left or (value in ("jazzier", "plainer") and left == ("chords",)) else left


def _wishes(f: Frame) -> list[Item]:
    """Intents of the clause without those that only describe: what comes in ("add a warm pad"), the next word (大片的气势)."""
    found = [] if only_described(f) else f.clause.of("intent")
    text = f.context.text
    described = {i.span[0] for i in f.things if not (i.role and i.value in ("all", "it"))}
    adds = any(i.value == "add" and PUTS_IN.match(i.text) for i in f.clause.of("cue"))
    out: list[Item] = []
    for item in found:
        after = re.match(r"\s*(?:的)?\s*", text[item.span[1] :])
        reaches = item.span[1] + (after.end() if after else 0)
        if adds and reaches in described:
            continue
        noun = next((i for i in found if i.span[0] == reaches), None)
        if noun is not None and text[item.span[1] : reaches] == " " and item.value == "bigger" and noun.value != "bigger":
            continue  # "a big church" is a church
        if out and re.fullmatch(r"\s*的?\s*", text[out[-1].span[1] : item.span[0]]) and not f.things:
            continue
        out.append(item)
    return out
