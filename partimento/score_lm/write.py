"""Writing with the model: new pieces, continuations, gaps.

What is given stays: bars, chords and every note outside the new bars are the caller's; the model fills the new bars with notes.
Pieces longer than the model's context are written in windows that remember the last bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from partimento.score_lm.grammar import PartRules
from partimento.score_lm.grid import GridNote, GridScore
from partimento.score_lm.model import ScoreModel
from partimento.score_lm.pen import MAX_BAR_TOKENS, Pen, ScoreSampling, Writing, perform
from partimento.score_lm.tokens import BarWriter, encode, excerpt, header, with_gap
from partimento.score_lm.vocabulary import END, MIDDLE
from partimento.score_lm.walk import Walk

ENDING_BARS = 2
"""Last bars of a piece that are its ending (:attr:`partimento.score_lm.pen.ScoreSampling.ending`)."""
_GAP_SIDE_BARS = 8
"""Bars on either side of a gap that the model hears."""


def _filled(grid: GridScore, walk: Walk) -> GridScore:
    """The piece with what the walk has heard."""
    tracks = tuple(
        replace(t, notes=tuple(sorted(walk.notes[i])), levels=tuple(sorted(walk.levels[i].items())))
        for i, t in enumerate(grid.tracks)
    )
    return replace(grid, tracks=tracks)


def _busy(grid: GridScore, base: int) -> list[int]:
    """Ticks of each part, from bar ``base`` on, that notes from before it still sound."""
    start = grid.bars[base].start
    return [max([0, *(n.start + n.ticks - start for n in t.notes if n.start < start)]) for t in grid.tracks]


def _silent(grid: GridScore) -> GridScore:
    """The piece without notes: what a walk has to know of it."""
    return replace(grid, tracks=tuple(replace(t, notes=()) for t in grid.tracks))


def _moved(rules: Sequence[PartRules], base: int) -> tuple[PartRules, ...]:
    """The rules with bars counted from bar ``base``."""
    return tuple(replace(r, bars=None if r.bars is None else frozenset(b - base for b in r.bars)) for r in rules)


def _without(grid: GridScore, first: int, last: int) -> GridScore:
    """The piece without notes that begin in bars ``first`` to ``last`` (exclusive)."""
    start, end = grid.bars[first].start, grid.bars[last - 1].start + grid.bars[last - 1].ticks
    tracks = tuple(
        replace(
            t,
            notes=tuple(n for n in t.notes if not start <= n.start < end),
            levels=tuple((b, level) for b, level in t.levels if not first <= b < last),
        )
        for t in grid.tracks
    )
    return replace(grid, tracks=tracks)


def write_bars(
    model: ScoreModel,
    grid: GridScore,
    first: int,
    rules: Sequence[PartRules],
    rng: np.random.Generator,
    sampling: ScoreSampling | None = None,
    returns: Mapping[int, int] | None = None,
) -> GridScore:
    """Write bars ``first`` to the end; what is before them is given.

    Args:
        model: ready for use.
        grid: bars, chords, parts and conditions of the whole piece, notes of the given bars.
        first: 0-based bar; 0 writes a new piece.
        rules: what each part may play.
        rng: source of chance of this piece.
        sampling: how tokens are chosen.
        returns: bars that say what an earlier bar said (bar to earlier bar), for the form.
    """
    return perform(model, [writing_bars(model, grid, first, rules, rng, sampling, returns)])[0]


def writing_bars(
    model: ScoreModel,
    grid: GridScore,
    first: int,
    rules: Sequence[PartRules],
    rng: np.random.Generator,
    sampling: ScoreSampling | None = None,
    returns: Mapping[int, int] | None = None,
) -> Writing[GridScore]:
    """:func:`write_bars`, for :func:`partimento.score_lm.pen.perform`."""
    n, context, v = len(grid.bars), model.config.context, model.config.vocabulary
    sampling = sampling or ScoreSampling()
    grid = _without(grid, first, n) if first < n else grid
    start = first
    while start < n:
        base = _past(model, grid, start)
        part = excerpt(grid, base, n)
        moved = _moved(rules, base)
        writer = BarWriter(part if model.config.chord_tokens else replace(part, chords=()), v, 0)
        silent, is_guided = _silent(part), sampling.guidance != 1.0 and part.conditions.traits is not None
        walk, *untold = (Walk(v, silent, [range(n - base)], past=base) for _ in range(2 if is_guided else 1))
        pen = Pen(model, walk, moved, _busy(grid, base), context + MAX_BAR_TOKENS, *untold)
        pen.say(header(part, v), header(replace(part, conditions=replace(part.conditions, density=None, traits=None)), v))
        for index in range(start - base):
            pen.say(list(writer.write_bar(index, fresh=False)))
        index = start - base
        while index < n - base and (index == start - base or pen.n_heard < context - context // 6):
            source = (returns or {}).get(index + base)
            if source is not None:
                earlier = _pasted(grid, _filled(part, walk), base, start) if source >= start else grid
                _say_again(pen, writer, earlier, source, index, base, moved)
            else:
                bar_over = writer.bar_token(index + 1) if index + 1 < n - base else END
                how = sampling.of_the_ending() if n - base - index <= ENDING_BARS else sampling
                yield from pen.bar(list(writer.opening(index, fresh=False)), bar_over, how, rng)
            index += 1
        grid = _pasted(grid, _filled(part, walk), base, start)
        start = base + index
    return grid


def _say_again(
    pen: Pen, writer: BarWriter, earlier: GridScore, source: int, index: int, base: int, rules: Sequence[PartRules]
) -> None:
    """A bar that returns: the notes of an earlier one, as far as the parts are free to play them.

    ``index`` counts from ``base``, the first bar of the window; ``source`` from the piece's first.
    """
    pen.say(list(writer.opening(index, fresh=False)))
    there, here = earlier.bars[source], writer.grid.bars[index]
    for i, track in enumerate(earlier.tracks):
        bars, free, level = rules[i].bars, pen.grammar.free_from(i) - here.start, dict(track.levels).get(source, 4)
        whole = tuple((n.start - there.start, n.pitch, n.ticks) for n in track.notes if 0 <= n.start - there.start < there.ticks)
        room = writer.grid.end - here.start
        notes = tuple((at, p, min(ticks, room - at)) for at, p, ticks in whole if free <= at < here.ticks)
        if notes and (bars is None or index in bars):
            if source >= base:  # so that it is said as a repetition
                writer.contents[i][source - base], writer.levels[i][source - base] = whole, level
            writer.contents[i][index], writer.levels[i][index] = notes, level
            writer.said[i] = (pen.walk.length[i] or -1, pen.walk.level[i])
            pen.say(list(writer.part(i, index)))


def _past(model: ScoreModel, grid: GridScore, start: int) -> int:
    """The first bar that the model hears before ``start``: as many as fill half of its context."""
    base = start
    while base > 0:
        part = excerpt(grid, base - 1, start)
        if len(encode(part, model.config.vocabulary, chords=model.config.chord_tokens)) > model.config.context // 2:
            break
        base -= 1
    return base


def _pasted(grid: GridScore, part: GridScore, base: int, first: int) -> GridScore:
    """The piece with the notes of ``part`` (which begins at bar ``base``) from bar ``first`` on."""
    at, new_from = grid.bars[base].start, grid.bars[first].start if first < len(grid.bars) else grid.end
    tracks = []
    for old, new in zip(grid.tracks, part.tracks, strict=True):
        added = [GridNote(n.start + at, n.pitch, n.ticks) for n in new.notes if n.start + at >= new_from]
        kept = [n for n in old.notes if n.start < new_from]
        levels = {b: level for b, level in old.levels if b < first} | {b + base: x for b, x in new.levels if b + base >= first}
        tracks.append(replace(old, notes=tuple(sorted([*kept, *added])), levels=tuple(sorted(levels.items()))))
    return replace(grid, tracks=tuple(tracks))


def fill_gap(
    model: ScoreModel,
    grid: GridScore,
    first: int,
    last: int,
    rules: Sequence[PartRules],
    rng: np.random.Generator,
    sampling: ScoreSampling | None = None,
) -> GridScore:
    """Write bars ``first`` to ``last`` (exclusive) so that they lead from what is before them to what comes after.

    Arguments as of :func:`write_bars`. Notes outside the gap stay; new ones end where it ends.
    """
    return perform(model, [_filling(model, grid, first, last, rules, rng, sampling)])[0]


def _filling(
    model: ScoreModel,
    grid: GridScore,
    first: int,
    last: int,
    rules: Sequence[PartRules],
    rng: np.random.Generator,
    sampling: ScoreSampling | None,
) -> Writing[GridScore]:
    v, sampling = model.config.vocabulary, sampling or ScoreSampling()
    base, end = max(0, first - _GAP_SIDE_BARS), min(len(grid.bars), last + _GAP_SIDE_BARS)
    grid = _without(grid, first, last)
    part = excerpt(grid, base, end)
    segments = with_gap(part, first - base, last - base)
    left = len(grid.bars) - end
    walk = Walk(v, _silent(part), [range(s.first, s.last) for s in segments], past=base, left=left)
    said = part if model.config.chord_tokens else replace(part, chords=())
    given = encode(part, v, segments[:2], left=left, chords=model.config.chord_tokens)
    pen = Pen(model, walk, _moved(rules, base), _busy(grid, base), len(given) + MAX_BAR_TOKENS * (last - first))
    pen.say([*given, MIDDLE])
    writer = BarWriter(said, v, left)
    writer.bar = part.bars[max(0, first - base - 1)]
    for index in range(first - base, last - base):
        bar_over = writer.bar_token(index + 1) if index + 1 < last - base else END
        yield from pen.bar(list(writer.opening(index, fresh=False)), bar_over, sampling, rng)
    gap = grid.bars[first].start, grid.bars[last - 1].start + grid.bars[last - 1].ticks
    at = grid.bars[base].start
    tracks = []
    for i, old in enumerate(grid.tracks):
        new = [
            GridNote(n.start + at, n.pitch, n.ticks if old.is_drum else min(n.ticks, gap[1] - n.start - at))
            for n in walk.notes[i]
            if gap[0] <= n.start + at < gap[1]
        ]
        levels = dict(old.levels) | {b + base: x for b, x in walk.levels[i].items() if first <= b + base < last}
        tracks.append(replace(old, notes=tuple(sorted([*old.notes, *new])), levels=tuple(sorted(levels.items()))))
    return replace(grid, tracks=tuple(tracks))
