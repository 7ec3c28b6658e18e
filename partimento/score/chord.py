"""The chord value: a root, the intervals above it, a bass.

Parsing and printing of chord text live in :mod:`partimento.score.chord_text`; this file has only the value, so that
everything may depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord symbol's meaning.

    Attributes:
        root: pitch class 0–11 (C = 0).
        intervals: semitones above the root, ascending, starting with 0; tensions keep their octave (a ninth is 14).
        bass: pitch class of the lowest note (equal to ``root`` unless inverted or a slash chord).
        symbol: lead-sheet spelling, for people and files (``Am7``, ``D7/F#``).
    """

    root: int
    intervals: tuple[int, ...]
    bass: int
    symbol: str

    def __post_init__(self) -> None:
        if not 0 <= self.root <= 11 or not 0 <= self.bass <= 11:
            raise ValueError(f"chord root {self.root} and bass {self.bass} must be pitch classes 0-11")
        if not self.intervals or self.intervals[0] != 0 or list(self.intervals) != sorted(set(self.intervals)):
            raise ValueError(f"chord intervals {self.intervals} must start with 0 and ascend without repeats")

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes above the root in interval order, without repeats; a foreign slash bass is not among them."""
        seen: dict[int, None] = {}
        for interval in self.intervals:
            seen.setdefault((self.root + interval) % 12)
        return tuple(seen)

    @property
    def third(self) -> int | None:
        """Pitch class of the third (or, in a suspended chord, of the note standing for it); None in a power chord."""
        for wanted in (4, 3, 5, 2):
            if wanted in self.intervals:
                return (self.root + wanted) % 12
        return None

    @property
    def seventh(self) -> int | None:
        """Pitch class of the seventh, if the chord has one (a diminished seventh counts)."""
        for wanted in (10, 11):
            if wanted in self.intervals:
                return (self.root + wanted) % 12
        if 9 in self.intervals and {3, 6} <= set(self.intervals):
            return (self.root + 9) % 12
        return None

    @property
    def is_minor(self) -> bool:
        """True when the third is minor."""
        return 3 in self.intervals and 4 not in self.intervals

    @property
    def is_dominant(self) -> bool:
        """True for a major third with a minor seventh."""
        return 4 in self.intervals and 10 in self.intervals
