"""Following tokens through a piece: what sounds, where we are, and what may come next.

The same walk gives the model its features while it learns and while it writes, reads notes back from tokens, and knows the
grammar. The bars and chords are given; tokens only fill them with notes.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from partimento.score.score import ROLES
from partimento.score_lm.grid import DRUM_TICKS, MAX_BAR_TICKS, QUALITIES, GridNote, GridScore
from partimento.score_lm.vocabulary import LONG, MIDDLE, PITCH_LOW, PREFIX, REPEATS, START, SUFFIX, Vocabulary, pitch_offset

NOWHERE = MAX_BAR_TICKS
NO_ROOT = 12
MAX_STEP = 12
FEATURES = ("role", "instrument", "place", "root", "quality", "next_root", "next_quality", "pitch", "step")
"""What the model hears beside each token: of the part, the place in its bar, the harmony there and to come, the part's last pitch
and the interval that led to it (in semitones, at most an octave)."""


def feature_sizes(vocabulary: Vocabulary) -> tuple[int, ...]:
    """Number of values of each of :data:`FEATURES`."""
    n_qualities = len(QUALITIES) + 1
    harmony = (13, n_qualities, 13, n_qualities)
    line = (vocabulary.pitch.size + 1, 2 * MAX_STEP + 2)
    return (len(ROLES) + 1, len(vocabulary.instruments) + 1, MAX_BAR_TICKS + 1, *harmony, *line)


class Walk:
    """A walk through a piece whose bars, chords and parts are known.

    Args:
        vocabulary: the words.
        grid: bars, chords and parts (their notes do not matter).
        order: bar numbers as the tokens say them, in stretches.
    """

    def __init__(self, vocabulary: Vocabulary, grid: GridScore, order: Sequence[Sequence[int]]) -> None:
        self.v, self.grid = vocabulary, grid
        self.order = [bar for stretch in order for bar in stretch]
        self._said = 0
        self.tonic = grid.bars[0].key[0]
        self.offset = pitch_offset(self.tonic)
        n = len(grid.tracks)
        self.drums = [t.is_drum for t in grid.tracks]
        self._roles = [ROLES.index(t.role) for t in grid.tracks]
        self._instruments = [vocabulary.instruments.index(t.instrument) for t in grid.tracks]
        self._changes = [c.start for c in grid.chords]
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

    def feed(self, token: int) -> None:
        """Take the next token."""
        kind, value = self.v.kinds[token]
        self.last = token
        if not self.started:
            self.started = token == START
        elif kind in ("pitch", "drum"):
            self._note(kind == "drum", value)
        elif kind == "at":
            self.at, self.pitch, self.timed = value, -1, False
        elif kind == "ticks":
            self.length[self.track] = self.longs * LONG + value
            self.longs, self.timed = 0, True
        elif kind == "long":
            self.longs += 1
        elif kind == "track":
            self.track, self.at, self.pitch, self.repeated = value, -1, -1, False
            if self.level[value] >= 0:
                self.levels[value][self.bar] = self.level[value]
        elif kind == "level":
            self.level[self.track] = self.levels[self.track][self.bar] = value
        elif kind == "repeat":
            self._repeat(REPEATS[value])
        elif kind == "bar":
            self.bar = self.order[self._said]
            self._said += 1
            self.track = self.at = self.pitch = -1
        elif token in (SUFFIX, PREFIX):
            self.level = [-1] * len(self.level)
            self.length = [0] * len(self.length)
            self.bar = self.track = self.at = -1
            self.base = 0 if token == PREFIX or self._said >= len(self.order) else self.order[self._said]
        elif token == MIDDLE:
            self.track = self.at = -1

    def _note(self, drum: bool, value: int) -> None:
        track = self.track
        self.pitch = value if drum else value + PITCH_LOW + self.offset
        start = self.grid.bars[self.bar].start + self.at
        self.notes[track].append(GridNote(start, self.pitch, DRUM_TICKS if drum else self.length[track]))
        self.timed = False

    def _repeat(self, distance: int) -> None:
        bars, source = self.grid.bars, self.bar - distance
        start, end, by = bars[source].start, bars[source].start + bars[source].ticks, bars[self.bar].start - bars[source].start
        copied = [GridNote(n.start + by, n.pitch, n.ticks) for n in self.notes[self.track] if start <= n.start < end]
        self.notes[self.track] += copied
        level = self.levels[self.track].get(source, 4)
        self.level[self.track] = self.levels[self.track][self.bar] = level
        self.repeated = True

    @property
    def tick(self) -> int:
        """Where we are, in ticks from the start of the piece."""
        return self.grid.bars[max(self.bar, 0)].start + max(self.at, 0)

    def features(self) -> tuple[int, ...]:
        """Values of :data:`FEATURES` after the last token."""
        if self.bar < 0:
            none = len(QUALITIES)
            return (len(ROLES), len(self.v.instruments), NOWHERE, NO_ROOT, none, NO_ROOT, none, *self._line(-1))
        role, instrument = len(ROLES), len(self.v.instruments)
        if self.track >= 0:
            role, instrument = self._roles[self.track], self._instruments[self.track]
        i = bisect.bisect_right(self._changes, self.tick) - 1
        return (role, instrument, max(self.at, 0), *self._chord(i), *self._chord(i + 1), *self._line(self.track))

    def _line(self, track: int) -> tuple[int, int]:
        """The last pitch of a part, and the interval to it."""
        size = self.v.pitch.size
        if track < 0 or self.drums[track] or not self.notes[track]:
            return size, 2 * MAX_STEP + 1
        notes = self.notes[track]
        step = 2 * MAX_STEP + 1
        if len(notes) > 1:
            step = min(MAX_STEP, max(-MAX_STEP, notes[-1].pitch - notes[-2].pitch)) + MAX_STEP
        return notes[-1].pitch - self.offset - PITCH_LOW, step

    def _chord(self, i: int) -> tuple[int, int]:
        if not 0 <= i < len(self.grid.chords):
            return NO_ROOT, len(QUALITIES)
        chord = self.grid.chords[i]
        if chord.root is None:
            return NO_ROOT, len(QUALITIES)
        return (chord.root - self.tonic) % 12, chord.quality
