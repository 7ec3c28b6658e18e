"""What a user asks of an edit, and the plan it becomes: typed operations with targets, region, amounts, reasons."""

from __future__ import annotations

from dataclasses import dataclass, field

from partimento.errors import RequestError
from partimento.plan.request import MAX_SEED, MAX_WORDS

OPERATIONS = (
    "add",  # an instrument or role that is not there yet
    "remove",
    "extract",  # only these, everything else silent
    "replace",  # one instrument by another, same role
    "gain",  # louder or softer
    "mute_region",  # silence everything or some parts in a region (a stop)
    "set_tempo",
    "set_key",
    "set_chords",
    "set_metre",
    "transpose",
    "restyle",
    "vary",
    "extend",
    "trim",
    "copy",  # a stretch once more, elsewhere
    "move",  # a stretch to another place
    "trade",  # two parts change places
    "pan",
    "fade",
    "effect",  # a sound that is meant: warmer, more spacious …
    "dynamics",  # how it is played: crescendo, more expressive, calmer
)
"""Kinds of operation."""
MAX_GAIN_DB = 24.0
"""The largest change of level, up or down."""


def check_gain(gain_db: float) -> float:
    """The gain itself where it is no more than :data:`MAX_GAIN_DB` either way.

    Raises:
        RequestError: it is more.
    """
    if abs(gain_db) > MAX_GAIN_DB:
        raise RequestError(f"a gain of {gain_db:+.1f} dB is outside ±{MAX_GAIN_DB:g} dB; say e.g. 6 dB louder")
    return gain_db


@dataclass(frozen=True, slots=True)
class EditRequest:
    """A request for a change.

    Attributes:
        words: the instruction, in English or Chinese.
        bars: first and last bar, 1-based and inclusive, that the edit is confined to; overrules the words.
        from_s, to_s: the same in seconds.
        stem: name of the only track it may touch; overrules the words.
        keep: what must stay as it is, of ``melody``, ``chords``, ``groove``, ``form``, ``instruments``.
        pick: which of several readings to take, 1-based; None takes the best when it is clear.
        seed: 0 to 2**63 - 1.
    """

    words: str
    bars: tuple[int, int] | None = None
    from_s: float | None = None
    to_s: float | None = None
    stem: str | None = None
    keep: tuple[str, ...] = ()
    pick: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.words.strip():
            raise RequestError('no instruction given; say what to change, e.g. "remove the drums"')
        if len(self.words) > MAX_WORDS:
            raise RequestError(f"the instruction has {len(self.words)} characters; the limit is {MAX_WORDS}: shorten it")
        if self.bars is not None and not 1 <= self.bars[0] <= self.bars[1]:
            raise RequestError(f"bars {self.bars[0]}-{self.bars[1]}: count from 1, first not after last")
        if self.bars is not None and (self.from_s is not None or self.to_s is not None):
            raise RequestError("give the region in bars or in seconds, not both")
        start = self.from_s if self.from_s is not None else 0.0
        if not start >= 0 or (self.to_s is not None and not self.to_s > start):
            raise RequestError(f"region {start:g}-{self.to_s} s: the start must be 0 or more and before the end")
        unknown = set(self.keep) - KEEPABLE
        if unknown:
            raise RequestError(f"cannot keep {', '.join(sorted(unknown))}; known: {', '.join(sorted(KEEPABLE))}")
        if not 0 <= self.seed <= MAX_SEED:
            raise RequestError(f"seed {self.seed} is outside 0 to {MAX_SEED}")


KEEPABLE = frozenset({"melody", "chords", "groove", "form", "instruments"})


@dataclass(frozen=True, slots=True)
class Region:
    """Where an operation applies, as said; it is resolved against a piece by :mod:`partimento.edit`.

    Attributes:
        kind: ``all``; ``bars`` (start, end: 1-based, inclusive); ``seconds`` (start, end; None is the end of the piece,
            negative ones count from the end); ``fraction`` (start, end in 0–1: "second half"); ``section`` (name, which:
            0 all of that name, 1 the first, -1 the last …; without a name sections of any name are counted);
            ``last_bars`` / ``first_bars`` (start: how many); ``after`` / ``before`` / ``while`` (name: the instrument whose
            entrance or playing, or the section whose bars mark it; ``before`` with a start is only that many bars just
            before it, with an end that many beats); ``except`` (name and which: all but that section; or start, end: all
            but these bars; a negative start is all but the last bars; or all but each of ``others``); ``between`` (what
            lies behind the first of ``others`` and before the second); ``from`` (name, which: that section and all behind it).
        others: the places of an ``except`` that leaves out several, or of a ``between``.
    """

    kind: str = "all"
    start: float | None = None
    end: float | None = None
    name: str = ""
    which: int = 0
    others: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class EditOperation:
    """One change.

    Attributes:
        op: one of :data:`OPERATIONS`.
        targets: track names, instrument ids, roles or ``all``.
        region: where.
        instrument: for ``add`` and ``replace``: id of what comes in.
        amount: gain in dB, semitones, tempo factor, bars, seconds or strength, as ``unit`` says.
        unit: ``dB``, ``semitones``, ``bpm``, ``factor``, ``bars``, ``s``, ``strength``, ``position`` (-1 left to 1 right) or
            empty.
        value: text parameter: key, metre, chords, style id, effect intent.
        keep: what must stay.
        words: the user's words behind it.
        reason: how they were read.
        spare: parts that must not be touched, though the targets would include them ("everything but the drums").
        doubles: for ``add``: the part whose notes it plays along, ``amount`` semitones higher (0 where there is none).
        to: for ``copy`` and ``move``: where it comes (``before`` or ``after`` a section or a bar; ``first_bars`` is the
            beginning, ``last_bars`` the end).
        goes: for ``set_chords``: the chord in whose place ``value`` comes (``first``, ``last`` or a number as in ``2`` and
            ``-2``, the last but one: that of the region, where a chord that goes on counts once). For ``remove`` and
            ``mute_region`` of drums: the pieces of the kit that are meant (``hi_hat snare``); the rest of it plays on.
        stands_for: the user's word for an instrument that has no sound here, in whose place ``instrument`` comes.
    """

    op: str
    targets: tuple[str, ...] = ("all",)
    region: Region = field(default_factory=Region)
    instrument: str = ""
    amount: float | None = None
    unit: str = ""
    value: str = ""
    keep: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    reason: str = ""
    spare: tuple[str, ...] = ()
    doubles: str = ""
    goes: str = ""
    stands_for: str = ""
    to: Region | None = None


@dataclass(frozen=True, slots=True)
class EditPlan:
    """One reading of an instruction.

    Attributes:
        operations: in the order in which they are done.
        confidence: 0–1 against the other readings.
        language: ``en`` or ``zh``.
        unknown: words that were not understood.
        remarks: lines for the user.
    """

    operations: tuple[EditOperation, ...]
    confidence: float = 1.0
    language: str = "en"
    unknown: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
