"""Reading caches: whole items, and random windows with words and controls for training."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.data.cache.encoders import FrameLayout
from partimento.data.cache.layout import CONTROLS, Entry, index_lines, read_layout, row_bytes, shard_path
from partimento.errors import FileError, RequestError

_TRIES_BAD = 32
"""Items drawn for one that can be read, before all are tried in turn."""
_SPANS = ("chords", "sections")
_POINTS = ("beats", "downbeats")


class FrameCache:
    """A cache on disk; frames are mapped, not read.

    Args:
        folder: of the cache. It may still be growing: what was whole when it was opened is there.

    Raises:
        FileError: it is no cache, or its index names frames that are not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout: FrameLayout = read_layout(folder)
        found = {entry.name: entry for entry, _ in index_lines(folder)}
        self.entries: tuple[Entry, ...] = tuple(found[name] for name in sorted(found))
        self._shards: dict[int, NDArray[Any]] = {}
        row = row_bytes(self.layout)
        for shard in {entry.shard for entry in self.entries}:
            path = shard_path(folder, shard)
            last = max(e.start + e.n_frames for e in self.entries if e.shard == shard)
            if not path.exists() or path.stat().st_size < last * row:
                raise FileError(f"{path} is missing or cut off; run 'partimento data encode' again to mend the cache")

    def frames(self, entry: Entry, start: int = 0, count: int | None = None) -> NDArray[Any]:
        """``[count, width]`` of an item from frame ``start`` on (read-only); fewer where it ends.

        Raises:
            FileError: they are not there any more, or hold codes that the codec has not, or features that are not numbers.
        """
        if entry.shard not in self._shards:
            path = shard_path(self.folder, entry.shard)
            try:
                raw = np.memmap(path, np.dtype(self.layout.dtype).newbyteorder("<"), mode="r")
            except (OSError, ValueError) as error:
                raise FileError(f"{path} cannot be read ({error}); run 'partimento data encode' again") from error
            usable = len(raw) // self.layout.width * self.layout.width
            self._shards[entry.shard] = raw[:usable].reshape(-1, self.layout.width)
        stop = entry.n_frames if count is None else min(entry.n_frames, start + count)
        found = self._shards[entry.shard][entry.start + start : entry.start + max(start, stop)]
        self._refuse_damaged(found, entry)
        return found

    def _refuse_damaged(self, found: NDArray[Any], entry: Entry) -> None:
        """Raise FileError for frames that no encoder of this layout writes."""
        where = f"item '{entry.name}' of {self.folder}"
        if self.layout.kind == "tokens":
            low, high = (int(found.min()), int(found.max())) if found.size else (0, 0)
            if low < 0 or high >= self.layout.cardinality:
                bad = low if low < 0 else high
                raise FileError(f"{where} holds code {bad}, the codec has 0 to {self.layout.cardinality - 1}; encode it again")
        elif not np.isfinite(found).all():
            raise FileError(f"{where} holds features that are not numbers; encode it again")

    def controls(self, entry: Entry) -> dict[str, Any]:
        """The item's truth in seconds, as :func:`partimento.data.annotations.annotate` writes it; empty where unknown.

        Raises:
            FileError: it cannot be read, or is damaged.
        """
        if entry.controls is None:
            return {}
        at, length = entry.controls
        try:
            with (self.folder / CONTROLS).open("rb") as file:
                file.seek(at)
                data = json.loads(file.read(length))
        except (OSError, ValueError) as error:
            why = f"the truth about item '{entry.name}' in {self.folder / CONTROLS} cannot be read"
            raise FileError(f"{why} ({error}); encode it again") from error
        if not isinstance(data, dict):
            raise FileError(f"the truth about item '{entry.name}' in {self.folder / CONTROLS} is damaged; encode it again")
        return data


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A random part of an item.

    Attributes:
        frames: ``[n, width]``; after ``n_valid`` filled up (tokens with the codec's cardinality, features with the last).
        n_valid: frames that are of the item.
        name: of the item.
        start_s: where in the item it begins.
        caption: one of the item's, or empty.
        tags: the item's.
        controls: the item's truth within the window, in seconds from its start.
    """

    frames: NDArray[Any]
    n_valid: int
    name: str
    start_s: float
    caption: str = ""
    tags: tuple[str, ...] = ()
    controls: dict[str, Any] = field(default_factory=dict)


class FrameWindows:
    """Random windows of caches: items in proportion to their length, then a place, then one of its captions.

    Args:
        folders: caches of one encoder.
        n_frames: of a window.
        split: ``train``, ``valid`` or ``test``; None takes all items.
        captioned: only items with captions.
        names: only items of these names; None takes all.
        on_skip: gets an item's name and the reason each time a window of it cannot be read; another is drawn then, decided by
            the generator and the caches alone.

    Raises:
        FileError: no cache, or nothing of that split in any.
        RequestError: caches of different encoders, or a window without frames.
    """

    def __init__(
        self, folders: Sequence[Path], n_frames: int, *, split: str | None = "train", captioned: bool = False,
        names: Collection[str] | None = None, on_skip: Callable[[str, str], None] = lambda name, reason: None,
    ) -> None:  # fmt: skip
        if n_frames < 1:
            raise RequestError(f"a window of {n_frames} frames is empty; 1 or more are possible")
        caches = [FrameCache(folder) for folder in folders]
        if len({cache.layout.fingerprint for cache in caches}) > 1:
            names = ", ".join(f"{c.folder} ({c.layout.name})" for c in caches)
            raise RequestError(f"these caches are of different encoders: {names}; give those of one")
        self._items = [
            (cache, entry)
            for cache in caches
            for entry in cache.entries
            if (split is None or entry.split == split)
            and (entry.captions or not captioned)
            and (names is None or entry.name in names)
        ]
        if not self._items:
            wanted = f"split '{split}'" if split is not None else "any split"
            raise FileError(f"nothing of {wanted}{' with captions' if captioned else ''} in {', '.join(map(str, folders))}")
        self._on_skip = on_skip
        self.layout = caches[0].layout
        self.n_frames = n_frames
        lengths = np.array([entry.n_frames for _, entry in self._items], dtype=np.float64)
        self._ends = np.cumsum(lengths) / lengths.sum()
        self.duration_s = float(lengths.sum() / self.layout.frame_rate_hz)

    @property
    def n_items(self) -> int:
        """Items that windows are drawn from."""
        return len(self._items)

    def draw(self, rng: np.random.Generator) -> Window:
        """One window, decided by ``rng`` alone; an item that cannot be read is left out and another one drawn.

        Raises:
            FileError: no item can be read.
        """
        index, n = 0, len(self._items)
        for _ in range(_TRIES_BAD):
            index = min(int(np.searchsorted(self._ends, rng.random(), side="right")), n - 1)
            window = self._window_or_skip(index, rng)
            if window is not None:
                return window
        for i in range(n):
            window = self._window_or_skip((index + i) % n, rng)
            if window is not None:
                return window
        raise FileError(f"none of the {n} items can be read, '{self._items[0][1].name}' among them; encode them again")

    def _window_or_skip(self, index: int, rng: np.random.Generator) -> Window | None:
        """A window of an item, or None when that cannot be read."""
        cache, entry = self._items[index]
        start = int(rng.integers(max(1, entry.n_frames - self.n_frames + 1)))
        caption = entry.captions[int(rng.integers(len(entry.captions)))] if entry.captions else ""
        rate = self.layout.frame_rate_hz
        try:
            found = cache.frames(entry, start, self.n_frames)
            start_s, end_s = start / rate, (start + len(found)) / rate
            controls = controls_within(cache.controls(entry), start_s, end_s)
        except FileError as error:
            self._on_skip(entry.name, str(error))
            return None
        except (KeyError, TypeError, ValueError, IndexError) as error:
            self._on_skip(entry.name, f"the truth about it is damaged ({error})")
            return None
        return Window(self._filled(found), len(found), entry.name, start_s, caption, entry.tags, controls)

    def _filled(self, found: NDArray[Any]) -> NDArray[Any]:
        """A copy of full length."""
        out = np.empty((self.n_frames, self.layout.width), dtype=self.layout.dtype)
        out[: len(found)] = found
        out[len(found) :] = self.layout.cardinality if self.layout.kind == "tokens" else found[-1]
        return out

    def batch(self, rng: np.random.Generator, size: int) -> tuple[NDArray[Any], list[Window]]:
        """Frames ``[size, n, width]``, and the windows that they are of."""
        windows = [self.draw(rng) for _ in range(size)]
        return np.stack([window.frames for window in windows]), windows


def controls_within(truth: dict[str, Any], start_s: float, end_s: float) -> dict[str, Any]:
    """What holds between two times, in seconds from the first.

    Spans (chords, sections) are cut at the ends; of notes those that begin inside are kept; the key is the one in force at
    the start, then every change; of instruments, when they play. What knows no time (tempo, metre) stays.
    """

    def cut(spans: Sequence[Sequence[Any]]) -> list[list[Any]]:
        inside = [(max(low, start_s) - start_s, min(high, end_s) - start_s, what) for low, high, *what in spans]
        return [[round(low, 4), round(high, 4), *what] for low, high, what in inside if high > low]

    out = dict(truth)
    if "instruments" in truth:
        out["instruments"] = [row | {"active": cut(row["active"])} if "active" in row else row for row in truth["instruments"]]
    for key in _POINTS:
        if key in truth:
            out[key] = [round(at - start_s, 4) for at in truth[key] if start_s <= at < end_s]
    for key in _SPANS:
        if key in truth:
            out[key] = cut(truth[key])
    if "melody" in truth:
        out["melody"] = [
            [round(low - start_s, 4), round(min(high, end_s) - start_s, 4), pitch]
            for low, high, pitch in truth["melody"]
            if start_s <= low < end_s
        ]
    if "keys" in truth:
        before = [row for row in truth["keys"] if row[0] <= start_s][-1:]
        inside = [row for row in truth["keys"] if start_s < row[0] < end_s]
        out["keys"] = [[round(max(0.0, at - start_s), 4), name] for at, name in [*before, *inside]]
    return out
