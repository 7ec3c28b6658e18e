"""Codebook patterns: which code stands at which step of the sequence that a language model predicts.

A pattern is one delay per codebook (Copet et al., "Simple and Controllable Music Generation", 2023, section 2.2). Step 0
is empty; step ``s`` holds timestep ``s - 1 - delay`` of a codebook; where there is no such timestep stands ``special``.
``T`` timesteps make ``S = T + max(delays) + 1`` steps. Everything here is a pure function.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from partimento.errors import RequestError


def delay_delays(n_codebooks: int) -> tuple[int, ...]:
    """MusicGen's pattern: codebook k is k steps late."""
    return tuple(range(n_codebooks))


def parallel_delays(n_codebooks: int) -> tuple[int, ...]:
    """All codebooks of a timestep in one step."""
    return (0,) * n_codebooks


def stereo_delays(n_codebooks: int) -> tuple[int, ...]:
    """The pattern of stereo models: codebooks 1L, 1R, 2L, 2R, …, both sides equally late.

    Raises:
        RequestError: an odd number of codebooks.
    """
    if n_codebooks % 2:
        raise RequestError(f"{n_codebooks} codebooks cannot be shared by two channels; stereo needs an even number")
    return tuple(k // 2 for k in range(n_codebooks))


def n_steps(delays: Sequence[int], n_frames: int) -> int:
    """Steps S of ``n_frames`` timesteps, the empty first one included."""
    return n_frames + max(delays) + 1


def first_step(delays: Sequence[int], frame: int) -> int:
    """First step that holds a code of timestep ``frame``."""
    return frame + 1 + min(delays)


def frames_complete(delays: Sequence[int], step: int) -> int:
    """How many timesteps have all their codes at step ``step`` or before."""
    return max(0, step - max(delays))


def valid_steps(delays: Sequence[int], n_frames: int) -> Tensor:
    """Boolean ``[K, S]``: where a code stands, not ``special``."""
    steps = torch.arange(n_steps(delays, n_frames))
    frames = steps[None, :] - 1 - torch.tensor(list(delays))[:, None]
    return (frames >= 0) & (frames < n_frames)


def interleave(codes: Tensor, delays: Sequence[int], special: int) -> Tensor:
    """Codes ``[B, K, T]`` to the sequence ``[B, K, S]``."""
    batch, n_codebooks, n_frames = codes.shape
    out = codes.new_full((batch, n_codebooks, n_steps(delays, n_frames)), special)
    for k, delay in enumerate(delays):
        out[:, k, 1 + delay : 1 + delay + n_frames] = codes[:, k]
    return out


def deinterleave(sequence: Tensor, delays: Sequence[int]) -> Tensor:
    """The sequence ``[B, K, S, …]`` back to ``[B, K, T, …]``; inverse of :func:`interleave`."""
    n_frames = sequence.shape[2] - max(delays) - 1
    return torch.stack([sequence[:, k, 1 + delay : 1 + delay + n_frames] for k, delay in enumerate(delays)], dim=1)


def align_predictions(logits: Tensor, delays: Sequence[int]) -> Tensor:
    """Logits ``[B, K, S, N]``, where step s predicts step s + 1, to ``[B, K, T, N]`` beside the codes that they predict."""
    n_frames = logits.shape[2] - max(delays) - 1
    return torch.stack([logits[:, k, delay : delay + n_frames] for k, delay in enumerate(delays)], dim=1)
