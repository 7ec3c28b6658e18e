"""Writing a tune over a ground: draw the traits, write several candidates, keep the one that keeps its promise.

All candidates are written at once, as rows of arrays. First their rhythm, beat by beat, then their pitches, note by note.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from partimento.compose import pitch as pitch_model
from partimento.compose import rhythm as rhythm_model
from partimento.compose.cells import N_GROUPS, UNITS, Vocabulary
from partimento.compose.form import draw_form, form_grid
from partimento.compose.novelty import MIN_BITS, RUN, least_surprise, longest_unison, time_bits
from partimento.compose.pitch import REACH, NoteGrid, PitchState
from partimento.compose.rhythm import BeatGrid
from partimento.compose.traits import FLAGS, INDEX, N_TRAITS, TICKS, Ground, rhythm_traits, traits
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
"""Tunes that get pitches and are compared."""
RHYTHMS_PER_CANDIDATE = 2
"""Rhythms written for each of them; the best go on."""
PITCHES_PER_RHYTHM = 4
"""Tries at pitches for each rhythm that goes on."""
MIN_NOTES = 4
MAX_TILT = 3.0
"""Most that a style moves the traits, in standard deviations of the joint distribution."""
ENERGY_DENSITY = 0.3
"""Nats that a section's lift adds to each pair of notes of a cell."""
RESOLUTION = 0.3
"""Nats that steps gain after a note foreign to its chord."""
HAMMERING = 1.5
"""Nats that each further unison after four in a row loses."""
MAX_UNISONS = 7
ORDINARY_COST = 15.0
"""Cost of each bit by which a tune's most ordinary run is too ordinary."""


@dataclass(frozen=True)
class TuneWish:
    """What is asked of a tune beside its ground.

    Attributes:
        first_beat: quarter note at which the tune may begin; the first note comes in the beat that begins there.
        low, high: lowest and highest pitch allowed; the traits' range is placed inside.
        centre: where the middle of the range should lie, None: by the model.
        tilt: trait name → shift of its normal score (a style's way); the other traits follow as they go together.
        degrees: semitones above the tonic → favour (positive) or disfavour of that pitch class, in nats.
        fixed: trait name → value that is asked for.
        spread: 1 draws the traits as widely as real tunes have them, less keeps nearer to the middle.
        figures: family of beat cells (see :mod:`partimento.compose.cells`) → favour in nats.
        intervals: class of interval (see :func:`partimento.compose.pitch.step_class`) → favour in nats.
        chromatic: favour of notes outside scale and chord, in nats.
        chordal: favour of chord tones on strong beats and long notes, in nats.
        density: favour of each pair of notes in a beat, in nats.
        adapt: repeated bars follow a changed chord (real tunes mostly keep their notes).
        n_candidates: tunes written; the best is kept.
        forbidden_cells: beat cells (0 plain or 1 dotted, text) that the style does not have.
        temperature: of the rhythm; 1 draws as real tunes are distributed, less draws the likelier.
        pitch_temperature: of the pitches; a little below 1 makes up for slips that add up along a tune.
    """

    first_beat: float = 0.0
    low: int = 48
    high: int = 88
    centre: float | None = None
    tilt: dict[str, float] = field(default_factory=dict)
    degrees: dict[int, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    spread: float = 1.0
    figures: dict[int, float] = field(default_factory=dict)
    intervals: dict[int, float] = field(default_factory=dict)
    chromatic: float = 0.0
    chordal: float = 0.0
    density: float = 0.0
    adapt: bool = False
    n_candidates: int = N_CANDIDATES
    forbidden_cells: frozenset[tuple[int, str]] = frozenset()
    temperature: float = 1.0
    pitch_temperature: float = 0.87


def draw_traits(ground: TuneGround, wish: TuneWish, model: TuneModel, rng: np.random.Generator) -> Floats:
    """Normal scores of the traits of one tune ``[N_TRAITS]``, as they go together in real tunes of such a ground.

    They are scores of values that occur: a trait that is often exactly 0, or a flag, gets the score of that value.
    """
    n_chords = len(ground.chords)
    x = covariates(ground.metres[0], ground.n_bars, n_chords / ground.n_bars, ground.keys[0].is_minor)
    drawn = model.spread @ rng.standard_normal(N_TRAITS) * wish.spread
    stretch = model.stretch if wish.spread >= 1.0 else 1.0
    scores = model.shift + stretch * (x @ model.mean + drawn)
    scores = scores + _tilted(wish.tilt, model)
    values = model.to_values(np.clip(scores, -2.4, 2.4))
    values[list(FLAGS)] = values[list(FLAGS)] > 0.5
    for name, value in wish.fixed.items():
        values[INDEX[name]] = value
    return model.to_scores(values)


def _tilted(tilt: dict[str, float], model: TuneModel) -> Floats:
    """Shifts of all traits when some are favoured: those of an exponentially tilted normal distribution.

    Traits that go together move together, and wishes that contradict each other move little. The shift as a whole is at
    most ``MAX_TILT`` standard deviations, so that the traits stay such as occur together.
    """
    if not tilt:
        return np.zeros(N_TRAITS)
    rows = [INDEX[name] for name in tilt]
    wish = np.zeros(N_TRAITS)
    wish[rows] = list(tilt.values())
    along = model.spread.T @ wish
    length = float(np.sqrt(along @ along))
    moved: Floats = model.spread @ along * min(1.0, MAX_TILT / max(length, 1e-9))
    return moved


def _draw(scores: Floats, rng: np.random.Generator) -> Ints:
    """One index per row, by the Gumbel trick."""
    drawn: Ints = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    return drawn


def write_rhythms(
    grid: BeatGrid, ground: TuneGround, sources: Ints, wanted: Floats, wish: TuneWish, model: TuneModel, rng: np.random.Generator
) -> list[tuple[Ints, Ints]]:
    """Onsets and durations in ticks of K rhythms; ``sources`` (bars to repeat) are ``[K, B]``."""
    k = len(sources)
    state = rhythm_model.new_state(k, len(grid))
    rows = np.repeat(wanted[None, :], k, axis=0)
    first = max(0, int(np.searchsorted(grid.start, wish.first_beat + 1e-6, side="right")) - 1)
    repeats = beat_repeats(ground, grid, sources)
    figures = np.array([wish.figures.get(group, 0.0) for group in range(N_GROUPS)])
    every = np.arange(k)
    for t in range(len(grid)):
        kind = int(grid.kind[t])
        vocab = model.vocabularies[kind]
        if t < first:
            state.cells[:, t] = _silent(vocab.cells)
            continue
        forced = repeats[:, t] >= first
        cells = _repeated_cells(state, state.cells[every, repeats[:, t]], vocab) if forced.any() else state.group
        if not forced.all():
            ctx = rhythm_model.context(grid, state, t, rows, vocab)
            scores = rhythm_model.logits(model.rhythm[kind], ctx, model.rhythm_tables[kind], np) / wish.temperature
            denser = wish.density + (ENERGY_DENSITY * ground.lift[grid.bar[t]] if ground.lift else 0.0)
            scores = scores + (denser * vocab.descriptors[:, 0] + figures[vocab.groups])[None, :]
            legal = _allowed(ctx["legal"], vocab, wish, grid, t, t == first)
            cells = np.where(forced, cells, _draw(np.where(legal, scores, -1e9), rng))
        bar = ground.metres[grid.bar[t]].bar_quarters
        rhythm_model.advance(grid, state, t, cells, vocab, grid.quarters[t] / bar)
    return [_ticks(grid, ground, state.cells[i], model) for i in range(k)]


def _allowed(
    legal: NDArray[np.bool_], vocab: Vocabulary, wish: TuneWish, grid: BeatGrid, t: int, opening: bool
) -> NDArray[np.bool_]:
    """Cells that may be drawn: those of the style, and in the first beat those that begin the tune in time."""
    if opening:
        inside = (wish.first_beat - grid.start[t]) / grid.quarters[t] * UNITS
        opens = np.array([bool(o) and o[0] >= inside - 0.01 for o in vocab.onsets])
        on_time = np.array([bool(o) and abs(o[0] - inside) < 0.01 for o in vocab.onsets])
        legal = legal & (on_time if on_time.any() else opens)[None, :]
    if wish.forbidden_cells:
        kept = legal & np.array([(int(grid.kind[t]), c) not in wish.forbidden_cells for c in vocab.cells])[None, :]
        legal = np.where(kept.any(axis=1, keepdims=True), kept, legal)
    return legal


def _repeated_cells(state: rhythm_model.RhythmState, cells: Ints, vocab: Vocabulary) -> Ints:
    """Cells to repeat; one that goes on holding a note begins silent where nothing sounds."""
    return np.where(vocab.needs_sound[cells] & ~state.sounding, vocab.unheld[cells], cells)


def _silent(cells: tuple[str, ...]) -> int:
    return cells.index("." * UNITS)


def _ticks(grid: BeatGrid, ground: TuneGround, cells: Ints, model: TuneModel) -> tuple[Ints, Ints]:
    """A row of cells as onsets and durations."""
    starts: list[int] = []
    ends: list[int] = []
    sounding = False
    begins = (grid.start * TICKS).tolist()
    units = (grid.quarters * TICKS / UNITS).tolist()
    for begin, unit, kind, index in zip(begins, units, grid.kind.tolist(), cells.tolist(), strict=True):
        for place, is_note in model.vocabularies[kind].events[index]:
            at = round(begin + place * unit)
            if sounding:
                ends.append(at)
            if is_note:
                starts.append(at)
            sounding = is_note
    if sounding:
        ends.append(round(ground.starts[-1] * TICKS))
    onsets = np.array(starts, dtype=np.int64)
    return onsets, np.array(ends, dtype=np.int64) - onsets


def write_pitches(
    ground: TuneGround,
    grid: NoteGrid,
    lines: list[tuple[Ints, Ints]],
    repeats: Repeats,
    wanted: Floats,
    bounds: tuple[Ints, Ints],
    model: TuneModel,
    wish: TuneWish,
    rng: np.random.Generator,
) -> Ints:
    """Pitches of the candidates ``[K, N]`` between ``bounds`` (lowest, highest, ``[K]`` each) for K rhythms ``lines``."""
    low, high = bounds
    k, n_notes = grid.weight.shape
    lags = np.zeros((k, rhythm_model.N_LAGS), dtype=np.int64)
    state = PitchState(np.zeros((k, n_notes), dtype=np.int64), low, high, low.copy(), lags, lags.copy())
    rows = np.repeat(wanted[None, :], k, axis=0)
    pitch_model.advance(grid, state, 0, _first_pitches(grid, low, high, model, rng))
    every = np.arange(k)
    times = np.zeros((k, n_notes))
    for i, (starts, _) in enumerate(lines):
        times[i, : len(starts)] = time_bits(starts, model.surprise)
    bits = np.full((k, n_notes), 10.0)
    same = np.zeros(k, dtype=np.int64)  # unisons in a row
    intervals = np.array([wish.intervals.get(c, 0.0) for c in range(pitch_model.N_CLASSES)])[pitch_model.CLASSES]
    favour = _favour(wish, ground) if wish.degrees else None
    by_step = (np.abs(pitch_model.STEPS) == 1) | (np.abs(pitch_model.STEPS) == 2)
    tonic_end = wanted[INDEX["final_tonic"]] > 0
    for n in range(1, n_notes):
        source = repeats.source[:, n]
        again = _within(state.pitches[every, np.maximum(source, 0)] + repeats.shift[:, n], low, high)
        kept = repeats.exact[:, n] | (n >= grid.count)
        if kept.all():
            pitch_model.advance(grid, state, n, np.where(source >= 0, again, state.pitches[:, n - 1]))
            same = np.where(state.pitches[:, n] == state.pitches[:, n - 1], same + 1, 0)
            continue
        ctx = pitch_model.context(grid, state, n, rows)
        scores = pitch_model.logits(model.pitch, ctx, model.pitch_tables, np) / wish.pitch_temperature
        near = np.abs(ctx["pitch"] - again[:, None])
        scores = scores + np.where(source[:, None] >= 0, np.maximum(0.0, 1.5 - 0.5 * near), 0.0)
        scores = scores + RESOLUTION * ((ctx["left_role"] >= 4) & (ctx["left_role"] < 6))[:, None] * by_step[None, :]
        scores = scores + intervals[None, :] + wish.chromatic * (ctx["role"] == 5)
        if wish.chordal:
            weighty = (grid.weight[:, n] == 0) | (grid.length[:, n] >= 2)
            scores = scores + wish.chordal * (weighty[:, None] & (ctx["role"] <= 3))
        if favour is not None:
            scores = scores + favour[grid.key[:, n][:, None], ctx["pitch"] % 12]
        scores = scores + repeats.lift[:, n][:, None] * ctx["register"] / (pitch_model.N_REGISTER - 1)
        ordinary = model.surprise.interval[ctx["previous"]] + times[:, n][:, None]
        if n >= RUN:
            lacking = MIN_BITS - bits[:, n - RUN + 1 : n].sum(axis=1)[:, None] - ordinary
            scores = scores - np.maximum(0.0, lacking)
        scores[:, REACH] -= HAMMERING * np.maximum(0, same - 3)
        if tonic_end:
            closing = (grid.mark[:, n] == 3)[:, None] & (ctx["degree"] != 0)
            scores = np.where(closing, scores - 12.0, scores)
        steps = _draw(np.where(ctx["legal"], scores, -1e9), rng) - REACH
        drawn = state.pitches[:, n - 1] + steps
        bits[:, n] = ordinary[every, steps + REACH]
        pitch_model.advance(grid, state, n, np.where(repeats.exact[:, n], again, drawn))
        same = np.where(state.pitches[:, n] == state.pitches[:, n - 1], same + 1, 0)
    return state.pitches


def _favour(wish: TuneWish, ground: TuneGround) -> Floats:
    """Favour of each pitch class by key ``[Q, 12]`` (keys in order of appearance, as in the harmony's tables)."""
    keys = list(dict.fromkeys(ground.keys))
    table = np.zeros((len(keys), 12))
    for row, key in enumerate(keys):
        for above, favour in wish.degrees.items():
            table[row, (key.tonic + above) % 12] = favour
    return table


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
    k: int, wanted: Floats, ground: TuneGround, wish: TuneWish, model: TuneModel, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Lowest and highest pitch of each of K candidates: the drawn range, on notes of the scale, around the wished centre."""
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
    picks = np.argmax(-2.0 * costs[None, :] + rng.gumbel(size=(k, len(best))), axis=1)
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
    harmony = harmony_of(ground)
    measure = measuring_ground(ground, harmony)
    lines, sources = _rhythms(ground, harmony, measure, wanted, wish, tables, rng)
    repeats = note_repeats(ground, harmony, lines, sources, wish.adapt)
    bounds = place_range(len(lines), wanted, ground, wish, tables, rng)
    pitches = write_pitches(ground, note_grid(ground, harmony, lines), lines, repeats, wanted, bounds, tables, wish, rng)
    values = np.array([traits(s, d, pitches[i, : len(s)], measure) for i, (s, d) in enumerate(lines)])
    least = np.array([least_surprise(s, pitches[i, : len(s)], tables.surprise) for i, (s, _) in enumerate(lines)])
    hammered = np.array([longest_unison(pitches[i, : len(s)]) for i, (s, _) in enumerate(lines)])
    cost = distances(values, wanted, wish, tables) + ORDINARY_COST * np.maximum(0.0, MIN_BITS - least)
    best = int(np.argmin(cost + ORDINARY_COST * np.maximum(0, hammered - MAX_UNISONS)))
    starts, lengths = lines[best]
    return tuple(Note(int(s) / TICKS, int(d) / TICKS, int(p)) for s, d, p in zip(starts, lengths, pitches[best], strict=False))


def _rhythms(
    ground: TuneGround,
    harmony: Harmony,
    measure: Ground,
    wanted: Floats,
    wish: TuneWish,
    model: TuneModel,
    rng: np.random.Generator,
) -> tuple[list[tuple[Ints, Ints]], Ints]:
    """The best of many rhythms, each several times (for as many tries at pitches), with the bars they repeat."""
    grid = beat_grid(ground)
    bars = form_grid(ground, harmony)
    fixed = np.array(ground.source or (-1,) * ground.n_bars)
    first_bar = int(np.searchsorted(ground.starts, wish.first_beat + 1e-6, side="right")) - 1
    rows = np.repeat(wanted[None, :], RHYTHMS_PER_CANDIDATE * wish.n_candidates, axis=0)
    kept: list[int] = []
    while not kept:
        sources = draw_form(model.form, bars, fixed, first_bar, rows, rng)
        written = write_rhythms(grid, ground, sources, wanted, wish, model, rng)
        kept = [i for i, (starts, _) in enumerate(written) if len(starts) >= MIN_NOTES]
    values = np.array([rhythm_traits(*written[i], measure) for i in kept])
    order = np.argsort(distances(values, wanted, wish, model), kind="stable")
    chosen = [kept[int(i)] for i in order[: max(1, wish.n_candidates // PITCHES_PER_RHYTHM)]]
    chosen = [chosen[i % len(chosen)] for i in range(wish.n_candidates)]
    return [written[i] for i in chosen], sources[chosen]


def distances(values: Floats, wanted: Floats, wish: TuneWish, model: TuneModel) -> Floats:
    """How far candidates' traits ``[K, N_TRAITS]`` are from the wanted scores ``[K]``.

    Undefined traits do not count; those that the style shifts count more.
    """
    weights = model.weights.copy()
    for name, shift in wish.tilt.items():
        weights[INDEX[name]] *= 1.0 + 3.0 * min(1.0, abs(shift))
    apart = model.to_scores(values) - wanted[None, :]
    apart[np.isnan(values)] = 0.0
    total: Floats = (weights * apart**2).sum(axis=1)
    return total


__all__ = ["Harmony", "TuneWish", "write_tune"]
