"""Work over many items in processes: results in order, a bounded number under way, and no item that can stop the rest."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, TypeVar

from partimento.errors import FileError

J = TypeVar("J")
R = TypeVar("R")
_AHEAD = 4
_LOOK_S = 1.0


def leave_with_parent() -> None:
    """Ends this process soon after its parent died (also by kill -9): a pool's workers would wait for work for ever."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class WorkerDied(FileError):
    """The process that worked on an item was killed (out of memory, a crash in a library)."""


class OrderedWork(Generic[J, R]):
    """A function over jobs in processes.

    Args:
        function: of a module's top level; gets one job, gives one result, may raise.
        processes: how many; 1 works in this process.
        method: how processes start; ``spawn`` where libraries with threads of their own (torch) are used.
    """

    def __init__(self, function: Callable[[J], R], processes: int, *, method: str = "spawn") -> None:
        self._function = function
        self._processes = processes
        self._method = method

    def run(self, jobs: Iterable[J]) -> Iterator[tuple[J, R | Exception]]:
        """Every job with its result or what it raised, in the order of the jobs; jobs are taken as they are needed."""
        if self._processes <= 1:
            for job in jobs:
                try:
                    yield job, self._function(job)
                except Exception as error:
                    yield job, error
            return
        yield from self._in_processes(iter(jobs))

    def _pool(self, processes: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context(self._method)
        return ProcessPoolExecutor(processes, mp_context=context, initializer=leave_with_parent)

    def _in_processes(self, jobs: Iterator[J]) -> Iterator[tuple[J, R | Exception]]:
        """A window of jobs under way; after a worker died each job of the window is tried once more, alone."""
        pool = self._pool(self._processes)
        try:
            waiting: deque[tuple[J, Future[R]]] = deque()
            more = True
            while more or waiting:
                while more and len(waiting) < _AHEAD * self._processes:
                    job = next(jobs, None)
                    if job is None:
                        more = False
                        break
                    waiting.append((job, pool.submit(self._function, job)))
                if not waiting:
                    break
                job, future = waiting.popleft()
                try:
                    result: R | Exception = future.result()
                except BrokenProcessPool:
                    again = [job, *(other for other, _ in waiting)]
                    waiting.clear()
                    pool.shutdown(wait=False)
                    for lone in again:
                        yield lone, self._alone(lone)
                    pool = self._pool(self._processes)
                    continue
                except Exception as error:
                    result = error
                yield job, result
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _alone(self, job: J) -> R | Exception:
        """One job in a process of its own."""
        with self._pool(1) as pool:
            try:
                return pool.submit(self._function, job).result()
            except BrokenProcessPool:
                return WorkerDied("the process that worked on it died (out of memory, or a crash in a library)")
            except Exception as error:
                return error
