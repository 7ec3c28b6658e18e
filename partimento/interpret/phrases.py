"""Noun phrases around a cue: which mentions "no …", "… enters" and the like reach; the record of absences."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partimento.interpret.absence import kit_piece
from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.tokens import has_cjk

Span = tuple[int, int]
_BLOCK_WORDS = (
    "is are was were be being been plays play playing played sing singing sings strum strumming with in on over "
    "from to of for while as but then that which who when where until before after because since comes come coming "
    "enters enter keep keeps has have having had gives give makes make there than into onto through so if unless "
    "except accompanied along featuring features use uses using add adding starts begins ends stops drops can could "
    "should would will must may might join joins followed creating providing by at over"
)
BLOCK = frozenset(_BLOCK_WORDS.split())
_FIRST_GAP_OK_WORDS = (
    "of the any use sound sounds kind type more real live audible actual single additional extra other form to hear in have"
)
_FIRST_GAP_OK = frozenset(_FIRST_GAP_OK_WORDS.split())
REMAINS_OF = re.compile(r"最|结尾|末|尾|然后|渐|散|退|停|后|到|淡|消失|走|离|慢慢|结束|先|开头")
"""Words that make 只剩 a moment: something goes on before it."""
_JOINED = frozenset(("and", "but", "plus"))  # "without effects and a bass": the object was another
_MODALS = re.compile(
    r"(?:\b(?:should|must|can|could|will|may|might|shall|would|"
    r"has to|have to|is to|are to|ought to|needs? to|only|then|also|always)\s+)+$"
)
_ZH_BLOCK = re.compile(
    r"[,。;!?换]|改用|(?<!指)弹|吹|拉(?!弦)|进|入|主|为主|开始|然后|接着|再来|之后|最后|要(?!有)|用来|可以|适合|加上"
)
_ZH_PLACE_BEFORE = re.compile(r"第[一二三四五六首末0-9]+(?:段|节|部分|遍|乐章)")  # governs the clauses behind it
_JOIN_ZH = re.compile(r"/|&|\+|、|和|与|及|跟|啊|呀|\b(?:and|or)\b")
_JOIN_EN = re.compile(r",|/|&|\+|\b(?:and|or)\b")
_ZH_JOIN = re.compile(r"(?:、|啊|呀|啦|和|与|及|以及|或者?|跟|还有|也|或是|的声音|声|之类的?|等|/|\s)*")


@dataclass
class Negations:
    """Result: absences, mentions they cover, and those that hold for a time only."""

    absent: list[tuple[str, Span]] = field(default_factory=list)
    negated: set[int] = field(default_factory=set)
    temporal: list[tuple[int, Span, Span]] = field(default_factory=list)  # mention, cue, words that limit it
    spans: list[Span] = field(default_factory=list)


def gap_words(gap: str) -> list[str]:
    return re.findall(r"[a-z']+|[\u3400-\u9fff]", gap)


def forward_chain(text: str, at: int, end: int, mentions: list[Mention], first_gap: int = 5) -> list[int]:
    """Mentions of the noun phrase that begins at ``at``: the first within reach, then those joined by and/or/commas."""
    chain: list[int] = []
    position = at
    for index, mention in enumerate(mentions):
        if mention.start < at or mention.start >= end:
            continue
        gap = text[position : mention.start] if mention.start > position else ""
        words = [w for w in gap_words(gap) if w not in _FIRST_GAP_OK]
        if not chain:
            if len(words) > first_gap or (BLOCK | _JOINED) & set(words) or re.search(r"[,.;:!?]", gap):
                break
        elif mention.start >= position:
            joined = not gap.strip() or bool(re.search(r",|/|&|\+|\b(?:and|or|nor)\b", gap)) or (not gap.strip(" -"))
            if not joined or len(words) > 4 or BLOCK & set(words) or re.search(r"[.;:!?]", gap):
                break
        chain.append(index)
        position = max(position, mention.end)
    return chain


def subject_end(text: str, low: int, at: int) -> int:
    """Where the subject of a verb at ``at`` ends: in front of "should", "must", "then" …."""
    match = _MODALS.search(text, low, at)
    return match.start() if match else at


def backward_chain(text: str, at: int, start: int, mentions: list[Mention], reach: int = 2) -> list[int]:
    """Mentions of the noun phrase that ends at ``at``, in order."""
    chain: list[int] = []
    position = at
    for index in range(len(mentions) - 1, -1, -1):
        mention = mentions[index]
        if mention.end > at or mention.start < start:
            continue
        gap = text[mention.end : position] if position > mention.end else ""
        words = gap_words(gap)
        if not chain:
            if len(words) > reach or BLOCK & (set(words) - {"all"}) or re.search(r"[.;:!?]", gap):
                break
        else:
            joined = not gap.strip() or bool(re.search(_JOIN_ZH if has_cjk(text[start:at]) else _JOIN_EN, gap))
            if not joined or len(words) > 4 or BLOCK & set(words) or re.search(r"[.;:!?]", gap):
                break
        chain.append(index)
        position = min(position, mention.start)
    return chain[::-1]


def forward_chain_zh(text: str, at: int, end: int, mentions: list[Mention], reach: int = 8) -> list[int]:
    """Chinese noun phrase behind ``at``: the first mention within reach, then those joined by 、 和 与 或."""
    chain: list[int] = []
    position = at
    for index, mention in enumerate(mentions):
        if mention.start < at or mention.start >= end:
            continue
        gap = text[position : mention.start] if mention.start > position else ""
        if not chain:
            if len(gap) > reach or _ZH_BLOCK.search(gap):
                break
        elif mention.start >= position and not _ZH_JOIN.fullmatch(gap):
            break
        chain.append(index)
        position = max(position, mention.end)
    return chain


def put(found: Negations, mentions: list[Mention], index: int, span: Span) -> None:
    """Record that a mention is ruled out."""
    if index not in found.negated:
        found.negated.add(index)
        piece = kit_piece(mentions[index].text) if mentions[index].id == "drums" else None
        found.absent.append(
            (piece or mentions[index].id, (min(span[0], mentions[index].start), max(span[1], mentions[index].end)))
        )


def is_temporal(text: str, start: int, end: int, at: int) -> bool:
    """True when the clause around ``at`` speaks of a place in the piece, so that "only" holds there alone."""
    if _ZH_PLACE_BEFORE.search(text, max(start, max(text.rfind(c, start, at) for c in ";。!?")), at):
        return True
    left = max((m.end() for m in re.finditer(r"[,;:]", text[start:at])), default=0) + start
    right_match = re.search(r"[,;:]", text[at:end])
    right = at + right_match.start() if right_match else end
    soon = re.match(r"[,;]? *(?:and )?then\b|[,;](?:然后|接着|随后|之后|再)", text[right:])
    if soon or re.search(r"\bbars? of\b", text[left:right]):
        return True
    if left > start and re.match(r"\s*(?:which|where)\b", text[left:at]):
        left = max((m.end() for m in re.finditer(r"[,;:]", text[start : left - 1])), default=0) + start
    before = re.search(r"(?:^|[;:.])\s*([^,;:.]{2,28})[,:]\s*$", text[start:left])
    if before and not re.search(r"\b(?:no|not|without)\b|[不没无别]", before.group(1)):
        left = start + before.start(1)  # "Before that, just bass": a short place in front governs the clause
    for language in ("en", "zh"):
        order = cues(language)["order"]
        for name in ("start", "next", "end", "prior", "place"):
            match = order[name].search(text, left, right)
            if match and language == "zh" and match.group()[0] in "只仅唯" and not REMAINS_OF.search(text, start, at):
                continue  # 只留二胡 alone is a wish, no moment
            if match and not (name == "start" and language == "en" and match.group().startswith("first")):
                return True
    return bool(
        re.search(
            r"\b(?:chorus|verse|intro|outro|bridge|drop|breakdown|climax|peak|bars?|half|interlude|end|start)\b", text[left:right]
        )
    )
