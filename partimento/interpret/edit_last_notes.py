"""Clauses about the last notes: "make the last note longer", "hold the final chord for two bars", 最后一个和弦拉长一倍."""

from __future__ import annotations

import re

from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_places import NUMBER, ZH_NUMBER
from partimento.interpret.quantities import parse_number
from partimento.plan.edit import EditOperation

HELD = "held"
"""The way of playing that this is."""
_LONGER = re.compile(
    r"\b(?:hold|holds|held|sustain\w*|extend\w*|lengthen\w*|stretch\w*|long|longer|linger\w*|ring\w*|hang\w*|prolong\w*|"
    r"as long|keep going)\b|长|久|保持|停留|留住"
)
_SHORTER = re.compile(r"\b(?:short|shorter|shorten\w*|clip\w*|brief\w*)\b|短")
_BEATS = re.compile(rf"(?<![a-z0-9])({NUMBER}|an?|{ZH_NUMBER})(?: more| extra)?\s*(?:beats?\b|拍)")
_FACTORS = {"bit": 1.5, "much": 3.0}


def last_notes(f: Frame) -> list[EditOperation]:
    """The last notes of what is named, or of everything, last longer or shorter."""
    if not f.cues & {"held_end", "last_notes"} or f.clause.of("chord_goes", "chord_comes", "chords"):
        return []
    shorter = bool(_SHORTER.search(f.text)) and "held_end" not in f.cues
    if not shorter and "held_end" not in f.cues and not _LONGER.search(f.text):
        return []
    beats = _BEATS.search(f.unplaced)
    low = f.clause.span[0]
    struck = {i.value for i in f.things if beats and low + beats.start() <= i.span[0] < low + beats.end()}
    targets = tuple(n for n in f.own if n not in struck and n != "chords") or ("all",)
    amount, unit = _length(f, beats, shorter=shorter)
    why = f"the last notes sound {'shorter' if shorter else 'longer'}; the tempo stays"
    return [f.operation("dynamics", targets, amount=amount, unit=unit, value=HELD, reason=why)]


def _length(f: Frame, beats: re.Match[str] | None, *, shorter: bool) -> tuple[float | None, str]:
    """How long, as far as it is said."""
    if beats:
        return parse_number(beats.group(1)) or 1.0, "beats"
    measure = f.amount("bars") or f.amount("s")
    if measure is not None:
        return float(measure.value.value), str(measure.value.unit)
    factor, percent = f.amount("factor"), f.amount("percent")
    if percent is not None:
        share = float(percent.value.value) / 100.0
        return round(1.0 - share if shorter else 1.0 + share, 4), "factor"
    if factor is not None:
        value = float(factor.value.value)
        return (1.0 / value if shorter and value > 1 else value), "factor"
    if shorter:
        return 0.5, "factor"
    size = _FACTORS.get(f.degree())
    return size, "factor" if size else ""
