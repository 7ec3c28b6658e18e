"""Chords inside the words: "chords: Dm7b5 | G7alt | C6/9", "| Am F | C G |", "Am-F-C-G", "ii - V7 - I".

What a chord is, the chord parser decides (:mod:`partimento.score.chord_names`): as much text as it accepts is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from partimento.errors import PartimentoError
from partimento.score.chord_names import parse_chord

Span = tuple[int, int]
_CUE = re.compile(
    r"(?i:\b(?:chords?|chord progression|progression|changes)\b|和弦(?:进行|走向)?|进行)"
    r"(?i:\s*(?:are|is|of|used|like|with|as follows|为|是|用|:|：|=)*)\s*"
)
_SPACE = re.compile(r"\s*(?:\|+\s*)?")
_SEPARATOR = re.compile(r"\s*(?:[-–—]?>|→|[-–—,、，|]+)\s*(?:\|+\s*)?|\s+(?:\|+\s*)?")
_TOKEN = re.compile(r"(?:\([^()\s|]*\)|(?![-–—]+>?\s*[A-G])[^\s|,、，;；。!！?？:：→()])+")
_LIKE_A_CHORD = re.compile(r"[A-H][#b♯♭]?(?=[^a-z]|m|maj|min|dim|aug|sus|add|alt|$)\S{0,11}")
_ROMAN = r"(?:b|#)?(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?:°|o|ø|\+)?(?:maj7|7|9|m7|sus4)?"
_ROMANS = re.compile(rf"(?<![\w#])({_ROMAN}(?:\s*[-–→,|]\s*{_ROMAN}){{1,}})(?![\w#])")
_MIN_CHORDS = 2
_QUALITY = re.compile(r"[A-G][#b♯♭]?[^#b♯♭/].*")
_ENDS = ".!?。"


@dataclass(frozen=True, slots=True)
class ChordRun:
    """A stretch of chords in the words.

    Attributes:
        text: the chords with a bar line between bars.
        span: where they stand in the user's words.
        roman: degrees, which need a key.
        bad: what stands among them and is no chord, verbatim.
    """

    text: str
    span: Span
    roman: bool = False
    bad: tuple[str, ...] = ()


@lru_cache(maxsize=512)
def is_chord(token: str) -> bool:
    """True when the chord parser takes ``token`` as a chord with a letter for its root."""
    if token == "%" or token in ("N.C.", "NC"):
        return True
    if not token or token[0] not in "ABCDEFG" or len(token) > 16:
        return False
    try:
        parse_chord(token)
    except PartimentoError:
        return False
    return True


def chord_runs(original: str) -> Iterator[ChordRun]:
    """All chord texts of the words: behind "chords", between bar lines, linked by dashes, Roman numerals."""
    taken: list[Span] = []
    for cue in _CUE.finditer(original):
        run = _run(original, cue.end(), asked=True)
        if run and not _overlaps(run.span, taken):
            taken.append(run.span)
            yield run
    for match in re.finditer(r"(?<![\w#])[A-G]|\|\s*(?=[A-G])", original):
        if _overlaps(match.span(), taken):
            continue
        run = _run(original, match.start(), asked=False)
        if run:
            taken.append(run.span)
            yield run
    for match in _ROMANS.finditer(original):
        text = match.group(1)
        enough = sum(c in "IViv" for c in text) >= 3
        if enough and not re.fullmatch(r"[iI\W]+", text.replace("ii", "").replace("II", "") or "i"):
            yield ChordRun(_as_bars(text), match.span(1), roman=True)


def _overlaps(span: Span, taken: list[Span]) -> bool:
    return any(span[0] < b and a < span[1] for a, b in taken)


def _run(original: str, at: int, *, asked: bool) -> ChordRun | None:
    """Chords from ``at`` on; without a cue where bar lines, dashes or their qualities show what they are."""
    low = at = _end(_SPACE, original, at)
    out: list[str] = []
    bad: list[str] = []
    high = at
    separators: list[str] = []
    while token := _TOKEN.match(original, at):
        text = token.group()
        whole = text.rstrip(_ENDS) if text not in ("N.C.",) else text
        if is_chord(whole):
            out.append(whole)
        elif asked and out and (_meant(whole) or (out[-1] == "|" and re.fullmatch(r"[A-Z]\S{0,7}", whole))):
            bad.append(whole)
        else:
            break
        high = token.start() + len(whole)
        if whole != text:
            break
        separator = _SEPARATOR.match(original, high)
        if not separator:
            break
        if _TOKEN.match(original, separator.end()):
            separators.append(separator.group())
            if whole not in bad:
                out.append("|" if "|" in separator.group() else " ")
        at = separator.end()
    while out and out[-1] in ("|", " "):
        out.pop()
    chords = [t for t in out if t not in ("|", " ", "%")]
    linked = "|" in out or (len(chords) > _MIN_CHORDS and all(re.search(r"[-–—>→]", s) for s in separators[: len(chords) - 1]))
    qualities = [_QUALITY.fullmatch(c) for c in chords]
    plain = len(chords) > _MIN_CHORDS and bool(qualities[0]) and sum(map(bool, qualities)) > 1  # "Dm9 G13 C"
    if len(chords) < _MIN_CHORDS or not (asked or linked or plain):
        return None
    if original[high : high + 1] and (original[high].isalnum() or original[high] == "#"):
        return None
    text = "".join(f" {t} " if t == "|" else t for t in out) if "|" in out else " | ".join(t for t in out if t != " ")
    return ChordRun(re.sub(r"\s+", " ", text).strip(), (low, high), bad=tuple(bad))


def _meant(token: str) -> bool:
    """True for a token that looks like a chord and is none: G7x, H7#."""
    return bool(_LIKE_A_CHORD.fullmatch(token) and re.search(r"[\d#/()]|^.{1,4}$", token))


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _as_bars(text: str) -> str:
    """One chord a bar unless the user wrote bar lines."""
    if "|" in text:
        return text.strip().strip("|").strip()
    items = [item for item in re.split(r"[\s\-–—>,、→，|]+", text) if item]
    return " | ".join(items)


def bad_chords(original: str) -> tuple[str, ...]:
    """What stands among chords and is none, verbatim."""
    return tuple(dict.fromkeys(word for run in chord_runs(original) for word in run.bad))
