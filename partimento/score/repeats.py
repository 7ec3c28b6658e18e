"""The order in which written measures are played: repeats, endings, da capo, dal segno, fine, coda."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

MAX_PLAYED = 20_000
"""Most measures that repeats may unfold to; beyond it the piece is read as written."""

_LONGEST_ENDING = 8


@dataclass(frozen=True, slots=True)
class MeasureMarks:
    """What stands at one written measure.

    Attributes:
        forward: a repeat starts here.
        backward: how often the repeat that ends here is played, 0 when none ends (2 is the usual).
        endings: numbers of the ending ("volta") that holds this measure.
        segno, coda, fine, to_coda: the signs.
        jump: ``dacapo``, ``dalsegno`` or empty, done at the end of the measure.
    """

    forward: bool = False
    backward: int = 0
    endings: tuple[int, ...] = ()
    segno: bool = False
    coda: bool = False
    fine: bool = False
    to_coda: bool = False
    jump: str = ""


def play_order(marks: Sequence[MeasureMarks]) -> list[int]:
    """Indices of the written measures in the order played.

    After a da capo or dal segno repeats are not taken again and last endings are played, as is usual.
    """
    marks = _whole_endings(marks)
    order: list[int] = []
    at, start, turn = 0, 0, 1
    jumped = False
    while at < len(marks):
        mark = marks[at]
        if mark.forward and at != start:
            start, turn = at, 1
        elif at and at != start and marks[at - 1].endings and not mark.endings and turn > 1:
            start, turn = at, 1  # past the last ending
        if mark.endings and not _ending_plays(marks, at, turn, jumped):
            at += 1
            continue
        order.append(at)
        if len(order) > MAX_PLAYED:
            return list(range(len(marks)))
        if mark.fine and jumped:
            break
        if mark.to_coda and jumped:
            target = next((i for i in range(len(marks) - 1, -1, -1) if marks[i].coda and i > at), None)
            if target is not None:
                at = target
                continue
        if mark.backward and not jumped:
            if turn < max(mark.backward, _last_ending(marks, at)):
                turn += 1
                at = start
                continue
            start, turn = at + 1, 1
        if mark.jump and not jumped:
            segno = next((i for i, m in enumerate(marks) if m.segno), None)
            if mark.jump == "dacapo" or segno is not None:
                jumped = True
                at = 0 if mark.jump == "dacapo" or segno is None else segno
                continue
        at += 1
    return order


def _whole_endings(marks: Sequence[MeasureMarks]) -> list[MeasureMarks]:
    """Endings as meant: many files close the bracket after its first bar, or leave out the sign before the next ending."""
    whole = list(marks)
    for at in range(1, len(whole)):
        before = whole[at - 1]
        if not before.endings or before.backward or whole[at].endings or whole[at].forward:
            continue
        close = next(
            (i for i in range(at, min(at + _LONGEST_ENDING, len(whole) - 1)) if whole[i].backward or whole[i].endings), None
        )
        if close is not None and whole[close].backward and not whole[close].endings and whole[close + 1].endings:
            whole[at] = replace(whole[at], endings=before.endings)
    for at, mark in enumerate(whole[:-1]):
        following = whole[at + 1].endings
        if mark.endings and following and min(following) > max(mark.endings) and not (mark.backward or mark.jump):
            whole[at] = replace(mark, backward=2)
    return whole


def _group(marks: Sequence[MeasureMarks], at: int) -> list[tuple[int, ...]]:
    """Ending numbers of the run of endings that holds measure ``at``."""
    return list(dict.fromkeys(m.endings for m in _run(marks, at)))


def _run(marks: Sequence[MeasureMarks], at: int) -> Sequence[MeasureMarks]:
    if not marks[at].endings:
        return ()
    first, last = at, at
    while first > 0 and marks[first - 1].endings and min(marks[first - 1].endings) <= min(marks[first].endings):
        first -= 1
    while last + 1 < len(marks) and marks[last + 1].endings and min(marks[last + 1].endings) >= min(marks[last].endings):
        last += 1
    return marks[first : last + 1]


def _last_ending(marks: Sequence[MeasureMarks], at: int) -> int:
    """Highest ending number in the run of endings that holds measure ``at`` (0 when there is none)."""
    return max((max(numbers) for numbers in _group(marks, at)), default=0)


def _ending_plays(marks: Sequence[MeasureMarks], at: int, turn: int, jumped: bool) -> bool:
    """True when this turn plays the ending of measure ``at``; a number that the file leaves out falls to the next one."""
    group = _group(marks, at)
    last = _last_ending(marks, at)
    if jumped:
        closing = next((m.endings for m in _run(marks, at) if m.fine), None)
        return marks[at].endings == closing if closing else last in marks[at].endings
    if turn > last:
        return last in marks[at].endings
    chosen = next((numbers for numbers in group if turn in numbers), None)
    if chosen is None:
        chosen = min((numbers for numbers in group if min(numbers) > turn), key=min, default=group[-1])
    return marks[at].endings == chosen
