"""One chord symbol: lead-sheet, Harte and Roman-numeral text to a :class:`Chord` and back.

Sources: lead-sheet qualities as in :mod:`partimento.score.chord_quality`; Harte syntax from C. Harte et al.,
"Symbolic representation of musical chords" (ISMIR 2005), sections 3 and 4; Roman numerals as popular-music theory
writes them (upper case major, lower case minor, accidentals against the major scale).
"""

from __future__ import annotations

import difflib
import re
from typing import NoReturn

from partimento.errors import ParseError
from partimento.score.chord import Chord
from partimento.score.chord_quality import BASES, QualityError, parse_quality, quality_text
from partimento.score.spelling import NOTE_NAME, pitch_class, plain, spell_above, spell_root
from partimento.score.timing import Key

NO_CHORD = ("N.C.", "N.C", "NC", "N", "-", "X")
_MAX_TOKEN = 64

_ROMAN = re.compile(r"(?P<acc>bb|b|##|#)?(?P<num>VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?P<rest>.*)", re.DOTALL)
_DEGREES = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}
_MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
# Which numeral is tried first for a root: a note of the scale, the usual chromatic ones, then any that fits.
_NUMERAL_ORDER = (
    *(("", degree) for degree in range(7)),
    ("b", 1), ("#", 3), ("b", 2), ("b", 5), ("b", 6), ("#", 6), ("#", 5), ("#", 2), ("b", 4), ("b", 3), ("#", 0), ("#", 1),
    ("#", 4), ("b", 0),
)  # fmt: skip
_FIGURES = {
    "65": ("7", 1), "6/5": ("7", 1), "64": ("", 2), "6/4": ("", 2),
    "43": ("7", 2), "4/3": ("7", 2), "42": ("7", 3), "4/2": ("7", 3),
}  # fmt: skip
_BASS = r"[A-G](?:#|b|♮)?|[a-g](?:#|b)?|[#b]?[2-7]"
_ROMAN_DIMINISHED = {"m7b5": "ø7", "dim7": "°7", "dimmaj7": "°maj7", "dim": "°", "m11b5": "ø11", "m9b5": "ø9"}
_HARTE_QUALITY = re.compile(
    r"\s*(?P<short>[A-Za-z0-9]*)\s*(?:\((?P<list>[^()]*)\))?\s*(?:/\s*(?P<bass>(?:bb|b|##|#)?\d{1,2}|[A-G][#b]?))?"
)
_HARTE_DEGREE = re.compile(r"(\*?)(bb|b|##|#)?(\d{1,2})")
_HARTE_SHORT = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10), "minmaj7": (0, 3, 7, 11), "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9), "9": (0, 4, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "min9": (0, 3, 7, 10, 14), "sus4": (0, 5, 7),
    "sus2": (0, 2, 7), "11": (0, 4, 7, 10, 14, 17), "min11": (0, 3, 7, 10, 14, 17), "13": (0, 4, 7, 10, 14, 21),
    "maj13": (0, 4, 7, 11, 14, 21), "min13": (0, 3, 7, 10, 14, 17, 21), "maj11": (0, 4, 7, 11, 14, 17), "5": (0, 7), "1": (0,),
}  # fmt: skip
_WRITTEN_HARTE = tuple(_HARTE_SHORT)[:17]  # those of the paper, which every reader of .lab files knows
_DEGREE_NAMES = {
    0: "1", 1: "b2", 2: "2", 3: "b3", 4: "3", 5: "4", 6: "b5", 7: "5", 8: "#5", 9: "6", 10: "b7", 11: "7", 12: "8", 13: "b9",
    14: "9", 15: "#9", 16: "b11", 17: "11", 18: "#11", 19: "12", 20: "b13", 21: "13", 22: "#13", 23: "14",
}  # fmt: skip


def parse_chord(text: str, key: Key | None = None) -> Chord | None:
    """Read one chord symbol.

    Args:
        text: ``Am7``, ``D7/F#``, ``Bbmaj7#11/D``, ``A:min7``, ``C:maj7/3``, or with a key ``ii7``, ``bVII``, ``V7/V``.
        key: needed for Roman numerals.

    Returns:
        The chord, or None for ``N.C.``, ``NC``, ``N``, ``X`` (Harte: unknown) and ``-``.

    Raises:
        ParseError: pointing at the character, with what would be valid.
    """
    return parse_chord_at(text, 0, plain(text), key)


def parse_chord_at(text: str, at: int, token: str, key: Key | None = None) -> Chord | None:
    """Read the chord ``token`` that stands at offset ``at`` of a longer ``text``, which errors refer to.

    Raises:
        ParseError: as :func:`parse_chord`, with the position in ``text``.
    """
    start = at + len(token) - len(token.lstrip())
    token = token.strip()
    if not token:
        raise ParseError("empty chord: write for example Am7, D7/F#, A:min7, or with a key ii7", text, at)
    if token.upper() in NO_CHORD:
        return None
    if len(token) > _MAX_TOKEN:
        raise ParseError(f"chord '{token[:20]}…' at character {start + 1} is longer than {_MAX_TOKEN} characters", text, start)
    roman_match = _ROMAN.fullmatch(token)
    if roman_match:
        return _parse_roman(token, roman_match, key, text, start)
    note = NOTE_NAME.match(token)
    if note is None:
        _refuse(token, 0, text, start)
    root_name, rest = _split_root(token, note)
    if rest.startswith(":"):
        return _parse_harte(root_name, rest[1:], token, text, start)
    return _parse_lead_sheet(root_name, rest, token, text, start)


def _split_root(token: str, note: re.Match[str]) -> tuple[str, str]:
    end = note.end()
    # "Abb5" is Ab with a flat fifth, "Cb5" is C flat: only the second of two accidentals belongs to a digit.
    if note[2] in ("bb", "##") and re.match(r"5|9|11|13|6", token[end:]):
        end -= 1
    return token[0].upper() + token[1:end].replace("♮", ""), token[end:]


def _refuse(token: str, offset: int, text: str, start: int, what: str = "") -> NoReturn:
    """Raise a ParseError at ``offset`` inside ``token``, with the nearest valid spelling."""
    near = _nearest(token)
    hint = f"; nearest valid: '{near}'" if near else ""
    reason = what or (f"'{token[offset : offset + 20]}' is not understood" if offset else "it does not start with a root")
    shown = token if len(token) <= 40 else token[:40] + "…"
    raise ParseError(
        f"unknown chord '{shown}' at character {start + offset + 1}: {reason}{hint} "
        "(valid: a root A-G with # or b, a quality such as m, 7, maj7, m7b5, dim, sus4, 6, 9, #11, then /bass; "
        "or A:min7; or ii7 with a key)",
        text,
        start + offset,
    )


def _nearest(token: str) -> str | None:
    token = token[:40]
    if token[:1] in "Hh":  # German B natural
        token = "B" + token[1:]
    note = NOTE_NAME.match(token)
    numeral = _ROMAN.match(token)
    if note:
        root, _ = _split_root(token, note)
        token = root + token[len(root) :]
        candidates = [root + base for base in BASES] + [f"{root}:{short}" for short in _WRITTEN_HARTE]
    elif numeral:
        root = (numeral["acc"] or "") + numeral["num"]
        candidates = [root + base for base in BASES]
    else:
        return None
    near = difflib.get_close_matches(token, candidates, n=1, cutoff=0.6)
    return near[0] if near else None


# --- lead sheet -------------------------------------------------------------------------------------------------------


def _split_bass(rest: str) -> tuple[str, str | None]:
    """Quality and bass text, with /, \\ or "on" between."""
    match = re.search(rf"(?:[/\\]|(?<![a-z])on\s*|(?<=m)on\s*|\son\s*)(?P<bass>{_BASS})\s*$", rest)
    return (rest, None) if match is None else (rest[: match.start()], match["bass"])


def _parse_lead_sheet(root_name: str, rest: str, token: str, text: str, start: int) -> Chord:
    quality, bass_name = _split_bass(rest)
    offset = len(token) - len(rest)
    try:
        intervals = parse_quality(quality.strip())
    except QualityError as error:
        lead = len(quality) - len(quality.lstrip())
        _refuse(token, offset + lead + error.offset, text, start)
    root = pitch_class(root_name)
    bass = root if bass_name is None else _bass_pitch(bass_name, root)
    suffix = quality_text(intervals)
    if suffix is None:
        suffix = re.sub(r"[\s,]+", "", quality)
    return Chord(root, intervals, bass, root_name + suffix + _bass_text(root_name, root, bass, bass_name))


def _bass_pitch(name: str, root: int) -> int:
    if name[-1].isdigit():
        return (root + _degree_semitones(name)) % 12
    return pitch_class(name.replace("♮", ""))


def _bass_text(root_name: str, root: int, bass: int, written: str | None = None) -> str:
    if bass == root:
        return ""
    if written and not written[-1].isdigit():
        return "/" + written[0].upper() + written[1:].replace("♮", "")
    return "/" + spell_above(root_name, bass - root)


def _degree_semitones(degree: str) -> int:
    """Semitones of a degree such as ``b7`` or ``#11`` (the octave kept)."""
    number = int(degree.lstrip("b#"))
    step = degree.count("#") - degree.count("b")
    return _MAJOR_SCALE[(number - 1) % 7] + 12 * ((number - 1) // 7) + step


# --- Harte ------------------------------------------------------------------------------------------------------------


def _parse_harte(root_name: str, rest: str, token: str, text: str, start: int) -> Chord:
    offset = len(token) - len(rest)
    match = _HARTE_QUALITY.fullmatch(rest)
    if match is None:
        _refuse(token, offset, text, start, f"'{rest[:30]}' is not Harte syntax (shorthand, (degrees), /bass degree)")
    short = match["short"].lower() if match["short"] != "M7" else "maj7"
    if short and short not in _HARTE_SHORT:
        known = ", ".join(_HARTE_SHORT)
        _refuse(token, offset + match.start("short"), text, start, f"unknown shorthand '{match['short']}' (known: {known})")
    if not short and not match["list"]:
        _refuse(token, offset, text, start, "nothing follows the colon")
    added: set[int] = set()
    omitted: set[int] = set()
    for part in match["list"].split(",") if match["list"] else ():
        degree = _HARTE_DEGREE.fullmatch(part.strip())
        if degree is None or not 1 <= int(degree[3]) <= 14:
            what = f"'{part.strip()}' is not a degree (1 to 14 with b or #, * to leave out)"
            _refuse(token, offset + match.start("list"), text, start, what)
        semitones = _degree_semitones((degree[2] or "") + degree[3])
        (omitted if degree[1] else added).add(semitones)
    shorthand = set(_HARTE_SHORT[short]) if short else {0}
    notes = {n for n in shorthand if n not in omitted and n - 12 not in omitted} | {n % 12 if n < 0 else n for n in added}
    root = pitch_class(root_name)
    bass = root if match["bass"] is None else _bass_pitch(match["bass"], root)
    return make_chord(root, tuple(sorted(notes | {0})), bass, root_name)


def make_chord(root: int, intervals: tuple[int, ...], bass: int | None = None, root_name: str | None = None) -> Chord:
    """A chord with its canonical symbol.

    Args:
        root: pitch class.
        intervals: semitones above the root, ascending, starting with 0.
        bass: pitch class, the root when None.
        root_name: spelling of the root; the usual one when None.

    Raises:
        ValueError: from :class:`Chord` for values out of range.
    """
    bass = root if bass is None else bass
    name = root_name or spell_root(root, None, leading=6 in intervals and 3 in intervals)
    symbol = name + _suffix(intervals) + _bass_text(name, root, bass)
    return Chord(root, intervals, bass, symbol)


def _suffix(intervals: tuple[int, ...]) -> str:
    """Lead-sheet quality, or a Harte list where lead sheets have no word for it."""
    text = quality_text(intervals)
    return text if text is not None else ":" + _harte_quality(intervals)


def _harte_quality(intervals: tuple[int, ...]) -> str:
    """Shortest of shorthand + added and omitted degrees."""
    have = set(intervals)
    best: tuple[int, int, str] | None = None
    for rank, short in enumerate(_WRITTEN_HARTE):
        notes = set(_HARTE_SHORT[short])
        extra, missing = sorted(have - notes), sorted(notes - have)
        if short == "dim7" and 9 in missing:
            continue
        listed = [_DEGREE_NAMES.get(i, "1") for i in extra] + ["*" + _DEGREE_NAMES[i] for i in missing]
        cost = len(extra) + 2 * len(missing)
        text = short + (f"({','.join(listed)})" if listed else "")
        if best is None or (cost, rank) < best[:2]:
            best = (cost, rank, text)
    assert best is not None
    if best[0] >= len(have):
        return "(" + ",".join(_DEGREE_NAMES.get(i, "1") for i in sorted(have)) + ")"
    return best[2]


def harte(chord: Chord | None) -> str:
    """Harte text of a chord, e.g. ``A:min7``, ``D:7/3``, ``C:maj7(#11)``; ``N`` for None.

    Only the shorthands of the paper are written, so that every reader of ``.lab`` files (mir_eval too) takes it.
    """
    if chord is None:
        return "N"
    name = _written_root(chord) or spell_root(chord.root, None)
    bass = "" if chord.bass == chord.root else "/" + _bass_degree(chord)
    return f"{name}:{_harte_quality(chord.intervals)}{bass}"


def _bass_degree(chord: Chord) -> str:
    interval = (chord.bass - chord.root) % 12
    if interval == 8 and 8 not in chord.intervals:
        return "b6"
    if interval == 9 and {3, 6} <= set(chord.intervals) and 9 in chord.intervals:
        return "bb7"
    return _DEGREE_NAMES[interval]


def _written_root(chord: Chord) -> str | None:
    """The root as the chord's symbol spells it, if that agrees with the root."""
    note = NOTE_NAME.match(chord.symbol)
    if note is None:
        return None
    name, _ = _split_root(chord.symbol, note)
    return name if len(name) <= 2 and pitch_class(name) == chord.root else None


def chord_symbol(chord: Chord | None, key: Key | None = None) -> str:
    """Lead-sheet text of a chord, spelled for a key (``N.C.`` for None).

    Without a key the root keeps the spelling of ``chord.symbol``.
    """
    if chord is None:
        return "N.C."
    leading = {3, 6} <= set(chord.intervals)
    written = None if key else _written_root(chord)
    name = written or spell_root(chord.root, key, leading=leading)
    return name + _suffix(chord.intervals) + _bass_text(name, chord.root, chord.bass)


# --- Roman numerals ---------------------------------------------------------------------------------------------------


def _parse_roman(token: str, match: re.Match[str], key: Key | None, text: str, start: int) -> Chord:
    if key is None:
        what = f"Roman numeral '{token}' at character {start + 1} needs a key, for example --key \"A minor\""
        raise ParseError(what, text, start)
    rest = match["rest"]
    applied = re.search(r"/(?=(?:b|#)?(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?![a-z]))", rest)
    if applied:
        target_text = rest[applied.end() :]
        target_match = _ROMAN.fullmatch(target_text)
        assert target_match is not None
        offset = match.start("rest") + applied.end()
        target = _parse_roman(target_text, target_match, key, text, start + offset)
        key = Key(target.root, "minor" if target.is_minor else "major")
        rest = rest[: applied.start()]
    is_lower = match["num"].islower()
    rest, inversion = _figures(rest)
    bass_text: str | None = None
    if inversion is None:
        rest, bass_text = _split_bass(rest)
    try:
        intervals = parse_quality(rest.strip(), is_lower)
    except QualityError as error:
        _refuse(token, match.start("rest") + error.offset, text, start)
    diminished = {3, 6} <= set(intervals)
    root = _roman_root(match["acc"] or "", _DEGREES[match["num"].upper()], key, leading=is_lower and diminished)
    name = spell_root(root, key, leading=diminished)
    if inversion is not None:
        bass = (root + intervals[min(inversion, len(intervals) - 1)]) % 12
    else:
        bass = root if bass_text is None else _bass_pitch(bass_text, root)
    return make_chord(root, intervals, bass, name)


def _figures(rest: str) -> tuple[str, int | None]:
    """Quality and inversion of classical figures (V65, I64, V43, V42); a lone 6 is an added sixth."""
    for figure, (quality, inversion) in _FIGURES.items():
        if rest.endswith(figure) and rest[: -len(figure)] in ("", "°", "o", "ø"):
            return rest[: -len(figure)] + quality, inversion
    return rest, None


def _roman_root(accidental: str, degree: int, key: Key, *, leading: bool) -> int:
    """Pitch class of a numeral.

    Flats count from the major scale (bVI is F in A minor as in A major), sharps from the scale of the key; a
    diminished vii stands on the leading note in minor, too.
    """
    if accidental.startswith("b"):
        return (key.tonic + _MAJOR_SCALE[degree] - len(accidental)) % 12
    if degree == 6 and leading and not accidental:
        return (key.tonic + 11) % 12
    return (key.scale[degree] + len(accidental)) % 12


def roman(chord: Chord | None, key: Key) -> str:
    """Roman numeral of a chord in a key, e.g. ``ii7``, ``V7/3`` (bass as a degree of the chord), ``bVII``; ``N.C.`` for None.

    :func:`parse_chord` with the same key gives the chord back.
    """
    if chord is None:
        return "N.C."
    is_lower = 3 in chord.intervals and 4 not in chord.intervals
    diminished = is_lower and 6 in chord.intervals
    numeral = ""
    for accidental, degree in _NUMERAL_ORDER:
        if _roman_root(accidental, degree, key, leading=diminished) == chord.root:
            numeral = accidental + list(_DEGREES)[degree]
            break
    text = numeral.lower() if is_lower else numeral
    bass = "" if chord.bass == chord.root else "/" + _bass_degree(chord).replace("bb7", "6")
    suffix = _roman_suffix(chord.intervals, is_lower)
    if bass and suffix == "6":
        suffix = "add6"  # ii6/5 would be read as figures
    return text + suffix + bass


def _roman_suffix(intervals: tuple[int, ...], is_lower: bool) -> str:
    text = _suffix(intervals)
    if not is_lower:
        return text
    if text in _ROMAN_DIMINISHED:
        return _ROMAN_DIMINISHED[text]
    return text[1:] if text.startswith("m") and not text.startswith("maj") else text
