"""The frame of a piece: its bars with everything that is known of each before a note is written.

The tune-writing half of the composer (form, harmony, melody) and the arranging half (bass, chords, drums …) meet in
the two values of this file.
"""

from __future__ import annotations

from dataclasses import dataclass

from partimento.plan.plan import Character, Plan
from partimento.score.score import ChordSpan, Note, Section
from partimento.score.timing import Key, Metre, TempoPoint
from partimento.styles import Style


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        index: 0-based.
        start: quarter notes from the start of the piece.
        quarters: sounding length (the last bar of a piece may differ from its metre).
        metre, key: in force here.
        section: the section that holds it.
        in_section: 0-based position inside the section.
        energy: 0–1, of the section, shaped along it.
        level: 0–1, from the plan's dynamics lane (0.5 = mf).
        phrase_end: True when a phrase closes here (cadence, breath).
        section_end: True in the last bar of a section (fills, set-ups).
        last: True in the last bar of the piece.
    """

    index: int
    start: float
    quarters: float
    metre: Metre
    key: Key
    section: Section
    in_section: int
    energy: float
    level: float
    phrase_end: bool
    section_end: bool
    last: bool

    @property
    def end(self) -> float:
        """First quarter note after the bar."""
        return self.start + self.quarters


@dataclass(frozen=True)
class Frame:
    """All bars, with the piece's tempo and end.

    Attributes:
        plan: the plan being composed.
        style: its style.
        bars: in order.
        tempos: tempo points in quarter notes.
        length: end of the piece in quarter notes; the audio ends exactly there.
        final_start: where the last chord of an ending that ends begins (quarter notes).
        final_release: where held notes of that chord must be let go, so that the sound has died away at ``length``.
    """

    plan: Plan
    style: Style
    bars: tuple[Bar, ...]
    tempos: tuple[TempoPoint, ...]
    length: float
    final_start: float
    final_release: float

    @property
    def character(self) -> Character:
        """The plan's mood as numbers."""
        return self.plan.character.value


@dataclass(frozen=True, slots=True)
class Phrase:
    """A breath of the tune: bars ``start_bar`` to ``end_bar`` (exclusive), its motif's label and its cadence."""

    start_bar: int
    end_bar: int
    label: str
    cadence: str  # "half", "full", "open"


@dataclass(frozen=True)
class Sketch:
    """The skeleton of a piece that the arranger fills: chords and tune.

    Attributes:
        frame: the bars.
        chords: sorted, not overlapping; given chords are kept exactly.
        phrases: of the tune, covering the bars.
        melody: the lead tune on the grid (empty when nothing shall lead). Parts with role ``melody`` play it, or
            take turns; ``counter`` parts answer it.
    """

    frame: Frame
    chords: tuple[ChordSpan, ...]
    phrases: tuple[Phrase, ...]
    melody: tuple[Note, ...]
