"""Tempo, metre, bars, duration and ending, recomputed from the notes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.plan.plan import Plan
from partimento.plan.result import Finding
from partimento.report.grid import PlanGrid
from partimento.report.wording import finding, is_wish, percent, source, tempo_text
from partimento.score.score import Note, Score

GRID_PARTS = (4, 6, 8)  # sixteenths, sextuplets, thirty-seconds of a quarter note
GRID_TOLERANCE = 0.012  # quarter notes
TEMPO_TOLERANCE = 0.001
FREE_TEMPO_TOLERANCE = 0.02
DURATION_TOLERANCE_S = 0.005
ENDING_SHARE = 0.85
_STEPS = 12  # per quarter note, for rhythm vectors
_HELD_S = 0.45
_RING_S = 2.5


def check_time(plan: Plan, score: Score, grid: PlanGrid) -> tuple[Finding, ...]:
    """Findings on everything that has to do with time."""
    notes = sorted((n for t in score.tracks for n in t.notes), key=lambda n: n.start)
    if not notes:
        return (finding("notes", "music", "no note at all", "notes of the score", False),)
    return (
        _tempo(plan, score, grid, notes),
        _on_grid(plan, score, grid, notes),
        _metre(plan, score, notes),
        _bars(plan, score, grid, notes),
        _duration(plan, score),
        _ending(plan, score, notes),
    )


def _tempo(plan: Plan, score: Score, grid: PlanGrid, notes: list[Note]) -> Finding:
    """Seconds of every onset against the seconds that the plan's tempo gives the same position."""
    tolerance = TEMPO_TOLERANCE if is_wish(plan.tempo) or len(plan.tempo.value) > 1 else FREE_TEMPO_TOLERANCE
    at = np.unique([n.start for n in notes])
    heard = np.array([score.tempo_map.seconds(q) for q in at])
    asked = np.array([grid.seconds(q) for q in at])
    if at.size < 2:
        return finding("tempo", tempo_text(plan), "one onset", "spacing of onsets", None, origin=source(plan.tempo))
    # Worst ratio over stretches of at least two quarter notes, so that a wrong bar is not averaged away.
    worst = 0.0
    later = np.searchsorted(at, at + 2.0)
    for i, j in enumerate(later):
        if j < at.size and asked[j] > asked[i]:
            worst = max(worst, abs((heard[j] - heard[i]) / (asked[j] - asked[i]) - 1.0))
    mean = 60.0 * (at[-1] - at[0]) / (heard[-1] - heard[0])
    text = f"{mean:.2f} bpm on the mean, at most {100 * worst:.2f} % off"
    how = "seconds between onsets two or more quarter notes apart"
    return finding("tempo", tempo_text(plan), text, how, worst <= tolerance, origin=source(plan.tempo), value=float(mean))


def _on_grid(plan: Plan, score: Score, grid: PlanGrid, notes: list[Note]) -> Finding:
    """Share of onsets that stand on the subdivisions of the asked tempo and metre when played at their seconds."""
    places = np.array([grid.quarters_at(score.tempo_map.seconds(n.start)) for n in notes])
    tolerance = GRID_TOLERANCE
    if not is_wish(plan.tempo):
        places = np.array([n.start for n in notes])  # a tempo that may move is checked above; here only the writing
    near = np.zeros(places.size, bool)
    for parts in GRID_PARTS:
        near |= np.abs(places * parts - np.round(places * parts)) <= tolerance * parts
    share = float(near.mean())
    return finding(
        "grid",
        f"onsets on the beat grid of {plan.first_metre} at {tempo_text(plan)}",
        f"{percent(share)} of {places.size} onsets",
        "distance of onsets in seconds to sixteenths, sextuplets and thirty-seconds",
        share >= 0.9,
        origin=source(plan.metre),
        value=share,
    )


def _metre(plan: Plan, score: Score, notes: list[Note]) -> Finding:
    """Does the rhythm repeat by the asked bar rather than by another, and do bars begin with an onset?"""
    asked = ", ".join(f"{m.metre}" + (f" from bar {m.bar + 1}" if m.bar else "") for m in plan.metre.value)
    same = tuple((m.bar, m.metre) for m in plan.metre.value if m.bar < score.n_bars)
    written = tuple((m.bar, m.metre) for m in score.metres)
    starts = np.array(score.bar_starts)
    onsets = np.unique([n.start for n in notes])
    near = np.min(np.abs(onsets[:, None] - starts), axis=0) < 0.02 if onsets.size * starts.size < 4e6 else np.isin(starts, onsets)
    share = float(near.mean())
    heard = f"{score.metre}; {percent(share)} of bars begin with an onset"
    how = "onsets at the bar lines, likeness of bars to the next"
    good: bool | None = same == written and share >= 0.5
    # A line alone repeats as it likes; parts together show the bar.
    if len(plan.metre.value) == 1 and score.n_bars >= 4 and len(score.tracks) > 1:
        length = plan.first_metre.bar_quarters
        own, rival_length, rival = _bar_likeness(score, length)
        heard += f"; likeness {own:.2f} (of {rival_length:g}-quarter bars {rival:.2f})"
        good = good and (own >= rival - 0.05 or share >= 0.85)
    return finding("metre", asked, heard, how, good, origin=source(plan.metre), value=share)


def _bar_likeness(score: Score, bar_quarters: float) -> tuple[float, float, float]:
    """Autocorrelation of the rhythm at the asked bar and at the most alike other length that is no multiple of it."""
    vectors = [v for v in (_rhythm(t.notes, score.length) for t in score.tracks) if v.any()]
    own = _autocorrelation(vectors, bar_quarters)
    rivals = [r for r in (2.5, 3.0, 3.5, 4.0, 5.0) if (r / bar_quarters) % 0.5 > 1e-6]
    values = {r: _autocorrelation(vectors, r) for r in rivals}
    best = max(values, key=lambda r: values[r])
    return own, best, values[best]


def _rhythm(notes: tuple[Note, ...], length: float) -> NDArray[np.float64]:
    """Onset weights on a grid of twelfths of a quarter note."""
    out = np.zeros(int(length * _STEPS) + 2)
    for note in notes:
        at = round(note.start * _STEPS)
        if at < out.size:
            out[at] += note.velocity / 127.0
    return out


def _autocorrelation(vectors: list[NDArray[np.float64]], quarters: float) -> float:
    """Mean over the parts of the normalised autocorrelation at a lag."""
    lag = round(quarters * _STEPS)
    values = []
    for vector in vectors:
        a, b = vector[:-lag], vector[lag:]
        norm = float(np.sqrt((a @ a) * (b @ b))) if a.size else 0.0
        values.append(float(a @ b) / norm if norm > 0 else 0.0)
    return float(np.mean(values)) if values else 0.0


def _bars(plan: Plan, score: Score, grid: PlanGrid, notes: list[Note]) -> Finding:
    """Bars of the score, and the bar in which the last note starts."""
    asked = plan.n_bars.value
    last = int(grid.bar(notes[-1].start + 1e-6)) + 1
    good = score.n_bars == asked and asked - 1 <= last <= asked
    heard = f"{score.n_bars} bars, the last note starts in bar {last}"
    return finding("bars", str(asked), heard, "bar lines and last onset", good, origin=source(plan.n_bars), value=score.n_bars)


def _duration(plan: Plan, score: Score) -> Finding:
    """End of the score in seconds."""
    asked, heard = plan.duration_s.value, score.duration_s
    good = abs(heard - asked) <= DURATION_TOLERANCE_S
    return finding(
        "duration", f"{asked:.3f} s", f"{heard:.3f} s", "end of the tempo map", good, origin=source(plan.duration_s), value=heard
    )


def _ending(plan: Plan, score: Score, notes: list[Note]) -> Finding:
    """Does it end as asked: with a held last chord, by fading, or ready to be repeated?"""
    kind = plan.ending.value
    check = {"final": _final, "fade": _fade, "loop": _loop}[kind]
    heard, how, good, value = check(score, notes)
    return finding("ending", kind, heard, how, good, origin=source(plan.ending), value=value)


def _final(score: Score, notes: list[Note]) -> tuple[str, str, bool | None, float]:
    """Last onset late, last chord held."""
    seconds = score.tempo_map.seconds
    at = seconds(notes[-1].start) / score.duration_s
    closing = [n for n in notes if seconds(n.start) >= ENDING_SHARE * score.duration_s]
    # The last chord: what begins in the last part and is let go no earlier than the room needs to die away.
    last = [n for n in closing if seconds(n.end) >= score.duration_s - _RING_S]
    held = max((seconds(n.end) - seconds(n.start) for n in last), default=0.0)
    quarter = 60.0 / score.tempo_map.bpm_at(notes[-1].start)
    struck_only = all(t.is_drum for t in score.tracks)
    good = at >= ENDING_SHARE and (held >= 0.9 * min(_HELD_S, quarter, 0.03 * score.duration_s) or struck_only)
    how = "last onset in the final 15 %, longest note that begins there and lasts to the end"
    return f"last onset at {100 * at:.1f} %, last chord held {held:.2f} s", how, good, at


def _fade(score: Score, notes: list[Note]) -> tuple[str, str, bool | None, float]:
    """Velocity sinks towards the end, each part against itself: who plays last need not be who played before."""
    how = "mean velocity of each part in the last 7 % (else 15 %) against the first 75 %"
    cut = 0.75 * score.length
    falls: list[float] = []
    for tail in (0.93 * score.length, 0.85 * score.length):
        for track in score.tracks:
            before = [n.velocity for n in track.notes if n.start < cut]
            falls += [float(np.mean(before)) - n.velocity for n in track.notes if before and n.start >= tail]
        if falls:
            break
    if not falls:
        return "no part strikes a note there", how, None, 0.0
    fall = float(np.mean(falls))
    # Halfway down nobody can tell yet how far a fade would go.
    good = None if tail < 0.9 * score.length and 0 < fall < 10 else fall >= 10
    return f"velocity falls by {fall:.0f}", how, good, fall


def _loop(score: Score, notes: list[Note]) -> tuple[str, str, bool | None, float]:
    """The last bar is as busy as the others and nothing hangs over the end."""
    start, end = score.bar_span(score.n_bars - 1)
    last = sum(n.start >= start - 1e-6 for n in notes) / (end - start)
    mean = len(notes) / score.length
    over = max(n.end for n in notes) - score.length
    good = last >= 0.4 * mean and over <= 0.26
    heard = f"last bar {last:.1f} notes per quarter (mean {mean:.1f}), {max(0.0, over):.2f} quarters over the end"
    return heard, "density of the last bar, notes over the end", good, last / mean
