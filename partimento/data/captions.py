"""What a rendered item is, in words: several captions of different length and wording per item.

Everything said is true of the notes: instruments, what is absent, order of entry, tempo, key, metre, style and mood where
they are known. Wordings come in two sets, so that a model can be tested on sentences it has not met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from partimento.score.instruments import english_name, instruments
from partimento.score.score import Score

_FAMILIES_TO_MISS = ("drums", "guitars", "strings", "brass", "winds", "synth", "voices")
FAMILY_WORDS = {
    "drums": "drums", "guitars": "guitar", "strings": "strings", "brass": "brass", "winds": "wind instruments",
    "synth": "synthesizers", "voices": "voices",
}  # fmt: skip
"""Family of the instrument table → how captions say that none of it plays."""
TEMPO_WORDS = ((66.0, "very slow"), (84.0, "slow"), (108.0, "mid-tempo"), (138.0, "fast"), (1e9, "very fast"))
"""Words for tempi, each up to its limit in bpm."""
_ENTRY_S = 4.0

TRAIN_TEMPLATES = (
    "{tempo} {label} with {instruments}",
    "{label} for {instruments}, {tempo}",
    "a {tempo} piece of {label}: {instruments}",
    "{instruments} play {tempo} {label}{absent}",
    "{tempo} {label}{order}, with {instruments}{absent}",
    "{label} in {key}, {metre} time, about {bpm} bpm, with {instruments}{absent}",
)
TEST_TEMPLATES = (
    "we hear {instruments} in a {tempo} piece of {label}{absent}",
    "{label}, {tempo}, featuring {instruments}{order}",
    "something {tempo}: {label} made of {instruments}",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the captions may say.

    Attributes:
        instruments: English names in order of entry, without repeats.
        absent: families that do not play, as words.
        late: name of an instrument that enters clearly after the others, or None.
        tempo: a word for it.
        bpm: quarter notes per minute, rounded.
        key, metre: as people write them.
        label: style or kind of music.
        moods: adjectives, possibly none.
    """

    instruments: tuple[str, ...]
    absent: tuple[str, ...]
    late: str | None
    tempo: str
    bpm: int
    key: str
    metre: str
    label: str
    moods: tuple[str, ...] = ()


def facts_of(score: Score, label: str = "", moods: Sequence[str] = ()) -> Facts:
    """Read the facts off a score.

    Args:
        score: what is played.
        label: style, when known; otherwise ``music``.
        moods: adjectives, when known.
    """
    table = instruments()
    entries: dict[str, float] = {}
    families = set()
    for track in score.tracks:
        if not track.notes:
            continue
        row = table.get(track.instrument)
        name = english_name(track.instrument)
        families.add(row.family if row is not None else "")
        first_s = score.tempo_map.seconds(track.notes[0].start)
        entries[name] = min(entries.get(name, first_s), first_s)
    names = tuple(sorted(entries, key=lambda n: (entries[n], n)))
    late = names[-1] if len(names) > 1 and entries[names[-1]] - entries[names[-2]] > _ENTRY_S else None
    families |= {"drums"} if "percussion" in families else set()
    absent = tuple(FAMILY_WORDS[f] for f in _FAMILIES_TO_MISS if f not in families)
    key = f"{score.key.spell(score.key.tonic)} {score.key.mode}"
    tempo = tempo_word(score.tempo_bpm)
    return Facts(names, absent, late, tempo, round(score.tempo_bpm), key, str(score.metre), label or "music", tuple(moods))


def tempo_word(bpm: float) -> str:
    """What captions call a tempo (:data:`TEMPO_WORDS`)."""
    return next(word for limit, word in TEMPO_WORDS if bpm < limit)


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def captions(facts: Facts, rng: np.random.Generator, templates: Sequence[str] = TRAIN_TEMPLATES) -> tuple[str, ...]:
    """A short, a middle and a long caption."""
    names = list(facts.instruments)
    first = names[: min(2, len(names))]
    moods = [*facts.moods]
    short = " ".join([*moods[:1], facts.label]) if facts.label != "music" or moods else f"{listed(first)}, {facts.tempo}"
    return (short, _filled(facts, rng, templates, first, plain=True), _filled(facts, rng, templates, names, plain=False))


def _filled(facts: Facts, rng: np.random.Generator, templates: Sequence[str], names: list[str], plain: bool) -> str:
    """One template with its blanks filled; a plain one says neither what is absent nor who enters late."""
    shuffled = [names[i] for i in rng.permutation(len(names))] if names else ["silence"]
    absent = f", no {facts.absent[int(rng.integers(len(facts.absent)))]}" if facts.absent and rng.random() < 0.6 else ""
    order = f", the {facts.late} enters later" if facts.late else ""
    template = str(templates[int(rng.integers(len(templates)))])
    label = " ".join([*facts.moods[: 1 if plain else 2], facts.label])
    return template.format(
        tempo=facts.tempo, label=label, instruments=listed(shuffled), absent="" if plain else absent,
        order="" if plain else order, key=facts.key, metre=facts.metre, bpm=facts.bpm,
    )  # fmt: skip
