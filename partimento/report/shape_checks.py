"""Dynamics, energy, form and swing from the notes; and the wishes that notes cannot prove."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from partimento.listen.energy import rank_correlation
from partimento.plan.plan import Plan
from partimento.plan.result import Finding
from partimento.report.grid import level_at
from partimento.report.wording import finding, is_wish, some, source
from partimento.score.score import Note, Score, Section

LEAST_CORRELATION = 0.3
LEAST_SAME = 0.45
LEAST_BARS = 2  # of a section before the ending begins, for its energy to show
MOST_DIFFERENT = 0.9
FADE_S = 8.0
FADE_SHARE = 0.25
_VARIES = 0.1  # a lane that moves less is one level
_AUDIBLE = 0.15  # energies that differ by less are alike: a cadence weighs more
_LEVEL_NAMES = ("ppp", "pp", "p", "mp", "mf", "f", "ff", "fff")
_SWING_RANGE = (0.42, 0.8)


def check_shape(plan: Plan, score: Score) -> tuple[Finding, ...]:
    """Findings on dynamics, section energies, form, swing, style and mood."""
    if not any(t.notes for t in score.tracks):
        return ()
    out = [_dynamics(plan, score), _energies(plan, score), _form(plan, score)]
    swing = plan.character.value.swing
    if swing is not None and is_wish(plan.character):
        out.append(_swing(swing, source(plan.character), score))
    return (*out, *_unmeasured(plan))


def bar_intensity(score: Score) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per bar: mean velocity (NaN where nothing starts) and a loudness proxy, dB of the summed squared velocities."""
    velocities: list[list[int]] = [[] for _ in range(score.n_bars)]
    for track in score.tracks:
        for note in track.notes:
            velocities[score.bar_at(note.start)].append(note.velocity)
    mean = np.array([np.mean(v) if v else np.nan for v in velocities])
    lengths = np.array([score.bar_span(b)[1] - score.bar_span(b)[0] for b in range(score.n_bars)])
    power = np.array([sum((x / 127.0) ** 2 for x in v) for v in velocities]) / np.maximum(lengths, 0.25)
    return mean, 10.0 * np.log10(power + 1e-3)


def closing_bars(plan: Plan, score: Score) -> int:
    """Bars at the end that follow the ending and not the lanes: a held last chord is sparse, a fade-out sinks."""
    if plan.ending.value == "final":
        last = max((t.notes[-1].start for t in score.tracks if t.notes), default=0.0)
        return min(max(1, score.n_bars - score.bar_at(last)), score.n_bars - 1)
    if plan.ending.value != "fade":
        return 0
    start_s = score.duration_s - min(FADE_S, FADE_SHARE * score.duration_s)
    first = score.bar_at(score.tempo_map.quarters(start_s))
    return min(score.n_bars - first, score.n_bars - 1)


def level_name(level: float) -> str:
    """0 → ppp … 1 → fff."""
    return _LEVEL_NAMES[int(np.clip(round(level * (len(_LEVEL_NAMES) - 1)), 0, len(_LEVEL_NAMES) - 1))]


def _dynamics(plan: Plan, score: Score) -> Finding:
    """Do velocity and density follow the lane?"""
    points = plan.dynamics.value
    origin = source(plan.dynamics)
    asked = some([f"{level_name(p.level)} at bar {p.bar + 1:g}" for p in points], 5)
    mean, loud = bar_intensity(score)
    n = score.n_bars - closing_bars(plan, score)
    lane = np.array([level_at(points, b + 0.5) for b in range(n)])
    filled = ~np.isnan(mean[:n])
    if np.ptp([p.level for p in points]) < _VARIES:
        text = f"mean velocity {np.nanmean(mean[:n]) if filled.any() else 0:.0f}"
        return finding("dynamics", asked, text, "one level is asked: nothing to follow", None, origin=origin)
    by_velocity = rank_correlation(lane[filled].tolist(), mean[:n][filled].tolist())
    by_power = rank_correlation(lane.tolist(), loud[:n].tolist())
    if by_velocity is None and by_power is None:
        return finding("dynamics", asked, "too few bars", "rank correlation per bar", None, origin=origin)
    best = max(by_velocity or -1.0, by_power or -1.0)
    rises = _thirds_agree(lane, loud[:n])
    heard = f"rank correlation {by_velocity or 0:.2f} with velocity, {by_power or 0:.2f} with velocity and density"
    good = best >= LEAST_CORRELATION and rises
    return finding(
        "dynamics", asked, heard, "per bar against the lane; loudest against softest third", good, origin=origin, value=best
    )


def _thirds_agree(lane: NDArray[np.float64], loud: NDArray[np.float64]) -> bool:
    """The bars asked loudest are louder than the bars asked softest."""
    third = max(1, lane.size // 3)
    order = np.argsort(lane, kind="stable")
    return bool(loud[order[-third:]].mean() > loud[order[:third]].mean())


def _section_bars(section: Section, score: Score) -> range:
    """Bars of a section inside the piece."""
    return range(min(section.start_bar, score.n_bars), min(section.end_bar, score.n_bars))


def _energies(plan: Plan, score: Score) -> Finding:
    """Are sections asked with more energy played louder or denser?"""
    sections = [s for s in plan.sections.value if len(_section_bars(s, score))]
    asked = some([f"{s.name} {s.energy:.2f}" for s in sections], 6)
    how = "rank correlation of section energies with velocity, and with velocity and density"
    mean, loud = bar_intensity(score)
    n = score.n_bars - closing_bars(plan, score)
    mean, loud = mean[:n], loud[:n]
    sections = [s for s in sections if min(s.end_bar, n) - s.start_bar >= LEAST_BARS]
    velocity = [_mean_over(mean, s) for s in sections]
    power = [_mean_over(loud, s) for s in sections]
    # Each section's asked energy as the dynamics lane colours it, since both shape the same notes.
    wanted = [s.energy + level_at(plan.dynamics.value, (s.start_bar + s.end_bar) / 2) for s in sections]
    found = [rank_correlation(wanted, v) for v in (velocity, power)] if np.ptp(wanted or [0.0]) >= _AUDIBLE else []
    value = max((v for v in found if v is not None), default=None)  # denser or louder: either is energy
    rows = zip(sections, velocity, power, strict=True)
    text = some([f"{s.name} velocity {v:.0f}, {p:.1f} dB" for s, v, p in rows], 6)
    good = None if value is None else value >= LEAST_CORRELATION
    text = text if value is not None else f"{text} (too alike, too few or too short to compare)".strip()
    return finding("section energy", asked, text, how, good, origin=source(plan.sections), value=value)


def _mean_over(per_bar: NDArray[np.float64], section: Section) -> float:
    """Mean of the filled bars of a section (of the whole piece when it has none)."""
    part = per_bar[section.start_bar : section.end_bar]
    part = part[~np.isnan(part)]
    return float(part.mean()) if part.size else float(np.nanmean(per_bar))


def _form(plan: Plan, score: Score) -> Finding:
    """Sections of the same material are more alike than sections of different material."""
    sections = [s for s in plan.sections.value if len(_section_bars(s, score)) >= 2]
    asked = " ".join(s.material for s in plan.sections.value)
    given = plan.chords.value is not None
    n_bars = score.n_bars - (closing_bars(plan, score) if plan.ending.value == "final" else 0)
    how = "likeness of harmony and tune, bar by bar, within and between materials"
    if given:
        how = "rhythm of the tune within materials, notes of the tune between them (the given chords run on under the form)"
    same: list[float] = []
    other: list[float] = []
    bars = BarContents(score)
    for a, b in itertools.combinations(sections, 2):
        alike = a.material == b.material
        pitched = not (given and alike)
        likeness = section_likeness(score, a, b, with_harmony=not given, with_pitch=pitched, n_bars=n_bars, bars=bars)
        if likeness is not None:
            (same if alike else other).append(likeness)
    if not same and not other:
        reason = "one section" if len(sections) < 2 else "no tune or harmony of the composer's own to compare"
        return finding("form", asked, reason, how, None, origin=source(plan.sections))
    parts = []
    if same:
        parts.append(f"same material {np.mean(same):.2f} alike")
    if other:
        parts.append(f"different {np.mean(other):.2f}")
    good = (not same or float(np.mean(same)) >= LEAST_SAME) and (not other or float(np.mean(other)) <= MOST_DIFFERENT)
    if same and other and not given:
        good = good and float(np.mean(same)) > float(np.mean(other))
    value = float(np.mean(same)) - float(np.mean(other)) if same and other else None
    return finding("form", asked, ", ".join(parts), how, good, origin=source(plan.sections), value=value)


def section_likeness(
    score: Score,
    first: Section,
    second: Section,
    *,
    with_harmony: bool = True,
    with_pitch: bool = True,
    n_bars: int | None = None,
    bars: BarContents | None = None,
) -> float | None:
    """Mean likeness of aligned bars, 0 to 1.

    A shorter section is laid against the beginning and against the end of the longer one (a last return often brings
    only the closing half); the better fit counts.

    Args:
        score: the piece.
        first: a section.
        second: another one.
        with_harmony: compare the pitch classes of all parts (pointless where the user's chords run on).
        with_pitch: compare the tune's pitch classes beside its onsets (a tune over other chords has other pitches).
        n_bars: look only at bars before this one.
        bars: of the score, when they are needed more than once.

    Returns:
        None when there is nothing to compare.
    """
    end = score.n_bars if n_bars is None else n_bars
    contents = bars if bars is not None else BarContents(score)
    longer, shorter = sorted((range(min(s.start_bar, end), min(s.end_bar, end)) for s in (first, second)), key=len, reverse=True)
    found = []
    for offset in {0, len(longer) - len(shorter)}:
        pairs = zip(longer[offset:], shorter, strict=False)
        values = [v for i, j in pairs if (v := contents.likeness(i, j, with_harmony, with_pitch)) is not None]
        found += [float(np.mean(values))] if values else []
    return max(found, default=None)


class BarContents:
    """What sounds in each bar, read from the notes once.

    Args:
        score: the piece.
    """

    def __init__(self, score: Score) -> None:
        spans = [score.bar_span(bar) for bar in range(score.n_bars)]
        self._starts = np.array([start for start, _ in spans])
        self._spans = spans
        self._weights = np.zeros((len(spans), 12))
        self._tunes: list[set[tuple[int, int]]] = [set() for _ in spans]
        for track in score.tracks:
            if track.is_drum or track.role == "percussion":
                continue
            for note in track.notes:
                self._add(note, in_tune=track.role == "melody")

    def _add(self, note: Note, *, in_tune: bool) -> None:
        """Put a note into the bars in which it sounds, and into the tune of the bar in which it begins."""
        bar = max(0, int(np.searchsorted(self._starts, note.start + 1e-6, side="right")) - 1)
        if in_tune and bar < len(self._spans):
            self._tunes[bar].add((round((note.start - self._spans[bar][0]) * 4), note.pitch % 12))
        while bar < len(self._spans) and self._spans[bar][0] < note.end:
            start, end = self._spans[bar]
            self._weights[bar, note.pitch % 12] += max(0.0, min(note.end, end) - max(note.start, start))
            bar += 1

    def likeness(self, i: int, j: int, with_harmony: bool, with_pitch: bool) -> float | None:
        """Likeness of two bars, 0 to 1; None when both are empty of what is compared."""
        a, b = self._weights[i], self._weights[j]
        parts = [_cosine(a, b)] if with_harmony and (a.any() or b.any()) else []
        tune_a, tune_b = (self._tunes[bar] if with_pitch else {(at, 0) for at, _ in self._tunes[bar]} for bar in (i, j))
        if tune_a and tune_b:
            parts.append(len(tune_a & tune_b) / len(tune_a | tune_b))
        return float(np.mean(parts)) if parts else None


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Cosine of two non-negative vectors; two silences are alike."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0 else float(not a.any() and not b.any())


def _swing(swing: float, origin: str, score: Score) -> Finding:
    """Where the second of two eighths is played."""
    wanted = 0.5 + swing / 6.0
    played = [score.tempo_map.quarters(score.tempo_map.seconds(n.start) + n.nudge_s) % 1.0 for t in score.tracks for n in t.notes]
    offbeats = [p for p in played if _SWING_RANGE[0] <= p <= _SWING_RANGE[1] and abs(p - 0.75) > 0.03]
    how = "median place of off-beat onsets in the beat, as played"
    if len(offbeats) < 8:
        return finding("swing", f"{wanted:.2f}", "too few off-beats", how, None, origin=origin)
    place = float(np.median(offbeats))
    return finding(
        "swing", f"{wanted:.2f} of the beat", f"{place:.2f}", how, abs(place - wanted) <= 0.06, origin=origin, value=place
    )


def _unmeasured(plan: Plan) -> list[Finding]:
    """Wishes that a count of notes cannot prove, so that they are not passed over in silence."""
    out = []
    reason = "no fair measure in one piece; see the style classifier of `partimento evaluate compose`"
    if is_wish(plan.style):
        label = plan.style_label or plan.style.value
        out.append(
            finding("style", label, f"rules of style {plan.style.value} followed", reason, None, origin=source(plan.style))
        )
    if plan.moods.value and is_wish(plan.moods):
        c = plan.character.value
        heard = f"played with energy {c.energy:.2f}, brightness {c.valence:.2f}, density {c.density:.2f}"
        out.append(finding("mood", ", ".join(plan.moods.value), heard, "a matter of taste", None, origin=source(plan.moods)))
    if plan.era.value and is_wish(plan.era):
        heard = "taken into account by style and sounds"
        out.append(finding("era", plan.era.value, heard, "a matter of taste", None, origin=source(plan.era)))
    return out
