"""Traits of a tune: the figures in which real tunes differ from each other.

The composer draws them before it writes (how many notes, how leapy, how repetitive …, from the spread that real lead
sheets have), and afterwards compares candidates with what was drawn. Definitions follow
``partimento/evaluate/compose_features.yaml``; this file is the composer's own quick computation of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from partimento.score.timing import Metre

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TICKS = 24
"""Grid, per quarter note."""
NAN = float("nan")

TRAITS = (
    "interval_unison", "interval_step", "interval_third", "interval_fourth_fifth", "interval_large", "interval_up",
    "interval_mean", "direction_change", "leap_recovery", "duration_short", "duration_eighth", "duration_quarter",
    "duration_dotted", "duration_long", "duration_entropy", "notes_per_bar", "notes_per_bar_sd", "rest_share", "range",
    "mean_in_range", "pitch_class_entropy", "non_scale", "chord_tones", "chord_tones_strong", "nonchord_by_step",
    "syncopation", "offbeat", "phrase_bars", "rhythm_lag1", "rhythm_lag2", "rhythm_lag4", "rhythm_lag8", "contour_lag1",
    "contour_lag2", "contour_lag4", "contour_lag8", "best_match", "climax_position", "climax_share", "final_length",
    "final_tonic", "final_strong", "pickup",
)  # fmt: skip
"""Names in order; the last three are flags (0 or 1)."""
N_TRAITS = len(TRAITS)
INDEX = {name: i for i, name in enumerate(TRAITS)}
FLAGS = (INDEX["final_tonic"], INDEX["final_strong"], INDEX["pickup"])


@dataclass(frozen=True)
class Ground:
    """What a tune is measured against.

    Attributes:
        bar_ticks: length of a bar.
        weights: metrical weight 0–5 of each tick of a bar ``[bar_ticks]``.
        tonic: pitch class.
        in_scale: truth by pitch class ``[12]``.
        chord_starts: first tick of each span of constant harmony, ascending ``[S]``.
        chord_tones: truth by span and pitch class ``[S, 12]``; all False where no chord sounds.
        has_chord: ``[S]``.
    """

    bar_ticks: int
    weights: Ints
    tonic: int
    in_scale: NDArray[np.bool_]
    chord_starts: Ints
    chord_tones: NDArray[np.bool_]
    has_chord: NDArray[np.bool_]


@cache
def metrical_weights(metre: Metre) -> tuple[int, ...]:
    """Weight (0 to 5) of each tick of a bar: 5 the downbeat, 4 the middle of an even bar of at least three quarters,
    3 other felt beats, 2 and 1 their divisions, 0 the rest."""
    weights = [0] * round(metre.bar_quarters * TICKS)
    unit = 4.0 * TICKS / metre.denominator
    part = unit / 2 if max(metre.beat_groups) == 1 else unit
    for length, weight in ((part / 2, 1), (part, 2)):
        for i in range(round(len(weights) / length)):
            if (at := i * length) == round(at):
                weights[round(at)] = weight
    beats = [round(start * TICKS) for start in metre.beat_quarters]
    for at in beats:
        weights[at] = 3
    if metre.bar_quarters >= 3 and len(beats) % 2 == 0 and len(weights) % 2 == 0:
        weights[len(weights) // 2] = 4
    weights[0] = 5
    return tuple(weights)


def _share(mask: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask)) / mask.size if mask.size else NAN


def _entropy(counts: Floats | Ints) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def traits(starts: Ints, lengths: Ints, pitches: Ints, ground: Ground) -> Floats:
    """Trait values of a line of at least two notes ``[N_TRAITS]``; NaN where undefined.

    Args:
        starts: onsets in ticks, ascending ``[N]``.
        lengths: durations in ticks ``[N]``.
        pitches: MIDI numbers ``[N]``.
        ground: metre, key and chords.
    """
    span = np.searchsorted(ground.chord_starts, starts, side="right") - 1
    under = ground.has_chord[np.maximum(span, 0)] & (span >= 0)
    fits = ground.chord_tones[np.maximum(span, 0), pitches % 12] & (span >= 0)
    weight = ground.weights[starts % ground.bar_ticks]
    values = [
        *_intervals(pitches),
        *_durations(lengths),
        *_density(starts, lengths, ground.bar_ticks),
        *_pitches(pitches, lengths, ground.in_scale),
        *_harmony(pitches, lengths, under, fits, weight >= 4),
        *_metre(starts, lengths, weight, ground),
        *_form(starts, lengths, pitches, ground.bar_ticks),
        *_shape(starts, lengths, pitches, weight, ground),
    ]
    return np.array(values)


def rhythm_traits(starts: Ints, lengths: Ints, ground: Ground) -> Floats:
    """The traits that do not need pitches, NaN elsewhere ``[N_TRAITS]``; arguments as in :func:`traits`."""
    weight = ground.weights[starts % ground.bar_ticks]
    values = np.full(N_TRAITS, NAN)
    at = INDEX["duration_short"]
    values[at : at + 9] = [*_durations(lengths), *_density(starts, lengths, ground.bar_ticks)]
    at = INDEX["syncopation"]
    values[at : at + 2] = _metre(starts, lengths, weight, ground)
    at = INDEX["phrase_bars"]
    values[at : at + 5] = _rhythm_form(starts, lengths, ground.bar_ticks)
    values[INDEX["final_length"]] = float(lengths[-1] / ground.bar_ticks)
    values[INDEX["final_strong"]] = float(weight[-1] >= 4)
    return values


def _intervals(pitches: Ints) -> list[float]:
    steps = np.diff(pitches)
    size = np.abs(steps)
    sign = np.sign(steps)
    moving = sign[sign != 0]
    leaps = np.flatnonzero(size[:-1] >= 5)
    return [
        _share(size == 0),
        _share((size == 1) | (size == 2)),
        _share((size == 3) | (size == 4)),
        _share((size >= 5) & (size <= 7)),
        _share(size >= 8),
        _share(moving > 0),
        float(size.mean()),
        _share(moving[1:] != moving[:-1]),
        _share(sign[leaps] == -sign[leaps + 1]),
    ]


def _durations(lengths: Ints) -> list[float]:
    q = TICKS
    return [
        _share(lengths < q // 2),
        _share(lengths == q // 2),
        _share(lengths == q),
        _share((lengths == q * 3 // 4) | (lengths == q * 3 // 2) | (lengths == q * 3)),
        _share(lengths >= 2 * q),
        _entropy(np.bincount(lengths)),
    ]


def _density(starts: Ints, lengths: Ints, bar_ticks: int) -> list[float]:
    counts = np.bincount(starts // bar_ticks)[starts[0] // bar_ticks :]
    whole = starts[-1] + lengths[-1] - starts[0]
    return [float(counts.mean()), float(counts.std()), float(1.0 - lengths.sum() / whole)]


def _pitches(pitches: Ints, lengths: Ints, in_scale: NDArray[np.bool_]) -> list[float]:
    low, spread = int(pitches.min()), int(pitches.max() - pitches.min())
    mean = float((pitches * lengths).sum() / lengths.sum())
    return [
        float(spread),
        (mean - low) / spread if spread else NAN,
        _entropy(np.bincount(pitches % 12, weights=lengths, minlength=12)),
        float(lengths[~in_scale[pitches % 12]].sum() / lengths.sum()),
    ]


def _harmony(
    pitches: Ints, lengths: Ints, under: NDArray[np.bool_], fits: NDArray[np.bool_], strong: NDArray[np.bool_]
) -> list[float]:
    sounding = lengths[under].sum()
    foreign = np.flatnonzero((under & ~fits)[:-1])
    left_by = np.abs(np.diff(pitches))[foreign]
    return [
        float(lengths[under & fits].sum() / sounding) if sounding else NAN,
        _share(fits[under & strong]),
        _share((left_by == 1) | (left_by == 2)),
    ]


def _metre(starts: Ints, lengths: Ints, weight: Ints, ground: Ground) -> list[float]:
    bar = ground.bar_ticks
    places = starts % bar
    stop = places + lengths
    # Next position of a greater weight after each tick: the note is syncopated when that lies inside it.
    following = _next_heavier(tuple(ground.weights.tolist()))
    return [_share(following[places] < stop), _share(weight < 3)]


@cache
def _next_heavier(weights: tuple[int, ...]) -> Ints:
    """First tick after each tick of a bar whose weight is greater (bars repeating); far away when there is none."""
    n = len(weights)
    twice = weights * 2
    out = np.full(n, 1 << 40, dtype=np.int64)
    for i in range(n):
        for j in range(i + 1, i + n + 1):
            if twice[j if j < 2 * n else j - n] > weights[i]:
                out[i] = j
                break
    return out


def _form(starts: Ints, lengths: Ints, pitches: Ints, bar_ticks: int) -> list[float]:
    contours, figures = _bar_figures(starts, pitches, bar_ticks)
    return [*_rhythm_form(starts, lengths, bar_ticks), *_lag_shares(contours), _best_match([f for f in figures if f])]


def _rhythm_form(starts: Ints, lengths: Ints, bar_ticks: int) -> list[float]:
    """The five traits of form that need no pitches."""
    distance = np.diff(starts)
    rest = distance - lengths[:-1]
    breaks = np.flatnonzero((rest >= TICKS) | ((distance >= 2 * TICKS) & (distance >= 3 * np.median(distance)))) + 1
    n_phrases = len(breaks) + 1
    phrase_bars = float(starts[-1] + lengths[-1] - starts[0]) / n_phrases / bar_ticks
    return [phrase_bars, *_lag_shares(_bar_rhythms(starts, lengths, bar_ticks))]


def _bar_rhythms(starts: Ints, lengths: Ints, bar_ticks: int) -> list[tuple[int, ...]]:
    """Rhythm of each bar (empty where no note begins)."""
    bars, codes = starts // bar_ticks, (starts % bar_ticks * 4096 + lengths).tolist()
    edges = np.searchsorted(bars, np.arange(int(bars[-1]) + 2)).tolist()
    return [tuple(codes[i:j]) for i, j in pairwise(edges)]


def _bar_figures(starts: Ints, pitches: Ints, bar_ticks: int) -> tuple[list[tuple[int, ...]], list[frozenset[int]]]:
    """Contour and figure of each bar (empty where no note begins)."""
    bars, codes = starts // bar_ticks, starts % bar_ticks * 512 + pitches
    line, signs = pitches.tolist(), np.sign(np.diff(pitches)).tolist()
    edges = np.searchsorted(bars, np.arange(int(bars[-1]) + 2)).tolist()
    places = codes.tolist()
    contours = [(j - i, *signs[i : j - 1]) if j > i else () for i, j in pairwise(edges)]
    figures = [frozenset(place - line[i] for place in places[i:j]) for i, j in pairwise(edges)]
    return contours, figures


def _lag_shares(labels: list[tuple[int, ...]]) -> list[float]:
    """Share of bars that are as those one, two, four and eight before."""
    return [_lag_share(labels, lag) for lag in (1, 2, 4, 8)]


def _lag_share(labels: list[tuple[int, ...]], lag: int) -> float:
    pairs = [a == b for a, b in zip(labels, labels[lag:], strict=False) if a and b]
    return sum(pairs) / len(pairs) if len(pairs) >= 4 else NAN


def _best_match(figures: list[frozenset[int]]) -> float:
    """Mean best Dice coefficient of each bar's figure with an earlier bar's."""
    if len(figures) < 2:
        return NAN
    total = 0.0
    counted: Counter[frozenset[int]] = Counter()
    for i, figure in enumerate(figures):
        if i:
            if counted[figure]:
                total += 1.0
            else:
                total += max(2 * len(figure & other) / (len(figure) + len(other)) for other in counted)
        counted[figure] += 1
    return total / (len(figures) - 1)


def _shape(starts: Ints, lengths: Ints, pitches: Ints, weight: Ints, ground: Ground) -> list[float]:
    top = pitches == pitches.max()
    return [
        float((starts[int(top.argmax())] - starts[0]) / (starts[-1] - starts[0])),
        _share(top),
        float(lengths[-1] / ground.bar_ticks),
        float(pitches[-1] % 12 == ground.tonic),
        float(weight[-1] >= 4),
        float(starts[0] % ground.bar_ticks != 0),
    ]
