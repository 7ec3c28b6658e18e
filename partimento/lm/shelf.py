"""Arrays that lie in a temporary file, of which memory holds only what was touched of late.

An engine that keeps a form of its own of the weights reads what it was given once or twice; from there on the given form need
not stand in memory beside it. Pages that are dropped come back from the file when they are read again.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 32 << 20
"""Taken at once."""
_ALIGNED = 64  # bytes: what kernels ask of the memory that they read in place


class Shelf:
    """Keeps copies of arrays; the file has no name and is gone with the last of them.

    Where there is no room for a file, or no such files (Windows, macOS), they stay in ordinary memory.

    Args:
        chunk_bytes: taken at once.
    """

    def __init__(self, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._chunk_bytes = chunk_bytes
        self._files: list[mmap.mmap] = []
        self._room: memoryview = memoryview(b"")

    def put(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """A copy of the array that lies on the shelf."""
        wanted = -(-max(array.nbytes, 1) // _ALIGNED) * _ALIGNED
        if wanted > len(self._room):
            self._room = memoryview(self._taken(max(wanted, self._chunk_bytes)))
        place, self._room = self._room[: array.nbytes], self._room[wanted:]
        copy = np.frombuffer(place, array.dtype).reshape(array.shape)
        copy[...] = array
        return copy

    def drop(self) -> None:
        """Let memory go; what is read afterwards comes from the file."""
        for file in self._files:
            file.madvise(mmap.MADV_DONTNEED)

    def _taken(self, size: int) -> mmap.mmap:
        """Memory for the next arrays."""
        if hasattr(os, "posix_fallocate") and hasattr(mmap, "MADV_DONTNEED"):
            try:
                with tempfile.TemporaryFile() as file:
                    os.posix_fallocate(file.fileno(), 0, size)  # a full disk is known now, not while the pages are written
                    self._files.append(mmap.mmap(file.fileno(), size))
                    return self._files[-1]
            except OSError:
                # Only the saving is lost.
                return mmap.mmap(-1, size)
        return mmap.mmap(-1, size)


def give_back() -> None:
    """Ask the C library to hand memory that is free back to the system (glibc keeps it; elsewhere nothing happens)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
