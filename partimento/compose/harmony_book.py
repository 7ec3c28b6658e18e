"""Progressions by style (``compose/data/harmony.yaml``): reading them, and Roman numerals to chords.

Numerals count from the major scale of the tonic whatever the mode; ``/3``, ``/5`` and ``/7`` put that member of the
chord in the bass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from partimento.score.chord import Chord
from partimento.score.chord_names import chord_symbol, make_chord, parse_chord
from partimento.score.timing import Key
from partimento.styles import Style

Bars = tuple[tuple[str, ...], ...]
"""Roman numerals of each bar."""

_INVERSION = re.compile(r"/([357])$")
_MODE_LISTS = ("loops", "openings", "closings", "bridges", "endings")
_RATES = ("sevenths", "ninths", "secondary", "mixture", "iiv", "suspend", "loop_share", "tritone", "picardy")


@dataclass(frozen=True)
class HarmonyBook:
    """What a style's harmony is made of in one mode.

    Attributes:
        loops, openings, closings, bridges, endings: progressions; the head of the YAML file says what each is for.
        rates: how readily each kind of enrichment comes in, 0 to 1.
        dominant_sevenths: sevenths are minor whatever the degree (blues, funk).
        dominant_only: sevenths are added to the dominant only (common practice, folk).
    """

    loops: tuple[Bars, ...]
    openings: tuple[Bars, ...]
    closings: tuple[Bars, ...]
    bridges: tuple[Bars, ...]
    endings: tuple[Bars, ...]
    rates: dict[str, float]
    dominant_sevenths: bool
    dominant_only: bool


@cache
def _table() -> dict[str, Any]:
    text = files("partimento.compose").joinpath("data/harmony.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return table


def parse_bars(text: str) -> Bars:
    """Read ``"I | IV V | %"``."""
    bars: list[tuple[str, ...]] = []
    for item in text.split("|"):
        tokens = tuple(item.split())
        bars.append(bars[-1] if tokens == ("%",) else tokens)
    return tuple(bars)


def book(style: Style, mode: str) -> HarmonyBook:
    """The harmony of a style in a mode: the style's own entry, then its families', then the default's.

    A style file may carry its own entry under ``music.harmony``, in the same form.
    """
    chain = [style.music.get("harmony") or {}]
    name: str | None = style.id
    family = str(style.music.get("family", "default"))
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        entry = _table().get(name, {})
        chain.append(entry)
        name = entry.get("family") or (family if name == style.id else None)
    chain.append(_table()["default"])
    lists: dict[str, tuple[Bars, ...]] = {}
    for kind in _MODE_LISTS:
        for entry in chain:
            rows = (entry.get(mode) or {}).get(kind)
            if rows:
                lists[kind] = tuple(parse_bars(row) for row in rows)
                break
    rates = {rate: next((float(e[rate]) for e in chain if rate in e), 0.0) for rate in _RATES}

    def _flag(name: str) -> bool:
        return next((bool(e[name]) for e in chain if name in e), False)

    return HarmonyBook(rates=rates, dominant_sevenths=_flag("dominant_sevenths"), dominant_only=_flag("dominant_only"), **lists)


@cache
def numeral(token: str, key: Key) -> Chord:
    """The chord of a Roman numeral in a key, spelled for the key."""
    match = _INVERSION.search(token)
    head = token[: match.start()] if match else token
    chord = parse_chord(head, Key(key.tonic, "major"))
    assert chord is not None, f"'{token}' is no chord"
    bass = chord.root
    if match:
        wanted = {"3": (4, 3, 5, 2), "5": (7, 6, 8), "7": (10, 11, 9)}[match[1]]
        interval = next((i for i in wanted if i in chord.intervals), 10 if match[1] == "7" else 7)
        bass = (chord.root + interval) % 12
    return respell(replace(chord, bass=bass), key)


def respell(chord: Chord, key: Key) -> Chord:
    """The chord with its symbol spelled for a key."""
    return replace(chord, symbol=chord_symbol(chord, key))


def extended(chord: Chord, key: Key, *, seventh: bool, ninth: bool, dominant: bool = False) -> Chord:
    """The chord with the seventh and ninth of the scale added, where they are wanted and it is a plain triad.

    Args:
        chord: any chord; only major, minor and diminished triads gain a seventh.
        key: whose scale decides between major and minor sevenths.
        seventh, ninth: what is wanted; a ninth needs its whole tone to lie in the scale.
        dominant: minor sevenths on major triads, whatever the scale.
    """
    intervals = list(chord.intervals)
    if seventh and chord.intervals in ((0, 4, 7), (0, 3, 7), (0, 3, 6)):
        leading = (chord.root + 11) % 12 in key.scale and (chord.root + 10) % 12 not in key.scale
        major = chord.intervals == (0, 4, 7) and leading and not dominant
        intervals.append(11 if major else 10)
    has_seventh = 10 in intervals or 11 in intervals
    in_scale = (chord.root + 2) % 12 in key.scale
    if (
        ninth
        and in_scale
        and 14 not in intervals
        and {4, 3} & set(intervals)
        and 7 in intervals
        and (has_seventh or 4 in intervals)
    ):
        intervals.append(14)
    if tuple(intervals) == chord.intervals:
        return chord
    return respell(make_chord(chord.root, tuple(sorted(intervals)), chord.bass), key)
