"""Plain-text and Markdown tables that line up, also with Chinese text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def display_width(text: str) -> int:
    """Columns that a terminal gives to a text (East Asian wide characters take two, combining marks none)."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int) -> str:
    """The text filled with spaces to a display width."""
    return text + " " * max(0, width - display_width(text))


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]], max_width: int = 60) -> str:
    """Aligned columns under a ruled head; cells wider than ``max_width`` are shortened with an ellipsis."""
    cells = [[_shorten(_one_line(c), max_width) for c in row] for row in [headers, *rows]]
    widths = [max(display_width(row[i]) for row in cells) for i in range(len(headers))]
    lines = ["  ".join(pad(c, w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same as a Markdown table."""
    lines = ["| " + " | ".join(_one_line(c).replace("|", "\\|") for c in row) + " |" for row in [headers, *rows]]
    lines.insert(1, "|" + " --- |" * len(headers))
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Line breaks and tabs as spaces."""
    return " ".join(str(text).split()) if any(c in str(text) for c in "\n\r\t") else str(text)


def _shorten(text: str, width: int) -> str:
    """Cut to a display width, marking the cut."""
    if display_width(text) <= width:
        return text
    out = ""
    for character in text:
        if display_width(out + character) > width - 1:
            break
        out += character
    return out + "…"
