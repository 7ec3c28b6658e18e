"""Performers by name."""

from __future__ import annotations

from partimento.errors import RequestError
from partimento.models.performer import Performer


def performer_names() -> tuple[str, ...]:
    """Names that ``--model`` takes."""
    return ("score",)


def get_performer(name: str) -> Performer:
    """The performer of that name.

    Raises:
        RequestError: when there is none; the message lists them.
    """
    from partimento.models.score_performer import ScorePerformer

    if name == ScorePerformer.name:
        return ScorePerformer()
    raise RequestError(f"unknown model '{name}'; known: {', '.join(performer_names())}")
