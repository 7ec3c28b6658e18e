"""One clause → operations: which frame its items fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_last_notes import last_notes
from partimento.interpret.edit_moves import form, pan, trade
from partimento.interpret.edit_parts import (
    add,
    bare,
    decibels,
    enters_late,
    excepted,
    exchange,
    extract,
    gain,
    hand_over,
    mute,
    remove,
    room_for,
)
from partimento.interpret.edit_presence import doubling, kept_out, only_there, silence, stands_in
from partimento.interpret.edit_sounds import effects, intents
from partimento.interpret.edit_values import chords, fade, key, length, metre, restyle, tempo, transpose, vary
from partimento.plan.edit import EditOperation, Region


def operations_of(frame: Frame) -> list[EditOperation]:
    """Operations of a clause; empty when it says nothing that can be done.

    Raises:
        RequestError: an amount that cannot be.
    """
    if "except" in frame.cues and frame.region.kind != "all":
        everywhere = operations_of(replace(frame, cues=frame.cues - {"except"}, region=Region()))
        names = tuple(o.instrument for o in everywhere if o.op == "add" and o.instrument)
        return [*everywhere, frame.operation("mute_region", names)] if names else []
    for rule in _RULES:
        found = rule(frame)
        if found:
            return found
    return []


def _all_but(f: Frame) -> list[EditOperation]:
    """What is asked of everything but some parts."""
    spared = excepted(f)
    if not spared or f.cues & {"remove", "mute", "out", "negated", "only"}:
        return []
    rest = [i for i in f.clause.items if not (i.kind == "thing" and i.value in spared)]
    cues = f.cues - {"keep", "except"}
    if not cues - {"bit", "much"} and not [i for i in rest if i.kind in ("intent", "effect", "amount")]:
        return [f.operation("remove", spared)]
    bare = replace(f, clause=replace(f.clause, items=rest), cues=cues, things=[i for i in f.things if i in rest])
    return [replace(o, spare=spared) for o in operations_of(bare)]


def _in_style(f: Frame) -> list[EditOperation]:
    """ "a tango in A minor", "a samba at 120 bpm": a style together with its key, metre or tempo."""
    if not f.clause.of("style"):
        return []
    beside = [
        key(f),
        metre(f),
        tempo(replace(f, clause=replace(f.clause, items=[i for i in f.clause.items if i.kind != "style"]))),
    ]
    found = [o for some in beside for o in some]
    styles = restyle(f)
    return [*styles, *found] if found and styles else []


_RULES: tuple[Callable[[Frame], list[EditOperation]], ...] = (
    pan, trade, last_notes, form,
    doubling, room_for, stands_in, _all_but, kept_out, only_there, silence, extract, hand_over, enters_late, fade, chords,
    _in_style, key, metre, tempo, transpose, length, exchange, restyle, vary, effects, decibels, intents, mute, remove, gain, add,
    bare,
)  # fmt: skip
