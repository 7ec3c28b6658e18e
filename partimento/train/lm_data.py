"""Batches for the audio language model: windows of codec tokens with what is true of them in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.data.cache.read import FrameCache, FrameWindows, Window
from partimento.embed.tower import TowerConfig
from partimento.embed.words import padded_ids
from partimento.errors import FileError, RequestError
from partimento.train.captioning import facts_of_window, true_caption

Ints = NDArray[np.int64]


class TokenWindows:
    """Random windows of token caches.

    Args:
        folders: caches of one codec.
        n_codebooks: how many of its codebooks are learned.
        n_frames: of a window; a shorter item is filled up, and what is filled is not learned.
        text: whose words captions become.
        own_share: how often an item's own caption is kept where its truth is known.
        split: ``train``, ``valid`` or ``test``.
        on_skip: gets the name of an item that cannot be read, and the reason.

    Raises:
        FileError: no cache, or nothing of that split.
        RequestError: no tokens in it, or fewer codebooks than asked for.
    """

    def __init__(
        self, folders: Sequence[Path], n_codebooks: int, n_frames: int, text: TowerConfig, own_share: float,
        split: str = "train", on_skip: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:  # fmt: skip
        self._windows = FrameWindows(folders, n_frames, split=split, on_skip=on_skip)
        self.layout = layout = self._windows.layout
        if layout.kind != "tokens" or layout.width < n_codebooks:
            has = f"{layout.width} codebooks" if layout.kind == "tokens" else "features"
            raise RequestError(
                f"{folders[0]} holds {has}; the recipe needs {n_codebooks} codebooks: partimento data encode --codec"
            )
        self.n_codebooks, self.n_frames, self._text, self._own_share = n_codebooks, n_frames, text, own_share
        self._folders, self._split, self._on_skip = tuple(folders), split, on_skip
        self._by_length = {n_frames: self._windows}

    @property
    def n_items(self) -> int:
        """Items that windows are drawn from."""
        return self._windows.n_items

    @property
    def duration_s(self) -> float:
        """Sound in all items."""
        return self._windows.duration_s

    def caption(self, window: Window, rng: np.random.Generator) -> str:
        """What is said about a window."""
        own = rng.random() < self._own_share
        facts = facts_of_window(window.caption, window.controls, window.start_s)
        return window.caption if facts is None or own else true_caption(facts, rng)

    def batch(self, rng: np.random.Generator, size: int, n_frames: int | None = None) -> tuple[Ints, Ints]:
        """Codes ``[size, K, n]`` and word numbers ``[size, L]``, decided by ``rng`` alone; ``n_frames`` for other windows."""
        n = n_frames or self.n_frames
        if n not in self._by_length:
            self._by_length[n] = FrameWindows(self._folders, n, split=self._split, on_skip=self._on_skip)
        frames, windows = self._by_length[n].batch(rng, size)
        texts = [self.caption(window, rng) for window in windows]
        codes = frames[..., : self.n_codebooks].astype(np.int64).transpose(0, 2, 1)
        return np.ascontiguousarray(codes), padded_ids(texts, self._text.words, self._text.most_words)

    def sequences(self, most_frames: int = 2_000_000) -> list[Ints]:
        """Whole items ``[T, K]`` in order of their names, until so many frames: for baselines that count.

        Raises:
            FileError: no item can be read.
        """
        out, total = [], 0
        for folder in self._folders:
            cache = FrameCache(folder)
            for entry in cache.entries:
                if entry.split != self._split or total >= most_frames:
                    continue
                try:
                    out.append(np.asarray(cache.frames(entry)[:, : self.n_codebooks], dtype=np.int64))
                except FileError as error:
                    self._on_skip(entry.name, str(error))
                    continue
                total += entry.n_frames
        if not out:
            raise FileError(f"no item of {', '.join(map(str, self._folders))} can be read; encode them again")
        return out
