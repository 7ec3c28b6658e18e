"""What is said after a wish and is no wish of its own: a correction that takes back a part of it, or the reason for it."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.interpret.edit_clauses import Clause
from partimento.interpret.edit_frames import Context, Frame
from partimento.plan.edit import EditOperation

_NOT_THIS = re.compile(
    r"\b(?:leave|take|keep)\b.*\b(?:out|off)\b|\bnot\b|\bdrop\b|\bforget\b|\bskip\b|\bscratch\b|\bwithout\b|\bremove\b|\bno\b|"
    r"\bnever ?mind\b|\blose\b|不要|算了|去掉|别加|不加|不用|除外"
)
_LEAVE_THAT = re.compile(
    r"[\W_]*(?:no\W+|wait\W+|actually\W+|oh\W+)*(?:leave (?:that|it|that one|this)|scratch that|forget (?:that|it)|"
    r"not that(?: one)?|never ?mind(?: that| it)?|skip that|without that|cancel that)(?: one)?[\W_]*|[\W_]*(?:还是)?算了[吧\W]*"
)
_REASON = re.compile(
    r"\W*(?:because |since |as |cause )?(?:they're|they are|it's|it is|its|that's|he's|she's|it (?:sounds|feels|seems)|"
    r"they (?:sound|feel|seem))\s+"
    r"(?:just |way |all |still |really |a bit |a little |kind of )*too\b.*|\W*(?:因为)?(?:它们?|现在|听起来)?太\S{1,4}了\W*"
)
_SOUND = ("gain", "effect", "dynamics")


def takes_back_some(clause: Clause, operations: list[EditOperation], context: Context) -> bool:
    """ "add a piano and a harp, no, leave out the harp": only what the correction names goes; True when it was one.

    A correction that names nothing ("no, leave that") takes back what was added to a finished wish: the crash of
    "add drums from bar 9, and a crash".
    """
    last = context.last
    if not last or not (context.withdrawn or any(o in operations for o in last)):
        return False
    text = context.text[clause.span[0] : clause.span[1]]
    corrects = (
        context.withdrawn or bool(clause.cues() & {"cancel", "correct"}) or bool(re.match(r"[\W_]*(?:no|not|不|算了)\b", text))
    )
    named = {i.value for i in clause.of("thing") if i.value not in ("it", "all")}
    if not named:
        if corrects and _LEAVE_THAT.fullmatch(text) and _added_unknown(last):
            _put_back(last, operations, context)
            return True
        if len(last) > 1 and corrects and _LEAVE_THAT.fullmatch(text) and _resumed(context):
            _put_back(last[:-1], operations, context)
            return True
        return False
    if clause.of("region", "amount", "intent", "effect", "style") or clause.cues() & {"becomes", "swap", "up", "down"}:
        return False
    if "keep" in clause.cues() and "negated" not in clause.cues() and not _NOT_THIS.search(text):
        return corrects and _kept_after_all(named, operations, context)
    if not corrects or not _NOT_THIS.search(text):
        return False
    added = {o.instrument for o in last if o.op == "add"} | {t for o in last if o.op in _SOUND for t in o.targets}
    if not named <= added or named == added:
        return False
    _put_back([o for o in (_without(o, named) for o in last) if o is not None], operations, context)
    return True


def _put_back(kept: list[EditOperation], operations: list[EditOperation], context: Context) -> None:
    """What stays of the wish before, also where a bare "no" had taken back all of it."""
    operations[:] = [o for o in operations if o not in context.last] + kept
    context.last = kept
    context.withdrawn = False


def _without(o: EditOperation, named: set[str]) -> EditOperation | None:
    """An operation without some parts; None when nothing is left of it."""
    if o.op == "add":
        return None if o.instrument in named else o
    left = tuple(t for t in o.targets if t not in named)
    return replace(o, targets=left) if left else None


def _kept_after_all(named: set[str], operations: list[EditOperation], context: Context) -> bool:
    """ "remove the piano and the drums, actually keep the drums"."""
    gone = {t for o in context.last if o.op in ("remove", "mute_region") for t in o.targets}
    if not named <= gone or named == gone:
        return False
    _put_back([o for o in (_without(o, named) for o in context.last) if o is not None], operations, context)
    return True


def _resumed(context: Context) -> bool:
    """True when the last of what was asked was put behind a wish that was already complete with its place."""
    first, last = context.last[0], context.last[-1]
    said = " ".join(first.words).lower()
    name = last.instrument.replace("_", " ")
    return bool(
        re.search(rf"(?:bars?|chorus|verse|bridge|intro|outro|\d)\W+(?:and |plus )?(?:an? |some )?.*{re.escape(name[:5])}", said)
    )


def _added_unknown(last: list[EditOperation]) -> bool:
    """True when the wish before ended in something that was not understood: it is what "leave that" takes back."""
    said = " ".join(last[-1].words).lower()
    m = re.search(r"\b(?:and|plus)\s+(?:an?|some|the)\s+(?:\w+ )?(\w+)\W*$", said)
    names = " ".join(" ".join((o.instrument, *o.targets, o.region.name)) for o in last)
    return m is not None and m.group(1)[:4] not in names and not re.match(r"bar|measure|section|part|half", m.group(1))


def only_a_reason(f: Frame) -> bool:
    """ "rough up the guitars, they're too polite": why the wish before was made; it is no second one."""
    last = f.context.last
    felt = f.own and set(f.own) <= {t for o in last for t in o.targets} and not f.clause.of("intent", "amount")
    if felt and re.search(r"\b(?:want|need|like|love) to (?:really |just )?(?:feel|hear)\b|想(?:听|感觉)到", f.text):
        return True
    if len(last) != 1 or last[0].op not in ("effect", "dynamics") or not _REASON.fullmatch(f.text):
        return False
    own = [i for i in f.things if i.value not in ("it", "all")]
    wishes = f.clause.of("intent")
    return not own and len(wishes) == 1 and not f.clause.of("region", "amount", "effect") and not f.cues & {"faster", "slower"}
