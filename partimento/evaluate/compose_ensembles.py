"""Ensemble writing: voice leading of composed string quartets beside real ones.

Figures of :mod:`partimento.metrics.voice_leading` for each piece, then their distribution. Real quartets are read in score order
(first violin to cello), ours from the highest to the lowest part by mean pitch. Parallels and crossings are judged against the
real pieces' 95th percentile, spacing against their 5th to 95th; what composers of quartets do is the measure, not zero.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partimento.errors import PartimentoError
from partimento.evaluate.compose_data import Progress, Reader, Skipped, read_score_file, silent
from partimento.metrics.voice_leading import evaluate as voice_leading
from partimento.paths import make_folder, read_bytes, write_text
from partimento.score.score import Score, Track

N_PARTS = 4
DEFAULT_QUARTETS = 24
DEFAULT_SEEDS = 24
MIN_SUCCESSIONS = 20
PROMPTS = (
    "a string quartet",
    "a slow, sad string quartet in D minor",
    "a lively string quartet in 3/4",
    "a classical string quartet with a singing first violin",
)
JUDGED_ABOVE = ("parallel_fifths_per_100", "parallel_octaves_per_100", "crossing_share", "wide_spacing_share")
JUDGED_BETWEEN = ("spacing_semitones", "mean_motion_semitones")
_CACHE_VERSION = 1


@dataclass(frozen=True, slots=True)
class EnsembleRow:
    """One figure: real pieces' 5th, 50th and 95th percentile, ours' likewise, and whether our median lies where it should."""

    figure: str
    real: tuple[float, float, float]
    ours: tuple[float, float, float]
    limit: str
    passed: bool


@dataclass(frozen=True)
class EnsembleFigures:
    """All rows, with the numbers of pieces behind them and the real files left out."""

    n_real: int
    n_ours: int
    rows: tuple[EnsembleRow, ...]
    skipped: tuple[Skipped, ...]


def quartet_sample(names: Sequence[str], n: int) -> tuple[str, ...]:
    """``n`` of the files, chosen by hash of the name, sorted."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"partimento-quartets:{name}".encode()).hexdigest())
    return tuple(sorted(ranked[:n]))


def lines_of(score: Score, by_pitch: bool) -> list[Track]:
    """The pitched parts of a score that have notes, from the highest to the lowest.

    Args:
        score: the score.
        by_pitch: order by mean pitch; else the order of the score.
    """
    parts = [t for t in score.tracks if not t.is_drum and t.notes]
    return sorted(parts, key=lambda t: -float(np.mean([n.pitch for n in t.notes]))) if by_pitch else parts


def piece_figures(score: Score, by_pitch: bool) -> dict[str, float]:
    """Voice-leading figures of one piece with four parts.

    Raises:
        PartimentoError: when it has not four parts, or too few successions to say anything.
    """
    parts = lines_of(score, by_pitch)
    if len(parts) != N_PARTS:
        raise PartimentoError(f"has {len(parts)} parts, not {N_PARTS}")
    figures = voice_leading(
        [([n.start for n in t.notes], [n.duration for n in t.notes], [n.pitch for n in t.notes]) for t in parts]
    )
    if figures["successions"] < MIN_SUCCESSIONS:
        raise PartimentoError(f"has {figures['successions']:.0f} successions of two moving parts, fewer than {MIN_SUCCESSIONS}")
    return figures


def real_figures(
    folder: Path, names: Sequence[str], cache_dir: Path | None, reader: Reader | None = None, progress: Progress = silent
) -> tuple[list[dict[str, float]], list[Skipped]]:
    """Figures of real quartets, each from the cache when its file has not changed, and the files left out."""
    found, skipped = [], []
    for name in progress(names, len(names), "reading quartets"):
        try:
            found.append(_real(folder / name, cache_dir, reader or read_score_file))
        except PartimentoError as error:
            skipped.append(Skipped(name, str(error)))
    return found, skipped


def _real(path: Path, cache_dir: Path | None, reader: Reader) -> dict[str, float]:
    """One quartet's figures from the cache, else from its file."""
    if cache_dir is None:
        return piece_figures(reader(path), by_pitch=False)
    digest = hashlib.sha256(read_bytes(path, "MusicXML")).hexdigest()
    cached = cache_dir / f"{digest}.quartet{_CACHE_VERSION}.json"
    if cached.is_file():
        return {str(k): float(v) for k, v in json.loads(cached.read_text(encoding="utf-8")).items()}
    figures = piece_figures(reader(path), by_pitch=False)
    make_folder(cache_dir)
    write_text(cached, json.dumps(figures))
    return figures


def our_figures(
    compose_prompt: Callable[[str, int], Score], n_seeds: int = DEFAULT_SEEDS, progress: Progress = silent
) -> tuple[list[dict[str, float]], list[Skipped]]:
    """Figures of composed quartets: the prompts in turn, seeds 0 to ``n_seeds`` - 1; and those that are no quartets."""
    found, skipped = [], []
    for seed in progress(range(n_seeds), n_seeds, "composing quartets"):
        prompt = PROMPTS[seed % len(PROMPTS)]
        try:
            found.append(piece_figures(compose_prompt(prompt, seed), by_pitch=True))
        except PartimentoError as error:
            skipped.append(Skipped(f"{prompt} (seed {seed})", str(error)))
    return found, skipped


def compare(
    real: Sequence[dict[str, float]], ours: Sequence[dict[str, float]], skipped: Sequence[Skipped] = ()
) -> EnsembleFigures:
    """Distributions side by side.

    Raises:
        PartimentoError: when one side has no piece.
    """
    if not real or not ours:
        reasons = "; ".join(f"{s.name}: {s.reason}" for s in skipped[:3])
        raise PartimentoError(f"ensembles need pieces on both sides, got {len(real)} real and {len(ours)} ours ({reasons})")
    rows = []
    for figure in (*JUDGED_ABOVE, *JUDGED_BETWEEN):
        real_at, ours_at = _percentiles(real, figure), _percentiles(ours, figure)
        above = figure in JUDGED_ABOVE
        limit = f"<= {real_at[2]:.3g}" if above else f"{real_at[0]:.3g} to {real_at[2]:.3g}"
        passed = ours_at[1] <= real_at[2] and (above or ours_at[1] >= real_at[0])
        rows.append(EnsembleRow(figure, real_at, ours_at, limit, passed))
    return EnsembleFigures(len(real), len(ours), tuple(rows), tuple(skipped))


def _percentiles(pieces: Sequence[dict[str, float]], figure: str) -> tuple[float, float, float]:
    """5th, 50th and 95th percentile over the pieces."""
    low, middle, high = np.nanpercentile([piece[figure] for piece in pieces], [5, 50, 95])
    return float(low), float(middle), float(high)
