"""Do words and sound belong together, in a space of both (CLAP score, MuLan's MCC), and can they be told apart?

Conventions:
    One text and one sound per row; several windows of a sound are averaged before, then made unit length. The raw cosine
    depends on the model's temperature, so a baseline stands beside it: the mean cosine over all *wrong* pairs, which is
    what shuffled captions reach on average. Retrieval is text → sound: R@k is the share of texts whose own sound is among
    the k nearest; among ties the order is left to chance, so that a constant embedding scores as chance does.

References:
    Wu et al., "Large-scale contrastive language-audio pretraining", ICASSP 2023. Agostinelli et al., "MusicLM", 2023,
    section 5.2 (MuLan cycle consistency).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import matrix

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class TextMatch:
    """Scores of a set of pairs.

    Attributes:
        score: mean cosine of right pairs, -1 to 1.
        shuffled: mean cosine of wrong pairs; nan for a single pair.
        recall: R@k for k of :data:`RANKS`, text → sound.
        n: pairs.
    """

    score: float
    shuffled: float
    recall: dict[int, float]
    n: int


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1; a row of zeros stays (its cosine with everything is 0)."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def text_match(texts: NDArray[np.floating], sounds: NDArray[np.floating]) -> TextMatch:
    """Score ``texts [N, D]`` against ``sounds [N, D]``, row by row.

    Raises:
        RequestError: different shapes, empty, not finite.
    """
    a = matrix("texts", texts)
    b = matrix("sounds", sounds, a.shape[1])
    if len(a) != len(b):
        raise RequestError(f"{len(a)} texts against {len(b)} sounds; pairs are needed")
    cosine = unit(a) @ unit(b).T
    n, right = len(a), np.diag(cosine)
    shuffled = float((cosine.sum() - right.sum()) / (n * (n - 1))) if n > 1 else float("nan")
    better = (cosine > right[:, None] + 1e-12).sum(axis=1)
    tied = (np.abs(cosine - right[:, None]) <= 1e-12).sum(axis=1)  # its own sound among them
    recall = {k: float(np.clip((k - better) / tied, 0.0, 1.0).mean()) for k in RANKS}
    return TextMatch(float(right.mean()), shuffled, recall, n)


def evaluate(texts: NDArray[np.floating], sounds: NDArray[np.floating]) -> dict[str, float]:
    """All scores by name."""
    found = text_match(texts, sounds)
    return {"score": found.score, "shuffled": found.shuffled, **{f"r@{k}": v for k, v in found.recall.items()}}
