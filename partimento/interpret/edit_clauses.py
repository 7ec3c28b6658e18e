"""Clauses of an instruction: where one wish ends and the next begins, and what is only a list."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.interpret.edit_items import Item, Span

_BOUNDARY = re.compile(
    r"[,;.!?。，；！？\n]+(?!\d)|\s+[-–—]+\s+|\b(?:and then|and also|but also|and|"
    r"(?<!everything )(?<!all )(?<!everyone )(?<!everybody )(?<!anything )(?<!others )(?<!part )but|"
    r"then|also|plus|while|whereas|though"
    r"|yet)\b|&|\+(?!\s?\d)|"
    r"\b(?=(?:without (?:chang|touch|alter|los)|keeping|leaving))|然后|并且|而且|"
    r"但是|但|同时|接着|另外|还有|不过|以及|(?<=[^\s])再(?=把|给|让"
    r"|加|来)|并(?=[加去换把删])|、|和(?!弦|声)|跟"
)
_EXCEPTION_FIRST = re.compile(
    r"(?:^|[,;.，；。])\s*(?:除了?[^，。；,]{1,12}|(?:except(?: for)?|apart from|other than|besides)\s[^,;.]{1,30})$"
)
"""What is left out, said before what is done: its comma ends no wish."""
_LETS = re.compile(r"\s*(?:let|have|get)\s+(?:the|an?|my|our)\b|\s*(?:让|由)")
_MAIN = {
    "remove", "negated", "out", "add", "only", "swap", "instead_of", "vary", "mute", "keep", "fade_out", "fade_in", "extend",
    "trim",
    "transpose", "faster", "slower", "up", "down", "cancel", "correct", "no_effect", "except", "tempo", "held_end",
    "last_notes", "trade",
}  # fmt: skip
_SIGNALS = {"chords", "chord_comes", "key", "metre", "intent", "effect", "style"}
_SECOND_VERBS = {"add", "remove"}


@dataclass
class Clause:
    """One wish.

    Attributes:
        items: in order.
        span: where it stands.
        joined: the words that joined it to the clause before (``""`` for the first).
        lets: True when it begins with "let the …", "have a …": a wish whatever its verb.
    """

    items: list[Item]
    span: Span
    joined: str = ""
    lets: bool = False

    def cues(self) -> set[str]:
        """Names of its cues."""
        return {i.value for i in self.items if i.kind == "cue"}

    def of(self, *kinds: str) -> list[Item]:
        """Items of these kinds."""
        return [i for i in self.items if i.kind in kinds]

    @property
    def is_wish(self) -> bool:
        """True when it says itself what shall be done."""
        exchanges = any(i.value == "becomes" and i.text.endswith(("成", "为", "到", "作")) for i in self.of("cue"))
        if self.lets and sum(i.kind == "thing" and i.value not in ("it", "all") for i in self.items) > 1:
            return True
        return exchanges or bool(self.cues() & _MAIN) or any(i.kind in _SIGNALS for i in self.items) or bool(self.of("amount"))


def clauses(text: str, items: list[Item]) -> list[Clause]:
    """The clauses of a normalised text."""
    return _split_verbs(_merged(_raw(text, items)))


def _raw(text: str, items: list[Item]) -> list[Clause]:
    """Pieces between boundaries that lie in no item."""
    inside = bytearray(len(text) + 1)
    for item in items:
        if item.kind not in ("cue",) or item.value not in ("correct", "cancel", "keep"):
            for at in range(item.span[0], item.span[1]):
                inside[at] = 1
    pieces, at, joined = [], 0, ""
    for m in _BOUNDARY.finditer(text):
        if any(inside[m.start() : max(m.end(), m.start() + 1)]) and m.end() > m.start():
            continue
        if m.group().strip() in (",", "，") and _EXCEPTION_FIRST.search(text[at : m.start()]):
            continue
        pieces.append((at, m.start(), joined))
        at, joined = m.end(), m.group().strip() or ","
    pieces.append((at, len(text), joined))
    out: list[Clause] = []
    carried = ""
    for start, end, joined in pieces:
        mine = [i for i in items if start <= i.span[0] < end]
        if not text[start:end].strip():
            carried = joined if joined else carried
            continue
        out.append(Clause(mine, (start, end), _join(carried, joined), bool(_LETS.match(text[start:end]))))
        carried = ""
    return out


def _join(first: str, second: str) -> str:
    """ ", and" is "and"."""
    return second if second not in (",", "，") else first or second


def _merged(pieces: list[Clause]) -> list[Clause]:
    """Without pieces that only go on with a list, or only say where."""
    out: list[Clause] = []
    waiting: Clause | None = None
    for piece in pieces:
        if waiting is not None:
            if _says_all(waiting) and _says_all(piece) and not piece.is_wish:
                out.append(waiting)  # "strings in the chorus, harp in the verse"
            else:
                piece = Clause(waiting.items + piece.items, (waiting.span[0], piece.span[1]), waiting.joined)
            waiting = None
        things = [i for i in piece.of("thing") if i.value != "it"]
        last = out[-1] if out else None
        if piece.is_wish or last is None or _brings(last, piece):
            if last is None and not piece.is_wish and piece.items:
                waiting = piece
                continue
            if last is not None and (_continues_swap(last, piece) or _trades_with(last, piece)):
                last.items += piece.items
                last.span = (last.span[0], piece.span[1])
            else:
                out.append(piece)
        elif things and piece.of("region") and last.of("region"):
            out.append(piece)
        elif (piece.joined in (".", "!", "?", "。") and piece.of("region") and not things) or (
            things and not piece.of("region") and _leads(pieces, piece)
        ):
            waiting = piece
        else:
            last.items += piece.items
            last.span = (last.span[0], piece.span[1])
    if waiting is not None:
        if out and waiting.joined:
            out[-1].items += waiting.items
        else:
            out.append(waiting)
    return out


def _brings(last: Clause, piece: Clause) -> bool:
    """ "make it a samba, | with a flute": what comes in beside a new style, key, metre or tempo."""
    opens = piece.items[0] if piece.items else None
    beside = bool(last.of("style", "key", "metre", "amount")) and not last.of("thing", "effect", "intent")
    return beside and opens is not None and opens.text == "with" and bool(piece.of("thing")) and len(piece.items) == 2


def _says_all(piece: Clause) -> bool:
    """True for a thing with its place."""
    return bool(piece.of("region")) and any(i.value not in ("it", "all") for i in piece.of("thing"))


def _leads(pieces: list[Clause], piece: Clause) -> bool:
    """ "…, the bass and the drums louder": a bare name after a finished wish that belongs to what follows."""
    at = pieces.index(piece)
    following = pieces[at + 1] if at + 1 < len(pieces) else None
    if following is None or not following.is_wish or piece.joined not in ("and", ",", "，", "but", "、", "和"):
        return False
    names = [i for i in following.of("thing") if i.value != "it"]
    first = following.items[0] if following.items else None
    return (
        bool(names)
        and first is names[0]
        and following.joined in ("and", "和", "、", "跟", "&")
        and bool(following.cues() & {"up", "down", "out", "remove", "keep"} or following.of("intent"))
    )


def _continues_swap(last: Clause, piece: Clause) -> bool:
    """ "swap piano | and bass for marimba"."""
    main = piece.cues() & _MAIN
    return (
        "swap" in last.cues()
        and "becomes" not in last.cues()
        and "becomes" in piece.cues()
        and not main
        and len(last.of("thing")) > 0
    )


def _trades_with(last: Clause, piece: Clause) -> bool:
    """ "have the piano | and the strings trade parts"."""
    named = [sum(i.value not in ("it", "all") for i in c.of("thing")) for c in (last, piece)]
    begins = (
        last.lets and all(i.text in ("have", "let") for i in last.of("cue")) and len(last.items) == len(last.of("cue", "thing"))
    )
    return begins and "trade" in piece.cues() and named == [1, 1] and piece.joined in ("and", "和", "跟", "&")


def _split_verbs(found: list[Clause]) -> list[Clause]:
    """Two verbs without a boundary: 把鼓去掉加上弦乐."""
    out: list[Clause] = []
    for clause in found:
        cut = _second_verb(clause)
        if cut is None:
            out.append(clause)
            continue
        at = clause.items[cut].span[0]
        out.append(Clause(clause.items[:cut], (clause.span[0], at), clause.joined))
        out.append(Clause(clause.items[cut:], (at, clause.span[1]), ","))
    return out


def _second_verb(clause: Clause) -> int | None:
    """Where a second verb of another kind with its own object begins."""
    if "swap" in clause.cues() or "becomes" in clause.cues() or "instead_of" in clause.cues():
        return None
    seen: str | None = None
    things = 0
    for index, item in enumerate(clause.items):
        if item.kind == "thing":
            things += 1
        if item.kind != "cue" or item.value not in _SECOND_VERBS or item.text.isascii():
            continue
        if seen is not None and seen != item.value and things and any(i.kind == "thing" for i in clause.items[index:]):
            return index
        seen = item.value
    return None
