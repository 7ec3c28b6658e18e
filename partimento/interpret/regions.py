"""Stretches of the words that do not describe the music: uses ("could be played in a film") and comparisons."""

from __future__ import annotations

import re

from partimento.interpret.cues import cues
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
_TAIL_STOP = re.compile(
    r",\s*(?:with|featuring|using|no|without|and (?:no|with)|played|but|instruments|in the key|at \d)\b|"
    r"\bwith (?:a |an |some |soft |gentle )?(?=\w+(?: \w+)? (?:and|,))"
)
_COMPARISON_STOP = re.compile(
    r"[,.;:!?()]|\b(?:and then|while|which|then|but|over|accompanied|along with|alongside|playing|plays|"
    r"with|can be|is|are|being heard)\b"
)
_CATEGORY_BEFORE = re.compile(
    r"(?:instruments?|percussions?|elements|strings|winds|woodwinds|brass|sounds|synths|drums|keyboards?|"
    r"families|such|things|toys|effects)\s*,?\s*$"
)
_WISH_BEFORE = re.compile(r"(?:would|'d|we|you|i|really|do not|don't|to|just|also|also'd|please)\s*$")


def overlaps(span: Span, regions: list[Span]) -> bool:
    """True when ``span`` begins inside one of the regions."""
    return any(a <= span[0] < b for a, b in regions)


def use_regions(text: str, sentences: list[Span], instrument_spans: list[Span]) -> list[Span]:
    """Descriptions of what the music is for, to the end of the sentence or its whole."""
    patterns = cues("en")["ignored"]
    regions: list[Span] = []
    for start, end in sentences:
        hard = patterns["use_hard"].search(text, start, end)
        soft = patterns["use_soft"].search(text, start, end)
        use = hard or soft
        which = re.search(r",?\s*(?:which|that)\s*$", text[start : use.start()]) if use else None
        if which:  # "…, which would suit a film": only the relative clause
            regions.append((start + which.start(), end))
        elif hard:
            regions.append((start if _is_about_the_piece(text, start, hard.start()) else hard.start(), end))
        elif soft and _is_about_the_piece(text, start, soft.start()) and not _plays_before(start, soft.start(), instrument_spans):
            regions.append((start, end))
        elif tail := patterns["tail"].search(text, start, end):
            stop = _TAIL_STOP.search(text, tail.end(), end)
            regions.append((tail.start(), stop.start() if stop else end))
        if has_cjk(text[start:end]) and (match := cues("zh")["ignored"]["use_hard"].search(text, start, end)):
            regions.append(match.span())
    return regions


def _is_about_the_piece(text: str, start: int, cue: int) -> bool:
    """True when what stands before the cue is a short subject such as "this song" or "parts of this recording"."""
    subject = text[start:cue]
    words = re.findall(r"[a-z']+", subject)
    if len(words) > 14:
        return False
    return not words or bool(cues("en")["ignored"]["use_subject"].search(subject))


def _plays_before(start: int, cue: int, instrument_spans: list[Span]) -> bool:
    """True when an instrument is the subject: "the flute may be playing …"."""
    return any(start <= a and b >= cue - 2 for a, b in instrument_spans if a < cue)


def comparison_regions(text: str, sentences: list[Span]) -> list[Span]:
    """What something is only compared with, from the cue to the end of the clause."""
    patterns = cues("en")["ignored"]
    regions: list[Span] = []
    for start, end in sentences:
        for match in patterns["comparison"].finditer(text, start, end):
            before = text[start : match.start()]
            if match.group().startswith(("like", "such")) and (_CATEGORY_BEFORE.search(before) or _WISH_BEFORE.search(before)):
                continue
            stop = _COMPARISON_STOP.search(text, match.end(), end)
            regions.append((match.start(), stop.start() if stop else end))
        for match in patterns["tone_of"].finditer(text, start, end):
            stop = re.search(r"\b(?:sound|tone|timbre|patch|preset)\b", text[match.end() : end])
            if stop and re.search(r"(?:synth\w*|keyboards?|keys|organ|piano|fills)\s*$", text[start : match.start()].rstrip()):
                regions.append((match.start(), match.end() + stop.end()))
        if has_cjk(text[start:end]):
            for match in cues("zh")["ignored"]["comparison"].finditer(text, start, end):
                stop = re.search(r"[,。;!?]|一样|似的|那样|般|的声音|的感觉", text[match.end() : end])
                regions.append((match.start(), match.end() + stop.end() if stop else end))
    return regions


def is_only_like(text: str, end: int) -> bool:
    """True when a name at ``…end`` is only a comparison: "guitar-like", "brass sounding melody", 颂钵一样的."""
    rest = text[end : end + 24]
    return bool(cues("en")["ignored"]["comparison_after"].match(rest) or cues("zh")["ignored"]["comparison_after"].match(rest))
