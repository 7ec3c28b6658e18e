"""Fields and lengths of ABC notation (standard 2.1, sections 3 and 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from partimento.errors import PartimentoError
from partimento.score.text import parse_metre
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Metre

_SHARP_ORDER = "FCGDAEB"
_LETTER_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_MODE_FIFTHS = {"maj": 0, "ion": 0, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "m": -3, "phr": -4, "loc": -5, "lyd": 1}
_MODE_NAMES = {
    "maj": "major", "ion": "major", "mix": "mixolydian", "dor": "dorian", "min": "minor", "aeo": "minor", "m": "minor",
    "phr": "phrygian", "loc": "locrian", "lyd": "lydian",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AbcKey:
    """A K: field: signature in fifths, mode, and the accidental of every altered letter."""

    fifths: int = 0
    mode: str | None = "major"
    accidentals: dict[str, int] = field(default_factory=dict)


def signature(fifths: int) -> dict[str, int]:
    """Accidental per letter of a key signature of ``fifths`` sharps (negative: flats)."""
    if fifths >= 0:
        return dict.fromkeys(_SHARP_ORDER[:fifths], 1)
    return dict.fromkeys(_SHARP_ORDER[::-1][:-fifths], -1)


def read_key(value: str, before: AbcKey) -> AbcKey:
    """Key of a K: field (``Am``, ``D mix``, ``Bb``, ``HP``, ``G exp ^f``, ``none``); clef words alone keep the key before."""
    words = value.split()
    if not words or "=" in words[0] or words[0] in ("treble", "bass", "alto", "tenor", "perc"):
        return before
    if words[0] in ("HP", "Hp"):  # Highland pipes: F and C sharp, in A mixolydian
        return AbcKey(2, "mixolydian", signature(2))
    if words[0].lower() == "none":
        return AbcKey(0, None)
    match = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)", value)
    if match is None:
        return before
    mode = match[3].lower()[:3]
    mode = "m" if mode == "m" else mode if mode in _MODE_FIFTHS else "maj"
    fifths = _LETTER_FIFTHS[match[1]] + (7 if match[2] == "#" else -7 if match[2] == "b" else 0) + _MODE_FIFTHS[mode]
    fifths = max(-7, min(7, fifths))
    explicit = dict(signature(fifths))
    if re.search(r"\bexp\b", value):
        explicit = {}
    for accidental, letter in re.findall(r"(?<=\s)(\^|_|=)([A-Ga-g])\b", value):
        explicit[letter.upper()] = {"^": 1, "_": -1, "=": 0}[accidental]
    return AbcKey(fifths, _MODE_NAMES[mode], explicit)


def read_metre(value: str) -> tuple[Metre | None, bool]:
    """Metre of an M: field and whether it is free; what cannot be read counts as 4/4."""
    if value.strip().lower() in ("none", ""):
        return None, True
    try:
        return parse_metre(value), False
    except PartimentoError:
        return Metre(), False


def default_unit(metre: Metre) -> Fraction:
    """Unit note length where there is no L: field (standard 2.1, section 3.1.7)."""
    return Fraction(1, 16) if metre.numerator / metre.denominator < 0.75 else Fraction(1, 8)


def read_tempo(value: str, unit: Fraction) -> float:
    """Quarter notes per minute of a Q: field (``1/4=120``, ``"Allegro" 3/8=60``, ``120``); 0 when it gives no number."""
    value = re.sub(r'"[^"]*"', "", value).strip()
    match = re.fullmatch(r"((?:\d{1,2}/\d{1,3}\s*)+)=\s*(\d{1,4}(?:\.\d+)?)", value)
    if match:
        beats = [b.split("/") for b in match[1].split()]
        if any(int(bottom) == 0 for _, bottom in beats):
            return 0.0
        bpm = float(match[2]) * float(sum(Fraction(int(top), int(bottom)) for top, bottom in beats)) * 4
    else:
        lone = re.fullmatch(r"(?:[Cc]\d?\s*=\s*)?(\d{1,4}(?:\.\d+)?)", value)
        if lone is None:
            return 0.0
        bpm = float(lone[1]) * float(unit) * 4
    return max(MIN_TEMPO_BPM, min(MAX_TEMPO_BPM, bpm)) if bpm > 0 else 0.0


def length_of(text: str) -> Fraction:
    """Multiple of the unit length: ``2``, ``3/2``, ``/`` (a half), ``//`` (a quarter), empty (one)."""
    match = re.fullmatch(r"(\d*)(/*)(\d*)", text)
    assert match is not None
    top = int(match[1]) if match[1] else 1
    if not match[2]:
        return Fraction(top)
    bottom = int(match[3]) * 2 ** (len(match[2]) - 1) if match[3] else 2 ** min(10, len(match[2]))
    return Fraction(top, bottom) if bottom else Fraction(top)


def tuplet(p: int, q: str | None, r: str | None, compound: bool) -> tuple[Fraction, int]:
    """Factor and number of notes of ``(p:q:r``: p notes in the time of q for the next r (standard 2.1, section 4.13)."""
    usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, 3 if compound else 2)
    time = int(q) if q else usual
    count = int(r) if r else p
    return (Fraction(time, p) if p and time else Fraction(1)), count
