"""The last look: where a chord starts, its bass is the lowest note of all parts."""

from __future__ import annotations

import bisect

from partimento.compose.arrange.context import EPS, Context
from partimento.compose.arrange.duty import Duty
from partimento.compose.arrange.notes import tidy
from partimento.score.score import Note

_BUILT_UP = 0.5


def keep_bass_lowest(ctx: Context, duty: Duty, written: dict[str, tuple[Note, ...]]) -> None:
    """Raise notes that lie under the bass where a chord starts; lower the bass under a low tune.

    Args:
        written: part → its notes; changed in place.
    """
    players = {p.name: p for p in ctx.players}
    index = {name: _Index(notes) for name, notes in written.items() if players[name].role not in ("drums", "percussion")}
    for span in ctx.chords:
        holder = duty.bass(ctx.bar_index(span.start))
        if holder is None or holder not in index:
            continue
        at = span.start
        lows = [n for n in index[holder].at(at) if n.pitch % 12 == span.chord.bass]
        if not lows:
            continue
        floor = min(lows, key=lambda n: n.pitch)
        tune = [n.pitch for n in ctx.tune_in(at, at + 0.1)] if ctx.tune_sounds(ctx.bar_index(at)) else []
        limit = players[holder].instrument.range[0]
        if tune and min(tune) < floor.pitch and min(tune) % 12 != span.chord.bass and floor.pitch - 12 >= limit:
            lowered = Note(floor.start, floor.duration, floor.pitch - 12, floor.velocity, floor.nudge_s)
            index[holder].replace(floor, lowered)
            floor = lowered
        for name, line in index.items():
            if name == holder or players[name].role == "bass":
                continue
            for note in line.at(at, at + _BUILT_UP):
                if note.pitch < floor.pitch and note.pitch % 12 != span.chord.bass:
                    raised = note.pitch
                    while raised < floor.pitch:
                        raised += 12
                    if raised <= players[name].instrument.range[1]:
                        line.replace(note, Note(note.start, note.duration, raised, note.velocity, note.nudge_s))
    for name, line in index.items():
        if line.changed:
            written[name] = tidy(ctx, players[name], line.notes)


class _Index:
    """Notes by time, with replacement."""

    def __init__(self, notes: tuple[Note, ...]) -> None:
        self.notes = list(notes)
        self.starts = [n.start for n in notes]
        self.longest = max((n.duration for n in notes), default=0.0)
        self.changed = False

    def at(self, time: float, until: float | None = None) -> list[Note]:
        """Notes that sound at a time, or start by ``until``."""
        first = bisect.bisect_left(self.starts, time - self.longest - EPS)
        last = bisect.bisect_right(self.starts, (time if until is None else until) + EPS)
        return [n for n in self.notes[first:last] if n.end > time + EPS]

    def replace(self, old: Note, new: Note) -> None:
        """Put a note of the same start in the place of another."""
        i = bisect.bisect_left(self.starts, old.start - EPS)
        while self.notes[i] is not old:
            i += 1
        self.notes[i] = new
        self.changed = True
