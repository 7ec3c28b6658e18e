"""The style value and its loader.

A file ``styles/data/<id>.yaml`` has a head that decides the plan (fields below) and a body ``music`` that only the
composer reads (documented in ``styles/data/README.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from partimento.errors import RequestError
from partimento.score.instruments import instruments
from partimento.score.score import ROLES


@dataclass(frozen=True, slots=True)
class StylePart:
    """A part of the style's usual ensemble.

    Attributes:
        instrument: instrument id.
        role: what it does.
        from_energy: sections below this energy leave it out (0 = plays always).
    """

    instrument: str
    role: str
    from_energy: float = 0.0


@dataclass(frozen=True, slots=True)
class FormSection:
    """A section of a form template, ``name:material:bars:energy`` in the file."""

    name: str
    material: str
    bars: int
    energy: float


@dataclass(frozen=True, slots=True)
class Form:
    """A form template; the interpreter repeats, drops or stretches sections to reach the asked length."""

    sections: tuple[FormSection, ...]

    @property
    def n_bars(self) -> int:
        """Bars of the whole template."""
        return sum(s.bars for s in self.sections)


@dataclass(frozen=True)
class Style:
    """One style.

    Attributes:
        id: file name without suffix.
        en, zh: names for people.
        tempo: slowest, usual and fastest tempo, quarter notes per minute.
        metres: metres that the style has patterns for, the usual one first; others are derived.
        modes: mode → weight.
        keys: usual tonics as pitch classes (guitar keys, flat keys …).
        swing: 0 straight, 0.5 light, 1 hard.
        energy: usual energy 0–1.
        ensemble: parts from the most to the least needed.
        forms: templates, short to long.
        ending: ``final``, ``fade`` or ``loop``.
        kit: General MIDI drum kit program.
        music: the composer's part of the file.
    """

    id: str
    en: str
    zh: str
    tempo: tuple[float, float, float]
    metres: tuple[str, ...]
    modes: dict[str, float]
    keys: tuple[int, ...]
    ensemble: tuple[StylePart, ...]
    forms: tuple[Form, ...]
    swing: float = 0.0
    energy: float = 0.5
    ending: str = "final"
    kit: int = 0
    music: dict[str, Any] = field(default_factory=dict)


@cache
def style_ids() -> tuple[str, ...]:
    """Ids of all styles, sorted."""
    folder = files("partimento.styles").joinpath("data")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")))


@cache
def style(id_: str) -> Style:
    """The style of that id.

    Raises:
        RequestError: when there is none; the message lists them.
    """
    if id_ not in style_ids():
        raise RequestError(f"unknown style '{id_}'; known: {', '.join(style_ids())}")
    text = files("partimento.styles").joinpath(f"data/{id_}.yaml").read_text(encoding="utf-8")
    raw = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return _build(id_, raw)


def _build(id_: str, raw: dict[str, Any]) -> Style:
    """Validate one file's content; a fault in our own data is an assertion, not a user's error."""
    parts = tuple(StylePart(**p) for p in raw["ensemble"])
    for part in parts:
        assert part.instrument in instruments(), f"style {id_}: unknown instrument {part.instrument}"
        assert part.role in ROLES, f"style {id_}: unknown role {part.role}"
    low, usual, high = raw["tempo"]
    assert low <= usual <= high, f"style {id_}: tempo must ascend"
    return Style(
        id=id_,
        en=raw["en"],
        zh=raw["zh"],
        tempo=(float(low), float(usual), float(high)),
        metres=tuple(raw["metres"]),
        modes=dict(raw["modes"]),
        keys=tuple(raw["keys"]),
        ensemble=parts,
        forms=tuple(_form(text) for text in raw["forms"]),
        swing=float(raw.get("swing", 0.0)),
        energy=float(raw.get("energy", 0.5)),
        ending=raw.get("ending", "final"),
        kit=int(raw.get("kit", 0)),
        music=raw.get("music", {}),
    )


def _form(text: str) -> Form:
    """Read ``"intro:i:4:0.3 verse:a:8:0.5"``."""
    sections = []
    for item in text.split():
        name, material, bars, energy = item.split(":")
        sections.append(FormSection(name, material, int(bars), float(energy)))
    return Form(tuple(sections))
