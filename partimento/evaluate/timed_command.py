"""What a command takes from its start to its end: time, processor time, memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss: bytes there, kilobytes elsewhere
# A small process starts the command, because the peak of memory that a process is said to have begins with its parent's.
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
wall = time.perf_counter() - start
print(json.dumps([os.waitstatus_to_exitcode(status), wall, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True)
class Took:
    """What a command took.

    Attributes:
        wall_s: seconds.
        processor_s: seconds of all threads.
        peak_mb: largest resident memory in MB (10^6 bytes).
    """

    wall_s: float
    processor_s: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.processor_s:.1f} s of processor time, {self.peak_mb:.0f} MB"


def timed(*arguments: str) -> Took:
    """Run ``partimento`` with these arguments in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "partimento", *arguments]
    launched = subprocess.run([sys.executable, "-I", "-S", "-c", _LAUNCHER, *command], check=True, stdout=subprocess.PIPE)
    code, wall_s, processor_s, peak = json.loads(launched.stdout)
    if code:
        raise subprocess.CalledProcessError(code, command)
    return Took(wall_s, processor_s, peak * _PEAK_UNIT / 1e6)


def best(runs: int, once: Callable[[], Took]) -> Took:
    """The least of each over some runs."""
    every = [once() for _ in range(runs)]
    return Took(min(t.wall_s for t in every), min(t.processor_s for t in every), min(t.peak_mb for t in every))
