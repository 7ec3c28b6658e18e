"""Writing a tune over a ground: draw the traits, write several candidates, keep the one that keeps its promise.

All candidates are written at once, as rows of arrays. First their rhythm, beat by beat, then their pitches, note by note.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from partimento.compose import pitch as pitch_model
from partimento.compose import rhythm as rhythm_model
from partimento.compose.cells import UNITS, Vocabulary
from partimento.compose.pitch import REACH, NoteGrid, PitchState
from partimento.compose.rhythm import BeatGrid
from partimento.compose.traits import INDEX, N_TRAITS, TICKS, Ground, traits
from partimento.compose.tune_grid import (
    Harmony,
    Repeats,
    TuneGround,
    beat_grid,
    beat_repeats,
    harmony_of,
    measuring_ground,
    note_grid,
    note_repeats,
)
from partimento.compose.tune_model import TuneModel, covariates, tune_model
from partimento.score.score import Note

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_CANDIDATES = 24
MIN_NOTES = 4


@dataclass(frozen=True)
class TuneWish:
    """What is asked of a tune beside its ground.

    Attributes:
        first_beat: quarter note at which the tune may begin; the first note comes in the beat that begins there.
        low, high: lowest and highest pitch allowed; the traits' range is placed inside.
        centre: where the middle of the range should lie, None: by the model.
        tilt: trait name → shift of its normal score (a style's way).
        fixed: trait name → normal score that is asked for.
        n_candidates: tunes written; the best is kept.
        cells: texts of beat cells that may be used (None: all).
        temperature: 1 draws as real tunes are distributed, less draws the likelier.
    """

    first_beat: float = 0.0
    low: int = 48
    high: int = 88
    centre: float | None = None
    tilt: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    n_candidates: int = N_CANDIDATES
    forbidden_cells: frozenset[str] = frozenset()
    temperature: float = 1.0


def draw_traits(ground: TuneGround, wish: TuneWish, model: TuneModel, rng: np.random.Generator) -> Floats:
    """Normal scores of the traits of one tune ``[N_TRAITS]``, as they go together in real tunes of such a ground."""
    n_chords = len(ground.chords)
    x = covariates(ground.metres[0], ground.n_bars, n_chords / ground.n_bars, ground.keys[0].is_minor)
    scores = x @ model.mean + model.spread @ rng.standard_normal(N_TRAITS)
    for name, shift in wish.tilt.items():
        scores[INDEX[name]] += shift
    for name, score in wish.fixed.items():
        scores[INDEX[name]] = score
    clipped: Floats = np.clip(scores, -2.2, 2.2)
    return clipped


def _draw(scores: Floats, rng: np.random.Generator) -> Ints:
    """One index per row, by the Gumbel trick."""
    drawn: Ints = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    return drawn


def write_rhythms(
    grid: BeatGrid, ground: TuneGround, wanted: Floats, wish: TuneWish, model: TuneModel, rng: np.random.Generator
) -> list[tuple[Ints, Ints]]:
    """Onsets and durations in ticks of ``n_candidates`` rhythms."""
    k = wish.n_candidates
    state = rhythm_model.new_state(k, len(grid))
    rows = np.repeat(wanted[None, :], k, axis=0)
    first = int(np.searchsorted(grid.start, wish.first_beat - 1e-6))
    repeats = beat_repeats(ground, grid)
    for t in range(len(grid)):
        kind = int(grid.kind[t])
        vocab = model.vocabularies[kind]
        if t < first:
            state.cells[:, t] = _silent(vocab.cells)
            continue
        bar = ground.metres[grid.bar[t]].bar_quarters
        if repeats[t] >= first:
            cells = _repeated_cells(state, state.cells[:, repeats[t]], vocab)
            rhythm_model.advance(grid, state, t, cells, vocab, grid.quarters[t] / bar)
            continue
        ctx = rhythm_model.context(grid, state, t, rows, vocab)
        scores = rhythm_model.logits(model.rhythm[kind], ctx, model.rhythm_tables[kind], np) / wish.temperature
        legal = ctx["legal"]
        if t == first:
            inside = (wish.first_beat - grid.start[t]) / grid.quarters[t] * UNITS
            opens = np.array([bool(o) and o[0] >= inside - 0.01 for o in vocab.onsets])
            on_time = np.array([bool(o) and abs(o[0] - inside) < 0.01 for o in vocab.onsets])
            legal = legal & (on_time if on_time.any() else opens)[None, :]
        if wish.forbidden_cells:
            allowed = np.array([c not in wish.forbidden_cells for c in vocab.cells])
            legal = legal & allowed[None, :] if (legal & allowed[None, :]).any(axis=1).all() else legal
        cells = _draw(np.where(legal, scores, -1e9), rng)
        rhythm_model.advance(grid, state, t, cells, vocab, grid.quarters[t] / bar)
    return [_ticks(grid, ground, state.cells[i], model) for i in range(k)]


def _repeated_cells(state: rhythm_model.RhythmState, cells: Ints, vocab: Vocabulary) -> Ints:
    """Cells to repeat; one that goes on holding a note becomes silence where nothing sounds."""
    silent = _silent(vocab.cells)
    lost = vocab.needs_sound[cells] & ~state.sounding
    upbeats = np.array([_without_hold(vocab, int(c), silent) for c in cells], dtype=np.int64)
    return np.where(lost, upbeats, cells)


def _without_hold(vocab: Vocabulary, cell: int, silent: int) -> int:
    """The cell with silence in the place of the held beginning, if there is such a cell."""
    text = vocab.cells[cell]
    head = len(text) - len(text.lstrip("-"))
    wanted = "." * head + text[head:]
    return vocab.cells.index(wanted) if wanted in vocab.cells else silent


def _silent(cells: tuple[str, ...]) -> int:
    return cells.index("." * UNITS)


def _ticks(grid: BeatGrid, ground: TuneGround, cells: Ints, model: TuneModel) -> tuple[Ints, Ints]:
    """A row of cells as onsets and durations."""
    starts: list[int] = []
    ends: list[int] = []
    sounding = False
    for t, index in enumerate(cells):
        cell = model.vocabularies[int(grid.kind[t])].cells[int(index)]
        unit = grid.quarters[t] * TICKS / UNITS
        for i, sign in enumerate(cell):
            at = round(grid.start[t] * TICKS + i * unit)
            if sign == "x":
                if sounding:
                    ends.append(at)
                starts.append(at)
                sounding = True
            elif sign == "." and sounding:
                ends.append(at)
                sounding = False
    if sounding:
        ends.append(round(ground.starts[-1] * TICKS))
    onsets = np.array(starts, dtype=np.int64)
    return onsets, np.array(ends, dtype=np.int64) - onsets


def write_pitches(
    grid: NoteGrid,
    repeats: Repeats,
    wanted: Floats,
    bounds: tuple[Ints, Ints],
    model: TuneModel,
    wish: TuneWish,
    rng: np.random.Generator,
) -> Ints:
    """Pitches of the candidates ``[K, N]`` between ``bounds`` (lowest, highest, ``[K]`` each)."""
    low, high = bounds
    k, n_notes = grid.weight.shape
    lags = np.zeros((k, rhythm_model.N_LAGS), dtype=np.int64)
    state = PitchState(np.zeros((k, n_notes), dtype=np.int64), low, high, low.copy(), lags, lags.copy())
    rows = np.repeat(wanted[None, :], k, axis=0)
    pitch_model.advance(grid, state, 0, _first_pitches(grid, low, high, model, rng))
    every = np.arange(k)
    for n in range(1, n_notes):
        source = repeats.source[:, n]
        again = _within(state.pitches[every, np.maximum(source, 0)] + repeats.shift[:, n], low, high)
        kept = repeats.exact[:, n] | (n >= grid.count)
        if kept.all():
            pitch_model.advance(grid, state, n, np.where(source >= 0, again, state.pitches[:, n - 1]))
            continue
        ctx = pitch_model.context(grid, state, n, rows)
        scores = pitch_model.logits(model.pitch, ctx, model.pitch_tables, np) / wish.temperature
        near = np.abs(ctx["pitch"] - again[:, None])
        scores = scores + np.where(source[:, None] >= 0, np.maximum(0.0, 1.5 - 0.5 * near), 0.0)
        scores = scores + repeats.lift[:, n][:, None] * ctx["register"] / (pitch_model.N_REGISTER - 1)
        steps = _draw(np.where(ctx["legal"], scores, -1e9), rng) - REACH
        drawn = state.pitches[:, n - 1] + steps
        pitch_model.advance(grid, state, n, np.where(repeats.exact[:, n], again, drawn))
    return state.pitches


def _within(pitches: Ints, low: Ints, high: Ints) -> Ints:
    """Pitches moved by octaves into their bounds where that is possible."""
    pitches = np.where(pitches > high, pitches - 12, pitches)
    pitches = np.where(pitches < low, pitches + 12, pitches)
    return np.clip(pitches, low, high)


def _first_pitches(grid: NoteGrid, low: Ints, high: Ints, model: TuneModel, rng: np.random.Generator) -> Ints:
    """First notes: chord and scale degrees as real tunes begin, in the lower two thirds of the range."""
    out = np.empty(len(low), dtype=np.int64)
    for k in range(len(low)):
        pitches = np.arange(low[k], high[k] + 1)
        degree = grid.degrees[grid.key[k, 0], pitches % 12]
        place = (pitches - low[k]) / max(high[k] - low[k], 1)
        score = model.pitch["degree"][4][degree] - 4.0 * (place - 0.35) ** 2
        role = grid.roles[grid.chord[k, 0], pitches % 12]
        score = score + np.array([0.6, 0.8, 0.9, 0.0, -0.3, -3.0, 0.3])[role]
        out[k] = pitches[int(np.argmax(score + rng.gumbel(size=len(pitches))))]
    return out


def place_range(
    wanted: Floats, ground: TuneGround, wish: TuneWish, model: TuneModel, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Lowest and highest pitch of each candidate: the drawn range, on notes of the scale, around the wished centre."""
    spread = int(np.clip(round(float(model.to_values(wanted)[INDEX["range"]])), 4, wish.high - wish.low))
    key = ground.keys[0]
    centre = 68.0 + rng.normal(0, 1.5) if wish.centre is None else wish.centre
    best: list[tuple[float, int, int]] = []
    for low in range(wish.low, wish.high - 3):
        for width in range(max(4, spread - 2), spread + 3):
            high = low + width
            if high > wish.high or low % 12 not in key.scale or high % 12 not in key.scale:
                continue
            cost = abs((low + high) / 2 - centre) / 3.0 + 0.8 * abs(width - spread)
            cost += {0: 0.3, 4: 0.0, 2: 0.5}.get(key.scale.index(low % 12), 1.0)
            best.append((cost, low, high))
    if not best:
        best = [(0.0, wish.low, min(wish.high, wish.low + max(spread, 4)))]
    costs = np.array([b[0] for b in best])
    picks = np.argmax(-2.0 * costs[None, :] + rng.gumbel(size=(wish.n_candidates, len(best))), axis=1)
    return np.array([best[i][1] for i in picks]), np.array([best[i][2] for i in picks])


def write_tune(ground: TuneGround, wish: TuneWish, rng: np.random.Generator, model: TuneModel | None = None) -> tuple[Note, ...]:
    """Write a tune.

    Args:
        ground: bars, chords, keys, phrases.
        wish: range, style and where the tune begins.
        rng: source of chance.
        model: tables; None takes the package's own.

    Returns:
        A single line on the grid of 1/24 quarter note, inside the ground.
    """
    tables = model or tune_model()
    wanted = draw_traits(ground, wish, tables, rng)
    grid = beat_grid(ground)
    harmony = harmony_of(ground)
    lines = [line for line in write_rhythms(grid, ground, wanted, wish, tables, rng) if len(line[0]) >= MIN_NOTES]
    while not lines:
        lines = [line for line in write_rhythms(grid, ground, wanted, wish, tables, rng) if len(line[0]) >= MIN_NOTES]
    notes = note_grid(ground, harmony, lines)
    low, high = place_range(wanted, ground, wish, tables, rng)
    repeats = note_repeats(ground, harmony, lines)
    pitches = write_pitches(notes, repeats, wanted, (low[: len(lines)], high[: len(lines)]), tables, wish, rng)
    best = choose(lines, pitches, wanted, measuring_ground(ground, harmony), tables)
    starts, lengths = lines[best]
    return tuple(Note(int(s) / TICKS, int(d) / TICKS, int(p)) for s, d, p in zip(starts, lengths, pitches[best], strict=False))


def choose(lines: list[tuple[Ints, Ints]], pitches: Ints, wanted: Floats, ground: Ground, model: TuneModel) -> int:
    """The candidate whose traits come nearest to the wanted ones."""
    values = np.array([traits(s, d, pitches[i, : len(s)], ground) for i, (s, d) in enumerate(lines)])
    distance = model.to_scores(values) - wanted[None, :]
    distance[np.isnan(values)] = 0.0
    return int(np.argmin((distance**2).sum(axis=1)))


__all__ = ["Harmony", "TuneWish", "write_tune"]
