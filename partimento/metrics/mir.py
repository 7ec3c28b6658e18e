"""``mir_eval``, imported when a metric first needs it; without the ``eval`` extra there is one clear line."""

from __future__ import annotations

import importlib
from typing import Any

from partimento.errors import MissingDependencyError


def mir_eval_module(name: str) -> Any:
    """``mir_eval.NAME``.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module(f"mir_eval.{name}")
    except ImportError as error:
        raise MissingDependencyError("this metric is mir_eval's; install it with: pip install 'partimento[eval]'") from error
