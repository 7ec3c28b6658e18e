"""Batches for the joint embedding: windows of log-mel frames with true words, rare instruments more often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.data.cache.read import FrameCache, FrameWindows, Window
from partimento.data.captions import FAMILY_WORDS, Facts, captions, listed, tempo_word
from partimento.embed.joint import JointConfig
from partimento.embed.tower import TowerConfig
from partimento.embed.words import padded_ids
from partimento.errors import RequestError
from partimento.score.instruments import english_name
from partimento.train.captioning import TrueFacts, facts_of_window, true_caption
from partimento.train.embed_prompts import PLAYED_WORDINGS, Prompts
from partimento.train.recipe import EmbedTraining

_TRIES = 8
_NEPER_PER_DB = float(np.log(10.0) / 20.0)
_EQ_POINTS = 6
_COLLAGE_DB = 6.0  # how much softer the second of two windows may be


class MelWindows:
    """Random windows of caches of log-mel features.

    Args:
        folders: caches of ``partimento data encode --features mel``.
        settings: wording, changes.
        text: whose words captions become.
        sound: how much the model hears.
        prompts: what is asked of every window; None makes them from these windows' instruments.
        split: ``train``, ``valid`` or ``test``; sound is changed for ``train`` only.
        on_skip: gets the name of an item that cannot be read, and the reason.

    Raises:
        FileError: no cache, or nothing with words of that split. RequestError: no such features in it.
    """

    def __init__(
        self, folders: Sequence[Path], settings: EmbedTraining, text: TowerConfig, sound: JointConfig,
        prompts: Prompts | None = None, split: str = "train", on_skip: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:  # fmt: skip
        self._windows = FrameWindows(folders, sound.window_frames, split=split, captioned=True, on_skip=on_skip)
        self.layout = layout = self._windows.layout
        if layout.kind != "mel" or layout.width != sound.n_mels:
            has = f"{layout.kind} of width {layout.width}"
            raise RequestError(f"{folders[0]} holds {has}, not {sound.n_mels} mel bands: partimento data encode --features mel")
        self.settings, self._text, self._changed = settings, text, split == "train"
        counts = Counter(tag for folder in folders for e in FrameCache(folder).entries if e.split == split for tag in e.tags)
        self._counts = counts
        self._usual = float(np.median(list(counts.values()))) if counts else 1.0
        self.prompts = prompts or Prompts(text, counts, self._windows.n_items)

    @property
    def n_items(self) -> int:
        """Items that windows are drawn from."""
        return self._windows.n_items

    @property
    def duration_s(self) -> float:
        """Sound in all items."""
        return self._windows.duration_s

    def draw(self, rng: np.random.Generator) -> Window:
        """A window; one whose rarest tag is common is put back more often than one with a rare tag."""
        for _ in range(_TRIES):
            window = self._windows.draw(rng)
            rarest = min((self._counts[tag] for tag in window.tags), default=0)
            if rng.random() < (self._usual / max(rarest, self._usual)) ** self.settings.balance:
                break
        return window

    def facts(self, window: Window) -> TrueFacts | None:
        """The truth about a window, where it is known."""
        return facts_of_window(window.caption, window.controls, window.start_s)

    def caption(self, window: Window, rng: np.random.Generator) -> str:
        """What is said: the item's own words, or the truth about the window in one of two wordings."""
        facts = self.facts(window)
        chance = rng.random() - self.settings.own_caption_share
        if facts is None or chance < 0.0:
            return window.caption
        if chance < self.settings.template_share * (1.0 - self.settings.own_caption_share):
            return template_caption(facts, rng) or true_caption(facts, rng, self.settings.numbers)
        return true_caption(facts, rng, self.settings.numbers)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Frames ``[size, n, n_mels]``, word numbers ``[size, L]``, and which prompts are true ``[size, C]``."""
        found = [self._sample(rng) for _ in range(size)]
        ids = padded_ids([said for _, said, _ in found], self._text.words, self._text.most_words)
        return np.stack([mel for mel, _, _ in found]), ids, np.stack([wanted for _, _, wanted in found])

    def _sample(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], str, NDArray[np.float32]]:
        """A window, or two at once: frames, words, and which prompts are true."""
        window = self.draw(rng)
        mel, facts, barely = window.frames.astype(np.float32), self.facts(window), _barely(window)
        if not self._changed:
            return mel, self.caption(window, rng), self.prompts.wanted(facts, barely)
        mel = self._change(mel, rng)
        if facts is None or not facts.parts or rng.random() >= self.settings.collage_share:
            return mel, self.caption(window, rng), self.prompts.wanted(facts, barely)
        other = self.draw(rng)
        added = self.facts(other)
        if added is None:
            return mel, self.caption(window, rng), self.prompts.wanted(facts, barely)
        softer = np.float32(rng.uniform(-_COLLAGE_DB, 0.0) * _NEPER_PER_DB)
        level = mel.max() - other.frames.max()  # both as loud as each other, before one gets softer
        second = self._change(other.frames.astype(np.float32), rng) + level + softer
        both = TrueFacts(parts=tuple(dict.fromkeys((*facts.parts, *added.parts))))
        said = played_caption(both, rng)
        return np.logaddexp(2.0 * mel, 2.0 * second) / 2.0, said, self.prompts.wanted(both, barely | _barely(other))

    def _change(self, mel: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Another level and another tone colour, as another room or instrument has: a smooth curve over the bands."""
        s = self.settings
        points = rng.uniform(-s.eq_db, s.eq_db, _EQ_POINTS) + rng.uniform(-s.gain_db, s.gain_db)
        curve = np.interp(np.linspace(0.0, _EQ_POINTS - 1.0, mel.shape[1]), np.arange(_EQ_POINTS), points)
        return (mel + (curve * _NEPER_PER_DB).astype(np.float32)[None, :]).astype(np.float32)


def _barely(window: Window) -> frozenset[str]:
    """Instruments that play in a window, however short."""
    rows = window.controls.get("instruments") or ()
    return frozenset(str(row["instrument"]) for row in rows if row.get("active"))


def template_caption(facts: TrueFacts, rng: np.random.Generator) -> str:
    """The truth worded as rendered items' captions are, short, middle or long; empty where too little is known for that."""
    names = _names(facts)
    if not names or not facts.bpm or not facts.key:
        return ""
    absent = tuple(FAMILY_WORDS[family] for family in facts.absent if family in FAMILY_WORDS)
    tempo, label = tempo_word(facts.bpm), facts.label or "music"
    said = Facts(names, absent, facts.late or None, tempo, round(facts.bpm), facts.key, facts.metre, label, facts.moods)
    found = captions(said, rng)
    return found[int(rng.integers(len(found)))]


def played_caption(facts: TrueFacts, rng: np.random.Generator) -> str:
    """Nothing but who plays, sometimes not all of them."""
    names = _names(facts)
    count = int(rng.integers(1, len(names) + 1)) if rng.random() < 0.5 else len(names)
    chosen = [names[i] for i in rng.permutation(len(names))[:count]]
    return PLAYED_WORDINGS[int(rng.integers(len(PLAYED_WORDINGS)))].format(listed(chosen))


def _names(facts: TrueFacts) -> tuple[str, ...]:
    """English names of who plays, without repeats."""
    return tuple(dict.fromkeys(english_name(id_) for id_, _ in facts.parts))
