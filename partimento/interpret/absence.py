"""What an absence covers: "no guitars" rules out every guitar, "no percussion" the drum kit as well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from partimento.interpret.mentions import GENERIC
from partimento.plan.plan import Value
from partimento.score.instruments import instruments

_KIT_LIKE = frozenset(
    ("percussion", "conga", "bongo", "djembe", "taiko", "tabla", "cajon", "timbales", "beatboxing", "drum_machine", "drums")
)
DRUM_KIT = "drum_kit"
"""The absence of a kit or drum machine where hand percussion is asked for ("percussion but no drums")."""
_KITS = ("drums", "drum_machine")
_HAND_PLAYED = _KIT_LIKE - {*_KITS}
_NO_STRINGS = frozenset(("harp", "lyre"))
_KEYBOARDS = frozenset(("piano", "electric_piano", "organ", "church_organ", "harpsichord", "clavinet", "keyboard"))
_GUITARS = frozenset((*GENERIC["guitar"], "guitar"))
_FAMILIES = {
    "brass": "brass",
    "woodwinds": "winds",
    "percussion": "percussion",
    "voice": "voices",
    "bass": "bass",
    "strings": "strings",
    "synth": "synth",
}


KIT_PIECES = {
    "hi_hat": (42, 44, 46),
    "snare": (37, 38, 40),
    "kick": (35, 36),
    "cymbals": (49, 51, 52, 53, 55, 57, 59),
    "toms": (41, 43, 45, 47, 48, 50),
}
"""What can be left out of a kit that plays on → its keys (MIDI 1.0, General MIDI level 1, percussion key map)."""
_PIECE_NAMES = (
    ("hi_hat", re.compile(r"hi[ -]?hats?|high hats?|hihats?|(?:open|closed) hats?|^hats?$|踩镲|踩钹")),
    ("cymbals", re.compile(r"cymbals?|镲|钹")),
    ("kick", re.compile(r"^kicks?\b|kick drums?|bass drums?|底鼓|低音鼓")),
    ("snare", re.compile(r"^snares?(?: drums?)?$|军鼓|小鼓")),
    ("toms", re.compile(r"^toms?\b|tom toms?|floor tom|嗵鼓|桶鼓")),
)


def kit_piece(name: str) -> str | None:
    """The piece of a drum kit that a name means ("hi-hats" → ``hi_hat``), or None when it means more than a piece."""
    return next((piece for piece, pattern in _PIECE_NAMES if pattern.search(name)), None)


def keys_left_out(absent: Iterable[str]) -> frozenset[int]:
    """General MIDI drum keys that absences of pieces of the kit forbid."""
    return frozenset(key for name in absent for key in KIT_PIECES.get(name, ()))


_EXCEPTION = re.compile(r"[\s,]*\b(?:except|excepting|but|save|other than|apart from|besides|bar)\b", re.IGNORECASE)


def with_exceptions(absent: list[Value[str]], kept: list[str], text: str) -> list[Value[str]]:
    """Absences of families with an exception ("no brass except trumpet") as those of every other member.

    Args:
        absent: absences with the user's words.
        kept: instruments that the words ask for.
        text: the words.

    Returns:
        The absences, none of which excludes an exception.
    """
    out: list[Value[str]] = []
    for item in absent:
        at = text.find(item.words[0]) if item.words else -1
        excepted = at >= 0 and _EXCEPTION.match(text, at + len(item.words[0]))
        spared = [i for i in kept if i != item.value and excludes(item.value, i)] if excepted else []
        if item.value == "drums" and any(i in _HAND_PLAYED for i in kept):
            out.append(replace(item, value=DRUM_KIT))  # the percussion that was asked for plays on
            if not spared or "percussion" in spared:
                continue
        elif not spared:
            out.append(item)
            continue
        near = {*spared, *(i for s in spared for i in GENERIC.get(s, ()))}
        out += [
            replace(item, value=i)
            for i in instruments()
            if excludes(item.value, i) and i not in near and not any(excludes(i, s) for s in spared)
        ]
    return out


def excludes(absent: str, instrument_id: str, role: str = "") -> bool:
    """True when the absence ``absent`` (an instrument id or a role) forbids this instrument in this role.

    ``*`` ("nothing else") excludes nothing by itself: only the said instruments exist then.
    """
    if absent in (instrument_id, role) and absent != "*":
        return True
    row = instruments().get(instrument_id)
    if row is None:
        return False
    if absent == "drums":
        return row.family == "drums" or instrument_id in _KIT_LIKE or role == "drums"
    if absent == DRUM_KIT:
        return row.family == "drums" or instrument_id in _KITS or role == "drums"
    if absent == "percussion":
        return row.family in ("percussion", "drums") or role in ("drums", "percussion")
    if absent == "strings":
        return (row.family == "strings" and instrument_id not in _NO_STRINGS) or instrument_id == "synth_strings"
    if absent == "synth":
        return row.family == "synth" or instrument_id == "synth_bass"
    if absent == "keyboard":
        return instrument_id in _KEYBOARDS
    if absent == "orchestra":
        return instrument_id in ("strings", "pizzicato_strings", "tremolo_strings")
    if absent in _FAMILIES:
        return row.family == _FAMILIES[absent] and (absent != "woodwinds" or instrument_id not in ("harmonica", "whistling"))
    if absent == "guitar":
        return instrument_id in _GUITARS
    return instrument_id in GENERIC.get(absent, ())
