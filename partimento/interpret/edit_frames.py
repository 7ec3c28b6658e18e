"""A clause of an instruction, taken apart: what it names, where, and what it may point back to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from partimento.interpret.edit_clauses import Clause
from partimento.interpret.edit_items import Item, unknown_words
from partimento.plan.edit import EditOperation, Region

_PRONOUN = re.compile(r"\b(?:it|them|her|him)\b")  # "make it" is a phrase of its own
_BACK_AGAIN = re.compile(r"\b(?:back|return\w*|again|comes? in)\b|回来|再进")
_COMPLAINT = re.compile(
    r"\btoo\b|\b(?:sounds?|feels?|seems?|lacks?|is|are|isn't|aren't|gets?)\b|^\W*(?:a (?:bit|little|tad)|slightly|kind of)\b|"
    r"\bcan(?:'t|not)\b|太|有点|不够|没有|听不|感觉|听起来|听着|听上去|显得"
)
_IMPERATIVE = re.compile(r"\b(?:make|turn|bring|give|add|let|put|boost|cut|should|could|can you)\b|把|给|让|加|调")


@dataclass
class Context:
    """What clauses hand on.

    Attributes:
        text, original: the normalised and the user's words.
        region: that a leading place set for what follows.
        last_region: of the clause before.
        last_things: for "it" and "them".
        keep: tune, chords … that must stay.
        kept: instruments that must stay.
        last: operations of the clause before.
        withdrawn: True when these have been taken back.
        restored: instruments that a correction put back; they may be changed by what is said later.
        known: names of the piece's tracks and sections, as far as they are known.
    """

    text: str
    original: str
    region: Region = field(default_factory=Region)
    last_region: Region = field(default_factory=Region)
    last_things: tuple[str, ...] = ()
    keep: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    last: list[EditOperation] = field(default_factory=list)
    withdrawn: bool = False
    restored: set[str] = field(default_factory=set)
    known: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """True when the piece is known to have such a track ("guitar" is there where an acoustic guitar is)."""
        word = name.replace("_", " ")
        return any(k == word or k.endswith(f" {word}") for k in (k.lower().replace("_", " ") for k in self.known))


@dataclass(frozen=True)
class Frame:
    """A clause, taken apart."""

    clause: Clause
    context: Context
    cues: set[str]
    things: list[Item]
    region: Region
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """What is named, without ``all``; for a pronoun what was named before."""
        names = tuple(dict.fromkeys(i.value for i in self.things if i.value not in ("all", "it")))
        names = tuple(n for name in names for n in (("drums", "bass") if name == "rhythm section" else (name,)))
        if names or any(i.value == "all" for i in self.things):
            return names
        if any(i.value == "it" for i in self.things):
            return self.context.last_things if self._may_point else ()
        return self.context.last_things if not self.things else ()

    @property
    def _may_point(self) -> bool:
        """True when "it" can be what was named before: not what has just been taken out, unless that is taken back."""
        gone = bool(self.context.last) and all(o.op in ("remove", "extract", "mute_region") for o in self.context.last)
        back = self.context.withdrawn or bool(_BACK_AGAIN.search(self.text))
        return not gone or back or bool(self.cues & {"keep", "add", "remove", "correct", "cancel"})

    @property
    def own(self) -> tuple[str, ...]:
        """What the clause itself names."""
        pronoun = any(i.value == "it" for i in self.things)
        return self.names if pronoun or any(i.value not in ("all", "it") for i in self.things) else ()

    @property
    def carried(self) -> tuple[str, ...]:
        """What an adjective is about: what its clause names, or, joined by "and", what the clause before did."""
        same = bool(self.context.last) and all(o.op in ("gain", "effect", "dynamics") for o in self.context.last)
        joined = self.clause.joined in ("and", "和", "并且", "而且") or self.remedies
        goes_on = not self.things and joined and same
        points = not self.things and self._may_point and bool(_PRONOUN.search(self.text))
        return self.own or (self.context.last_things if goes_on or points else ()) or ("all",)

    @property
    def remedies(self) -> bool:
        """True when the clause before complained and this one says what shall be done about it."""
        last = self.context.last
        if not last or any(o.op not in ("gain", "effect", "dynamics") for o in last) or self.clause.joined == "and":
            return False
        said = " ".join(w for o in last for w in o.words).lower()
        named = any(i.value not in ("all", "it") for i in self.things) or self.clause.of("region")
        return bool(_COMPLAINT.search(said)) and not _IMPERATIVE.search(said) and not named

    @property
    def unplaced(self) -> str:
        """The text with its places blanked, so that their numbers are not taken for amounts."""
        text, low = list(self.text), self.clause.span[0]
        for item in self.clause.of("region"):
            for at in range(max(0, item.span[0] - low), min(len(text), item.span[1] - low)):
                text[at] = " "
        return "".join(text)

    @property
    def strange(self) -> list[tuple[str, tuple[int, int]]]:
        """Words of the clause that were not understood, with their places in its text."""
        low = self.clause.span[0]
        moved = [replace(i, span=(max(0, i.span[0] - low), max(0, i.span[1] - low))) for i in self.clause.items]
        return unknown_words(self.text, moved)

    def amount(self, *units: str) -> Item | None:
        """The first amount in one of the units."""
        return next((i for i in self.clause.of("amount") if i.value.unit in units), None)

    def degree(self) -> str:
        """``bit``, ``much`` or ``plain``."""
        small = "bit" in self.cues or any(re.search("一[点些]|[点些]$", i.text) for i in self.clause.of("cue"))
        return "much" if "much" in self.cues else "bit" if small else "plain"

    def operation(self, op: str, targets: tuple[str, ...] = ("all",), **rest: object) -> EditOperation:
        """An operation at the clause's region."""
        fields = {"region": self.region, **rest}
        words = (self.context.original[self.clause.span[0] : self.clause.span[1]].strip(),)
        return EditOperation(op, targets or ("all",), words=words, **fields)  # type: ignore[arg-type]
