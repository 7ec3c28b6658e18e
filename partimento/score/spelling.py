"""Note names: reading them, and choosing the right one of two enharmonic spellings."""

from __future__ import annotations

import re

from partimento.score.timing import Key

LETTERS = "CDEFGAB"
LETTER_PITCH = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NOTE_NAME = re.compile(r"([A-Ga-g])(##?|bb?|𝄪|𝄫|♮)?")
_ACCIDENTAL = {"": 0, "♮": 0, "#": 1, "##": 2, "𝄪": 2, "b": -1, "bb": -2, "𝄫": -2}
_MAJOR = (0, 2, 4, 5, 7, 9, 11)

_SAME_CHARACTERS = str.maketrans(
    {
        **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},  # full-width forms
        **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉", "0123456789+-0123456789", strict=True)),
        "\u3000": " ", "\u00a0": " ", "\t": " ", "♭": "b", "♯": "#", "△": "Δ", "∆": "Δ", "º": "°", "Ø": "ø", "𝆩": "ø",
        "、": ",", "。": ".", "；": ";", "｜": "|", "丨": "|", "│": "|", "┃": "|", "︱": "|", "¦": "|", "—": "-", "–": "-",
        "−": "-", "‐": "-", "‑": "-", "－": "-", "→": ">", "〉": ">", "×": "x", "（": "(", "）": ")", "【": "[", "】": "]",
        "‖": "|", "：": ":", "∥": "|",
    }
)  # fmt: skip


def plain(text: str) -> str:
    """Full-width, typographic and musical characters replaced one for one, so that offsets stay the same."""
    return text.translate(_SAME_CHARACTERS)


def pitch_class(name: str) -> int:
    """Pitch class of a note name such as ``F#``, ``Bb`` or ``E``.

    Raises:
        KeyError: when it is none.
    """
    return (LETTER_PITCH[name[:1].upper()] + _ACCIDENTAL[name[1:]]) % 12


def alter(letter: str, pitch: int) -> int:
    """Semitones (-6 to 5) by which a pitch class lies above a letter's natural note."""
    return (pitch - LETTER_PITCH[letter] + 6) % 12 - 6


def name_on_letter(letter: str, pitch: int, limit: int = 1) -> str | None:
    """Name of a pitch class on a given letter, or None when it needs more than ``limit`` accidentals."""
    accidentals = alter(letter, pitch)
    if abs(accidentals) > limit:
        return None
    return letter + ("#" * accidentals if accidentals > 0 else "b" * -accidentals)


def spell_above(root_name: str, semitones: int) -> str:
    """Name of the note ``semitones`` above a named root, on the letter that a chord degree has (a third is two letters up)."""
    steps = (0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6)[semitones % 12]
    letter = LETTERS[(LETTERS.index(root_name[0].upper()) + steps) % 7]
    target = (pitch_class(root_name) + semitones) % 12
    return name_on_letter(letter, target) or ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")[target]


def tonic_name(key: Key) -> str:
    """Name of the tonic, e.g. ``Bb`` for B flat major."""
    return key.spell(key.tonic)


def spell_root(pitch: int, key: Key | None, *, leading: bool = False) -> str:
    """Name of a chord root.

    Args:
        pitch: pitch class.
        key: the key, or None for the names most often met.
        leading: the chord leads upward by a semitone (diminished): C# dim rather than Db dim in C major.

    Returns:
        In a key, scale notes as the key has them and chromatic roots as bII, bIII, #IV, bVI, bVII of the major scale.
    """
    pitch %= 12
    if key is None:
        return (
            ("C", "C#" if leading else "Db", "D", "D#" if leading else "Eb", "E", "F", "F#", "G", "G#" if leading else "Ab")[
                pitch
            ]
            if pitch < 9
            else ("A", "Bb", "B")[pitch - 9]
        )
    tonic = tonic_name(key)
    offset = (pitch - key.tonic) % 12
    if pitch in key.scale:
        degree = key.scale.index(pitch)
    elif leading and offset in (1, 3, 6, 8):
        degree = {1: 0, 3: 1, 6: 3, 8: 4}[offset]
    else:
        degree = {1: 1, 3: 2, 6: 3, 8: 5, 10: 6}.get(offset, -1)
        degree = _MAJOR.index(offset) if degree < 0 else degree
    letter = LETTERS[(LETTERS.index(tonic[0]) + degree) % 7]
    return name_on_letter(letter, pitch) or key.spell(pitch)


def spell_pitch(pitch: int, key: Key) -> tuple[str, int, int]:
    """Letter, accidental (-1, 0, 1, seldom ±2) and octave of a MIDI pitch in a key (middle C, 60, is ("C", 0, 4))."""
    tonic = tonic_name(key)
    offset = (pitch - key.tonic) % 12
    if pitch % 12 in key.scale:
        degree = key.scale.index(pitch % 12)
    elif key.is_minor:  # raised sixth and seventh, then as the major scale on the tonic
        degree = {1: 1, 4: 2, 6: 3, 9: 5, 11: 6, 8: 5, 10: 6, 2: 1, 3: 2, 7: 4, 5: 3}[offset]
    else:
        degree = {1: 0, 3: 2, 6: 3, 8: 4, 10: 6, 4: 2, 9: 5, 11: 6, 2: 1, 7: 4, 5: 3}[offset]
    letter = LETTERS[(LETTERS.index(tonic[0]) + degree) % 7]
    accidental = alter(letter, pitch % 12)
    if abs(accidental) > 1:
        name = key.spell(pitch)
        letter, accidental = name[0], alter(name[0], pitch % 12)
    return letter, accidental, (pitch - accidental) // 12 - 1
