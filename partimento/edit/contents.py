"""What an edit works on: everything of a version of a piece, with how its stems were made from their tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from partimento.audio.exact import exact_sum
from partimento.audio.waveform import Waveform
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Report
from partimento.score.score import Score


@dataclass(frozen=True, slots=True)
class EffectStep:
    """One effect with its final parameters.

    Attributes:
        effect: name of a function of :mod:`partimento.audio.effects`, or ``gain`` (parameter ``gain_db``).
        parameters: its arguments.
    """

    effect: str
    parameters: dict[str, float]


@dataclass(frozen=True, slots=True)
class SoundStep:
    """A change of a stem as sound, done again whenever the stem is rendered again.

    Attributes:
        kind: ``effects``, ``mute``, ``fade_in`` or ``fade_out``.
        start, end: where, in quarter notes; None for the start or end of the piece.
        effects: for ``effects``: the chain.
    """

    kind: str
    start: float | None = None
    end: float | None = None
    effects: tuple[EffectStep, ...] = ()


@dataclass(frozen=True, slots=True)
class StemSound:
    """How a stem follows from its track.

    Attributes:
        level_db: the gain from the dry, rendered track to the stem, the mix's common gain included; None as long
            as it is what the first mix gave it.
        steps: what was done to it as sound, in order.
        lufs: loudness of the dry, rendered track that ``level_db`` was found with; its peaks are rounded above it.
    """

    level_db: float | None = None
    steps: tuple[SoundStep, ...] = ()
    lufs: float | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """How the stems of a version were made; a stem that is not listed is as the first mix left it.

    Attributes:
        common_gain_db: the last gain of the first mix; stems that are added get the same.
        stems: by track name.
    """

    common_gain_db: float | None = None
    stems: dict[str, StemSound] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class KnownMix:
    """The mix of some stems, found without adding them all.

    Attributes:
        stems: whose sum it is.
        make: gives it, bit for bit what :func:`partimento.audio.exact.exact_sum` gives.
    """

    stems: dict[str, Waveform]
    make: Callable[[], Waveform]


@dataclass(frozen=True)
class Contents:
    """Everything of a version, loaded.

    Attributes:
        request: what the first version was made from.
        plan, score, report: of this version (score and plan are None for an imported recording).
        stems: by track name, on the 24-bit grid.
        sound: how the stems were made, when an edit has found out.
        known_mix: a quicker way to the sum of some stems than adding them; it counts for those very stems only.
    """

    request: GenerateRequest | None
    plan: Plan | None
    score: Score | None
    report: Report
    stems: dict[str, Waveform]
    sound: Sound | None = None
    known_mix: KnownMix | None = field(default=None, compare=False, repr=False)

    @cached_property
    def mix(self) -> Waveform:
        """Exact sum of the stems."""
        if self.known_mix is not None and self.known_mix.stems is self.stems:
            return self.known_mix.make()
        return exact_sum(self.stems)
