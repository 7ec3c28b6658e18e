"""Which bars of a tune repeat earlier bars note for note: a log-linear model that decides bar by bar.

In real tunes about a quarter of the bars are exact repetitions, mostly in stretches at distances of 4, 8 and 16 bars
that begin with a phrase and where the chords repeat, too. At each bar the model draws: nothing, going on with the
repetition under way, or beginning one at a certain distance. Weights as in :mod:`partimento.compose.rhythm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.compose.traits import N_TRAITS
from partimento.compose.tune_grid import Harmony, TuneGround

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DISTANCES = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32)
N_DISTANCES = len(DISTANCES)
N_CHOICES = N_DISTANCES + 2
NOTHING, GO_ON = 0, 1
"""Choices: nothing, go on, then begin at each of :data:`DISTANCES`."""
N_CHORDS = 3
N_AHEAD = 5
N_RUNS = 5


@dataclass(frozen=True)
class FormGrid:
    """Bars of a piece for the form model.

    Attributes:
        in_phrase: 0–7 ``[B]``.
        to_end: bars to the last, at most 3 ``[B]``.
        possible: whether a repetition at each distance can begin ``[B, DISTANCES]``.
        chords: harmony of the bar against the bar at that distance: 0 different, 1 partly the same, 2 the same.
        ahead: how many of the next four bars have the same harmony as theirs, 0–4.
    """

    in_phrase: Ints
    to_end: Ints
    possible: NDArray[np.bool_]
    chords: Ints
    ahead: Ints


def bar_labels(ground: TuneGround, harmony: Harmony) -> Ints:
    """Harmony of each quarter of each bar, comparable between bars ``[B, 4]``."""
    starts = np.array(ground.starts[:-1])
    lengths = np.array([metre.bar_quarters for metre in ground.metres])
    ticks = np.round((starts[:, None] + lengths[:, None] * np.arange(4) / 4) * 24).astype(np.int64)
    rows = np.maximum(np.searchsorted(harmony.starts, ticks, side="right") - 1, 0)
    return harmony.labels[rows]


def form_grid(ground: TuneGround, harmony: Harmony) -> FormGrid:
    """The bars of a ground."""
    n = ground.n_bars
    labels = bar_labels(ground, harmony)
    possible = np.zeros((n, N_DISTANCES), dtype=bool)
    chords = np.zeros((n, N_DISTANCES), dtype=np.int64)
    ahead = np.zeros((n, N_DISTANCES), dtype=np.int64)
    for i, distance in enumerate(DISTANCES):
        if distance >= n:
            break
        same = labels[distance:] == labels[:-distance]
        level = np.where(same.all(axis=1), 2, np.where(same.any(axis=1), 1, 0))
        chords[distance:, i] = level
        whole = (level == 2).astype(np.int64)
        following = np.concatenate([whole, np.zeros(4, dtype=np.int64)])
        ahead[distance:, i] = sum(following[j : j + n - distance] for j in range(4))
        material = ground.material or (0,) * n
        possible[distance:, i] = [
            ground.metres[b] == ground.metres[b - distance] and material[b] == material[b - distance] for b in range(distance, n)
        ]
    return FormGrid(
        in_phrase=np.array(ground.in_phrase, dtype=np.int64),
        to_end=np.minimum(np.arange(n)[::-1], 3),
        possible=possible,
        chords=chords,
        ahead=ahead,
    )


def context(grid: FormGrid, bar: int, under_way: Ints, runs: Ints, traits: Floats) -> dict[str, Any]:
    """Index arrays of one bar, one row per tune.

    Args:
        grid: the bars.
        bar: 0-based.
        under_way: index of the distance of the repetition that the bar before belongs to, or -1 ``[K]``.
        runs: bars that it has lasted ``[K]``.
        traits: normal scores ``[K, N_TRAITS]``.
    """
    k = len(under_way)
    going = np.maximum(under_way, 0)
    can_go_on = (under_way >= 0) & grid.possible[bar, going]
    legal = np.concatenate(
        [np.ones((k, 1), dtype=bool), can_go_on[:, None], np.repeat(grid.possible[bar][None, :], k, axis=0)], axis=1
    )
    return {
        "in_phrase": np.full(k, grid.in_phrase[bar]),
        "to_end": np.full(k, grid.to_end[bar]),
        "run": np.searchsorted([2, 3, 4, 8], runs, side="right"),
        "going": going,
        "chord_going": grid.chords[bar, going],
        "chords": np.repeat(grid.chords[bar][None, :], k, axis=0),
        "ahead": np.repeat(grid.ahead[bar][None, :], k, axis=0),
        "was": (under_way >= 0).astype(np.int64),
        "traits": traits,
        "legal": legal,
    }


def logits(params: dict[str, Any], ctx: dict[str, Any], xp: Any) -> Any:
    """Scores of all choices ``[N, CHOICES]``."""
    go_on = (
        params["go_on_phrase"][ctx["in_phrase"]]
        + params["go_on_end"][ctx["to_end"]]
        + params["go_on_run"][ctx["run"]]
        + params["go_on_chord"][ctx["chord_going"]]
        + params["go_on_distance"][ctx["going"]]
        + ctx["traits"] @ params["go_on_traits"]
    )
    begin = (
        params["distance"]
        + params["phrase"][ctx["in_phrase"]]
        + params["end"][ctx["to_end"]][:, None]
        + params["chord"][ctx["chords"]]
        + params["ahead"][ctx["ahead"]]
        + params["was"][ctx["was"]][:, None]
        + ctx["traits"] @ params["traits"]
    )
    return xp.concatenate([0 * go_on[:, None], go_on[:, None], begin], 1)


def initial_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of the weight tables."""
    return {
        "go_on_phrase": (8,),
        "go_on_end": (4,),
        "go_on_run": (N_RUNS,),
        "go_on_chord": (N_CHORDS,),
        "go_on_distance": (N_DISTANCES,),
        "go_on_traits": (N_TRAITS,),
        "distance": (N_DISTANCES,),
        "phrase": (8, N_DISTANCES),
        "end": (4,),
        "chord": (N_CHORDS,),
        "ahead": (N_AHEAD,),
        "was": (2,),
        "traits": (N_TRAITS, N_DISTANCES),
    }


def draw_form(
    params: dict[str, Any], grid: FormGrid, fixed: Ints, first_bar: int, traits: Floats, rng: np.random.Generator
) -> Ints:
    """Bars to be repeated, for K tunes ``[K, B]``; -1 where a bar is new.

    Args:
        params: weight tables.
        grid: the bars.
        fixed: bars whose source is decided already: the source, -2 for "new", or -1 for "undecided" ``[B]``.
        first_bar: the first bar with notes; nothing before it is repeated.
        traits: normal scores ``[K, N_TRAITS]``.
        rng: source of chance.
    """
    k, n = len(traits), len(fixed)
    source = np.full((k, n), -1, dtype=np.int64)
    under_way = np.full(k, -1, dtype=np.int64)
    runs = np.zeros(k, dtype=np.int64)
    distances = np.array(DISTANCES)
    for bar in range(first_bar, n):
        if fixed[bar] >= 0 or fixed[bar] == -2:
            source[:, bar] = max(fixed[bar], -1)
            under_way[:], runs[:] = -1, 0
            continue
        ctx = context(grid, bar, under_way, runs, traits)
        ctx["legal"][:, 2:] &= bar - distances >= first_bar
        scores = np.where(ctx["legal"], logits(params, ctx, np), -1e9)
        choice = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
        started = choice >= 2
        under_way = np.where(started, choice - 2, np.where(choice == GO_ON, under_way, -1))
        runs = np.where(started, 1, np.where(choice == GO_ON, runs + 1, 0))
        source[:, bar] = np.where(under_way >= 0, bar - distances[np.maximum(under_way, 0)], -1)
    return source
