"""What every arranger needs to look up: chords and tune at a time, who is playing, the style's patterns, and dice.

Random numbers: one integer is drawn from the caller's generator; every part, and every bar of a part, throws its own
dice from that integer and its name. So a part's notes do not move when another part joins, leaves or changes.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from partimento.compose.arrange.patterns import Pattern, choose, read_pattern
from partimento.compose.arrange.tables import LANES, common_patterns
from partimento.compose.frame import Bar, Frame, Sketch
from partimento.plan.plan import PartPlan, Plan
from partimento.score.chord import Chord
from partimento.score.instruments import Instrument, instrument
from partimento.score.score import ChordSpan, Note

EPS = 1e-6


@dataclass(frozen=True)
class Player:
    """A part with its instrument and its place among the parts of its role.

    Attributes:
        plan: the part.
        instrument: its row of the instrument table.
        rank: 0 for the first part of its role, 1 for the second …
    """

    plan: PartPlan
    instrument: Instrument
    rank: int

    @property
    def name(self) -> str:
        """Unique name."""
        return self.plan.name

    @property
    def role(self) -> str:
        """One of :data:`partimento.score.score.ROLES`."""
        return self.plan.role

    @property
    def words(self) -> tuple[str, ...]:
        """Adjectives tied to the part, lower case."""
        return tuple(w.lower() for w in self.plan.style_words)

    def has_word(self, *stems: str) -> bool:
        """True when one of the part's adjectives starts with one of ``stems``."""
        return any(word.startswith(stems) for word in self.words)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one chord inside one bar, ``start`` to ``end`` in quarter notes; ``fresh`` where the chord begins."""

    start: float
    end: float
    chord: Chord
    index: int
    fresh: bool


class Context:
    """A sketch with fast look-ups.

    Args:
        sketch: chords, tune and bars.
        seed: the integer that all dice derive from.
    """

    def __init__(self, sketch: Sketch, seed: int) -> None:
        self.sketch = sketch
        self.seed = seed
        self.frame: Frame = sketch.frame
        self.plan: Plan = sketch.frame.plan
        self.music: dict[str, Any] = sketch.frame.style.music
        self.bars: tuple[Bar, ...] = sketch.frame.bars
        self.chords: tuple[ChordSpan, ...] = tuple(c for c in sketch.chords if c.end > c.start + EPS)
        self.melody: tuple[Note, ...] = tuple(sorted(sketch.melody, key=lambda n: n.start))
        self.length = sketch.frame.length
        self._bar_starts = [bar.start for bar in self.bars]
        self._chord_starts = [c.start for c in self.chords]
        self._tune_starts = [n.start for n in self.melody]
        self._tune_longest = max((n.duration for n in self.melody), default=0.0)
        self._pools: dict[tuple[str, bool], list[Pattern]] = {}
        self._chosen: dict[tuple[Any, ...], Pattern | None] = {}
        ranks: dict[str, int] = {}
        players = []
        for part in self.plan.parts:
            players.append(Player(part, instrument(part.instrument), ranks.get(part.role, 0)))
            ranks[part.role] = ranks.get(part.role, 0) + 1
        self.players: tuple[Player, ...] = tuple(players)

    # -- dice -------------------------------------------------------------------------------------------------------
    def dice(self, *labels: object) -> np.random.Generator:
        """A generator that depends on the piece's seed and these labels only."""
        digest = hashlib.blake2s(repr(labels).encode(), digest_size=16).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed & 0xFFFFFFFF, self.seed >> 32, *words])))

    def chance(self, *labels: object) -> float:
        """One number in [0, 1) that depends on the piece's seed and these labels only."""
        digest = hashlib.blake2s(repr((self.seed, labels)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") / 2.0**64

    # -- time -------------------------------------------------------------------------------------------------------
    def bar_index(self, at: float) -> int:
        """Bar that holds a position."""
        return max(0, bisect.bisect_right(self._bar_starts, at + EPS) - 1)

    def bar_at(self, at: float) -> Bar:
        """The bar that holds a position."""
        return self.bars[self.bar_index(at)]

    def chord_index(self, at: float) -> int | None:
        """Index of the chord sounding at a position."""
        i = bisect.bisect_right(self._chord_starts, at + EPS) - 1
        return i if i >= 0 and at < self.chords[i].end - EPS else None

    def chord_at(self, at: float) -> Chord | None:
        """The chord sounding at a position."""
        i = self.chord_index(at)
        return None if i is None else self.chords[i].chord

    def next_chord(self, at: float) -> ChordSpan | None:
        """The first chord that starts after a position."""
        i = bisect.bisect_right(self._chord_starts, at + EPS)
        return self.chords[i] if i < len(self.chords) else None

    def segments(self, start: float, end: float) -> Iterator[Segment]:
        """Chords between two positions, cut to them."""
        i = max(0, bisect.bisect_right(self._chord_starts, start + EPS) - 1)
        while i < len(self.chords) and self.chords[i].start < end - EPS:
            span = self.chords[i]
            if span.end > start + EPS:
                yield Segment(max(span.start, start), min(span.end, end), span.chord, i, span.start >= start - EPS)
            i += 1

    # -- tune -------------------------------------------------------------------------------------------------------
    def tune_in(self, start: float, end: float) -> list[Note]:
        """Notes of the tune that sound between two positions."""
        first = bisect.bisect_left(self._tune_starts, start - self._tune_longest - EPS)
        last = bisect.bisect_left(self._tune_starts, end - EPS)
        return [n for n in self.melody[first:last] if n.end > start + EPS]

    def tune_floor(self, start: float, end: float) -> int | None:
        """Lowest pitch of the tune between two positions."""
        return min((n.pitch for n in self.tune_in(start, end)), default=None)

    def tune_rests(self, start: float, end: float, least: float = 0.9) -> list[tuple[float, float]]:
        """Silences of the tune of at least ``least`` quarter notes between two positions."""
        found, at = [], start
        for note in self.tune_in(start, end):
            if note.start - at >= least - EPS:
                found.append((at, note.start))
            at = max(at, note.end)
        if end - at >= least - EPS:
            found.append((at, end))
        return found

    # -- players ----------------------------------------------------------------------------------------------------
    def active_bars(self, player: Player) -> list[Bar]:
        """Bars in which a part plays."""
        found: list[Bar] = []
        for span in player.plan.active:
            found += self.bars[max(0, span.start_bar) : max(0, span.end_bar)]
        return found

    @cached_property
    def tune_players(self) -> tuple[Player, ...]:
        """Parts that play the tune."""
        return tuple(p for p in self.players if p.role == "melody")

    def tune_sounds(self, bar: int) -> bool:
        """True when a part with the tune plays in this bar."""
        return any(p.plan.plays_in(bar) for p in self.tune_players)

    # -- patterns ---------------------------------------------------------------------------------------------------
    def pool(self, kind: str, *, shared: bool = False) -> list[Pattern]:
        """The style's patterns of a kind (``drums``, ``bass`` …), or with ``shared`` the ones common to all styles."""
        key = (kind, shared)
        if key not in self._pools:
            own = [p for raw in self.music.get(kind, ()) if self._fits(p := read_pattern(raw, LANES[kind]))]
            self._pools[key] = list(common_patterns().get(kind, ())) if shared else own
        return self._pools[key]

    def _fits(self, pattern: Pattern) -> bool:
        """False for a pattern that is meant for given chords only (option ``when: given``) or for the piece's own."""
        when = pattern.options.get("when")
        return when is None or (when == "given") == (self.plan.chords.value is not None)

    def pattern(
        self, kind: str, label: str, bar: Bar, instrument_: tuple[str, str] = ("", ""), tags: tuple[str, ...] = ()
    ) -> Pattern | None:
        """The pattern of a part in a bar: the same in all bars of a section, and again when its material returns
        (but for kinds that the style lets ``wander``).

        Words that no pattern of the style answers to are looked for among the shared ones; so is everything when the
        style has none of the kind.
        """
        # Where a player improvises, the pattern changes every other bar.
        turn = bar.in_section // 2 if kind in self.music.get("wander", ()) else 0
        key = (kind, label, turn, bar.section.material, round(bar.section.energy, 3), str(bar.metre), instrument_, tags)
        if key not in self._chosen:
            own, shared = self.pool(kind), self.pool(kind, shared=True)
            wanted = set(tags)
            pool = own
            if wanted and not any(wanted & set(p.tags) for p in own):
                pool = [p for p in shared if wanted & set(p.tags)] or own
            energy = min(1.0, max(0.0, bar.section.energy + 0.3 * (self.frame.character.density - 0.5)))
            rng = self.dice("pattern", kind, label, bar.section.material, turn)
            self._chosen[key] = choose(pool or shared, rng, energy, bar.metre, instrument_, tags)
        return self._chosen[key]
