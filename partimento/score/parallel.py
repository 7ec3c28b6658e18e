"""Two threads for work on whole stems (NumPy, soxr and the transforms release the interpreter lock)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_MAX_THREADS = 2


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
