"""What a text tower is told about a window of music while it learns: the plan's canonical English, filled with the truth.

:func:`partimento.interpret.caption.caption_of` words what a user asked for; :func:`true_caption` words what a rendered item is,
in the same grammar, each fact left out now and then, because users do not say everything. Items without known truth
(recordings with descriptions) keep their own captions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from partimento.embed.words import vocabulary
from partimento.interpret.data import load_yaml
from partimento.score.instruments import english_name, instruments
from partimento.styles import style, style_ids

ABSENT = {
    "drums": "drums", "guitars": "guitar", "strings": "string section", "brass": "brass section", "winds": "woodwinds",
    "synth": "synthesizer", "keys": "piano",
}  # fmt: skip
"""Family of the instrument table → how the canonical caption says that none of it plays."""
_ENTERS = re.compile(r"the ([a-z ]+) enters later")
_EARLY_S = 2.0
_LATE_S = 3.0
_LEAST_ACTIVE_S = 0.5
_KEPT_PARTS = 0.6
_ONLY_PARTS, _ONLY_HEAD = 0.25, 0.1
"""How often a caption says nothing but instruments, and nothing but style and mood: users do."""
_SAID_ROLE = 0.5
_SAID_ROLES = {"melody": "melody", "chords": "chords", "arpeggio": "arpeggios"}


@dataclass(frozen=True, slots=True)
class TrueFacts:
    """What is true of a window.

    Attributes:
        moods, label: adjectives and style, possibly none.
        parts: instrument ids with roles, without repeats.
        bpm, metre, key: as far as known.
        late: words of an instrument that enters after the others, within the window.
        absent: families (keys of :data:`ABSENT`) that do not play; None where that is not known.
    """

    moods: tuple[str, ...] = ()
    label: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    bpm: float | None = None
    metre: str = ""
    key: str = ""
    late: str = ""
    absent: tuple[str, ...] = ()


@cache
def known_labels() -> tuple[tuple[str, str], ...]:
    """(how it is written, the canonical word) of styles, the longest first."""
    found = {words.lower(): style(id_).en for id_ in style_ids() for words in (style(id_).en, id_.replace("_", " "))}
    return tuple(sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0])))


@cache
def known_moods() -> tuple[str, ...]:
    """Names of moods."""
    return tuple(load_yaml("moods.yaml"))


@cache
def training_words() -> tuple[str, ...]:
    """The vocabulary of text towers: the tables', and the moods."""
    return vocabulary((*known_moods(), "old", "modern", "classic"))


def facts_of_window(caption: str, controls: dict[str, Any], start_s: float) -> TrueFacts | None:
    """The truth of a window; None when nothing but its caption is known.

    Args:
        caption: one of the item's; style, mood and order in time are read from it.
        controls: as :attr:`partimento.data.cache.read.Window.controls`.
        start_s: where in the item the window begins; order in time that only the caption knows is true from the beginning.
    """
    everyone = controls.get("instruments")
    if not everyone:
        return None
    rows = [row for row in everyone if "active" not in row or _active_s(row) >= _LEAST_ACTIVE_S]
    said = f" {caption.lower()} "
    label = next((name for written, name in known_labels() if re.search(rf"\b{re.escape(written)}\b", said)), "")
    moods = tuple(m for m in known_moods() if re.search(rf"\b{re.escape(m.replace('_', ' '))}\b", said))
    parts = tuple(dict.fromkeys((str(row["instrument"]), str(row["role"])) for row in rows))
    table = instruments()
    families = {table[id_].family for id_, _ in parts if id_ in table} | {"drums" for row in rows if row.get("is_drum")}
    if all("active" in row for row in rows):
        late = _enters_late(rows)
    else:
        said_late = _ENTERS.search(said) if start_s < _EARLY_S else None
        late = said_late.group(1) if said_late else ""
    keys = controls.get("keys") or [[0.0, ""]]
    return TrueFacts(
        moods, label, parts, controls.get("tempo_bpm"), str(controls.get("metre", "")), str(keys[0][1]),
        late, tuple(f for f in ABSENT if f not in families),
    )  # fmt: skip


def _active_s(row: dict[str, Any]) -> float:
    """How long an instrument plays within the window."""
    return float(sum(end - start for start, end in row["active"]))


def _enters_late(rows: Sequence[dict[str, Any]]) -> str:
    """Words of the last instrument to enter, if it does so well after another one; else empty."""
    first: dict[str, float] = {}
    for row in rows:
        begins = float(row["active"][0][0])
        first[row["instrument"]] = min(begins, first.get(row["instrument"], begins))
    last = max(first, key=lambda id_: first[id_], default="")
    if not last or first[last] < _LATE_S or min(first.values()) >= _EARLY_S:
        return ""
    return english_name(last)


def true_caption(facts: TrueFacts, rng: np.random.Generator, numbers: float = 0.8) -> str:
    """Facts in the canonical wording, a random part of them left out.

    Args:
        facts: what is true.
        rng: the only source of chance.
        numbers: how often each of tempo, metre and key is said.
    """
    keep = rng.random(6) < (0.85, 0.9, numbers, numbers, numbers, 0.9)
    brevity = rng.random()
    if brevity < _ONLY_PARTS and facts.parts:
        keep[:] = False, True, False, False, False, False
    elif brevity < _ONLY_PARTS + _ONLY_HEAD and (facts.label or facts.moods):
        keep[:] = True, False, False, False, False, False
    moods = facts.moods if keep[0] or not keep[1] else ()
    head = " ".join([", ".join(moods), facts.label if keep[0] else ""]).strip()
    text = f"{'An' if head[:1].lower() in tuple('aeiou') else 'A'} {head} piece".replace("  ", " ")
    parts = list(facts.parts)
    if len(parts) > 1 and rng.random() > _KEPT_PARTS:
        count = int(rng.integers(1, len(parts)))
        parts = [parts[i] for i in sorted(rng.choice(len(parts), count, replace=False))]
    if keep[1] and parts:
        roles = rng.random() < _SAID_ROLE
        text += f" with {_list([_part(id_, role if roles else '') for id_, role in parts])}"
    more = [f"{facts.bpm:.0f} bpm" if facts.bpm and keep[2] else "", facts.metre if keep[3] else "", facts.key if keep[4] else ""]
    text += "".join(f", {word}" for word in more if word) + "."
    if facts.late and keep[5]:
        text += f" {facts.late.capitalize()} enters later."
    if facts.absent and rng.random() < 0.4:
        count = min(len(facts.absent), 1 + int(rng.integers(2)))
        chosen = rng.choice(len(facts.absent), count, replace=False)
        text += f" No {' or '.join(ABSENT[facts.absent[i]] for i in sorted(chosen))}."
    return text


def _part(id_: str, role: str) -> str:
    return f"{english_name(id_)} {_SAID_ROLES.get(role, '')}".strip()


def _list(items: Sequence[str]) -> str:
    items = list(dict.fromkeys(items))
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
