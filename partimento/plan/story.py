"""Words that change along the time line: ``"0: calm piano; 15: add drums; 1:05: everything stops"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.errors import ParseError

_SECTION = re.compile(r"(?:(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d+)?)\s*s?\s*:\s*(?P<text>.+)", re.DOTALL)
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

    Raises:
        ParseError: a section without a time or without words, or times that do not rise.
    """
    sections: list[StorySection] = []
    for piece in text.split(";"):
        if not piece.strip():
            continue
        match = _SECTION.fullmatch(piece.strip())
        if match is None:
            raise ParseError(f"story section {piece.strip()[:40]!r} is not 'SECONDS: words'; write e.g. {_EXAMPLE}")
        start_s = 60 * int(match["minutes"] or 0) + float(match["seconds"])
        if sections and start_s <= sections[-1].start_s:
            raise ParseError(f"story section at {start_s:g} s does not come after {sections[-1].start_s:g} s; put them in order")
        sections.append(StorySection(start_s, match["text"].strip()))
    if not sections:
        raise ParseError(f"the story has no section; write e.g. {_EXAMPLE}")
    return tuple(sections)
