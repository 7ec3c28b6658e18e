"""Compiled modules of SciPy by themselves, without the packages around them, which take longer to load than a command has."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_ONE_BY_ONE = threading.Lock()
_FOUND: dict[tuple[str, str], Any | None] = {}


def extension(package: str, name: str, works: Callable[[Any], bool]) -> Any | None:
    """An extension module of SciPy, loaded by itself and tried out.

    Args:
        package: where it lies in ``scipy``, e.g. ``signal`` or ``fft._pocketfft``.
        name: of the module.
        works: tries it: what is called are SciPy's own functions, which may change.

    Returns:
        The module, or None where it cannot be loaded by itself or does not do what is expected.
    """
    with _ONE_BY_ONE:  # a module that two threads load at once is broken for both
        if (package, name) not in _FOUND:
            _FOUND[package, name] = _tried(sys.modules.get(f"scipy.{package}.{name}") or _loaded(package, name), works)
        return _FOUND[package, name]


def _tried(module: Any | None, works: Callable[[Any], bool]) -> Any | None:
    """The module, or None where it does not do what is expected."""
    try:
        return module if module is not None and works(module) else None
    except (AttributeError, TypeError, ValueError):
        return None


def _loaded(package: str, name: str) -> Any | None:
    """The module from its file."""
    scipy = find_spec("scipy")
    for folder in (scipy.submodule_search_locations or ()) if scipy is not None else ():
        for suffix in EXTENSION_SUFFIXES:
            path = Path(folder, *package.split("."), f"{name}{suffix}")
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
            return module
    return None
