"""Progress on stderr: only on a terminal, only when it takes longer than two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")
DELAY_S = 2.0


class Tell(Protocol):
    """Told the name of each stage."""

    def __call__(self, stage: str, /) -> None: ...


def wanted(quiet: bool) -> bool:
    """True when a bar may be drawn."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def stages(total: int, quiet: bool) -> Iterator[Tell]:
    """A bar over named stages."""
    from tqdm import tqdm

    bar = tqdm(total=total, disable=not wanted(quiet), delay=DELAY_S, leave=False, bar_format="{desc:<12}{bar:30} {elapsed}")

    def tell(stage: str) -> None:
        bar.set_description_str(stage)
        bar.update(1)

    try:
        yield tell
    finally:
        bar.close()


@dataclass(frozen=True, slots=True)
class LiveLine:
    """Lines that stay, on stdout, and one under them that rewrites itself, on stderr.

    Attributes:
        say: prints a line.
        show: sets the other one; None where stderr is no terminal.
    """

    say: Callable[[str], None]
    show: Callable[[str], None] | None


@contextmanager
def live_line(quiet: bool = False) -> Iterator[LiveLine]:
    """A place for progress that has no known number of items; on a terminal its line is wiped at the end."""
    if not wanted(quiet):
        yield LiveLine(lambda line: print(line, flush=True), None)
        return
    from tqdm import tqdm

    bar = tqdm(bar_format="{desc}", leave=False, dynamic_ncols=True)

    def say(line: str) -> None:
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()

    try:
        yield LiveLine(say, lambda text: bar.set_description_str(text))
    finally:
        bar.close()


def track(items: Iterable[T], total: int, label: str, quiet: bool = False) -> Iterable[T]:
    """Iterate with a bar."""
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, total=total, desc=label, disable=not wanted(quiet), delay=DELAY_S, leave=False)
    return bar


class Bar:
    """:func:`track` in the form that the evaluations take."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def __call__(self, items: Iterable[T], total: int, label: str, /) -> Iterable[T]:
        """The items, with a bar."""
        return track(items, total, label, self.quiet)
