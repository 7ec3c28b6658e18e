"""Does a tune become what was said of it before its first bar?

    python -m partimento.evaluate.score_traits [CHECKPOINT] --data data/scores [--tunes 24]

For chords of held-out lead sheets the model draws traits and writes one tune to each (no choice among several). Measured is
how many shades a tune is off what was said, and, for chance, how many it is off what was said of the other tunes. Of the range
nothing is measured: the grammar keeps to it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from partimento.errors import FileError, PartimentoError
from partimento.score_lm.traits import BOUNDS, Traits, traits_of

if TYPE_CHECKING:
    from partimento.score_lm.model import ScoreModel
    from partimento.score_lm.pen import ScoreSampling


@dataclass(frozen=True, slots=True)
class Kept:
    """How a trait was kept to.

    Attributes:
        name: of :data:`partimento.score_lm.traits.BOUNDS`.
        off: mean difference of said and found, in shades.
        off_by_chance: mean difference of what was said of one tune and found in another.
    """

    name: str
    off: float
    off_by_chance: float


def traits_kept(
    model: ScoreModel, lines: Sequence[dict[str, Any]], n: int, seed: int = 0, sampling: ScoreSampling | None = None
) -> tuple[Kept, ...]:
    """Write tunes over the chords of the first ``n`` held-out lead sheets, again and again where there are fewer.

    Args:
        model: ready for use.
        lines: of :func:`partimento.data.scores.read_scores`.
        n: tunes, 2 or more.
        seed: of the drawing.
        sampling: how tokens are chosen; one candidate is written whatever it says.

    Raises:
        FileError: no lead sheet is held out.
    """
    from partimento.compose.learned import LEAD_RANGE, SHORTEST
    from partimento.score_lm.grammar import PartRules
    from partimento.score_lm.grid import Conditions
    from partimento.score_lm.pen import ScoreSampling
    from partimento.score_lm.tune import draw_traits, write_tune
    from partimento.train.score_data import lead_of

    leads = [lead_of(line["piece"]) for line in lines if line["source"] == "sheet" and line["split"] != "train"]
    leads = [lead for lead in leads if lead.tracks and all(bar.metre in model.config.vocabulary.metres for bar in lead.bars)]
    if not leads:
        raise FileError("the dataset holds no lead sheet outside its training split; build a larger one")
    once, rule = replace(sampling or ScoreSampling(), candidates=1), PartRules(*LEAD_RANGE, True, None, SHORTEST)
    said: list[Traits] = []
    found: list[Traits] = []
    for i in range(n):
        lead, rng = leads[i % len(leads)], np.random.default_rng([seed, i])
        silent = replace(lead, conditions=Conditions("sheet"), tracks=(replace(lead.tracks[0], notes=(), levels=()),))
        asked = draw_traits(model, silent, rule, rng)
        made = traits_of(write_tune(model, asked, rule, rng, once))
        if made is not None and asked.conditions.traits is not None:
            said.append(asked.conditions.traits)
            found.append(made)
    return kept(said, found)


def kept(said: Sequence[Traits], found: Sequence[Traits]) -> tuple[Kept, ...]:
    """Compare what was said of tunes with what they are; both in the same order, 2 or more."""
    if len(said) < 2:
        return ()
    asked, there = np.array([t.shades for t in said]), np.array([t.shades for t in found])
    apart = np.abs(asked[:, None] - there[None, :]).astype(np.float64)
    others = ~np.eye(len(said), dtype=bool)
    return tuple(
        Kept(name, float(apart[..., i].diagonal().mean()), float(apart[..., i][others].mean())) for i, name in enumerate(BOUNDS)
    )


def markdown(rows: Sequence[Kept]) -> str:
    """The comparison as a table, with the mean of all traits last."""
    lines = ["| trait | shades off | by chance |", "|---|---|---|"]
    lines += [f"| {row.name} | {row.off:.2f} | {row.off_by_chance:.2f} |" for row in rows]
    if rows:
        off, chance = (float(np.mean([getattr(row, name) for row in rows])) for name in ("off", "off_by_chance"))
        lines.append(f"| all | {off:.2f} | {chance:.2f} |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Measure whether tunes become what is said of them.")
    parser.add_argument("checkpoint", nargs="?", default="mini-score", help="folder of the trainer, or built-in weights")
    parser.add_argument("--data", type=Path, required=True, help="dataset of partimento data scores")
    parser.add_argument("--tunes", type=int, default=24, help="tunes to write (default 24)")
    args = parser.parse_args(argv)
    from partimento.data.scores import read_scores
    from partimento.score_lm.loading import load_score_model

    try:
        print(markdown(traits_kept(load_score_model(args.checkpoint), read_scores(args.data), args.tunes)))
    except PartimentoError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
