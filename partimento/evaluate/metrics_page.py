"""The page ``docs/metrics.md``: every metric with its conventions, and what each notices.

partimento evaluate sanity --page docs/metrics.md
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from importlib.resources import files

from partimento.evaluate.sanity import Line, as_markdown

_NOT_METRICS = ("__init__", "interfaces", "mir", "note_arrays", "log_mel_statistics")
_HEAD = """# Metrics

`partimento.metrics` takes arrays and gives numbers; of the package it needs only errors and keys. Each file is one metric:
its head says the conventions that decide the figure, `validate` or the function itself refuses what cannot be measured,
`evaluate` gives all its scores by name. Networks are passed in (`partimento.metrics.interfaces`); adapters to published ones
are listed in `partimento.evaluate.embedders`. Tables of systems: `partimento evaluate text-to-music | controls | inpaint | edit |
codec | plan | compose`. Sound is measured on all cores, kept by the content of its files, and goes on where it was interrupted.

## What there is
"""
_TABLE = """
## A table of ours

The score performer on the first 80 captions of MusicCaps (20 s each) against 80 renderings of public-domain lead sheets,
re-orchestrated by `partimento data render`: [text_to_music.md](figures/text_to_music.md), with
[every figure as CSV](figures/text_to_music.csv) and [intervals drawn](figures/text_to_music.png). The reference is folk and song
material on another SoundFont, the captions ask for everything from techno to gospel: the distance says how far apart both
are, not which is better. Its use is the comparison of systems in one table.
"""
_SANITY = """
## What each notices

Our own pieces, damaged step by step. A metric is only asked about what it claims to see. Printed by
`partimento evaluate sanity`; the last column must say yes everywhere.
"""


def metrics_list() -> str:
    """A list of all metric files: name, and the question that each answers."""
    lines = []
    for entry in sorted(files("partimento.metrics").iterdir(), key=lambda e: e.name):
        name = entry.name.removesuffix(".py")
        if not entry.name.endswith(".py") or name in _NOT_METRICS:
            continue
        text = ast.get_docstring(ast.parse(entry.read_text("utf-8"))) or ""
        head = text.splitlines()[0]
        lines.append(f"- `{name}`: {head if head.endswith(('.', '?')) else head + '.'}")
    return "\n".join(lines)


def metrics_page(lines: Sequence[Line]) -> str:
    """The whole page."""
    return f"{_HEAD}\n{metrics_list()}\n{_SANITY}\n{as_markdown(lines)}\n{_TABLE}"
