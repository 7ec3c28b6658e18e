"""Can a classifier tell two sets of tunes apart?

Logistic regression (standardised features, C = 1) and gradient boosted trees (200 trees of depth 3, learning rate 0.1, half of
the tunes for each tree), five folds by group: a sheet and what was composed for it are never apart. The figure is the
area under the ROC curve: mean over the folds and ``N_SPLITS`` ways to fold, with the standard deviation between the ways.
Undefined features take the training median. 0.5 means indistinguishable, 1 means told apart every time.

Reference: J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from partimento.errors import MissingDependencyError
from partimento.metrics.note_arrays import FloatArray, IntArray

Kind = Literal["logistic", "boosted"]
KINDS: tuple[Kind, ...] = ("logistic", "boosted")
N_FOLDS = 5
N_SPLITS = 3
N_TREES = 200


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one kind of classifier tells two sets apart.

    Attributes:
        kind: ``logistic`` or ``boosted``.
        auc: mean area under the curve.
        sd: standard deviation of the area between ways to fold.
        top: (feature, weight) of the most telling features: for ``logistic`` the mean coefficient (positive: larger in the first
            set), for ``boosted`` the mean share of the impurity reduction.
    """

    kind: Kind
    auc: float
    sd: float
    top: tuple[tuple[str, float], ...]


def folds(
    first_groups: Sequence[int], second_groups: Sequence[int], rng: np.random.Generator, n_folds: int = N_FOLDS
) -> IntArray:
    """Fold (0 to ``n_folds`` - 1) of each row of both sets ``[N + M]``.

    Rows of one group share a fold. Groups of the first set only, of the second only and of both are spread evenly each, so
    that no fold lacks a set.
    """
    first, second = set(first_groups), set(second_groups)
    place: dict[int, int] = {}
    for kind in (first & second, first - second, second - first):
        members = sorted(kind)
        for i, member in enumerate(rng.permutation(len(members))):
            place[members[member]] = i % n_folds
    return np.array([place[group] for group in (*first_groups, *second_groups)], dtype=np.int64)


def separate(
    first: FloatArray,
    second: FloatArray,
    first_groups: Sequence[int],
    second_groups: Sequence[int],
    names: Sequence[str],
    seed: int = 0,
    kinds: Sequence[Kind] = KINDS,
    n_splits: int = N_SPLITS,
) -> tuple[Separation, ...]:
    """Train and test classifiers of the first set (positive) against the second.

    Args:
        first: features ``[N, F]``, NaN where undefined.
        second: features ``[M, F]``.
        first_groups: group of each row of ``first``.
        second_groups: group of each row of ``second``.
        names: feature names ``[F]``.
        seed: of the folds and the trees.
        kinds: classifiers to train.
        n_splits: ways to fold.

    Raises:
        MissingDependencyError: without scikit-learn (extra ``eval``).
    """
    data = np.concatenate([first, second])
    target = np.concatenate([np.ones(len(first)), np.zeros(len(second))])
    rng = np.random.default_rng([seed, 0xC1A551F1])
    ways = [folds(first_groups, second_groups, rng) for _ in range(n_splits)]
    return tuple(_cross_validate(kind, data, target, ways, names, seed) for kind in kinds)


def _cross_validate(
    kind: Kind, data: FloatArray, target: FloatArray, ways: Sequence[IntArray], names: Sequence[str], seed: int
) -> Separation:
    """Mean area of one kind over all ways to fold."""
    try:
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise MissingDependencyError("the classifiers need scikit-learn: pip install 'partimento[eval]'") from error
    areas, weights = [], []
    for way in ways:
        per_fold = []
        for fold in range(N_FOLDS):
            train, test = way != fold, way == fold
            middle = _medians(data[train])
            model = _model(kind, seed)
            model.fit(_filled(data[train], middle), target[train])
            per_fold.append(roc_auc_score(target[test], model.predict_proba(_filled(data[test], middle))[:, 1]))
            last = model[-1]
            weights.append(last.coef_[0] if kind == "logistic" else last.feature_importances_)
        areas.append(float(np.mean(per_fold)))
    mean = np.mean(weights, axis=0)
    order = np.argsort(-np.abs(mean), kind="stable")[:10]
    top = tuple((names[i], float(mean[i])) for i in order)
    return Separation(kind, float(np.mean(areas)), float(np.std(areas)), top)


def _medians(data: FloatArray) -> FloatArray:
    """Column medians without NaN; 0 for a column that is NaN throughout."""
    return np.array([np.median(c[~np.isnan(c)]) if not np.all(np.isnan(c)) else 0.0 for c in data.T])


def _filled(data: FloatArray, middle: FloatArray) -> FloatArray:
    """The data with NaN replaced by column medians."""
    return np.where(np.isnan(data), middle, data)


def _model(kind: Kind, seed: int) -> Any:
    """A fresh classifier."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    trees = GradientBoostingClassifier(n_estimators=N_TREES, max_depth=3, learning_rate=0.1, subsample=0.5, random_state=seed)
    return make_pipeline(StandardScaler(), trees)
