"""Fourier transforms of real signals: SciPy's, in single precision where the input is, without the 0.2 s that ``scipy.fft``
takes to load (it loads much of SciPy and of NumPy's tools).

The results are those of ``scipy.fft``, bit for bit; where its compiled module cannot be had by itself, ``scipy.fft`` is loaded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.kernels import extension

_AS_IT_IS, _BY_LENGTH = 0, 2  # normalisation: none, and divided by the length


def rfft(x: NDArray[np.floating], n: int | None = None) -> NDArray[Any]:
    """Spectrum along the last axis.

    Args:
        x: ``[..., m]``, float32 or float64.
        n: length of the transform; the sound is cut or padded with zeros to it.
    """
    kernel = _kernel()
    if kernel is None:
        from scipy.fft import rfft as whole

        return np.asarray(whole(x, n, axis=-1))
    return np.asarray(kernel.r2c(_of_length(x, n), (x.ndim - 1,), True, _AS_IT_IS, None, 1))


def irfft(x: NDArray[np.inexact], n: int | None = None) -> NDArray[Any]:
    """Signal along the last axis, of ``n`` samples (an even number by default); ``x`` may be real."""
    kernel = _kernel()
    if kernel is None:
        from scipy.fft import irfft as whole

        return np.asarray(whole(x, n, axis=-1))
    x = x if np.iscomplexobj(x) else x + 0j
    size = 2 * (x.shape[-1] - 1) if n is None else n
    return np.asarray(kernel.c2r(_of_length(x, size // 2 + 1), (x.ndim - 1,), size, False, _BY_LENGTH, None, 1))


def next_fast_len(n: int) -> int:
    """The smallest length from ``n`` on that transforms are quick at (those of complex signals too)."""
    kernel = _kernel()
    if kernel is None:
        from scipy.fft import next_fast_len as whole

        return int(whole(n))
    return int(kernel.good_size(n, False))


def _of_length(x: NDArray[Any], n: int | None) -> NDArray[Any]:
    """Cut or padded with zeros along the last axis."""
    if n is None or n == x.shape[-1]:
        return x
    if n < x.shape[-1]:
        return x[..., :n]
    out = np.zeros((*x.shape[:-1], n), x.dtype)
    out[..., : x.shape[-1]] = x
    return out


def _kernel() -> Any | None:
    """SciPy's PocketFFT, or None."""
    return extension("fft._pocketfft", "pypocketfft", _works)


def _works(module: Any) -> bool:
    """True when a module transforms as expected."""
    impulse = np.array([[0.0, 1.0, 0.0, 0.0]], np.float32)
    spectrum = module.r2c(impulse, (1,), True, _AS_IT_IS, None, 1)
    back = module.c2r(spectrum, (1,), 4, False, _BY_LENGTH, None, 1)
    right = np.array_equal(spectrum, np.array([[1.0, -1j, -1.0]], np.complex64)) and np.array_equal(back, impulse)
    return right and spectrum.dtype == np.complex64 and back.dtype == np.float32 and module.good_size(7_001, False) == 7_040
