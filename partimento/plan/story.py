"""Words that change along the time line: ``"0: calm piano; 15: add drums; 1:05: everything stops"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.errors import ParseError

_CLOCK = re.compile(
    # Two digits of seconds behind minutes are a time without a colon too: "0:03 fast drums" does not begin at 0.
    r"(?P<minutes>\d+)[:：](?P<seconds>[0-5]\d(?:\.\d+)?)(?:\s*s?\s*[:：]|(?=\s))(?P<text>.+)",
    re.DOTALL,
)
_SECONDS = re.compile(r"(?P<seconds>\d+(?:\.\d+)?)\s*s?\s*[:：](?P<text>.+)", re.DOTALL)
_NUMBER = re.compile(
    # Right behind a colon: a number that may be meant as a time. Not "80s", "8-bit", "12/8" or "2nd", which no clock shows.
    r"\d+(?:[.,]\d+)?(?:s(?!\w)|(?![\d.,]*\w)(?![-/]\w)|(?=[-–—]\d+[:：]))"
)
_DECADE = re.compile(r"(?:[6-9]|\d{2,})0s(?!\w)")
_WRITTEN = "SECONDS: words' or 'MINUTES:SECONDS words"
_TIMES = "seconds, 15, or minutes and seconds, 1:05"
_EXAMPLE = '"0: calm piano; 15: drums come in; 1:05: strings alone"'


@dataclass(frozen=True, slots=True)
class StorySection:
    """Words from a moment on.

    Attributes:
        start_s: seconds from the piece's beginning.
        text: what is wanted from then on.
    """

    start_s: float
    text: str


def parse_story(text: str) -> tuple[StorySection, ...]:
    """Sections between semicolons, each ``SECONDS: words`` or ``MINUTES:SECONDS: words``, in order of time.

    Seconds behind minutes have two digits (00 to 59); the colon before the words may then be left out (``1:05 strings``).
    Words that begin with a number stand apart from the colon (``0: 4 violins``), so that ``0:4`` is never taken for second 0.

    Raises:
        ParseError: a section without a time or without words, a time that may be meant in two ways, or times that do not rise.
    """
    sections: list[StorySection] = []
    for piece in re.split("[;；]", text):
        if not piece.strip():
            continue
        section = _section(piece.strip())
        if sections and section.start_s <= sections[-1].start_s:
            late = f"story section at {section.start_s:g} s does not come after {sections[-1].start_s:g} s"
            raise ParseError(f"{late}; put them in order (times are {_TIMES})")
        sections.append(section)
    if not sections:
        raise ParseError(f"the story has no section; write e.g. {_EXAMPLE}")
    return tuple(sections)


def _section(piece: str) -> StorySection:
    """One section, stripped of space around it."""
    match = _CLOCK.fullmatch(piece) or _SECONDS.fullmatch(piece)
    if match is None or not match["text"].strip():
        raise ParseError(f"story section {piece[:40]!r} is not '{_WRITTEN}'; write e.g. {_EXAMPLE}")
    number = _NUMBER.match(match["text"])
    if number is not None and not _DECADE.match(match["text"]):
        time = piece[: match.start("text") + number.end()]
        if re.fullmatch(r"\d+[:：][0-5]\d(\.\d+)?", time):
            raise ParseError(f"story section {piece[:40]!r}: behind the time {time} come a space and words, as in {_EXAMPLE}")
        apart = f"{piece[: match.start('text')]} {number[0]}"
        raise ParseError(
            f"story section {piece[:40]!r}: '{time}' is not clear; a time has two digits of seconds, 00 to 59 (0:04, 1:30), and "
            f"words that begin with a number have a space before it ('{apart} …')"
        )
    minutes = match.groupdict().get("minutes") or 0
    return StorySection(60 * int(minutes) + float(match["seconds"]), match["text"].strip())
