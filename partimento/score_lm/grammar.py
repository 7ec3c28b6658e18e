"""Which tokens may come next: bars add up, instruments stay in range, single lines stay single.

The model only ever chooses among these, so whatever it writes is a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.score.instruments import instruments
from partimento.score_lm.grid import GridScore
from partimento.score_lm.vocabulary import LONG, PITCH_LOW, REPEATS, START
from partimento.score_lm.walk import Walk

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PartRules:
    """What a part may play.

    Attributes:
        low, high: MIDI numbers.
        single: one note at a time, never overlapping.
        bars: numbers of bars in which it may begin notes; None for all.
        shortest: ticks; shorter notes are not written.
    """

    low: int
    high: int
    single: bool
    bars: frozenset[int] | None = None
    shortest: int = 1


def rules_of(grid: GridScore) -> tuple[PartRules, ...]:
    """Each part by its instrument: range, and one note at a time where it has no more."""
    rows = [instruments()[t.instrument] for t in grid.tracks]
    return tuple(PartRules(*(r.range if not r.is_drum else (27, 87)), single=not r.poly and not r.is_drum) for r in rows)


class Grammar:
    """The rules for one piece.

    Args:
        walk: where we are; it is fed elsewhere.
        rules: one per part.
        busy: for each part the tick up to which notes from before the walk's piece sound.
    """

    def __init__(self, walk: Walk, rules: Sequence[PartRules], busy: Sequence[int]) -> None:
        self.walk, self.rules, self.v = walk, tuple(rules), walk.v
        self._n = len(walk.v)
        self._busy = tuple(busy)

    def allowed(self, bar_over: int) -> Mask:
        """Tokens that may come next inside a bar.

        Args:
            bar_over: the token that says that the bar is over.
        """
        walk, v = self.walk, self.v
        mask = np.zeros(self._n, dtype=np.bool_)
        kind = v.kinds[walk.last][0]
        if walk.track < 0 or walk.last <= START:
            self._next_part(mask, bar_over)
        elif kind == "track":
            self._opening(mask)
        elif kind == "like":
            self._loudness(mask)
        elif kind == "level":
            self._places(mask)
        elif kind == "long":
            room = walk.grid.end - walk.tick - walk.longs * LONG
            mask[v.ticks[1] : v.ticks[max(1, min(LONG, room))] + 1] = True
            mask[v.long[0]] = room > LONG
        elif kind in ("at", "ticks"):
            self._pitches(mask)
            if kind == "at":
                self._lengths(mask)
        elif kind == "repeat":
            self._next_part(mask, bar_over)
        else:
            self._after_note(mask, bar_over)
        return mask

    def _next_part(self, mask: Mask, bar_over: int) -> None:
        """The bar may end, or a later part begin."""
        mask[bar_over] = True
        for track in range(self.walk.track + 1, len(self.rules)):
            bars = self.rules[track].bars
            if bars is None or self.walk.bar in bars:
                places = np.zeros(self._n, dtype=np.bool_)
                self._places(places, track)
                mask[self.v.track[track]] = places.any()

    def _opening(self, mask: Mask) -> None:
        """After ``TRACK``: a repetition, an earlier bar to be like, the loudness, or the first place."""
        walk, v = self.walk, self.v
        self._loudness(mask)
        free = self.free_from(walk.track) <= walk.grid.bars[walk.bar].start
        for i, distance in enumerate(REPEATS):
            mask[v.repeat[i]] = free and self._repeatable(walk.bar - distance)
            mask[v.like[i]] = self._likable(walk.bar - distance)

    def _loudness(self, mask: Mask) -> None:
        """The loudness where it changes, else the first place."""
        level = self.walk.level[self.walk.track]
        mask[self.v.level.slice] = True
        if level >= 0:
            mask[self.v.level[level]] = False
            self._places(mask)

    def _likable(self, source: int) -> bool:
        """A bar of this part that has notes and the same metre."""
        walk = self.walk
        if source < walk.base or source not in walk.levels[walk.track]:
            return False
        return walk.grid.bars[source].metre == walk.grid.bars[walk.bar].metre

    def _repeatable(self, source: int) -> bool:
        """A bar of this part that has notes and the same metre."""
        walk = self.walk
        if not self._likable(source):
            return False
        there, here = walk.grid.bars[source], walk.grid.bars[walk.bar]
        low, high = self.rules[walk.track].low, self.rules[walk.track].high
        notes = [n for n in walk.notes[walk.track] if there.start <= n.start < there.start + there.ticks]
        if not notes or any(not low <= n.pitch <= high for n in notes):
            return False
        return max(n.start + n.ticks for n in notes) - there.start + here.start <= walk.grid.end

    def free_from(self, track: int) -> int:
        """Tick from which a single line may go on."""
        if not self.rules[track].single:
            return 0
        here = self.walk.grid.bars[max(self.walk.bar, 0)]
        before = [n for n in self.walk.notes[track] if n.start < here.start + here.ticks]
        return max([self._busy[track], *(n.start + n.ticks for n in before)])

    def _places(self, mask: Mask, track: int | None = None) -> None:
        """Places in the bar behind the last one (for a new part: anywhere)."""
        walk = self.walk
        bar = walk.grid.bars[walk.bar]
        first = max(0 if track is not None else walk.at + 1, self.free_from(walk.track if track is None else track) - bar.start)
        last = bar.ticks - self.rules[walk.track if track is None else track].shortest
        if first <= last:
            mask[self.v.at[first] : self.v.at[last] + 1] = True

    def _lengths(self, mask: Mask) -> None:
        """Lengths that end within the piece; none for drums."""
        walk = self.walk
        if walk.drums[walk.track]:
            return
        room = walk.grid.end - walk.tick
        shortest = self.rules[walk.track].shortest
        mask[self.v.ticks[shortest] : self.v.ticks[max(shortest, min(LONG, room))] + 1] = True
        mask[self.v.long[0]] = room > LONG
        if walk.length[walk.track]:
            mask[self.v.ticks[(walk.length[walk.track] - 1) % LONG + 1]] &= walk.length[walk.track] > LONG

    def _pitches(self, mask: Mask) -> None:
        """Pitches above the last one of this place, in range; none before a first length, none that would not end in time."""
        walk, rules = self.walk, self.rules[self.walk.track]
        low, high = max(rules.low, walk.pitch + 1), rules.high
        if low > high:
            return
        if walk.drums[walk.track]:
            mask[self.v.drum[low] : self.v.drum[high] + 1] = True
        elif 0 < walk.length[walk.track] <= walk.grid.end - walk.tick:
            base = self.v.pitch.start - PITCH_LOW - walk.offset
            mask[base + low : base + high + 1] = True

    def _after_note(self, mask: Mask, bar_over: int) -> None:
        """After a pitch: more of the chord, a later place, another part, or the end of the bar."""
        if not self.rules[self.walk.track].single:
            self._pitches(mask)
            if not self.walk.drums[self.walk.track] and self.walk.pitch < self.rules[self.walk.track].high:
                self._lengths(mask)
        self._places(mask)
        self._next_part(mask, bar_over)
