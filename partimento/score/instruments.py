"""The instrument table: ids, names, programs, ranges (``score/data/instruments.yaml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of the table; the head of the YAML file explains the fields."""

    id: str
    en: str
    zh: str
    family: str
    role: str
    program: int = 0
    keys: tuple[int, ...] = ()
    range: tuple[int, int] = (0, 127)
    best: tuple[int, int] = (48, 84)
    poly: bool = False
    decays: bool = True
    like: str = ""

    @property
    def is_drum(self) -> bool:
        """True when it is played by General MIDI drum keys."""
        return bool(self.keys)


@cache
def instruments() -> dict[str, Instrument]:
    """All instruments by id."""
    text = files("partimento.score").joinpath("data/instruments.yaml").read_text(encoding="utf-8")
    table = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    tuples = ("keys", "range", "best")
    rows: dict[str, dict[str, Any]] = {
        id_: {k: tuple(v) if k in tuples else v for k, v in row.items()} for id_, row in table.items()
    }
    return {id_: Instrument(id=id_, **row) for id_, row in rows.items()}


def instrument(id_: str) -> Instrument:
    """The instrument of that id.

    Raises:
        KeyError: when the table has none.
    """
    return instruments()[id_]


def english_name(id_: str) -> str:
    """What people call an instrument; of one that the table does not have, its id as words."""
    row = instruments().get(id_)
    return row.en if row is not None else id_.replace("_", " ")
