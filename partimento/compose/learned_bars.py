"""The score model on a given score: bars of its tune written anew, or more bars behind its end.

Every note outside the new bars stays the very same. Chords are the score's own, else those heard in its notes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from partimento.compose.learned import LEAD, LEAD_RANGE, SHORTEST
from partimento.errors import RequestError
from partimento.score.heard import chords_of
from partimento.score.instruments import instrument
from partimento.score.io import lead_sheet
from partimento.score.score import ChordSpan, Note, Score, Track
from partimento.score_lm.grammar import PartRules
from partimento.score_lm.grid import TICKS, Conditions, GridNote, GridScore, GridTrack, to_grid
from partimento.score_lm.traits import density_of, traits_of

if TYPE_CHECKING:
    from partimento.score_lm.model import ScoreModel

_CENTRE = 69.0
_LOOP_BARS = 8


def rewrite_bars(score: Score, first: int, last: int, model: ScoreModel, rng: np.random.Generator) -> Score:
    """The tune's bars ``first`` to ``last`` (0-based, exclusive) written anew, to fit what is around them.

    Args:
        score: with a tune (see :func:`partimento.score.io.lead_sheet`).
        first, last: bars.
        model: the score model.
        rng: source of chance.

    Raises:
        RequestError: no such bars.
        FileError: the score has no pitched notes.
        UnsupportedError: a metre that the model does not know.
    """
    from partimento.score_lm.write import fill_gap

    if not 0 <= first < last <= score.n_bars:
        raise RequestError(f"bars {first + 1}-{last} are not in the score, which has bars 1-{score.n_bars}")
    line, grid, shift = _lead(score)
    done = fill_gap(model, grid, first, last, (_rules(line, shift),), rng)
    start, end = score.bar_span(first)[0], score.bar_span(last - 1)[1]
    return score.with_track(_patched(score.track(line.name), done, shift, start, min(end, score.length)))


def add_bars(score: Score, n_bars: int, model: ScoreModel, rng: np.random.Generator) -> Score:
    """``n_bars`` more bars of the tune behind the score's end; the chords of its last bars go on.

    The other parts stay as they are and are silent there. Arguments and errors as of :func:`rewrite_bars`.
    """
    from partimento.score_lm.write import write_bars

    if n_bars < 1:
        raise RequestError(f"{n_bars} bars cannot be added; give 1 or more")
    longer = _longer(score, n_bars)
    line, grid, shift = _lead(longer)
    done = write_bars(model, grid, score.n_bars, (_rules(line, shift),), rng)
    start = longer.bar_span(score.n_bars)[0]
    return longer.with_track(_patched(longer.track(line.name), done, shift, start, longer.length))


def _longer(score: Score, n_bars: int) -> Score:
    """The score with silent bars behind it, whose chords are those of its last eight bars again."""
    bar = score.metre_at(score.n_bars - 1).bar_quarters
    end = score.bar_starts[-1] + bar
    chords = [replace(c, end=min(c.end, end)) for c in (score.chords or chords_of(score)) if c.start < end]
    loop = min(_LOOP_BARS, score.n_bars)
    period = loop * bar
    more: list[ChordSpan] = []
    for k in range(1, -(-n_bars // loop) + 1):
        for span in chords:
            start, stop = max(span.start, end - period) + k * period, span.end + k * period
            if span.end > end - period and start < end + n_bars * bar:
                more.append(ChordSpan(start, min(stop, end + n_bars * bar), span.chord))
    sections = score.sections
    if sections:
        sections = (*sections[:-1], replace(sections[-1], n_bars=sections[-1].n_bars + n_bars))
    return replace(score, length=end + n_bars * bar, chords=(*chords, *more), sections=sections)


def _lead(score: Score) -> tuple[Track, GridScore, int]:
    """The tune's track as it is, the tune on the grid where the model knows it best, and the octaves it was moved by."""
    line, chords = lead_sheet(score)
    shift = 12 * round((_CENTRE - float(np.mean([n.pitch for n in line.notes]))) / 12)
    alone = replace(line, instrument=LEAD, role="melody", notes=tuple(replace(n, velocity=72) for n in line.notes))
    grid = to_grid(replace(score, tracks=(alone,), chords=chords or chords_of(score)), Conditions("sheet"))
    moved = tuple(GridNote(n.start, min(127, max(0, n.pitch + shift)), n.ticks) for n in grid.tracks[0].notes)
    alone_on_grid = replace(grid, tracks=(GridTrack("melody", LEAD, moved, grid.tracks[0].levels),))
    said = replace(grid.conditions, density=density_of(alone_on_grid), traits=traits_of(alone_on_grid))
    return line, replace(alone_on_grid, conditions=said), shift


def _rules(line: Track, shift: int) -> PartRules:
    """The range of lead sheets, as far as the instrument has it."""
    low, high = instrument(line.instrument).range
    low, high = max(low + shift, LEAD_RANGE[0]), min(high + shift, LEAD_RANGE[1])
    return PartRules(*((low, high) if low + 12 <= high else LEAD_RANGE), True, None, SHORTEST)


def _patched(track: Track, done: GridScore, shift: int, start: float, end: float) -> Track:
    """The track with the new notes from ``start`` to ``end`` (quarter notes) and its own elsewhere."""
    velocity = int(np.median([n.velocity for n in track.notes]))
    new = [
        Note(n.start / TICKS, min(n.start + n.ticks, end * TICKS) / TICKS - n.start / TICKS, n.pitch - shift, velocity)
        for n in done.tracks[0].notes
        if start <= n.start / TICKS < end
    ]
    kept = [n for n in track.notes if not start <= n.start < end]
    return replace(track, notes=tuple(sorted([*kept, *new], key=lambda n: (n.start, n.pitch))))
