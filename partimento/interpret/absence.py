"""What an absence covers: "no guitars" rules out every guitar, "no percussion" the drum kit as well."""

from __future__ import annotations

from partimento.interpret.mentions import GENERIC
from partimento.score.instruments import instruments

_KIT_LIKE = frozenset(
    ("percussion", "conga", "bongo", "djembe", "taiko", "tabla", "cajon", "timbales", "beatboxing", "drum_machine", "drums")
)
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
