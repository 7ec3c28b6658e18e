"""Other readings of an instruction, their order, and parts that carry a number ("piano 2")."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.interpret.edit_items import Item
from partimento.plan.edit import EditOperation

_NUMBERED_NAME = re.compile(r"(.+\D) (\d+)")
_ACCOMPANYING = re.compile(r"(.+) accompaniment")
_ONE_PART = frozenset({"add", "trade"})
_NO_UNIT = r"(?!\d|\.\d|\s*(?:db|decibels?|bars?|beats?|semitones?|tones?|octaves?|steps?|%|percent|s\b|sec|times|x\b))"


def numbered(operation: EditOperation, text: str, known: tuple[str, ...]) -> EditOperation:
    """The operation with its targets narrowed to the numbered parts that the words name: "piano 2" is not every piano.

    Args:
        operation: as read, its targets without numbers.
        text: the normalised words.
        known: names of the piece's tracks.
    """
    targets = operation.targets
    for name in known:
        if not (m := _NUMBERED_NAME.fullmatch(name.lower().replace("_", " "))):
            continue
        base = m[1].replace(" ", "_")
        said = re.compile(rf"\b{re.escape(m[0])}{_NO_UNIT}")
        if base not in targets or not said.search(text):
            continue
        also = (base,) if re.search(rf"\b{re.escape(m[1])}\b", said.sub(" ", text)) else ()
        targets = tuple(dict.fromkeys(t for target in targets for t in ((*also, name) if target == base else (target,))))
    return operation if targets == operation.targets else replace(operation, targets=targets)


def of_the_instrument(operation: EditOperation, text: str, known: tuple[str, ...]) -> EditOperation:
    """The operation with every part of an instrument among its targets: of "electric guitar" and "electric guitar
    accompaniment" both are the electric guitar, unless the words name the accompaniment itself.

    Args:
        operation: as read.
        text: the normalised words.
        known: names of the piece's tracks.
    """
    if operation.op in _ONE_PART:
        return operation
    targets = operation.targets
    for name in known:
        spelled = name.lower().replace("_", " ")
        if not (m := _ACCOMPANYING.fullmatch(spelled)) or (base := m[1].replace(" ", "_")) not in targets:
            continue
        said = re.compile(rf"\b{re.escape(spelled)}\b" if spelled in text else r"(?<=[^\W\d_])的?伴奏")
        if not said.search(text):
            targets = tuple(t for target in targets for t in ((target, name) if target == base else (target,)))
        elif "chords" in targets or spelled in text:
            others = [t for t in targets if t not in (base, "chords")]
            alone = (base,) if spelled in text and re.search(rf"\b{re.escape(m[1])}\b", said.sub(" ", text)) else ()
            targets = (*alone, name, *others)
    targets = tuple(dict.fromkeys(targets))
    return operation if targets == operation.targets else replace(operation, targets=targets)


def staying(operations: list[EditOperation], known: tuple[str, ...]) -> tuple[str, ...]:
    """Remarks on numbered parts of a named instrument that are not meant: "piano" is not "piano 2"."""
    remarks = []
    for operation in operations:
        if operation.op in _ONE_PART:
            continue
        for name in known:
            m = _NUMBERED_NAME.fullmatch(name.lower().replace("_", " "))
            if m and m[1].replace(" ", "_") in operation.targets and name not in operation.targets:
                remarks.append(f"{name} stays as it is; name it to change it too")
    return tuple(dict.fromkeys(remarks))


def alternatives(operations: list[EditOperation], items: list[Item]) -> list[tuple[EditOperation, ...]]:
    """Other readings that are as sensible."""
    out: list[tuple[EditOperation, ...]] = []
    first, last = operations[0], operations[-1]
    if (
        len(operations) > 1
        and first.region.kind == "all"
        and last.region.kind != "all"
        and first.op in ("remove", "add", "gain", "replace")
        and last.targets != (first.instrument,)
    ):
        out.append(tuple(replace(o, region=last.region) if o.region.kind == "all" else o for o in operations))
    for index, o in enumerate(operations):
        other: EditOperation | None = None
        if o.value == "softer" and o.op == "dynamics":
            other = replace(o, op="gain", amount=-3.0, unit="dB", value="")
        elif o.op == "restyle" and o.value == "waltz":
            other = replace(o, op="set_metre", value="3/4")
        elif o.op == "gain" and o.targets != ("all",) and re.search(r"\bmore\b", " ".join(o.words).lower()):
            other = replace(o, op="add", targets=(), instrument=o.targets[0], amount=None, unit="")
        elif o.op == "gain" and o.targets == ("all",) and o.region.kind == "section" and o.amount is not None:
            other = replace(o, op="dynamics", amount=None, unit="", value="more_energy" if o.amount > 0 else "calmer")
        elif o.value == "brighter" and o.targets == ("all",):
            other = replace(o, op="dynamics", value="more_energy")
        elif o.value == "darker" and o.targets == ("all",):
            other = replace(o, op="set_key", value="minor")
        elif o.value == "softer" and o.op == "effect":
            other = replace(o, op="dynamics")
        elif o.value == "lofi" and o.targets == ("all",):
            other = replace(o, op="restyle", value="lofi", amount=None, unit="")
        elif o.value == "bigger" and o.targets == ("all",) and re.search(r"cinematic|film|电影", " ".join(o.words).lower()):
            other = replace(o, op="restyle", value="cinematic", amount=None, unit="")
        elif o.value in ("bigger", "punchier"):
            other = replace(o, op="dynamics", value="more_energy" if o.value == "bigger" else "harder")
        if other is not None:
            out.append((*operations[:index], other, *operations[index + 1 :]))
    if (
        len(operations) == 2
        and (first.op, last.op) == ("remove", "add")
        and first.region == last.region
        and len(first.targets) == 1
    ):
        out.append((replace(last, op="replace", targets=first.targets),))
    if len(operations) == 1 and first.op == "mute_region" and first.reason.startswith("only there"):
        places = [i.value for i in items if i.kind == "region"]
        out.append((replace(first, op="extract", region=places[0]),))
    horns = [i for i in items if i.kind == "thing" and i.text == "horns"]
    if horns and "brass" in first.targets:
        out.append(tuple(replace(o, targets=tuple("french_horn" if t == "brass" else t for t in o.targets)) for o in operations))
    return out


def ranked(readings: list[tuple[EditOperation, ...]], known: tuple[str, ...]) -> list[tuple[tuple[EditOperation, ...], float]]:
    """Readings with confidences, those whose targets the piece has first."""
    there = {k.lower().replace(" ", "_") for k in known}
    unique = list(dict.fromkeys(readings))
    weights = []
    for index, operations in enumerate(unique):
        weight = 1.0 if index == 0 else 0.35
        targets = [t for o in operations for t in o.targets if t != "all"]
        if there and targets:
            weight *= 0.3 + sum(t.replace(" ", "_") in there for t in targets) / len(targets)
        weights.append(weight)
    total = sum(weights)
    order = sorted(range(len(unique)), key=lambda i: (-weights[i], i))
    return [(unique[i], round(weights[i] / total, 2)) for i in order]
