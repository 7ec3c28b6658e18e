"""When the notes of a track start and stop, on the sample grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partimento.score.score import Score, Track
from partimento.score.sf2_zones import Region


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """A note on the sample grid: ``off`` and ``choke`` count from ``on``."""

    on: int
    off: int
    key: int
    velocity: int


def note_events(score: Score, track: Track, sample_rate: int) -> list[NoteEvent]:
    """The track's notes as played, by time; a key struck again is let go first."""
    seconds = score.tempo_map.seconds
    timed = sorted(
        (
            max(0, round((seconds(note.start) + note.nudge_s) * sample_rate)),
            note.pitch,
            max(1, round((seconds(note.end) - seconds(note.start)) * sample_rate)),
            note.velocity,
        )
        for note in track.notes
    )
    events: list[NoteEvent] = []
    following: dict[int, int] = {}
    for on, key, length, velocity in reversed(timed):
        struck = following.get(key)
        if struck is not None and struck > on:
            length = min(length, struck - on)
        following[key] = on
        events.append(NoteEvent(on, length, key, velocity))
    events.reverse()
    return events


def chokes(plays: Sequence[tuple[NoteEvent, Region]]) -> list[int | None]:
    """For each play (by time) the samples from its onset to the next onset of its exclusive class, or None."""
    found: list[int | None] = []
    current: dict[int, tuple[int, int | None]] = {}  # class -> onset last seen, onset after that
    for event, region in reversed(plays):
        group = region.exclusive_class
        if not group:
            found.append(None)
            continue
        seen, after = current.get(group, (None, None))
        if seen is not None and seen > event.on:
            after = seen
        current[group] = (event.on, after)
        found.append(None if after is None else after - event.on)
    found.reverse()
    return found
