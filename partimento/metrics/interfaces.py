"""What the metrics that need a network ask of it: an embedder of sound, of words, a classifier.

A metric never loads a model. It is given arrays, or one of these; adapters to published networks are in
:mod:`partimento.evaluate.embedders`, and :mod:`partimento.metrics.log_mel_statistics` is an embedder that needs no download.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError


@runtime_checkable
class Embedder(Protocol):
    """Sound → vectors.

    Attributes:
        name: as it is named in tables, with what decides its figures (checkpoint, layer).
        sample_rate: Hz that :meth:`embed` wants.
        dim: length of a vector.
    """

    name: str
    sample_rate: int
    dim: int

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, dim]`` of mono ``samples [n]``, one per window, in order; N is at least 1."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """Words and sound → vectors of one space (CLAP, MuLan)."""

    name: str
    sample_rate: int
    dim: int

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors ``[N, dim]`` of mono ``samples [n]``."""
        ...

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors ``[len(texts), dim]``."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """Sound → class scores.

    Attributes:
        name: as in tables.
        sample_rate: Hz.
        labels: names of the C classes.
    """

    name: str
    sample_rate: int
    labels: tuple[str, ...]

    def logits(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores before any softmax, ``[W, C]``: one row per window of mono ``samples [n]``."""
        ...


def matrix(name: str, values: NDArray[np.floating], dim: int | None = None) -> NDArray[np.float64]:
    """A set of vectors ``[N, D]`` as float64, checked.

    Raises:
        RequestError: not two-dimensional, empty, not finite, or not of ``dim`` columns.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise RequestError(f"{name}: vectors of shape [N, D] with N, D >= 1 are needed, got {array.shape}")
    if dim is not None and array.shape[1] != dim:
        raise RequestError(f"{name}: vectors of {array.shape[1]} numbers against {dim}; both sets need the same embedder")
    if not np.isfinite(array).all():
        rows = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise RequestError(f"{name}: {len(rows)} of {len(array)} vectors are not finite (first: row {rows[0]}); leave them out")
    return array


def paired(
    reference: NDArray[np.floating], estimate: NDArray[np.floating], what: str = "sounds"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two arrays of one shape as float64.

    Raises:
        RequestError: shapes differ, are empty, or hold NaN or infinity.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if a.shape != b.shape or a.size == 0:
        raise RequestError(f"two {what} of one shape are needed, got {a.shape} and {b.shape}; cut or pad them first")
    for name, array in (("reference", a), ("estimate", b)):
        if not np.isfinite(array).all():
            raise RequestError(f"the {name} holds {int((~np.isfinite(array)).sum())} samples that are not finite")
    return a, b
