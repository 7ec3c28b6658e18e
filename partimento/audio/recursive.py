"""Recursive filters: SciPy's compiled loops, without the 0.7 s that the rest of ``scipy.signal`` takes to load.

A command that renders one stem or filters a few spends a quarter of its time on that import otherwise. The results are those
of ``scipy.signal``, bit for bit; where its loops cannot be had by themselves, ``scipy.signal`` is loaded.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    state = np.array(np.moveaxis(zi, 0, 1), order="C")  # the loop counts channels first, and works in place
    kernel._sosfilt(np.ascontiguousarray(sos, np.float64), out, state)
    return out, np.moveaxis(state, 0, 1)


@cache
def _kernel(name: str) -> Any | None:
    """An extension module of ``scipy.signal``, loaded by itself and tried out; None where that does not work."""
    if f"scipy.signal.{name}" in sys.modules:
        return _tried(sys.modules[f"scipy.signal.{name}"])
    package = find_spec("scipy")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        for suffix in EXTENSION_SUFFIXES:
            path = Path(folder) / "signal" / f"{name}{suffix}"
            if not path.exists():
                continue
            spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, str(path)))
            if spec is None or spec.loader is None:
                return None
            try:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
            except ImportError:
                return None
            return _tried(module)
    return None


def _tried(module: Any) -> Any | None:
    """The module, if it filters as expected: its functions are SciPy's own and may change."""
    impulse, want = np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 0.5, 0.25]])
    try:
        if hasattr(module, "_linear_filter"):
            got, _ = module._linear_filter(np.array([1.0]), np.array([1.0, -0.5]), impulse, -1, np.zeros((1, 1)))
        else:
            got = impulse.copy()
            module._sosfilt(np.array([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]]), got, np.zeros((1, 1, 2)))
    except (AttributeError, TypeError, ValueError):
        return None
    return module if np.array_equal(got, want) else None
