"""A tempo that moves: "accelerando from 80 to 140 bpm", 从80渐快到140, "gradually slower".

Tempi that the words state begin and end the piece exactly. A length in seconds is met by choosing the number of bars and,
within the piece, by bending the curve between the two in its middle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from partimento.interpret.reading import Reading, Said
from partimento.plan.plan import TempoAt
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Metre, bars_in_quarters, mean_bpm

USUAL_CHANGE = 1.3
"""Last over first tempo when the words ask for a piece that speeds up and name no tempi (its inverse: slows down)."""
_LEAST_CHANGE = 1.02
_BEND = 0.8
"""How far from the straight line (0) to one of the two tempi (1) the middle of the curve may be bent."""
_UNIT = r"(?:\s*(?:bpm|b\.p\.m\.?|beats? (?:per|a) minute))?"
_RANGE = re.compile(
    rf"(?<![\d.:/])(\d{{2,3}}(?:\.\d+)?){_UNIT}[^\d.;:!?。；！？]{{0,40}}?(?:\b(?:to|at|up to|down to)\b|-|–|→|到|至|成|为)\s*"
    rf"(?:about |around |大约|约)?(\d{{2,3}}(?:\.\d+)?)(?![\d/:]){_UNIT}",
    re.IGNORECASE,
)
_MOVES = re.compile(
    r"\b(?:rises?|rising|climbs?|climbing|increas\w+|falls?|falling|drops?|dropping|decreas\w+|sinks?|moves?|goes|going)\b"
    r"(?=[^.;:!?]{0,24}$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TempoCourse:
    """From one tempo to another, in beats as the user counts them, with the words."""

    from_bpm: float
    to_bpm: float
    words: tuple[str, ...]


def said_course(reading: Reading) -> TempoCourse | None:
    """The two tempi that the words move between, or None.

    A range ("80 to 140 bpm") is a course when the words speak of a change; otherwise it is a tempo somewhere inside it.
    """
    if reading.tempo is None and not re.search(r"bpm|tempo|速度|拍", reading.text, re.IGNORECASE):
        return None
    for match in _RANGE.finditer(reading.text):
        first, last = float(match.group(1)), float(match.group(2))
        usable = all(MIN_TEMPO_BPM <= bpm <= MAX_TEMPO_BPM for bpm in (first, last))
        moves = reading.tempo_change is not None or _MOVES.search(reading.text[: match.start()]) is not None
        if usable and moves and max(first / last, last / first) >= _LEAST_CHANGE:
            return TempoCourse(first, last, (match.group().strip(),))
    return None


def with_course(reading: Reading) -> Reading:
    """The reading without the contradiction of its two tempi, when the words say that one leads to the other."""
    course = said_course(reading)
    if course is None:
        return reading
    kept = tuple(c for c in reading.contradictions if c[0] != "tempo")
    change = reading.tempo_change or Said("faster" if course.to_bpm > course.from_bpm else "slower")
    unknown = tuple(w for w in reading.unknown if not _MOVES.fullmatch(w))
    return replace(reading, contradictions=kept, tempo_change=change, unknown=unknown)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A tempo lane that moves over the whole piece, and the bars and seconds that it takes."""

    points: tuple[TempoAt, ...]
    n_bars: int
    duration_s: float


def ramp_over_bars(bpm: float, to_bpm: float, n_bars: int, metre: Metre) -> Ramp:
    """A straight ramp over a number of bars."""
    seconds = n_bars * metre.bar_quarters * 60.0 / mean_bpm(bpm, to_bpm)
    return Ramp((TempoAt(0.0, bpm), TempoAt(float(n_bars), to_bpm, True)), n_bars, seconds)


def ramp_in_seconds(
    bpm: float, to_bpm: float, duration_s: float, metre: Metre, unit: int = 4, n_bars: int | None = None
) -> Ramp | None:
    """A ramp that takes a number of seconds.

    Args:
        bpm, to_bpm: first and last tempo in quarter notes a minute.
        duration_s: length to be met.
        metre: of all bars.
        unit: preferred multiple of bars.
        n_bars: the only number of bars that will do, or None.

    Returns:
        A whole number of bars, the curve bent in the middle where it must be. Where no such number can be met the straight
        ramp ends with the piece inside its last bar; None when ``n_bars`` cannot be met.
    """
    straight = duration_s * mean_bpm(bpm, to_bpm) / 60.0 / metre.bar_quarters
    counts = [n_bars] if n_bars is not None else range(max(1, int(straight * 0.85)), int(straight * 1.15) + 2)
    best: tuple[float, int, float] | None = None
    for n in counts:
        middle = _middle(bpm, to_bpm, duration_s, n * metre.bar_quarters)
        if middle is not None:
            bend = abs(middle - (bpm + to_bpm) / 2.0) / (abs(to_bpm - bpm) / 2.0)
            cost = bend + (0.0 if n % unit == 0 else 0.25 if n % 2 == 0 else 0.4)
            if best is None or cost < best[0]:
                best = (cost, n, middle)
    if best is not None:
        n, middle = best[1:]
        points = [TempoAt(0.0, bpm), TempoAt(float(n), to_bpm, True)]
        if abs(middle - (bpm + to_bpm) / 2.0) > 1e-6:
            points.insert(1, TempoAt(n / 2.0, middle, True))
        return Ramp(tuple(points), n, duration_s)
    if n_bars is not None:
        return None
    end = TempoAt(straight, to_bpm, True)
    return Ramp((TempoAt(0.0, bpm), end), bars_in_quarters(straight * metre.bar_quarters, metre), duration_s)


def _middle(bpm: float, to_bpm: float, duration_s: float, quarters: float) -> float | None:
    """The tempo halfway through at which both halves together take ``duration_s``; None when that bends too far."""

    def seconds(middle: float) -> float:
        return quarters / 2.0 * 60.0 * (1.0 / mean_bpm(bpm, middle) + 1.0 / mean_bpm(middle, to_bpm))

    centre, reach = (bpm + to_bpm) / 2.0, _BEND * abs(to_bpm - bpm) / 2.0
    low, high = centre - reach, centre + reach
    if not seconds(high) <= duration_s <= seconds(low):
        return None
    for _ in range(80):
        middle = (low + high) / 2.0
        low, high = (middle, high) if seconds(middle) > duration_s else (low, middle)
    return (low + high) / 2.0
