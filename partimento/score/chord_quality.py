"""Chord qualities: from the text after a root (``m7b5``, ``maj7#11``) to intervals, and back.

The dialect is that of lead sheets (C. Brandt and C. Roemer, "Standardized Chord Symbol Notation", 1976) with the
variants that charts really use: ``-``, ``mi``, ``Δ``, ``ø``, ``°``, ``+``, ``7sus``, ``6/9``, ``alt`` and so on.
Elevenths of minor chords and ninths are part of taller chords; a major or dominant thirteenth leaves out the
eleventh, as players do.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations

_NATURAL = {2: 2, 4: 5, 5: 7, 6: 9, 7: 10, 9: 14, 11: 17, 13: 21}
_ACCIDENTAL = {"b": -1, "-": -1, "#": 1, "+": 1, "": 0}

_TOKEN = re.compile(
    r"""
      (?P<skip>[\s(),]+|/(?=(?i:maj)|M7|ma7|Δ))
    | (?P<major>(?i:major)|(?i:maj)|M[Aa](?!j)|ma(?!dd|j)|M(?!i|I)|j(?=7|9|1))
    | (?P<delta>[Δ^])
    | (?P<minor>(?i:minor)|(?i:min)|(?i:mi)|m|(?<![\d(,\s])-(?!5))
    | (?P<halfdim>(?i:half-?dim(?:inished)?)|(?i:hdim)|ø|h(?=7))
    | (?P<dim>(?i:diminished)|(?i:dim)|o(?!m)|°)
    | (?P<aug>(?i:augmented)|(?i:aug)|\+(?!\d)|\+(?=7))
    | (?P<dom>(?i:dominant)|(?i:dom))
    | (?P<sus>(?i:sus)(?:2sus4|4sus2|24|42|2|4)?)
    | (?P<alt>(?i:altered)|(?i:alt))
    | (?P<add>(?i:add)|/(?=9|1))\s?(?P<add_acc>[b\#+\-]?)(?P<add_deg>13|11|9|6|4|2)
    | (?P<no>(?i:no|omit))\s?(?P<no_deg>11|9|5|3)(?:rd|th)?
    | (?P<sixnine>6[/,]?9)
    | (?P<acc>[b\#+\-])(?P<deg>13|11|9|6|5|4)
    | (?P<number>13|11|9|7|6|5|4|2)
    """,
    re.VERBOSE,
)


class QualityError(Exception):
    """The text after a root is not understood from ``offset`` on."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(offset)


class _Builder:
    """Collects what the tokens of a quality say."""

    def __init__(self, minor: bool) -> None:
        self.third: int | None = 3 if minor else 4
        self.fifths: set[int] = {7}
        self.seventh: int | None = None
        self.major_seventh = False  # the next number (or the end) gets a major seventh
        self.numbered = False
        self.kind = "minor" if minor else ""
        self.tensions: set[int] = set()
        self.suspended: set[int] = set()
        self.power = False
        self.omitted: set[int] = set()

    def major(self) -> None:
        """``maj``, ``M``: after minor, dim or aug a major seventh, else the kind of the seventh to come."""
        if self.kind == "minor" or self.kind in ("dim", "aug"):
            self.seventh = 11
        self.major_seventh = True

    def dim(self) -> None:
        """A diminished triad."""
        self.kind, self.third, self.fifths = "dim", 3, {6}

    def aug(self) -> None:
        """A raised fifth."""
        self.fifths = {8}
        self.kind = self.kind or "aug"

    def half_diminished(self) -> None:
        """``ø``: a diminished triad with a minor seventh."""
        self.dim()
        self.kind, self.seventh = "halfdim", 10

    def suspend(self, text: str) -> None:
        """``sus2``, ``sus4``, both, or plain ``sus`` (the fourth)."""
        digits = {int(d) for d in text if d.isdigit()} or {4}
        self.third = None
        self.suspended |= {_NATURAL[d] for d in digits}

    def altered(self) -> None:
        """``alt``: all altered tensions, no fifth."""
        self.seventh, self.numbered = 10, True
        self.fifths = set()
        self.tensions |= {13, 15, 18, 20}

    def number(self, n: int) -> None:
        """A bare number: 5, 6, 7, 9, 11, 13 build the chord; a second one only adds its tension."""
        if n in (2, 4):
            if self.numbered or self.kind == "minor":
                self.tensions.add(_NATURAL[n] if n == 4 else 14)
            else:
                self.suspend(str(n))
        elif n == 5:
            self.power = not self.numbered and self.kind == "" and not self.major_seventh
        elif n == 6:
            self.tensions.add(21 if self.seventh is not None else 9)
        elif self.numbered:
            self.tensions.add(_NATURAL[n]) if n > 7 else self._set_seventh()
        else:
            self._set_seventh()
            self.tensions |= {9: {14}, 11: {14, 17}, 13: {14, 21}}.get(n, set())
            if n == 13 and self.third == 3:
                self.tensions.add(17)
        self.numbered = self.numbered or n >= 6

    def _set_seventh(self) -> None:
        if self.seventh is None:
            self.seventh = 11 if self.major_seventh else 9 if self.kind == "dim" else 10
        self.major_seventh = False

    def add(self, accidental: str, degree: int) -> None:
        """``add9`` and the like."""
        # "add2" and "add4" stay low; sixths too, unless a seventh makes them thirteenths.
        interval = _NATURAL[degree] + _ACCIDENTAL[accidental]
        self.tensions.add(interval + 12 if degree == 6 and self.seventh is not None else interval)

    def alter(self, accidental: str, degree: int) -> None:
        """``b9``, ``#11``, ``b5`` …: the altered note takes the natural one's place."""
        step = _ACCIDENTAL[accidental]
        if degree == 5:
            self.fifths = {f for f in self.fifths if f != 7} | {7 + step}
        elif degree == 6:
            self.tensions.add(8 if step < 0 else 10)
        else:
            degree = 11 if degree == 4 else degree
            self.tensions.discard(_NATURAL[degree])
            self.tensions.add(_NATURAL[degree] + step)
            if self.major_seventh:
                self._set_seventh()

    def omit(self, degree: int) -> None:
        """``no3``, ``no5`` …"""
        self.omitted.add(degree)

    def intervals(self) -> tuple[int, ...]:
        """What all tokens together say."""
        if self.major_seventh and self.kind != "":
            self._set_seventh()
        notes = {0} | self.suspended | self.tensions
        if not self.power and self.third is not None and 3 not in self.omitted:
            notes.add(self.third)
        if 5 not in self.omitted:
            notes |= self.fifths
        if self.seventh is not None:
            notes.add(self.seventh)
        notes -= {_NATURAL[d] for d in self.omitted if d > 7}
        return tuple(sorted(notes))


@cache
def parse_quality(text: str, minor: bool = False) -> tuple[int, ...]:
    """Intervals of a quality.

    Args:
        text: what follows the root, in plain ASCII or with Δ, ø, °.
        minor: start from a minor triad (lower-case Roman numerals).

    Returns:
        Semitones above the root, ascending, starting with 0.

    Raises:
        QualityError: with the offset of the first character that is not understood.
    """
    build = _Builder(minor)
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (match["add"] == "/" and not text[match.end() :].strip(" )") == ""):
            raise QualityError(at)
        _apply(build, match, at)
        at = match.end()
    return build.intervals()


def _apply(build: _Builder, match: re.Match[str], at: int) -> None:
    kind = match.lastgroup
    if match["add"]:
        build.add(match["add_acc"], int(match["add_deg"]))
    elif match["no"]:
        build.omit(int(match["no_deg"]))
    elif match["acc"]:
        build.alter(match["acc"], int(match["deg"]))
    elif kind == "major":
        build.major()
    elif kind == "delta":
        build.major()
        build._set_seventh()
        build.numbered = False
    elif kind == "minor":
        if build.numbered or build.kind in ("dim", "halfdim", "aug"):
            raise QualityError(at)
        build.kind, build.third = "minor", 3
    elif kind == "halfdim":
        build.half_diminished()
    elif kind == "dim":
        build.dim()
    elif kind == "aug":
        build.aug()
    elif kind == "sus":
        build.suspend(match["sus"])
    elif kind == "alt":
        build.altered()
    elif kind == "sixnine":
        build.number(6)
        build.tensions.add(14)
    elif kind == "number":
        build.number(int(match["number"]))


BASES = (
    "", "m", "7", "m7", "maj7", "6", "m6", "dim", "dim7", "m7b5", "aug", "sus4", "sus2", "7sus4", "9", "m9", "maj9",
    "mmaj7", "7#5", "maj7#5", "69", "m69", "11", "m11", "maj11", "13", "m13", "maj13", "add9", "madd9", "9sus4", "13sus4",
    "5", "mmaj9", "dimmaj7", "m9b5", "7sus2", "sus24", "7alt", "maj7sus4", "maj7sus2", "m11b5",
)  # fmt: skip
"""Canonical lead-sheet qualities, the usual ones first; also what an error message chooses its suggestion from."""

_ALTERATIONS = (
    "b5", "#5", "b9", "#9", "#11", "b13", "add9", "add11", "add13", "add4", "add2", "add6", "b6", "no3", "no5",
)  # fmt: skip


@cache
def _table(n_alterations: int) -> dict[tuple[int, ...], str]:
    """Canonical text by intervals for bases with exactly ``n_alterations`` alterations."""
    table: dict[tuple[int, ...], str] = {}
    for base in BASES:
        for group in combinations(_ALTERATIONS, n_alterations):
            # An accidental right after the root would be read as part of the root: C(b5).
            text = base + "".join(group)
            if not base and group and group[0][0] in "b#":
                text = f"({text})"
            table.setdefault(parse_quality(text), text)
    return table


def quality_text(intervals: tuple[int, ...]) -> str | None:
    """Canonical lead-sheet text of intervals, such that :func:`parse_quality` gives them back; None if there is none."""
    for n_alterations in range(3):
        text = _table(n_alterations).get(intervals)
        if text is not None:
            return text
    return None
