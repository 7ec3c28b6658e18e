"""Words that stand for an instrument named before: "the former", "the latter", "it enters", "they are joined by", 前者, 后者."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import backward_chain
from partimento.interpret.tokens import has_cjk

_PAIR = re.compile(r"\bthe (?P<which>former|latter)\b|(?P<zh>[前后]者)")
_PRONOUN = re.compile(
    r"\b(?P<word>it|they|he|she|both)(?P<gap>(?: (?:is|are|gets?|then|finally|later|soon|eventually|slowly|gradually|suddenly|"
    r"also|only|has|have|now|at last|all))*) "
)
_PIECE_VERBS = re.compile(r"(?:start|begin|open|end|clos|finish|conclud|com(?:es?|ing) (?:to|with|from)\b|fade)")
_STATIC = re.compile(r" (?:is|are) joined by\b")
_REACH = 400  # characters back to the sentence that names it


@cache
def _moves() -> re.Pattern[str]:
    """Verbs of entering and of handing over: their subject is a player, not the piece."""
    handover = cues("en")["handover"]
    names = ("ahead", "ahead_replaced")
    parts = [cues("en")["order"]["enter"].pattern, *(handover[n].pattern for n in names)]
    return re.compile("|".join(f"(?:{p})" for p in parts))


def with_anaphors(text: str, live: list[Mention]) -> list[Mention]:
    """The mentions, and one for each word that stands for one of them.

    Args:
        text: normalised words.
        live: mentions that sound, in order.
    """
    added: list[Mention] = []
    for match in _PAIR.finditer(text):
        pair = _last_pair(text, match.start(), live)
        if len(pair) == 2:
            first = match.group("which") == "former" or match.group("zh") == "前者"
            added.append(_standing_for(live[pair[0] if first else pair[1]], match.start(), match.end(), text))
    for match in _PRONOUN.finditer(text):
        verb = text[match.start("gap") :].lstrip()
        moves = _moves().match(text, match.start("gap") + 1) or _moves().match(text, match.end())
        if _STATIC.match(text, match.start("gap")):
            continue  # "it is joined by percussion": how the piece is, not when
        if not moves or _PIECE_VERBS.match(verb) or _PIECE_VERBS.match(text, match.end()):
            continue
        meant = _meant(text, match.start(), match.group("word"), live)
        added += [_standing_for(live[i], match.start("word"), match.end("word"), text) for i in meant]
    return sorted([*live, *added], key=lambda m: m.start) if added else live


def _standing_for(named: Mention, start: int, end: int, text: str) -> Mention:
    return replace(named, start=start, end=end, text=text[start:end])


def _last_pair(text: str, at: int, live: list[Mention]) -> list[int]:
    """The last two instruments that are joined in front of ``at``."""
    inside = [i for i, m in enumerate(live) if at - _REACH <= m.start and m.end <= at]
    for last in reversed(inside):
        chain = [i for i in inside if i <= last][-2:]
        if len(chain) == 2 and live[chain[0]].id != live[chain[1]].id:
            gap = text[live[chain[0]].end : live[chain[1]].start]
            joined = re.search(r"[和与跟、]", gap) if has_cjk(gap) else re.search(r"\b(?:and|or)\b|&|,|\+", gap)
            if joined and not re.search(r"[.;!?。]", gap):
                return chain
    return []


def _meant(text: str, at: int, word: str, live: list[Mention]) -> list[int]:
    """Whom a pronoun means: the last of its number in this sentence or the one before."""
    inside = [i for i, m in enumerate(live) if at - _REACH <= m.start and m.end <= at]
    if not inside:
        return []
    if word in ("they", "both"):
        chain = backward_chain(text, live[inside[-1]].end, max(0, at - _REACH), live)
        many = [i for i in inside if _plural(live[i])]
        return chain if len(chain) > 1 or not many else many[-1:]
    if word in ("he", "she"):
        sung = [i for i in inside if live[i].id in ("voice", "choir")]
        return sung[-1:] or inside[-1:]
    single = [i for i in inside if not _plural(live[i])]
    return single[-1:] or inside[-1:]


def _plural(mention: Mention) -> bool:
    return mention.text.endswith("s") and not mention.text.endswith(("ss", "bass", "bagpipes"))
