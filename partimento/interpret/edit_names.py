"""What names of instruments leave unsaid: another one stands in, or a piece of the drum kit is meant and not all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from partimento.interpret.absence import kit_piece
from partimento.interpret.edit_items import Item
from partimento.interpret.mentions import find_mentions
from partimento.interpret.tokens import normalise, tokenise
from partimento.interpret.vocabulary import vocabulary
from partimento.plan.edit import EditOperation

_LEAVE = ("remove", "mute_region")


def with_stand_ins(operations: Sequence[EditOperation]) -> list[EditOperation]:
    """The operations; where another instrument stands in for the one that was named ("a kazoo"), they say for which."""
    out = []
    for operation in operations:
        text = normalise(" ".join(operation.words))
        named = find_mentions(vocabulary().match(tokenise(text)), text) if operation.instrument else []
        meant = [m for m in named if m.id == operation.instrument]
        if meant and all(m.stand_in for m in meant):
            operation = replace(operation, stands_for=text[meant[0].start : meant[0].end].strip())
        out.append(operation)
    return out


def with_kit_pieces(operations: Sequence[EditOperation], items: Sequence[Item]) -> tuple[list[EditOperation], list[str]]:
    """The operations with pieces of the kit ("no hi-hats") left out of it, and remarks where all of the kit is changed."""
    out, remarks = [], []
    for operation in operations:
        text = normalise(" ".join(operation.words))
        plain = text.replace("-", " ")
        spoken_as = {i: i.text if i.text.isascii() else i.text.replace(" ", "") for i in items if i.value == "drums"}
        named = [i for i in spoken_as if i.kind == "thing" and spoken_as[i] in plain]
        pieces = [kit_piece(spoken_as[i]) for i in named]
        found = list(dict.fromkeys(p for p in pieces if p))
        if found and all(pieces) and (operation.targets == ("drums",) or operation.instrument == "drums"):
            spoken = ", ".join(spoken_as[i] for i in named)
            if operation.op in _LEAVE:
                operation = replace(operation, goes=" ".join(found))
            elif operation.op == "add":
                remarks.append(f"{spoken}: a drum kit comes in, its pieces cannot be added one by one")
            else:
                remarks.append(f"{spoken}: the pieces of a drum kit share one stem, so the whole kit is changed")
        out.append(operation)
    return out, remarks


def stand_in_text(operation: EditOperation) -> str:
    """One line that says which instrument plays in the place of one that has no sound here."""
    return f"{operation.stands_for}: no sound of its own here; {operation.instrument.replace('_', ' ')} stands in"


def stand_in_remarks(operations: Sequence[EditOperation]) -> list[str]:
    """Lines for the user about instruments that stand in."""
    return [
        stand_in_text(o)
        for o in operations if o.stands_for
    ]  # fmt: skip
