"""Which lead sheets the compose evaluation keeps sealed, told without opening them.

Sealed are 100 of the 326 sheets of OpenEWLD as ``partimento data pull openewld`` has them: those whose SHA-256 of
``partimento-compose:<file name>`` is smallest. Other collections have no sealed sheets, whatever their files are called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

N_SEALED = 100
_SOURCE = "openewld"
_SHARE_NAMED = 0.9


@cache
def _table() -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every sheet of OpenEWLD by its name."""
    from partimento.data.pull import find_source

    return {file.name: (file.n_bytes, file.sha256) for file in find_source(_SOURCE).wanted}


@cache
def sealed_names() -> frozenset[str]:
    """File names of the sealed sheets."""
    return frozenset(seal_order(_table())[:N_SEALED])


def seal_order(names: Iterable[str]) -> list[str]:
    """File names in the order in which they are sealed."""
    return sorted(names, key=lambda name: hashlib.sha256(f"partimento-compose:{name}".encode()).hexdigest())


def without_sealed(files: Sequence[Path]) -> list[Path]:
    """Those files of a folder that are not sealed, in their order; told from names and sizes alone.

    A file is sealed when a sealed sheet has its name and its size. In a folder that is OpenEWLD the name is enough: one where
    most files named like its sheets have their sizes too, or that holds half of its names and hardly anything else (sheets
    that were saved again).
    """
    table = _table()
    named = [path for path in files if path.name in table]
    same = sum(_size(path) == table[path.name][0] for path in named)
    is_source = 2 * same > len(named) or (2 * len(named) >= len(table) and len(named) >= _SHARE_NAMED * len(files))
    return [
        path
        for path in files
        if path.name not in sealed_names() or not (is_source or _size(path) == table[path.name][0])
    ]  # fmt: skip


def is_sealed_copy(name: str, sha256: str) -> bool:
    """Is a file with this hash a sealed sheet under a name that OpenEWLD does not use?"""
    return name not in _table() and sha256 in _sealed_hashes()


@cache
def _sealed_hashes() -> frozenset[str]:
    """SHA-256 of the sealed sheets."""
    return frozenset(_table()[name][1] for name in sealed_names())


def _size(path: Path) -> int:
    """Bytes of a file, -1 where a link leads nowhere."""
    return path.stat().st_size if path.exists() else -1
