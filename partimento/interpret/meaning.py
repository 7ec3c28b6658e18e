"""Unknown English words matched to the lexicon by meaning, with the optional extra ``words``."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partimento.errors import PartimentoError
from partimento.interpret.data import comma_list, load_yaml
from partimento.interpret.minilm import SHA256, WIDTH, MiniLM, model_dir
from partimento.interpret.reading import Reading, Said, SaidStyle
from partimento.interpret.vocabulary import EFFECT, vocabulary
from partimento.paths import cache_dir
from partimento.styles import style

THRESHOLD = 0.55
"""Least cosine similarity of a word and a name of the lexicon."""
MAX_WORDS = 16
"""Most unknown words that are looked at."""
HINT = "unknown words could be matched by meaning with the extra `words`: pip install 'partimento[words]'"
BY_MEANING = "by meaning"
_NAMES_PER_MOOD = 3
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]{2,}")


@dataclass(frozen=True, slots=True)
class Match:
    """An unknown word and the lexicon entry nearest to it."""

    word: str
    kind: str
    value: str
    name: str
    similarity: float


@cache
def _candidates() -> list[tuple[str, str, str]]:
    """(kind, id, name) of what a word may mean: moods with a few synonyms, styles. Instruments are named, not meant."""
    rows = [
        ("mood", id_, name) for id_, row in load_yaml("moods.yaml").items() for name in comma_list(row["en"])[:_NAMES_PER_MOOD]
    ]  # fmt: skip
    return rows + [("style", id_, f"{style(id_).en} music") for id_ in load_yaml("styles.yaml")["words"]]


@cache
def _model() -> tuple[MiniLM, NDArray[np.float32]] | None:
    """The model with the vectors of all candidates, loaded once; None when the extra is not installed."""
    folder = model_dir()
    if folder is None:
        return None
    model = MiniLM(folder)
    return model, _vectors(model)


def _vectors(model: MiniLM) -> NDArray[np.float32]:
    """Vectors of all candidates, from the cache folder when they were made before for the same names and weights."""
    names = [name for _, _, name in _candidates()]
    key = hashlib.sha256("\n".join([SHA256, *names]).encode()).hexdigest()[:16]
    path = cache_dir() / f"meanings-{key}.npy"
    try:
        stored: NDArray[np.float32] = np.load(path, allow_pickle=False)
        if stored.shape == (len(names), WIDTH) and stored.dtype == np.float32:
            return stored
    except (OSError, ValueError):
        stored = np.zeros((0, WIDTH), np.float32)  # not made yet, or damaged: made again below
    vectors = model.embed(names)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time only
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.part")
        with partial.open("wb") as file:
            np.save(file, vectors)
        partial.replace(path)
    return vectors


def match_by_meaning(words: list[str]) -> list[Match] | None:
    """The lexicon entries nearest to unknown English words, those above the threshold.

    Returns:
        None when the extra ``words`` is not installed.

    Raises:
        FileError: when the installed model is not the known one.
    """
    loaded = _model()
    if loaded is None:
        return None
    model, vectors = loaded
    english = [w for w in words if _WORD.fullmatch(w)][:MAX_WORDS]
    if not english:
        return []
    similarities = model.embed([w.lower() for w in english]) @ vectors.T
    matches = []
    for row, word in zip(similarities, english, strict=True):
        best = int(np.argmax(row))
        if row[best] >= THRESHOLD:
            kind, value, name = _candidates()[best]
            matches.append(Match(word, kind, value, name, round(float(row[best]), 3)))
    return matches


def with_meanings(reading: Reading) -> tuple[Reading, tuple[str, ...]]:
    """A reading in which unknown words stand for what they mean most nearly, and remarks that say so."""
    english = [w for w in reading.unknown if _WORD.fullmatch(w) and not any(s.kind == EFFECT for s in vocabulary().look_up(w))]
    if not english:
        return reading, ()
    try:
        matches = match_by_meaning(english)
    except PartimentoError as error:
        return reading, (f"unknown words were not matched by meaning: {error}",)
    if matches is None:
        return reading, (HINT,)
    for match in matches:
        reading = _with(reading, match)
    remarks = tuple(f"'{m.word}' is read as '{m.name}' ({BY_MEANING}, similarity {m.similarity:.2f})" for m in matches)
    matched = {m.word for m in matches}
    return replace(reading, unknown=tuple(w for w in reading.unknown if w not in matched)), remarks


def _with(reading: Reading, match: Match) -> Reading:
    """The reading with one match added where nothing was said."""
    words = (match.word,)
    if match.kind == "mood" and all(m.value != match.value for m in reading.moods):
        return replace(reading, moods=(*reading.moods, Said(match.value, words)))
    if match.kind == "style" and not reading.styles:
        return replace(reading, styles=(SaidStyle(match.value, match.word, words, {"by_meaning": True}),))
    return reading
