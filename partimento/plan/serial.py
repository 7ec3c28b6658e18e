"""Requests, plans, scores and reports to JSON and back, through :mod:`msgspec` (types are checked on the way in)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from partimento.errors import ParseError

T = TypeVar("T")


def to_json(value: Any, *, indent: int = 2) -> str:
    """JSON text of a dataclass of this package (keys in field order, so equal values give equal bytes)."""
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode() + "\n"


def to_builtins(value: Any) -> Any:
    """The same as plain dicts, lists, numbers and strings."""
    return msgspec.to_builtins(value)


def from_json(text: str | bytes, kind: type[T]) -> T:
    """Read a value back.

    Raises:
        ParseError: when the text is not JSON or does not fit ``kind``; the message names the field.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise ParseError(f"this is not a saved {kind.__name__}: {error}") from error
