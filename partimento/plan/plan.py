"""The plan: the request resolved into bars, each field with where it came from.

Performers and the report read only the plan. Bars are 0-based floats counted from the start of the piece;
``end_bar`` is exclusive. Nothing here decides anything; :mod:`partimento.interpret` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from partimento.score.chord import Chord
from partimento.score.score import Section, Track
from partimento.score.timing import Key, Metre

T = TypeVar("T")


class Origin(StrEnum):
    """Where a value came from, strongest first."""

    GIVEN = "given"  # an explicit control (option, file)
    SAID = "said"  # stated in the words
    INFERRED = "inferred"  # follows from something given or said (a style's usual tempo …)
    DEFAULT = "default"  # nobody asked


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """A resolved value.

    Attributes:
        value: the value.
        origin: where it came from.
        words: the user's words behind it, verbatim, in order of appearance.
        reason: for inferred values, from what ("style bossa_nova").
    """

    value: T
    origin: Origin = Origin.DEFAULT
    words: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TempoAt:
    """From ``bar`` on: ``bpm`` quarter notes per minute. With ``ramp`` the tempo moves there from the point before."""

    bar: float
    bpm: float
    ramp: bool = False


@dataclass(frozen=True, slots=True)
class KeyAt:
    """From ``bar`` on: ``key``."""

    bar: float
    key: Key


@dataclass(frozen=True, slots=True)
class MetreAt:
    """From ``bar`` on: ``metre``."""

    bar: int
    metre: Metre


@dataclass(frozen=True, slots=True)
class DynamicAt:
    """At ``bar`` the level is ``level`` (0 = ppp, 0.5 = mf, 1 = fff); linear between points."""

    bar: float
    level: float


@dataclass(frozen=True, slots=True)
class ChordAt:
    """``chord`` from ``start_bar`` to ``end_bar``; None is "no chord"."""

    start_bar: float
    end_bar: float
    chord: Chord | None


@dataclass(frozen=True, slots=True)
class ChordLane:
    """Chords of ``n_bars`` bars, repeated to fill the piece when ``loop``."""

    chords: tuple[ChordAt, ...]
    n_bars: float
    loop: bool = True


@dataclass(frozen=True, slots=True)
class BarRange:
    """Bars from ``start_bar`` (inclusive) to ``end_bar`` (exclusive)."""

    start_bar: int
    end_bar: int


@dataclass(frozen=True, slots=True)
class PartPlan:
    """One part that shall play.

    Attributes:
        name: unique; becomes the track's and the stem's name.
        instrument: id of ``score/data/instruments.yaml``.
        role: one of :data:`partimento.score.score.ROLES`.
        origin, words, reason: as in :class:`Value`.
        active: bars in which it plays, ascending, not overlapping; empty only when an edit has silenced all of it.
        program: General MIDI program, when it differs from the instrument's own.
        solo: bars in which the words ask for a solo of this part.
        gain_db: asked-for level against the usual one.
        sketch: the notes are given by the user: index into ``Plan.sketch``, else None.
        style_words: adjectives tied to this part ("funky", "distorted").
    """

    name: str
    instrument: str
    role: str
    origin: Origin
    active: tuple[BarRange, ...]
    words: tuple[str, ...] = ()
    reason: str = ""
    program: int | None = None
    solo: tuple[BarRange, ...] = ()
    gain_db: float = 0.0
    sketch: int | None = None
    style_words: tuple[str, ...] = ()

    def plays_in(self, bar: int) -> bool:
        """True when the part plays in this 0-based bar."""
        return any(r.start_bar <= bar < r.end_bar for r in self.active)


@dataclass(frozen=True, slots=True)
class Order:
    """Said order in time: ``first`` sounds before ``then`` enters. Instrument ids; ``*`` is everything else."""

    first: str
    then: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Character:
    """The mood as numbers, each 0 to 1 with 0.5 neutral.

    Attributes:
        energy: calm to driving.
        valence: dark to bright.
        density: few notes to many.
        tension: consonant and plain to dissonant and rich.
        legato: staccato to legato.
        swing: 0 straight, 0.5 light, 1 hard triplet swing (None: the style's own).
        humanize: 0 machine-exact to 1 loose.
        register: low to high.
    """

    energy: float = 0.5
    valence: float = 0.5
    density: float = 0.5
    tension: float = 0.5
    legato: float = 0.5
    swing: float | None = None
    humanize: float = 0.5
    register: float = 0.5


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two wishes that cannot both hold."""

    field: str
    kept: str
    dropped: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The resolved whole.

    Attributes:
        caption: canonical English description of the plan (what a text-conditioned model is given).
        language: ``en`` or ``zh``: language of the words.
        style: id of a style in :mod:`partimento.styles`.
        style_label: the style as the user called it, when it is more specific ("deep house" → ``house``).
        moods: canonical mood words.
        era: ``1980s``, ``baroque`` …, or None.
        character: the mood as numbers.
        n_bars: bars of the piece; sections cover exactly these.
        duration_s: length of the audio.
        tempo, key, metre, dynamics: lanes; the first point is at bar 0.
        chords: given chords, or None when the composer shall choose.
        sections: the form.
        parts: what plays, in score order.
        absent: instrument ids, roles, pieces of the drum kit (``hi_hat``: the rest of the kit plays) or ``*`` (everything not
            said) that must not be there.
        orders: said orders in time (they may name a thing of ``unplayed``).
        unplayed: things asked for that no instrument of the table plays ("sound_effects").
        ending: ``final`` (an ending that ends), ``fade`` (fade-out) or ``loop`` (seamless repetition).
        sketch: tracks given by the user, on the bar grid of the plan.
        sketch_left_out: for each track of ``sketch`` how many of the given notes have no place in the piece.
        conflicts: wishes that could not both be kept.
        unknown: words that were not understood, and those that no plan can hold, with the reason in brackets.
        remarks: lines for the user ("voices are played by choir patches; no words are sung").
    """

    caption: str
    language: str
    style: Value[str]
    tempo: Value[tuple[TempoAt, ...]]
    key: Value[tuple[KeyAt, ...]]
    metre: Value[tuple[MetreAt, ...]]
    n_bars: Value[int]
    duration_s: Value[float]
    sections: Value[tuple[Section, ...]]
    parts: tuple[PartPlan, ...]
    dynamics: Value[tuple[DynamicAt, ...]] = field(default_factory=lambda: Value((DynamicAt(0.0, 0.5),)))
    chords: Value[ChordLane | None] = field(default_factory=lambda: Value(None))
    style_label: str = ""
    moods: Value[tuple[str, ...]] = field(default_factory=lambda: Value(()))
    era: Value[str | None] = field(default_factory=lambda: Value(None))
    character: Value[Character] = field(default_factory=lambda: Value(Character()))
    absent: tuple[Value[str], ...] = ()
    orders: tuple[Order, ...] = ()
    unplayed: tuple[Value[str], ...] = ()
    ending: Value[str] = field(default_factory=lambda: Value("final"))
    sketch: tuple[Track, ...] = ()
    sketch_left_out: tuple[int, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    unknown: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def tempo_bpm(self) -> float:
        """First tempo."""
        return self.tempo.value[0].bpm

    @property
    def first_key(self) -> Key:
        """First key."""
        return self.key.value[0].key

    @property
    def first_metre(self) -> Metre:
        """First metre."""
        return self.metre.value[0].metre

    def part(self, name: str) -> PartPlan:
        """The part of that name.

        Raises:
            KeyError: when there is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    def is_absent(self, instrument_id: str, role: str = "") -> bool:
        """True when the words rule out this instrument or role by name (``*`` is left to the interpreter)."""
        return any(a.value in (instrument_id, role) for a in self.absent)
