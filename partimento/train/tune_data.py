"""Lead sheets as examples for the composer's tune models.

The sheets are public-domain ones (OpenEWLD). The 100 that the compose evaluation keeps sealed are never opened: a sheet
belongs to them when the SHA-256 of ``partimento-compose:<file name>`` is among the 100 smallest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.compose import form, pitch, rhythm
from partimento.compose.cells import nearest_cell, read_cell, vocabulary
from partimento.compose.rhythm import BeatGrid
from partimento.compose.traits import TICKS, traits
from partimento.compose.tune_grid import TuneGround, beat_grid, harmony_of, measuring_ground, note_grid
from partimento.compose.tune_model import covariates
from partimento.data.scores_sealed import N_SEALED, seal_order
from partimento.errors import FileError
from partimento.score.io import MUSICXML_SUFFIXES
from partimento.score.score import ChordSpan, Note, Score
from partimento.score.timing import Key, Metre

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = dict[str, Any]

MIN_BARS = 8
MIN_NOTES = 20
MIN_CELL_COUNT = 4
"""Plain cells seen less often go to the nearest other one; in dotted beats, which are rarer, half as often."""
ALWAYS = ("x" + "-" * 11, "-" * 12, "." * 12)
EXTRA_DOTTED = ("x-----x-----", "x---x-------", "x-x-x-x-x-x-", "----x-------")


@dataclass(frozen=True)
class Sheet:
    """A lead sheet in one metre.

    Attributes:
        name: file name.
        notes: single line on the grid of 1/24 quarter note.
        chords: sorted, not overlapping.
        metre, key, n_bars: of the sheet.
    """

    name: str
    notes: tuple[Note, ...]
    chords: tuple[ChordSpan, ...]
    metre: Metre
    key: Key
    n_bars: int

    @property
    def arrays(self) -> tuple[Ints, Ints, Ints]:
        """Onsets and durations in ticks, pitches."""
        starts = np.array([round(n.start * TICKS) for n in self.notes], dtype=np.int64)
        lengths = np.array([round(n.duration * TICKS) for n in self.notes], dtype=np.int64)
        return starts, lengths, np.array([n.pitch for n in self.notes], dtype=np.int64)

    @property
    def ground(self) -> TuneGround:
        """The sheet without its tune."""
        bar = self.metre.bar_quarters
        n = max(self.n_bars, int((self.notes[-1].end - 1e-6) // bar) + 1)
        first = self.notes[0].start
        offset = int(first // bar) + int(first % bar >= bar / 2 - 1e-6)
        return TuneGround(
            starts=tuple(bar * i for i in range(n + 1)),
            metres=(self.metre,) * n,
            keys=(self.key,) * n,
            chords=self.chords,
            in_phrase=tuple((b - offset) % 8 for b in range(n)),
        )


def open_names(names: Iterable[str]) -> tuple[str, ...]:
    """File names without the sealed ones, sorted."""
    return tuple(sorted(seal_order(names)[N_SEALED:]))


def read_sheets(folder: Path, progress: Any = iter) -> tuple[Sheet, ...]:
    """The sheets of a folder that are not sealed and can be used.

    Args:
        folder: with MusicXML files.
        progress: wraps the iteration.

    Raises:
        FileError: when the folder holds no usable sheet.
    """
    from partimento.score.musicxml import read_musicxml

    sheets = []
    names = [p.name for p in folder.iterdir() if p.suffix.lower() in MUSICXML_SUFFIXES] if folder.is_dir() else []
    for name in progress(open_names(names)):
        sheet = sheet_of(name, read_musicxml(folder / name, play_repeats=False))
        if sheet is not None:
            sheets.append(sheet)
    if not sheets:
        raise FileError(f"lead sheets: {folder} holds no usable MusicXML file beyond {N_SEALED} sealed ones")
    return tuple(sheets)


def sheet_of(name: str, score: Score) -> Sheet | None:
    """The sheet of a score, or None when it changes metre, has no chords or is too short."""
    lines = [track for track in score.tracks if not track.is_drum and track.notes]
    if not lines or not score.chords or len({point.metre for point in score.metres}) > 1 or score.n_bars < MIN_BARS:
        return None
    top: dict[int, Note] = {}
    for note in lines[0].notes:
        at = round(note.start * TICKS)
        if at not in top or note.pitch > top[at].pitch:
            top[at] = note
    starts = sorted(top)
    notes = []
    for start, following in zip(starts, [*starts[1:], 1 << 40], strict=True):
        end = min(max(round(top[start].end * TICKS), start + 1), following)
        notes.append(Note(start / TICKS, (end - start) / TICKS, top[start].pitch))
    if len(notes) < MIN_NOTES:
        return None
    key = score.key
    if key.mode == "major" and score.chords[-1].chord.root == (key.tonic + 9) % 12:
        key = Key((key.tonic + 9) % 12, "minor")
    return Sheet(name, tuple(notes), score.chords, score.metre, key, score.n_bars)


def trait_matrix(sheets: tuple[Sheet, ...]) -> Floats:
    """Traits of the sheets' tunes ``[N, N_TRAITS]``."""
    rows = []
    for sheet in sheets:
        ground = sheet.ground
        rows.append(traits(*sheet.arrays, measuring_ground(ground, harmony_of(ground))))
    return np.array(rows)


def covariate_matrix(sheets: tuple[Sheet, ...]) -> Floats:
    """Covariates of the sheets ``[N, N_COVARIATES]``."""
    return np.array([covariates(s.metre, s.n_bars, len(s.chords) / s.n_bars, s.key.is_minor) for s in sheets])


def normal_scores(values: Floats) -> Floats:
    """Normal scores of each column by rank, ties in the middle; 0 where undefined."""
    from scipy.stats import norm

    out = np.zeros_like(values)
    for j in range(values.shape[1]):
        known = ~np.isnan(values[:, j])
        column = values[known, j]
        ordered = np.sort(column)
        rank = (np.searchsorted(ordered, column, "left") + np.searchsorted(ordered, column, "right")) / 2
        out[known, j] = norm.ppf(np.clip(rank / len(column), 0.01, 0.99))
    return out


def quantile_table(values: Floats, n: int = 101) -> tuple[Floats, Floats]:
    """Quantiles of each trait at ``n`` equally spaced ranks ``[N_TRAITS, n]``, and the ranks' normal scores ``[n]``."""
    from scipy.stats import norm

    ranks = np.linspace(0, 1, n)
    table = np.array([np.quantile(column[~np.isnan(column)], ranks) for column in values.T])
    return table, norm.ppf(np.clip(ranks, 0.006, 0.994))


def upbeats(sheets: tuple[Sheet, ...]) -> dict[str, list[list[float]]]:
    """How long upbeats are, by kind of metre: (quarters, count)."""
    counts: dict[str, Counter[float]] = defaultdict(Counter)
    for sheet in sheets:
        bar, first = sheet.metre.bar_quarters, sheet.notes[0].start
        if 0 < first < bar:
            kind = "compound" if sheet.metre.is_compound else "triple" if bar == 3 else "duple" if bar <= 2 else "quadruple"
            counts[kind][round(bar - first, 4)] += 1
    return {kind: [[a, float(b)] for a, b in sorted(table.items())] for kind, table in sorted(counts.items())}


# --- examples ---------------------------------------------------------------------------------------------------------


def beat_cells(sheet: Sheet, grid: BeatGrid) -> list[str]:
    """The cell of every beat of a sheet."""
    spans = [(n.start, n.end) for n in sheet.notes]
    cells = []
    for start, quarters in zip(grid.start, grid.quarters, strict=True):
        inside = [s for s in spans if s[1] > start - 1e-6 and s[0] < start + quarters]
        cells.append(read_cell(inside, float(start), float(quarters)))
    return cells


def cell_lists(sheets: tuple[Sheet, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The cells worth a weight of their own, of plain and of dotted beats, the most frequent first."""
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    owners: tuple[dict[str, set[str]], dict[str, set[str]]] = (defaultdict(set), defaultdict(set))
    for sheet in sheets:
        grid = beat_grid(sheet.ground)
        for cell, kind in zip(beat_cells(sheet, grid), grid.kind, strict=True):
            counts[kind][cell] += 1
            owners[kind][cell].add(sheet.name)
    lists = []
    for kind in (0, 1):
        often = [c for c, n in counts[kind].most_common() if n >= MIN_CELL_COUNT - 2 * kind and len(owners[kind][c]) >= 2 - kind]
        lists.append(tuple(often + [c for c in ALWAYS + EXTRA_DOTTED * kind if c not in often]))
    return lists[0], lists[1]


def repeated_bars(sheet: Sheet) -> list[int]:
    """For each bar the distance in bars at which it repeats an earlier one exactly (onsets and pitches), or 0.

    Longest stretches first; a lone bar counts when it has at least two notes.
    """
    bar = sheet.metre.bar_quarters
    n = sheet.ground.n_bars
    events: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for note in sheet.notes:
        b = int((note.start + 1e-6) // bar)
        events[b].append((round((note.start - b * bar) * TICKS), note.pitch))
    labels = [0] * n
    b = 0
    while b < n:
        best = (0, 0, 0, 0)
        for distance in form.DISTANCES:
            length = 0
            while b + length < n and b + length >= distance and events[b + length] == events[b + length - distance]:
                length += 1
            sounding = sum(bool(e) for e in events[b : b + length])
            if events[b] and sounding:
                best = max(best, (sounding, int(distance % 8 == 0) + int(distance % 4 == 0), distance, length))
        sounding, _, distance, length = best
        if sounding >= 2 or (sounding and len(events[b]) >= 2):
            while length > 1 and not events[b + length - 1]:
                length -= 1
            labels[b : b + length] = [distance] * length
            b += length
        else:
            b += 1
    return labels


def _stacked(rows: list[Rows]) -> Rows:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True)
class Examples:
    """Contexts of one model with what was chosen in them.

    Attributes:
        contexts: stacked index arrays.
        chosen: index of the choice ``[N]``.
        sheet: index of the sheet ``[N]``.
    """

    contexts: Rows
    chosen: Ints
    sheet: Ints


def _examples(rows: list[Rows], chosen: list[int], owners: list[int]) -> Examples:
    return Examples(_stacked(rows), np.array(chosen, dtype=np.int64), np.array(owners, dtype=np.int64))


def rhythm_examples(sheets: tuple[Sheet, ...], scores: Floats, cells: tuple[tuple[str, ...], ...]) -> tuple[Examples, Examples]:
    """Every beat from the first note on whose bar is no exact repetition, plain and dotted."""
    vocabularies = [vocabulary(c) for c in cells]
    rows: tuple[list[Rows], list[Rows]] = ([], [])
    chosen: tuple[list[int], list[int]] = ([], [])
    owners: tuple[list[int], list[int]] = ([], [])
    for i, sheet in enumerate(sheets):
        grid, labels = beat_grid(sheet.ground), repeated_bars(sheet)
        texts = beat_cells(sheet, grid)
        state = rhythm.new_state(1, len(grid))
        started = False
        for t, text in enumerate(texts):
            kind = int(grid.kind[t])
            cell = cells[kind].index(text) if text in cells[kind] else nearest_cell(text, cells[kind])
            if not started and "x" not in text:
                state.cells[:, t] = cell
                continue
            if started and not labels[grid.bar[t]]:
                row = rhythm.context(grid, state, t, scores[i : i + 1], vocabularies[kind])
                if row["legal"][0, cell]:
                    rows[kind].append(row)
                    chosen[kind].append(cell)
                    owners[kind].append(i)
            started = True
            share = grid.quarters[t] / sheet.metre.bar_quarters
            rhythm.advance(grid, state, t, np.array([cell]), vocabularies[kind], share)
    return _examples(rows[0], chosen[0], owners[0]), _examples(rows[1], chosen[1], owners[1])


def pitch_examples(sheets: tuple[Sheet, ...], scores: Floats) -> Examples:
    """Every interval within reach in bars that are no exact repetition."""
    rows: list[Rows] = []
    chosen: list[int] = []
    owners: list[int] = []
    for i, sheet in enumerate(sheets):
        starts, lengths, pitches = sheet.arrays
        ground, labels = sheet.ground, repeated_bars(sheet)
        grid = note_grid(ground, harmony_of(ground), [(starts, lengths)])
        lags = np.zeros((1, rhythm.N_LAGS), dtype=np.int64)
        low, high = pitches.min(keepdims=True), pitches.max(keepdims=True)
        state = pitch.PitchState(np.zeros((1, len(starts)), dtype=np.int64), low, high, low * 0, lags, lags.copy())
        for n in range(len(starts)):
            step = int(pitches[n] - pitches[n - 1]) if n else 0
            bar = int(starts[n] // round(sheet.metre.bar_quarters * TICKS))
            if n and abs(step) <= pitch.REACH and not labels[bar]:
                row = pitch.context(grid, state, n, scores[i : i + 1])
                row.pop("pitch")
                rows.append(row)
                chosen.append(step + pitch.REACH)
                owners.append(i)
            pitch.advance(grid, state, n, pitches[n : n + 1])
    return _examples(rows, chosen, owners)


def form_examples(sheets: tuple[Sheet, ...], scores: Floats) -> Examples:
    """Every bar after the first with notes: does it repeat, and at which distance?"""
    rows: list[Rows] = []
    chosen: list[int] = []
    owners: list[int] = []
    distances = np.array(form.DISTANCES)
    for i, sheet in enumerate(sheets):
        ground = sheet.ground
        grid = form.form_grid(ground, harmony_of(ground))
        first = int(sheet.notes[0].start // sheet.metre.bar_quarters)
        under_way, run = -1, 0
        labels = repeated_bars(sheet)
        for bar in range(first + 1, ground.n_bars):
            row = form.context(grid, bar, np.array([under_way]), np.array([run]), scores[i : i + 1])
            row["legal"][:, 2:] &= bar - distances >= first
            distance = labels[bar]
            if distance and under_way >= 0 and form.DISTANCES[under_way] == distance:
                choice, run = form.GO_ON, run + 1
            elif distance:
                choice = 2 + form.DISTANCES.index(distance)
                under_way, run = choice - 2, 1
            else:
                choice, under_way, run = form.NOTHING, -1, 0
            if row["legal"][0, choice]:
                rows.append(row)
                chosen.append(choice)
                owners.append(i)
    return _examples(rows, chosen, owners)
