"""Plan → frame: the bars, tempo and end of a piece, before a note is written.

The piece lasts exactly ``plan.duration_s``: its length in quarter notes is what the tempo map reaches at that second,
so the last bar may be shorter or longer than its metre says, and nothing is cut or padded afterwards.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import replace
from itertools import pairwise

from partimento.compose.frame import Bar, Frame
from partimento.plan.plan import DynamicAt, Plan
from partimento.score.score import KeyPoint, MetrePoint, Score, Section
from partimento.score.timing import FINAL_SHARE, MAX_TEMPO_BPM, MIN_TEMPO_BPM, TempoMap, TempoPoint, mean_bpm, quarters_at
from partimento.styles import style

RING_S = 1.4
"""Usual time between letting go of the last chord and the end of the audio."""
FADE_S = 8.0
"""Longest fade-out."""
_LEAST_HELD, _LEAST_HELD_S = 0.033, 0.5  # the last chord: share of the piece, or seconds where that is less
_RAMP_STEP = 0.5
_RAMP_RATIO = 0.01  # of the tempi of two neighbouring steps: nobody hears it
_MAX_RAMP_STEPS = 256


def build_frame(plan: Plan) -> Frame:
    """Lay out the bars of a plan.

    Args:
        plan: any valid plan; where its bars and its duration disagree, the duration wins and the last section is
            stretched or cut by whole bars.
    """
    metres = _metre_points(plan)
    tempos = tempo_points(plan, metres)
    tempo_map = TempoMap(tempos)
    length = tempo_map.quarters(plan.duration_s.value)
    tempos = tuple(p for p in tempos if p.at < length - 1e-6)
    grid = Score(tracks=(), length=length, tempos=tempos, metres=metres)
    sections = fit_sections(plan.sections.value, grid.n_bars)
    chosen = style(plan.style.value)
    final_start, final_release = _ending(plan, grid)
    keys = plan.key.value
    bars = []
    for section_index, section in enumerate(sections):
        following = sections[section_index + 1].energy if section_index + 1 < len(sections) else section.energy
        ends = phrase_ends(section.n_bars, _bar_seconds(grid, section.start_bar))
        for i in range(section.n_bars):
            index = section.start_bar + i
            start, end = grid.bar_span(index)
            bars.append(
                Bar(
                    index=index,
                    start=start,
                    quarters=end - start,
                    metre=grid.metre_at(index),
                    key=[k.key for k in keys if k.bar <= index + 0.5][-1],
                    section=section,
                    in_section=i,
                    energy=_energy(section, i, following),
                    level=_level(plan, grid, index),
                    phrase_end=i + 1 in ends,
                    section_end=i + 1 == section.n_bars,
                    last=index + 1 == grid.n_bars,
                )
            )
    return Frame(plan, chosen, tuple(bars), tempos, length, final_start, final_release)


def key_points(frame: Frame) -> tuple[KeyPoint, ...]:
    """The keys of a frame, one point where the key changes."""
    points: list[KeyPoint] = []
    for bar in frame.bars:
        if not points or points[-1].key != bar.key:
            points.append(KeyPoint(bar.start, bar.key))
    return tuple(points)


def metre_points(frame: Frame) -> tuple[MetrePoint, ...]:
    """The metres of a frame, one point where the metre changes."""
    points: list[MetrePoint] = []
    for bar in frame.bars:
        if not points or points[-1].metre != bar.metre:
            points.append(MetrePoint(bar.index, bar.metre))
    return tuple(points)


def bar_position(frame: Frame, bar: float) -> float:
    """Quarter notes at a (fractional) 0-based bar, measured in the metre of that bar and clamped to the piece."""
    if bar <= 0:
        return 0.0
    index = min(int(bar), len(frame.bars) - 1)
    at = frame.bars[index].start + (bar - index) * frame.bars[index].metre.bar_quarters
    return min(at, frame.length)


def _metre_points(plan: Plan) -> tuple[MetrePoint, ...]:
    """The plan's metres as score points."""
    points: list[MetrePoint] = []
    for at in plan.metre.value:
        if points and points[-1].bar == at.bar:
            points[-1] = MetrePoint(at.bar, at.metre)
        else:
            points.append(MetrePoint(at.bar, at.metre))
    assert points[0].bar == 0, "the metre lane must begin at bar 0"
    return tuple(points)


def tempo_points(plan: Plan, metres: tuple[MetrePoint, ...]) -> tuple[TempoPoint, ...]:
    """The plan's tempo lane as piecewise constant points; a ramp becomes steps of half a quarter note or less.

    Every step takes the time of a tempo that moves linearly along the bars, so a ramp as a whole does, too. The first step
    begins with the tempo that the ramp leaves and the last one ends with the one it reaches.
    """
    points: list[TempoPoint] = []

    def _add(at: float, bpm: float) -> None:
        bpm = min(max(bpm, MIN_TEMPO_BPM), MAX_TEMPO_BPM)
        if points and at <= points[-1].at + 1e-9:
            points[-1] = TempoPoint(points[-1].at, bpm)
        elif not points or points[-1].bpm != bpm:
            points.append(TempoPoint(at, bpm))

    before_at, before_bpm = 0.0, plan.tempo.value[0].bpm
    for point in plan.tempo.value:
        at = quarters_at(metres, point.bar)
        if point.ramp and at > before_at:
            for start, bpm in _ramp_steps(before_at, before_bpm, at, point.bpm):
                _add(start, bpm)
        _add(at, point.bpm)
        before_at, before_bpm = at, point.bpm
    assert points[0].at == 0, "the tempo lane must begin at bar 0"
    return tuple(points)


def _ramp_steps(start: float, bpm: float, end: float, to_bpm: float) -> list[tuple[float, float]]:
    """Where the steps of a ramp begin (quarter notes) and their tempi."""
    by_ratio = abs(math.log(to_bpm / bpm)) / _RAMP_RATIO
    n = int(min(_MAX_RAMP_STEPS, max(2, round((end - start) / _RAMP_STEP), math.ceil(by_ratio))))
    size = (end - start) / n
    edges = [bpm + (to_bpm - bpm) * k / n for k in range(n + 1)]
    steps = [(start + k * size, mean_bpm(a, b)) for k, (a, b) in enumerate(pairwise(edges))]
    # A part of the first and of the last step has the ramp's own ends; the rest of the step makes up for it.
    part = 0.25 * size
    first = (size - part) / (size / steps[0][1] - part / bpm)
    last = (size - part) / (size / steps[-1][1] - part / to_bpm)
    return [(start, bpm), (start + part, first), *steps[1:-1], (steps[-1][0], last), (end - part, to_bpm)]


def fit_sections(sections: tuple[Section, ...], n_bars: int) -> tuple[Section, ...]:
    """The sections cut or stretched at the end to cover exactly ``n_bars`` bars, without gaps."""
    fitted: list[Section] = []
    at = 0
    for section in sections:
        if at >= n_bars:
            break
        size = min(section.n_bars, n_bars - at)
        fitted.append(replace(section, start_bar=at, n_bars=size))
        at += size
    if not fitted:
        return (Section("A", "a", 0, n_bars),)
    if at < n_bars:
        fitted[-1] = replace(fitted[-1], n_bars=fitted[-1].n_bars + n_bars - at)
    return tuple(fitted)


def phrase_ends(n_bars: int, bar_seconds: float) -> frozenset[int]:
    """Where phrases close: numbers of bars (1-based, counted in the section) after which the tune breathes.

    Four bars are the norm; eight where bars are very short (a quick waltz), two where they are very long.
    """
    unit = 8 if bar_seconds < 1.0 and n_bars % 8 == 0 else 2 if bar_seconds > 5.0 and n_bars % 2 == 0 else 4
    if n_bars <= unit + 1:
        return frozenset({n_bars})
    sizes = [unit] * (n_bars // unit)
    rest = n_bars % unit
    if rest == 1:
        sizes[-1] += 1
    elif rest == 2 and len(sizes) > 1:
        sizes.insert(len(sizes) - 1, 2)
    elif rest:
        sizes.append(rest)
    ends, at = [], 0
    for size in sizes:
        at += size
        ends.append(at)
    return frozenset(ends)


def _bar_seconds(grid: Score, bar: int) -> float:
    """Nominal duration of a bar."""
    return grid.metre_at(bar).bar_quarters * 60.0 / grid.tempo_map.bpm_at(grid.bar_starts[bar])


def _energy(section: Section, i: int, following: float) -> float:
    """A section's energy in its bar ``i``: a slight arch, leaning towards the next section in the last quarter."""
    place = (i + 0.5) / section.n_bars
    arch = 0.04 * (1.0 - abs(2.0 * place - 1.2))
    lean = max(0.0, place - 0.75) * 0.6 * (following - section.energy)
    return min(1.0, max(0.0, section.energy + arch + lean))


def _level(plan: Plan, grid: Score, index: int) -> float:
    """The dynamics lane in the middle of a bar, sinking at the end where the piece fades out."""
    level = dynamic_at(plan.dynamics.value, index + 0.5)
    if plan.ending.value == "fade":
        start, end = grid.bar_span(index)
        level *= fade_share(grid.duration_s - grid.tempo_map.seconds((start + end) / 2), grid.duration_s)
    return min(1.0, max(0.0, level))


def fade_share(left_s: float, duration_s: float) -> float:
    """What is left of the level of a piece that fades out, ``left_s`` seconds before its end."""
    return min(1.0, 0.15 + 0.85 * left_s / min(FADE_S, 0.25 * duration_s))


def dynamic_at(points: tuple[DynamicAt, ...], bar: float) -> float:
    """The level at a fractional bar, linear between points and constant outside."""
    at = [p.bar for p in points]
    i = bisect.bisect_right(at, bar) - 1
    if i < 0:
        return points[0].level
    if i + 1 >= len(points):
        return points[-1].level
    span = points[i + 1].bar - points[i].bar
    share = (bar - points[i].bar) / span if span > 0 else 1.0
    return points[i].level + share * (points[i + 1].level - points[i].level)


def _ending(plan: Plan, grid: Score) -> tuple[float, float]:
    """Where the last chord begins and where it is let go."""
    if plan.ending.value != "final":
        return grid.length, grid.length
    duration_s = grid.duration_s
    earliest = grid.tempo_map.quarters(duration_s * (FINAL_SHARE + 0.004))
    tune_end = _given_end(plan, grid)
    if tune_end is not None and earliest - 1e-9 <= tune_end <= grid.length - 0.25:
        left_s = duration_s - grid.tempo_map.seconds(tune_end)
        return tune_end, grid.tempo_map.quarters(duration_s - min(RING_S, 0.4 * left_s))
    room_s = min(1.6, 0.08 * duration_s)
    best: tuple[float, float] | None = None
    for bar in range(grid.n_bars - 1, -1, -1):
        _start, end = grid.bar_span(bar)
        if end <= earliest:
            break
        for at, weight in _places(grid, bar):
            left_s = duration_s - grid.tempo_map.seconds(at)
            if at < earliest - 1e-9 or left_s < 0.05:
                continue
            short = max(0.0, room_s - left_s) / max(room_s, 1e-9)
            cost = -weight + 6.0 * short + 0.25 * max(0.0, left_s - 4.5) + 0.05 * left_s
            if best is None or cost < best[0] - 1e-9:
                best = (cost, at)
    assert best is not None, "a sixteenth note always fits"
    start_s = grid.tempo_map.seconds(best[1])
    left_s = duration_s - start_s
    # Where there is hardly room, the chord is held at the cost of what rings on after it.
    held_s = min(_LEAST_HELD_S, _LEAST_HELD * duration_s)
    ring_s = min(RING_S, 0.5 * left_s, max(left_s - held_s, 0.1 * left_s))
    return best[1], grid.tempo_map.quarters(duration_s - ring_s)


def _given_end(plan: Plan, grid: Score) -> float | None:
    """Where the last note of a given tune begins, when the piece ends with it (or with a return of it)."""
    index = next((p.sketch for p in plan.parts if p.role == "melody" and p.sketch is not None), len(plan.sketch))
    tune = plan.sketch[index].notes if index < len(plan.sketch) else ()
    sections = plan.sections.value
    if not tune or grid.length - grid.bar_span(grid.n_bars - 1)[0] < 1.0:
        return None
    last = tune[-1].start
    holding = next((s for s in sections if grid.bar_at(last) < s.end_bar), None)
    closing = sections[-1]
    if holding is None or closing.end_bar != grid.n_bars:
        return None
    statement = {s.material for s in sections if s.end_bar <= holding.end_bar and s.material != "i"}
    if closing is not holding and closing.material not in statement:
        return None
    end = grid.bar_span(min(holding.end_bar, grid.n_bars) - 1)[1]
    return last + grid.length - end


def _places(grid: Score, bar: int) -> list[tuple[float, float]]:
    """Candidate places for the last chord in a bar with their weights: downbeat, middle, beats, and (in very short
    pieces, where nothing else is late enough) ever finer divisions."""
    start, end = grid.bar_span(bar)
    metre = grid.metre_at(bar)
    end = min(end, start + metre.bar_quarters)
    beats = metre.beat_quarters
    places = {start: 3.0}
    for i, at in enumerate(beats[1:], 1):
        middle = len(beats) % 2 == 0 and i == len(beats) // 2
        places.setdefault(start + at, 1.6 if middle else 0.8)
    step = 4.0 / metre.denominator
    for k in range(1, 64):
        for fraction, weight in ((1.0, -1.0), (0.5, -2.0), (0.25, -4.0), (0.0625, -6.0)):
            places.setdefault(start + k * step * fraction, weight)
    return sorted((at, weight) for at, weight in places.items() if at < end - 1e-9)
