"""The score: tracks of notes on a bar grid, with chords, sections, keys and tempo as first-class data.

All values are immutable; a change makes a new score (``dataclasses.replace``). Positions and lengths are quarter
notes (see :mod:`partimento.score.timing`).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace
from functools import cached_property

from partimento.score.chord import Chord
from partimento.score.timing import Key, Metre, TempoMap, TempoPoint, begins_bar

ROLES = ("melody", "counter", "chords", "pad", "arpeggio", "bass", "drums", "percussion")
"""What a part does. ``melody`` carries the tune, ``counter`` answers it, ``chords`` comps in rhythm, ``pad`` holds,
``arpeggio`` breaks chords, ``bass``, ``drums`` (a kit) and ``percussion`` (anything else struck)."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes:
        start: written onset in quarter notes from the start of the piece, ≥ 0.
        duration: written length in quarter notes, > 0.
        pitch: MIDI number 0–127 (General MIDI drum key in a drum track).
        velocity: 1–127.
        nudge_s: played minus written onset in seconds (humanised timing); notation and checks ignore it.
    """

    start: float
    duration: float
    pitch: int
    velocity: int = 80
    nudge_s: float = 0.0

    def __post_init__(self) -> None:
        if self.start < 0 or self.duration <= 0:
            raise ValueError(f"note start {self.start} must be >= 0 and duration {self.duration} > 0")
        if not 0 <= self.pitch <= 127 or not 1 <= self.velocity <= 127:
            raise ValueError(f"note pitch {self.pitch} must be 0-127 and velocity {self.velocity} 1-127")

    @property
    def end(self) -> float:
        """Written end in quarter notes."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Track:
    """One part.

    Attributes:
        name: unique in its score; also the name of its stem.
        role: one of :data:`ROLES`.
        instrument: id in ``score/data/instruments.yaml``.
        program: General MIDI program 0–127 (ignored when ``is_drum``; there 0 is the standard kit, 8 room, 16 power,
            24 electronic, 25 TR-808, 32 jazz, 40 brush, 48 orchestra).
        is_drum: notes are General MIDI drum keys.
        notes: sorted by start, then pitch.
        gain_db: level asked for against the role's usual one.
        pan: -1 (left) to 1 (right), or None for the mixer's choice.
    """

    name: str
    role: str
    instrument: str
    program: int
    is_drum: bool
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"track '{self.name}': unknown role '{self.role}'; known: {', '.join(ROLES)}")

    @property
    def has_pitch(self) -> bool:
        """False for a drum kit and other percussion."""
        return not self.is_drum and self.role not in ("drums", "percussion")


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord sounding from ``start`` to ``end`` (quarter notes). Time without a span is "no chord"."""

    start: float
    end: float
    chord: Chord


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """From ``at`` (quarter notes) on the key is ``key``."""

    at: float
    key: Key


@dataclass(frozen=True, slots=True)
class MetrePoint:
    """From bar ``bar`` (0-based) on the metre is ``metre``."""

    bar: int
    metre: Metre


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the form.

    Attributes:
        name: ``intro``, ``verse``, ``chorus``, ``A`` …
        material: sections with the same letter share tune and chords.
        start_bar: first bar, 0-based.
        n_bars: length, ≥ 1.
        energy: 0 (still) to 1 (full).
    """

    name: str
    material: str
    start_bar: int
    n_bars: int
    energy: float = 0.5

    @property
    def end_bar(self) -> int:
        """First bar after the section."""
        return self.start_bar + self.n_bars


@dataclass(frozen=True)
class Score:
    """A whole piece.

    Attributes:
        tracks: the parts, in score order.
        length: end of the piece in quarter notes; the last bar may be shorter or longer than the metre says when a
            duration in seconds has to be met. The audio lasts exactly ``duration_s``.
        tempos: at least one point, the first at 0.
        metres: at least one, the first at bar 0.
        keys: at least one, the first at 0.
        chords: sorted, not overlapping.
        sections: sorted, covering the bars without gaps (may be empty for an imported score).
        title: free text.
    """

    tracks: tuple[Track, ...]
    length: float
    tempos: tuple[TempoPoint, ...] = (TempoPoint(0.0, 120.0),)
    metres: tuple[MetrePoint, ...] = (MetrePoint(0, Metre()),)
    keys: tuple[KeyPoint, ...] = (KeyPoint(0.0, Key()),)
    chords: tuple[ChordSpan, ...] = ()
    sections: tuple[Section, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        names = [track.name for track in self.tracks]
        if len(set(names)) != len(names):
            raise ValueError(f"track names must be unique, got {names}")
        if self.length <= 0:
            raise ValueError(f"score length {self.length} must be > 0 quarter notes")
        if not self.metres or self.metres[0].bar != 0 or not self.keys or self.keys[0].at != 0:
            raise ValueError("a score needs a metre at bar 0 and a key at quarter note 0")

    @cached_property
    def tempo_map(self) -> TempoMap:
        """Quarter notes ↔ seconds."""
        return TempoMap(self.tempos)

    @cached_property
    def bar_starts(self) -> tuple[float, ...]:
        """Start of every bar in quarter notes; the last bar ends at ``length``.

        What is left at the end is a bar or belongs to the bar before it: :func:`partimento.score.timing.begins_bar`.
        """
        starts: list[float] = []
        at, metre_index = 0.0, 0
        before: Metre | None = None
        while True:
            while metre_index + 1 < len(self.metres) and self.metres[metre_index + 1].bar <= len(starts):
                metre_index += 1
            metre = self.metres[metre_index].metre
            if not begins_bar(at, self.length, before, metre):
                return tuple(starts)
            starts.append(at)
            at += metre.bar_quarters
            before = metre

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.bar_starts)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.tempo_map.seconds(self.length)

    @property
    def tempo_bpm(self) -> float:
        """First tempo in quarter notes per minute."""
        return self.tempos[0].bpm

    @property
    def metre(self) -> Metre:
        """First metre."""
        return self.metres[0].metre

    @property
    def key(self) -> Key:
        """First key."""
        return self.keys[0].key

    def bar_at(self, quarter: float) -> int:
        """0-based bar that holds a position in quarter notes (clamped to the piece)."""
        return max(0, bisect.bisect_right(self.bar_starts, quarter + 1e-9) - 1)

    def bar_span(self, bar: int) -> tuple[float, float]:
        """Start and end of a 0-based bar in quarter notes."""
        starts = self.bar_starts
        return starts[bar], starts[bar + 1] if bar + 1 < len(starts) else self.length

    def metre_at(self, bar: int) -> Metre:
        """Metre of a 0-based bar."""
        return [p.metre for p in self.metres if p.bar <= bar][-1]

    def chord_at(self, quarter: float) -> Chord | None:
        """The chord sounding at a position, or None."""
        i = bisect.bisect_right([c.start for c in self.chords], quarter + 1e-9) - 1
        return self.chords[i].chord if i >= 0 and quarter < self.chords[i].end - 1e-9 else None

    def key_at(self, quarter: float) -> Key:
        """The key in force at a position."""
        return [p.key for p in self.keys if p.at <= quarter + 1e-9][-1]

    def track(self, name: str) -> Track:
        """The track of that name.

        Raises:
            KeyError: when there is none.
        """
        for track in self.tracks:
            if track.name == name:
                return track
        raise KeyError(name)

    def with_track(self, track: Track) -> Score:
        """A score in which the track of the same name is replaced, or ``track`` is added at the end."""
        if any(t.name == track.name for t in self.tracks):
            return replace(self, tracks=tuple(track if t.name == track.name else t for t in self.tracks))
        return replace(self, tracks=(*self.tracks, track))
