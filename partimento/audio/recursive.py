"""Recursive filters: SciPy's compiled loops, without the 0.7 s that the rest of ``scipy.signal`` takes to load.

A command that renders one stem or filters a few spends a quarter of its time on that import otherwise. The results are those
of ``scipy.signal``, bit for bit; where its loops cannot be had by themselves, ``scipy.signal`` is loaded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.kernels import extension

Floats = NDArray[np.float64]


def lfilter(b: Floats, a: Floats, x: NDArray[Any], zi: Floats) -> tuple[NDArray[Any], Floats]:
    """A filter of any order along the last axis, as ``scipy.signal.lfilter`` does it.

    Args:
        b, a: coefficients, ``a`` of two or more.
        x: ``[..., n]``.
        zi: state, ``[..., max(len(a), len(b)) - 1]``.

    Returns:
        The filtered sound and the state behind it.
    """
    kernel = _kernel("_sigtools")
    if kernel is None:
        from scipy.signal import lfilter as whole

        out, state = whole(b, a, x, zi=zi)
    else:
        out, state = kernel._linear_filter(b, a, x, -1, zi)
    return out, state


def sosfilt(sos: Floats, x: Floats, zi: Floats) -> tuple[Floats, Floats]:
    """Second-order sections along the last axis, as ``scipy.signal.sosfilt`` does it.

    Args:
        sos: ``[sections, 6]``, ``a0`` 1.
        x: ``[channels, n]``, float64.
        zi: state, ``[sections, channels, 2]``.

    Returns:
        The filtered sound and the state behind it.
    """
    kernel = _kernel("_sosfilt")
    if kernel is None:
        from scipy.signal import sosfilt as whole

        out, state = whole(sos, x, axis=-1, zi=zi)
        return out, state
    out = np.array(x, np.float64, order="C")
    return out, _in_place(kernel, sos, out, zi)


def sosfilt_in_place(sos: Floats, x: Floats, zi: Floats) -> Floats:
    """:func:`sosfilt` that puts the filtered sound where the sound was, and gives the state behind it.

    Args:
        sos, zi: see :func:`sosfilt`.
        x: ``[channels, n]``, float64, C-contiguous; changed.
    """
    kernel = _kernel("_sosfilt")
    if kernel is None:
        x[:], state = sosfilt(sos, x, zi)
        return state
    return _in_place(kernel, sos, x, zi)


def _in_place(kernel: Any, sos: Floats, x: Floats, zi: Floats) -> Floats:
    """The compiled loop on its own: it counts channels first, and works in place."""
    state = np.array(zi.transpose(1, 0, 2), order="C")
    kernel._sosfilt(np.ascontiguousarray(sos, np.float64), x, state)
    return np.asarray(state.transpose(1, 0, 2))


def _kernel(name: str) -> Any | None:
    """An extension module of ``scipy.signal`` that filters as expected, or None."""
    return extension("signal", name, _works)


def _works(module: Any) -> bool:
    """True when a module filters as expected: its functions are SciPy's own and may change."""
    impulse, want = np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 0.5, 0.25]])
    if hasattr(module, "_linear_filter"):
        got, _ = module._linear_filter(np.array([1.0]), np.array([1.0, -0.5]), impulse, -1, np.zeros((1, 1)))
    else:
        got = impulse.copy()
        module._sosfilt(np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]), got, np.zeros((1, 1, 2)))
    return np.array_equal(got, want)
