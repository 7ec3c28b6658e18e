"""The ground that a tune is written on: bars, beats, chords and keys as arrays for the two models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partimento.compose.cells import beats_of
from partimento.compose.pitch import N_PROGRESS, NoteGrid
from partimento.compose.rhythm import LAGS, N_LAGS, BeatGrid
from partimento.compose.traits import TICKS, Ground, metrical_weights
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan
from partimento.score.timing import Key, Metre

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TuneGround:
    """What is known of a piece before its tune is written.

    Attributes:
        starts: of the bars in quarter notes, and the end of the piece ``[B + 1]``.
        metres: of the bars.
        keys: of the bars.
        chords: sorted, not overlapping.
        in_phrase: place of each bar in its pair of phrases, 0–7 (3 and 7 close a phrase) ``[B]``.
        source: bar that each bar shall repeat (what returns returns), -1 where the form model decides, -2 where the bar
            shall be new ``[B]``; empty: the model decides everywhere.
        shift: semitones by which the repetition is moved ``[B]``.
        material: bars of different material do not repeat each other ``[B]``; empty: all the same.
        lift: how much higher (1) or lower (-1) than usual the tune shall lie ``[B]``.
    """

    starts: tuple[float, ...]
    metres: tuple[Metre, ...]
    keys: tuple[Key, ...]
    chords: tuple[ChordSpan, ...]
    in_phrase: tuple[int, ...]
    source: tuple[int, ...] = ()
    shift: tuple[int, ...] = ()
    material: tuple[int, ...] = ()
    lift: tuple[float, ...] = ()

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.metres)


def chord_at(chords: tuple[ChordSpan, ...], starts: list[float], at: float) -> int:
    """Index of the span that sounds at a position, or -1."""
    i = int(np.searchsorted(starts, at + 1e-6, side="right")) - 1
    return i if i >= 0 and at < chords[i].end - 1e-6 else -1


def beat_grid(ground: TuneGround) -> BeatGrid:
    """All beats of a piece."""
    bar: list[int] = []
    kind: list[int] = []
    start: list[float] = []
    quarters: list[float] = []
    place: list[int] = []
    at: dict[tuple[int, int], int] = {}
    for b, metre in enumerate(ground.metres):
        room = ground.starts[b + 1] - ground.starts[b]
        beats = beats_of(metre)
        for j, beat in enumerate(beats):
            if beat.start + beat.quarters > room + 1e-6:
                break
            at[b, j] = len(bar)
            bar.append(b)
            kind.append(int(beat.dotted))
            start.append(ground.starts[b] + beat.start)
            quarters.append(beat.quarters)
            place.append(4 * (min(max(len(beats), 2), 4) - 2) + beat.place)
    index = {t: key for key, t in at.items()}
    span_starts = [c.start for c in ground.chords]
    roots = [_label(ground, span_starts, s, b) for s, b in zip(start, bar, strict=True)]
    source = np.full((len(bar), N_LAGS), -1, dtype=np.int64)
    same = np.zeros((len(bar), N_LAGS), dtype=bool)
    for t in range(len(bar)):
        b, j = index[t]
        for i, lag in enumerate(LAGS):
            there = at.get((b - lag, j), -1)
            if there >= 0 and kind[there] == kind[t] and ground.metres[b - lag] == ground.metres[b]:
                source[t, i] = there
                same[t, i] = roots[there] == roots[t]
    return BeatGrid(
        bar=np.array(bar, dtype=np.int64),
        kind=np.array(kind, dtype=np.int64),
        start=np.array(start),
        quarters=np.array(quarters),
        place=np.array(place, dtype=np.int64),
        in_phrase=np.array([ground.in_phrase[b] for b in bar], dtype=np.int64),
        to_end=np.array([min(ground.n_bars - 1 - b, 3) for b in bar], dtype=np.int64),
        source=source,
        same_chord=same,
    )


def _label(ground: TuneGround, span_starts: list[float], at: float, bar: int) -> tuple[int, bool] | None:
    """The harmony at a position against the key's tonic, for comparing places."""
    i = chord_at(ground.chords, span_starts, at)
    if i < 0:
        return None
    chord = ground.chords[i].chord
    return (chord.root - ground.keys[bar].tonic) % 12, chord.is_minor


@cache
def _degrees(key: Key) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Scale degree of each pitch class (7–11 for the gaps), and the ladder position of each MIDI pitch."""
    scale = sorted((pc - key.tonic) % 12 for pc in key.scale)
    degree = []
    gap = 7
    rung = []
    for pc in range(12):
        above = (pc - key.tonic) % 12
        if above in scale:
            degree.append(scale.index(above))
        else:
            degree.append(min(gap + sum(1 for x in range(above) if x not in scale), 11))
        rung.append(sum(1 for x in scale if x <= above) - 1)
    ladder = tuple(7 * ((p - key.tonic) // 12) + rung[p % 12] for p in range(128))
    return tuple(degree), ladder


@cache
def _roles(chord: Chord | None, key: Key) -> tuple[int, ...]:
    """Role of each pitch class: see :class:`partimento.compose.pitch.NoteGrid`."""
    scale = set(key.scale) | ({(key.tonic + 11) % 12, (key.tonic + 9) % 12} if key.mode == "minor" else set())
    roles = []
    for pc in range(12):
        if chord is None:
            roles.append(6 if pc in scale else 5)
        elif pc == chord.root:
            roles.append(0)
        elif pc == chord.third:
            roles.append(1)
        elif pc in chord.pitch_classes and (pc - chord.root) % 12 in (6, 7, 8):
            roles.append(2)
        elif pc in chord.pitch_classes or pc == chord.bass:
            roles.append(3)
        else:
            roles.append(4 if pc in scale else 5)
    return tuple(roles)


@dataclass(frozen=True)
class Harmony:
    """Chords of a ground as tables, one row per stretch of constant chord and key.

    Attributes:
        starts: first tick of each stretch ``[S]``.
        labels: comparable label of the harmony against the tonic ``[S]``.
        roles: ``[S, 12]``;  tones: truth of chord tones ``[S, 12]``;  has_chord: ``[S]``.
        keys: row of ``degrees`` and ``ladder`` ``[S]``.
        degrees: ``[Q, 12]``;  ladder: ``[Q, 128]``.
    """

    starts: Ints
    labels: Ints
    roles: Ints
    tones: NDArray[np.bool_]
    has_chord: NDArray[np.bool_]
    keys: Ints
    degrees: Ints
    ladder: Ints


def harmony_of(ground: TuneGround) -> Harmony:
    """Tables of a ground's chords and keys."""
    edges = {0}
    for b in range(ground.n_bars):
        if b == 0 or ground.keys[b] != ground.keys[b - 1]:
            edges.add(round(ground.starts[b] * TICKS))
    for span in ground.chords:
        edges |= {round(span.start * TICKS), round(span.end * TICKS)}
    starts = sorted(edges)
    span_starts = [c.start for c in ground.chords]
    keys = list(dict.fromkeys(ground.keys))
    labels: dict[tuple[int, bool] | None, int] = {}
    rows: list[tuple[int, tuple[int, ...], list[bool], bool, int]] = []
    for tick in starts:
        at = tick / TICKS
        bar = max(0, min(ground.n_bars - 1, int(np.searchsorted(ground.starts, at + 1e-6, side="right")) - 1))
        i = chord_at(ground.chords, span_starts, at)
        chord = ground.chords[i].chord if i >= 0 else None
        key = ground.keys[bar]
        label = None if chord is None else ((chord.root - key.tonic) % 12, chord.is_minor)
        tones = [chord is not None and (pc in chord.pitch_classes or pc == chord.bass) for pc in range(12)]
        rows.append((labels.setdefault(label, len(labels)), _roles(chord, key), tones, chord is not None, keys.index(key)))
    tables = [_degrees(key) for key in keys]
    return Harmony(
        starts=np.array(starts, dtype=np.int64),
        labels=np.array([r[0] for r in rows], dtype=np.int64),
        roles=np.array([r[1] for r in rows], dtype=np.int64),
        tones=np.array([r[2] for r in rows]),
        has_chord=np.array([r[3] for r in rows]),
        keys=np.array([r[4] for r in rows], dtype=np.int64),
        degrees=np.array([t[0] for t in tables], dtype=np.int64),
        ladder=np.array([t[1] for t in tables], dtype=np.int64),
    )


def measuring_ground(ground: TuneGround, harmony: Harmony) -> Ground:
    """What :func:`partimento.compose.traits.traits` needs (the first bar's metre and key stand for all)."""
    key, metre = ground.keys[0], ground.metres[0]
    scale = set(key.scale) | ({(key.tonic + 9) % 12, (key.tonic + 11) % 12} if key.mode == "minor" else set())
    return Ground(
        bar_ticks=round(metre.bar_quarters * TICKS),
        weights=np.array(metrical_weights(metre)),
        tonic=ground.keys[-1].tonic,
        in_scale=np.array([pc in scale for pc in range(12)]),
        chord_starts=harmony.starts,
        chord_tones=harmony.tones,
        has_chord=harmony.has_chord,
    )


def note_grid(ground: TuneGround, harmony: Harmony, lines: list[tuple[Ints, Ints]]) -> NoteGrid:
    """Notes of K rhythms (onsets and durations in ticks) as arrays."""
    counts = np.array([len(starts) for starts, _ in lines], dtype=np.int64)
    shape = (len(lines), int(counts.max()))
    fields = {name: np.zeros(shape, dtype=np.int64) for name in ("weight", "length", "gap", "chord", "mark", "progress", "key")}
    fields["chord_end"] = np.full(shape, -1, dtype=np.int64)
    source = np.full((*shape, N_LAGS), -1, dtype=np.int64)
    same = np.zeros((*shape, N_LAGS), dtype=bool)
    for k, (starts, lengths) in enumerate(lines):
        n = len(starts)
        _fill(ground, harmony, starts, lengths, {name: array[k, :n] for name, array in fields.items()})
        _fill_sources(ground, harmony, starts, source[k, :n], same[k, :n])
    return NoteGrid(
        count=counts,
        source=source,
        same_chord=same,
        roles=harmony.roles,
        degrees=harmony.degrees,
        ladder=harmony.ladder,
        **fields,
    )


def _bars(ground: TuneGround, starts: Ints) -> tuple[Ints, Ints]:
    """Bar of each onset, and the first tick of every bar."""
    edges = np.round(np.array(ground.starts) * TICKS).astype(np.int64)
    return np.clip(np.searchsorted(edges, starts, side="right") - 1, 0, ground.n_bars - 1), edges


def _fill(ground: TuneGround, harmony: Harmony, starts: Ints, lengths: Ints, rows: dict[str, Ints]) -> None:
    bars, edges = _bars(ground, starts)
    ends = starts + lengths
    places = starts - edges[bars]
    tables = {m: np.array(metrical_weights(m)) for m in set(ground.metres)}
    weight = np.array(
        [tables[ground.metres[b]][min(p, len(tables[ground.metres[b]]) - 1)] for b, p in zip(bars, places, strict=True)]
    )
    rows["weight"][:] = np.select([weight >= 4, weight == 3, weight == 2], [0, 1, 2], 3)
    rows["length"][:] = np.searchsorted([TICKS // 2, TICKS + 1, 2 * TICKS + 1], lengths, side="right")
    between = np.diff(starts, prepend=starts[0] - TICKS)
    rest = np.concatenate([[0], starts[1:] - ends[:-1]])
    gap = np.searchsorted([TICKS // 2, TICKS // 2 + 1, TICKS + 1, 2 * TICKS + 1], between, side="right")
    rows["gap"][:] = np.where(rest >= TICKS, 5, gap)
    chord = np.maximum(np.searchsorted(harmony.starts, starts, side="right") - 1, 0)
    last = np.maximum(np.searchsorted(harmony.starts, ends - 1, side="right") - 1, 0)
    rows["chord"][:] = chord
    rows["chord_end"][:] = np.where(last > chord, last, -1)
    rows["key"][:] = harmony.keys[chord]
    after = np.concatenate([starts[1:] - starts[:-1], [lengths[-1]]])
    silence = np.concatenate([starts[1:] - ends[:-1], [0]])
    closes = (silence >= TICKS) | (after >= 2 * TICKS)
    opens = np.concatenate([[False], closes[:-1]])
    mark = np.where(closes, 1, np.where(opens, 2, 0))
    mark[0], mark[-1] = 4, 3
    rows["mark"][:] = mark
    whole = max(int(starts[-1] - starts[0]), 1)
    rows["progress"][:] = np.minimum((starts - starts[0]) * N_PROGRESS // whole, N_PROGRESS - 1)


@dataclass(frozen=True)
class Repeats:
    """Which notes repeat others because their bar does; arrays ``[K, N]``.

    Attributes:
        source: note of the same tune to repeat, or -1.
        shift: semitones.
        exact: the pitch is kept; else (the chord of a returning section has changed) it only attracts.
        lift: wish for a higher (lower) register.
    """

    source: Ints
    shift: Ints
    exact: NDArray[np.bool_]
    lift: Floats


def beat_repeats(ground: TuneGround, grid: BeatGrid, sources: Ints) -> Ints:
    """Beat that each beat repeats because its bar does, or -1 ``[K, T]``.

    Args:
        ground: the bars.
        grid: the beats.
        sources: bar that each bar repeats, or -1 ``[K, B]``.
    """
    places = [round((float(s) - ground.starts[b]) * TICKS) for b, s in zip(grid.bar, grid.start, strict=True)]
    at = {(int(b), place): t for t, (b, place) in enumerate(zip(grid.bar, places, strict=True))}
    out = np.full((len(sources), len(grid)), -1, dtype=np.int64)
    for t in range(len(grid)):
        there = sources[:, grid.bar[t]]
        for bar in set(there.tolist()) - {-1}:
            beat = at.get((bar, places[t]), -1)
            if beat >= 0 and grid.kind[beat] == grid.kind[t]:
                out[there == bar, t] = beat
    return out


def note_repeats(
    ground: TuneGround, harmony: Harmony, lines: list[tuple[Ints, Ints]], sources: Ints, adapt: bool = False
) -> Repeats:
    """Repetitions, note by note; ``sources`` as in :func:`beat_repeats`.

    Where the chord has changed, a returning section's notes are free to follow it; with ``adapt`` other repetitions'
    notes, too.
    """
    shape = (len(lines), max(len(starts) for starts, _ in lines))
    source = np.full(shape, -1, dtype=np.int64)
    shift = np.zeros(shape, dtype=np.int64)
    exact = np.zeros(shape, dtype=bool)
    lift = np.zeros(shape)
    bar_shift = np.array(ground.shift or (0,) * ground.n_bars)
    bar_lift = np.array(ground.lift or (0.0,) * ground.n_bars)
    returning = np.array(ground.source or (-1,) * ground.n_bars) >= 0
    for k, (starts, _) in enumerate(lines):
        n = len(starts)
        bars, edges = _bars(ground, starts)
        labels = harmony.labels[np.maximum(np.searchsorted(harmony.starts, starts, side="right") - 1, 0)]
        there = sources[k, bars]
        wanted = np.where(there >= 0, edges[np.maximum(there, 0)] + starts - edges[bars], -1)
        index = np.minimum(np.searchsorted(starts, wanted), n - 1)
        found = (wanted >= 0) & (starts[index] == wanted)
        source[k, :n] = np.where(found, index, -1)
        shift[k, :n] = bar_shift[bars]
        free = returning[bars] | adapt
        exact[k, :n] = found & ((labels[index] == labels) | ~free)
        lift[k, :n] = bar_lift[bars]
    return Repeats(source, shift, exact, lift)


def _fill_sources(ground: TuneGround, harmony: Harmony, starts: Ints, source: Ints, same: NDArray[np.bool_]) -> None:
    bars, edges = _bars(ground, starts)
    labels = harmony.labels[np.maximum(np.searchsorted(harmony.starts, starts, side="right") - 1, 0)]
    for i, lag in enumerate(LAGS):
        there = bars - lag
        wanted = np.where(there >= 0, edges[np.maximum(there, 0)] + starts - edges[bars], -1)
        index = np.searchsorted(starts, wanted)
        found = (wanted >= 0) & (starts[np.minimum(index, len(starts) - 1)] == wanted)
        source[:, i] = np.where(found, index, -1)
        same[:, i] = found & (labels[np.minimum(index, len(starts) - 1)] == labels)
