"""Chord text: whole progressions bar by bar, and the front door to single chord symbols.

What is read, in one text and mixed as you like::

    Am7 | D7/F# | Gmaj9 | %          bars between |, % repeats the bar before
    Am7 D7 | G / / D7 | N.C.         chords of a bar share it; / or . holds the chord for another share
    |: Am | F :| x3                  repeats (played twice unless xN says more); xN at the end of a line repeats the line
    i - VI - III - VII               without |: one chord a bar, separated by dashes, commas, arrows or spaces
    4536251                          digits with a key: the scale's own triads
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from partimento.errors import ParseError
from partimento.score.chord import Chord
from partimento.score.chord_names import chord_symbol, harte, make_chord, parse_chord, parse_chord_at, roman
from partimento.score.spelling import plain
from partimento.score.timing import Key

__all__ = ["MAX_TEXT_BARS", "ChordSlot", "chord_symbol", "harte", "make_chord", "parse_chord", "parse_chords", "roman"]

MAX_TEXT_BARS = 4_000
"""Most bars that a text may stand for, repeats counted out."""
MAX_SHARES = 64
"""Most chords and holds in one bar."""

_EMPTY = 'no chords in the text: write for example "Am7 | D7 | Gmaj7 | %"'
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_NO_CHORD = re.compile(r"[Nn]\.\s?[Cc]\.?(?![A-Za-z])")
_LONE_DASH = re.compile(r"(?<=\|)(\s*)-(?=\s*\|)")
# A dash is a minor sign (C-7) unless spaces or another chord follow it (Am-F, I-bVII, Am - F).
_SEPARATOR = re.compile(r"[-=]?>|(?<=\s)-(?=\s)|-(?=[b#]?(?:[A-G](?!dd)|[IViv]))")
_LEX = re.compile(
    r"""
      (?P<newline>\s*\n\s*)
    | (?P<space>\s+)
    | (?P<times>[x*]\s?\d{1,3}(?![\w/]))
    | (?P<open>\|+\s?:)
    | (?P<close>:\s?\|+:?)
    | (?P<bar>\|+)
    | (?P<same>%)
    | (?P<separator>[,;])
    | (?P<hold>[/.])
    | (?P<chord>(?:\([^()|\n]*\)|[^\s|,;%().:/]|:(?!\s?\|)|/(?=[\w\#]))+)
    | (?P<other>.)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ChordSlot:
    """A chord inside a bar.

    Attributes:
        start: 0 to 1, share of the bar.
        end: 0 to 1, greater than ``start``.
        chord: the chord, or None for "no chord".
    """

    start: float
    end: float
    chord: Chord | None


Bar = tuple[ChordSlot, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_chords(text: str, key: Key | None = None) -> tuple[Bar, ...]:
    """Read a chord progression.

    Args:
        text: lead-sheet, Harte or Roman-numeral chords as the head of this file shows; full-width (Chinese)
            punctuation is read like plain.
        key: needed for Roman numerals and digits.

    Returns:
        One tuple of slots per bar, repeats written out; the slots of a bar ascend and cover it.

    Raises:
        ParseError: with the position of the token at fault and what would be valid.
    """
    clean = plain(text).replace("\r", "\n")
    if not clean.strip(" \n|:,;"):
        raise ParseError(_EMPTY, text, 0)
    if re.fullmatch(r"[\s1-7,>-]*[1-7][\s1-7,>-]*", clean):
        return _digits(text, clean, key)
    return _Reader(text, key).read(_tokens(clean))


def _digits(text: str, clean: str, key: Key | None) -> tuple[Bar, ...]:
    """``1 5 6 4`` or ``4536251``: triads of the scale, one a bar."""
    if key is None:
        raise ParseError(f"scale degrees '{clean.strip()[:30]}' need a key, for example --key \"C major\"", text, 0)
    bars: list[Bar] = []
    for match in re.finditer(r"[1-7]", clean):
        degree = int(match[0]) - 1
        third, fifth = ((key.scale[(degree + step) % 7] - key.scale[degree]) % 12 for step in (2, 4))
        numeral = _NUMERALS[degree].lower() if third == 3 else _NUMERALS[degree]
        chord = parse_chord(numeral + ("°" if fifth == 6 else ""), key)
        bars.append((ChordSlot(0.0, 1.0, chord),))
    _check_length(len(bars), text, 0)
    return tuple(bars)


def _check_length(n_bars: int, text: str, at: int) -> None:
    if n_bars > MAX_TEXT_BARS:
        raise ParseError(f"the chord text stands for {n_bars} bars; at most {MAX_TEXT_BARS} are read", text, at)


def _tokens(clean: str) -> list[_Token]:
    """Words of a text; without bar lines, bar lines are put between the chords."""
    clean = _NO_CHORD.sub(lambda m: "N" + " " * (len(m[0]) - 1), clean)
    clean = _LONE_DASH.sub(r"\1N", clean)
    if clean.strip() == "-":
        clean = clean.replace("-", "N")
    clean = _SEPARATOR.sub(lambda m: "," * len(m[0]), clean)
    tokens = [_Token(str(m.lastgroup), m[0], m.start()) for m in _LEX.finditer(clean)]
    tokens = _join_parentheses([t for t in tokens if t.kind != "space"])
    if any(t.kind in ("bar", "open", "close") for t in tokens):
        return tokens
    return _one_a_bar(tokens)


def _join_parentheses(tokens: list[_Token]) -> list[_Token]:
    """``C7 (b9)`` is one chord; ``(D7)``, an optional chord, is taken."""
    joined: list[_Token] = []
    for token in tokens:
        if token.kind == "chord" and token.text.startswith("("):
            tail = re.match(r"\((?:[b#+\-]?\d|add|no|omit|maj|M7|sus|alt)", token.text)
            if tail and joined and joined[-1].kind == "chord":
                before = joined[-1]
                joined[-1] = _Token("chord", before.text + token.text, before.at)
                continue
            if token.text.endswith(")"):
                token = _Token("chord", " " + token.text[1:-1], token.at)
        joined.append(token)
    return joined


def _one_a_bar(tokens: list[_Token]) -> list[_Token]:
    out: list[_Token] = []
    previous = ""
    for token in tokens:
        if token.kind == "hold" and token.text == "/" and previous == "chord":
            previous = "slash"  # "Am / F / C": a separator
            continue
        if token.kind in ("chord", "same") and previous != "":
            out.append(_Token("bar", "|", token.at))
        if token.kind not in ("separator", "newline"):
            out.append(token)
            previous = token.kind
    return out


class _Reader:
    """Reads tokens into bars and plays the repeats."""

    def __init__(self, text: str, key: Key | None) -> None:
        self.text = text
        self.key = key
        self.bars: list[Bar] = []
        self.current: list[_Token] = []
        self.repeat_start = 0
        self.line_start = 0
        self.opened_at: int | None = None

    def fail(self, message: str, at: int) -> NoReturn:
        """Raise a ParseError at ``at``."""
        raise ParseError(f"chords, character {at + 1}: {message}", self.text, at)

    def read(self, tokens: list[_Token]) -> tuple[Bar, ...]:
        """All tokens to bars."""
        previous = "newline"
        for i, token in enumerate(tokens):
            kind = token.kind
            if kind in ("chord", "hold", "same"):
                self.current.append(token)
            elif kind == "separator":
                continue
            elif kind == "other":
                self.fail(f"'{token.text}' is not understood here (chords, |, %, / and |: :| are)", token.at)
            elif kind == "times":
                self._times(token, previous, tokens[i + 1] if i + 1 < len(tokens) else None)
            else:
                self._bar_line(token, previous)
            previous = kind
        self._close_bar()
        if self.opened_at is not None:
            self.fail("'|:' opens a repeat that no ':|' closes", self.opened_at)
        if not self.bars:
            raise ParseError(_EMPTY, self.text, 0)
        return tuple(self.bars)

    def _bar_line(self, token: _Token, previous: str) -> None:
        if token.kind == "bar" and previous == "bar" and token.text == "|" and self.bars:
            self.bars.append(self._held(token.at))  # "| |": the chord goes on
        self._close_bar()
        if token.kind == "newline":
            self.line_start = len(self.bars)
        if token.kind == "close":
            self._repeat(self.repeat_start, 2, token.at)
            self.opened_at = None
        if token.kind == "open" or token.text.endswith(":"):
            if self.opened_at is not None:
                self.fail("'|:' inside a repeat; close the first with ':|'", token.at)
            self.opened_at = token.at
            self.repeat_start = len(self.bars)

    def _times(self, token: _Token, previous: str, following: _Token | None) -> None:
        count = int(token.text[1:])
        if not 1 <= count <= 99:
            self.fail(f"'{token.text}': a repeat count must be 1 to 99", token.at)
        if previous == "close":
            # The close has already played the part twice.
            length = self.last_length
            start = len(self.bars) - 2 * length
            del self.bars[start + length :]
            self._repeat(start, count, token.at)
            return
        self._close_bar()
        if following is not None and following.kind not in ("newline", "bar"):
            self.fail(f"'{token.text}' may stand after ':|' or at the end of a line", token.at)
        self._repeat(self.line_start, count, token.at)

    def _repeat(self, start: int, count: int, at: int) -> None:
        part = self.bars[start:]
        if not part:
            self.fail("nothing to repeat here", at)
        self.last_length = len(part)
        _check_length(len(self.bars) + len(part) * (count - 1), self.text, at)
        self.bars += part * (count - 1)
        self.repeat_start = len(self.bars)

    def _held(self, at: int) -> Bar:
        if not self.bars:
            self.fail("there is no chord before to hold or repeat", at)
        return (ChordSlot(0.0, 1.0, self.bars[-1][-1].chord),)

    def _close_bar(self) -> None:
        tokens, self.current = self.current, []
        if not tokens:
            return
        _check_length(len(self.bars) + 1, self.text, tokens[0].at)
        if len(tokens) > MAX_SHARES:
            self.fail(f"{len(tokens)} chords in one bar; at most {MAX_SHARES} (separate bars with |)", tokens[0].at)
        if tokens[0].kind == "same" and len(tokens) == 1:
            self._held(tokens[0].at)
            self.bars.append(self.bars[-1])
            return
        slots: list[ChordSlot] = []
        for i, token in enumerate(tokens):
            start, end = i / len(tokens), (i + 1) / len(tokens)
            if token.kind == "chord":
                slots.append(ChordSlot(start, end, parse_chord_at(self.text, token.at, token.text, self.key)))
            elif slots:
                slots[-1] = ChordSlot(slots[-1].start, end, slots[-1].chord)
            else:
                slots.append(ChordSlot(start, end, self._held(token.at)[0].chord))
        self.bars.append(tuple(slots))
