"""Two threads for work on whole stems (NumPy, soxr and the transforms release the interpreter lock)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
R = TypeVar("R")

_MAX_THREADS = 2
_STRETCH_SAMPLES = 1 << 16


def map_in_order(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """``[function(item) for item in items]``, two at a time where the machine has two cores.

    The results do not depend on it, as long as ``function`` treats each item on its own.
    """
    work = list(items)
    threads = min(_MAX_THREADS, os.cpu_count() or 1, len(work))
    if threads <= 1:
        return [function(item) for item in work]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(function, work))


def summed(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The sum of sounds in their order, new samples: a stretch at a time, which stays in the processor's cache.

    Args:
        parts: at least one; all of one shape, ``(channels, samples)``.
    """
    total = np.empty_like(parts[0], np.float32)

    def add_up(at: int) -> None:
        """One stretch of the sum."""
        stretch = slice(at, at + _STRETCH_SAMPLES)
        np.copyto(total[:, stretch], parts[0][:, stretch])
        for part in parts[1:]:
            total[:, stretch] += part[:, stretch]

    map_in_order(add_up, range(0, total.shape[1], _STRETCH_SAMPLES))
    return total
