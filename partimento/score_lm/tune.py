"""Writing a tune: first what it is to be like as a whole, then its bars.

The traits (:mod:`partimento.score_lm.traits`) are drawn by the model itself where nobody says them, so that pieces differ as
those do that it learned from. Of several tunes written to the same traits the one nearest to them is kept: the measure is what
the model said before its first bar, and nothing else. Those with nine notes in a row that a lead sheet has, too, come last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from partimento.score_lm.familiar import familiar, runs_of
from partimento.score_lm.grammar import PartRules
from partimento.score_lm.grid import GridScore
from partimento.score_lm.model import ScoreModel
from partimento.score_lm.pen import Pen, ScoreSampling, Writing, choose, perform
from partimento.score_lm.tokens import given_header
from partimento.score_lm.traits import BOUNDS, N_LOW, N_SHADES, N_SPAN, SMALLEST_LOW, Traits, distance, traits_of
from partimento.score_lm.vocabulary import Span, pitch_offset
from partimento.score_lm.walk import Walk
from partimento.score_lm.write import writing_bars

SMALLEST_SPAN = 5
"""Semitones: no tune is drawn with a smaller range, unless the part has no more."""


def draw_traits(model: ScoreModel, grid: GridScore, rule: PartRules, rng: np.random.Generator) -> GridScore:
    """The piece with traits, and a density, where its conditions say none; they are drawn as likely as the model finds them.

    Args:
        model: ready for use.
        grid: bars, chords, and one part: the tune.
        rule: the range that the tune has to stay in.
        rng: source of chance.
    """
    if grid.conditions.traits is not None:
        return grid
    return perform(model, [_drawing(model, grid, rule, rng)])[0]


def _drawing(model: ScoreModel, grid: GridScore, rule: PartRules, rng: np.random.Generator) -> Writing[GridScore]:
    v, plain = model.config.vocabulary, ScoreSampling()
    pen = Pen(model, Walk(v, grid, [range(len(grid.bars))]), (rule,), (0,), 64)
    pen.say(given_header(grid, v))

    def drawn(span: Span, first: int, last: int) -> Writing[int]:
        """One of the values ``first`` to ``last`` of a kind of token."""
        mask = np.zeros(len(v), dtype=np.bool_)
        mask[span[first] : span[last] + 1] = True
        token = choose((yield from pen.logits()), mask, plain, rng)
        pen.say([token])
        return span.value(token)

    density = grid.conditions.density
    if density is None:
        density = yield from drawn(v.density, 0, v.density.size - 1)
    base = pitch_offset(grid.bars[0].key[0]) + SMALLEST_LOW
    low_most = max(rule.low, rule.high - SMALLEST_SPAN) - base
    first, last = (min(N_LOW - 1, max(0, x)) for x in (rule.low - base, low_most))
    low = base + (yield from drawn(v.lowest, first, last))
    room = max(0, min(N_SPAN - 1, rule.high - low))
    span = yield from drawn(v.span, min(SMALLEST_SPAN, room), room)
    shades = []
    for i in range(len(BOUNDS)):
        token = yield from drawn(v.trait, i * N_SHADES, (i + 1) * N_SHADES - 1)
        shades.append(token % N_SHADES)
    said = replace(grid.conditions, density=density, traits=Traits(low, span, tuple(shades)))
    return replace(grid, conditions=said)


def write_tune(
    model: ScoreModel,
    grid: GridScore,
    rule: PartRules,
    rng: np.random.Generator,
    sampling: ScoreSampling | None = None,
    returns: Mapping[int, int] | None = None,
) -> GridScore:
    """Write a tune to its traits; arguments as of :func:`draw_traits` and :func:`partimento.score_lm.write.write_bars`."""
    sampling = sampling or ScoreSampling()
    grid = draw_traits(model, grid, rule, rng)
    traits = grid.conditions.traits
    assert traits is not None
    low, high = max(rule.low, traits.low), min(rule.high, traits.high)
    rule = replace(rule, low=low, high=high) if low < high else rule
    sources = rng.spawn(sampling.candidates)
    tunes = perform(model, [writing_bars(model, grid, 0, (rule,), source, sampling, returns) for source in sources])
    known = familiar(model.config.familiar)
    return min(tunes, key=lambda tune: (not known.isdisjoint(runs_of(tune.tracks[0].notes)), distance(traits, traits_of(tune))))
