"""What a performer is, and what it does with each control."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import numpy as np

from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Performance

CONTROLS = (
    "words",
    "style",
    "tempo",
    "key",
    "metre",
    "chords",
    "melody (score file)",
    "notes (score file)",
    "melody (recording)",
    "drums (recording)",
    "style audio",
    "sections",
    "dynamics",
    "instruments",
    "negation",
    "order in time",
    "duration",
    "bars",
    "stems",
    "midi",
)
"""Everything that can be asked of a performer."""


class Support(StrEnum):
    """How far a performer obeys a control."""

    EXACT = "exact"  # by construction, checked from the notes
    LEARNED = "learned"  # by a trained condition
    TEXT = "by text only"  # only as words in the prompt
    REFUSED = "refused"  # an error that names what could


class Performer(Protocol):
    """A way of turning plans into sound.

    Attributes:
        name: as in ``--model``.
        description: one line.
        licence: of what it ships.
    """

    name: str
    description: str
    licence: str

    @property
    def support(self) -> Mapping[str, Support]:
        """Control → how far it is obeyed; has every one of :data:`CONTROLS`."""
        ...

    def perform(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Performance:
        """Play the plan.

        Args:
            plan: the resolved request.
            request: for what is not music: sample rate, SoundFont.
            rng: the only source of chance.
        """
        ...

    def provenance(self, request: GenerateRequest) -> dict[str, str]:
        """What sounded: names, licences and hashes of weights or SoundFonts."""
        ...
