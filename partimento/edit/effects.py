"""``effect``: a sound that is meant (warmer, more spacious …) as a chain of effects, with amounts from the measured signal.

The table is ``edit/intents.yaml``. Amounts grow until the figure that the word is about has moved as far as is wanted;
how far that is depends on where it stands. Loudness is put back to what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from partimento.audio import measure as m
from partimento.audio.loudness import SILENCE_LUFS, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.change import Change, Piece
from partimento.edit.contents import EffectStep, SoundStep
from partimento.edit.region import Span
from partimento.edit.rendering import chained
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.mix import active_lufs
from partimento.score.parallel import map_in_order, summed

_EXCERPT_S = 10.0
_STRENGTHS = (0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
_MAX_STRENGTH = 1.5
_OVERSHOT = 1.6
_NEAR_ENOUGH = 0.8
_HALVINGS = 3
_LEAST_WISH = 0.25
_MAX_LOWERED_DB = 0.8
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
    parts = {name: piece.stems[name].part(start, end) for name in names}
    roles = {name: piece.score.track(name).role for name in names}
    strength = operation.amount if operation.amount is not None else 1.0
    rest = _rest(piece, parts, start, end) if set(piece.stems) - set(parts) else None
    done = treat(operation.value, parts, roles, strength, rest)
    first, last = (None, None) if span.whole else (span.start, span.end)
    steps = {name: (SoundStep("effects", first, last, found),) for name, found in done.chains.items()}
    lines = (f"{', '.join(names)} {done.line} in {span}",)
    # Of the whole piece it is not done twice; in a stretch the effects will hear what comes before.
    return Change(piece.plan, piece.score, steps=steps, treated=done.waves if span.whole else {}, span=span, lines=lines)


def _rest(piece: Piece, parts: Mapping[str, Waveform], start: int, end: int) -> Waveform:
    """What sounds beside the parts in a stretch."""
    if piece.mix is None:
        others = [stem.part(start, end) for name, stem in piece.stems.items() if name not in parts]
        return _sum(dict(enumerate(others)))
    whole = piece.mix().part(start, end)
    own = summed([wave.samples for wave in parts.values()])
    return Waveform(np.subtract(whole.samples, own, out=own), whole.sample_rate)


@dataclass(frozen=True)
class Treated:
    """Sounds made as an intent means.

    Attributes:
        intent: the row of the table.
        chains: the chain of each part, with the gain that puts the loudness back.
        waves: the parts through their chains.
        before, after: the figure of the whole group.
        strength: at which the chain was taken.
        peaks_dbtp: true peaks of the group (with what else sounds) before and after.
    """

    intent: Intent
    chains: dict[str, tuple[EffectStep, ...]]
    waves: dict[str, Waveform]
    before: float
    after: float
    strength: float
    peaks_dbtp: tuple[float, float]

    @property
    def line(self) -> str:
        """What was measured before and after."""
        label, unit, _ = MEASURES[self.intent.measure]
        text = f"{self.intent.en}: {label} {self.before:.2f} → {self.after:.2f} {unit}".rstrip()
        return f"{text}, strength {self.strength:.2f}"

    @property
    def moved(self) -> bool:
        """True when the figure went where it should."""
        return (self.after - self.before) * self.intent.change > 0


def chains_for(
    intent_id: str, parts: dict[str, Waveform], roles: dict[str, str], strength: float = 1.0, rest: Waveform | None = None
) -> tuple[dict[str, tuple[EffectStep, ...]], str]:
    """The chain of each part, and a line on what was measured before and after; arguments as in :func:`treat`."""
    done = treat(intent_id, parts, roles, strength, rest)
    return done.chains, done.line


def intent_of(id_: str) -> Intent:
    """An intent by its id, spelled with spaces or hyphens too.

    Raises:
        UnsupportedError: there is none; the message lists those that are.
    """
    intent = intents().get(id_.strip().lower().replace(" ", "_").replace("-", "_"))
    if intent is None:
        raise UnsupportedError(f"'{id_}' is not a sound that is known; there are: {', '.join(intents())}")
    return intent


def treat(
    intent_id: str, parts: dict[str, Waveform], roles: dict[str, str], strength: float = 1.0, rest: Waveform | None = None
) -> Treated:
    """Sounds made as an intent means, with the strength that the measured sound asks for.

    Args:
        intent_id: of the table.
        parts: sounds by name, of one length and rate, treated as a group (a single sound is a group of one).
        roles: their roles, for steps that spare some.
        strength: 1 for the table's change; at most 1.5 counts.
        rest: what else sounds; the strength is held back where the whole would have to be lowered audibly not to clip.

    Raises:
        UnsupportedError: unknown intent, silence, or nothing of that kind is left to do.
    """
    intent = _for_channels(intent_of(intent_id), next(iter(parts.values())).n_channels)
    strength = min(max(strength, 0.1), _MAX_STRENGTH)
    label, unit, figure = MEASURES[intent.measure]
    group = _sum(parts)
    rate = group.sample_rate
    excerpts = _excerpts(parts, group)
    good = _strengths(intent, excerpts, roles, strength)
    before, loudness = figure(group), active_lufs(group)
    if not good or active_lufs(_sum(excerpts)) <= SILENCE_LUFS:
        raise UnsupportedError(f"{', '.join(parts)} cannot be made {intent.en}: {label} is {before:.2f} {unit} already")
    peak = true_peak_dbtp(_whole(group, rest))
    highest = max(peak, -0.1) + _MAX_LOWERED_DB
    stronger = [at for at in (1.0, 1.25, _MAX_STRENGTH) if at > good[-1]]
    best: Treated | None = None
    for at in [*reversed(good), *stronger]:
        if best is not None and best.moved and at > good[-1]:
            break  # stronger ones only where the whole did not follow the excerpt
        chains = {name: _steps(intent, roles[name], at, len(parts)) for name in parts}
        treated = _through(parts, chains)
        total = summed(list(treated.values()))
        gain_db = round(loudness - active_lufs(Waveform(total, rate)), 3)
        _scale([total, *treated.values()], gain_db)
        louder = Waveform(total, rate)
        step = EffectStep("gain", {"gain_db": gain_db})
        peaks = peak, true_peak_dbtp(_whole(louder, rest))
        done = Treated(
            intent,
            {name: (*steps, step) for name, steps in chains.items()},
            {name: Waveform(samples, rate) for name, samples in treated.items()},
            before, figure(louder), at, peaks,
        )  # fmt: skip
        if done.moved or best is None:
            best = done
        if done.moved and peaks[1] <= highest:
            break
    assert best is not None, "there is at least one strength"
    if not best.moved:
        raise UnsupportedError(f"{', '.join(parts)} cannot be made {intent.en}: {label} stays at {before:.2f} {unit}")
    return best


def _through(waves: Mapping[str, Waveform], chains: Mapping[str, tuple[EffectStep, ...]]) -> dict[str, NDArray[np.float32]]:
    """Each sound through its chain, two at a time; new samples."""
    return dict(zip(waves, map_in_order(lambda name: chained(waves[name], chains[name]), waves), strict=True))


def _scale(sounds: list[NDArray[np.float32]], gain_db: float) -> None:
    """Raise or lower sounds of our own, in place: fresh memory costs more than the multiplication."""
    factor = np.float32(10.0 ** (gain_db / 20.0))
    map_in_order(lambda samples: np.multiply(samples, factor, out=samples), sounds)


def _strengths(intent: Intent, excerpts: dict[str, Waveform], roles: dict[str, str], strength: float) -> list[float]:
    """Strengths that move the figure of an excerpt, ascending, up to the first that moves it as far as is wanted."""
    figure = MEASURES[intent.measure][2]
    before = figure(_sum(excerpts))
    wanted = intent.wish(before, strength)
    sign = 1.0 if wanted > 0 else -1.0

    def moved_at(at: float) -> float:
        tried = _through(excerpts, {name: _steps(intent, roles[name], at, len(excerpts)) for name in excerpts})
        total = Waveform(summed(list(tried.values())), next(iter(excerpts.values())).sample_rate)
        return sign * (figure(total) - before)

    farthest, good = 0.0, []
    for share in _STRENGTHS:
        at = share * max(1.0, strength)
        moved = moved_at(at)
        if moved > farthest:
            farthest = moved
            good.append(at)
        if moved >= abs(wanted):
            break
    # Where a step is far too much (echoes in a dry sound, dirt in a clean one), something in between is looked for.
    low = good[-2] if len(good) > 1 else 0.0
    for _ in range(_HALVINGS):
        if not good or farthest <= _OVERSHOT * abs(wanted):
            break
        at = (low + good[-1]) / 2
        moved = moved_at(at)
        if moved >= _NEAR_ENOUGH * abs(wanted):
            good[-1], farthest = at, moved
        else:
            low = at
    return good


def _for_channels(intent: Intent, n_channels: int) -> Intent:
    """The intent as it can be measured: one channel has no width.

    Raises:
        UnsupportedError: width is all that it is about.
    """
    if intent.measure != "width" or n_channels == 2:
        return intent
    if all(step["effect"] == "set_width" for step in intent.steps):
        raise UnsupportedError(f"'{intent.en}' is about stereo width, and this sound has {n_channels} channel(s)")
    return replace(intent, measure="tail_db", change=1.0, spent=-2.0, usual=-20.0)


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


def _excerpts(parts: dict[str, Waveform], whole: Waveform) -> dict[str, Waveform]:
    """The loudest stretch of at most 10 s of the whole, the same of every part."""
    size = round(_EXCERPT_S * whole.sample_rate)
    if whole.n_samples <= size:
        return parts
    energy = np.concatenate([[0.0], np.cumsum(_energies(whole))])  # second by second
    seconds = size // whole.sample_rate
    at = int(np.argmax(energy[seconds:] - energy[:-seconds])) * whole.sample_rate
    return {name: Waveform(wave.samples[:, at : at + size], wave.sample_rate) for name, wave in parts.items()}


def _energies(wave: Waveform) -> NDArray[np.float64]:
    """Energy of each whole second of the mono sum."""
    rate = wave.sample_rate
    starts = range(0, wave.n_samples - rate + 1, rate)
    return np.array([np.square(wave.part(at, at + rate).mono()).sum(dtype=np.float64) for at in starts])


def _whole(group: Waveform, rest: Waveform | None) -> Waveform:
    """The group with everything else."""
    return group if rest is None else Waveform(group.samples + rest.samples, group.sample_rate)


def _sum(parts: Mapping[Any, Waveform]) -> Waveform:
    """The group's sound."""
    return Waveform(summed([wave.samples for wave in parts.values()]), next(iter(parts.values())).sample_rate)
