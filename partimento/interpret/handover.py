"""Sentences that name both who sounds before and who sounds after: "the flute gives way to an oboe", 口琴吹完才起吉他."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import backward_chain, forward_chain, forward_chain_zh
from partimento.interpret.places import find_place
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
_FURTHER = re.compile(
    r"\s*,?\s*(?:(?:and|then|finally|on|before)\s+)*(?:in)?to\s|"
    r"[,，]?(?:再|又|最后|然后|接着)+(?:传|交|递|转|引|过渡)(?:给|到|向|至)"
)
"""What goes on after a handover: "from flute to oboe, then to clarinet", 再传给单簧管."""
_RELATIVE = re.compile(r",?\s+(?:which|that|who)(?: (?:then|later|soon|finally|eventually|in turn|gradually|slowly))*\s*$")
_ZH_REACH = 10  # characters between a Chinese name and the verb it belongs to


@dataclass(frozen=True)
class Handover:
    """Indices of the mentions before and after, and the words that say so."""

    earlier: tuple[int, ...]
    later: tuple[int, ...]
    span: Span
    replaced: bool = False


def find_handovers(text: str, start: int, end: int, live: list[Mention]) -> list[Handover]:
    """Handovers of one sentence (of normalised text) between instruments that sound."""
    language = "zh" if has_cjk(text[start:end]) else "en"
    found: list[Handover] = []
    for name, pattern in cues(language)["handover"].items():
        for match in pattern.finditer(text, start, end):
            low, high = match.span()
            if name.endswith("swapped") and find_place(text, start, end).unit == "stage":
                continue  # without a place the first never sounds
            before, after = _around(text, start, end, match, live)
            if not before or not after or {live[i].id for i in before} & {live[i].id for i in after}:
                continue
            if any(low < h.span[1] and h.span[0] < high for h in found):
                continue
            earlier, later = (after, before) if name.startswith("behind") else (before, after)
            span = (min(low, live[before[0]].start), max(high, live[after[-1]].end))
            found.append(Handover(tuple(earlier), tuple(later), span, name.endswith("replaced")))
            if not name.startswith("behind"):
                found += _further(text, end, later, live)
    return sorted(found, key=lambda h: h.span)


def _further(text: str, end: int, at: list[int], live: list[Mention]) -> list[Handover]:
    """The stations behind the first handover: "… to oboe to clarinet"."""
    found: list[Handover] = []
    while match := _FURTHER.match(text, live[at[-1]].end, end):
        chinese = has_cjk(match.group())
        following = forward_chain_zh(text, match.end(), end, live) if chinese else forward_chain(text, match.end(), end, live, 4)
        if not following or {live[i].id for i in following} & {live[i].id for i in at}:
            break
        found.append(Handover(tuple(at), tuple(following), (live[at[-1]].end, live[following[-1]].end)))
        at = following
    return found


def _around(text: str, start: int, end: int, match: re.Match[str], live: list[Mention]) -> tuple[list[int], list[int]]:
    """Mentions on either side of a verb; a group called ``first`` holds the first side itself."""
    low, high = match.span()
    if "first" in match.groupdict():
        before = [i for i, m in enumerate(live) if match.start("first") <= m.start and m.end <= match.end("first")]
        chinese = has_cjk(text[start:end])
        return before, forward_chain_zh(text, high, end, live) if chinese else forward_chain(text, high, end, live, 4)
    if not has_cjk(text[start:end]):
        relative = _RELATIVE.search(text, start, low)
        low = relative.start() if relative else low
        return backward_chain(text, low, start, live, 3), forward_chain(text, high, end, live, 4)
    clause = max((m.end() for m in re.finditer(r"[,;:]", text[start:low])), default=0) + start
    before = [i for i, m in enumerate(live) if clause <= m.start and m.end <= low]
    if not before or low - live[before[-1]].end > _ZH_REACH:
        return [], []
    return before, forward_chain_zh(text, high, end, live)
