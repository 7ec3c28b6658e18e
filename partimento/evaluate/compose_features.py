"""The melody features of the compose evaluation, as numbers.

The list, the definitions and the rules of the verdict stand in ``compose_features.yaml`` and were fixed before any composing
began; this file computes them and nothing else. A value is NaN where its definition leaves it undefined.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import yaml

from partimento.evaluate.compose_data import TICKS, Tune
from partimento.metrics.note_arrays import FloatArray, entropy_bits
from partimento.metrics.self_similarity import BarProfile, bar_profiles, best_earlier_matches, lag_share
from partimento.score.chord import Chord
from partimento.score.timing import Key, Metre

STRONG = 4
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One entry of the fixed list: ``kind`` is ``scalar`` or ``flag``."""

    name: str
    kind: str
    unit: str
    definition: str


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """The fixed list with the limits of its verdicts (see the head of the YAML file)."""

    version: int
    features: tuple[FeatureSpec, ...]
    inside: tuple[float, float]
    iqr_ratio: tuple[float, float]
    flag_difference: float

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in order."""
        return tuple(f.name for f in self.features)


@cache
def feature_table() -> FeatureTable:
    """The fixed list, from ``compose_features.yaml``."""
    text = files("partimento.evaluate").joinpath("compose_features.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    verdict = raw["verdict"]
    return FeatureTable(
        version=raw["version"],
        features=tuple(FeatureSpec(n, f["kind"], f["unit"], f["definition"]) for n, f in raw["features"].items()),
        inside=tuple(verdict["inside"]),
        iqr_ratio=tuple(verdict["iqr_ratio"]),
        flag_difference=verdict["flag_difference"],
    )


@cache
def metrical_weights(metre: Metre) -> tuple[int, ...]:
    """Weight (0 to 5) of each position of a bar on the grid of 1/24 quarter note ``[ticks of a bar]``."""
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
        weights[len(weights) // 2] = STRONG
    weights[0] = 5
    return tuple(weights)


def features(tune: Tune) -> dict[str, float]:
    """All features of one tune, in the order of the fixed list.

    Raises:
        ValueError: when the tune has fewer than two notes.
    """
    if len(tune.notes) < 2:
        raise ValueError(f"{tune.name}: features need at least two notes, got {len(tune.notes)}")
    onsets, durations, pitches = tune.arrays
    starts = np.round(onsets * TICKS).astype(np.int64)
    lengths = np.round(durations * TICKS).astype(np.int64)
    steps = np.diff(pitches)
    values: dict[str, float] = {}
    values |= _interval_features(steps)
    values |= _duration_features(lengths)
    values |= _density_features(starts, lengths, tune.metre)
    values |= _pitch_features(pitches, lengths, tune.key)
    values |= _harmony_features(tune, starts, lengths, pitches)
    values |= _metre_features(starts, lengths, tune.metre)
    values |= _form_features(tune, starts, lengths)
    values |= _shape_features(tune, starts, lengths, pitches)
    names = feature_table().names
    assert set(values) == set(names), set(values) ^ set(names)
    return {name: values[name] for name in names}


def feature_matrix(tunes: tuple[Tune, ...]) -> FloatArray:
    """Features of many tunes ``[tunes, features]``."""
    return np.array([list(features(tune).values()) for tune in tunes], dtype=np.float64)


def _share(mask: np.ndarray) -> float:
    """Mean of a truth array; NaN when it is empty."""
    return float(mask.mean()) if mask.size else NAN


def _interval_features(steps: np.ndarray) -> dict[str, float]:
    """Sizes and directions of the intervals between successive notes."""
    size = np.abs(steps)
    signs = np.sign(steps[steps != 0])
    leaps = np.flatnonzero(size[:-1] >= 5)
    return {
        "interval_unison": _share(size == 0),
        "interval_step": _share((size == 1) | (size == 2)),
        "interval_third": _share((size == 3) | (size == 4)),
        "interval_fourth_fifth": _share((size >= 5) & (size <= 7)),
        "interval_large": _share(size >= 8),
        "interval_up": _share(signs > 0),
        "interval_mean": float(size.mean()),
        "direction_change": _share(signs[1:] != signs[:-1]),
        "leap_recovery": _share(np.sign(steps[leaps]) == -np.sign(steps[leaps + 1])),
    }


def _duration_features(lengths: np.ndarray) -> dict[str, float]:
    """Shares of note values and their entropy."""
    quarter = TICKS
    return {
        "duration_short": _share(lengths < quarter // 2),
        "duration_eighth": _share(lengths == quarter // 2),
        "duration_quarter": _share(lengths == quarter),
        "duration_dotted": _share(np.isin(lengths, [quarter * 3 // 4, quarter * 3 // 2, quarter * 3])),
        "duration_long": _share(lengths >= 2 * quarter),
        "duration_entropy": entropy_bits(list(Counter(lengths.tolist()).values())),
    }


def _density_features(starts: np.ndarray, lengths: np.ndarray, metre: Metre) -> dict[str, float]:
    """Notes per bar from the first to the last note's bar, and silence between the first onset and the last end."""
    bar_ticks = len(metrical_weights(metre))
    counts = np.bincount(starts // bar_ticks)[starts[0] // bar_ticks :]
    span = starts[-1] + lengths[-1] - starts[0]
    return {
        "notes_per_bar": float(counts.mean()),
        "notes_per_bar_sd": float(counts.std()),
        "rest_share": float(1.0 - lengths.sum() / span),
    }


def _pitch_features(pitches: np.ndarray, lengths: np.ndarray, key: Key) -> dict[str, float]:
    """Range, register inside it, pitch classes and the scale."""
    spread = int(pitches.max() - pitches.min())
    mean = float(np.average(pitches, weights=lengths))
    scale = set(key.scale) | ({(key.tonic + 9) % 12, (key.tonic + 11) % 12} if key.mode == "minor" else set())
    outside = ~np.isin(pitches % 12, sorted(scale))
    return {
        "range": float(spread),
        "mean_in_range": (mean - float(pitches.min())) / spread if spread else NAN,
        "pitch_class_entropy": entropy_bits(np.bincount(pitches % 12, weights=lengths, minlength=12)),
        "non_scale": float(lengths[outside].sum() / lengths.sum()),
    }


def _chords_at(tune: Tune, starts: np.ndarray) -> list[Chord | None]:
    """The chord sounding at each onset."""
    begins = [round(span.start * TICKS) for span in tune.chords]
    found: list[Chord | None] = []
    for start in starts:
        i = bisect_right(begins, int(start)) - 1
        found.append(tune.chords[i].chord if i >= 0 and start < round(tune.chords[i].end * TICKS) else None)
    return found


def _harmony_features(tune: Tune, starts: np.ndarray, lengths: np.ndarray, pitches: np.ndarray) -> dict[str, float]:
    """How the line sits on its chords."""
    chords = _chords_at(tune, starts)
    weights = metrical_weights(tune.metre)
    under = np.array([chord is not None for chord in chords])
    strong = np.array([weights[s % len(weights)] >= STRONG for s in starts])
    fits = np.array(
        [c is not None and (p % 12 in c.pitch_classes or p % 12 == c.bass) for c, p in zip(chords, pitches, strict=True)]
    )
    foreign = np.flatnonzero((under & ~fits)[:-1])
    left_by = np.abs(np.diff(pitches))[foreign]
    return {
        "chord_tones": float(lengths[under & fits].sum() / lengths[under].sum()) if under.any() else NAN,
        "chord_tones_strong": _share(fits[under & strong]),
        "nonchord_by_step": _share((left_by == 1) | (left_by == 2)),
    }


def _metre_features(starts: np.ndarray, lengths: np.ndarray, metre: Metre) -> dict[str, float]:
    """Onsets against the beat."""
    weights = np.array(metrical_weights(metre))
    bar = len(weights)
    at = weights[starts % bar]
    over = [
        weights[np.arange(start + 1, start + length) % bar].max(initial=0) > weight
        for start, length, weight in zip(starts, lengths, at, strict=True)
    ]
    return {"syncopation": _share(np.array(over)), "offbeat": _share(at < 3)}


def phrase_starts(starts: np.ndarray, lengths: np.ndarray) -> list[int]:
    """0-based notes that begin a phrase (times in ticks)."""
    distance = np.diff(starts)
    rest = distance - lengths[:-1]
    long = (distance >= 2 * TICKS) & (distance >= 3 * np.median(distance))
    return [0, *(int(i) + 1 for i in np.flatnonzero((rest >= TICKS) | long))]


def _form_features(tune: Tune, starts: np.ndarray, lengths: np.ndarray) -> dict[str, float]:
    """Phrases and bars that come again."""
    bar_ticks = len(metrical_weights(tune.metre))
    profiles = _profiles(tune)
    edges = [int(starts[i]) for i in phrase_starts(starts, lengths)] + [int(starts[-1] + lengths[-1])]
    values = {"phrase_bars": float(np.mean([b - a for a, b in pairwise(edges)])) / bar_ticks}
    for lag in (1, 2, 4, 8):
        values[f"rhythm_lag{lag}"] = lag_share([p.rhythm for p in profiles], lag)
        values[f"contour_lag{lag}"] = lag_share([p.contour for p in profiles], lag)
    best = best_earlier_matches(profiles)
    values["best_match"] = float(np.mean(best)) if best else NAN
    return values


def _profiles(tune: Tune) -> tuple[BarProfile, ...]:
    """Bar profiles of a tune."""
    return bar_profiles(*tune.arrays, bar_quarters=tune.metre.bar_quarters)


def _shape_features(tune: Tune, starts: np.ndarray, lengths: np.ndarray, pitches: np.ndarray) -> dict[str, float]:
    """Beginning, climax and end."""
    weights = metrical_weights(tune.metre)
    bar = len(weights)
    top = pitches == pitches.max()
    return {
        "climax_position": float((starts[top][0] - starts[0]) / (starts[-1] - starts[0])),
        "climax_share": _share(top),
        "final_length": float(lengths[-1] / bar),
        "final_tonic": float(pitches[-1] % 12 == tune.key.tonic),
        "final_strong": float(weights[starts[-1] % bar] >= STRONG),
        "pickup": float(starts[0] % bar != 0),
    }
