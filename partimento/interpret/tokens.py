"""Text before it is understood: normalised characters, tokens, sentences, clauses, language.

Normalising never changes the number of characters, so a position in the normalised text is a position in the user's
own words and every field of a plan can quote them verbatim.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from partimento.interpret.data import load_yaml

_TOKEN = re.compile(r"[a-z0-9]+(?:['&][a-z0-9]+)*[#♯♭]?|[\u3400-\u9fff\uf900-\ufaff]|[^\sa-z0-9\u3400-\u9fff\uf900-\ufaff]")
_SENTENCE_END = re.compile(r"(?<!\d)[.](?!\d)|(?<=\d)[.](?=\s|$)|[!?。;\n\r]+|(?<=[a-z])[.](?=\d)")
_CLAUSE_END = re.compile(r"(?:[,，()\[\]{}“”\"–—~|]|:(?!\d\d))+|\s[-/]\s")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[a-z]{2,}")
_QUOTES = {
    "’": "'",
    "‘": "'",
    "`": "'",
    "´": "'",
    "！": "!",
    "？": "?",
    "；": ";",
    "，": ",",
    "：": ":",
    "‐": "-",
    "‑": "-",
    "−": "-",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a Chinese character or a punctuation mark at ``start`` to ``end`` of the normalised text."""

    text: str
    start: int
    end: int


@cache
def _simplified() -> dict[str, str]:
    """Traditional → simplified characters."""
    pairs = load_yaml("hanzi.yaml")["pairs"].split()
    return {pair[0]: pair[1] for pair in pairs}


def _normalised_char(char: str) -> str:
    """One character in, one out: lower case, half width, without accent, simplified."""
    if char < "\x7f":
        return char.lower()
    if char in _QUOTES:
        return _QUOTES[char]
    if _CJK.match(char):
        return _simplified().get(char, char)
    folded = unicodedata.normalize("NFKC", char).lower()
    if len(folded) != 1:
        return char
    plain = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    folded = plain if len(plain) == 1 else folded
    return _QUOTES.get(folded, folded)


def normalise(text: str) -> str:
    """Lower case, half-width, accent-free, simplified text of exactly the same length."""
    return "".join(map(_normalised_char, text))


def tokenise(text: str) -> list[Token]:
    """Tokens of a normalised text; hyphens and spaces separate, every Chinese character is a token."""
    tokens = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        if word == "-":
            continue
        if word.endswith("'s") and len(word) > 3 and not word[:-2].isdigit():
            word = word[:-2]
        tokens.append(Token(word, match.start(), match.end()))
    return tokens


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence of a normalised text; together they cover it."""
    spans, at = [], 0
    for match in _SENTENCE_END.finditer(text):
        if match.end() > at:
            spans.append((at, match.end()))
            at = match.end()
    if at < len(text):
        spans.append((at, len(text)))
    return spans


def clause_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Start and end of each clause (between commas, colons, brackets, dashes) of ``text[start:end]``."""
    spans, at = [], start
    for match in _CLAUSE_END.finditer(text, start, end):
        if match.start() > at:
            spans.append((at, match.start()))
        at = match.end()
    if at < end:
        spans.append((at, end))
    return spans


def language_of(text: str) -> str:
    """``zh`` when the text has at least as many Chinese characters as Latin words, else ``en``."""
    chinese = len(_CJK.findall(text))
    return "zh" if chinese and chinese >= len(_LATIN_WORD.findall(text)) else "en"


def has_cjk(text: str) -> bool:
    """True when any Chinese character occurs."""
    return bool(_CJK.search(text))
