"""Plans for the composer's tests, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from partimento.plan.plan import BarRange, KeyAt, MetreAt, Origin, PartPlan, Plan, TempoAt, Value
from partimento.score.score import Section
from partimento.score.timing import Key, Metre
from partimento.styles import style

PlanOf = Callable[..., Plan]


def _metre(text: str) -> Metre:
    numerator, denominator = text.split("/")
    return Metre(int(numerator), int(denominator))


def _plan(
    style_id: str = "folk",
    *,
    sections: str = "A:a:8:0.4 B:b:8:0.6",
    metre: str = "4/4",
    bpm: float = 120.0,
    key: Key | None = None,
    duration_s: float | None = None,
    ending: str = "final",
    parts: tuple[PartPlan, ...] | None = None,
    **fields: Any,
) -> Plan:
    rows, at = [], 0
    for item in sections.split():
        name, material, bars, energy = item.split(":")
        rows.append(Section(name, material, at, int(bars), float(energy)))
        at += int(bars)
    the_metre = _metre(metre)
    if parts is None:
        whole = (BarRange(0, at),)
        parts = tuple(
            PartPlan(f"{p.instrument} {i}", p.instrument, p.role, Origin.INFERRED, whole)
            for i, p in enumerate(style(style_id).ensemble)
        )
    lanes: dict[str, Any] = {
        "tempo": Value((TempoAt(0, bpm),)),
        "key": Value((KeyAt(0, key or Key(0, "major")),)),
        "metre": Value((MetreAt(0, the_metre),)),
    }
    lanes |= {
        name: value if isinstance(value, Value) else Value(value)
        for name, value in fields.items()
        if name in Plan.__annotations__
    }
    if "sketch" in fields:
        lanes["sketch"] = fields["sketch"]
    return Plan(
        caption="a piece",
        language="en",
        style=Value(style_id),
        n_bars=Value(at),
        duration_s=Value(duration_s or at * the_metre.bar_quarters * 60.0 / bpm),
        sections=Value(tuple(rows)),
        parts=parts,
        ending=Value(ending),
        **lanes,
    )


@pytest.fixture
def plan_of() -> PlanOf:
    """Make a plan: style, sections (``name:material:bars:energy``), metre, tempo … and any other field of ``Plan``."""
    return _plan
