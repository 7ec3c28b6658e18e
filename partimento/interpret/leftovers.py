"""What is left of the words: uses (hints only), effects, and content words that nothing understood."""

from __future__ import annotations

import re
from functools import lru_cache

from partimento.interpret.adjectives import letter_form, negated
from partimento.interpret.cues import cues
from partimento.interpret.data import comma_list, load_yaml
from partimento.interpret.regions import overlaps
from partimento.interpret.tokens import Token, has_cjk, normalise
from partimento.interpret.vocabulary import EFFECT, IGNORE, STYLE, Hit, vocabulary

Span = tuple[int, int]
_STEMS = re.compile(r"(?:ings?|ed|ly|s|es|er|est|ish|y)$")


def covered(text: str, words: str) -> list[Span]:
    """Stretches in which no word is unknown: a form ("AABA"), what the music is for."""
    return [*_form_span(words), *_use_spans(text)]


def effects(words: str, text: str, hits: list[Hit], ignored: list[Span]) -> list[str]:
    """Effects asked for, verbatim: they are edits of the sound, no composer makes them."""
    return [
        words[h.start : h.end]
        for h in hits
        if h.sense(EFFECT) and not negated(text, h.start) and not overlaps((h.start, h.end), ignored)
    ]


def _use_spans(text: str) -> list[Span]:
    """Where the words on a use stand."""
    return [m.span() for name in uses(text) for m in re.finditer(re.escape(name) + ("s?" if name.isascii() else ""), text)]


def _form_span(words: str) -> list[Span]:
    """Where "AABA" stands."""
    said = letter_form(words)
    at = words.find(said.words[0]) if said else -1
    return [(at, at + len(said.words[0]))] if said and at >= 0 else []


def uses(text: str) -> tuple[str, ...]:
    """Words on what the music is for."""
    found = []
    for names in load_hints()["uses"].values():
        found += [n for n in comma_list(names) if (re.search(rf"\b{re.escape(n)}s?\b", text) if n.isascii() else n in text)]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1)
def load_hints() -> dict[str, dict[str, str]]:
    """The ``hints`` of the style lexicon."""
    hints: dict[str, dict[str, str]] = load_yaml("styles.yaml")["hints"]
    return hints


def unknown_words(words: str, text: str, tokens: list[Token], hits: list[Hit], ignored: list[Span]) -> tuple[str, ...]:
    """Content words that nothing understood, verbatim, neighbours of one Chinese run together."""
    covered = [False] * (len(text) + 1)
    for hit in hits:
        covered[hit.start : hit.end] = [True] * (hit.end - hit.start)
    for a, b in ignored:
        covered[a:b] = [True] * (b - a)
    for language in ("en", "zh"):
        for group in ("negation", "everything_else", "only", "instrumental", "order", "accompanied", "solo"):
            for pattern in cues(language)[group].values():
                for match in pattern.finditer(text):
                    covered[match.start() : match.end()] = [True] * (match.end() - match.start())
    out: list[str] = []
    run: list[Token] = []
    for token in [*tokens, Token("", len(text) + 2, len(text) + 2)]:
        joins = bool(run) and has_cjk(token.text) and token.start == run[-1].end
        if run and not joins:
            out.append(words[run[0].start : run[-1].end])
            run = []
        if token.text and not covered[token.start] and _is_content(token.text):
            if has_cjk(token.text):
                run.append(token)
            else:
                out.append(words[token.start : token.end])
    return tuple(dict.fromkeys(w for w in out if not (has_cjk(normalise(w)) and len(w) == 1)))


def _is_content(token: str) -> bool:
    """True for a word that could carry a wish."""
    if has_cjk(token):
        return True
    if len(token) < 3 or not token[0].isalpha() or token.endswith(("n't", "'ll", "'re", "'ve")):
        return False
    if any(s.kind in (IGNORE, STYLE) for s in vocabulary().look_up(token)):
        return False
    return not any(vocabulary().look_up(_STEMS.sub(end, token)) for end in ("", "e", "y") if len(_STEMS.sub("", token)) >= 3)
