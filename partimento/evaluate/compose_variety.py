"""Variety: how much two results of one prompt have in common.

One prompt, many seeds, all pairs: the share of melody bars (with onsets) that the other piece has too, with the same rhythm
and the same pitches, *anywhere* in it; and, beside it, the share at the same place. The first is the stricter one and is judged:
median at most 5 %, maximum at most 30 %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from partimento.errors import PartimentoError
from partimento.evaluate.compose_data import Progress, silent, single_line
from partimento.metrics.self_similarity import BarProfile, aligned_share, bar_profiles, identical_share
from partimento.score.score import Score, Track

MAX_MEDIAN = 0.05
MAX_ANY = 0.30
DEFAULT_SEEDS = 50
DEFAULT_PROMPTS = (
    "a cheerful folk tune on the flute over acoustic guitar and bass, 16 bars",
    "an upbeat pop song with a lead synth",
    "a slow waltz for violin and piano",
)

ComposeSeed = Callable[[int], Score]
"""Seed → score of one prompt."""


@dataclass(frozen=True, slots=True)
class VarietyFigures:
    """Shares of identical melody bars over all pairs of seeds.

    Attributes:
        prompt: what was asked.
        n_seeds: number of pieces.
        n_pairs: pairs in which both have a melody.
        median, maximum: of the share found anywhere in the other piece.
        aligned_median, aligned_maximum: of the share at the same place.
        worst: the two seeds with the largest share.
    """

    prompt: str
    n_seeds: int
    n_pairs: int
    median: float
    maximum: float
    aligned_median: float
    aligned_maximum: float
    worst: tuple[int, int]

    @property
    def passed(self) -> bool:
        """True when both limits hold."""
        return self.median <= MAX_MEDIAN and self.maximum <= MAX_ANY


def melody_track(score: Score) -> Track:
    """The part that carries the tune: the first one with role ``melody`` and notes, else the highest part.

    Raises:
        PartimentoError: when the score has no pitched part.
    """
    pitched = [t for t in score.tracks if not t.is_drum and t.notes]
    if not pitched:
        raise PartimentoError("the score has no pitched part; variety needs a melody")
    leads = [t for t in pitched if t.role == "melody"]
    return leads[0] if leads else max(pitched, key=lambda t: float(np.mean([n.pitch for n in t.notes])))


def melody_bars(score: Score) -> tuple[BarProfile, ...]:
    """Bar profiles of the melody, on the grid of the score's first metre."""
    line = single_line(melody_track(score).notes)
    return bar_profiles([n.start for n in line], [n.duration for n in line], [n.pitch for n in line], score.metre.bar_quarters)


def variety(compose_seed: ComposeSeed, prompt: str, n_seeds: int = DEFAULT_SEEDS, progress: Progress = silent) -> VarietyFigures:
    """Compose one prompt with seeds 0 to ``n_seeds`` - 1 and compare all pairs.

    Args:
        compose_seed: composes the prompt with a seed.
        prompt: for the report.
        n_seeds: at least 2.
        progress: wraps the iteration.

    Raises:
        PartimentoError: on fewer than two seeds, or a score without melody.
    """
    if n_seeds < 2:
        raise PartimentoError(f"variety compares pairs: give at least 2 seeds, not {n_seeds}")
    pieces = [melody_bars(compose_seed(seed)) for seed in progress(range(n_seeds), n_seeds, "variety")]
    pairs = list(combinations(range(n_seeds), 2))
    anywhere = np.array([identical_share(pieces[i], pieces[j]) for i, j in pairs])
    aligned = np.array([aligned_share(pieces[i], pieces[j]) for i, j in pairs])
    return VarietyFigures(
        prompt=prompt,
        n_seeds=n_seeds,
        n_pairs=int((~np.isnan(anywhere)).sum()),
        median=float(np.nanmedian(anywhere)),
        maximum=float(np.nanmax(anywhere)),
        aligned_median=float(np.nanmedian(aligned)),
        aligned_maximum=float(np.nanmax(aligned)),
        worst=pairs[int(np.nanargmax(anywhere))],
    )
