"""How many threads a step of a language model takes.

A step of a small model is some two hundred products of a few microseconds each. Two threads make it 1.1 to 1.3 times as fast on
two idle cores; with another program at work they wait for each other at every product, and 20 s of music took 150 s instead of 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from partimento.lm.transformer import MusicGenLm

SMALL_WEIGHTS = 15_000_000
"""Weights up to which a model is small."""


def step_threads(lm: MusicGenLm) -> AbstractContextManager[None]:
    """One thread within, for a small model that its own modules run on the CPU; for any other as many as there were."""
    small = lm.runner is None and lm.offsets.device.type == "cpu"
    small = small and sum(weights.numel() for weights in lm.parameters()) <= SMALL_WEIGHTS
    return one_thread() if small and torch.get_num_threads() > 1 else nullcontext()


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch works on the calling thread only within."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
