"""Places that are left out: "except in the chorus", "but not in the last four bars", 除了副歌 → the rest of the piece."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.errors import RequestError
from partimento.interpret.edit_items import Item
from partimento.plan.edit import EditOperation, Region

_LEFT_OUT = re.compile(
    r"(?:,\s*)?(?:\b(?:and |though )?(?:everywhere |always |throughout |all the time )?"
    r"(?:except|excepting|excluding|apart from|other than|save|but not|only not|just not)(?: for)?(?: not)?(?: in| during| at)?|"
    r"\b(?:everywhere|always|throughout) (?:else )?but(?: not)?(?: in| during| at| for)?|,\s*not|"
    r"\boutside(?: of)?|除了?(?:在)?)\s*$"
)
_ZH_AFTER = re.compile(r"\s*(?:之外|以外|除外|外)(?:的地方)?(?:都|，)?")
_LISTED = re.compile(r"\s*(?:,|and|&|or|和|、|以及)\s*(?:and )?(?:(?:in|at|during)\s+)?(?:the\s+)?")


_COMPARED = re.compile(
    r"(?:\bthan|\bcompared (?:to|with)|\bas \w+ as)(?: (?:it is )?(?:in|at|during))?(?: the)?\s*$|(?:比|比起|不如|没有)(?:在)?$"
)


def without_compared(text: str, items: list[Item]) -> list[Item]:
    """ "the verse quieter than the chorus": what something is only compared with is no place where anything is done."""
    out = []
    for item in items:
        before = _COMPARED.search(text[: item.span[0]]) if item.kind == "region" else None
        if before or (item.kind == "region" and item.text.startswith("than ")):
            span = (before.start() if before else item.span[0], item.span[1])
            item = replace(item, kind="compared", span=span, text=text[slice(*span)])
        out.append(item)
    return out


def without_left_out(text: str, items: list[Item]) -> list[Item]:
    """The items with places that are to be left out turned into what remains.

    Raises:
        RequestError: what remains cannot be said.
    """
    out: list[Item] = []
    listed: list[Item] = []
    for at, item in enumerate(items):
        if item in listed:
            continue
        before = _LEFT_OUT.search(text, max(0, item.span[0] - 40), item.span[0]) if item.kind == "region" else None
        after = _ZH_AFTER.match(text, item.span[1]) if item.kind == "region" else None
        only_after = after is not None and bool(re.search("除外|之外|以外", after.group())) and before is None
        if before is None and not only_after:
            out.append(item)
            continue
        places = [item]
        for later in items[at + 1 :]:
            if later.kind == "region" and _LISTED.fullmatch(text[places[-1].span[1] : later.span[0]] or "and"):
                places.append(later)
        if only_after:  # 第1到4小节和第9到12小节之外: what is left out was said before
            for earlier in reversed([i for i in out if i.kind == "region"]):
                if _LISTED.fullmatch(text[earlier.span[1] : places[0].span[0]] or "and"):
                    places.insert(0, earlier)
            out = [i for i in out if i not in places]
        listed += places[1:]
        after = _ZH_AFTER.match(text, places[-1].span[1])
        end = after.end() if after else places[-1].span[1]
        span = (before.start() if before else places[0].span[0], end)
        out = [i for i in out if i.span[0] < span[0] or i.span[0] >= span[1]]
        rest = rest_of(item.value) if len(places) == 1 else Region("except", others=tuple(p.value for p in places))
        out.append(replace(item, value=rest, span=span, text=text[slice(*span)]))
    return [i for i in out if not any(_inside(i, e) for e in out if e is not i and e.kind == "region")]


def _inside(item: Item, other: Item) -> bool:
    """True for a cue within what another item took over."""
    return item.kind == "cue" and other.span[0] <= item.span[0] and item.span[1] <= other.span[1]


def rest_of(region: Region) -> Region:
    """Everything but a region.

    Raises:
        RequestError: that cannot be said as a region.
    """
    start, end = region.start, region.end
    if region.kind == "section":
        return replace(region, kind="except")
    if region.kind == "from":
        return replace(region, kind="before")
    if region.kind == "bars" and end is not None:
        return replace(region, kind="except")
    if region.kind == "bars" and (start or 1) > 1:
        return Region("bars", 1.0, float(start or 1) - 1)
    if region.kind == "last_bars":
        return Region("except", -(start or 1.0))
    if region.kind == "first_bars":
        return Region("bars", (start or 1.0) + 1)
    if region.kind == "fraction" and start == 0.0:
        return Region("fraction", end, 1.0)
    if region.kind == "fraction" and end == 1.0:
        return Region("fraction", 0.0, start)
    if region.kind == "seconds" and not start and end is not None:
        return Region("seconds", end)
    if region.kind == "seconds" and end is None:
        return Region("seconds", 0.0, start)
    raise RequestError("the place that is to be left out cannot be; say where it shall be done instead, e.g. bars 9 to 12")


def left_out(region: Region) -> Region:
    """The place that an ``except`` region leaves out."""
    if region.name:
        return replace(region, kind="section")
    if (region.start or 0) < 0:
        return Region("last_bars", -(region.start or -1.0))
    return replace(region, kind="bars")


def added_but_silent(operation: EditOperation) -> list[EditOperation]:
    """A part that comes in everywhere but in one place is written as a whole and silent there."""
    if operation.op != "add" or operation.region.kind != "except":
        return [operation]
    silent = (operation.instrument,) if operation.instrument else operation.targets
    places = operation.region.others or (left_out(operation.region),)
    quiet = [replace(operation, op="mute_region", targets=silent, instrument="", region=place) for place in places]
    return [replace(operation, region=Region()), *quiet]
