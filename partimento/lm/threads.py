"""How many threads a step of a language model takes.

A step of a small model is some two hundred products of a few microseconds each. Two threads make it 1.1 to 1.3 times as fast on
two idle cores; with another program at work they wait for each other at every product, and 20 s of music took 150 s instead of 9.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from partimento.threads import one_thread

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from partimento.lm.transformer import MusicGenLm

SMALL_WEIGHTS = 15_000_000
"""Weights up to which a model is small. With 25 million eager makes a second of music in one of a core's, int8 in 0.3."""


def step_threads(lm: MusicGenLm) -> Callable[[], AbstractContextManager[None]]:
    """What to run each of a model's steps within, decided once: all parameters are counted for it.

    One thread, for a small model that its own modules run on the CPU; for any other as many as there are.
    """
    small = lm.runner is None and lm.offsets.device.type == "cpu"
    small = small and sum(weights.numel() for weights in lm.parameters()) <= SMALL_WEIGHTS
    return one_thread if small else nullcontext
