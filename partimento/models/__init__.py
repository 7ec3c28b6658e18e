"""Performers: what turns a plan into sound."""

from partimento.models.performer import CONTROLS, Performer, Support
from partimento.models.registry import get_performer, performer_names

__all__ = ["CONTROLS", "Performer", "Support", "get_performer", "performer_names"]
