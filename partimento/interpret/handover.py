"""Sentences that name both who sounds before and who sounds after: "the flute gives way to an oboe", 口琴吹完才起吉他."""

from __future__ import annotations

import re
from dataclasses import dataclass

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import backward_chain, forward_chain, forward_chain_zh
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
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
            before, after = _around(text, start, end, match, live)
            if not before or not after or {live[i].id for i in before} & {live[i].id for i in after}:
                continue
            if any(low < h.span[1] and h.span[0] < high for h in found):
                continue
            earlier, later = (after, before) if name.startswith("behind") else (before, after)
            span = (min(low, live[before[0]].start), max(high, live[after[-1]].end))
            found.append(Handover(tuple(earlier), tuple(later), span, name.endswith("replaced")))
    return sorted(found, key=lambda h: h.span)


def _around(text: str, start: int, end: int, match: re.Match[str], live: list[Mention]) -> tuple[list[int], list[int]]:
    """Mentions on either side of a verb; a group called ``first`` holds the first side itself."""
    low, high = match.span()
    if "first" in match.groupdict():
        before = [i for i, m in enumerate(live) if match.start("first") <= m.start and m.end <= match.end("first")]
        chinese = has_cjk(text[start:end])
        return before, forward_chain_zh(text, high, end, live) if chinese else forward_chain(text, high, end, live, 4)
    if not has_cjk(text[start:end]):
        return backward_chain(text, low, start, live, 3), forward_chain(text, high, end, live, 4)
    clause = max((m.end() for m in re.finditer(r"[,;:]", text[start:low])), default=0) + start
    before = [i for i, m in enumerate(live) if clause <= m.start and m.end <= low]
    if not before or low - live[before[-1]].end > _ZH_REACH:
        return [], []
    return before, forward_chain_zh(text, high, end, live)
