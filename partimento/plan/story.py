"""Words that change along the time line: ``"0: calm piano; 15: add drums; 1:05: everything stops"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.errors import ParseError

_SECTION = re.compile(
    # Two digits of seconds behind minutes are a time without a colon too: "0:03 fast drums" does not begin at 0.
    r"(?:(?P<minutes>\d+):(?P<rest>\d+(?:\.\d+)?\s*s?\s*:|[0-5]\d(?:\.\d+)?\s)|(?P<seconds>\d+(?:\.\d+)?)\s*s?\s*:)"
    r"\s*(?P<text>.+)",
    re.DOTALL,
)
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

    Raises:
        ParseError: a section without a time or without words, or times that do not rise.
    """
    sections: list[StorySection] = []
    for piece in text.split(";"):
        if not piece.strip():
            continue
        match = _SECTION.fullmatch(piece.strip())
        if match is None:
            raise ParseError(f"story section {piece.strip()[:40]!r} is not '{_WRITTEN}'; write e.g. {_EXAMPLE}")
        start_s = 60 * int(match["minutes"] or 0) + float((match["rest"] or match["seconds"]).rstrip(": s\t\n"))
        if sections and start_s <= sections[-1].start_s:
            late = f"story section at {start_s:g} s does not come after {sections[-1].start_s:g} s"
            raise ParseError(f"{late}; put them in order (times are {_TIMES})")
        sections.append(StorySection(start_s, match["text"].strip()))
    if not sections:
        raise ParseError(f"the story has no section; write e.g. {_EXAMPLE}")
    return tuple(sections)
