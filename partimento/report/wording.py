"""Small words for findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from partimento.plan.plan import BarRange, Plan, Value
from partimento.plan.result import Finding, Verdict
from partimento.score.timing import PITCH_NAMES_SHARP


def verdict(good: bool | None) -> Verdict:
    """True is a pass, False a fail, None not measurable."""
    if good is None:
        return "not measurable"
    return "pass" if good else "fail"


def finding(
    control: str,
    asked: str,
    heard: str,
    how: str,
    good: bool | None,
    *,
    level: Literal["score", "audio"] = "score",
    origin: str = "given",
    value: float | None = None,
) -> Finding:
    """A report line from a truth value; figures are rounded so that equal pieces give equal text."""
    return Finding(control, asked, heard, how, verdict(good), level, str(origin), None if value is None else round(value, 5))


def percent(share: float) -> str:
    """0.934 → ``93 %``; what is not quite all never reads as all."""
    if 0.995 <= share < 1.0:
        return f"{int(share * 1000) / 10:g} %"
    return f"{100 * share:.0f} %"


def bars(ranges: Sequence[BarRange]) -> str:
    """Bar ranges as users read them: 1-based, inclusive."""
    texts = [f"{r.start_bar + 1}" if r.end_bar == r.start_bar + 1 else f"{r.start_bar + 1}–{r.end_bar}" for r in ranges]
    return ("bar " if len(texts) == 1 and "–" not in texts[0] else "bars ") + ", ".join(texts)


def some(items: Sequence[str], limit: int = 3) -> str:
    """The first few items and how many more there are."""
    rest = len(items) - limit
    return "; ".join(items[:limit]) + (f"; {rest} more" if rest > 0 else "")


def pitch_name(pitch: int) -> str:
    """Pitch class name of a MIDI pitch or pitch class."""
    return PITCH_NAMES_SHARP[pitch % 12]


def source(value: Value[Any]) -> str:
    """Origin of a plan value as text."""
    return str(value.origin)


def is_wish(value: Value[Any]) -> bool:
    """True when the user gave or said it."""
    return str(value.origin) in ("given", "said")


def tempo_text(plan: Plan) -> str:
    """The tempo lane as text."""
    points = plan.tempo.value
    texts = [f"{points[0].bpm:g} bpm"]
    texts += [f"{'to' if p.ramp else 'then'} {p.bpm:g} at bar {p.bar + 1:g}" for p in points[1:]]
    return some(texts, 4)
