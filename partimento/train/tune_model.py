"""Fit the tables of the tune writer: ``python -m partimento.train.tune_model SHEETS``.

Three conditional log-linear models (form, rhythm, pitch) with a small hidden layer each are fitted by maximum likelihood (Adam,
weight decay, noise on the traits so that no sheet is recognised by them), and the traits' quantiles and covariance are
measured. Then tunes are written to the sheets' chords, and the wishes are stretched and shifted until the written tunes spread
as the real ones do. The result holds weights and aggregate figures only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.compose import form, pitch, rhythm
from partimento.compose.cells import N_DESCRIPTORS, N_GROUPS, vocabulary
from partimento.compose.melody import lead_sheet_tune
from partimento.compose.novelty import count_surprise
from partimento.compose.traits import FLAGS, INDEX, N_TRAITS, TRAITS, traits
from partimento.compose.tune_grid import harmony_of, measuring_ground
from partimento.compose.tune_model import TuneModel, from_plain
from partimento.errors import MissingDependencyError
from partimento.paths import write_text
from partimento.train.tune_data import (
    Examples,
    Sheet,
    cell_lists,
    covariate_matrix,
    form_examples,
    normal_scores,
    pitch_examples,
    quantile_table,
    read_sheets,
    rhythm_examples,
    trait_matrix,
    upbeats,
)

Floats = NDArray[np.float64]
Shapes = dict[str, tuple[int, ...]]
Score = Callable[[dict[str, Any], dict[str, Any]], Any]

_TIED_TO_TRAITS = frozenset({"traits", "hidden", "out", "lag_traits", "copy_traits", "go_on_traits"})
"""Tables with the stronger weight decay: those by which single sheets could be remembered."""

TRAIT_WEIGHTS = {
    "final_tonic": 3.0,
    "final_strong": 3.0,
    "final_length": 3.0,
    "phrase_bars": 2.0,
    "syncopation": 2.0,
    "duration_short": 2.0,
}
"""How much more than 1 a trait counts when candidates are compared: those that the models follow least."""


@dataclass(frozen=True)
class FitSettings:
    """How the models are fitted and calibrated.

    Attributes:
        epochs: passes over the examples.
        learning_rate: of Adam, falling to nearly 0 along a cosine.
        decay, trait_decay: weight decay of the tables, and of those that read the traits.
        noise: standard deviation added to the traits' normal scores.
        batch: examples a step.
        rounds: rounds of calibration.
        seed: of everything.
    """

    epochs: int = 10
    learning_rate: float = 0.02
    decay: float = 1e-5
    trait_decay: float = 1e-4
    noise: float = 0.3
    batch: int = 1024
    rounds: int = 6
    seed: int = 0


def rhythm_shapes(n_cells: int) -> Shapes:
    """Shapes of the rhythm tables."""
    return {
        "bias": (n_cells,),
        "place": (12, n_cells),
        "since": (rhythm.N_SINCE, n_cells),
        "group": (N_GROUPS, N_GROUPS),
        "phrase": (16, N_GROUPS),
        "end": (16, N_GROUPS),
        "rest": (rhythm.N_REST, N_GROUPS),
        "traits": (N_TRAITS, N_DESCRIPTORS),
        "hidden": (rhythm.N_DENSE, rhythm.N_HIDDEN),
        "hidden_bias": (rhythm.N_HIDDEN,),
        "out": (rhythm.N_HIDDEN, N_DESCRIPTORS),
        "lag": (rhythm.N_LAGS * rhythm.N_RUNS * 4,),
        "lag_traits": (N_TRAITS, rhythm.N_LAGS),
    }


def pitch_shapes() -> Shapes:
    """Shapes of the pitch tables."""
    p = pitch
    return {
        "previous": (p.N_PREVIOUS, p.N_STEPS),
        "role": (p.N_WEIGHTS, p.N_LENGTHS, p.N_ROLES),
        "left": (p.N_ROLES, p.N_CLASSES),
        "gap": (p.N_GAPS, p.N_CLASSES),
        "mark_class": (p.N_MARKS, p.N_CLASSES),
        "role_class": (p.N_ROLES, p.N_CLASSES),
        "left_to": (p.N_ROLES, p.N_ROLES),
        "role_end": (p.N_ROLES + 1,),
        "degree": (p.N_MARKS, 12),
        "register": (p.N_MARKS, p.N_REGISTER),
        "top": (3 * p.N_PROGRESS,),
        "back": (4, p.N_CLASSES),
        "copy": (rhythm.N_LAGS * p.N_RUNS * p.N_RUNS * 2, 4),
        "copy_traits": (N_TRAITS, rhythm.N_LAGS * 4),
        "traits": (N_TRAITS, p.N_OUT),
        "hidden": (p.N_DENSE, p.N_HIDDEN),
        "hidden_bias": (p.N_HIDDEN,),
        "out": (p.N_HIDDEN, p.N_OUT),
    }


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("fitting the tune models needs PyTorch: pip install 'partimento[neural]'") from error
    return torch


def fit(shapes: Shapes, score: Score, examples: Examples, settings: FitSettings, label: str = "") -> dict[str, Floats]:
    """Maximum-likelihood tables of one model.

    Args:
        shapes: of the tables; ``hidden`` begins random, all others 0.
        score: (tables, contexts) → scores of all choices.
        examples: what to learn from.
        settings: see there.
        label: printed with the loss; empty prints nothing.
    """
    torch = _torch()
    generator = torch.Generator().manual_seed(settings.seed)
    tables = {name: torch.zeros(*shape) for name, shape in shapes.items()}
    if "hidden" in tables:
        tables["hidden"] = 0.1 * torch.randn(*shapes["hidden"], generator=generator)
    for table in tables.values():
        table.requires_grad_(True)
    contexts = {name: _tensor(torch, array) for name, array in examples.contexts.items()}
    chosen, owner = torch.tensor(examples.chosen), torch.tensor(examples.sheet)
    batch = max(16, min(settings.batch, len(chosen) // 4))
    small = len(chosen) < 4 * settings.batch
    epochs = settings.epochs * (2 if small else 1)
    optimizer = torch.optim.Adam(list(tables.values()), lr=settings.learning_rate)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs)) + 1e-4
        total = 0.0
        order = torch.randperm(len(chosen), generator=generator)
        for at in range(0, len(order), batch):
            rows = order[at : at + batch]
            noise = settings.noise * torch.randn(int(owner.max()) + 1, N_TRAITS, generator=generator)
            taken = {name: array[rows] for name, array in contexts.items()}
            taken["traits"] = taken["traits"] + noise[owner[rows]]
            scores = torch.where(taken["legal"], score(tables, taken), torch.tensor(-1e9))
            loss = torch.nn.functional.cross_entropy(scores, chosen[rows])
            strength = 20.0 if small else 1.0
            decay = sum(
                strength * (settings.trait_decay if name in _TIED_TO_TRAITS else settings.decay) * (table**2).sum()
                for name, table in tables.items()
            )
            optimizer.zero_grad()
            (loss + decay).backward()
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        if label:
            print(f"{label} epoch {epoch + 1}/{epochs}: {total / len(order):.4f} nats", flush=True)
    return {name: table.detach().numpy().astype(np.float64) for name, table in tables.items()}


def _tensor(torch: Any, array: Any) -> Any:
    kind = torch.float32 if array.dtype.kind == "f" else torch.bool if array.dtype == bool else torch.int64
    return torch.tensor(array, dtype=kind)


def fit_all(sheets: tuple[Sheet, ...], settings: FitSettings) -> dict[str, Any]:
    """All tables of a model as plain data, not yet calibrated."""
    torch = _torch()
    values = trait_matrix(sheets)
    scores = normal_scores(values)
    cells = cell_lists(sheets)
    beats = rhythm_examples(sheets, scores, cells)
    rhythms = []
    for kind in (0, 1):
        words = vocabulary(cells[kind])
        tables = {
            "groups": torch.tensor(words.groups),
            "descriptors": torch.tensor(words.descriptors, dtype=torch.float32),
            "by_group": torch.eye(N_GROUPS)[:, words.groups],
        }

        def score(params: dict[str, Any], ctx: dict[str, Any], tables: dict[str, Any] = tables) -> Any:
            return rhythm.logits(params, ctx, tables, torch)

        rhythms.append(fit(rhythm_shapes(len(words)), score, beats[kind], settings, f"rhythm {kind}"))
    steps = {"classes": torch.tensor(pitch.CLASSES), "one_hot": torch.eye(pitch.N_CLASSES)[pitch.CLASSES].T.contiguous()}
    pitches = fit(
        pitch_shapes(), lambda p, c: pitch.logits(p, c, steps, torch), pitch_examples(sheets, scores), settings, "pitch"
    )
    forms = fit(form.initial_shapes(), lambda p, c: form.logits(p, c, torch), form_examples(sheets, scores), settings, "form")
    quantiles, ranks = quantile_table(values)
    mean, spread = _joint(covariate_matrix(sheets), scores)
    surprise = count_surprise([(starts, pitches) for starts, _, pitches in (sheet.arrays for sheet in sheets)])
    weights = np.ones(N_TRAITS)
    for name, weight in TRAIT_WEIGHTS.items():
        weights[INDEX[name]] = weight
    return {
        "cells": cells,
        "rhythm": [_plain(table) for table in rhythms],
        "pitch": _plain(pitches),
        "form": _plain(forms),
        "quantiles": _rounded(quantiles),
        "scores": _rounded(ranks),
        "mean": _rounded(mean),
        "spread": _rounded(spread),
        "stretch": [1.0] * N_TRAITS,
        "shift": [0.0] * N_TRAITS,
        "weights": _rounded(weights),
        "surprise": {"interval": _rounded(surprise.interval), "time": _rounded(surprise.time)},
        "pickups": upbeats(sheets),
    }


def _joint(covariates: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Ridge regression of the scores on the covariates, and a factor of the covariance that remains (shrunk by 3 %)."""
    ridge = 3.0 * np.eye(covariates.shape[1])
    ridge[0, 0] = 1e-6
    mean = np.linalg.solve(covariates.T @ covariates + ridge, covariates.T @ scores)
    covariance = np.cov((scores - covariates @ mean).T)
    covariance = 0.97 * covariance + 0.03 * np.diag(np.diag(covariance)) + 1e-6 * np.eye(len(covariance))
    factor = np.linalg.cholesky(covariance).astype(np.float64)
    return mean.astype(np.float64), factor


def _rounded(array: Any) -> Any:
    return np.round(np.asarray(array, dtype=np.float64), 4).tolist()


def _plain(tables: dict[str, Floats]) -> dict[str, Any]:
    return {name: _rounded(table) for name, table in tables.items()}


# --- calibration ------------------------------------------------------------------------------------------------------


def calibrate(raw: dict[str, Any], sheets: tuple[Sheet, ...], settings: FitSettings, verbose: bool = True) -> dict[str, Any]:
    """Stretch and shift the wishes until written tunes have the real ones' mean and spread in every trait.

    The spread is that of the middle half and that of the tails: as many of the written tunes as of the real ones shall
    lie between the real ones' 5th and 95th percentile. What the model already has is where the search begins.
    """
    stretch, shift = np.array(raw["stretch"], dtype=np.float64), np.array(raw["shift"], dtype=np.float64)
    real = trait_matrix(sheets)
    for number in range(settings.rounds):
        model = from_plain({**raw, "stretch": stretch, "shift": shift})
        written = np.array([_written(sheet, model, settings.seed + number, i) for i, sheet in enumerate(sheets)])
        apart, ratio, inside = _compare(model, written, real)
        pace = 1.0 if number < settings.rounds / 2 else 0.5
        for j in range(N_TRAITS):
            if TRAITS[j] == "pickup":
                continue
            if j in FLAGS:
                shift[j] -= pace * 1.25 * float(np.mean(written[:, j]) - np.mean(real[:, j]))
                continue
            shift[j] = np.clip(shift[j] - pace * 0.5 * apart[j], -1.2, 1.2)
            stretch[j] = np.clip(stretch[j] * ratio[j] ** (-0.4 * pace) * np.exp(1.5 * pace * inside[j]), 0.7, 2.2)
        if verbose:
            print(
                f"calibration {number + 1}/{settings.rounds}: mean difference {np.abs(apart).mean():.3f}, "
                f"spread ratio {np.exp(np.abs(np.log(ratio)).mean()):.3f}, tails {np.abs(inside).mean():.3f}",
                flush=True,
            )
    return {**raw, "stretch": np.round(stretch, 3).tolist(), "shift": np.round(shift, 3).tolist()}


def _written(sheet: Sheet, model: TuneModel, seed: int, index: int) -> Floats:
    """Traits of a tune written to a sheet's chords."""
    rng = np.random.default_rng([seed, index])
    notes = lead_sheet_tune(sheet.chords, sheet.metre, sheet.key, sheet.n_bars, 120.0, rng, model)
    line = Sheet(sheet.name, notes, sheet.chords, sheet.metre, sheet.key, sheet.n_bars)
    ground = sheet.ground
    return traits(*line.arrays, measuring_ground(ground, harmony_of(ground)))


def _compare(model: TuneModel, ours: Floats, real: Floats) -> tuple[Floats, Floats, Floats]:
    """Trait by trait: difference of the mean normal scores, ratio of the spreads (of the scores' standard
    deviations and of the middle halves' widths, their geometric mean), and how many more of
    ours than of the real tunes lie between the real ones' 5th and 95th percentile."""
    our_scores, real_scores = model.to_scores(ours), model.to_scores(real)
    apart, ratio, inside = np.zeros(N_TRAITS), np.ones(N_TRAITS), np.zeros(N_TRAITS)
    for j in range(N_TRAITS):
        known, known_real = ~np.isnan(ours[:, j]), ~np.isnan(real[:, j])
        if known.sum() < 2 or known_real.sum() < 2:
            continue
        a, b = our_scores[known, j], real_scores[known_real, j]
        apart[j] = a.mean() - b.mean()
        ratio[j] = max(float(a.std()), 0.1) / max(float(b.std()), 0.1)
        middles = [float(np.subtract(*np.percentile(x, [75, 25]))) for x in (ours[known, j], real[known_real, j])]
        if min(middles) > 0:
            ratio[j] = np.sqrt(ratio[j] * middles[0] / middles[1])
        low, high = np.percentile(real[known_real, j], [5, 95])
        shares = [float(np.mean((x >= low) & (x <= high))) for x in (ours[known, j], real[known_real, j])]
        inside[j] = shares[0] - shares[1]
    return apart, ratio, inside


def main() -> None:
    """Read the sheets, fit, calibrate, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheets", type=Path, help="folder of MusicXML lead sheets (OpenEWLD)")
    parser.add_argument("-o", "--output", type=Path, default=Path("partimento/compose/data/tune_model.json"))
    parser.add_argument("--calibrate-only", action="store_true", help="keep the fitted tables of the output file")
    parser.add_argument("--epochs", type=int, default=FitSettings.epochs)
    parser.add_argument("--rounds", type=int, default=FitSettings.rounds)
    options = parser.parse_args()
    settings = FitSettings(epochs=options.epochs, rounds=options.rounds)
    sheets = read_sheets(options.sheets)
    print(f"{len(sheets)} sheets, {sum(len(s.notes) for s in sheets)} notes")
    fitted = json.loads(options.output.read_text(encoding="utf-8")) if options.calibrate_only else fit_all(sheets, settings)
    raw = calibrate(fitted, sheets, settings)
    write_text(options.output, json.dumps(raw, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
