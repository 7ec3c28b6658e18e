"""Words of an instruction → ranked :class:`EditPlan` readings: clauses, scope of places, corrections, what must stay."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from partimento.errors import RequestError
from partimento.interpret.edit_alternatives import alternatives, numbered, of_the_instrument, ranked, staying
from partimento.interpret.edit_clauses import Clause, clauses
from partimento.interpret.edit_complement import added_but_silent, without_compared, without_left_out
from partimento.interpret.edit_frames import Context, Frame
from partimento.interpret.edit_items import Item, coverage, find_items, unknown_words
from partimento.interpret.edit_names import stand_in_remarks, with_kit_pieces, with_stand_ins
from partimento.interpret.edit_nonsense import CAN_BE_ASKED, lost_object
from partimento.interpret.edit_parts import note_kept
from partimento.interpret.edit_place_lists import lost_place
from partimento.interpret.edit_polarity import each, forbids, held_back, less_of, turned
from partimento.interpret.edit_presence import goes_on_again, means_silence, plays_along, says_the_rest_is_out
from partimento.interpret.edit_rules import operations_of
from partimento.interpret.edit_take_back import (
    NOTHING_DONE,
    corrected,
    of_what_was_withdrawn,
    only_a_reason,
    says_only_how_much,
    takes_back_some,
)
from partimento.interpret.edit_values import GRADUALLY
from partimento.interpret.tokens import language_of, normalise
from partimento.plan.edit import EditOperation, EditPlan, Region

PLACES_CAN_BE_SAID = 'say e.g. "bars 9 to 12", "from 0:40 to 1:05", "in the second chorus", "in the last four bars"'
"""What a place that was not understood is told."""
_BACK = re.compile(r"\b(?:in it|in there|there|same place|of it)\b|那里|其中|里面")
_AFTER_THAT = re.compile(r"\b(?:after (?:that|this|it)|from then on|from there on?)\b|(?:之后|然后|从那以后)")
_RESET = re.compile(r"\b(?:overall|throughout|everywhere|whole (?:song|piece|track|thing)|entire)\b|整体|整首|全曲")
_COMES_BACK = re.compile(
    r"\b(?:(?:comes?|is|are|kicks?) back(?: in)?|(?:bring|put) (?:it|them|the \w+) back|returns?|back in|again)\s*$|"
    r"(?:回来|再进来?|恢复)\s*$"
)
_FOR_ME = re.compile(
    r"\bfor my (?:taste|liking|ears?|money)\b|\bin my (?:opinion|view)\b|\bif (?:you|that) (?:can|could|may|is possible)\b"
)
_LEAVES_OUT = re.compile(
    r"\W*(?:and |though )?(?:but|except|exclud|not|outside|apart|other|save|only not|just not|everywhere|always|除)"
)
_SURENESS_WITH_UNKNOWN = 0.6


@lru_cache(maxsize=64)
def read_edit(words: str, known: tuple[str, ...] = ()) -> tuple[EditPlan, ...]:
    """Read an instruction in English or Chinese.

    Args:
        words: any text.
        known: names of the piece's tracks and sections; a reading whose targets are there is preferred.

    Returns:
        Readings, the best first, with confidences that add up to at most 1.

    Raises:
        RequestError: nothing in it can be done; the message says what can be asked.
    """
    squeezed = " ".join(words.split(" ")) if "\t" not in words else re.sub(r"[^\S\n\r]", " ", words)
    text = _FOR_ME.sub(lambda m: " " * len(m.group()), normalise(squeezed))
    text, items = corrected(text, find_items(text, squeezed))
    items = turned(text, without_left_out(text, without_compared(text, items)))
    context = Context(text, squeezed, known=known)
    operations, problems, covered = _read_clauses(clauses(text, items), context)
    done = {o.op for o in operations}  # "pan the guitar left": the verb is understood, though no item holds it
    unknown = tuple(squeezed[a:b] for word, (a, b) in unknown_words(text, items) if word not in done)
    _refuse_lost_places(text, items, operations)
    if not operations:
        raise RequestError(problems[0] if problems else _refusal(squeezed, context, covered))
    operations = [
        replace(o, keep=tuple(context.keep), spare=tuple(dict.fromkeys((*o.spare, *_spared(o, context))))) for o in operations
    ]
    operations = [
        o for o in operations if not (o.targets and o.op not in ("add", "extract") and set(o.targets) <= set(context.kept))
    ]
    if not operations:
        raise RequestError(f"nothing is left to change when {', '.join(context.kept)} must stay; {CAN_BE_ASKED}")
    operations = with_stand_ins([of_the_instrument(numbered(o, text, known), text, known) for o in operations])
    operations, told = with_kit_pieces(operations, items)
    readings = ranked([tuple(operations), *alternatives(operations, items)], known)
    remarks = tuple(f"{name} stays as it is" for name in context.kept) + tuple(problems)
    remarks += (*told, *stand_in_remarks(operations), *staying(operations, known))
    if any(o.op == "set_tempo" and o.value == GRADUALLY for o in operations):
        remarks += ("by and by where there is a score; a recording is stretched in one step where the place begins",)
    language = language_of(text)
    sure = _SURENESS_WITH_UNKNOWN if unknown else 1.0
    return tuple(EditPlan(_with_reasons(o), round(c * sure, 2), language, unknown, remarks) for o, c in readings)


def _refuse_lost_places(text: str, items: list[Item], operations: list[EditOperation]) -> None:
    """A place that was said and not understood must not widen the edit to the whole piece.

    Raises:
        RequestError: there is one.
    """
    tempo = any(o.op in ("set_tempo", "set_metre") for o in operations) or any(i.value == "tempo" for i in items)
    places = [i.span for i in items if i.kind == "region"]
    lost = lost_place(text, coverage(text, items), places, unknown_words(text, items), tempo=tempo) if operations else None
    if lost is not None:
        said = text[lost[0] : lost[1]].strip()
        raise RequestError(f"the place '{said}' is not understood; {PLACES_CAN_BE_SAID}")


def _spared(operation: EditOperation, context: Context) -> list[str]:
    """Parts that were said to stay and that the operation would else reach."""
    return [n for n in context.kept if n != "tempo" and n not in operation.targets and operation.op not in ("add", "extract")]


def _refusal(words: str, context: Context, covered: bool) -> str:
    """One line for an instruction that asks for nothing."""
    shown = words.strip()[:40] or words[:40]
    if context.kept or context.keep:
        return f"'{shown}' changes nothing; {CAN_BE_ASKED}"
    return f"'{shown}' is no change that can be made" + (" (what to change is missing)" if covered else "") + f"; {CAN_BE_ASKED}"


def _read_clauses(found: list[Clause], context: Context) -> tuple[list[EditOperation], list[str], bool]:
    """Operations of all clauses, what was wrong, and whether any clause had a verb."""
    operations: list[EditOperation] = []
    problems: list[str] = []
    had_verb = False
    for clause in found:
        had_verb = had_verb or bool(clause.cues())
        if takes_back_some(clause, operations, context):
            continue
        if clause.cues() & {"cancel", "correct"} and operations and not _is_new(clause, context):
            _take_back(clause, operations, context)
            if not [i for i in clause.items if i.kind != "cue" or i.value not in ("cancel", "correct", "bit")]:
                continue
            inherited = _inherit(clause, context)
            if inherited:
                operations += inherited
                continue
        elif context.withdrawn and says_only_how_much(clause) and (inherited := _inherit(clause, context)):
            operations += inherited  # "piano up 3 dB, sorry, 4 dB"
            continue
        elif context.withdrawn and clause.cues() & {"becomes", "swap", "style"} and (inherited := _inherit(clause, context)):
            operations += inherited  # 不对，换成竖琴: another partner for what was to be exchanged
            continue
        frame = _frame(clause, context)
        if goes_on_again(frame) or only_a_reason(frame) or says_the_rest_is_out(frame):
            continue
        if means_silence(frame):
            operations[:] = [
                replace(o, op="mute_region", amount=None, unit="", value="") if o in context.last else o for o in operations
            ]
            continue
        if along := plays_along(frame):
            operations[:] = [along if o in context.last else o for o in operations]
            context.last = [along]
            continue
        if NOTHING_DONE.fullmatch(frame.text) and not frame.own:
            if re.search(r"harmoni[sz]", frame.text) and "chords" not in context.keep:
                context.keep.append("chords")
            continue
        if note_kept(frame):
            if context.withdrawn or frame.cues & {"cancel", "correct"}:
                context.restored |= set(frame.own)
            _restore(frame, operations)
            _remember(frame, [], context)
            continue
        if held_back(frame):
            for some in (operations, frame.context.last):
                each(less_of, list(frame.context.last), some)
            continue
        if forbids(frame):
            problems.append(f"'{frame.text.strip()}' asks for nothing to be changed; {CAN_BE_ASKED}")
            continue
        if _only_there(frame, operations):
            continue
        done = _not_there(frame) or operations_of(frame) or _continued(frame, context)
        done = _instead_of_gone(frame, done, operations)
        done = _instead_of_complaint(frame, done, operations)
        done = [o for one in _in_each_place(frame, done) for o in added_but_silent(one)]
        done = of_what_was_withdrawn(frame, done)
        lost = lost_object(frame, done)
        if lost:
            problems.append(lost)
            continue
        operations = _put(operations, done)
        changed = context.restored & {t for o in done for t in o.targets}  # 鼓留着，…，鼓小一点: it stays, not as it was
        context.kept[:] = [n for n in context.kept if n not in changed]
        _remember(frame, done, context)
    return operations, problems, had_verb


def _instead_of_gone(frame: Frame, done: list[EditOperation], operations: list[EditOperation]) -> list[EditOperation]:
    """ "no guitar, make it a ukulele", 吉他不要了，换成尤克里里: a removal that turns out to be a replacement."""
    last = frame.context.last
    exchanged = len(last) == 1 and last[0].op == "remove" and len(done) == 1 and done[0].op == "add" and done[0].instrument
    if not exchanged or "becomes" not in frame.cues or last[0] not in operations:
        return done
    operations.remove(last[0])
    return [replace(done[0], op="replace", targets=last[0].targets, region=last[0].region)]


def _in_each_place(frame: Frame, done: list[EditOperation]) -> list[EditOperation]:
    """ "… in the bridge and the outro": the same in every place that is listed."""
    if any(o.op in ("copy", "move", "pan") for o in done):
        return done
    places = frame.clause.of("region")
    listed = places[:1]
    for place in places[1:]:
        if _LEAVES_OUT.match(place.text):  # "in bars 1-8, but not in bar 3": no second place
            break
        if re.match(r"towards?\b", place.text):  # "let the last eight bars grow towards the end": a direction
            return done
        between = frame.context.text[listed[-1].span[1] : place.span[0]]
        if not re.fullmatch(
            r"\s*(?:,|and|&|as well as|or|和|、|以及|跟|与)?\s*(?:and|和)?\s*(?:in|on|at|also|在)?\s*(?:the)?\s*", between
        ):
            break
        listed.append(place)
    first = listed[0].value if listed else None
    places = [
        p
        for p in places
        if not (done[:1] and done[0].op in ("mute_region", "remove") and _COMES_BACK.search(frame.context.text[: p.span[0]]))
    ]
    if missed := [p.text.strip() for p in places[len(listed) :] if done and p.value not in {o.region for o in done} | {first}]:
        raise RequestError(f"two places in one wish, of which '{missed[0]}' would be lost; say them one after the other")
    if len(listed) < 2 or any(o.region != first for o in done):
        return done
    return [replace(o, region=place.value) for o in done for place in listed]


def _instead_of_complaint(frame: Frame, done: list[EditOperation], operations: list[EditOperation]) -> list[EditOperation]:
    """ "too loud, calm it down", 太吵了，想安静一点: the remedy that is said stands for the complaint, at its place."""
    last = frame.context.last
    kinds = ("gain", "effect", "dynamics")
    if frame.remedies and len(done) == 1 and done[0].op == "fade":
        operations[:] = [o for o in operations if o not in last]
        return done
    if not frame.remedies or len(done) != 1 or done[0].op not in kinds or any(o not in operations for o in last):
        return done
    if last[0].value == "more_expressive" and re.search(r"breath|呼吸|喘", frame.text):
        return []  # "robotic, let it breathe" says the same twice
    operations[:] = [o for o in operations if o not in last]
    return [replace(done[0], targets=last[0].targets, region=last[0].region)]


def _is_new(clause: Clause, context: Context) -> bool:
    """ "…, add a harp instead" after another subject is no correction when it only means "in its place"."""
    words = [i.text for i in clause.of("cue") if i.value in ("cancel", "correct")]
    gone = bool(context.last) and all(o.op in ("remove", "mute_region") for o in context.last)
    new = gone and "add" in clause.cues() and bool(clause.of("thing"))
    return words == ["instead"] and (new or bool(clause.cues() & {"remove", "keep"}))


def _frame(clause: Clause, context: Context) -> Frame:
    """The clause with its region: its own, one it points to, or that of a leading place."""
    text = context.text[clause.span[0] : clause.span[1]]
    own = clause.of("region")
    region = own[0].value if own else None
    opens = bool(own) and own[0].span[0] - clause.span[0] <= 4 and clause.items and clause.items[0] is own[0]
    if own and own[0].span[0] - clause.span[0] <= 9 and clause.items[0].value == "only" and clause.items[1:2] == [own[0]]:
        opens = True  # "only in the chorus, …"
    if region is not None and opens:
        context.region = region
    elif region is not None and context.region.kind != "all":
        context.region = Region()
    if region is None and _RESET.search(text):
        context.region = Region()
    if region is None and context.last_region.kind != "all" and _AFTER_THAT.search(text):
        region = _afterwards(context.last_region)
    if region is None and _BACK.search(text):
        region = context.last_region
    if region is None:
        region = context.region
    return Frame(clause, context, clause.cues(), clause.of("thing"), region, text)


def _afterwards(region: Region) -> Region:
    """What follows a region."""
    if region.kind == "before":
        return Region("after", name=region.name, which=region.which)
    if region.kind in ("bars", "seconds") and region.end is not None:
        return Region(region.kind, region.end + (1.0 if region.kind == "bars" else 0.0))
    if region.kind == "section":
        return Region("after", name=region.name, which=region.which)
    if region.kind == "first_bars" and region.start is not None:
        return Region("bars", region.start + 1)
    return Region("fraction", region.end, 1.0) if region.kind == "fraction" and (region.end or 1.0) < 1.0 else Region()


def _remember(frame: Frame, done: list[EditOperation], context: Context) -> None:
    """Hand on what "it", "there" and a bare continuation may mean."""
    incoming = tuple(o.instrument for o in done if o.instrument)
    names = incoming or frame.own
    if names:
        context.last_things = names
    if done:
        context.last = done
        context.withdrawn = False
    if frame.region.kind != "all":
        context.last_region = frame.region


def _only_there(frame: Frame, operations: list[EditOperation]) -> bool:
    """ "… but only in the chorus": where what was just asked applies."""
    if frame.cues != {"only"} or frame.things or not frame.clause.of("region") or frame.clause.of("intent", "effect", "amount"):
        return False
    last = frame.context.last
    if not last:
        return False
    operations[:] = [replace(o, region=frame.region) if o in last else o for o in operations]
    frame.context.last = [replace(o, region=frame.region) for o in last]
    frame.context.last_region = frame.region
    return True


def _not_there(frame: Frame) -> list[EditOperation]:
    """ "… but not in the intro": what was just done is left out there."""
    last = frame.context.last
    if not frame.clause.of("region") or frame.own or not last or not frame.cues & {"negated", "except"}:
        return []
    if frame.cues - {"negated", "except", "keep"}:
        return []
    added = tuple(o.instrument for o in last if o.op == "add" and o.instrument)
    return [frame.operation("mute_region", added)] if added else []


def _continued(frame: Frame, context: Context) -> list[EditOperation]:
    """A clause without a verb goes on with the verb before: "…, and a flute in the bridge"."""
    if not context.last or frame.cues - {"bit", "much", "becomes"} or frame.clause.of("intent", "effect"):
        return []
    return _like(context.last[-1], frame)


def _like(last: EditOperation, frame: Frame) -> list[EditOperation]:
    """The last operation with another thing, amount, value or place."""
    names = [i.value for i in frame.things if i.value not in ("all", "it")]
    amount = frame.clause.of("amount")
    region = frame.region if frame.clause.of("region") else last.region
    if last.op == "extract" and any(i.value == "all" for i in frame.things) and not names:
        return []  # "first half only guitar, second half everyone"
    new = replace(last, region=region, words=frame.operation("add").words)
    if amount and last.amount is not None:
        value = float(amount[0].value.value)
        new = replace(new, amount=-value if last.amount < 0 < value else value, unit=amount[0].value.unit)
    elif amount and last.op == "fade" and amount[0].value.unit in ("s", "bars"):
        new = replace(new, amount=float(amount[0].value.value), unit=amount[0].value.unit)
    if frame.clause.of("style") and last.op == "restyle":
        return [replace(new, value=str(frame.clause.of("style")[0].value))]
    if names and last.instrument:
        return [replace(new, instrument=n) for n in names]
    if names:
        return [replace(new, targets=tuple(names))]
    return [new] if amount or frame.clause.of("region") else []


def _take_back(clause: Clause, operations: list[EditOperation], context: Context) -> None:
    """A correction: the last clause's operations are dropped."""
    gone = {id(o) for o in context.last}
    operations[:] = [o for o in operations if id(o) not in gone]
    context.withdrawn = True


def _inherit(clause: Clause, context: Context) -> list[EditOperation]:
    """ "no wait, an oboe": the operation that was taken back, with what is said now."""
    rest = [i for i in clause.items if i.kind != "cue" or i.value not in ("cancel", "correct")]
    bare = Clause(rest, clause.span, clause.joined)
    exchange = {"swap", "style"} if context.withdrawn and bare.of("thing") else set()
    if bare.of("region") and not bare.of("thing"):  # "remove the piano, actually just in the verse"
        exchange |= {"only"}
    if (
        bare.cues() - {"bit", "much", "becomes"} - exchange
        or not context.last
        or bare.of("intent", "effect", "key", "metre", "chords")
    ):
        return []
    frame = _frame(bare, context)
    done = _like(context.last[-1], frame)
    _remember(frame, done, context)
    return done


def _restore(frame: Frame, operations: list[EditOperation]) -> None:
    """ "remove the drums … no, keep them": what must stay is not removed after all."""
    for name in frame.own:
        left = []
        for o in operations:
            if o.op in ("remove", "replace", "mute_region") and name in o.targets:
                if o.targets == (name,):
                    continue
                o = replace(o, targets=tuple(t for t in o.targets if t != name))
            left.append(o)
        operations[:] = left


def _put(operations: list[EditOperation], done: list[EditOperation]) -> list[EditOperation]:
    """With the new ones; a second gain of the same part says the first more exactly, and nothing is done twice."""
    out = list(operations)
    for new in done:
        if new.op in ("gain", "fade"):
            said = (new.op, new.value, new.targets, new.region)
            out = [o for o in out if (o.op, o.value, o.targets, o.region) != said]
        same = [
            o
            for o in out
            if (o.op, o.targets, o.region, o.instrument, o.value) == (new.op, new.targets, new.region, new.instrument, new.value)
        ]
        if not same:
            out.append(new)
    return out


def _with_reasons(operations: tuple[EditOperation, ...]) -> tuple[EditOperation, ...]:
    """Each operation with a line saying how its words were read."""
    return tuple(replace(o, reason=o.reason or f"“{' '.join(o.words)}” read as {o.op.replace('_', ' ')}") for o in operations)
