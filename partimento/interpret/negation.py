"""What must not be there: "no drums or bass", "only piano", "instrumental", 不要鼓, 除此之外不加别的."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.tokens import has_cjk
from partimento.interpret.vocabulary import IGNORE, Hit

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
_AND = re.compile(r"\b(?:and|&)\b|&|\+")
_OR = re.compile(r"\b(?:or|nor)\b")
_DET = re.compile(
    r"\b(?:a|an|the|some|one|two|three|with|lots|plenty|just|only|more|solo|soft|gentle|warm|quiet|light|slow|deep|lush|big)\b"
)
_ZH_BLOCK = re.compile(r"[,。;!?]|弹|吹|拉(?!弦)|进|入|主|为主|开始|然后|接着|再来|之后|最后|要(?!有)|用来|可以|适合|加上")
_ZH_JOIN = re.compile(r"(?:、|和|与|及|以及|或者?|跟|还有|也|或是|的声音|声|之类的?|等|/|\s|,(?=\s*$))*")


@dataclass
class Negations:
    """Result: absences, mentions they cover, and those that hold for a time only."""

    absent: list[tuple[str, Span]] = field(default_factory=list)
    negated: set[int] = field(default_factory=set)
    temporal: list[tuple[int, Span, Span]] = field(default_factory=list)  # mention, cue, words that limit it
    spans: list[Span] = field(default_factory=list)


def _gap_words(gap: str) -> list[str]:
    return re.findall(r"[a-z']+|[\u3400-\u9fff]", gap)


def forward_chain(text: str, at: int, end: int, mentions: list[Mention], first_gap: int = 5) -> list[int]:
    """Mentions of the noun phrase that begins at ``at``: the first within reach, then those joined by and/or/commas."""
    chain: list[int] = []
    position = at
    for index, mention in enumerate(mentions):
        if mention.start < at or mention.start >= end:
            continue
        gap = text[position : mention.start] if mention.start > position else ""
        words = [w for w in _gap_words(gap) if w not in _FIRST_GAP_OK]
        if not chain:
            if len(words) > first_gap or BLOCK & set(words) or re.search(r"[,.;:!?]", gap):
                break
        elif mention.start >= position:
            joined = not gap.strip() or bool(re.search(r",|/|&|\+|\b(?:and|or|nor)\b", gap)) or (not gap.strip(" -"))
            if not joined or len(words) > 4 or BLOCK & set(words) or re.search(r"[.;:!?]", gap):
                break
        chain.append(index)
        position = max(position, mention.end)
    return chain


def backward_chain(text: str, at: int, start: int, mentions: list[Mention], reach: int = 2) -> list[int]:
    """Mentions of the noun phrase that ends at ``at``, in order."""
    chain: list[int] = []
    position = at
    for index in range(len(mentions) - 1, -1, -1):
        mention = mentions[index]
        if mention.end > at or mention.start < start:
            continue
        gap = text[mention.end : position] if position > mention.end else ""
        words = _gap_words(gap)
        if not chain:
            if len(words) > reach or BLOCK & (set(words) - {"all"}) or re.search(r"[.;:!?]", gap):
                break
        else:
            joined = not gap.strip() or bool(
                re.search(r"/|&|\+|、|和|与|及|跟|\b(?:and|or)\b" if has_cjk(text[start:at]) else r",|/|&|\+|\b(?:and|or)\b", gap)
            )
            if not joined or len(words) > 4 or BLOCK & set(words) or re.search(r"[.;:!?]", gap):
                break
        chain.append(index)
        position = min(position, mention.start)
    return chain[::-1]


def _scope(text: str, chain: list[int], mentions: list[Mention], *, positive_before: bool) -> list[int]:
    """The part of a chain behind "no" that the negation covers.

    Everything up to a last "or"; with "and" only bare nouns ("no drums and bass", but "no drums and a piano"); with
    commas alone only when no instrument was asked for before.
    """
    last_or = 0
    for k in range(1, len(chain)):
        if _OR.search(text[mentions[chain[k - 1]].end : mentions[chain[k]].start]):
            last_or = k
    kept = chain[: last_or + 1]
    for k in range(last_or + 1, len(chain)):
        gap = text[mentions[chain[k - 1]].end : mentions[chain[k]].start]
        bare = not _DET.search(gap) and len(_gap_words(gap)) <= 1
        if mentions[chain[k]].start < mentions[chain[k - 1]].end or (
            bare and (_AND.search(gap) or not gap.strip() or ("/" in gap) or not positive_before)
        ):
            kept.append(chain[k])
        else:
            break
    return kept


def read_negations(text: str, sentences: list[Span], clauses: list[Span], mentions: list[Mention], hits: list[Hit]) -> Negations:
    """All absences of a text. Indices refer to ``mentions``."""
    found = Negations()
    for start, end in sentences:
        _english(text, start, end, mentions, found)
        if has_cjk(text[start:end]):
            _chinese(text, start, end, mentions, hits, found)
    _instrumental(text, sentences, mentions, found)
    return found


def _put(found: Negations, mentions: list[Mention], index: int, span: Span) -> None:
    """Record that a mention is ruled out."""
    if index not in found.negated:
        found.negated.add(index)
        found.absent.append((mentions[index].id, (min(span[0], mentions[index].start), max(span[1], mentions[index].end))))


def _english(text: str, start: int, end: int, mentions: list[Mention], found: Negations) -> None:
    """English cues of one sentence."""
    negation, order = cues("en")["negation"], cues("en")["order"]
    star = cues("en")["everything_else"][""]
    star_spans = [m.span() for m in star.finditer(text, start, end)]
    only_spans = _only(text, start, end, mentions, found)
    for span in star_spans:
        if not any(a <= span[0] < b for a, b in only_spans):
            found.absent.append(("*", span))
            found.spans.append(span)
            rest = re.match(r"\s*(?:or|and|nor)\s+", text[span[1] : end])
            if rest:
                for index in forward_chain(text, span[1] + rest.end(), end, mentions, 2):
                    _put(found, mentions, index, span)
    for name in ("before", "close"):
        for match in negation[name].finditer(text, start, end):
            span = match.span()
            if any(a < span[1] and span[0] < b for a, b in star_spans + only_spans) or negation["not_a_wish"].match(
                text, span[0], end
            ):
                continue
            chain = forward_chain(text, span[1], end, mentions, 1 if name == "close" else 5)
            if name == "close" and chain and len(_gap_words(text[span[1] : mentions[chain[0]].start])) > 0:
                continue
            if not chain or re.search(r"\bonly\b", text[span[1] : mentions[chain[0]].start]):
                continue
            positive = any(start <= m.start < span[0] and i not in found.negated for i, m in enumerate(mentions))
            scope = _scope(text, chain, mentions, positive_before=positive)
            _apply(text, end, scope, span, mentions, found, order["start"], start)
    for match in negation["after"].finditer(text, start, end):
        chain = backward_chain(text, match.start(), start, mentions, 1)
        if (
            match.group().startswith("free")
            and chain
            and not re.fullmatch(r"[\s-]*", text[mentions[chain[-1]].end : match.start()])
        ):
            continue
        if match.group().startswith("free"):
            chain = chain[-1:]
        if chain:
            _apply(text, end, chain, match.span(), mentions, found, order["start"], start)
    for match in re.finditer(r"(?<![a-z])(drum|bass|beat|vocal|voice|percussion|guitar|word)[\s-]?less\b", text[start:end]):
        ids = {"beat": "drums", "vocal": "voice", "word": "voice"}.get(
            match.group(1), match.group(1) + ("s" if match.group(1) == "drum" else "")
        )
        found.absent.append((ids, (start + match.start(), start + match.end())))
        for index, mention in enumerate(mentions):
            if start + match.start() <= mention.start < start + match.end():
                found.negated.add(index)


def _apply(
    text: str,
    end: int,
    scope: list[int],
    span: Span,
    mentions: list[Mention],
    found: Negations,
    start_cue: re.Pattern[str],
    start: int,
) -> None:
    """Rule a scope out for good, or only for a time when the words limit it."""
    tail = max(mentions[i].end for i in scope)
    tail = max(tail, span[1])
    limit = cues("en")["negation"]["until"].search(text, tail, min(end, tail + 40))
    if limit and len(_gap_words(text[tail : limit.start()])) <= 2 and not re.search(r"[.;:!?]", text[tail : limit.start()]):
        for index in scope:
            found.temporal.append((index, span, (limit.start(), end)))
            found.spans.append((span[0], tail))
        return
    opening = start_cue.search(text, max(start, span[0] - 30), span[0] + 1)
    if opening and len(_gap_words(text[opening.end() : span[0]])) <= 2 and opening.end() <= span[0] + 1:
        for index in scope:
            found.temporal.append((index, span, opening.span()))
        return
    found.spans.append((span[0], tail))
    for index in scope:
        _put(found, mentions, index, span)


def _is_temporal(text: str, start: int, end: int, at: int) -> bool:
    """True when the clause around ``at`` speaks of a place in the piece, so that "only" holds there alone."""
    left = max((m.end() for m in re.finditer(r"[,;:]", text[start:at])), default=0) + start
    right_match = re.search(r"[,;:]", text[at:end])
    right = at + right_match.start() if right_match else end
    for language in ("en", "zh"):
        order = cues(language)["order"]
        for name in ("start", "next", "end"):
            match = order[name].search(text, left, right)
            if match and not (name == "start" and language == "en" and match.group().startswith("first")):
                return True
    return bool(
        re.search(r"\b(?:chorus|verse|intro|outro|bridge|drop|breakdown|bars?|half|interlude|end|start)\b", text[at:right])
    )


def _only(text: str, start: int, end: int, mentions: list[Mention], found: Negations) -> list[Span]:
    """ "only piano", "nothing but guitar", "piano only": rules out everything else unless meant for a place only."""
    only = cues("en")["only"]
    spans: list[Span] = []
    for match in only["before"].finditer(text, start, end):
        window = text[max(start, match.start() - 4) : end]
        blocked = only["not_before"].match(window.lstrip()) or only["not_before"].match(text, match.start(), end)
        strong = not match.group().startswith(("only", "just"))
        chain = forward_chain(text, match.end(), end, mentions, 3)
        if not chain or (blocked and not strong):
            continue
        spans.append(match.span())
        if not _is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (match.start(), mentions[chain[-1]].end)))
    for match in only["after"].finditer(text, start, end):
        chain = backward_chain(text, match.start(), start, mentions, 0)
        if not chain or not re.match(r"\s*(?:[,.;:!?)]|$|and\b|please|at \d|for \d|in [a-g]\b)", text[match.end() : end] or "."):
            continue
        if not _is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (mentions[chain[0]].start, match.end())))
            spans.append(match.span())
    return spans


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


def _chinese(text: str, start: int, end: int, mentions: list[Mention], hits: list[Hit], found: Negations) -> None:
    """Chinese cues of one sentence."""
    zh = cues("zh")
    negation = zh["negation"]
    known = [(h.start, h.end) for h in hits if any(s.kind != IGNORE for s in h.senses)]
    star_spans: list[Span] = []
    for match in zh["everything_else"][""].finditer(text, start, end):
        star_spans.append(match.span())
        if not _is_temporal(text, start, end, match.start()):
            found.absent.append(("*", match.span()))
            found.spans.append(match.span())
    only_except = re.compile(
        r"除了([^,。;!?]{1,16}?)(?:之外|以外|外)?,?(?:其他|其它|别的)?(?:都|什么都|全都|全)(?:不要|别|不用|没有|不加|不需要)"
    )
    for match in only_except.finditer(text, start, end):
        found.absent.append(("*", match.span()))
        star_spans.append(match.span())
    all_but = re.compile(
        r"除了([^,。;!?]{1,16}?)(?:之外|以外|外)?,?(?:其他|其它|别的|什么)?(?:乐器)?(?:都)(?:可以|行|要|用|好|能)"
    )
    for match in all_but.finditer(text, start, end):
        for index, mention in enumerate(mentions):
            if match.start(1) <= mention.start < match.end(1):
                _put(found, mentions, index, match.span())
    for match in negation["before"].finditer(text, start, end):
        span = match.span()
        if match.group().endswith("除了") or any(a <= span[0] < b or a <= span[1] - 1 < b for a, b in star_spans):
            continue
        if any(a < span[1] and span[0] < b and a <= span[0] for a, b in known) or text[max(0, span[0] - 1) : span[0]] in tuple(
            "特级区分告离个性类道"
        ):
            continue
        chain = _zh_forward(text, span[1], end, mentions)
        if not chain:
            continue
        gap = text[span[1] : mentions[chain[0]].start]
        if negation["until"].search(gap) or negation["until"].match(text, mentions[chain[-1]].end, end):
            continue
        found.spans.append((span[0], mentions[chain[-1]].end))
        for index in chain:
            _put(found, mentions, index, span)
    clause_end = re.compile(r"\s*(?:的|啦|吧|哦|啊)*\s*(?:$|[,。;!?、\s])")
    for match in negation["after"].finditer(text, start, end):
        chain = backward_chain(text, match.start(), start, mentions, 0)
        if (
            chain
            and clause_end.match(text, match.end(), end)
            and not text[mentions[chain[-1]].end : match.start()].strip("类的这些")
        ):
            for index in chain:
                _put(found, mentions, index, match.span())
    only = zh["only"]
    for match in only["before"].finditer(text, start, end):
        if only["not_before"].match(text, max(start, match.start() - 1), end) or any(
            a < match.end() and match.start() < b and a <= match.start() for a, b in known
        ):
            continue
        chain = _zh_forward(text, match.end(), end, mentions, 5)
        if chain and not _is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (match.start(), mentions[chain[-1]].end)))
    for match in only["after"].finditer(text, start, end):
        chain = backward_chain(text, match.start(), start, mentions, 0)
        if (
            chain
            and match.group() not in ("即可", "就行", "就好", "就行了", "就好了")
            and not _is_temporal(text, start, end, match.start())
        ):
            found.absent.append(("*", (mentions[chain[0]].start, match.end())))


def _zh_forward(text: str, at: int, end: int, mentions: list[Mention], reach: int = 8) -> list[int]:
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
