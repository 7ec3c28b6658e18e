"""Errors that a user can cause.

Every class derives from :class:`PartimentoError`, itself a ``ValueError``. A message is one line that names the
value, the limit and the way out; the command line prints that line and exits with 2. ``assert`` is kept for our own
invariants and never used for input.
"""

from __future__ import annotations


class PartimentoError(ValueError):
    """Base of everything that a user can put right."""


class RequestError(PartimentoError):
    """A field of a request is out of range or contradicts another."""


class ParseError(PartimentoError):
    """A text (chords, key, metre, a score file) does not parse.

    Args:
        message: what is wrong and what would be valid.
        text: the whole text, when known.
        position: offset of the offending token in ``text``.
    """

    def __init__(self, message: str, text: str | None = None, position: int | None = None) -> None:
        self.text = text
        self.position = position
        super().__init__(message)


class FileError(PartimentoError):
    """A file cannot be read or written (missing, corrupt, unwritable, a directory, disk full)."""


class MissingDependencyError(PartimentoError):
    """An optional package or file is needed; the message says how to get it."""


class UnsupportedError(PartimentoError):
    """A valid request that the chosen performer or format cannot do; the message names what could."""
