"""What must not be there, in both languages, and for how long."""

from __future__ import annotations

import re

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.negation_en import read_english
from partimento.interpret.negation_zh import read_chinese
from partimento.interpret.phrases import Negations, Span
from partimento.interpret.tokens import has_cjk
from partimento.interpret.vocabulary import Hit

# Roles that can be ruled out by name; instruments and kits are mentions and have their own grammar.
_ROLES = {
    "melody": (r"(?:lead )?melod(?:y|ies)|tunes?|top ?line|lead line", "主旋律|旋律"),
    "counter": (r"counter[- ]?melod(?:y|ies)", "副旋律|对位"),
    "chords": (r"chords|comping|chordal accompaniment", "和弦|和声伴奏"),
    "pad": (r"pads?", "铺底"),
    "synth": (r"electronics|electronic (?:sounds?|instruments?|elements?|timbres?)", "电音|电子(?:音色|音效|乐器|声音|声|元素)"),
    "arpeggio": (r"arpeggios?|arpeggiation|arps?", "琶音|分解和弦"),
}
_ROLE_PATTERNS = {
    role: (
        re.compile(
            r"\b(?:no|without(?: any| a)?|avoid(?: any)?|minus(?: the)?|don'?t (?:want|use)(?: any| a)?)"
            rf" (?:{en})\b(?! (?:changes?|notes?))",
            re.I,
        ),
        re.compile(
            rf"(?:没有|不要|不需要|不用|不加|无|别要|别用|别有|别加|去掉|拒绝|禁止|杜绝|抛弃|摒弃|舍弃|避免|避开|绝不出现|不出现|不带|不含)(?:任何|一切|所有|出现)*(?:{zh})"
        ),
    )
    for role, (en, zh) in _ROLES.items()
}


_KINDS = (
    (re.compile(r"\bnothing (?:too |remotely |even remotely )?(?:percussive|drummy|with a beat)\b"), ("percussion", "drums")),
    (re.compile(r"\bnothing (?:too |remotely |even remotely )?(?:electronic|synthetic|synthesi[sz]ed|digital)\b"), ("synth",)),
    (re.compile(r"\bnothing (?:sung|vocal|with (?:words|singing))\b|\bnobody sing(?:s|ing)\b"), ("voice",)),
    (re.compile(r"\bnothing (?:brassy)\b"), ("brass",)),
    (
        re.compile(
            r"\b(?:leave|keep|cut|take) (?:the |any )?(?:beat|rhythm|groove)s? (?:out|away|off)\b|"
            r"\b(?:drop|lose|skip|ditch) the beat\b(?! in)"
        ),
        ("drums",),
    ),
)
"""What an adjective behind "nothing" rules out."""


def read_negations(text: str, sentences: list[Span], clauses: list[Span], mentions: list[Mention], hits: list[Hit]) -> Negations:
    """All absences of a text. Indices refer to ``mentions``."""
    found = Negations()
    for start, end in sentences:
        read_english(text, start, end, mentions, found)
        if has_cjk(text[start:end]):
            read_chinese(text, start, end, mentions, hits, found)
    _instrumental(text, sentences, mentions, found)
    for role, patterns in _ROLE_PATTERNS.items():
        found.absent.extend((role, match.span()) for pattern in patterns for match in pattern.finditer(text))
    for pattern, ids in _KINDS:
        for match in pattern.finditer(text):
            found.absent.extend((id_, match.span()) for id_ in ids)
            found.spans.append(match.span())
            found.negated.update(i for i, m in enumerate(mentions) if match.start() <= m.start < match.end())
    return found


def _instrumental(text: str, sentences: list[Span], mentions: list[Mention], found: Negations) -> None:
    """ "instrumental", "no lyrics", 纯音乐: no voice. "no beat": neither drums nor percussion."""
    patterns = cues("en")["instrumental"]
    sung = any(m.id in ("voice", "choir") and i not in found.negated for i, m in enumerate(mentions))
    for match in patterns["word"].finditer(text):
        before, after = text[max(0, match.start() - 24) : match.start()].rstrip(), text[match.end() : match.end() + 30].lstrip()
        blocked = cues("en").behind["instrumental"].search(before) or patterns["not_if_after"].match(after)
        if not blocked and not sung:
            found.absent.append(("voice", match.span()))
    for match in patterns["no_words"].finditer(text):
        if not sung:
            found.absent.append(("voice", match.span()))
    for language in ("en", "zh"):
        for match in cues(language)["instrumental"]["no_beat"].finditer(text):
            found.absent.extend([("drums", match.span()), ("percussion", match.span())])
            found.spans.append(match.span())
            found.negated.update(i for i, m in enumerate(mentions) if match.start() <= m.start < match.end())
    for match in cues("zh")["instrumental"]["word"].finditer(text):
        found.absent.append(("voice", match.span()))
        found.negated.update(i for i, m in enumerate(mentions) if match.start() <= m.start < match.end())
