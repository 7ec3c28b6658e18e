"""Fugues and canons: the voices and the form that the words "fugue" and "canon" mean.

The composer reads from the plan's sections that imitation is wanted: an ``exposition``, then episodes and entries, or a
``canon`` (:mod:`partimento.compose.fugue`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.interpret.reading import Reading
from partimento.plan.plan import BarRange, ChordLane, Origin, PartPlan, Value
from partimento.score.instruments import instruments
from partimento.score.score import Section
from partimento.score.timing import Metre

_FUGUE = re.compile(r"\b(?:fugues?|fugal|fughetta|fugato|imitative counterpoint|imitation between)\b|赋格|模仿对位")
_CANON = re.compile(r"\b(?:canons?|canonic|rounds? for)\b|卡农")
_VOICES = (("violin", "melody"), ("violin", "counter"), ("viola", "counter"), ("cello", "counter"))
_LEAST_BAR = 2.0
CANON_DELAY_BARS = 2
"""After so many bars the next voice of a canon follows."""


def imitation_asked(reading: Reading) -> str:
    """``fugue``, ``canon`` or ``""``."""
    text = reading.text.lower()
    return "fugue" if _FUGUE.search(text) else "canon" if _CANON.search(text) else ""


def subject_bars(metre: Metre) -> int:
    """Bars of a subject."""
    return 2 if metre.bar_quarters >= 3.0 else 4


def with_imitation(
    reading: Reading,
    parts: tuple[PartPlan, ...],
    sections: Value[tuple[Section, ...]],
    chords: ChordLane | None,
    metre: Metre,
    n_bars: int,
) -> tuple[tuple[PartPlan, ...], Value[tuple[Section, ...]], tuple[str, ...]]:
    """Voices and form of a fugue or canon, or a remark why none is composed.

    Args:
        reading: the words.
        parts, sections: of the plan so far.
        chords: given or said chords.
        metre: of the piece.
        n_bars: length.

    Returns:
        Parts, sections and remarks; the first two unchanged when no imitation is asked for or none is possible.
    """
    kind = imitation_asked(reading)
    if not kind:
        return parts, sections, ()
    voices = _voices(reading, parts)
    count, form = _form(kind, voices, metre, n_bars)
    why = ""
    if chords is not None or any(p.sketch is not None for p in parts):
        why = "over given chords or notes"
    elif metre.bar_quarters < _LEAST_BAR or form is None:
        why = "in a piece of this length and metre"
    elif reading.passages:
        why = "where the words order the entrances"
    if why or form is None:
        return parts, sections, (f"a {kind} is asked for; imitation is not composed {why}",)
    others = tuple(p for p in parts if p.role in ("drums", "percussion") and p.origin is not Origin.INFERRED)
    starts = [min(found) for found in _entries(kind, count, len(voices), metre)]
    placed = tuple(replace(v, active=(BarRange(start, n_bars),)) for v, start in zip(voices, starts, strict=True))
    words = tuple(m.group() for m in (*_FUGUE.finditer(reading.text.lower()), *_CANON.finditer(reading.text.lower())))
    return (*placed, *others), Value(form, Origin.SAID, words[:1]), ()


def _shared(voices: tuple[PartPlan, ...]) -> bool:
    """True when one keyboard plays all voices, two in each of its parts."""
    return len(voices) == 2 and voices[0].instrument == voices[1].instrument and instruments()[voices[0].instrument].poly


def _form(kind: str, voices: tuple[PartPlan, ...], metre: Metre, n_bars: int) -> tuple[int, tuple[Section, ...] | None]:
    """How many voices there is room for (one a part, up to four on one keyboard), and the form."""
    if kind == "canon":
        return len(voices), _canon_form(len(voices), n_bars)
    counts = (4, 3, 2) if _shared(voices) else (len(voices),)
    forms = [(count, _fugue_form(count, n_bars, subject_bars(metre))) for count in counts]
    return next(((count, form) for count, form in forms if form is not None), (counts[0], None))


def part_of_voice(voice: int, count: int, parts: int) -> int:
    """Which part plays a voice: its own, or the upper two and the lower ones of a keyboard."""
    return voice if parts == count else (0 if voice < 2 else 1)


def entry_order(count: int) -> tuple[int, ...]:
    """Which voice (0 is the highest) enters first, second …"""
    return {2: (0, 1), 3: (1, 0, 2)}.get(count, (1, 0, 2, 3))


def _entries(kind: str, count: int, parts: int, metre: Metre) -> list[list[int]]:
    """First bars of the voices of each part."""
    step = subject_bars(metre) if kind == "fugue" else CANON_DELAY_BARS
    order = entry_order(count) if kind == "fugue" else tuple(range(count))
    found: list[list[int]] = [[] for _ in range(parts)]
    for voice in range(count):
        found[part_of_voice(voice, count, parts)].append(step * order.index(voice))
    return found


def _voices(reading: Reading, parts: tuple[PartPlan, ...]) -> tuple[PartPlan, ...]:
    """Two to four voices from high to low: the said instruments, one keyboard, else strings."""
    said = [p for p in parts if p.origin is not Origin.INFERRED or p.words]
    said = [p for p in said if p.role not in ("drums", "percussion") and not instruments()[p.instrument].is_drum]
    kinds = list(dict.fromkeys(p.instrument for p in said))
    if len(kinds) == 1 and instruments()[kinds[0]].poly:
        first = replace(said[0], role="melody", solo=())
        second = replace(first, name=f"{first.name} accompaniment", role="counter")
        return first, second
    if len(said) >= 2:
        ranked = sorted(said[:4], key=lambda p: -sum(instruments()[p.instrument].best))
        return tuple(replace(p, role="melody" if i == 0 else "counter", solo=()) for i, p in enumerate(ranked))
    taken: dict[str, int] = {}
    voices = []
    for id_, role in _VOICES:
        taken[id_] = taken.get(id_, 0) + 1
        name = id_ if taken[id_] == 1 else f"{id_} {taken[id_]}"
        match = said[0] if said and said[0].instrument == id_ and taken[id_] == 1 else None
        origin = match.origin if match else Origin.INFERRED
        words = match.words if match else ()
        voices.append(PartPlan(name, id_, role, origin, (BarRange(0, 1),), words, "" if match else "a voice of the counterpoint"))
    if said and all(v.instrument != said[0].instrument for v in voices):
        voices[0] = replace(said[0], role="melody", solo=())
    return tuple(voices)


def _fugue_form(voices: int, n_bars: int, subject: int) -> tuple[Section, ...] | None:
    """Exposition, episodes and entries in turn, a final entry with its cadence."""
    rest = n_bars - voices * subject
    if rest < subject + 1:
        return None
    rows = [("exposition", voices * subject, 0.45)]
    closing = subject + 1 + (rest - subject - 1) % 2
    rest -= closing
    energy = 0.5
    while rest > 0:
        size = rest if rest <= subject + 2 else subject
        rows.append(("episode", size, energy))
        rest -= size
        if rest >= subject:
            rows.append(("entry", subject, energy + 0.05))
            rest -= subject
        energy = min(0.65, energy + 0.05)
    rows.append(("final entry", closing, 0.75))
    return _laid(rows)


def _canon_form(parts: int, n_bars: int) -> tuple[Section, ...] | None:
    """One section: the voices follow each other to the end."""
    if n_bars < CANON_DELAY_BARS * (parts + 1):
        return None
    return _laid([("canon", n_bars, 0.5)])


def _laid(rows: list[tuple[str, int, float]]) -> tuple[Section, ...]:
    sections, at = [], 0
    for i, (name, bars, energy) in enumerate(rows):
        sections.append(Section(name, "fghjklmnpqrstuvwxy"[i % 18] + ("" if i < 18 else str(i)), at, bars, energy))
        at += bars
    return tuple(sections)
