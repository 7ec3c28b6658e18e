"""Scores on the grid that tokens can say: whole ticks, bars of known metres, eight levels of loudness.

``to_grid`` rounds a score to it once; from then on tokens lose nothing (``decode(encode(grid)) == grid``), and
``to_grid(to_score(grid)) == grid``. What the grid leaves out is how a piece is played: timing within a 24th of a quarter,
accents within a bar, the length of drum strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from partimento.errors import UnsupportedError
from partimento.score.chord import Chord
from partimento.score.harmony import chord_in_key
from partimento.score.instruments import instruments
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint
from partimento.score_lm.traits import Traits

TICKS = 24
"""Per quarter note: thirty-seconds are 3, sixteenths of a triplet 4."""
MAX_BAR_TICKS = 192
LEVELS = 8
LEVEL_WIDTH = 16
DRUM_TICKS = 6
MAX_TRACKS = 16
TEMPOS = tuple(round(30.0 * 2.0 ** (i / 6.0), 2) for i in range(20))
"""Quarter notes per minute that can be said: 30 to 269, six to the octave."""
QUALITIES: tuple[tuple[int, ...], ...] = (
    (0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6), (0, 3, 6, 9), (0, 3, 6, 10), (0, 4, 8),
    (0, 5, 7), (0, 2, 7), (0, 7), (0, 4, 7, 9), (0, 3, 7, 9), (0, 3, 7, 11), (0, 5, 7, 10), (0, 4, 8, 10), (0, 4, 6, 10),
    (0, 4, 7, 14), (0, 4, 7, 10, 14), (0, 3, 7, 10, 14), (0, 4, 7, 11, 14), (0, 4, 7, 10, 13), (0, 4, 7, 10, 15),
    (0, 4, 7, 9, 14), (0, 4, 7, 10, 14, 21),
)  # fmt: skip
"""Intervals of chords that can be said; others are heard as the nearest."""


@dataclass(frozen=True, slots=True, order=True)
class GridNote:
    """A note.

    Attributes:
        start: ticks from the start of the piece.
        pitch: MIDI number; General MIDI drum key in a drum track.
        ticks: length, ≥ 1; always :data:`DRUM_TICKS` in a drum track.
    """

    start: int
    pitch: int
    ticks: int


@dataclass(frozen=True, slots=True)
class GridTrack:
    """A part: its role and instrument, notes sorted, and how loud (0 to 7) it is in each bar where notes begin."""

    role: str
    instrument: str
    notes: tuple[GridNote, ...]
    levels: tuple[tuple[int, int], ...] = ()

    @property
    def is_drum(self) -> bool:
        """True when pitches are drum keys."""
        return instruments()[self.instrument].is_drum


@dataclass(frozen=True, slots=True)
class GridBar:
    """A bar: where it begins, and what is in force from there on.

    Attributes:
        start: ticks.
        metre: (numerator, denominator).
        key: (tonic, mode).
        tempo: index into :data:`TEMPOS`.
        section: number of the section's material when one begins here, else -1.
    """

    start: int
    metre: tuple[int, int]
    key: tuple[int, str]
    tempo: int
    section: int = -1

    @property
    def ticks(self) -> int:
        """Length."""
        return self.metre[0] * 4 * TICKS // self.metre[1]


@dataclass(frozen=True, slots=True)
class GridChord:
    """From ``start`` (ticks) on: a chord, or silence of harmony (root None).

    Attributes:
        root, bass: pitch classes.
        quality: index into :data:`QUALITIES`.
    """

    start: int
    root: int | None
    quality: int = 0
    bass: int = 0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is known of a piece as a whole; None is "not said".

    Attributes:
        source: kind of music it was learned from: ``sheet``, ``song``, ``quartet``, ``composed``.
        style: style id.
        energy, valence, density: 0 to 4.
        traits: what the tune is like as a whole (a piece that is one single line).
    """

    source: str | None = None
    style: str | None = None
    energy: int | None = None
    valence: int | None = None
    density: int | None = None
    traits: Traits | None = None


@dataclass(frozen=True)
class GridScore:
    """A piece on the grid."""

    bars: tuple[GridBar, ...]
    tracks: tuple[GridTrack, ...]
    chords: tuple[GridChord, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def end(self) -> int:
        """Ticks of the whole piece."""
        return self.bars[-1].start + self.bars[-1].ticks


def check_metre(metre: Metre) -> tuple[int, int]:
    """(numerator, denominator) of a metre that the grid can hold.

    Raises:
        UnsupportedError: a bar longer than two whole notes, or not of whole ticks.
    """
    ticks = metre.bar_quarters * TICKS
    if ticks > MAX_BAR_TICKS or ticks != int(ticks) or metre.denominator > 16 or metre.numerator > 16:
        raise UnsupportedError(f"the score model knows no bars of {metre}; take one of up to 8 quarter notes")
    return metre.numerator, metre.denominator


def nearest_tempo(bpm: float) -> int:
    """Index of the nearest of :data:`TEMPOS`."""
    return int(np.abs(np.log(np.array(TEMPOS) / bpm)).argmin())


def nearest_quality(intervals: tuple[int, ...]) -> int:
    """Index of the quality with most in common: the one that differs in fewest pitch classes, the third counting double."""

    def distance(other: tuple[int, ...]) -> float:
        ours, theirs = {i % 12 for i in intervals}, {i % 12 for i in other}
        thirds = len((ours ^ theirs) & {3, 4})
        return len(ours ^ theirs) + thirds + 0.01 * abs(len(intervals) - len(other))

    if intervals in QUALITIES:
        return QUALITIES.index(intervals)
    return min(range(len(QUALITIES)), key=lambda i: (distance(QUALITIES[i]), i))


def to_chords(spans: Sequence[ChordSpan], length: float) -> tuple[GridChord, ...]:
    """Chord spans as changes of harmony; a gap becomes a chord without root."""
    found: list[GridChord] = []
    end = 0
    for span in spans:
        start, until = round(span.start * TICKS), min(round(span.end * TICKS), round(length * TICKS))
        if until <= start:
            continue
        if start > end and found:
            found.append(GridChord(end, None))
        chord = span.chord
        if found and found[-1].start == start:
            found.pop()
        found.append(GridChord(start, chord.root, nearest_quality(chord.intervals), chord.bass))
        end = until
    if found and end < round(length * TICKS):
        found.append(GridChord(end, None))
    return tuple(found)


def to_grid(score: Score, conditions: Conditions | None = None) -> GridScore:
    """A score rounded to the grid; empty tracks stay, tracks beyond 16 are left out.

    Raises:
        UnsupportedError: a metre that the grid cannot hold.
    """
    bars: list[GridBar] = []
    at = 0
    materials: dict[str, int] = {}
    sections = {s.start_bar: materials.setdefault(s.material, len(materials) % 8) for s in score.sections}
    for index, start in enumerate(score.bar_starts):
        metre = check_metre(score.metre_at(index))
        key = score.key_at(start)
        bpm = score.tempo_map.bpm_at(start)
        bars.append(GridBar(at, metre, (key.tonic, key.mode), nearest_tempo(bpm), sections.get(index, -1)))
        at += bars[-1].ticks
    tracks = tuple(_track(t, bars, at) for t in score.tracks[:MAX_TRACKS])
    return GridScore(tuple(bars), tracks, to_chords(score.chords, at / TICKS), conditions or Conditions())


def _track(track: Track, bars: Sequence[GridBar], end: int) -> GridTrack:
    """A track on the grid; of notes of one pitch that begin together the longest stays."""
    is_drum = instruments()[track.instrument].is_drum
    kept: dict[tuple[int, int], int] = {}
    loud: dict[int, list[int]] = {}
    starts = np.array([b.start for b in bars])
    for note in track.notes:
        start, stop = round(note.start * TICKS), round(note.end * TICKS)
        if start >= end:
            continue
        ticks = DRUM_TICKS if is_drum else max(1, min(stop, end) - start)
        kept[start, note.pitch] = max(ticks, kept.get((start, note.pitch), 0))
        loud.setdefault(int(np.searchsorted(starts, start, side="right")) - 1, []).append(note.velocity)
    levels = tuple((bar, min(LEVELS - 1, int(np.median(v)) // LEVEL_WIDTH)) for bar, v in sorted(loud.items()))
    notes = tuple(GridNote(start, pitch, ticks) for (start, pitch), ticks in sorted(kept.items()))
    return GridTrack(track.role, track.instrument, notes, levels)


def level_velocity(level: int) -> int:
    """MIDI velocity in the middle of a level."""
    return level * LEVEL_WIDTH + LEVEL_WIDTH // 2


def to_score(grid: GridScore, title: str = "") -> Score:
    """The score that a grid describes; tracks are named after their instruments."""
    starts = np.array([b.start for b in grid.bars])
    tracks: list[Track] = []
    names: dict[str, int] = {}
    for track in grid.tracks:
        row = instruments()[track.instrument]
        names[row.en] = names.get(row.en, 0) + 1
        name = row.en if names[row.en] == 1 else f"{row.en} {names[row.en]}"
        levels = dict(track.levels)
        notes = tuple(
            Note(
                n.start / TICKS, n.ticks / TICKS, n.pitch,
                level_velocity(levels.get(int(np.searchsorted(starts, n.start, side="right")) - 1, LEVELS // 2)),
            )
            for n in track.notes
        )  # fmt: skip
        tracks.append(Track(name, track.role, track.instrument, row.program, row.is_drum, notes))
    first = grid.bars[0]
    tempos, metres = [TempoPoint(0.0, TEMPOS[first.tempo])], [MetrePoint(0, Metre(*first.metre))]
    keys = [KeyPoint(0.0, Key(*first.key))]
    for i, (before, bar) in enumerate(pairwise(grid.bars), 1):
        if bar.tempo != before.tempo:
            tempos.append(TempoPoint(bar.start / TICKS, TEMPOS[bar.tempo]))
        if bar.metre != before.metre:
            metres.append(MetrePoint(i, Metre(*bar.metre)))
        if bar.key != before.key:
            keys.append(KeyPoint(bar.start / TICKS, Key(*bar.key)))
    return Score(tuple(tracks), grid.end / TICKS, tuple(tempos), tuple(metres), tuple(keys), _spans(grid), _sections(grid), title)


def _spans(grid: GridScore) -> tuple[ChordSpan, ...]:
    """Chord changes as spans."""
    spans = []
    ends = [*(c.start for c in grid.chords), grid.end][1:]
    for chord, end in zip(grid.chords, ends, strict=True):
        if chord.root is not None and end > chord.start:
            value: Chord = chord_in_key(chord.root, QUALITIES[chord.quality], Key(*grid.bars[0].key), chord.bass)
            spans.append(ChordSpan(chord.start / TICKS, end / TICKS, value))
    return tuple(spans)


def _sections(grid: GridScore) -> tuple[Section, ...]:
    """Sections by the letters of their materials."""
    starts = [i for i, bar in enumerate(grid.bars) if bar.section >= 0]
    ends = [*starts[1:], len(grid.bars)]
    if not starts or starts[0] != 0:
        return ()
    letters = "ABCDEFGH"
    return tuple(
        Section(letters[grid.bars[s].section], letters[grid.bars[s].section], s, e - s) for s, e in zip(starts, ends, strict=True)
    )
