"""Self-similarity of a line or piece, bar against bar.

Conventions:
    One metre throughout; bar 0 begins at 0 and a note belongs to the bar of its onset, with its whole duration. Times
    are rounded to 1/24 of a quarter note. Four things of a bar can be compared:
    its *rhythm* (onsets and durations), its *contour* (signs of the intervals inside the bar), its *events* (onset, duration and
    pitch: an identical bar) and its *figure* (onsets with pitches relative to the bar's first note, so that a
    transposed repetition matches; compared by the Dice coefficient, 0 to 1).
    Lag shares count pairs of bars (b, b + lag) that both have an onset; below ``MIN_PAIRS`` pairs they are NaN.
    Beside these exact comparisons stand the soft ones of MuseMorphose: cosine of the bars' chroma and of their onset
    counts on 16 positions, as matrices.

References:
    S.-L. Wu and Y.-H. Yang, "MuseMorphose", IEEE/ACM TASLP 2023, section V (chroma and groove similarity).
    J. Foote, "Visualizing music and audio using self-similarity", ACM Multimedia 1999 (the matrix).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from partimento.metrics.note_arrays import FloatArray, validate_notes, validate_positive

TICKS = 24
"""Grid of exact comparisons, per quarter note."""
MIN_PAIRS = 4
GROOVE_STEPS = 16


@dataclass(frozen=True, slots=True)
class BarProfile:
    """What one bar is compared by; all empty when no note begins in it.

    Attributes:
        rhythm: (onset in the bar, duration) in ticks.
        contour: signs (-1, 0, 1) of the intervals between the bar's notes, after the number of notes.
        events: (onset, duration, pitch).
        figure: (onset, semitones above the bar's first note).
    """

    rhythm: tuple[tuple[int, int], ...] = ()
    contour: tuple[int, ...] = ()
    events: tuple[tuple[int, int, int], ...] = ()
    figure: frozenset[tuple[int, int]] = frozenset()


def validate(onsets: ArrayLike, durations: ArrayLike, pitches: ArrayLike, bar_quarters: float) -> None:
    """Check the input.

    Raises:
        PartimentoError: on arrays that do not match or a bar length of 0 and less.
    """
    validate_notes(onsets, durations, pitches)
    validate_positive("bar length", bar_quarters)


def bar_profiles(
    onsets: ArrayLike, durations: ArrayLike, pitches: ArrayLike, bar_quarters: float = 4.0, n_bars: int | None = None
) -> tuple[BarProfile, ...]:
    """Profiles of all bars.

    Args:
        onsets: onsets in quarter notes ``[N]``.
        durations: durations in quarter notes ``[N]``.
        pitches: MIDI numbers ``[N]``.
        bar_quarters: length of a bar in quarter notes.
        n_bars: number of bars; None ends with the bar of the last onset.
    """
    validate(onsets, durations, pitches, bar_quarters)
    starts, lengths, notes = validate_notes(onsets, durations, pitches)
    start_ticks = np.round(starts * TICKS).astype(np.int64)
    length_ticks = np.maximum(1, np.round(lengths * TICKS).astype(np.int64))
    bar_ticks = max(1, round(bar_quarters * TICKS))
    bars = start_ticks // bar_ticks
    count = n_bars if n_bars is not None else (int(bars.max()) + 1 if bars.size else 0)
    members: list[list[tuple[int, int, int]]] = [[] for _ in range(count)]
    for start, length, pitch, bar in zip(start_ticks, length_ticks, notes, bars, strict=True):
        if bar < count:
            members[bar].append((int(start % bar_ticks), int(length), int(pitch)))
    return tuple(_profile(sorted(events)) for events in members)


def _profile(events: list[tuple[int, int, int]]) -> BarProfile:
    """Profile of one bar's sorted events."""
    if not events:
        return BarProfile()
    pitches = [pitch for _, _, pitch in events]
    signs = [int(np.sign(b - a)) for a, b in pairwise(pitches)]
    return BarProfile(
        rhythm=tuple((start, length) for start, length, _ in events),
        contour=(len(events), *signs),
        events=tuple(events),
        figure=frozenset((start, pitch - pitches[0]) for start, _, pitch in events),
    )


def lag_share(labels: Sequence[Hashable], lag: int, min_pairs: int = MIN_PAIRS) -> float:
    """Share of pairs of bars ``lag`` apart with equal labels.

    Args:
        labels: one for each bar; an empty (false) label leaves the bar out.
        lag: distance in bars, ≥ 1.
        min_pairs: fewer comparable pairs give NaN.
    """
    pairs = [(a, b) for a, b in zip(labels, labels[lag:], strict=False) if a and b]
    return sum(a == b for a, b in pairs) / len(pairs) if len(pairs) >= min_pairs else float("nan")


def figure_match(a: BarProfile, b: BarProfile) -> float:
    """Dice coefficient of two bars' figures, 0 to 1; 0 when one is empty."""
    total = len(a.figure) + len(b.figure)
    return 2 * len(a.figure & b.figure) / total if a.figure and b.figure else 0.0


def best_earlier_matches(profiles: Sequence[BarProfile]) -> tuple[float, ...]:
    """For each bar with onsets but the first such: its best :func:`figure_match` with an earlier one."""
    sounding = [p for p in profiles if p.figure]
    return tuple(max(figure_match(p, earlier) for earlier in sounding[:i]) for i, p in enumerate(sounding) if i)


def repeated_share(profiles: Sequence[BarProfile]) -> float:
    """Share of bars with onsets, but the first, that repeat an earlier bar exactly."""
    sounding = [p.events for p in profiles if p.events]
    if len(sounding) < 2:
        return float("nan")
    return sum(events in sounding[:i] for i, events in enumerate(sounding) if i) / (len(sounding) - 1)


def identical_share(a: Sequence[BarProfile], b: Sequence[BarProfile]) -> float:
    """Share of bars of two pieces that the other has too, identically and anywhere, 0 to 1; NaN when one is empty.

    Bars without onsets do not count. Both directions are pooled, so the order of the pieces does not matter.
    """
    bars_a, bars_b = [p.events for p in a if p.events], [p.events for p in b if p.events]
    if not bars_a or not bars_b:
        return float("nan")
    set_a, set_b = set(bars_a), set(bars_b)
    common = sum(bar in set_b for bar in bars_a) + sum(bar in set_a for bar in bars_b)
    return common / (len(bars_a) + len(bars_b))


def aligned_share(a: Sequence[BarProfile], b: Sequence[BarProfile]) -> float:
    """Share of bar positions with onsets in both pieces at which the two are identical; NaN when there is none."""
    pairs = [(x.events, y.events) for x, y in zip(a, b, strict=False) if x.events and y.events]
    return sum(x == y for x, y in pairs) / len(pairs) if pairs else float("nan")


def chroma_matrix(onsets: ArrayLike, pitches: ArrayLike, bar_quarters: float = 4.0) -> FloatArray:
    """Cosine similarity of the bars' pitch-class counts ``[bars, bars]``; 0 against an empty bar."""
    starts, _, notes = validate_notes(onsets, np.ones(np.shape(onsets)), pitches)
    return _cosines(starts, notes % 12, 12, bar_quarters)


def groove_matrix(onsets: ArrayLike, bar_quarters: float = 4.0) -> FloatArray:
    """Cosine similarity of the bars' onset counts on 16 positions ``[bars, bars]``; 0 against an empty bar."""
    starts, _, _ = validate_notes(onsets, np.ones(np.shape(onsets)), np.zeros(np.shape(onsets)))
    position = np.floor(starts / bar_quarters * GROOVE_STEPS + 1e-6).astype(np.int64) % GROOVE_STEPS
    return _cosines(starts, position, GROOVE_STEPS, bar_quarters)


def _cosines(starts: FloatArray, bins: np.ndarray, n_bins: int, bar_quarters: float) -> FloatArray:
    """Count ``bins`` per bar and compare the bars by cosine."""
    validate_positive("bar length", bar_quarters)
    bars = np.floor(starts / bar_quarters + 1e-6 / GROOVE_STEPS).astype(np.int64)
    counts = np.zeros((int(bars.max()) + 1 if bars.size else 0, n_bins))
    np.add.at(counts, (bars, bins), 1.0)
    norms = np.linalg.norm(counts, axis=1, keepdims=True)
    unit = np.divide(counts, norms, out=np.zeros_like(counts), where=norms > 0)
    return np.asarray(unit @ unit.T)


def evaluate(
    onsets: ArrayLike,
    durations: ArrayLike,
    pitches: ArrayLike,
    bar_quarters: float = 4.0,
    lags: Sequence[int] = (1, 2, 4, 8),
) -> dict[str, float]:
    """Rhythm and contour shares at the lags, exact repeats and the mean best earlier match."""
    profiles = bar_profiles(onsets, durations, pitches, bar_quarters)
    best = best_earlier_matches(profiles)
    figures = {f"rhythm_lag{lag}": lag_share([p.rhythm for p in profiles], lag) for lag in lags}
    figures |= {f"contour_lag{lag}": lag_share([p.contour for p in profiles], lag) for lag in lags}
    figures["repeated_bars"] = repeated_share(profiles)
    figures["best_earlier_match"] = float(np.mean(best)) if best else float("nan")
    return figures
