"""Which of several takes suits the words best, by the built-in joint embedding of words and music."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partimento.audio.resample import mono_at
from partimento.audio.waveform import Waveform

if TYPE_CHECKING:
    from partimento.embed.loading import JointEmbedder
    from partimento.metrics.interfaces import TextEmbedder


def suiting(takes: Sequence[Waveform], caption: str) -> NDArray[np.float64]:
    """How well each take suits a caption ``[N]``: cosine of their vectors (a take's is the mean of its windows), -1 to 1.

    All are 0 where the caption holds no word that the embedding knows, and so is a take without a vector.
    """
    model = _embedder()
    words = model.embed_text([caption])[0]
    return np.array([cosine(vector_of(model, take), words) for take in takes])


def cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Cosine of two vectors ``[D]``, 0 where one has no length."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0.0 else 0.0


def vector_of(model: TextEmbedder, sound: Waveform) -> NDArray[np.float32]:
    """The mean of the vectors of a sound's windows ``[D]``."""
    return np.asarray(model.embed(mono_at(sound, model.sample_rate)).mean(axis=0))


@lru_cache(maxsize=1)
def _embedder() -> JointEmbedder:
    from partimento.embed.loading import load_joint

    return load_joint()
