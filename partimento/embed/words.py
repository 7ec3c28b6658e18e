"""Captions as word numbers, for text towers of our own: a closed vocabulary of the words that captions use.

Numbers mean something here, so they are words of their own: ``84 bpm`` is one word in steps of 4, ``6/8`` is one, and so is the
tonic in ``F# minor``. Words outside the vocabulary are passed over, so that an unseen wording still says its instruments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BPM_STEP = 4
BPM_RANGE = (40, 240)
PAD = 0
"""Stands behind the end of shorter texts; never a word."""
_TOKEN = re.compile(
    r"(\d+(?:\.\d+)?)\s*bpm|bpm:\s*(\d+(?:\.\d+)?)|(\d+/\d+)|\b([a-g](?:#|b| sharp| flat)?)(?= (?:major|minor)\b)|([a-z]+)"
)
_METRES = tuple(f"{n}/{d}" for d, most in ((2, 4), (4, 9), (8, 15)) for n in range(2, most + 1))
_TONICS = tuple(f"key_{letter}{sign}" for letter in "abcdefg" for sign in ("", "#", "b"))
_GLUE = (
    "a an the and or with without no not of in for at by to from then first later enters enter piece music song melody chords "
    "solo arpeggios major minor instrumental it builds up calms down fades out other instruments everything else very slow fast "
    "mid tempo time about play plays we hear featuring something made section quiet loud soft"
)  # fmt: skip


def caption_words(text: str) -> list[str]:
    """A text as words in lower case; numbers as in the module's text."""
    out = []
    for found in _TOKEN.finditer(text.lower()):
        bpm, labelled, metre, tonic, word = found.groups()
        if bpm or labelled:
            out.append(f"bpm_{_rounded(float(bpm or labelled))}")
        elif metre:
            out.append(metre)
        elif tonic:
            out.append("key_" + tonic.replace(" sharp", "#").replace(" flat", "b"))
        else:
            out.append(word)
    return out


def _rounded(bpm: float) -> int:
    """The nearest step, within the range."""
    low, high = BPM_RANGE
    return min(high, max(low, BPM_STEP * round(bpm / BPM_STEP)))


def vocabulary(names: Iterable[str] = ()) -> tuple[str, ...]:
    """Words of the tables of instruments and styles, of numbers, metres and keys, and of ``names`` (moods, labels), sorted.

    A checkpoint keeps the list it was trained with: the tables may grow.
    """
    from partimento.score.instruments import instruments
    from partimento.styles import style, style_ids

    words = set(_GLUE.split()) | set(_METRES) | set(_TONICS)
    words |= {f"bpm_{bpm}" for bpm in range(BPM_RANGE[0], BPM_RANGE[1] + 1, BPM_STEP)}
    for row in instruments().values():
        words |= {*caption_words(row.en), *caption_words(row.id.replace("_", " ")), *caption_words(row.family)}
    for id_ in style_ids():
        words |= {*caption_words(style(id_).en), *caption_words(id_.replace("_", " "))}
    for name in names:
        words |= set(caption_words(name.replace("_", " ")))
    return tuple(sorted(words))


@lru_cache(maxsize=8)
def _numbers(words: tuple[str, ...]) -> dict[str, int]:
    return {word: i + 1 for i, word in enumerate(words)}


def word_ids(text: str, words: tuple[str, ...], most: int) -> list[int]:
    """Numbers (1 and up) of a text's known words, the first ``most`` of them."""
    known = _numbers(words)
    return [known[word] for word in caption_words(text) if word in known][:most]


def padded_ids(texts: Sequence[str], words: tuple[str, ...], most: int) -> NDArray[np.int64]:
    """``[len(texts), most]``, :data:`PAD` behind each text's end."""
    out = np.full((len(texts), most), PAD, dtype=np.int64)
    for row, text in zip(out, texts, strict=True):
        ids = word_ids(text, words, most)
        row[: len(ids)] = ids
    return out
