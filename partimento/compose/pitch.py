"""The pitches of a tune: a log-linear model that draws one interval after another.

What counts for an interval: the one before, the note's place in the bar and its length, what the new note is in its
chord (and in the chord it is held into) and in the scale, whether the note before was foreign to its chord, where the
line stands in its range and in the piece, what the tune did in the same place 1, 2, 4 … bars before (the same pitch,
the same interval, the same scale steps, the same direction), and the traits of the piece. Weights as in
:mod:`partimento.compose.rhythm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.compose.rhythm import LAGS, N_LAGS
from partimento.compose.traits import N_TRAITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Params = dict[str, Any]

REACH = 16
"""Largest interval in semitones."""
N_STEPS = 2 * REACH + 1
N_CLASSES = 11
N_ROLES = 7
N_PREVIOUS = 12
N_WEIGHTS = 4
N_LENGTHS = 4
N_GAPS = 6
N_REGISTER = 9
N_PROGRESS = 5
N_RUNS = 4
N_MARKS = 5
N_DENSE = N_TRAITS + N_PREVIOUS + N_WEIGHTS + N_LENGTHS + N_GAPS + N_ROLES + N_REGISTER + N_PROGRESS + N_MARKS + 2
N_HIDDEN = 32
N_OUT = N_CLASSES + N_ROLES + 3

STEPS = np.arange(-REACH, REACH + 1)


def step_class(step: int) -> int:
    """Class of an interval: 0 unison; 1, 2 second up, down; 3, 4 third; 5, 6 fourth and fifth; 7, 8 sixth and
    seventh; 9, 10 octave and more."""
    size = abs(step)
    base = 0 if size == 0 else 1 if size <= 2 else 3 if size <= 4 else 5 if size <= 7 else 7 if size <= 11 else 9
    return base if step >= 0 or size == 0 else base + 1


CLASSES = np.array([step_class(int(s)) for s in STEPS])
CLASS_NAMES = {"unison": (0,), "step": (1, 2), "third": (3, 4), "fourth_fifth": (5, 6), "large": (7, 8, 9, 10)}
START = 11
"""Previous interval class of the first interval."""


@dataclass(frozen=True)
class NoteGrid:
    """Everything about the notes of K tunes that is known before pitches are drawn; arrays ``[K, N]`` unless said.
    Tunes with fewer notes are padded.

    Attributes:
        count: notes of each tune ``[K]``.
        weight: 0 strong, 1 other beat, 2 half of a beat, 3 finer.
        length: class of the duration: 0 < 0.5 ≤ 1 < 1 ≤ 2 < 2 ≤ 3 (quarters).
        gap: class of the time since the note before (0–4), 5 after a rest of a quarter or more.
        chord: row of ``roles``.
        chord_end: row of ``roles`` of the chord the note is held into, or -1.
        mark: 0 none, 1 last note of a phrase, 2 first note of a phrase, 3 last note of the piece, 4 first of the piece.
        progress: fifth of the piece.
        source: note in the same place that many bars before, or -1 ``[K, N, LAGS]``.
        same_chord: its chord is the same ``[K, N, LAGS]``.
        key: row of ``degrees``.
        roles: role of each pitch class in each chord: 0 root, 1 third, 2 fifth, 3 other chord tone, 4 scale, 5 foreign
            to the scale, 6 no chord ``[S, 12]``.
        degrees: scale degree of each pitch class by key: 0–6, 7–11 between them ``[Q, 12]``.
        ladder: position of each MIDI pitch on the scale by key ``[Q, 128]``.
    """

    count: Ints
    weight: Ints
    length: Ints
    gap: Ints
    chord: Ints
    chord_end: Ints
    mark: Ints
    progress: Ints
    source: Ints
    same_chord: NDArray[np.bool_]
    key: Ints
    roles: Ints
    degrees: Ints
    ladder: Ints


@dataclass
class PitchState:
    """The pitches so far of K tunes; arrays ``[K]`` unless said."""

    pitches: Ints  # [K, N]
    low: Ints
    high: Ints
    top: Ints  # highest pitch so far
    runs_pitch: Ints  # [K, LAGS]: notes that went on repeating the pitches of that many bars before
    runs_step: Ints  # [K, LAGS]: … their intervals


def context(grid: NoteGrid, state: PitchState, n: int, traits: Floats) -> dict[str, Any]:
    """Index arrays of note ``n`` ≥ 1 for :func:`logits`, one row per tune, and the legal intervals."""
    k = len(grid.count)
    rows = np.arange(k)
    previous = state.pitches[:, n - 1]
    before = CLASSES[np.clip(previous - state.pitches[:, n - 2], -REACH, REACH) + REACH] if n > 1 else np.full(k, START)
    pitch = previous[:, None] + STEPS[None, :]
    safe = np.clip(pitch, 0, 127)
    legal = (pitch >= state.low[:, None]) & (pitch <= state.high[:, None])
    key = grid.key[:, n]
    chord = grid.chord[:, n]
    end = grid.chord_end[:, n]
    role = grid.roles[chord[:, None], safe % 12]
    role_end = np.where(end[:, None] >= 0, grid.roles[np.maximum(end, 0)[:, None], safe % 12], N_ROLES)
    spread = np.maximum(state.high - state.low, 1)[:, None]
    register = np.clip(np.round((pitch - state.low[:, None]) / spread * (N_REGISTER - 1)).astype(np.int64), 0, N_REGISTER - 1)
    at_top = (pitch == state.high[:, None]).astype(np.int64) * (1 + (state.top >= state.high)[:, None].astype(np.int64))
    context_role = grid.roles[grid.chord[:, n - 1], previous % 12]
    return {
        "previous": before,
        "weight": grid.weight[:, n],
        "length": grid.length[:, n],
        "gap": grid.gap[:, n],
        "mark": grid.mark[:, n],
        "progress": grid.progress[:, n],
        "left_role": context_role,
        "place": np.clip(np.round((previous - state.low) / spread[:, 0] * (N_REGISTER - 1)).astype(np.int64), 0, N_REGISTER - 1),
        "seen_top": (state.top >= state.high).astype(np.int64),
        "role": role,
        "role_end": role_end,
        "degree": grid.degrees[key[:, None], safe % 12],
        "register": register,
        "top": at_top * N_PROGRESS + grid.progress[:, n][:, None],
        "back": _returns(state, n, pitch),
        "copies": _copies(grid, state, n, rows, pitch, safe),
        "copy_index": _copy_index(grid, state, n),
        "traits": traits,
        "legal": legal,
        "pitch": pitch,
    }


def _returns(state: PitchState, n: int, pitch: Ints) -> Ints:
    """Which of the last notes a candidate comes back to: 0 none, 1 the one before last, 2 the third last, 3 the fourth."""
    back = np.zeros(pitch.shape, dtype=np.int64)
    for distance in (4, 3, 2):
        if n >= distance:
            back = np.where(pitch == state.pitches[:, n - distance][:, None], distance - 1, back)
    return back


def _copies(grid: NoteGrid, state: PitchState, n: int, rows: Ints, pitch: Ints, safe: Ints) -> NDArray[np.float32]:
    """What each candidate repeats of the note in the same place some bars before ``[K, LAGS, 4, STEPS]``: its pitch,
    its interval, its scale steps, its direction."""
    source = grid.source[:, n]
    known = source >= 0
    at = np.maximum(source, 0)
    there = state.pitches[rows[:, None], at]
    before = state.pitches[rows[:, None], np.maximum(at - 1, 0)]
    has_step = (at > 0) & known
    previous = state.pitches[:, n - 1]
    step = there - before
    mine = pitch - previous[:, None]
    ladder = grid.ladder[grid.key[:, n]]
    rungs = ladder[rows[:, None], safe] - ladder[rows, previous][:, None]
    old_rungs = ladder[rows[:, None], there] - ladder[rows[:, None], before]
    out = np.empty((len(rows), N_LAGS, 4, N_STEPS), dtype=np.float32)
    out[:, :, 0] = (pitch[:, None, :] == there[..., None]) & known[..., None]
    out[:, :, 1] = (mine[:, None, :] == step[..., None]) & has_step[..., None]
    out[:, :, 2] = (rungs[:, None, :] == old_rungs[..., None]) & has_step[..., None]
    out[:, :, 3] = (np.sign(mine)[:, None, :] == np.sign(step)[..., None]) & has_step[..., None]
    return out


def _copy_index(grid: NoteGrid, state: PitchState, n: int) -> Ints:
    """Rows of the repetition table ``[K, LAGS]``: lag, both run lengths, same chord."""
    pitch_run = np.searchsorted([1, 3, 8], state.runs_pitch, side="right")
    step_run = np.searchsorted([1, 3, 8], state.runs_step, side="right")
    same = grid.same_chord[:, n].astype(np.int64)
    return ((np.arange(N_LAGS)[None, :] * N_RUNS + pitch_run) * N_RUNS + step_run) * 2 + same


def advance(grid: NoteGrid, state: PitchState, n: int, pitches: Ints) -> None:
    """Take the pitches of note ``n`` into the state."""
    rows = np.arange(len(pitches))[:, None]
    source = grid.source[:, n]
    at = np.maximum(source, 0)
    there = state.pitches[rows, at]
    state.runs_pitch = np.where((source >= 0) & (there == pitches[:, None]), state.runs_pitch + 1, 0)
    if n > 0:
        step = pitches - state.pitches[:, n - 1]
        old = there - state.pitches[rows, np.maximum(at - 1, 0)]
        state.runs_step = np.where((source > 0) & (old == step[:, None]), state.runs_step + 1, 0)
    state.pitches[:, n] = pitches
    state.top = np.maximum(state.top, pitches)


def dense(ctx: dict[str, Any], xp: Any) -> Any:
    """Inputs of the hidden layer ``[N, N_DENSE]``."""
    hot = [
        (ctx["previous"], N_PREVIOUS),
        (ctx["weight"], N_WEIGHTS),
        (ctx["length"], N_LENGTHS),
        (ctx["gap"], N_GAPS),
        (ctx["left_role"], N_ROLES),
        (ctx["place"], N_REGISTER),
        (ctx["progress"], N_PROGRESS),
        (ctx["mark"], N_MARKS),
        (ctx["seen_top"], 2),
    ]
    return xp.concatenate([ctx["traits"], *(xp.eye(size)[index] for index, size in hot)], 1)


def logits(params: Params, ctx: dict[str, Any], tables: dict[str, Any], xp: Any) -> Any:
    """Scores of all intervals ``[N, STEPS]``.

    Args:
        params: weight tables.
        ctx: from :func:`context` (rows of many notes may be stacked).
        tables: ``classes`` ``[STEPS]``, ``one_hot`` ``[CLASSES, STEPS]``.
        xp: ``numpy`` or ``torch``.
    """
    hidden = xp.tanh(dense(ctx, xp) @ params["hidden"] + params["hidden_bias"])
    wish = ctx["traits"] @ params["traits"] + hidden @ params["out"]  # [N, OUT]
    length_role = params["role"][ctx["weight"], ctx["length"]] + wish[:, N_CLASSES : N_CLASSES + N_ROLES]  # [N, ROLES]
    per_class = (
        params["left"][ctx["left_role"]] + params["gap"][ctx["gap"]] + params["mark_class"][ctx["mark"]] + wish[:, :N_CLASSES]
    )
    score = params["previous"][ctx["previous"]] + per_class @ tables["one_hot"]
    role = ctx["role"]
    score = score + xp.take_along_axis(length_role, role, 1) if xp.__name__ == "numpy" else score + length_role.gather(1, role)
    score = score + params["role_class"][role, tables["classes"]] + params["left_to"][ctx["left_role"][:, None], role]
    score = score + params["role_end"][ctx["role_end"]] + params["degree"][ctx["mark"][:, None], ctx["degree"]]
    score = score + params["register"][ctx["mark"][:, None], ctx["register"]] + params["top"][ctx["top"]]
    x = ctx["register"] / (N_REGISTER - 1.0) - 0.5
    score = score + wish[:, -3][:, None] * x + wish[:, -2][:, None] * x * x + wish[:, -1][:, None] * (ctx["top"] >= N_PROGRESS)
    score = score + params["back"][ctx["back"], tables["classes"]]
    pull = params["copy"][ctx["copy_index"]] + (ctx["traits"] @ params["copy_traits"]).reshape(len(x), N_LAGS, 4)
    return score + (pull[..., None] * ctx["copies"]).sum((1, 2))


__all__ = ["LAGS", "NoteGrid", "PitchState", "advance", "context", "dense", "logits"]
