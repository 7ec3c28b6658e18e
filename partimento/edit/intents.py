"""What vague words about a sound come to: the table ``edit/intents.yaml``, and the figures that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from partimento.audio import measure as m
from partimento.audio.waveform import Waveform
from partimento.edit.contents import EffectStep
from partimento.errors import UnsupportedError

MAX_STRENGTH = 1.5
"""More than this does not count."""
_LEAST_WISH = 0.25
_MONO_STRENGTH = 0.65  # the strength at which the same pieces in stereo have all of the room that is wanted
_MONO_ROOM_SHARE = 0.15  # of the change of "space", most of which is width
ECHO_S = 0.3
"""Distance of the echoes of ``delay`` (``edit/intents.yaml``), at which they are measured."""


def _db(share: float) -> float:
    return float(10.0 * np.log10(share + 1e-7))


def _side_db(wave: Waveform) -> float:
    return float(20.0 * np.log10(m.stereo_width(wave) + 0.03))


MEASURES: dict[str, tuple[str, str, Callable[[Waveform], float]]] = {
    "centroid_octaves": ("spectral centroid", "log2 Hz", lambda w: float(np.log2(max(m.spectral_centroid_hz(w), 1.0)))),
    "low_high_db": ("low/high ratio", "dB", m.low_high_ratio_db),
    "crest_db": ("crest factor", "dB", m.crest_factor_db),
    "width": ("stereo width", "", m.stereo_width),
    "range_db": ("spread of levels", "dB", m.dynamic_range_db),
    "tail_db": ("level between onsets", "dB", m.tail_share_db),
    "space": ("room (level between onsets and width)", "dB", lambda w: m.tail_share_db(w) + _side_db(w)),
    "mono_room_db": ("room (level between notes, band by band)", "dB", m.band_tail_db),
    "harsh_db": ("share of 2–5 kHz", "dB", lambda w: _db(m.harshness_share(w))),
    "mud_db": ("share of 180–450 Hz", "dB", lambda w: _db(m.mud_share(w))),
    "echo_db": ("echo after 0.3 s", "dB", lambda w: m.echo_strength_db(w, ECHO_S)),
    "speech_band_db": ("share outside 300–3400 Hz", "dB", m.outside_speech_band_db),
    "density_db": ("spectral density", "dB", lambda w: _db(m.harmonic_density(w))),
}
"""Figures by the name that the table uses: name for people, unit, function."""


@dataclass(frozen=True)
class Intent:
    """A row of the table; the head of the YAML file explains the fields."""

    id: str
    en: str
    zh: str
    measure: str
    change: float
    spent: float
    usual: float
    steps: tuple[dict[str, Any], ...]
    instead: dict[str, Any] | None = None

    @property
    def stand_in(self) -> Intent | None:
        """What is done where the figure cannot be moved, if the table says it."""
        if self.instead is None:
            return None
        return replace(self, **{**self.instead, "steps": tuple(self.instead["steps"]), "instead": None})

    def wish(self, value: float, strength: float) -> float:
        """How far the figure shall move from where it stands."""
        left = (value - self.spent) / (self.usual - self.spent)
        return self.change * strength * min(1.0, max(_LEAST_WISH, left))


@cache
def intents() -> dict[str, Intent]:
    """All intents by id."""
    text = files("partimento.edit").joinpath("intents.yaml").read_text(encoding="utf-8")
    table = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {id_: Intent(id_, **{**row, "steps": tuple(row["steps"])}) for id_, row in table.items()}


def intent_of(id_: str) -> Intent:
    """An intent by its id, spelled with spaces or hyphens too.

    Raises:
        UnsupportedError: there is none; the message lists those that are.
    """
    intent = intents().get(id_.strip().lower().replace(" ", "_").replace("-", "_"))
    if intent is None:
        raise UnsupportedError(f"'{id_}' is not a sound that is known; there are: {', '.join(intents())}")
    return intent


def for_channels(intent: Intent, n_channels: int) -> Intent:
    """The intent as it can be measured: one channel has no width.

    Raises:
        UnsupportedError: width is all that it is about.
    """
    if intent.measure == "space" and n_channels == 1:
        # Without width all of the room lies on the sound itself: it moves less, and less of it is enough.
        steps = tuple({k: _mono_most(k, v) for k, v in step.items()} for step in intent.steps if step["effect"] != "set_width")
        change = _MONO_ROOM_SHARE * intent.change
        return replace(intent, measure="mono_room_db", change=change, spent=-4.0, usual=-12.0, steps=steps)
    if intent.measure != "width" or n_channels == 2:
        return intent
    if all(step["effect"] == "set_width" for step in intent.steps):
        raise UnsupportedError(f"'{intent.en}' is about stereo width, and this sound has {n_channels} channel(s)")
    return replace(intent, measure="tail_db", change=1.0, spent=-2.0, usual=-20.0)


def _mono_most(name: str, value: Any) -> Any:
    """The bounds of a room's parameter for one channel."""
    if name not in ("wet_db", "decay_s") or not isinstance(value, list):
        return value
    low, high = value
    return [low, low + _MONO_STRENGTH * (high - low)]


def steps_of(intent: Intent, role: str, at: float, n_parts: int) -> tuple[EffectStep, ...]:
    """The chain of one part with final parameters at a strength."""
    steps = []
    for row in intent.steps:
        if n_parts > 1 and role in row.get("spare", ()):
            continue
        values = {k: _value(v, at) for k, v in row.items() if k not in ("effect", "spare")}
        steps.append(EffectStep(row["effect"], values))
    return tuple(steps)


def _value(value: Any, at: float) -> float:
    """A parameter at a strength."""
    if isinstance(value, list):
        low, high = value
        return round(float(low + (high - low) * at), 4)
    return float(value)
