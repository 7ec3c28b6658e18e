"""Numbers, chords and keys in the words that cannot be kept: listed with the reason, never lost in silence."""

from __future__ import annotations

import re

from partimento.interpret.chord_words import is_chord
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM

_BPM = re.compile(r"(?<![\d.])(\d{1,9}(?:\.\d{1,3})?)\s*(?:bpm|b\.p\.m\.?|beats per min(?:ute)?|拍每分钟)")
_FRACTION = re.compile(r"(?<![\d/.:])(\d{1,2})/(\d{1,2})(?![\d/:])(?!\s*(?:of|bpm|inch))")
_BEATS = (1, 2, 4, 8, 16, 32)
_NO_METRE = ((24, 7), (50, 50), (9, 11))  # "24/7", "50/50": ways of speaking
_CHORDS = re.compile(r"(?i:\b(?:chords?|chord progression|progression|changes)\b|和弦)(?i:\s*(?:are|is|of|:|：|=|为|是))*\s*")
_NO_CHORD = re.compile(r"[A-Z](?:[#b♯♭]|m|maj|min|x|dim|aug|sus|\d)?[A-Za-z0-9#/]{0,3}(?=[\s,|;.\-–]|$)")
_KEY = re.compile(
    r"\bkey (?:of|is|:|=)\s*([a-z])(?![a-z'])|(?<![a-z'’])([j-z])[#b]?[ -](?:major|minor)\b|([i-z])\s*(?:大调|小调)"
)
_DENIED_KEY = re.compile(
    r"\b(?:not|never) in (?:the )?(?:key of )?(?P<tonic>[a-g])(?:#|b|[ -]sharp|[ -]flat)?m?(?: (?:major|minor))?(?=[\s,.;!]|$)|"
    r"(?:不要|不用|别用)(?:升|降)?[a-g][#b]?(?:大调|小调)"
)
_SECTION_KEY = re.compile(
    r"\b(?:(?:with|and) )?(?:the |an? )?(?:middle|second|third|last|final|first|b|c|contrasting|slow)[ -](?:section|part)"
    r"(?: is| being)? in (?:the |a )?(?:(?:relative|parallel|tonic) )?(?:minor|major)\b(?: key| mode)?|"
    r"\b(?:bridge|chorus|verse|trio|outro)(?: is| being)? in (?:the |a )(?:(?:relative|parallel) )?(?:minor|major)\b|"
    r"(?:中段|中间部?分?|第[二三]段|副歌|主歌|桥段|[Bb]段)(?:部分)?(?:转|变|用|改|换)(?:到|成|为)?(?:关系|平行|同名)?[大小]调"
)
_SECTION_KEY_REASON = "the key of one section cannot be asked for; the piece stays in its key"


def refusals(text: str, words: str) -> list[str]:
    """What the words ask for and no plan can hold, verbatim with the limit in brackets.

    Args:
        text: the normalised words.
        words: the words as they were written; same length.
    """
    limit = f"a tempo is {MIN_TEMPO_BPM:g} to {MAX_TEMPO_BPM:g} bpm"
    found = [
        f"{words[slice(*m.span())]} ({limit})"
        for m in _BPM.finditer(text)
        if not MIN_TEMPO_BPM <= float(m.group(1)) <= MAX_TEMPO_BPM
    ]
    for match in _FRACTION.finditer(text):
        beats, unit = int(match.group(1)), int(match.group(2))
        if beats > 1 and unit > 1 and unit not in _BEATS and (beats, unit) not in _NO_METRE:
            found.append(f"{match.group()} (no metre: the lower figure is 1, 2, 4, 8, 16 or 32)")
    found += [f"{chord} (no chord)" for chord in _no_chords(words)]
    for match in _KEY.finditer(text):
        letter = next(g for g in match.groups() if g)
        if letter not in "abcdefgh":
            found.append(f"{words[slice(*match.span())]} (a key has a tonic from A to G)")
    found += [
        f"{words[slice(*m.span())]} (a key can be asked for, not ruled out)"
        for m in _DENIED_KEY.finditer(text)
        if m.group("tonic") is None or words[m.start("tonic")].isupper()
    ]
    found += [f"{words[slice(*m.span())]} ({_SECTION_KEY_REASON})" for m in _SECTION_KEY.finditer(text)]
    return found


def _no_chords(words: str) -> list[str]:
    """Behind "chords": tokens with the look of chords of which the first is none ("Hx Zm")."""
    out: list[str] = []
    for cue in _CHORDS.finditer(words):
        at = cue.end()
        while match := _NO_CHORD.match(words, at):
            token = match.group()
            if is_chord(token) and not out:
                break  # a run of chords, read elsewhere
            plain_word = len(token) > 1 and token[1:].isalpha() and token[1:].islower() and token[1] not in "mx"
            if plain_word:
                break
            if not is_chord(token):
                out.append(token)
            at = match.end()
            gap = re.match(r"[\s,|;\-–]+", words[at:])
            at += gap.end() if gap else 0
            if not gap:
                break
    return out
