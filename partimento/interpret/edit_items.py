"""An instruction as a row of typed items: what is done, to what, where, by how much."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from partimento.interpret.data import comma_list, load_yaml
from partimento.interpret.edit_amounts import amounts
from partimento.interpret.edit_chord_changes import CHORD, chord_changes
from partimento.interpret.edit_places import regions
from partimento.interpret.mentions import find_mentions
from partimento.interpret.quantities import chord_texts, keys, metres
from partimento.interpret.tokens import normalise, tokenise
from partimento.interpret.vocabulary import IGNORE, INSTRUMENT, STYLE, vocabulary

Span = tuple[int, int]
_CHORD_ROW = re.compile(rf"(?<![A-Za-z0-9#])({CHORD}(?:(?:\s*[,|、–—-]\s*|\s+){CHORD})+)(?![A-Za-z0-9#'])")
_LONE_CHORD = re.compile(
    rf"(?i:\bchords?\b|和弦)[^.;,。；，]{{0,30}}?(?:(?i:\b(?:to|into|an?|be|with))\s+|[成为用到]\s*)({CHORD})"
    rf"(?![A-Za-z0-9#'])(?!\s*(?i:major|minor|{CHORD}))"
)
"""One chord for all chords of a place: "change the chord in bar 8 to E7"."""
_LONE_KEY = re.compile(
    r"(?<![A-Za-z0-9#])([A-G])(#|b|♯|♭| sharp| flat)?(?:\s*(m|minor|major|min|maj))?"
    r"(?=\s*(?:$|[,.;!?，。]|key\b|调|in\b|for\b|and\b))"
)

_INTO = re.compile(
    r"\b(?:turn|change|convert|transform|rework|restyle|rearrange|remake)\s+(?:it|this|that|everything|"
    r"(?:the|my) (?:\w+ )?(?:song|piece|track|music|tune|thing))\s+(?:in)?to\s+(?:an? )?$|"
    r"(?:改编?|变|做|编)(?:编)?成(?:了)?(?:一首|一段|一个)?$"
)
"""What a style follows, whatever else its word may mean: "turn it into epic" is a style, "make it epic" a sound."""


@dataclass(frozen=True)
class Item:
    """Something understood.

    Attributes:
        kind: ``cue`` (value: its name), ``thing`` (instrument id, role, ``all``, ``it``), ``region``, ``amount``,
            ``style``, ``metre``, ``key``, ``chords``, ``chord_goes``, ``chord_comes``, ``intent`` or ``effect``.
        value: what it stands for.
        span: where.
        text: the normalised words.
        role: for things: True when it is a role or general word and not an instrument.
    """

    kind: str
    value: Any
    span: Span
    text: str
    role: bool = False


@cache
def edit_lexicon() -> dict[str, Any]:
    """Content of ``edits.yaml``."""
    data: dict[str, Any] = load_yaml("edits.yaml")
    return data


@cache
def _phrases() -> list[tuple[str, str, re.Pattern[str]]]:
    """(kind, value, pattern) of every group of the lexicon."""
    out = []
    for group, kind in (("intents", "intent"), ("effects", "effect")):
        for value, row in more_words()[group].items():
            spoken = "|".join(re.sub(r"[ -]+", "[ -]+", normalise(w)) for w in comma_list(row.get("en")))
            written = "|".join(re.escape(normalise(w)) for w in comma_list(row.get("zh")))
            if spoken:
                out.append((kind, value, re.compile(rf"(?<![a-z0-9'])(?:{_longest(spoken)})(?![a-z0-9])")))
            if written:
                out.append((kind, value, re.compile(_longest(written))))
    for group, kind in (("cues", "cue"), ("things", "thing"), ("intents", "intent"), ("effects", "effect")):
        for value, row in edit_lexicon()[group].items():
            parts = [rf"(?<![a-z0-9'])(?:{p})(?![a-z0-9])" for p in row["en"]] + [f"(?:{p})" for p in row["zh"]]
            out += [
                (kind, value, re.compile(p)) for p in ("|".join(parts[: len(row["en"])]), "|".join(parts[len(row["en"]) :])) if p
            ]
    return out


def _longest(options: str) -> str:
    """Alternatives, the longest first: the first that fits is taken."""
    return "|".join(sorted(options.split("|"), key=len, reverse=True))


@cache
def more_words() -> dict[str, Any]:
    """Content of ``edit_words.yaml``: plain phrases by intent and effect."""
    data: dict[str, Any] = load_yaml("edit_words.yaml")
    return data


@cache
def fault_words() -> frozenset[str]:
    """Words of vague wishes that name what is wrong, not what is wanted."""
    rows = (edit_lexicon()["faults"], more_words()["faults"])
    return frozenset(normalise(w) for row in rows for language in ("en", "zh") for w in comma_list(row[language]))


@cache
def _talk() -> frozenset[str]:
    """Words without a wish."""
    names = set(vocabulary().names(IGNORE))
    for language in ("en", "zh"):
        names |= {normalise(w) for w in comma_list(edit_lexicon()["talk"][language])}
    return frozenset(names)


def find_items(text: str, original: str) -> list[Item]:
    """Items of a normalised text, in order and not overlapping: numbers and places first, then the longest words.

    Args:
        text: normalised.
        original: the user's own, of the same length (chords are told from words by their capitals).

    Raises:
        RequestError: a place that cannot be.
    """
    mentions = find_mentions(vocabulary().match(tokenise(text)), text)
    first: list[Item] = []
    for goes, gone, comes, came in chord_changes(original):
        first += [Item("chord_goes", goes, gone, text[slice(*gone)]), Item("chord_comes", comes, came, text[slice(*came)])]
    rows = [
        Item("chords", " ".join(re.findall(CHORD, m.group(1))), m.span(1), text[slice(*m.span(1))])
        for m in _CHORD_ROW.finditer(original)
    ]
    rows += [Item("chords", re.sub(r"\s*\|\s*", " ", str(q.value)), q.span, text[slice(*q.span)]) for q in chord_texts(original)]
    rows += [
        Item("chords", m.group(1), m.span(1), text[slice(*m.span(1))])
        for m in _LONE_CHORD.finditer(original)
        if not re.search(r"\bkeys?\b|调", text)
    ]
    rows = [r for r in rows if not any(i.span[0] < r.span[1] and r.span[0] < i.span[1] for i in first)]
    first += sorted(rows, key=lambda i: i.span[0] - i.span[1])  # the longer reading of the same chords
    first += [
        Item("metre", str(q.value), q.span, text[slice(*q.span)])
        for q in metres(text)
        if not re.search(r"(?:速度|快|慢|原来|原速|tempo|speed).{0,10}$", text[: q.span[0]]) or "分之" not in text[slice(*q.span)]
    ]
    first += [
        Item("metre", m.group(), m.span(), m.group())
        for m in re.finditer(r"(?<![\d/.])(\d{1,2})/(2|4|8|16)(?![\d/])", text)
        if 1 <= int(m.group(1)) <= 32
    ]
    first += [Item("key", q.value, q.span, text[slice(*q.span)]) for q in keys(text, original)]
    first += [Item("region", r, s, text[slice(*s)]) for r, s in regions(text, mentions)]
    measured = [Item("amount", a, a.span, text[slice(*a.span)]) for a in amounts(text)]
    first += [i for i in measured if i.value.unit != "factor"]
    words = [i for i in measured if i.value.unit == "factor"]  # "double bass" is longer than "double"
    words += [Item("thing", m.id, (m.start, m.end), m.text) for m in mentions if not m.facts.get("ensemble")]
    for hit in vocabulary().match(tokenise(text)):
        sense = hit.sense(STYLE)
        if sense and not hit.sense(INSTRUMENT):
            words.append(Item("style", sense.value, (hit.start, hit.end), hit.text))
    for kind, value, pattern in _phrases():
        for m in pattern.finditer(text):
            if m.end() > m.start():
                words.append(Item(kind, value, m.span(), m.group(), role=kind == "thing"))
    words = [_without_more(w, words) for w in words]
    words.sort(key=lambda i: (i.span[0] - i.span[1], i.span[0], _RANK.get(i.kind, 5)))
    chosen: list[Item] = []
    taken = bytearray(len(text))
    _choose([w for w in words if w.kind == "style" and _INTO.search(text[: w.span[0]])], chosen, taken)
    _choose(first, chosen, taken)
    _choose(words, chosen, taken)
    return sorted(chosen, key=lambda i: i.span)


def _without_more(item: Item, words: list[Item]) -> Item:
    """ "a bit more swing" is a bit of "more swing", where that is a wish of its own."""
    end = item.span[1] - len("more")
    how_much = item.kind == "cue" and item.value in ("bit", "much") and item.text.endswith(" more")
    if not how_much or not any(w.kind == "intent" and w.span[0] == end and w.span[1] > item.span[1] for w in words):
        return item
    return replace(item, span=(item.span[0], end - 1), text=item.text[: -len(" more")])


_RANK = {"thing": 0, "effect": 1, "intent": 2, "cue": 3, "style": 4}


def _choose(items: list[Item], chosen: list[Item], taken: bytearray) -> None:
    """Add the items that overlap nothing chosen before."""
    for item in items:
        a, b = item.span
        if b > a and not any(taken[a:b]):
            taken[a:b] = b"\x01" * (b - a)
            chosen.append(item)


def lone_key(original: str, start: int, end: int) -> re.Match[str] | None:
    """A key that is only a letter ("up to D", "in F#m"), where the context asks for one."""
    return _LONE_KEY.search(original, start, end)


def coverage(text: str, items: list[Item]) -> bytearray:
    """1 for each character of a text that belongs to an item."""
    covered = bytearray(len(text))
    for item in items:
        covered[item.span[0] : item.span[1]] = b"\x01" * (item.span[1] - item.span[0])
    return covered


def unknown_words(text: str, items: list[Item]) -> list[tuple[str, Span]]:
    """Words that no item covers and that carry a wish."""
    covered = coverage(text, items)
    rest = "".join(" " if covered[i] else c for i, c in enumerate(text))
    talk = _talk()
    out = [
        (m.group(), m.span())
        for m in re.finditer(r"[a-z]+(?:'[a-z]+)?|\d+", rest)
        if len(m.group()) > 1 and not talk & {m.group(), m.group().removesuffix("'s")}
    ]
    for m in re.finditer(r"[\u3400-\u9fff]+", rest):
        left = m.group()
        for word in sorted((w for w in talk if w in left and not w.isascii()), key=len, reverse=True):
            left = left.replace(word, "")
        if left:
            out.append((left, m.span()))
    return sorted(out, key=lambda w: w[1])
