"""Batches for the joint embedding: windows of log-mel frames with words of different lengths, rare instruments more often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.data.cache.read import FrameCache, FrameWindows, Window
from partimento.embed.tower import TowerConfig
from partimento.embed.words import padded_ids
from partimento.errors import RequestError
from partimento.train.captioning import facts_of_window, true_caption
from partimento.train.recipe import EmbedTraining

_TRIES = 8
_NEPER_PER_DB = float(np.log(10.0) / 20.0)
_EQ_POINTS = 6


class MelWindows:
    """Random windows of caches of log-mel features.

    Args:
        folders: caches of ``partimento data encode --features mel``.
        settings: lengths, wording, changes.
        text: whose words captions become.
        n_mels: bands that the model hears.
        split: ``train``, ``valid`` or ``test``; sound is changed for ``train`` only.

    Raises:
        FileError: no cache, or nothing with words of that split. RequestError: no such features in it.
    """

    def __init__(
        self, folders: Sequence[Path], settings: EmbedTraining, text: TowerConfig, n_mels: int, split: str = "train"
    ) -> None:
        self._windows = FrameWindows(folders, settings.window_frames, split=split, captioned=True)
        self.layout = layout = self._windows.layout
        if layout.kind != "mel" or layout.width != n_mels:
            has = f"{layout.kind} of width {layout.width}"
            raise RequestError(f"{folders[0]} holds {has}, not {n_mels} mel bands: partimento data encode --features mel")
        self.settings, self._text, self._changed = settings, text, split == "train"
        counts = Counter(tag for folder in folders for e in FrameCache(folder).entries if e.split == split for tag in e.tags)
        self._counts = counts
        self._usual = float(np.median(list(counts.values()))) if counts else 1.0

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

    def caption(self, window: Window, rng: np.random.Generator) -> str:
        """What is said: the item's own words, or the truth in the canonical wording."""
        facts = facts_of_window(window.caption, window.controls, window.start_s)
        if facts is None or rng.random() < self.settings.own_caption_share:
            return window.caption
        return true_caption(facts, rng, self.settings.numbers)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Frames ``[size, n, n_mels]`` and word numbers ``[size, L]``, decided by ``rng`` alone."""
        windows = [self.draw(rng) for _ in range(size)]
        texts = [self.caption(window, rng) for window in windows]
        frames = np.stack([window.frames for window in windows]).astype(np.float32)
        if self._changed:
            frames = np.stack([self._change(mel, rng) for mel in frames])
        return frames, padded_ids(texts, self._text.words, self._text.most_words)

    def _change(self, mel: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Another level and another tone colour, as another room or instrument has: a smooth curve over the bands."""
        s = self.settings
        points = rng.uniform(-s.eq_db, s.eq_db, _EQ_POINTS) + rng.uniform(-s.gain_db, s.gain_db)
        curve = np.interp(np.linspace(0.0, _EQ_POINTS - 1.0, mel.shape[1]), np.arange(_EQ_POINTS), points)
        return (mel + (curve * _NEPER_PER_DB).astype(np.float32)[None, :]).astype(np.float32)
