"""Performers by name."""

from __future__ import annotations

from partimento.errors import RequestError
from partimento.models.performer import Performer


def performer_names() -> tuple[str, ...]:
    """Names that ``--model`` takes, beside folders and ids of checkpoints."""
    from partimento.models.mini import MINI, is_released

    return ("score", "mini-score", *((MINI,) if is_released() else ()))


def get_performer(name: str) -> Performer:
    """The performer of that name, or the one that plays the checkpoint of that folder or id.

    Raises:
        RequestError: when there is none; the message lists them.
    """
    from partimento.models.mini import is_mini, mini_files
    from partimento.models.mini_performer import MiniPerformer
    from partimento.models.mini_score_performer import MiniScorePerformer
    from partimento.models.musicgen_performer import MusicGenPerformer, is_checkpoint
    from partimento.models.score_performer import ScorePerformer

    if name == ScorePerformer.name:
        return ScorePerformer()
    if name == MiniScorePerformer.name:
        return MiniScorePerformer()
    if is_mini(name):
        mini_files(name)  # says at once when there are no weights
        return MiniPerformer(name)
    if is_checkpoint(name):
        return MusicGenPerformer(name)
    known = ", ".join(performer_names())
    raise RequestError(f"unknown model '{name}'; known: {known}, or the folder of a MusicGen checkpoint")
