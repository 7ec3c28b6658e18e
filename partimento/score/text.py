"""Text to keys and metres: "A minor", "F#m", "降B大调", "d-Moll"; "7/8", "6/8 (3+3)", "2+2+3/8", "四分之三拍"."""

from __future__ import annotations

import difflib
import re

from partimento.errors import ParseError, PartimentoError
from partimento.score.spelling import pitch_class, plain
from partimento.score.timing import Key, Metre

_MODES = {
    "major": "major", "maj": "major", "dur": "major", "ionian": "major", "majeur": "major", "maggiore": "major", "mayor": "major",
    "minor": "minor", "min": "minor", "m": "minor", "moll": "minor", "aeolian": "minor", "eolian": "minor", "mineur": "minor",
    "minore": "minor", "menor": "minor", "natural minor": "minor", "harmonic minor": "minor", "melodic minor": "minor",
    "dorian": "dorian", "phrygian": "phrygian", "lydian": "lydian", "mixolydian": "mixolydian", "locrian": "locrian",
    "大调": "major", "大": "major", "调": "major", "小调": "minor", "小": "minor", "自然大调": "major", "自然小调": "minor",
    "和声小调": "minor", "旋律小调": "minor", "多利亚": "dorian", "多利安": "dorian", "弗里吉亚": "phrygian",
    "弗里几亚": "phrygian", "利底亚": "lydian", "吕底亚": "lydian", "混合利底亚": "mixolydian",
    "混合吕底亚": "mixolydian", "米索利底亚": "mixolydian",
    "洛克里亚": "locrian", "爱奥尼亚": "major", "伊奥尼亚": "major", "爱奥利亚": "minor", "伊奥利亚": "minor",
}  # fmt: skip
_SOLFEGE = {"do": "C", "ut": "C", "re": "D", "ré": "D", "mi": "E", "fa": "F", "sol": "G", "la": "A", "si": "B"}
_GERMAN = {
    "c": "C", "cis": "C#", "ces": "Cb", "d": "D", "dis": "D#", "des": "Db", "e": "E", "es": "Eb", "eis": "E#", "f": "F",
    "fis": "F#", "fes": "Fb", "g": "G", "gis": "G#", "ges": "Gb", "a": "A", "ais": "A#", "as": "Ab", "h": "B", "b": "Bb",
    "his": "B#",
}  # fmt: skip
_KEY_HELP = "valid: a note and a mode, such as 'A minor', 'Bb', 'F#m', 'D dorian', '降B大调'"


def parse_key(text: str) -> Key:
    """Read a key.

    Args:
        text: a tonic (``A``, ``F#``, ``B flat``, ``降E``, German ``Fis``, Latin ``Sol``) and a mode; without a mode it
            is major. ``1=C`` (numbered notation) is read too. Upper and lower case mean the same except in ``m``/``M``.

    Raises:
        ParseError: with what would be valid.
    """
    clean = plain(text).strip()
    clean = re.sub(r"(?i)^(in )?(the )?(key of|key:|key)\s+(the )?", "", clean)
    clean = re.sub(r"^1\s?=\s?", "", clean).strip()
    tonic, mode = _german(clean) or _latin(clean) or _letter(clean, text)
    try:
        return Key(pitch_class(tonic), mode)
    except (KeyError, PartimentoError) as error:
        raise ParseError(f"unknown key '{text.strip()[:40]}' ({_KEY_HELP})", text, 0) from error


def _german(clean: str) -> tuple[str, str] | None:
    """``d-Moll``, ``B-Dur`` (B flat), ``fis moll``."""
    match = re.fullmatch(r"(?i)([a-h](?:is|es|s)?)[\s-]*(dur|moll)", clean)
    if match is None or match[1].lower() not in _GERMAN:
        return None
    return _GERMAN[match[1].lower()], _MODES[match[2].lower()]


def _latin(clean: str) -> tuple[str, str] | None:
    """``do majeur``, ``la minore``, ``si bémol majeur``."""
    match = re.fullmatch(r"(?i)(do|ut|re|ré|mi|fa|sol|la|si)\s*(#|b|dièse|diesis|sostenido|bémol|bemolle|bemol)?\s*(\w+)?", clean)
    if match is None or (match[3] is not None and match[3].lower() not in _MODES):
        return None
    sign = {"#": "#", "d": "#", "s": "#", "b": "b"}[match[2][0].lower()] if match[2] else ""
    return _SOLFEGE[match[1].lower()] + sign, _MODES[(match[3] or "major").lower()]


def _letter(clean: str, text: str) -> tuple[str, str]:
    match = re.fullmatch(
        r"(?P<zh>[降升]|[#b](?=[A-G]))?\s*(?P<letter>[A-Ga-g])(?P<acc>[#b]|[\s-]?(?i:sharp|flat)(?![a-z]))?(?P<mode>.*)",
        clean,
        re.DOTALL,
    )
    if match is None:
        hint = "; in German names H is B natural: write 'B minor' or 'h-Moll'" if clean[:1] in ("H", "h") else ""
        raise ParseError(f"unknown key '{text.strip()[:40]}': it does not start with a note A to G{hint} ({_KEY_HELP})", text, 0)
    accidental = {"降": "b", "升": "#", "b": "b", "#": "#"}.get(match["zh"] or "", "")
    if match["acc"]:
        accidental = "#" if match["acc"].strip(" -").lower() in ("#", "sharp") else "b"
    wanted = match["mode"].strip(" -_.,:")
    mode = _mode(wanted)
    if mode is None:
        near = difflib.get_close_matches(wanted.lower(), list(_MODES), n=1, cutoff=0.6)
        tonic = match["letter"].upper() + accidental
        hint = f"; nearest valid: '{tonic} {_MODES[near[0]]}'" if near else ""
        at = match.start("mode") + len(text) - len(text.lstrip())
        raise ParseError(
            f"unknown key '{text.strip()[:40]}': '{wanted[:20]}' is not a mode{hint} ({_KEY_HELP})", text, min(at, len(text))
        )
    return match["letter"].upper() + accidental, mode


def _mode(wanted: str) -> str | None:
    if wanted in ("", "M"):
        return "major"
    lower = re.sub(r"\s+", " ", wanted.lower())
    for form in (lower, re.sub(r"\s?(key|mode|scale)$", "", lower), re.sub(r"(调式|音阶|调)$", "", lower)):
        if form in _MODES:
            return _MODES[form]
    return None


# --- metres -----------------------------------------------------------------------------------------------------------

_CHINESE_NUMBER = {
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
    "十二": 12,
    "十六": 16,
}
_WORD_NUMBER = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
_NAMED = {
    "c": Metre(4, 4), "common": Metre(4, 4), "common time": Metre(4, 4), "𝄴": Metre(4, 4), "cut": Metre(2, 2),
    "cut time": Metre(2, 2), "cut common": Metre(2, 2), "c|": Metre(2, 2), "¢": Metre(2, 2), "𝄵": Metre(2, 2),
    "alla breve": Metre(2, 2), "waltz": Metre(3, 4), "waltz time": Metre(3, 4), "march time": Metre(2, 4), "圆舞曲": Metre(3, 4),
    "华尔兹": Metre(3, 4),
}  # fmt: skip
_METRE_HELP = "valid: beats/note value, such as '4/4', '3/4', '6/8', '7/8 (2+2+3)', '2+2+3/8', 'cut time', '四分之三拍'"


def parse_metre(text: str) -> Metre:
    """Read a time signature.

    Args:
        text: ``3/4``, ``7/8 (2+2+3)``, ``2+2+3/8``, ``3/4拍``, ``四分之三拍``, ``八六拍``, ``six-eight``, ``common time`` …;
            a lone number of beats is counted in quarters.

    Raises:
        ParseError: not a metre, or groups that do not add up.
        RequestError: numerator outside 1-32, or a denominator that is no note value.
    """
    clean = re.sub(r"\s+", " ", plain(text).strip().lower())
    clean = re.sub(r"(拍子?|节拍| ?time signature| ?metre| ?meter)$", "", clean).strip()
    clean = clean.removesuffix(" time") if clean not in _NAMED else clean
    if clean in _NAMED:
        return _NAMED[clean]
    top, bottom, groups = _fraction(clean) or _chinese(clean) or _words(clean) or _refuse_metre(text)
    if groups and sum(groups) != top:
        raise ParseError(
            f"metre '{text.strip()[:40]}': the groups {'+'.join(map(str, groups))} add up to {sum(groups)}, not {top}", text, 0
        )
    return Metre(top, bottom, groups)


def _refuse_metre(text: str) -> tuple[int, int, tuple[int, ...]]:
    raise ParseError(f"unknown metre '{text.strip()[:40]}' ({_METRE_HELP})", text, 0)


def _fraction(clean: str) -> tuple[int, int, tuple[int, ...]] | None:
    clean = clean.replace("⁄", "/").replace("∕", "/")
    summed = re.fullmatch(r"\(?(\d{1,2}(?: ?\+ ?\d{1,2})+)\)? ?/ ?(\d{1,3})", clean)
    if summed:
        groups = tuple(int(n) for n in summed[1].split("+"))
        return sum(groups), int(summed[2]), groups
    match = re.fullmatch(r"(\d{1,5}) ?[/:] ?(\d{1,5})(?: ?[(\[]? ?(\d{1,2}(?: ?\+ ?\d{1,2})+) ?[)\]]?)?", clean)
    if match:
        groups = tuple(int(n) for n in match[3].split("+")) if match[3] else ()
        return int(match[1]), int(match[2]), groups
    lone = re.fullmatch(r"\d{1,2}", clean)
    return (int(clean), 4, ()) if lone else None


def _chinese(clean: str) -> tuple[int, int, tuple[int, ...]] | None:
    """``四分之三`` (three quarters) and the short ``四三``, ``八六`` (note value first)."""
    digits = r"(十二|十六|[一二两三四五六七八九十]|\d{1,2})"
    if clean in _CHINESE_NUMBER:
        return _CHINESE_NUMBER[clean], 4, ()
    match = re.fullmatch(rf"{digits}分之?{digits}", clean) or re.fullmatch(r"(二|四|八|十六)(十二|[一二两三四五六七八九])", clean)
    if match is None:
        return None
    bottom, top = (_CHINESE_NUMBER.get(part) or int(part) for part in match.groups())
    return top, bottom, ()


def _words(clean: str) -> tuple[int, int, tuple[int, ...]] | None:
    """``three-four``, ``six eight``."""
    match = re.fullmatch(r"([a-z]+)[ -/]([a-z]+)", clean)
    if match is None or match[1] not in _WORD_NUMBER:
        return None
    bottom = {"two": 2, "four": 4, "eight": 8, "halves": 2, "quarter": 4, "quarters": 4, "eighth": 8, "eighths": 8}.get(match[2])
    return None if bottom is None else (_WORD_NUMBER[match[1]], bottom, ())
