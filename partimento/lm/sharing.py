"""How threads share a compiled step.

A step is a row of phases, each cut into pieces. Threads take pieces by counting (:func:`take`), so whoever comes late finds
the work done by the others, and a phase is over when all its pieces are (:func:`meet`). What a piece computes does not depend
on who takes it, so results are the same with any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba
from llvmlite import binding, ir
from numba import types
from numpy.typing import NDArray

from partimento.lm.lanes import access, call, operation

F = TypeVar("F")
LINE = 8
"""int64 numbers in a line of the processor's cache: what several threads count with lies so far apart."""
_SPINS = 4000
"""Looks at a counter before the system is asked to run something else: near 0.1 ms."""
_let_others = types.ExternalFunction("SwitchToThread" if os.name == "nt" else "sched_yield", types.int32())


def compiled(function: F) -> F:
    """A function for other compiled ones."""
    return cast(F, numba.njit(nogil=True, error_model="numpy")(function))


@access(types.int64, types.int64)
def add_shared(builder: Any, address: Any, number: Any) -> Any:
    """Add to an int64 that several threads count with; gives what it was."""
    return builder.atomic_rmw("add", address, number, "seq_cst")


@access(types.int64)
def read_shared(builder: Any, address: Any) -> Any:
    """Such a number as it is now; what others wrote before they added to it is seen after this."""
    return builder.load_atomic(address, "acquire", 8)


@operation(types.int64)
def pause(builder: Any) -> Any:
    """Tell the processor that this is a waiting loop; gives 0."""
    triple = binding.get_process_triple()
    if triple.startswith(("x86_64", "i686")):
        call(builder, "llvm.x86.sse2.pause", ir.VoidType())
    elif triple.startswith(("aarch64", "arm64")):
        call(builder, "llvm.aarch64.hint", ir.VoidType(), ir.Constant(ir.IntType(32), 1))
    return ir.Constant(ir.IntType(64), 0)


@compiled
def take(counts: NDArray[Any], phase: int, pieces: int) -> int:
    """The next piece of a phase, or -1 when all are taken."""
    piece: int = add_shared(counts, 2 * phase * LINE, 1)
    return piece if piece < pieces else -1


@compiled
def done(counts: NDArray[Any], phase: int) -> None:
    """A piece is done."""
    add_shared(counts, (2 * phase + 1) * LINE, 1)


@compiled
def meet(counts: NDArray[Any], phase: int, pieces: int) -> int:
    """Wait until all pieces are done; gives the next phase."""
    spins = 0
    while read_shared(counts, (2 * phase + 1) * LINE) < pieces:
        pause()
        spins += 1
        if spins % _SPINS == 0:
            _let_others()
    return phase + 1


class Team:
    """Threads that run a compiled function together.

    Args:
        size: of the team, with the thread that calls.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._helpers = ThreadPoolExecutor(max(1, size - 1), thread_name_prefix="step")

    def run(self, function: Callable[..., None], *given: Any) -> None:
        """Call it with ``given`` and a thread's number, in each thread; who has not begun at the end is not waited for."""
        helping = [self._helpers.submit(function, *given, thread) for thread in range(1, self.size)]
        function(*given, 0)
        for each in helping:
            if not each.cancel():
                each.result()
