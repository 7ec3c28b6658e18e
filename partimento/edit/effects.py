"""``effect``: a sound that is meant (warmer, more spacious …) as a chain of effects, with amounts from the measured signal.

The table is ``edit/intents.yaml``. Amounts grow until the figure that the word is about has moved as far as is wanted;
how far that is depends on where it stands. Loudness is put back to what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from partimento.audio import measure as m
from partimento.audio.loudness import SILENCE_LUFS, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.change import Change, Piece
from partimento.edit.contents import EffectStep, SoundStep
from partimento.edit.region import Span
from partimento.edit.rendering import chain
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.mix import active_lufs

_EXCERPT_S = 10.0
_STRENGTHS = (0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
_MAX_STRENGTH = 1.5
_LEAST_WISH = 0.25
_MAX_LOWERED_DB = 0.8


def _db(share: float) -> float:
    return float(10.0 * np.log10(share + 1e-7))


def _side_db(wave: Waveform) -> float:
    return float(20.0 * np.log10(m.stereo_width(wave) + 0.03))


MEASURES: dict[str, tuple[str, str, Callable[[Waveform], float]]] = {
    "centroid_octaves": ("spectral centroid", "log2 Hz", lambda w: float(np.log2(max(m.spectral_centroid_hz(w), 1.0)))),
    "low_high_db": ("low/high ratio", "dB", m.low_high_ratio_db),
    "crest_db": ("crest factor", "dB", m.crest_factor_db),
    "width": ("stereo width", "", m.stereo_width),
    "tail_db": ("level between onsets", "dB", m.tail_share_db),
    "space": ("room (level between onsets and width)", "dB", lambda w: m.tail_share_db(w) + _side_db(w)),
    "harsh_db": ("share of 2–5 kHz", "dB", lambda w: _db(m.harshness_share(w))),
    "mud_db": ("share of 180–450 Hz", "dB", lambda w: _db(m.mud_share(w))),
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


def effect(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Change the sound of the targets as the intent ``value`` means; ``amount`` (``strength``) is 1 when not given.

    Raises:
        UnsupportedError: unknown intent, or nothing of that kind is left to do.
    """
    names = tracks_of(operation.targets, piece.score)
    rate = piece.sample_rate
    start, end = span.samples(rate)
    parts = {name: Waveform(piece.stems[name].samples[:, start:end], rate) for name in names}
    roles = {name: piece.score.track(name).role for name in names}
    strength = operation.amount if operation.amount is not None else 1.0
    others = [Waveform(stem.samples[:, start:end], rate) for name, stem in piece.stems.items() if name not in parts]
    rest = _sum(dict(enumerate(others))) if others else None
    chains, line = chains_for(operation.value, parts, roles, strength, rest)
    first, last = (None, None) if span.whole else (span.start, span.end)
    steps = {name: (SoundStep("effects", first, last, found),) for name, found in chains.items()}
    return Change(piece.plan, piece.score, steps=steps, span=span, lines=(f"{', '.join(names)} {line} in {span}",))


def chains_for(
    intent_id: str, parts: dict[str, Waveform], roles: dict[str, str], strength: float = 1.0, rest: Waveform | None = None
) -> tuple[dict[str, tuple[EffectStep, ...]], str]:
    """The chain of each part, and a line on what was measured before and after.

    Args:
        intent_id: of the table.
        parts: sounds by name, of one length and rate, treated as a group (a single sound is a group of one).
        roles: their roles, for steps that spare some.
        strength: 1 for the table's change; at most 1.5 counts.
        rest: what else sounds; the strength is held back where the whole would have to be lowered audibly not to clip.

    Raises:
        UnsupportedError: unknown intent, silence, or nothing of that kind is left to do.
    """
    intent = intents().get(intent_id.strip().lower().replace(" ", "_").replace("-", "_"))
    if intent is None:
        raise UnsupportedError(f"'{intent_id}' is not a sound that is known; there are: {', '.join(intents())}")
    strength = min(max(strength, 0.1), _MAX_STRENGTH)
    label, unit, figure = MEASURES[intent.measure]
    excerpts = _excerpts(parts)
    before = figure(_sum(excerpts))
    wanted = intent.wish(before, strength)
    sign = 1.0 if wanted > 0 else -1.0
    best, best_moved, good = 0.0, 0.0, []
    for share in _STRENGTHS:
        at = share * max(1.0, strength)
        tried = {name: chain(wave, _steps(intent, roles[name], at, len(parts))) for name, wave in excerpts.items()}
        moved = sign * (figure(_sum(tried)) - before)
        if moved > best_moved:
            best, best_moved = at, moved
            good.append(at)
        if moved >= abs(wanted):
            break
    if not best or active_lufs(_sum(excerpts)) <= SILENCE_LUFS:
        raise UnsupportedError(f"{', '.join(parts)} cannot be made {intent.en}: {label} is {before:.2f} {unit} already")
    before_full, loudness = figure(_sum(parts)), active_lufs(_sum(parts))
    highest = max(true_peak_dbtp(_whole(_sum(parts), rest)), -0.1) + _MAX_LOWERED_DB
    for best in reversed(good):
        chains = {name: _steps(intent, roles[name], best, len(parts)) for name in parts}
        treated = {name: chain(wave, chains[name]) for name, wave in parts.items()}
        total = _sum(treated)
        gain_db = round(loudness - active_lufs(total), 3)
        louder = Waveform(total.samples * np.float32(10.0 ** (gain_db / 20.0)), total.sample_rate)
        if true_peak_dbtp(_whole(louder, rest)) <= highest:
            break
    final = {name: (*steps, EffectStep("gain", {"gain_db": gain_db})) for name, steps in chains.items()}
    after = figure(total)
    line = f"{intent.en}: {label} {before_full:.2f} → {after:.2f} {unit}".rstrip() + f", strength {best:.2f}"
    return final, line


def _steps(intent: Intent, role: str, at: float, n_parts: int) -> tuple[EffectStep, ...]:
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


def _excerpts(parts: dict[str, Waveform]) -> dict[str, Waveform]:
    """The loudest stretch of at most 10 s, the same of every part."""
    whole = _sum(parts)
    size = round(_EXCERPT_S * whole.sample_rate)
    if whole.n_samples <= size:
        return parts
    energy = np.concatenate([[0.0], np.cumsum(whole.mono().astype(np.float64) ** 2)])
    starts = np.arange(0, whole.n_samples - size + 1, whole.sample_rate)
    at = int(starts[int(np.argmax(energy[starts + size] - energy[starts]))])
    return {name: Waveform(wave.samples[:, at : at + size], wave.sample_rate) for name, wave in parts.items()}


def _whole(group: Waveform, rest: Waveform | None) -> Waveform:
    """The group with everything else."""
    return group if rest is None else Waveform(group.samples + rest.samples, group.sample_rate)


def _sum(parts: Mapping[Any, Waveform]) -> Waveform:
    """The group's sound."""
    waves = list(parts.values())
    total = waves[0].samples.astype(np.float32)
    for wave in waves[1:]:
        total = total + wave.samples
    return Waveform(total, waves[0].sample_rate)
