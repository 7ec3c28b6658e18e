"""Songs of a user: found, looked at, encoded once, shared out into those to learn from and one or more to check with."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partimento.data.cache.encoders import EncoderSpec, open_encoder
from partimento.data.cache.layout import INFO, Entry
from partimento.data.cache.read import FrameCache, FrameWindows, Window
from partimento.data.cache.write import EncodeConfig, encode_dataset
from partimento.data.datasets.item import SKIPPED, Item, Skip, SkipReport
from partimento.data.datasets.registry import read_dataset
from partimento.embed.t5 import TextStates
from partimento.errors import FileError, RequestError
from partimento.train.captioning import facts_of_window, true_caption

MIN_S = 5.0
"""Shorter sounds are left out."""
_HELD_OUT_SHARE = 10  # one song of so many, at least one, is not learned from
_MOST_HELD_OUT = 10
_OWN_SHARE = 0.2  # how often an item's own caption is kept where its truth can be worded
_SAYS_NOTHING = {
    "track", "audio", "untitled", "take", "mix", "final", "master", "song", "demo", "version", "copy", "new", "recording",
    "output", "file", "music", "stereo", "mono", "wav",
}  # fmt: skip


@dataclass(slots=True)
class Songs:
    """What there is to learn from.

    Attributes:
        cache: folder of the tokens.
        learn, held_out: names of items in it.
        words: what is said about items that have no caption of their own; empty for nothing.
        told_by: where words come from → how many songs.
        skips: what was left out.
    """

    cache: Path
    learn: frozenset[str] = frozenset()
    held_out: frozenset[str] = frozenset()
    words: dict[str, str] = field(default_factory=dict)
    told_by: Counter[str] = field(default_factory=Counter)
    skips: list[Skip] = field(default_factory=list)


def gather(data: Path, codec: str, cache: Path, report: Path, *, text: str = "", jobs: int = 1) -> Songs:
    """Find songs, encode what is not encoded yet, and share them out.

    Args:
        data: a dataset that :mod:`partimento.data.datasets` reads, any folder of sound among them, or a token cache.
        codec: as :class:`partimento.data.cache.encoders.TokenEncoder` takes it.
        cache: folder of the tokens (not used when ``data`` is one).
        report: file that names what was left out, one JSON object a line.
        text: said about every song that has no words of its own; then neither tags nor file names are looked at.
        jobs: processes that encode.

    Raises:
        FileError: no sound, or none that is long enough and can be used. RequestError: a cache of another codec.
    """
    if (data / INFO).exists():
        songs, items = Songs(data), None
    else:
        songs, items = _encoded(data, codec, cache, jobs)
    entries = _usable(songs, codec, items)
    songs.learn, songs.held_out = _shared_out(entries, items)
    for entry in entries.values():
        _tell(songs, entry, items[entry.name] if items else None, text)
    skipped = SkipReport(report)
    for skip in songs.skips:
        skipped.add(skip)
    if not songs.learn:
        why = f"; {len(songs.skips)} left out, see {report}" if songs.skips else ""
        raise FileError(f"{data} holds no sound of {MIN_S:g} s or more that can be learned from{why}")
    return songs


def _encoded(data: Path, codec: str, cache: Path, jobs: int) -> tuple[Songs, dict[str, Item]]:
    """Tokens of everything that is long enough."""
    import json

    songs = Songs(cache)
    prefix = data.resolve().name
    items = {f"{prefix}/{item.id}": item for item in read_dataset(data, on_skip=songs.skips.append)}
    if not any(item.duration_s >= MIN_S for item in items.values()):
        long_s = max((item.duration_s for item in items.values()), default=0.0)
        what = f"the longest sound has {long_s:.1f} s" if items else f"none of its {len(songs.skips)} sound files can be read"
        raise FileError(f"{data}: {what}; {MIN_S:g} s or more are needed")
    encode_dataset(EncodeConfig(data, cache, EncoderSpec("tokens", codec), name=prefix, jobs=jobs))
    known = {(skip.name, skip.reason) for skip in songs.skips}
    for line in (cache / SKIPPED).read_text(encoding="utf-8").splitlines():
        skip = Skip(**json.loads(line))
        songs.skips += [skip] if (skip.name, skip.reason) not in known else []
    return songs, items


def _usable(songs: Songs, codec: str, items: dict[str, Item] | None) -> dict[str, Entry]:
    """Items of the cache that are long enough and no other's double, by name."""
    cache = FrameCache(songs.cache)
    wanted = open_encoder(EncoderSpec("tokens", codec)).layout
    if cache.layout.fingerprint != wanted.fingerprint:
        raise RequestError(
            f"{songs.cache} holds {cache.layout.kind} of {cache.layout.name}, the model speaks those of {wanted.name}"
        )
    entries: dict[str, Entry] = {}
    seen: dict[str, str] = {}
    for entry in cache.entries:
        if items is not None and entry.name not in items:
            continue  # of an earlier run; the file is gone
        if entry.n_frames < MIN_S * cache.layout.frame_rate_hz:
            length_s = entry.n_frames / cache.layout.frame_rate_hz
            songs.skips.append(Skip(entry.name, f"{length_s:.1f} s long; {MIN_S:g} s or more are needed"))
        elif entry.key in seen:
            songs.skips.append(Skip(entry.name, f"the same sound as {seen[entry.key]}"))
        else:
            seen[entry.key], entries[entry.name] = entry.name, entry
    return entries


def _shared_out(entries: dict[str, Entry], items: dict[str, Item] | None) -> tuple[frozenset[str], frozenset[str]]:
    """Names to learn from and to check with: the dataset's own splits where it has them, else one song in ten by its hash."""
    splits = {name: entry.split if items is None else items[name].split for name, entry in entries.items()}
    held_out = {name for name, split in splits.items() if split == "valid"}
    rest = {name for name, split in splits.items() if split not in ("valid", "test")}
    if not held_out and len(rest) >= 2:
        count = min(_MOST_HELD_OUT, max(1, len(rest) // _HELD_OUT_SHARE))
        held_out = set(sorted(rest, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:count])
    return frozenset(rest - held_out), frozenset(held_out)


def _tell(songs: Songs, entry: Entry, item: Item | None, text: str) -> None:
    """Find words for an item that has no caption, and count where words come from."""
    if entry.captions:
        songs.told_by["captions"] += 1
        return
    name = item.audio.stem if item is not None and item.audio is not None else Path(entry.name).stem
    places = [("tags", ", ".join(entry.tags))]
    if text:
        places = [("--text", text)]
    else:
        if item is not None and item.audio is not None:
            places.append(("the genre in the sound file", genre_in(item.audio)))
        places.append(("file names", words_of_name(name)))
    for place, words in places:
        if words:
            songs.words[entry.name] = words
            songs.told_by[place] += 1
            return
    songs.told_by["nothing (learned without text)"] += 1


def genre_in(path: Path) -> str:
    """The genre that a sound file itself names (ID3, Vorbis comment, RIFF INFO); empty for none."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            return " ".join(str(file.copy_metadata().get("genre", "")).split())
    except (soundfile.LibsndfileError, RuntimeError, OSError, UnicodeDecodeError):
        return ""


def words_of_name(stem: str) -> str:
    """What a file name says: its words without numbers, when two or more of them mean something; else empty.

    ``03 - slow_blues_in_A`` says "slow blues in A", ``Track 07 (final mix)`` says nothing.
    """
    words = [w for w in re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem)) if w and not any(c.isdigit() for c in w)]
    words = [w for w in words if w.lower() not in _SAYS_NOTHING]
    return " ".join(words) if sum(len(w) >= 3 for w in words) >= 2 else ""


class SongWindows:
    """Random windows of songs with what is said of them.

    Args:
        songs: where they are.
        names: which of them.
        n_codebooks: how many of the cache's codebooks the model speaks.
        n_frames: of a window; a shorter song is filled up, and what is filled is not learned.
        on_skip: gets the name of a song whose tokens cannot be read, and the reason.
    """

    def __init__(
        self, songs: Songs, names: Collection[str], n_codebooks: int, n_frames: int,
        on_skip: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:  # fmt: skip
        self._windows = FrameWindows([songs.cache], n_frames, split=None, names=names, on_skip=on_skip)
        if self._windows.layout.width < n_codebooks:
            raise RequestError(f"{songs.cache} holds {self._windows.layout.width} codebooks, the model speaks {n_codebooks}")
        self._words, self._n_codebooks = songs.words, n_codebooks
        self.rate_hz = self._windows.layout.frame_rate_hz
        self.duration_s = self._windows.duration_s

    def batch(self, rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], list[str]]:
        """Codes ``[size, K, n]`` and a text per window, decided by ``rng`` alone."""
        frames, windows = self._windows.batch(rng, size)
        codes = frames[..., : self._n_codebooks].astype(np.int64).transpose(0, 2, 1)
        return np.ascontiguousarray(codes), [self._said(window, rng) for window in windows]

    def _said(self, window: Window, rng: np.random.Generator) -> str:
        """The truth about a rendered item worded anew, an item's own caption, or what else is known of it."""
        own = rng.random() < _OWN_SHARE
        facts = None if own else facts_of_window(window.caption, window.controls, window.start_s)
        return true_caption(facts, rng) if facts is not None else window.caption or self._words.get(window.name, "")


class TextTable:
    """Texts by number, so that a batch can carry them, and their states by the model's own encoder; each is encoded once.

    Args:
        encode: texts to their states.
        most: states kept; with more texts the oldest are encoded again.
    """

    def __init__(self, encode: Callable[[list[str]], TextStates], most: int = 2048) -> None:
        self._encode, self._most = encode, most
        self._numbers: dict[str, int] = {"": 0}
        self._texts = [""]
        self._states: dict[int, Tensor] = {}
        self._lock = Lock()

    def number(self, text: str) -> int:
        """Of a text; 0 for the empty one. Safe in threads."""
        with self._lock:
            if text not in self._numbers:
                self._numbers[text] = len(self._texts)
                self._texts.append(text)
            return self._numbers[text]

    def states(self, numbers: list[int]) -> TextStates:
        """Padded states ``[B, L, D]``, at least one position long, and where they are real."""
        for number in dict.fromkeys(numbers):
            if number not in self._states:
                # A copy, because encoders make tensors that autograd may not keep.
                self._states[number] = self._encode([self._texts[number]]).states[0].clone()
        rows = [self._states[number] for number in numbers]
        while len(self._states) > self._most:
            del self._states[next(iter(self._states))]
        stacked = TextStates.stack(rows)
        if stacked.states.shape[1]:
            return stacked
        return TextStates(stacked.states.new_zeros(len(rows), 1, rows[0].shape[-1]), torch.zeros(len(rows), 1, dtype=torch.bool))
