"""How far a run is and when it ends: by its steps or its time box, whichever comes first, from the speed of its last steps."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

RECENT_STEPS = 100
"""Steps that the speed is taken from, pauses for checks and checkpoints among them included."""
LIVE_EVERY_S = 0.5
"""Seconds between two showings of a line that rewrites itself."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        step: steps done, earlier chunks of the run included.
        total: steps in all; None where time alone ends the run and its speed is not known yet.
        guessed: ``total`` is what the time box is expected to leave room for.
        elapsed_s: since this chunk of the run began.
        before_s: that earlier chunks took.
        box_s: the time box; None for none.
        left_s: seconds until the end; None where nothing tells.
        now_s: seconds since 1970-01-01 UTC.
    """

    step: int
    total: int | None
    guessed: bool
    elapsed_s: float
    before_s: float
    box_s: float | None
    left_s: float | None
    now_s: float

    def __str__(self) -> str:
        """``step 420 of 2000, 35 % of 20 min, 7:01 gone, 13:00 left, ends about 14:32`` (local time)."""
        parts = [f"step {self.step}" + ("" if self.total is None else f" of {'about ' * self.guessed}{self.total}")]
        if self.box_s is not None:
            parts.append(f"{100.0 * self.elapsed_s / self.box_s:.0f} % of {self.box_s / 60.0:.3g} min")
        whole = f" ({clock_text(self.before_s + self.elapsed_s)} in all)" if self.before_s >= 1.0 else ""
        parts.append(f"{clock_text(self.elapsed_s)} gone{whole}")
        if self.left_s is not None:
            end = time.strftime("%H:%M", time.localtime(self.now_s + self.left_s))
            parts += [f"{clock_text(self.left_s)} left", f"ends about {end}"]
        return ", ".join(parts)


def clock_text(seconds: float) -> str:
    """``0:07``, ``12:30``, ``3:05:00``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


class Pace:
    """Counts the steps of a chunk of a run and foretells its end.

    Args:
        step: steps done before this chunk.
        total: step at which it ends; None for none.
        box_s: seconds after which it ends; None for none.
        before_s: seconds that earlier chunks took.
        monotonic, now: clocks in seconds.
    """

    def __init__(
        self, step: int, total: int | None, box_s: float | None, before_s: float = 0.0, *,
        monotonic: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._total, self._box_s, self._before_s = total, box_s, before_s
        self._monotonic, self._now = monotonic, now
        self._start, self._first, self._step = monotonic(), step, step
        self._ends: deque[float] = deque(maxlen=RECENT_STEPS + 1)
        self._shown = float("-inf")

    def count(self, step: int) -> None:
        """A step is done; ``step`` are done now."""
        self._step = step
        self._ends.append(self._monotonic())

    def due(self) -> bool:
        """Whether :data:`LIVE_EVERY_S` are over since this was last true."""
        if self._monotonic() - self._shown < LIVE_EVERY_S:
            return False
        self._shown = self._monotonic()
        return True

    def step_s(self) -> float | None:
        """Seconds per step lately; None before the first one.

        The first step of a chunk reads data and warms up, so it counts only while there is no other.
        """
        if len(self._ends) >= 2:
            return (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        return self._ends[0] - self._start if self._ends else None

    def progress(self, ended: bool = False) -> Progress:
        """Where the run stands; ``ended`` when nothing more comes."""
        elapsed, per_step = self._monotonic() - self._start, self.step_s()
        ends = [] if self._box_s is None else [max(0.0, self._box_s - elapsed)]
        if self._total is not None and (per_step is not None or self._step >= self._total):
            ends.append(max(0, self._total - self._step) * (per_step or 0.0))
        left = None if ended or not ends else min(ends)
        total, guessed = self._total, False
        if not ended and total is None and left is not None and per_step:
            total, guessed = self._step + int(left / per_step), True
        return Progress(self._step, total, guessed, elapsed, self._before_s, self._box_s, left, self._now())
