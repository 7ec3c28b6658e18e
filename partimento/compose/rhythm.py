"""The rhythm of a tune: a log-linear model that draws one beat cell after another.

What counts for a cell: its place in the bar, the phrase and the piece, the family of the cell before, how long the
last note has been held, what stood in the same place 1, 2, 4 … bars before (repetition, with how well the last beats
followed it), and the traits of the piece. All weights are tables fitted to public-domain lead sheets
(``partimento train tune-model``); the same scoring code serves fitting and drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.compose.cells import N_GROUPS, REST, Vocabulary
from partimento.compose.traits import N_TRAITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Params = dict[str, Any]

LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Distances in bars at which the tune may repeat itself."""
N_LAGS = len(LAGS)
N_RUNS = 5
N_SINCE = 6
N_REST = 5
N_DENSE = N_TRAITS + 12 + 8 + 4 + N_SINCE + N_REST + N_GROUPS
N_HIDDEN = 24


@dataclass(frozen=True)
class BeatGrid:
    """Everything about the beats of a piece that is known before a note is written; arrays ``[T]`` unless said.

    Attributes:
        bar: 0-based bar.
        kind: 0 plain, 1 dotted.
        start: quarter notes from the start of the piece.
        quarters: length of the beat.
        place: ``4 * min(beats in the bar, 4) - 8 + place``: 0–11.
        in_phrase: bar modulo 8 of the phrase grid (7: the last of eight).
        to_end: bars to the last bar, at most 3.
        source: beat that many bars before, or -1 ``[T, LAGS]``.
        same_chord: the chord at the source is the same ``[T, LAGS]``.
        traits: normal scores of the piece's traits ``[N_TRAITS]`` or ``[K, N_TRAITS]``.
    """

    bar: Ints
    kind: Ints
    start: Floats
    quarters: Floats
    place: Ints
    in_phrase: Ints
    to_end: Ints
    source: Ints
    same_chord: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.bar)


@dataclass
class RhythmState:
    """What the cells so far have left behind, for K tunes at once; arrays ``[K]`` unless said."""

    cells: Ints  # [K, T]
    group: Ints
    sounding: NDArray[np.bool_]
    since: Floats
    rest_age: Floats
    runs: Ints  # [K, LAGS]


def new_state(n: int, n_beats: int) -> RhythmState:
    """The state before the first beat."""
    return RhythmState(
        cells=np.full((n, n_beats), -1, dtype=np.int64),
        group=np.full(n, REST, dtype=np.int64),
        sounding=np.zeros(n, dtype=bool),
        since=np.full(n, 8.0),
        rest_age=np.zeros(n),
        runs=np.zeros((n, N_LAGS), dtype=np.int64),
    )


def context(grid: BeatGrid, state: RhythmState, t: int, traits: Floats, vocab: Vocabulary) -> dict[str, Any]:
    """Index arrays of beat ``t`` for :func:`logits`, one row per tune."""
    k = len(state.group)
    source = grid.source[t]
    held = np.where(source >= 0, state.cells[:, np.maximum(source, 0)], -1)  # [K, LAGS]
    since = np.minimum(np.searchsorted([0.5, 1.0, 2.0, 3.0, 4.5], state.since, side="left"), N_SINCE - 1)
    rest = np.minimum(np.searchsorted([1.0, 2.0, 3.5, 6.0], state.rest_age, side="left"), N_REST - 1)
    runs = np.minimum(np.searchsorted([1, 3, 6, 12], state.runs, side="right"), N_RUNS - 1)
    flags = grid.same_chord[t].astype(np.int64) * 2 + int(grid.place[t] % 4 == 0)
    full = np.full(k, 1, dtype=np.int64)
    return {
        "place": full * grid.place[t],
        "group": state.group,
        "phrase": full * (grid.in_phrase[t] * 2 + int(grid.place[t] % 4 in (0, 1))),
        "end": full * (grid.to_end[t] * 4 + grid.place[t] % 4),
        "since": since,
        "rest": rest,
        "held": held,
        "lag": (np.arange(N_LAGS) * N_RUNS + runs) * 4 + flags,
        "traits": traits,
        "legal": state.sounding[:, None] | ~vocab.needs_sound[None, :],
    }


def advance(grid: BeatGrid, state: RhythmState, t: int, cells: Ints, vocab: Vocabulary, beat_bars: float) -> None:
    """Take the chosen cells of beat ``t`` into the state.

    Args:
        beat_bars: length of the beat in bars.
    """
    source = grid.source[t]
    held = np.where(source >= 0, state.cells[:, np.maximum(source, 0)], -1)
    state.runs = np.where(held == cells[:, None], state.runs + 1, 0)
    state.cells[:, t] = cells
    state.group = vocab.groups[cells]
    counts = vocab.descriptors[cells, 0]
    state.since = np.where(counts > 0, 0.0, state.since) + grid.quarters[t]
    state.rest_age = np.where(vocab.descriptors[cells, 4] > 0.2, 0.0, state.rest_age + beat_bars)
    state.sounding = vocab.ends_sounding[cells] & (state.sounding | (counts > 0))


def _one_hot(index: Any, size: int, xp: Any) -> Any:
    return xp.eye(size)[index]


def dense(ctx: dict[str, Any], xp: Any) -> Any:
    """Inputs of the hidden layer ``[N, N_DENSE]``."""
    parts = [
        ctx["traits"],
        _one_hot(ctx["place"], 12, xp),
        _one_hot(ctx["phrase"] // 2, 8, xp),
        _one_hot(ctx["end"] // 4, 4, xp),
        _one_hot(ctx["since"], N_SINCE, xp),
        _one_hot(ctx["rest"], N_REST, xp),
        _one_hot(ctx["group"], N_GROUPS, xp),
    ]
    return xp.concatenate(parts, 1)


def logits(params: Params, ctx: dict[str, Any], tables: dict[str, Any], xp: Any) -> Any:
    """Scores of all cells ``[N, C]``.

    Args:
        params: weight tables of one kind of beat.
        ctx: from :func:`context` (rows of many beats may be stacked).
        tables: ``groups`` ``[C]``, ``descriptors`` ``[C, D]`` and ``by_group`` ``[GROUPS, C]`` of the vocabulary.
        xp: ``numpy`` or ``torch``.
    """
    hidden = xp.tanh(dense(ctx, xp) @ params["hidden"] + params["hidden_bias"])
    wish = ctx["traits"] @ params["traits"] + hidden @ params["out"]
    grouped = (
        params["group"][ctx["group"]] + params["phrase"][ctx["phrase"]] + params["end"][ctx["end"]] + params["rest"][ctx["rest"]]
    )
    score = params["bias"] + params["place"][ctx["place"]] + params["since"][ctx["since"]] + wish @ tables["descriptors"].T
    score = score + grouped @ tables["by_group"]
    pull = params["lag"][ctx["lag"]] + ctx["traits"] @ params["lag_traits"]  # [N, LAGS]
    n_cells = len(tables["groups"])
    matches = xp.eye(n_cells + 1)[ctx["held"]][..., :n_cells]  # a missing source (-1) picks the last row: no cell
    return score + (pull[..., None] * matches).sum(1)
