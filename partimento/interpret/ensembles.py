"""Ensembles by their words: lists that are complete ("for cello and harp"), sizes ("twelve parts"), large orchestras."""

from __future__ import annotations

import re
from collections.abc import Iterable

from partimento.interpret.data import load_yaml
from partimento.interpret.reading import Reading
from partimento.interpret.style_choice import StyleChoice
from partimento.score.instruments import instruments

LARGE = 10
"""Parts of an ensemble that is to sound large (at least eight are wanted when some of them may not play)."""
_MOST_LOOSE_WORDS = 2
_ORCHESTRAL = re.compile(r"\b(?:epic|orchestral|orchestra|symphon\w*|philharmonic)\b|史诗|管弦|交响")
_ORCHESTRAL_STYLES = ("cinematic", "classical")
ORCHESTRA = (
    ("strings", "pad", 0.0), ("french_horn", "counter", 0.0), ("flute", "counter", 0.0), ("timpani", "percussion", 0.0),
    ("cello", "bass", 0.0), ("trumpet", "counter", 0.4), ("clarinet", "counter", 0.0), ("violin", "arpeggio", 0.0),
    ("trombone", "counter", 0.4), ("harp", "arpeggio", 0.0), ("bassoon", "counter", 0.0), ("choir", "pad", 0.5),
    ("oboe", "counter", 0.0), ("taiko", "percussion", 0.4), ("contrabass", "bass", 0.0),
)  # fmt: skip
"""(instrument, role, least section energy) that make an orchestra larger, the most needed first."""
BAND = (
    ("piano", "chords", 0.0), ("bass", "bass", 0.0), ("drums", "drums", 0.0), ("electric_guitar", "chords", 0.0),
    ("organ", "pad", 0.0), ("trumpet", "counter", 0.0), ("tenor_sax", "counter", 0.0), ("strings", "pad", 0.0),
    ("tambourine", "percussion", 0.0), ("trombone", "counter", 0.0), ("acoustic_guitar", "chords", 0.0),
    ("conga", "percussion", 0.0), ("vibraphone", "arpeggio", 0.0), ("flute", "counter", 0.0), ("choir", "pad", 0.0),
)  # fmt: skip
"""The same for bands."""
_SIZE = re.compile(
    r"\b([\w]+)[ -](?:different )?(?:part|player|instrument|musician)s?\b(?! of\b)"
    r"|\b([\w]+)[- ]piece (?:band|ensemble|orchestra|group|combo)\b"
    r"|([\d一二两三四五六七八九十]+) ?(?:个|件)(?:声部|乐器|乐手)"
)
_ADDED = re.compile(r"(?:\b(?:with|and|plus|featuring|over|by|including)\b|[+&])[^,.;]{0,16}$|[加带配和与有][^，。；]{0,6}$")
_HAN = {c: i for i, c in enumerate("零一二三四五六七八九十")} | {"两": 2, "十一": 11, "十二": 12}


def asked_size(reading: Reading) -> tuple[int, tuple[str, ...]] | None:
    """How many parts the words ask for ("trio", "twelve parts", "五件乐器"), 1 to 12, with the words."""
    if reading.ensemble_size is not None:
        return reading.ensemble_size
    for match in _SIZE.finditer(reading.text.lower()):
        word = next(g for g in match.groups() if g)
        count = int(word) if word.isdigit() else _HAN.get(word) or _numbers().get(word)
        if count is not None and 2 <= count <= 12:
            return count, (reading.text[match.start() : match.end()],)
    return None


def _numbers() -> dict[str, int]:
    pairs = [item.strip().rsplit(" ", 1) for item in str(load_yaml("terms.yaml")["numbers"]["en"]).split(",")]
    return {name: int(value) for name, value in pairs if value.isdigit()}


def is_closed_list(reading: Reading) -> bool:
    """True when the words list their players: "for cello and harp", "for two violins", "为大提琴和竖琴".

    The list must hold everything that the words let play, and at least two players: "a waltz for violin" leaves open who
    accompanies.
    """
    said = [i for i in reading.instruments if not i.implied]
    if said and is_sung(i.instrument for i in said):
        return True
    if not said or len(said) != len(reading.instruments) or sum(i.count for i in said) < 2:
        return False
    names = sorted({w.lower() for i in said for w in i.words}, key=len, reverse=True)
    name = "|".join(re.escape(n) for n in names)
    text = reading.text.lower()
    loose = rf"(?:[\w'-]+ ){{0,{_MOST_LOOSE_WORDS}}}?"
    english = re.compile(rf"\b(?:for|between) {loose}(?:{name})(?:(?:,? and |, | & | \+ | with ){loose}(?:{name}))*")
    chinese = re.compile(rf"(?:为|给|由)[一二两三四几把支个架]*(?:{name})(?:[、,，和与跟及][一二两三四几把支个架]*(?:{name}))*")
    for match in [*english.finditer(text), *chinese.finditer(text)]:
        held = [i for i in said if any(w.lower() in match.group() for w in i.words)]
        if len(held) == len(said):
            return True
    return False


def is_whole_ensemble(reading: Reading) -> bool:
    """True when all that the words let play are the players of one ensemble's name ("brass quintet"), at least three.

    "Rock with a string quartet" adds the ensemble to something else.
    """
    said = reading.instruments
    if sum(i.count for i in said) < 3 or len({i.words for i in said}) != 1 or not said[0].words:
        return False
    before = reading.text.lower().partition(said[0].words[0].lower())[0]
    return _ADDED.search(before) is None


def is_sung(ids: Iterable[str]) -> bool:
    """True for a group of single voices (soprano, alto, tenor, bass): it sings alone."""
    rows = [instruments()[id_] for id_ in ids]
    return bool(rows) and all(r.family == "voices" and not r.poly and r.id != "voice" for r in rows)


def wants_orchestra(reading: Reading, choice: StyleChoice) -> bool:
    """True when the words ask for something epic, orchestral or symphonic, and name no ensemble of another size."""
    if choice.style.id not in _ORCHESTRAL_STYLES or any(i.implied for i in reading.instruments):
        return False
    labels = [w for s in reading.styles for w in (s.label, *s.words)]
    labels += [w for i in reading.instruments if i.instrument == "orchestra" for w in i.words]
    labels += [w for m in reading.moods for w in (m.value, *m.words)]
    return any(_ORCHESTRAL.search(w.lower()) and "chamber" not in w.lower() for w in labels)


def drops_out_of_nothing(reading: Reading) -> bool:
    """True when what the words move ("the drums drop out in the chorus") must have something to move against."""
    return any(p.kind in ("leave", "silent", "enter", "during") and "*" not in p.instruments for p in reading.passages)


def leaves_nobody(reading: Reading, players: Iterable[str]) -> bool:
    """True when every one of the players is said to leave for good, or to pause: somebody else has to go on."""
    leaving = {id_ for p in reading.passages if p.kind in ("leave", "silent") for id_ in p.instruments}
    players = set(players)
    return bool(players) and players <= leaving
