"""Appending to a cache so that nothing can break it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from partimento.data.cache.encoders import FrameLayout
from partimento.data.cache.layout import CONTROLS, INDEX, SHARDS, Entry, index_lines, row_bytes, shard_path
from partimento.errors import FileError

_SYNC_EVERY = 64


class CacheWriter:
    """Appends to a cache, after cutting off what a crash left incomplete.

    Args:
        folder: of the cache, with its ``shards`` folder.
        layout: what the frames are.
        shard_bytes: a shard is full from here on.
    """

    def __init__(self, folder: Path, layout: FrameLayout, shard_bytes: int) -> None:
        self._folder, self._layout, self._shard_bytes = folder, layout, shard_bytes
        self._row = row_bytes(layout)
        self.entries: dict[str, Entry] = {}
        index_end, control_end = 0, 0
        ends: dict[int, int] = {}
        for entry, end in index_lines(folder):
            place = shard_path(folder, entry.shard)
            last = (entry.start + entry.n_frames) * self._row
            if not place.exists() or place.stat().st_size < last:
                break  # a power failure can lose data that the index names
            self.entries[entry.name] = entry
            ends[entry.shard] = max(ends.get(entry.shard, 0), last)
            control_end = max(control_end, sum(entry.controls or (0, 0)))
            index_end = end
        self._shard = max(ends, default=0)
        for stale in sorted((folder / SHARDS).glob("*.bin")):
            if stale.name > shard_path(folder, self._shard).name:
                stale.unlink()
        self._shard_file = self._open(shard_path(folder, self._shard), ends.get(self._shard, 0))
        self._controls_file = self._open(folder / CONTROLS, control_end)
        self._index_file = self._open(folder / INDEX, index_end)
        self._count = 0

    @staticmethod
    def _open(path: Path, size: int) -> BinaryIO:
        """A file to append to, cut to a size."""
        try:
            file = path.open("ab")
            file.truncate(size)
            file.seek(0, os.SEEK_END)  # cutting does not move the place that offsets are counted from
        except OSError as error:
            raise FileError(f"cannot write {path}: {error.strerror or error}") from error
        return file

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        for file in (self._shard_file, self._controls_file, self._index_file):
            self._sync(file)
            file.close()

    @staticmethod
    def _sync(file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())

    def add(self, entry: Entry, frames: NDArray[Any] | None, controls: dict[str, Any] | None) -> None:
        """Write an item, or only what is new about it.

        Args:
            entry: its place is decided here.
            frames: ``[T, width]``, or None where the cache has them already.
            controls: its truth in seconds, if known.
        """
        old = self.entries.get(entry.name)
        if frames is None and old is not None:
            entry = replace(entry, shard=old.shard, start=old.start, n_frames=old.n_frames, controls=old.controls)
            if entry == old and self._same_controls(old, controls):
                return
        elif frames is not None:
            entry = self._put_frames(entry, frames)
        if controls is not None:
            entry = replace(entry, controls=self._put(self._controls_file, controls))
        row = asdict(entry)
        self._put(self._index_file, {key: value for key, value in row.items() if value not in ((), "", None)})
        self.entries[entry.name] = entry
        self._count += 1
        if self._count % _SYNC_EVERY == 0:
            for file in (self._shard_file, self._controls_file, self._index_file):
                self._sync(file)

    def _put_frames(self, entry: Entry, frames: NDArray[Any]) -> Entry:
        """Append frames; a full shard is closed first."""
        at = self._shard_file.tell()
        if at >= self._shard_bytes:
            self._sync(self._shard_file)
            self._shard_file.close()
            self._shard += 1
            at = 0
            self._shard_file = self._open(shard_path(self._folder, self._shard), 0)
        data = np.ascontiguousarray(frames, dtype=np.dtype(self._layout.dtype).newbyteorder("<"))
        self._shard_file.write(data.tobytes())
        self._shard_file.flush()
        return replace(entry, shard=self._shard, start=at // self._row, n_frames=len(frames))

    @staticmethod
    def _put(file: BinaryIO, row: dict[str, Any]) -> tuple[int, int]:
        """Append a line; its place."""
        at = file.tell()
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        file.write(line)
        file.flush()
        return at, len(line)

    def _same_controls(self, old: Entry, controls: dict[str, Any] | None) -> bool:
        """True when the truth is the one already written."""
        if old.controls is None or controls is None:
            return old.controls is None and controls is None
        at, length = old.controls
        with (self._folder / CONTROLS).open("rb") as file:
            file.seek(at)
            there: object = json.loads(file.read(length))
        return there == controls
