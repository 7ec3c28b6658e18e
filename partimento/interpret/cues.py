"""The grammar's cue words (``lexicon/cues.yaml``) as compiled regular expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from partimento.interpret.data import load_yaml


def _words(fragments: str | list[str], language: str) -> re.Pattern[str]:
    """One pattern out of fragments; English ones only between word boundaries."""
    joined = fragments if isinstance(fragments, str) else "|".join(sorted(fragments, key=len, reverse=True))
    if joined.startswith("^"):  # directly behind a name: no boundary
        return re.compile(joined[1:])
    return re.compile(rf"(?<![a-z0-9'])(?:{joined})(?![a-z0-9])" if language == "en" else rf"(?:{joined})")


@dataclass(frozen=True)
class Cues:
    """Patterns of one language by group and name, e.g. ``cues["negation"]["before"]``.

    ``behind`` holds those called ``not_if_before``: they match at the end of what stands in front of a word.
    """

    language: str
    groups: dict[str, dict[str, re.Pattern[str]]]

    behind: dict[str, re.Pattern[str]]

    def __getitem__(self, group: str) -> dict[str, re.Pattern[str]]:
        return self.groups[group]


@cache
def cues(language: str) -> Cues:
    """All cue patterns of ``en`` or ``zh``."""
    raw: dict[str, Any] = load_yaml("cues.yaml")[language]
    groups: dict[str, dict[str, re.Pattern[str]]] = {}
    for name, content in raw.items():
        table = content if isinstance(content, dict) else {"": content}
        groups[name] = {key: _words(value, language) for key, value in table.items()}
    behind = {
        name: re.compile(rf"(?:^|(?<=\s))(?:{content['not_if_before']})\s*$")
        for name, content in raw.items()
        if isinstance(content, dict) and "not_if_before" in content
    }
    return Cues(language, groups, behind)
