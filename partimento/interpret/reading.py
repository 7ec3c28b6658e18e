"""What was read from the words, before any decision: the value between grammar and plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from partimento.score.timing import Key, Metre


@dataclass(frozen=True, slots=True)
class Said:
    """A plain value with the user's words behind it, verbatim."""

    value: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SaidInstrument:
    """An instrument that shall play.

    Attributes:
        instrument: id of ``score/data/instruments.yaml``.
        words: the spans that name it.
        count: players asked for ("two violins"), ≥ 1.
        role: role that the words give it, or "".
        solo: the words ask for a solo.
        accompanies: the words put it under another ("accompanied by", "over").
        program: General MIDI program when the name implies one other than the instrument's own.
        style_words: adjectives tied to it.
        stand_in: what the user called it, when the table has no such instrument and this one plays instead.
        gain_db: level asked for against the usual one ("soft strings").
        implied: named only through an ensemble word ("big band").
        position: offset of the first mention.
    """

    instrument: str
    words: tuple[str, ...]
    count: int = 1
    role: str = ""
    solo: bool = False
    accompanies: bool = False
    program: int | None = None
    style_words: tuple[str, ...] = ()
    stand_in: str = ""
    implied: bool = False
    gain_db: float = 0.0
    position: int = 0


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the piece as the words say it.

    ``unit`` is ``bars`` or ``seconds`` from the start (negative: from the end), ``fraction`` of the piece, ``section``
    (``name``; ``amount`` 1 is the second of that name, -1 the last), ``after_section`` (behind the
    first of that ``name``), ``stage`` (only the order is known) or ``end``.
    """

    unit: str = "stage"
    amount: float = 0.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that happens to instruments at a place.

    ``kind``: ``start`` (sounds from the beginning, before others), ``enter``, ``leave``, ``only`` (the rest is silent
    from there on), ``during`` (plays there only), ``silent`` (pauses there), ``solo`` (has a solo there).
    """

    kind: str
    instruments: tuple[str, ...]
    where: Where
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SaidOrder:
    """``first`` sounds before ``then`` enters; ids of instruments or unplayed things, ``*`` is everything before."""

    first: str
    then: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SaidTempo:
    """A tempo in words: a number (the middle of a range), a class with or without a usual number, or both.

    ``in_quarters``: the words name the note value ("eighth note = 120"), so the number counts quarter notes in any metre.
    """

    bpm: float | None = None
    word: str = ""
    usual_bpm: float | None = None
    words: tuple[str, ...] = ()
    exact: bool = False
    in_quarters: bool = False


@dataclass(frozen=True, slots=True)
class SaidStyle:
    """A style id with the label the user gave it and what the label brings along (tempo, swing, metre, parts …)."""

    style: str
    label: str
    words: tuple[str, ...]
    facts: dict[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Reading:
    """Everything that the words say.

    Attributes:
        text: the words, verbatim.
        language: ``en`` or ``zh``.
        instruments: said instruments in order of appearance.
        absent: instrument ids, roles or ``*`` that shall not sound.
        orders, passages: what the words say about time.
        unplayed: things asked for that no instrument of the table plays ("sound effects").
        tempo, half_time, tempo_change: tempo; ``tempo_change`` is ``faster`` or ``slower``.
        key: with a tonic; mode: "in a minor key" without one.
        chords: chord text found inside the words.
        styles: in order of appearance, the main one first.
        moods, eras, sections, dynamics, ending, form: canonical words.
        form_bars: bars of each section of the form, where the words give them; else empty.
        ensemble_size: players asked for by an ensemble word, or None.
        duration_s, bars: length.
        uses: what the music is for, as words (hints only).
        contradictions: wishes that the words themselves take back: (field, kept, dropped).
        refused: what was understood and no plan can hold, with the reason ("10000 bpm (…)").
        unknown: content words that were not understood, verbatim.
    """

    text: str
    language: str
    instruments: tuple[SaidInstrument, ...] = ()
    absent: tuple[Said, ...] = ()
    orders: tuple[SaidOrder, ...] = ()
    passages: tuple[Passage, ...] = ()
    unplayed: tuple[Said, ...] = ()
    tempo: SaidTempo | None = None
    half_time: Said | None = None
    tempo_change: Said | None = None
    metre: tuple[Metre, tuple[str, ...]] | None = None
    key: tuple[Key, tuple[str, ...]] | None = None
    mode: Said | None = None
    chords: Said | None = None
    styles: tuple[SaidStyle, ...] = ()
    moods: tuple[Said, ...] = ()
    eras: tuple[Said, ...] = ()
    sections: tuple[Said, ...] = ()
    form: Said | None = None
    form_bars: tuple[int, ...] = ()
    dynamics: tuple[Said, ...] = ()
    ending: Said | None = None
    ensemble_size: tuple[int, tuple[str, ...]] | None = None
    duration_s: tuple[float, tuple[str, ...]] | None = None
    bars: tuple[int, tuple[str, ...]] | None = None
    uses: tuple[str, ...] = ()
    contradictions: tuple[tuple[str, str, str], ...] = ()
    refused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
