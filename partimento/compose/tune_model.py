"""The fitted tables of the tune writer (``compose/data/tune_model.json``).

They are aggregate figures of 226 public-domain lead sheets (OpenEWLD): weights of the two log-linear models, quantiles
of the traits and how these go together. No tune can be read from them. ``partimento/train/tune_model.py`` makes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.compose.cells import Vocabulary, vocabulary
from partimento.compose.novelty import Surprise
from partimento.compose.pitch import CLASSES, N_CLASSES
from partimento.compose.traits import N_TRAITS
from partimento.score.timing import Metre

Floats = NDArray[np.float64]

N_COVARIATES = 10


@dataclass(frozen=True)
class TuneModel:
    """Fitted tables.

    Attributes:
        vocabularies: cells of plain and of dotted beats.
        rhythm: weights for plain and for dotted beats.
        rhythm_tables: tables of the vocabularies that the scoring needs.
        pitch: weights of the pitch model.
        pitch_tables: what its scoring needs.
        quantiles: trait values at equally spaced ranks ``[N_TRAITS, Q]``.
        scores: normal scores of these ranks ``[Q]``.
        mean: what the covariates tell of the traits' normal scores ``[N_COVARIATES, N_TRAITS]``.
        spread: lower triangular factor of the remaining covariance ``[N_TRAITS, N_TRAITS]``.
        form: weights of the form model.
        stretch, shift: what is wanted for a drawn normal score; written tunes follow a wish less than fully, and this makes
            their spread and mean those of real ones ``[N_TRAITS]``.
        weights: how much a trait counts when candidates are compared ``[N_TRAITS]``.
        surprise: how ordinary a run of notes is.
        pickups: kind of metre → (length in quarters, weight) of the upbeat.
    """

    vocabularies: tuple[Vocabulary, Vocabulary]
    rhythm: tuple[dict[str, Floats], dict[str, Floats]]
    rhythm_tables: tuple[dict[str, Any], dict[str, Any]]
    pitch: dict[str, Floats]
    pitch_tables: dict[str, Any]
    quantiles: Floats
    scores: Floats
    mean: Floats
    spread: Floats
    form: dict[str, Floats]
    stretch: Floats
    shift: Floats
    weights: Floats
    surprise: Surprise
    pickups: dict[str, tuple[tuple[float, float], ...]]

    def to_scores(self, values: Floats) -> Floats:
        """Normal scores of trait values ``[…, N_TRAITS]``, 0 where undefined, between -2.4 and 2.4."""
        out = np.zeros_like(values)
        for j in range(N_TRAITS):
            column = values[..., j]
            low = np.searchsorted(self.quantiles[j], column, side="left")
            high = np.searchsorted(self.quantiles[j], column, side="right")
            tied = (low + high - 1) / 2
            smooth = np.interp(column, self.quantiles[j], np.arange(len(self.scores)))
            rank = np.where(high - low > 1, tied, smooth)
            out[..., j] = np.where(np.isnan(column), 0.0, np.interp(rank, np.arange(len(self.scores)), self.scores))
        return out

    def to_values(self, scores: Floats) -> Floats:
        """Trait values of normal scores ``[…, N_TRAITS]``."""
        out = np.zeros_like(scores)
        for j in range(N_TRAITS):
            out[..., j] = np.interp(scores[..., j], self.scores, self.quantiles[j])
        return out


def covariates(metre: Metre, n_bars: int, chords_per_bar: float, minor: bool) -> Floats:
    """What is known of a piece before its traits are drawn ``[N_COVARIATES]``."""
    bar = metre.bar_quarters
    length = float(
        np.log2(np.clip(n_bars, 10, 100) / 32.0)
    )  # longer and shorter pieces than sheets are like the longest and shortest
    rate = float(np.log2(np.clip(chords_per_bar, 0.25, 4.0)))
    return np.array(
        [
            1.0,
            length,
            rate,
            float(metre.is_compound),
            float(bar == 3.0 and not metre.is_compound),
            float(metre.denominator == 2),
            float(bar <= 2.0),
            float(minor),
            length**2,
            rate**2,
        ]
    )


@cache
def tune_model() -> TuneModel:
    """The model that the package ships."""
    text = files("partimento.compose").joinpath("data/tune_model.json").read_text(encoding="utf-8")
    return from_plain(json.loads(text))


def from_plain(raw: dict[str, Any]) -> TuneModel:
    """A model from plain JSON data."""
    vocabularies = tuple(vocabulary(tuple(cells)) for cells in raw["cells"])
    rhythm = tuple({k: np.array(v) for k, v in table.items()} for table in raw["rhythm"])
    tables = tuple({"groups": v.groups, "descriptors": v.descriptors, "by_group": np.eye(10)[:, v.groups]} for v in vocabularies)
    return TuneModel(
        vocabularies=(vocabularies[0], vocabularies[1]),
        rhythm=(rhythm[0], rhythm[1]),
        rhythm_tables=(tables[0], tables[1]),
        pitch={k: np.array(v) for k, v in raw["pitch"].items()},
        pitch_tables={"classes": CLASSES, "one_hot": np.eye(N_CLASSES)[CLASSES].T},
        quantiles=np.array(raw["quantiles"]),
        scores=np.array(raw["scores"]),
        mean=np.array(raw["mean"]),
        spread=np.array(raw["spread"]),
        form={k: np.array(v) for k, v in raw["form"].items()},
        stretch=np.array(raw["stretch"]),
        shift=np.array(raw["shift"]),
        weights=np.array(raw["weights"]),
        surprise=Surprise(np.array(raw["surprise"]["interval"]), np.array(raw["surprise"]["time"])),
        pickups={k: tuple((float(a), float(b)) for a, b in v) for k, v in raw["pickups"].items()},
    )
