"""The words of the score language, as ranges of token numbers.

A piece is a header (what is known of the whole: conditions, key, metre, tempo, parts, and the traits of a tune) and its bars. A
bar is ``BAR`` with how many bars are left, what changes there (section, metre, key, tempo, chords), and for each part in which
notes begin ``TRACK``, then either ``REPEAT`` (as that many bars before) or, where it is a variant of an earlier bar, ``LIKE``
(that many bars before), its loudness where it changes and its notes: ``AT`` a position, the length where it differs from the last
one, and pitches from low to high. Pitches and roots are counted from the first key's tonic, so that pieces in all keys say the
same words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from partimento.score.instruments import instruments
from partimento.score.score import ROLES
from partimento.score_lm.grid import LEVELS, MAX_BAR_TICKS, MAX_TRACKS, QUALITIES, TEMPOS
from partimento.score_lm.traits import BOUNDS, N_LOW, N_SHADES, N_SPAN
from partimento.styles import style_ids

MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
SOURCES = ("sheet", "song", "quartet", "composed")
SHADES = 5
"""Steps of energy, valence and density."""
MAX_LEFT = 32
"""Bars left are counted up to this."""
REPEATS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Distances in bars at which a part may repeat itself."""
LONG = MAX_BAR_TICKS
"""A note longer than this many ticks says so first."""
PITCH_LOW = -6
_METRES = tuple((n, d) for d in (1, 2, 4, 8, 16) for n in range(1, 17) if n * 96 // d <= MAX_BAR_TICKS and n * 96 % d == 0)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive token numbers."""

    start: int
    size: int

    def __getitem__(self, value: int) -> int:
        """The token of a value."""
        if not 0 <= value < self.size:
            raise IndexError(f"value {value} is outside 0 to {self.size - 1}")
        return self.start + value

    def __contains__(self, token: int) -> bool:
        """True when the token is of this kind."""
        return self.start <= token < self.start + self.size

    def value(self, token: int) -> int:
        """The value of a token of this kind."""
        return token - self.start

    @property
    def slice(self) -> slice:
        """As an index into logits."""
        return slice(self.start, self.start + self.size)


PAD, START, END, SUFFIX, PREFIX, MIDDLE = range(6)
"""Nothing; end of the header; end of the piece or of the gap; bars after a gap; bars before it; the gap."""
_SPECIAL = 8


@dataclass(frozen=True)
class Vocabulary:
    """Which styles, instruments and metres there are words for (kept with the weights), and every range of tokens."""

    styles: tuple[str, ...] = field(default_factory=lambda: tuple(sorted(style_ids())))
    instruments: tuple[str, ...] = field(default_factory=lambda: tuple(instruments()))
    metres: tuple[tuple[int, int], ...] = _METRES

    @cached_property
    def _spans(self) -> dict[str, Span]:
        sizes = {
            "source": len(SOURCES), "style": len(self.styles), "energy": SHADES, "valence": SHADES, "density": SHADES,
            "tonic": 12, "mode": len(MODES), "metre": len(self.metres), "tempo": len(TEMPOS),
            "role": len(ROLES), "instrument": len(self.instruments),
            "bar": MAX_LEFT + 1, "section": 8, "root": 13, "quality": len(QUALITIES), "bass": 12, "change": MAX_BAR_TICKS,
            "track": MAX_TRACKS, "repeat": len(REPEATS), "level": LEVELS, "at": MAX_BAR_TICKS, "long": 1,
            "ticks": LONG + 1, "pitch": 128 - 2 * PITCH_LOW, "drum": 128,
            "like": len(REPEATS), "lowest": N_LOW, "span": N_SPAN, "trait": len(BOUNDS) * N_SHADES,
        }  # fmt: skip
        spans, at = {}, _SPECIAL
        for name, size in sizes.items():
            spans[name] = Span(at, size)
            at += size
        return spans

    def __getattr__(self, name: str) -> Span:
        """The range of a kind of token (``vocabulary.pitch``)."""
        if name.startswith("_") or name not in self._spans:
            raise AttributeError(name)
        return self._spans[name]

    def __len__(self) -> int:
        """Number of tokens."""
        return len(self.kinds)

    @cached_property
    def kinds(self) -> tuple[tuple[str, int], ...]:
        """Kind and value of every token; ``special`` for the first few."""
        rows = [("special", i) for i in range(_SPECIAL)]
        for name, span in self._spans.items():
            rows += [(name, value) for value in range(span.size)]
        return tuple(rows)

    def text(self, token: int) -> str:
        """A token as people read it."""
        kind, value = self.kinds[token]
        return ("pad", "start", "end", "suffix", "prefix", "middle")[value] if kind == "special" else f"{kind}:{value}"


def pitch_offset(tonic: int) -> int:
    """Semitones from C to the nearest tonic of that pitch class: -6 to 5."""
    return (tonic + 6) % 12 - 6
