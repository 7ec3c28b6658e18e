"""Following tokens through a piece: what sounds, where we are, and what may come next.

The same walk gives the model its features while it learns and while it writes, reads notes back from tokens, and knows the
grammar. The bars and chords are given; tokens only fill them with notes.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from partimento.score.score import ROLES
from partimento.score_lm.grid import DRUM_TICKS, MAX_BAR_TICKS, QUALITIES, GridNote, GridScore
from partimento.score_lm.traits import BOUNDS, N_LOW, N_OFF, N_SHADES, N_SPAN, SMALLEST_LOW, Tally, felt_beat, scale_of
from partimento.score_lm.vocabulary import (
    LONG,
    MAX_LEFT,
    MIDDLE,
    MODES,
    PITCH_LOW,
    PREFIX,
    REPEATS,
    START,
    SUFFIX,
    Vocabulary,
    pitch_offset,
)

NOWHERE = MAX_BAR_TICKS
NO_ROOT = 12
MAX_STEP = 12
MAX_ROOM = 24
"""Semitones to the lowest and the highest pitch are heard up to this."""
ROUND = 8
"""Bars are also counted by these, from the beginning and from the end."""
RETURNS = (1, 2, 4, 8, 16)
"""Distances in bars at which is heard whether the harmony is the same."""
FEATURES = (
    "role", "instrument", "metre", "mode", "place", "left", "left_in_round", "past_in_round",
    "root", "quality", "chord", "next_root", "next_quality", "next_chord", "same_harmony",
    "pitch", "step", "degree", "length", "room_below", "room_above", "reached",
    "distance", "other_at", "other_ticks", "other_pitch", "other_moved",
    "lowest", "span", *BOUNDS, *(f"{name} so far" for name in BOUNDS),
)  # fmt: skip
"""What the model hears beside each token: of the part, the place in its bar and the bar's in the piece; the harmony there and to
come, and which earlier bars had this one's; the part's last pitch, the interval that led to it (in semitones, at most an octave)
and its place in the chord; the part's last length; how far the last pitch is from the tune's lowest and highest, and which of
them have been there; the earlier bar that this one is like or repeats (how far back), its next onset, and, where the part is at
one of its onsets, that note's length, its pitch, and the pitch to which its interval leads from here; the tune's traits, and how
far it has been off them so far."""


def feature_sizes(vocabulary: Vocabulary) -> tuple[int, ...]:
    """Number of values of each of :data:`FEATURES`."""
    n_qualities, pitches = len(QUALITIES) + 1, vocabulary.pitch.size + 1
    harmony = (13, n_qualities, 13 * n_qualities)
    sizes = {
        "role": len(ROLES) + 1, "instrument": len(vocabulary.instruments) + 1, "metre": len(vocabulary.metres) + 1,
        "mode": len(MODES) + 1, "place": MAX_BAR_TICKS + 1, "left": MAX_LEFT + 2, "left_in_round": ROUND + 1,
        "past_in_round": ROUND + 1, **dict(zip(("root", "quality", "chord"), harmony, strict=True)),
        **dict(zip(("next_root", "next_quality", "next_chord"), harmony, strict=True)), "same_harmony": 2 ** len(RETURNS),
        "pitch": pitches, "step": 2 * MAX_STEP + 2, "degree": 13, "length": LONG + 2, "room_below": MAX_ROOM + 2,
        "room_above": MAX_ROOM + 2, "reached": 5, "distance": len(REPEATS) + 1, "other_at": MAX_BAR_TICKS + 2,
        "other_ticks": LONG + 2, "other_pitch": pitches, "other_moved": pitches, "lowest": N_LOW + 1, "span": N_SPAN + 1,
        **dict.fromkeys(BOUNDS, N_SHADES + 1), **{f"{name} so far": N_OFF for name in BOUNDS},
    }  # fmt: skip
    return tuple(sizes[name] for name in FEATURES)


_CLASSES = tuple(frozenset(i % 12 for i in quality) for quality in QUALITIES)
Harmony = tuple[tuple[int, int | None, int], ...]


class Walk:
    """A walk through a piece whose bars, chords and parts are known.

    Args:
        vocabulary: the words.
        grid: bars, chords and parts (their notes do not matter).
        order: bar numbers as the tokens say them, in stretches.
        past, left: bars of the piece before and behind ``grid``.
    """

    def __init__(
        self, vocabulary: Vocabulary, grid: GridScore, order: Sequence[Sequence[int]], *, past: int = 0, left: int = 0
    ) -> None:
        self.v, self.grid, self._past, self._left = vocabulary, grid, past, left
        self.order = [bar for stretch in order for bar in stretch]
        self._said = 0
        self.tonic = grid.bars[0].key[0]
        self.offset = pitch_offset(self.tonic)
        n = len(grid.tracks)
        self.drums = [t.is_drum for t in grid.tracks]
        self._roles = [ROLES.index(t.role) for t in grid.tracks]
        self._instruments = [vocabulary.instruments.index(t.instrument) for t in grid.tracks]
        self._changes = [c.start for c in grid.chords]
        self._metres = {metre: i for i, metre in enumerate(vocabulary.metres)}
        self.notes: list[list[GridNote]] = [[] for _ in range(n)]
        self.levels: list[dict[int, int]] = [{} for _ in range(n)]
        self.started = False
        self.base = 0
        self.bar = -1
        self.track = -1
        self.at = -1
        self.pitch = -1
        self.longs = 0
        self.timed = False
        self.repeated = False
        self.last = START
        self.length = [0] * n
        self.level = [-1] * n
        self.traits = [N_LOW, N_SPAN, *[N_SHADES] * len(BOUNDS)]
        self._reached = [0] * n
        self._distance = [len(REPEATS)] * n
        self._other: list[GridNote] = []
        self._other_start = -1
        self._same_harmony = 0
        self._harmonies: dict[int, Harmony] = {}
        self._scales: dict[tuple[int, str], frozenset[int]] = {}
        # A tune's manners are counted from its beginning, in the order in which it sounds.
        self._tally = Tally() if n == 1 and not self.drums[0] and past == 0 else None
        self._off: list[int] = [N_OFF - 1] * len(BOUNDS)

    @property
    def ends(self) -> tuple[int, int] | None:
        """The tune's lowest and highest pitch (MIDI) as the header has said them."""
        if self.traits[0] == N_LOW or self.traits[1] == N_SPAN:
            return None
        low = self.traits[0] + SMALLEST_LOW + self.offset
        return low, low + self.traits[1]

    def feed(self, token: int) -> None:
        """Take the next token."""
        kind, value = self.v.kinds[token]
        self.last = token
        if not self.started:
            self.started = token == START
            self._trait(kind, value)
        elif kind in ("pitch", "drum"):
            self._note(kind == "drum", value)
        elif kind == "at":
            self.at, self.pitch, self.timed = value, -1, False
            if self._other_start < 0:
                self._distance[self.track] = len(REPEATS)
        elif kind == "ticks":
            self.length[self.track] = self.longs * LONG + value
            self.longs, self.timed = 0, True
        elif kind == "long":
            self.longs += 1
        elif kind == "track":
            self.track, self.at, self.pitch, self.repeated = value, -1, -1, False
            self._other, self._other_start = [], -1
            if self.level[value] >= 0:
                self.levels[value][self.bar] = self.level[value]
        elif kind == "level":
            self.level[self.track] = self.levels[self.track][self.bar] = value
        elif kind == "repeat":
            self._distance[self.track] = value
            self._repeat(REPEATS[value])
        elif kind == "like":
            self._distance[self.track] = value
            self._like(self.bar - REPEATS[value])
        elif kind == "bar":
            if self._tally is not None and self.bar >= 0:
                self._tally.bar_over()
                self._off = self._tally.off(self.traits[2:])
            self.bar = self.order[self._said]
            self._said += 1
            self.track = self.at = self.pitch = -1
            self._same_harmony = sum(1 << i for i, distance in enumerate(RETURNS) if self._same(self.bar - distance))
        elif token in (SUFFIX, PREFIX):
            self._tally, self._off = None, [N_OFF - 1] * len(BOUNDS)
            self.level = [-1] * len(self.level)
            self.length = [0] * len(self.length)
            self._distance = [len(REPEATS)] * len(self._distance)
            self.bar = self.track = self.at = -1
            self.base = 0 if token == PREFIX or self._said >= len(self.order) else self.order[self._said]
        elif token == MIDDLE:
            self.track = self.at = -1

    def _trait(self, kind: str, value: int) -> None:
        """Take a token of the header."""
        if kind == "lowest":
            self.traits[0] = value
        elif kind == "span":
            self.traits[1] = value
        elif kind == "trait":
            self.traits[2 + value // N_SHADES] = value % N_SHADES

    def harmony(self, bar: int) -> Harmony:
        """The harmony of a bar: (ticks from its start, root, quality) of what sounds at its start and changes in it."""
        if bar not in self._harmonies:
            self._harmonies[bar] = harmony(self.grid, bar, self._changes)
        return self._harmonies[bar]

    def _same(self, source: int) -> bool:
        """Whether an earlier bar that has been said has this one's metre and harmony."""
        if source < self.base or self.grid.bars[source].metre != self.grid.bars[self.bar].metre:
            return False
        return self.harmony(source) == self.harmony(self.bar)

    def _note(self, drum: bool, value: int) -> None:
        track = self.track
        self.pitch = value if drum else value + PITCH_LOW + self.offset
        start = self.grid.bars[self.bar].start + self.at
        note = GridNote(start, self.pitch, DRUM_TICKS if drum else self.length[track])
        self.notes[track].append(note)
        self._count(track, note)
        self.timed = False

    def _repeat(self, distance: int) -> None:
        bars, source = self.grid.bars, self.bar - distance
        start, end, by = bars[source].start, bars[source].start + bars[source].ticks, bars[self.bar].start - bars[source].start
        copied = [GridNote(n.start + by, n.pitch, n.ticks) for n in self.notes[self.track] if start <= n.start < end]
        self.notes[self.track] += copied
        for note in copied:
            self._count(self.track, note)
        level = self.levels[self.track].get(source, 4)
        self.level[self.track] = self.levels[self.track][self.bar] = level
        self.repeated = True

    def _count(self, track: int, note: GridNote) -> None:
        """Remember whether the ends of the tune's range have been there, and how much of each manner."""
        ends = self.ends
        if ends is not None:
            self._reached[track] |= (note.pitch <= ends[0]) | (note.pitch >= ends[1]) << 1
        if self._tally is None:
            return
        bar = self.grid.bars[self.bar]
        if bar.key not in self._scales:
            self._scales[bar.key] = scale_of(bar.key)
        i, fits = bisect.bisect_right(self._changes, note.start) - 1, None
        if i >= 0 and (chord := self.grid.chords[i]).root is not None:
            fits = note.pitch % 12 == chord.bass or (note.pitch - chord.root) % 12 in _CLASSES[chord.quality]
        chromatic = note.pitch % 12 not in self._scales[bar.key]
        self._tally.note(note.start, note.pitch, note.ticks, note.start - bar.start, felt_beat(bar.metre), chromatic, fits)
        self._off = self._tally.off(self.traits[2:])

    def _like(self, source: int) -> None:
        """The notes of the earlier bar that this one is a variant of, with the one before them."""
        start, notes = self.grid.bars[source].start, self.notes[self.track]
        end = start + self.grid.bars[source].ticks
        inside = [i for i, n in enumerate(notes) if start <= n.start < end]
        before = [n for n in notes[max(0, inside[0] - 1) : inside[0]] if n.start < start] if inside else []
        self._other, self._other_start = [*before, *(notes[i] for i in inside)], start

    @property
    def tick(self) -> int:
        """Where we are, in ticks from the start of the piece."""
        return self.grid.bars[max(self.bar, 0)].start + max(self.at, 0)

    def features(self) -> tuple[int, ...]:
        """Values of :data:`FEATURES` after the last token."""
        n_roles, n_instruments = len(ROLES), len(self.v.instruments)
        if self.bar < 0:
            none = len(QUALITIES)
            chord = (NO_ROOT, none, NO_ROOT * (none + 1) + none)
            where = (len(self.v.metres), len(MODES), NOWHERE, MAX_LEFT + 1, ROUND, ROUND)
            line = (*self._line(-1, NO_ROOT), len(REPEATS), *self._others(-1))
            return (n_roles, n_instruments, *where, *chord, *chord, 0, *line, *self.traits, *self._off)
        role, instrument = n_roles, n_instruments
        if self.track >= 0:
            role, instrument = self._roles[self.track], self._instruments[self.track]
        i = bisect.bisect_right(self._changes, self.tick) - 1
        chord = self._chord(i)
        distance = self._distance[self.track] if self.track >= 0 else len(REPEATS)
        return (
            role, instrument, *self._where(), *chord, *self._chord(i + 1), self._same_harmony,
            *self._line(self.track, chord[0]), distance, *self._others(self.track), *self.traits, *self._off,
        )  # fmt: skip

    def _where(self) -> tuple[int, ...]:
        """Metre, mode, place in the bar, and the bar's place in the piece."""
        bar, left = self.grid.bars[self.bar], len(self.grid.bars) - 1 - self.bar + self._left
        metre = self._metres.get(bar.metre, len(self.v.metres))
        rounds = (left % ROUND, (self.bar + self._past) % ROUND)
        return (metre, MODES.index(bar.key[1]), max(self.at, 0), min(MAX_LEFT, left), *rounds)

    def _line(self, track: int, root: int) -> tuple[int, ...]:
        """Of a part: the last pitch, the interval to it, its place above the root, the last length, and the room around it."""
        size = self.v.pitch.size
        if track < 0 or self.drums[track] or not self.notes[track]:
            length = 0 if track < 0 else min(LONG + 1, self.length[track])
            return size, 2 * MAX_STEP + 1, 12, length, MAX_ROOM + 1, MAX_ROOM + 1, 4
        notes = self.notes[track]
        pitch, step = notes[-1].pitch, 2 * MAX_STEP + 1
        if len(notes) > 1:
            step = min(MAX_STEP, max(-MAX_STEP, pitch - notes[-2].pitch)) + MAX_STEP
        degree = 12 if root == NO_ROOT else (pitch - self.tonic - root) % 12
        ends, room = self.ends, (MAX_ROOM + 1, MAX_ROOM + 1, 4)
        if ends is not None:
            below, above = (min(MAX_ROOM, max(0, x)) for x in (pitch - ends[0], ends[1] - pitch))
            room = (below, above, self._reached[track])
        return (pitch - self.offset - PITCH_LOW, step, degree, min(LONG + 1, self.length[track]), *room)

    def _others(self, track: int) -> tuple[int, int, int, int]:
        """Of the bar that this one is like: its next onset; length and pitch of its note here, and where its interval leads."""
        none = self.v.pitch.size
        if track < 0 or self._other_start < 0:
            return NOWHERE + 1, 0, none, none
        start, here, following = self._other_start, -1, NOWHERE
        for i, note in enumerate(self._other):
            if note.start - start > self.at:
                following = note.start - start
                break
            if note.start - start == self.at and self.at >= 0 and here < 0:
                here = i
        if here < 0 or self.pitch >= 0:  # none here, or it has been answered
            return following, 0, none, none
        note, mine = self._other[here], self.notes[track]
        moved = mine[-1].pitch + note.pitch - self._other[here - 1].pitch if here and mine else -1
        return following, min(LONG + 1, note.ticks), self._said_pitch(note.pitch), self._said_pitch(moved)

    def _said_pitch(self, pitch: int) -> int:
        """A pitch from the tonic; the last value for none."""
        return pitch - self.offset - PITCH_LOW if 0 <= pitch < 128 else self.v.pitch.size

    def _chord(self, i: int) -> tuple[int, int, int]:
        none = len(QUALITIES)
        root, quality = NO_ROOT, none
        if 0 <= i < len(self.grid.chords) and self.grid.chords[i].root is not None:
            chord = self.grid.chords[i]
            root, quality = ((chord.root or 0) - self.tonic) % 12, chord.quality
        return root, quality, root * (none + 1) + quality


def harmony(grid: GridScore, bar: int, changes: Sequence[int] | None = None) -> Harmony:
    """The harmony of a bar: (ticks from its start, root, quality) of what sounds at its start and changes in it.

    Args:
        grid: the piece.
        bar: 0-based.
        changes: starts of its chords, where they are known already.
    """
    changes = [c.start for c in grid.chords] if changes is None else changes
    start, end = grid.bars[bar].start, grid.bars[bar].start + grid.bars[bar].ticks
    first, last = bisect.bisect_right(changes, start), bisect.bisect_left(changes, end)
    here = grid.chords[max(0, first - 1) : last]
    return tuple((max(0, c.start - start), c.root, c.quality) for c in here if c.start < end)
