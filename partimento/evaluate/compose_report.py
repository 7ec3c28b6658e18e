"""The compose evaluation as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from partimento.evaluate.compose_ensembles import EnsembleFigures
from partimento.evaluate.compose_tunes import MAX_COMMON_NOTES, FeatureRow, OverlapRow, TuneFigures, share_passed
from partimento.evaluate.compose_variety import MAX_ANY, MAX_MEDIAN, VarietyFigures
from partimento.evaluate.style_classifier import MIN_ACCURACY, StyleFigures
from partimento.tables import markdown_table

if TYPE_CHECKING:
    from partimento.evaluate.compose import ComposeEvaluation

_SHOWN_OVERLAPS = 10


def number(value: float, digits: int = 3) -> str:
    """A figure for a table; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def percent(value: float) -> str:
    """A share as a percentage; a dash for NaN."""
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def to_json(evaluation: ComposeEvaluation) -> str:
    """Everything, NaN as null, keys in a fixed order."""
    data: dict[str, Any] = {
        "settings": evaluation.settings,
        "checks": [{"check": c.check, "figure": c.figure, "limit": c.limit, "verdict": c.verdict} for c in evaluation.checks],
    }
    if evaluation.tunes:
        data["tunes"] = _tunes_data(evaluation.tunes)
        data["skipped"] = [{"name": s.name, "reason": s.reason} for s in evaluation.skipped]
    if evaluation.ensembles:
        e = evaluation.ensembles
        data["ensembles"] = {
            "n_real": e.n_real,
            "n_ours": e.n_ours,
            "rows": [
                {"figure": r.figure, "real_p5_p50_p95": r.real, "ours_p5_p50_p95": r.ours, "limit": r.limit, "passed": r.passed}
                for r in e.rows
            ],
            "skipped": [{"name": s.name, "reason": s.reason} for s in e.skipped],
        }
    if evaluation.styles:
        data["styles"] = [
            {
                "band": s.band,
                "styles": s.styles,
                "accuracy": s.accuracy,
                "n_train": s.n_train,
                "n_test": s.n_test,
                "confusion": s.confusion.tolist(),
            }
            for s in evaluation.styles
        ]
    if evaluation.variety:
        data["variety"] = [{name: getattr(v, name) for name in v.__slots__} for v in evaluation.variety]
    return json.dumps(_without_nan(data), indent=1, ensure_ascii=False) + "\n"


def _tunes_data(tunes: TuneFigures) -> dict[str, Any]:
    """Plain data of the tune comparison."""
    return {
        "n_sheets": tunes.n_sheets,
        "features": [
            {
                "name": r.spec.name,
                "kind": r.spec.kind,
                "unit": r.spec.unit,
                "real_p5_p25_p50_p75_p95": r.real,
                "ours_p5_p25_p50_p75_p95": r.ours,
                "real_inside": r.real_inside,
                "inside": r.inside,
                "below": r.below,
                "above": r.above,
                "iqr_ratio": r.iqr_ratio,
                "verdict": r.verdict,
                "remark": r.remark,
            }
            for r in tunes.features
        ],
        "baseline_features_passed": tunes.baseline_features,
        "classifiers": [
            {
                "pair": r.pair,
                "kind": r.separation.kind,
                "auc": r.separation.auc,
                "sd": r.separation.sd,
                "wanted": r.wanted,
                "verdict": r.verdict,
                "top": r.separation.top,
            }
            for r in tunes.separations
        ],
        **{
            key: [
                {
                    "name": r.name,
                    "run_notes": r.run.n_notes,
                    "run_with": r.run.name,
                    "from_note": r.run.query_note,
                    "their_note": r.run.corpus_note,
                    "alignment_score": r.alignment.score,
                    "alignment_share": r.alignment.share,
                    "alignment_with": r.alignment.name,
                }
                for r in rows
            ]
            for key, rows in (("overlaps", tunes.overlaps), ("real_overlaps", tunes.real_overlaps))
        },
    }


def _without_nan(value: Any) -> Any:
    """NaN is no JSON."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 9)
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return value


def to_csv(tunes: TuneFigures) -> str:
    """One line for each feature."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    places = ("p5", "p25", "p50", "p75", "p95")
    measured = (*(f"real_{p}" for p in places), *(f"ours_{p}" for p in places), "inside", "below", "above", "iqr_ratio")
    writer.writerow(["feature", "kind", *measured, "verdict", "remark"])
    for row in tunes.features:
        figures = [*row.real, *row.ours, row.inside, row.below, row.above, row.iqr_ratio]
        cells = ["" if math.isnan(f) else f"{f:.6g}" for f in figures]
        writer.writerow([row.spec.name, row.spec.kind, *cells, row.verdict, row.remark])
    return out.getvalue()


def to_markdown(evaluation: ComposeEvaluation) -> str:
    """The tables for people."""
    parts = ["# Composed music against real music\n", _settings_text(evaluation)]
    checks = [(c.check, c.figure, c.limit, c.verdict) for c in evaluation.checks]
    parts += ["## Verdicts\n", markdown_table(("check", "figure", "limit", "verdict"), checks), ""]
    if evaluation.tunes:
        parts += _tunes_text(evaluation.tunes)
    if evaluation.ensembles:
        parts += _ensembles_text(evaluation.ensembles)
    for styles in evaluation.styles:
        parts += _styles_text(styles)
    if evaluation.variety:
        parts += _variety_text(evaluation.variety)
    return "\n".join(parts).rstrip() + "\n"


def _settings_text(evaluation: ComposeEvaluation) -> str:
    """What was run, in a paragraph."""
    lines = [f"- {name.replace('_', ' ')}: {value}" for name, value in evaluation.settings.items()]
    if evaluation.skipped:
        names = ", ".join(f"{s.name} ({s.reason})" for s in evaluation.skipped)
        lines.append(f"- sheets left out: {len(evaluation.skipped)}: {names}")
    return "\n".join(lines) + "\n"


def _tunes_text(tunes: TuneFigures) -> list[str]:
    """Features, classifiers, overlap."""
    heads = ("feature", "real 5–25–50–75–95 %", "ours", "inside", "below", "above", "spread", "verdict")
    baselines = ", ".join(f"{name} {percent(share)}" for name, share in tunes.baseline_features.items())
    parts = [f"## Features ({tunes.n_sheets} sheets)\n"]
    if tunes.features:
        parts += [f"Passed by ours: {percent(share_passed(tunes.features))} of the features.\n"]
        parts += [markdown_table(heads, [_feature_cells(row) for row in tunes.features]) + "\n"]
    parts += [f"Passed by the baselines, by the same rules: {baselines}.\n", "## Told apart?\n"]
    rows = []
    for row in tunes.separations:
        s = row.separation
        top = ", ".join(f"{name} {weight:+.2f}" for name, weight in s.top[:6])
        rows.append((row.pair, s.kind, f"{s.auc:.3f} ± {s.sd:.3f}", row.wanted, row.verdict, top))
    parts += [markdown_table(("sets", "classifier", "area under the curve", "wanted", "verdict", "most telling"), rows) + "\n"]
    return [*parts, *_overlap_text(tunes)]


def _overlap_text(tunes: TuneFigures) -> list[str]:
    """Longest common runs."""
    parts = ["## Overlap with real tunes\n"]
    real = sorted(row.run.n_notes for row in tunes.real_overlaps)
    if real:
        shares = f"median {real[len(real) // 2]}, 90 % up to {real[int(0.9 * len(real))]}, longest {real[-1]} notes"
        parts.append(f"Longest run that a real sheet shares with another one: {shares} (some tunes are there twice).\n")
    if tunes.overlaps:
        long = [row for row in tunes.overlaps if row.run.n_notes > MAX_COMMON_NOTES]
        shown = [_overlap_cells(row) for row in tunes.overlaps[: max(_SHOWN_OVERLAPS, len(long))]]
        heads = ("composed for", "notes in common", "with", "from note", "best alignment", "with")
        parts.append(f"Ours with a run of more than {MAX_COMMON_NOTES} notes in common: {len(long)} of {len(tunes.overlaps)}.\n")
        parts.append(markdown_table(heads, shown) + "\n")
    return parts


def _overlap_cells(row: OverlapRow) -> tuple[str, ...]:
    """One tune's line."""
    where = f"{row.run.name}, note {row.run.corpus_note + 1}"
    alignment = f"{row.alignment.score:.0f} ({percent(row.alignment.share)})"
    return (row.name, str(row.run.n_notes), where, str(row.run.query_note + 1), alignment, row.alignment.name)


def _feature_cells(row: FeatureRow) -> tuple[str, ...]:
    """One feature's line."""
    verdict = f"{row.verdict}: {row.remark}" if row.remark else row.verdict
    if row.spec.kind == "flag":
        return (row.spec.name, f"rate {number(row.real[0])}", f"rate {number(row.ours[0])}", "–", "–", "–", "–", verdict)
    real, ours = ("  ".join(number(v, 2) for v in at) for at in (row.real, row.ours))
    shares = (percent(row.inside), percent(row.below), percent(row.above))
    return (row.spec.name, real, ours, *shares, f"{number(row.iqr_ratio, 2)}x", verdict)


def _ensembles_text(ensembles: EnsembleFigures) -> list[str]:
    """Voice leading beside real quartets."""
    rows = [
        (r.figure, *("  ".join(number(v) for v in at) for at in (r.real, r.ours)), r.limit, "pass" if r.passed else "fail")
        for r in ensembles.rows
    ]
    heads = ("figure", "real quartets 5–50–95 %", "ours", "limit for our median", "verdict")
    parts = [f"## String quartets ({ensembles.n_real} real, {ensembles.n_ours} ours)\n", markdown_table(heads, rows), ""]
    if ensembles.skipped:
        parts.append("Left out: " + "; ".join(f"{s.name}: {s.reason}" for s in ensembles.skipped) + "\n")
    return parts


def _styles_text(styles: StyleFigures) -> list[str]:
    """Accuracy and the confusion table."""
    rows = []
    for i, style in enumerate(styles.styles):
        named = [(styles.styles[j], int(n)) for j, n in enumerate(styles.confusion[i]) if n and j != i]
        mistaken = ", ".join(f"{other} {n}" for other, n in sorted(named, key=lambda x: (-x[1], x[0])))
        rows.append((style, f"{styles.confusion[i, i]} of {styles.n_test}", mistaken))
    n = len(styles.styles)
    return [
        f"## {n} styles, {styles.band}\n",
        f"Trained on {styles.n_train} pieces each, tested on {styles.n_test} each. Named rightly: {percent(styles.accuracy)} "
        f"({percent(MIN_ACCURACY)} wanted, {percent(1 / n)} by chance).\n",
        markdown_table(("style", "rightly", "taken for"), rows),
        "",
    ]


def _variety_text(variety: Sequence[VarietyFigures]) -> list[str]:
    """Identical bars over pairs of seeds."""
    rows = []
    for v in variety:
        shares = [percent(share) for share in (v.median, v.maximum, v.aligned_median, v.aligned_maximum)]
        rows.append((v.prompt, str(v.n_seeds), *shares, f"{v.worst[0]} and {v.worst[1]}", "pass" if v.passed else "fail"))
    heads = ("prompt", "seeds", "median", "maximum", "median, same place", "maximum, same place", "most alike", "verdict")
    return [
        "## Variety: identical melody bars of two seeds\n",
        f"Limits: median {percent(MAX_MEDIAN)}, maximum {percent(MAX_ANY)}.\n",
        markdown_table(heads, rows),
        "",
    ]
