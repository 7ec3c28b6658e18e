"""The course of loudness that start and end words tell: "loud at the start, quiet at the end", 先安静，后激烈."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any

from partimento.interpret.data import load_yaml
from partimento.interpret.reading import Said
from partimento.interpret.vocabulary import DYNAMICS, MOOD, Hit

_CLAUSE = re.compile(r"[,.;:，。；、]|\b(?:and|but)\b|(?=\b(?:then|before)\b)|(?=然后|接着|最后|后来)|(?<=.)(?=后(?![段半面期]))")
_START = re.compile(
    r"\b(?:(?:at|in|from|for) the (?:very )?(?:start|beginning|opening|intro|outset|first half)|starts?|starting|begins?|"
    r"beginning|opens?|opening|at first|first|initially|to begin with)\b|先|一?开始|开头|开场|起初|起先|前奏|前半"
)
_END = re.compile(
    r"\b(?:(?:at|in|by|for|towards?) the (?:very )?(?:end|ending|close|finish|finale|outro|second half)|ends?|ending|"
    r"finish(?:es)?|finally|then|later|afterwards?|gets?|becomes?|becoming|getting|turns?|grows?|growing|before)\b|后|然后|接着|最后|结尾|结束|变|越来越"
)
_SEQUENCE = re.compile(r"\s*(?:and )?(?:then|finally|later|afterwards?|before)\b|\s*(?:然后|接着|最后|后)")
_SHAPES = {"down": 0.3, "up": 0.85, "soft_start": 0.26, "loud_end": 0.9}
_LEAST_STEP = 0.15
_ENERGY_TO_LEVEL = 1.2
_QUIETEST, _LOUDEST = 0.26, 0.86


@cache
def _moods() -> dict[str, dict[str, Any]]:
    """Rows of the moods, read once: a description asks for many words."""
    rows: dict[str, dict[str, Any]] = load_yaml("moods.yaml")
    return rows


def level_of(hit: Hit) -> float | None:
    """The level, 0 to 1, that a word asks for; a mood counts by its energy, a weak one not at all."""
    dynamics = hit.sense(DYNAMICS)
    if dynamics:
        return float(dynamics.facts["level"]) if "level" in dynamics.facts else _SHAPES.get(dynamics.value)
    mood = hit.sense(MOOD)
    row = _moods().get(mood.value, {}) if mood else {}
    energy = float(row.get("energy", 0.0))
    return max(_QUIETEST, min(_LOUDEST, 0.5 + _ENERGY_TO_LEVEL * energy)) if abs(energy) >= _LEAST_STEP else None


def read_course(text: str, original: str, hits: list[Hit]) -> tuple[Said | None, list[Hit]]:
    """The level at the start and at the end, where the words tell both.

    Returns:
        ``course START END`` with the words, or None; and the hits that it used up.
    """
    borders = [0, *(m.end() for m in _CLAUSE.finditer(text)), len(text)]
    first: tuple[float, Hit] | None = None
    last: tuple[float, Hit] | None = None
    loose: tuple[float, Hit] | None = None
    for low, high in pairwise(borders):
        inside = [h for h in hits if low <= h.start < high and level_of(h) is not None]
        # The word for loudness counts before a mood.
        hit = next((h for h in inside if h.sense(DYNAMICS)), inside[0] if inside else None)
        level = level_of(hit) if hit else None
        if hit is None or level is None:
            continue
        clause = text[low:high]
        if _END.search(clause) and not (_START.search(clause) and not first):
            if first is None and loose and _SEQUENCE.match(clause):
                first = loose
            last = (level, hit) if first else last
        elif _START.search(clause):
            first = first or (level, hit)
        else:
            loose = (level, hit)
    if first is None or last is None or abs(first[0] - last[0]) < _LEAST_STEP:
        return None, []
    used = [first[1], last[1]]
    senses = [s for h in used if (s := h.sense(DYNAMICS))]
    if len(senses) == 2 and all("shape" in s.facts for s in senses):
        return None, []  # two shapes ("starts softly", "ends with a bang") speak for themselves
    quotes = tuple(original[h.start : h.end] for h in used)
    return Said(f"course {first[0]:g} {last[0]:g}", quotes), used
