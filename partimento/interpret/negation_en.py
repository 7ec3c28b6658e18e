"""English negation: "no drums or bass", "everything except …", "drums are not needed", "only piano", "drumless"."""

from __future__ import annotations

import re

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import Negations, Span, backward_chain, forward_chain, gap_words, is_temporal, put
from partimento.interpret.tokens import has_cjk

_WANTED_AFTER_ALL = re.compile(
    r"(?:\b(?:can ?not|can'?t|could ?n'?t|could not|never|not|don'?t|do not|won'?t)"
    r"(?: (?:do|live|go|be|work|manage|imagine it|have it))?"
    r"|\bno (?:\w+ ){1,4}?(?:is|are|would be|feels?) (?:complete|whole|finished|the same))\s*$"
)  # before "without": a double negation asks for the thing
_COMMAND_BEFORE = re.compile(
    r"(?:^|[.;:,!?(]|\b(?:please|and|but|just|so|also|then|to|you|"
    r"you can|you may|we|i|i'd|let's|let us|can|could|would|should|must))\s*$"
)
_REFUSED = re.compile(
    r" ?[?:] *(?:no\b(?! (?!thanks|thank you)[a-z])|nope|never|none|nah|not (?:here|this time|today|now|please|for me|"
    r"in this one)|(?:这次|这回|就|都)?(?:不用|不要|不需要|免了|算了|别))"
)  # "Drums? Not this time."
_ALL_STOP = re.compile(
    r"\b(?:everything|everyone|everybody|all|the (?:rest|others|whole band))\b[^.;:!?]{0,40}?"
    r"\b(?:stops?|drops?|falls?|cuts?|fades?|goes?|silent|quiet|disappears?|leaves?|breaks off)\b[^.;:!?]{0,20}$"
)
_BUT = re.compile(r"(?:except|but|save|other than|apart from)\b")
_NO_BEFORE = re.compile(r"\b(?:no|not|without)\b[^,.;:!?]{1,24}, ?$")
_ENDS_THERE = re.compile(r"\b(?:gone|cut|out|dropped|absent|missing|taken (?:out|away)|removed|silent|muted|quiet)\b")
_ABSENT_FIRST = re.compile(
    r"\s*,? (?:from|of|in|during) the (?:intro|introduction|first|opening|beginning|start|verse|bridge|chorus|outro)"
)
_NOTHING = re.compile(r"\b(?:no|nothing|nobody|none|without|not?) (?:\w+ ){0,3}?(?:except|save|excluding)")
_AND = re.compile(r"\b(?:and|&)\b|&|\+")
_OR = re.compile(r"\b(?:or|nor)\b")
_EMPTY = frozenset(("any", "anything", "all", "kind", "kinds", "sort", "of", "other", "whatsoever", "please"))
_DET = re.compile(
    r"\b(?:a|an|the|some|one|two|three|with|lots|plenty|just|only|more|solo|soft|gentle|warm|quiet|light|slow|deep|lush|big)\b"
)


def read_english(text: str, start: int, end: int, mentions: list[Mention], found: Negations) -> None:
    """English cues of one sentence."""
    negation, order = cues("en")["negation"], cues("en")["order"]
    star = cues("en")["everything_else"][""]
    star_spans = [m.span() for m in star.finditer(text, start, end)]
    only_spans = _only(text, start, end, mentions, found)
    for span in star_spans:
        alone = text[span[0]] in "ua"  # unaccompanied, a cappella: may hold for a place only
        if not any(a <= span[0] < b for a, b in only_spans) and not (alone and is_temporal(text, start, end, span[0])):
            found.absent.append(("*", span))
            found.spans.append(span)
            rest = re.match(r"\s*(?:or|and|nor)\s+", text[span[1] : end])
            if rest:
                for index in forward_chain(text, span[1] + rest.end(), end, mentions, 2):
                    put(found, mentions, index, span)
    for name in ("before", "close"):
        for match in negation[name].finditer(text, start, end):
            span = match.span()
            if any(a < span[1] and span[0] < b for a, b in star_spans + only_spans) or negation["not_a_wish"].match(
                text, span[0], end
            ):
                continue
            at = match.group().find("without")
            if at >= 0 and _WANTED_AFTER_ALL.search(text[start : span[0] + at]):
                continue
            if _BUT.match(match.group()) and _ALL_STOP.search(text, start, span[0] + 1):
                continue  # "everything stops except a choir": the choir stays
            chain = forward_chain(text, span[1], end, mentions, 1 if name == "close" else 5)
            if re.search(r"\b(?:except|excluding|save|barring)", match.group()) and _NOTHING.search(text[start : match.end()]):
                continue  # "nothing except piano" is another matter
            if name == "close" and chain and len(gap_words(text[span[1] : mentions[chain[0]].start])) > 0:
                continue
            if not chain or re.search(r"\bonly\b", text[span[1] : mentions[chain[0]].start]):
                continue
            positive = any(start <= m.start < span[0] and i not in found.negated for i, m in enumerate(mentions))
            scope = _scope(text, chain, mentions, positive_before=positive)
            _apply(text, end, scope, span, mentions, found, order["start"], start)
    _commands(text, start, end, mentions, found)
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
        if len(chain) > 1 and not re.search(
            r"\b(?:and|or|nor)\b|&|/", text[mentions[chain[-2]].end : mentions[chain[-1]].start].rpartition(",")[2]
        ):
            chain = chain[-1:]  # "a piano, drums are not needed": a comma alone joins no subjects
        if _ABSENT_FIRST.match(text, match.end()) or (
            chain and _ENDS_THERE.search(match.group()) and _sounded(text, start, chain, mentions, found, match.start())
        ):
            continue  # "after the climax the choir is cut", "the tabla is absent from the intro"
        if chain:
            _apply(text, end, chain, match.span(), mentions, found, order["start"], start)
    for index, mention in enumerate(mentions):
        less = re.match(r"[- ]?less\b(?! than)", text[mention.end : mention.end + 8])
        asked = _REFUSED.match(text, mention.end) if mention.end < end else None
        if start <= mention.start < end and (less or asked):
            put(found, mentions, index, (mention.start, asked.end() if asked else mention.end + 5))
    for match in re.finditer(r"(?<![a-z])(drum|bass|beat|vocal|voice|percussion|guitar|word)[\s-]?less\b", text[start:end]):
        ids = {"beat": "drums", "vocal": "voice", "word": "voice"}.get(
            match.group(1), match.group(1) + ("s" if match.group(1) == "drum" else "")
        )
        found.absent.append((ids, (start + match.start(), start + match.end())))
        found.spans.append((start + match.start(), start + match.end()))
        for index, mention in enumerate(mentions):
            if start + match.start() <= mention.start < start + match.end():
                found.negated.add(index)


def _sounded(text: str, start: int, chain: list[int], mentions: list[Mention], found: Negations, at: int) -> bool:
    """True when all of these were asked for before and the words around name a moment: they leave, they are not absent."""
    before = {m.id for i, m in enumerate(mentions) if m.end <= mentions[chain[0]].start and i not in found.negated}
    end = next((m.start() for m in re.finditer(r"[.;!?]", text[at:])), len(text) - at) + at
    return all(mentions[i].id in before for i in chain) and is_temporal(text, start, end, at)


def _commands(text: str, start: int, end: int, mentions: list[Mention], found: Negations) -> None:
    """ "Cut the vocals", "keep the singer out", "leave the drums at home", "swap the drums for claps"."""
    negation, opening = cues("en")["negation"], cues("en")["order"]["start"]
    for name in ("command", "around", "swap"):
        for match in negation[name].finditer(text, start, end):
            chain = forward_chain(text, match.end(), end, mentions, 2)
            if not chain or chain[0] in found.negated or not _COMMAND_BEFORE.search(text[start : match.start()]):
                continue
            if has_cjk(text[match.start() : mentions[chain[0]].start]):
                continue
            tail = mentions[chain[-1]].end
            span = match.span()
            if name != "command":
                closing = negation[f"{name}_end"].match(text, tail + len(text[tail:end]) - len(text[tail:end].lstrip()))
                if not closing:
                    continue
                span = (match.start(), closing.end())
            elif re.match(r"\s*(?:in|up)\b", text[tail:end]):
                continue  # "drop the bass in" lets it enter
            scope = _scope(text, chain, mentions, positive_before=False) if name == "command" else chain
            _apply(text, end, scope, span, mentions, found, opening, start)


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
        bare = not _DET.search(gap) and len([w for w in gap_words(gap) if w not in _EMPTY]) <= 1
        if re.match(r"\s*(?:instead of|rather than|in place of)\b", text[mentions[chain[k]].end :]):
            break  # "celesta instead of music box and viola instead of violin"
        if "," in gap and re.match(r"\s*(?:please|instead)\b", text[mentions[chain[k]].end :]):
            break  # "no saxophone, piano please"
        if mentions[chain[k]].start < mentions[chain[k - 1]].end or (
            bare and (_AND.search(gap) or not gap.strip() or ("/" in gap) or not (positive_before or last_or))
        ):
            kept.append(chain[k])
        else:
            break
    return kept


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
    if limit and len(gap_words(text[tail : limit.start()])) <= 2 and not re.search(r"[.;:!?]", text[tail : limit.start()]):
        for index in scope:
            found.temporal.append((index, span, (limit.start(), end)))
            found.spans.append((span[0], tail))
        return
    opening = start_cue.search(text, max(start, span[0] - 30), span[0] + 1)
    if opening and len(gap_words(text[opening.end() : span[0]])) <= 2 and opening.end() <= span[0] + 1:
        for index in scope:
            found.temporal.append((index, span, opening.span()))
        return
    found.spans.append((span[0], tail))
    for index in scope:
        put(found, mentions, index, span)


def _only(text: str, start: int, end: int, mentions: list[Mention], found: Negations) -> list[Span]:
    """ "only piano", "nothing but guitar", "piano only": rules out everything else unless meant for a place only."""
    only = cues("en")["only"]
    spans: list[Span] = []
    for match in only["before"].finditer(text, start, end):
        if re.search(r"\b(?:not|n't|don't)\s*$", text[start : match.start()]):
            continue  # "I don't just want guitar"
        if _NO_BEFORE.search(text, start, match.start()) and any(m.end <= start for m in mentions):
            continue  # "Organ and horn. No drum kit, only a tambourine": the tambourine in its place
        window = text[max(start, match.start() - 4) : end]
        blocked = only["not_before"].match(window.lstrip()) or only["not_before"].match(text, match.start(), end)
        strong = not match.group().startswith(("only", "just"))
        chain = forward_chain(text, match.end(), end, mentions, 3)
        if not chain or (blocked and not strong):
            continue
        spans.append(match.span())
        if not is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (match.start(), mentions[chain[-1]].end)))
    for match in only["after"].finditer(text, start, end):
        chain = backward_chain(text, match.start(), start, mentions, 0)
        if not chain or not re.match(r"\s*(?:[,.;:!?)]|$|and\b|please|at \d|for \d|in [a-g]\b)", text[match.end() : end] or "."):
            continue
        if not is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (mentions[chain[0]].start, match.end())))
            spans.append(match.span())
    return spans
