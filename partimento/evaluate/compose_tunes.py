"""Composed tunes beside real ones: features, classifiers, overlap.

For each real sheet a tune is composed to its chords, metre, key, bars and tempo; so are the baselines. Everything is decided by
the seed and the sheet's name, never by the order or number of the sheets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from partimento.errors import PartimentoError
from partimento.evaluate.compose_baselines import Composer
from partimento.evaluate.compose_classifiers import Kind, Separation, separate
from partimento.evaluate.compose_data import Progress, Tune, silent, single_line
from partimento.evaluate.compose_features import FeatureSpec, FeatureTable, feature_table
from partimento.metrics.note_arrays import FloatArray
from partimento.metrics.tune_overlap import Alignment, Corpus, Run

MAX_AUC = 0.85
"""Ours against real must not be told apart better than this."""
MIN_BASELINE_AUC = 0.95
"""Markov and walk must be told apart at least this well, else the features are weak."""
MAX_COMMON_NOTES = 8
N_HALVES = 10
"""Ways to part the real tunes into random halves for the sanity figure."""

Verdict = Literal["pass", "fail", "not judged"]


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature: real tunes' and ours' distribution and what follows.

    Attributes:
        spec: the feature.
        real, ours: 5th, 25th, 50th, 75th and 95th percentile; for a flag five times its rate.
        real_inside: share of the real tunes within their own 5th to 95th percentile.
        inside, below, above: share of ours within, below and above it.
        iqr_ratio: ours' inter-quartile range by the real one (the 5-95 range where that is 0; NaN where that is too).
        verdict: by the rules of the fixed list.
        remark: what is wrong, in words; empty when nothing is.
    """

    spec: FeatureSpec
    real: tuple[float, ...]
    ours: tuple[float, ...]
    real_inside: float
    inside: float
    below: float
    above: float
    iqr_ratio: float
    verdict: Verdict
    remark: str


@dataclass(frozen=True, slots=True)
class SeparationRow:
    """How well two sets of tunes are told apart, and the limit."""

    pair: str
    separation: Separation
    wanted: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """What a tune has in common with the nearest sheets."""

    name: str
    run: Run
    alignment: Alignment


@dataclass(frozen=True)
class TuneFigures:
    """All of the comparison.

    Attributes:
        n_sheets: sheets compared.
        features: one row for each of the fixed list.
        separations: the pairs of sets and kinds of classifier.
        overlaps: of each composed tune, the longest first.
        real_overlaps: of each real sheet with the others, the longest first.
        baseline_features: share of features that Markov and walk pass.
    """

    n_sheets: int
    features: tuple[FeatureRow, ...]
    separations: tuple[SeparationRow, ...]
    overlaps: tuple[OverlapRow, ...]
    real_overlaps: tuple[OverlapRow, ...]
    baseline_features: dict[str, float]


def sheet_rng(name: str, seed: int) -> np.random.Generator:
    """The generator for one sheet."""
    digest = hashlib.sha256(f"partimento-compose-rng:{name}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def compose_for(tune: Tune, composer: Composer, seed: int) -> Tune:
    """A tune composed to a real one's chords, metre, key, bars and tempo.

    Raises:
        PartimentoError: when the composer returns fewer than two notes.
    """
    notes = composer(tune.chords, tune.metre, tune.key, tune.n_bars, tune.tempo_bpm, sheet_rng(tune.name, seed))
    line = single_line(notes)
    if len(line) < 2:
        raise PartimentoError(f"the composer wrote {len(line)} notes for {tune.name}; a tune needs at least 2")
    return replace(tune, notes=line)


def compose_all(
    tunes: Sequence[Tune], composer: Composer, seed: int, label: str, progress: Progress = silent
) -> tuple[Tune, ...]:
    """:func:`compose_for` each sheet."""
    return tuple(compose_for(tune, composer, seed) for tune in progress(tunes, len(tunes), label))


def feature_rows(real: FloatArray, ours: FloatArray, table: FeatureTable | None = None) -> tuple[FeatureRow, ...]:
    """Judge each feature.

    Args:
        real: features of the real tunes ``[N, F]``, NaN where undefined.
        ours: of ours ``[M, F]``.
        table: the fixed list.
    """
    table = table or feature_table()
    return tuple(_feature_row(spec, real[:, i], ours[:, i], table) for i, spec in enumerate(table.features))


def _feature_row(spec: FeatureSpec, real: FloatArray, ours: FloatArray, table: FeatureTable) -> FeatureRow:
    """Judge one feature from its defined values."""
    real, ours = real[~np.isnan(real)], ours[~np.isnan(ours)]
    if not real.size or not ours.size:
        nothing = (float("nan"),) * 5
        return FeatureRow(spec, nothing, nothing, *(float("nan"),) * 5, verdict="not judged", remark="undefined")
    if spec.kind == "flag":
        return _flag_row(spec, float(real.mean()), float(ours.mean()), table.flag_difference)
    real_at = tuple(float(v) for v in np.percentile(real, [5, 25, 50, 75, 95]))
    ours_at = tuple(float(v) for v in np.percentile(ours, [5, 25, 50, 75, 95]))
    below, above = float((ours < real_at[0]).mean()), float((ours > real_at[4]).mean())
    inside = float(((ours >= real_at[0]) & (ours <= real_at[4])).mean())
    real_inside = float(((real >= real_at[0]) & (real <= real_at[4])).mean())
    ratio = _ratio(real_at[3] - real_at[1], ours_at[3] - ours_at[1], real_at[4] - real_at[0], ours_at[4] - ours_at[0])
    remarks = []
    if inside < table.inside[0]:
        remarks.append("too low" if below > 2 * above else "too high" if above > 2 * below else "too far out on both sides")
    if inside > max(table.inside[1], real_inside):
        remarks.append("never at the edges")
    if ratio < table.iqr_ratio[0]:
        remarks.append("too much alike")
    if ratio > table.iqr_ratio[1]:
        remarks.append("too scattered")
    verdict: Verdict = "fail" if remarks else "pass"
    return FeatureRow(spec, real_at, ours_at, real_inside, inside, below, above, ratio, verdict, ", ".join(remarks))


def _ratio(real_iqr: float, ours_iqr: float, real_range: float, ours_range: float) -> float:
    """Ours' spread by the real one: inter-quartile, else 5-95, else undefined."""
    if real_iqr > 0:
        return ours_iqr / real_iqr
    return ours_range / real_range if real_range > 0 else float("nan")


def _flag_row(spec: FeatureSpec, real: float, ours: float, limit: float) -> FeatureRow:
    """Judge a rate."""
    apart = ours - real
    remark = "" if abs(apart) <= limit else "too often" if apart > 0 else "too seldom"
    nan = float("nan")
    return FeatureRow(spec, (real,) * 5, (ours,) * 5, nan, nan, nan, nan, nan, "fail" if remark else "pass", remark)


def share_passed(rows: Sequence[FeatureRow]) -> float:
    """Share of the judged features that pass."""
    judged = [row.verdict == "pass" for row in rows if row.verdict != "not judged"]
    return sum(judged) / len(judged) if judged else float("nan")


def separation_rows(sets: dict[str, FloatArray], seed: int = 0) -> tuple[SeparationRow, ...]:
    """Tell sets of tunes from the real ones.

    Args:
        sets: name → features ``[N, F]``; must hold ``real``; row i of each set belongs to sheet i.
        seed: of the folds, the halves and the trees.
    """
    names = feature_table().names
    real = sets["real"]
    groups = range(len(real))
    rows = []
    for name, data in sets.items():
        if name == "real":
            continue
        for separation in separate(data, real, groups, groups, names, seed):
            good = separation.auc <= MAX_AUC if name == "ours" else separation.auc >= MIN_BASELINE_AUC
            wanted = f"<= {MAX_AUC}" if name == "ours" else f">= {MIN_BASELINE_AUC}"
            rows.append(SeparationRow(f"{name} vs real", separation, wanted, "pass" if good else "fail"))
    return (*rows, *_real_vs_real(real, names, seed))


def _real_vs_real(real: FloatArray, names: Sequence[str], seed: int) -> list[SeparationRow]:
    """Random halves of the real tunes against each other: what no difference looks like."""
    rng = np.random.default_rng([seed, 0x4A1F])
    found: dict[Kind, list[Separation]] = {}
    for _ in range(N_HALVES):
        order = rng.permutation(len(real))
        a, b = order[: len(real) // 2], order[len(real) // 2 :]
        for separation in separate(real[a], real[b], [int(i) for i in a], [int(i) for i in b], names, seed, n_splits=1):
            found.setdefault(separation.kind, []).append(separation)
    rows = []
    for kind, separations in found.items():
        areas = [s.auc for s in separations]
        summary = Separation(kind, float(np.mean(areas)), float(np.std(areas)), ())
        rows.append(SeparationRow("real vs real", summary, "about 0.5", "not judged"))
    return rows


def overlap_rows(
    tunes: Sequence[Tune], corpus: Corpus, own: bool, label: str, progress: Progress = silent
) -> tuple[OverlapRow, ...]:
    """Longest common runs and best alignments, the longest run first.

    Args:
        tunes: queries.
        corpus: the sheets.
        own: the queries are the sheets themselves: each is kept from finding itself.
        label: for the progress bar.
        progress: wraps the iteration.
    """
    rows = []
    for tune in progress(tunes, len(tunes), label):
        skip = (tune.name,) if own else ()
        rows.append(OverlapRow(tune.name, corpus.longest_run(tune.arrays, skip), corpus.local_alignment(tune.arrays, skip)))
    return tuple(sorted(rows, key=lambda row: (-row.run.n_notes, row.name)))
