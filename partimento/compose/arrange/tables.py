"""Tables of the arranger: which lanes a pattern may have, drum keys, and the patterns that all styles share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from partimento.compose.arrange.patterns import Pattern, read_pattern

DRUM_KEYS = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "low": 41,
    "floor": 43,
    "mid": 47,
    "high": 50,
    "crash": 49,
    "ride": 51,
    "china": 52,
    "bell": 53,
    "tamb": 54,
    "splash": 55,
    "cowbell": 56,
    "brush": 40,
    "shaker": 70,
}
"""Drum lane → General MIDI drum key (MIDI 1.0 General MIDI level 1, percussion key map)."""

_LINE = frozenset({"p"})
LANES: dict[str, frozenset[str]] = {
    "drums": frozenset(DRUM_KEYS),
    "fills": frozenset(DRUM_KEYS),
    "bass": _LINE,
    "chords": frozenset({"right", "left"}),
    "pad": _LINE,
    "arpeggio": _LINE,
    "counter": _LINE,
    "voices": _LINE,
    "percussion": _LINE,
    "left_hand": frozenset({"left"}),
    "second_hand": frozenset({"left", "right"}),
}
"""Kind of pattern → its lanes."""

LOUDNESS = {"X": 112, "x": 92, "o": 70, "g": 44}
"""Letters of drum and chord patterns → velocity before phrasing: accent, plain, light, ghost."""


@cache
def common_patterns() -> dict[str, tuple[Pattern, ...]]:
    """Patterns for parts that a style has nothing of its own for, and for words such as "strummed"."""
    text = files("partimento.compose.arrange").joinpath("data/common.yaml").read_text(encoding="utf-8")
    raw = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {kind: tuple(read_pattern(item, LANES[kind]) for item in items) for kind, items in raw.items() if kind in LANES}
