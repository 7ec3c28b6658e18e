"""Moods and dynamics: adjectives as numbers, the course of loudness."""

from __future__ import annotations

from functools import cache
from typing import Any

from partimento.interpret.data import load_yaml
from partimento.interpret.reading import Reading
from partimento.plan.plan import Character, DynamicAt, Origin, Value
from partimento.score.score import Section

_AXES = ("energy", "valence", "density", "tension", "legato", "humanize", "register")
_MAX_SHIFT = 0.45


@cache
def moods() -> dict[str, dict[str, Any]]:
    """Canonical moods with their figures."""
    table: dict[str, dict[str, Any]] = load_yaml("moods.yaml")
    return table


def character(reading: Reading, facts: dict[str, object]) -> Value[Character]:
    """The sum of all said moods around the neutral middle, each axis kept within 0.05 to 0.95."""
    shift = dict.fromkeys(_AXES, 0.0)
    swing = float(str(facts["swing"])) if "swing" in facts else None
    names = [m.value for m in reading.moods]
    if "mood" in facts and str(facts["mood"]) in moods():
        names.append(str(facts["mood"]))
    for name in names:
        row = moods().get(name, {})
        for axis in _AXES:
            shift[axis] += row.get(axis, 0.0)
        swing = row.get("swing", swing)
    if reading.half_time and reading.half_time.value == "half":
        shift["density"] -= 0.15
    if reading.half_time and reading.half_time.value == "double":
        shift["density"] += 0.15
    if not names and swing is None and not reading.half_time:
        return Value(Character())
    figures = {axis: round(0.5 + max(-_MAX_SHIFT, min(_MAX_SHIFT, value)), 3) for axis, value in shift.items()}
    words = tuple(w for m in reading.moods for w in m.words)
    return Value(Character(**figures, swing=swing), Origin.SAID if words else Origin.INFERRED, words)


def mood_mode(reading: Reading) -> tuple[str, tuple[str, ...]] | None:
    """Major or minor when the moods lean clearly, with their words."""
    lean = sum(moods().get(m.value, {}).get("valence", 0.0) for m in reading.moods)
    votes = [moods().get(m.value, {}).get("mode") for m in reading.moods]
    balance = votes.count("major") - votes.count("minor")
    if not any(votes) or balance == 0 or (balance > 0) != (lean > 0):
        return None
    mode = "major" if balance > 0 else "minor"
    return mode, tuple(w for m in reading.moods if moods().get(m.value, {}).get("mode") == mode for w in m.words)


def tempo_pull(reading: Reading) -> float:
    """How the moods pull the tempo: -1 slow to 1 fast."""
    total = float(sum(moods().get(m.value, {}).get("pull", 0.0) for m in reading.moods))
    return max(-1.0, min(1.0, total))


def dynamics(reading: Reading, sections: tuple[Section, ...], n_bars: int) -> Value[tuple[DynamicAt, ...]]:
    """The loudness lane: said levels and shapes, else a level middle."""
    if not reading.dynamics:
        return Value((DynamicAt(0.0, 0.5),))
    base = 0.5
    for said in reading.dynamics:
        if said.value.startswith("level "):
            base = float(said.value.removeprefix("level "))
    course = next((s.value.split()[1:] for s in reading.dynamics if s.value.startswith("course ")), None)
    shapes = [s.value for s in reading.dynamics if not s.value.startswith("level ")]
    end = float(n_bars)
    points = {0.0: base}
    if course:
        points = {0.0: float(course[0]), float(round(end * 0.3)): float(course[0]), max(1.0, end - 1.0): float(course[1])}
    if "soft_start" in shapes:
        points[0.0] = 0.26
        points[max(1.0, round(end * 0.35))] = max(base, 0.5)
    if "up" in shapes:
        points[0.0] = min(points[0.0], base - 0.2, 0.3)
        points[max(1.0, end - 1.0)] = max(0.85, min(0.95, base + 0.35))
    if "loud_end" in shapes:
        points.setdefault(max(1.0, round(end * 0.6)), max(points[0.0], min(base, 0.55)))
        points[max(1.0, end - 1.0)] = 0.9
    if "down" in shapes:
        points.setdefault(max(0.5, round(end * 0.5)), max(base, 0.55))
        points[max(1.0, end - 1.0)] = 0.24
    if "terraced" in shapes:
        for index, section in enumerate(sections):
            points[float(section.start_bar)] = 0.3 if index % 2 == 0 else 0.82
    lane = tuple(DynamicAt(bar, round(level, 3)) for bar, level in sorted(points.items()))
    return Value(lane, Origin.SAID, tuple(w for s in reading.dynamics for w in s.words))


def level_at(lane: tuple[DynamicAt, ...], bar: float) -> float:
    """Level of a lane at a bar, linear between points."""
    before = [p for p in lane if p.bar <= bar]
    after = [p for p in lane if p.bar > bar]
    if not before:
        return lane[0].level
    if not after:
        return before[-1].level
    a, b = before[-1], after[0]
    return a.level + (b.level - a.level) * (bar - a.bar) / (b.bar - a.bar)
