"""What is said after a wish and is no wish of its own: a correction that takes back a part of it, or the reason for it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from partimento.interpret.edit_clauses import Clause
from partimento.interpret.edit_frames import Context, Frame
from partimento.interpret.edit_items import Item
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


NOTHING_DONE = re.compile(
    r"\W*(?:please |but |and )?(?:re-?harmoni[sz]e|change|touch|alter|remove|delete|cut|add|replace|swap|transpose|vary|rewrite|"
    r"move|rearrange)(?:s|ing)? (?:nothing|none of it)(?: else| at all)?(?: (?:here|there))?\W*|"
    r"\W*什么(?:都|也)(?:别|不要|不用)(?:改|动|变|加|删)\W*"
)
"""A verb whose object is nothing: "reharmonise nothing, just vary the drums"."""
_CORRECTION = re.compile(
    r"[\s,，.。…;—–-]*(?:(?:no|wait|sorry|oops|er|uh|um|ah|oh|hang on|actually|i mean|i meant|"
    r"or rather|rather|make that|correction|"
    r"我是说|我的?意思是|不对|不是|哦不|噢不|说错了|错了|应该是|抱歉|不好意思|等等|等一下)[\s,，.。…;!！—–-]*)+(?:the|a|an|my|our|把)?\s*"
)
_GOES_ON = re.compile(r"[\s,，]*(?:(?:up|down)\s+)?(?:by|in|at|from|during|to|for|[+-]?\d|调|升|降|提|压|放|加|减)")
_BARE_OBJECT = re.compile(r"\W*(?:(?:the|my|our|and|please)\s+|把|将|给|让|请)*")


def corrected(text: str, items: list[Item]) -> tuple[str, list[Item]]:
    """A slip of the tongue put right within a wish: "boost the sub... I mean the bass, by 3 dB" is about the bass.

    Args:
        text: normalised.
        items: of that text, in order.

    Returns:
        The text with what was taken back blanked, of the same length, and the items without it. A correction that ends a wish
        is left to the clauses, which know the wish before.
    """
    parts = [
        i for i in items if (i.kind == "thing" and i.value not in ("it", "all")) or (i.kind == "effect" and i.value == "low_end")
    ]
    for wrong, right in pairwise(parts):
        between = text[wrong.span[1] : right.span[0]]
        said = _CORRECTION.fullmatch(between)
        if said is None or right.kind != "thing":
            continue
        alone = _BARE_OBJECT.fullmatch(text[: wrong.span[0]]) is not None and text[right.span[1] :].strip(" ,.!?，。") != ""
        if wrong.kind == "thing" and not alone and not _GOES_ON.match(text[right.span[1] :]):
            continue
        low, high = wrong.span[0], right.span[0]
        text = text[:low] + " " * (high - low) + text[high:]
        if follows := re.match(r"\s*[,，]\s*", text[right.span[1] :]):
            end = right.span[1] + follows.end()
            text = text[: right.span[1]] + " " * (end - right.span[1]) + text[end:]
        items = [i for i in items if not (low <= i.span[0] and i.span[1] <= high)]
    return text, items


def says_only_how_much(clause: Clause) -> bool:
    """True for an amount without a part, a place or a direction."""
    return bool(clause.items) and all(i.kind == "amount" for i in clause.items)


def of_what_was_withdrawn(frame: Frame, done: list[EditOperation]) -> list[EditOperation]:
    """ "turn the bass up, I mean down", 鼓留着，小声一点: after a correction a wish without a name is about the same part."""
    last, context = frame.context.last, frame.context
    kinds = ("gain", "effect", "dynamics", "transpose")
    free = context.withdrawn and last and not frame.things and all(o.op in kinds and o.targets == ("all",) for o in done)
    if not free:
        return done
    if done and last[-1].op == done[0].op:
        own_place = bool(frame.clause.of("region"))
        return [replace(o, targets=last[-1].targets, region=o.region if own_place else last[-1].region) for o in done]
    restored = tuple(n for n in context.last_things if n in context.restored)
    return [replace(o, targets=restored) for o in done] if restored else done


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
