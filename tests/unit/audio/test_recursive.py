"""Recursive filters are SciPy's, bit for bit, with and without its loops by themselves."""

import subprocess
import sys

import numpy as np
import pytest

from partimento.audio import recursive


@pytest.fixture(params=["by itself", "scipy.signal"])
def _way(request, monkeypatch):
    if request.param == "scipy.signal":
        monkeypatch.setattr(recursive, "_kernel", lambda name: None)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lfilter_is_scipys(dtype):
    from scipy.signal import butter, lfilter

    rng = np.random.default_rng(1)
    b, a = butter(2, 0.1)
    for shape in ((1000,), (2, 1000)):
        x = rng.normal(size=shape).astype(dtype)
        zi = rng.normal(size=(*shape[:-1], 2))
        got, want = recursive.lfilter(b, a, x, zi), lfilter(b, a, x, zi=zi)
        assert all(np.array_equal(g, w) and g.dtype == w.dtype for g, w in zip(got, want, strict=True))


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("channels", [1, 2])
def test_sosfilt_is_scipys_and_changes_neither_input_nor_state(channels):
    from scipy.signal import butter, sosfilt

    rng = np.random.default_rng(2)
    sos = butter(6, 0.2, output="sos")
    x, zi = rng.normal(size=(channels, 1000)), rng.normal(size=(3, channels, 2))
    kept = x.copy(), zi.copy()
    got, want = recursive.sosfilt(sos, x, zi), sosfilt(sos, x, axis=-1, zi=zi)
    assert all(np.array_equal(g, w) for g, w in zip(got, want, strict=True))
    assert np.array_equal(x, kept[0])
    assert np.array_equal(zi, kept[1])


def test_the_rest_of_scipy_signal_is_not_loaded():
    code = (
        "import sys, numpy as np; from partimento.audio import recursive as r; "
        "r.lfilter(np.ones(1), np.array([1.0, -0.5]), np.ones((1, 9)), np.zeros((1, 1))); "
        "r.sosfilt(np.array([[1.0, 0, 0, 1, 0, 0]]), np.ones((1, 9)), np.zeros((1, 1, 2))); print('scipy.signal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
