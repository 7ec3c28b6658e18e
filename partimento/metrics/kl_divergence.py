"""KLD: does a classifier hear the same classes in generated sound as in its reference?

Conventions (all three decide the figure; tables must name them):
    *Direction*: ``target_generated`` is KL(target ‖ generated), the usual one; ``generated_target`` the reverse.
    *Pooling*: ``segments`` scores every window by itself and averages (AudioCraft: 10-s windows without overlap, a
    window that only one side has is left out); ``pooled`` averages the logits over windows first
    (stable-audio-metrics: 10-s windows with 5 s overlap). The windows are the classifier's.
    *Floor*: ``1e-6`` is added inside the logarithm of the second distribution, as both do.

References:
    Copet et al., "Simple and Controllable Music Generation", 2023, section 3.3; facebookresearch/audiocraft
    ``metrics/kld.py``; Stability-AI/stable-audio-metrics ``src/passt_kld.py``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.metrics.interfaces import matrix

Direction = Literal["target_generated", "generated_target"]
Pooling = Literal["segments", "pooled"]
_FLOOR = 1e-6


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities over the last axis."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def divergence(p: NDArray[np.floating], q: NDArray[np.floating]) -> NDArray[np.float64]:
    """``Σ p (log p − log(q + 1e-6))`` over the last axis, in nats; a p of 0 adds nothing."""
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    safe = np.where(p > 0, p, 1.0)
    return np.asarray(np.sum(np.where(p > 0, p * (np.log(safe) - np.log(q + _FLOOR)), 0.0), axis=-1))


def kl_divergence(
    target: NDArray[np.floating],
    generated: NDArray[np.floating],
    *,
    direction: Direction = "target_generated",
    pooling: Pooling = "segments",
) -> float:
    """KLD of one pair of clips, nats.

    Args:
        target, generated: logits ``[W, C]`` per window.
        direction, pooling: see the head of this file.

    Raises:
        RequestError: different classes, no windows, not finite, or an unknown convention.
    """
    if direction not in ("target_generated", "generated_target") or pooling not in ("segments", "pooled"):
        raise RequestError(
            f"'{direction}', '{pooling}': direction is target_generated or generated_target, pooling segments or pooled"
        )
    a = matrix("target", target)
    b = matrix("generated", generated, a.shape[1])
    if direction == "generated_target":
        a, b = b, a
    if pooling == "pooled":
        return float(divergence(softmax(a.mean(axis=0)), softmax(b.mean(axis=0))))
    n = min(len(a), len(b))
    return float(divergence(softmax(a[:n]), softmax(b[:n])).mean())


def evaluate(target: NDArray[np.floating], generated: NDArray[np.floating]) -> dict[str, float]:
    """Every variant by name: ``kld_segments``, ``kld_pooled`` and both with ``_reverse``."""
    out = {}
    for pooling in ("segments", "pooled"):
        for direction, suffix in (("target_generated", ""), ("generated_target", "_reverse")):
            out[f"kld_{pooling}{suffix}"] = kl_divergence(target, generated, direction=direction, pooling=pooling)  # type: ignore[arg-type]
    return out
