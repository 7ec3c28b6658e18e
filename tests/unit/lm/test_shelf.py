"""Arrays in a temporary file: kept through dropping, memory let go, ordinary memory where there is no file."""

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from partimento.lm.shelf import Shelf


def arrays():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (3, 5), dtype=np.uint8), rng.standard_normal((700, 40)).astype(np.float16), np.zeros((0, 4))]


@pytest.mark.parametrize("chunk_bytes", [64, 1 << 20])
def test_what_is_put_stays_through_dropping(chunk_bytes):
    shelf, given = Shelf(chunk_bytes), arrays()
    kept = [shelf.put(array) for array in given]
    shelf.drop()
    for copy, array in zip(kept, given, strict=True):
        assert copy.dtype == array.dtype
        assert np.array_equal(copy, array)
        assert not copy.size or copy.ctypes.data % 64 == 0


def test_without_room_for_a_file_it_is_ordinary_memory(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    shelf = Shelf()
    kept = shelf.put(np.arange(1000))
    shelf.drop()
    assert np.array_equal(kept, np.arange(1000))


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux only")
def test_dropped_memory_is_let_go():
    shelf = Shelf()
    kept, before = shelf.put(np.ones(24 << 20, np.uint8)), resident()
    shelf.drop()
    assert before - resident() > 20 << 20
    assert kept.sum() == 24 << 20
