"""Fourier transforms are SciPy's, bit for bit, with and without its compiled module by itself."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.fft

from partimento.audio import transforms


@pytest.fixture(params=["by itself", "scipy.fft"])
def _way(request, monkeypatch):
    if request.param == "scipy.fft":
        monkeypatch.setattr(transforms, "_kernel", lambda: None)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [None, 1000, 500, 1501])
def test_transforms_are_scipys(dtype, n):
    x = np.random.default_rng(1).normal(size=(3, 1000)).astype(dtype)
    got, want = transforms.rfft(x, n), scipy.fft.rfft(x, n)
    assert np.array_equal(got, want)
    assert got.dtype == want.dtype
    back, want_back = transforms.irfft(want, n), scipy.fft.irfft(want, n)
    assert np.array_equal(back, want_back)
    assert back.dtype == dtype
    assert np.array_equal(transforms.irfft(np.abs(want), n), scipy.fft.irfft(np.abs(want), n))
    assert np.array_equal(transforms.rfft(x[0], n), scipy.fft.rfft(x[0], n))


@pytest.mark.usefixtures("_way")
def test_lengths_are_scipys():
    for n in (1, 17, 7001, 48_001):
        assert transforms.next_fast_len(n) == scipy.fft.next_fast_len(n)


def test_threads_that_begin_at_once_get_the_same():
    code = (
        "import threading, numpy as np; from concurrent.futures import ThreadPoolExecutor as Pool; "
        "from partimento.audio import recursive as r, transforms as t; start = threading.Barrier(8)\n"
        "def one(_):\n"
        "    start.wait(); sos = np.array([[1.0, 0, 0, 1, 0, 0]])\n"
        "    r.sosfilt(sos, np.ones((1, 9)), np.zeros((1, 1, 2))); t.rfft(np.ones(9)); return True\n"
        "with Pool(8) as pool: print(sum(pool.map(one, range(8))), r._kernel('_sosfilt') is not None, t._kernel() is not None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["8", "True", "True"]


def test_scipy_fft_is_not_loaded():
    code = (
        "import sys, numpy as np; from partimento.audio import transforms as t; "
        "t.irfft(t.rfft(np.ones(9, np.float32))); t.next_fast_len(9); print('scipy.fft' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
