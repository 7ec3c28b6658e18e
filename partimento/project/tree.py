"""The versions of a project as a drawing: straight while each was made from the one before, a branch where two were."""

from __future__ import annotations

from collections.abc import Sequence

from partimento.project.project import Version
from partimento.tables import display_width, pad

HEAD = "●"
OTHER = "○"
_MAX_WORDS, _MAX_CHANGES = 52, 72


def history_lines(versions: Sequence[Version], head: int) -> list[str]:
    """One line per version, parents above their children; the current one is marked.

    Args:
        versions: all of a project; what was made from one that is not among them stands at the edge.
        head: number of the current one.
    """
    known = {version.number for version in versions}
    children: dict[int | None, list[Version]] = {}
    for version in versions:
        children.setdefault(version.parent if version.parent in known else None, []).append(version)
    drawn: list[tuple[str, Version]] = []
    waiting = [(version, "", "") for version in reversed(children.get(None, []))]
    while waiting:
        version, first, prefix = waiting.pop()
        drawn.append((f"{first}{HEAD if version.number == head else OTHER} {version.number}", version))
        below = children.get(version.number, [])
        waiting += [(last, prefix, prefix) for last in below[-1:]]
        waiting += [(branch, f"{prefix}├─", f"{prefix}│ ") for branch in reversed(below[:-1])]
    width = max((display_width(mark) for mark, _ in drawn), default=0)
    words = [_short(version.instruction or "(no words)", _MAX_WORDS) for _, version in drawn]
    words_width = max((display_width(text) for text in words), default=0)
    return [
        f"{pad(mark, width)}  {pad(text, words_width)}  {_short('; '.join(version.changed), _MAX_CHANGES)}".rstrip()
        for (mark, version), text in zip(drawn, words, strict=True)
    ]


def _short(text: str, width: int) -> str:
    """One line of at most this many columns."""
    text = " ".join(text.split())
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"
