"""``effect``: a sound that is meant (warmer, more spacious …) as a chain of effects, with amounts from the measured signal.

The table is ``edit/intents.yaml``. Amounts grow until the figure that the word is about has moved as far as is wanted;
how far that is depends on where it stands. Loudness is put back to what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.exact import STEM_BITS, quantised
from partimento.audio.loudness import SILENCE_LUFS, true_peak_dbtp
from partimento.audio.parallel import map_in_order, summed
from partimento.audio.waveform import Waveform
from partimento.edit.ceiling import MAX_TRUE_PEAK_DBTP
from partimento.edit.change import Change, Piece
from partimento.edit.contents import EffectStep, SoundStep
from partimento.edit.intents import MAX_STRENGTH, MEASURES, Intent, for_channels, intent_of, steps_of
from partimento.edit.region import Span
from partimento.edit.rendering import chained
from partimento.edit.targets import tracks_of
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.score.mix import active_lufs

_EXCERPT_S = 10.0
_STRENGTHS = (0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
_OVERSHOT = 1.6
_NEAR_ENOUGH = 0.8
_HALVINGS = 3
_MAX_LOWERED_DB = 0.8
_LEAST_SHARE = 0.1  # of what is wanted: less is not heard, and another way is taken where there is one
_SURE_DB = 0.01  # more than rounding can add to a peak


def effect(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Change the sound of the targets as the intent ``value`` means; ``amount`` (``strength``) is 1 when not given.

    Raises:
        UnsupportedError: unknown intent, or nothing of that kind is left to do.
    """
    names = tracks_of(operation.targets, piece.score)
    rate = piece.sample_rate
    start, end = span.samples(rate)
    whole = span.whole and all(piece.stems[name].n_samples <= end for name in names)

    def sounds() -> dict[str, Waveform]:
        stems = {name: piece.stems[name] for name in names}
        return {name: stem.once() if whole else stem.part(start, end) for name, stem in stems.items()}

    parts = sounds()
    roles = {name: piece.score.track(name).role for name in names}
    strength = operation.amount if operation.amount is not None else 1.0
    rest = _rest(piece, parts, start, end) if set(piece.stems) - set(parts) else None
    done = treat(operation.value, parts, roles, strength, rest, sounds)
    rounded = span.whole and done.peaks_dbtp[1] <= MAX_TRUE_PEAK_DBTP - _SURE_DB
    if rounded:  # in place: fresh memory costs more than the rounding
        map_in_order(lambda own: quantised(Waveform(own, rate), STEM_BITS, out=own), done.samples.values())
    first, last = (None, None) if span.whole else (span.start, span.end)
    steps = {name: (SoundStep("effects", first, last, found),) for name, found in done.chains.items()}
    lines = (f"{', '.join(names)} {done.line} in {span}",)
    # Of the whole piece it is not done twice; in a stretch the effects will hear what comes before.
    treated = done.waves if span.whole else {}
    return Change(piece.plan, piece.score, steps=steps, treated=treated, rounded=rounded, span=span, lines=lines)


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
        samples: the parts through their chains; nobody else's memory.
        sample_rate: Hz.
        before, after: the figure of the whole group.
        strength: at which the chain was taken.
        peaks_dbtp: true peaks of the group (with what else sounds) before and after.
    """

    intent: Intent
    chains: dict[str, tuple[EffectStep, ...]]
    samples: dict[str, NDArray[np.float32]]
    sample_rate: int
    before: float
    after: float
    strength: float
    peaks_dbtp: tuple[float, float]

    @property
    def waves(self) -> dict[str, Waveform]:
        """The parts through their chains."""
        return {name: Waveform(own, self.sample_rate) for name, own in self.samples.items()}

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


def treat(
    intent_id: str,
    parts: dict[str, Waveform],
    roles: dict[str, str],
    strength: float = 1.0,
    rest: Waveform | None = None,
    again: Callable[[], dict[str, Waveform]] | None = None,
) -> Treated:
    """Sounds made as an intent means, with the strength that the measured sound asks for.

    Args:
        intent_id: of the table.
        parts: sounds by name, of one length and rate, treated as a group (a single sound is a group of one).
        roles: their roles, for steps that spare some.
        strength: 1 for the table's change; at most 1.5 counts.
        rest: what else sounds; the strength is held back where the whole would have to be lowered audibly not to clip.
        again: gives the parts once more. ``parts`` is emptied then while they are treated, and half the memory is enough.

    Raises:
        UnsupportedError: unknown intent, silence, or nothing of that kind is left to do.
    """
    intent = for_channels(intent_of(intent_id), next(iter(parts.values())).n_channels)
    strength = min(max(strength, 0.1), MAX_STRENGTH)
    group = _sum(parts)
    names, rate = list(parts), group.sample_rate
    excerpts = _excerpts(parts, group)
    good, share = _strengths(intent, excerpts, roles, strength)
    if share < _LEAST_SHARE and intent.stand_in is not None:
        intent = intent.stand_in
        good, _ = _strengths(intent, excerpts, roles, strength)
    label, unit, figure = MEASURES[intent.measure]
    peak, before, loudness = _measured(group, rest, figure, active_lufs)
    if not good or active_lufs(_sum(excerpts)) <= SILENCE_LUFS:
        raise UnsupportedError(f"{', '.join(parts)} cannot be made {intent.en}: {label} is {before:.2f} {unit} already")
    del group, excerpts
    highest = max(peak, -0.1) + _MAX_LOWERED_DB
    stronger = [at for at in (1.0, 1.25, MAX_STRENGTH) if at > good[-1]]
    best: Treated | None = None
    for at in [*reversed(good), *stronger]:
        if best is not None and best.moved and at > good[-1]:
            break  # stronger ones only where the whole did not follow the excerpt
        chains = {name: steps_of(intent, roles[name], at, len(names)) for name in names}
        samples = _through(parts if parts or again is None else again(), chains, keep=again is None)
        louder, gain_db = _as_loud(samples, loudness, rate)
        peak_after, after = _measured(louder, rest, figure)
        step = EffectStep("gain", {"gain_db": gain_db})
        chains = {name: (*steps, step) for name, steps in chains.items()}
        done = Treated(intent, chains, samples, rate, before, after, at, (peak, peak_after))
        if done.moved or best is None:
            best = done
        if done.moved and peak_after <= highest:
            break
    assert best is not None, "there is at least one strength"
    if not best.moved:
        raise UnsupportedError(f"{', '.join(names)} cannot be made {intent.en}: {label} stays at {before:.2f} {unit}")
    return best


def _measured(group: Waveform, rest: Waveform | None, *figures: Callable[[Waveform], float]) -> list[float]:
    """The true peak of a group with everything else, and figures of the group; two at a time."""
    return map_in_order(lambda figure: figure(group), (lambda own: true_peak_dbtp(_whole(own, rest)), *figures))


def _as_loud(sounds: Mapping[str, NDArray[np.float32]], lufs: float, sample_rate: int) -> tuple[Waveform, float]:
    """Sounds of our own with a gain, in place, that gives their sum a loudness; the sum and the gain in dB."""
    total = summed(list(sounds.values()))
    gain_db = round(lufs - active_lufs(Waveform(total, sample_rate)), 3)
    _scale([total, *sounds.values()], gain_db)
    return Waveform(total, sample_rate), gain_db


def _through(
    waves: dict[str, Waveform], chains: Mapping[str, tuple[EffectStep, ...]], *, keep: bool = True
) -> dict[str, NDArray[np.float32]]:
    """Each sound through its chain, two at a time; new samples. What shall not be kept is forgotten when it is done."""
    names = list(waves)
    return dict(zip(names, map_in_order(lambda n: chained(waves[n] if keep else waves.pop(n), chains[n]), names), strict=True))


def _scale(sounds: list[NDArray[np.float32]], gain_db: float) -> None:
    """Raise or lower sounds of our own, in place: fresh memory costs more than the multiplication."""
    factor = np.float32(10.0 ** (gain_db / 20.0))
    map_in_order(lambda samples: np.multiply(samples, factor, out=samples), sounds)


def _strengths(
    intent: Intent, excerpts: dict[str, Waveform], roles: dict[str, str], strength: float
) -> tuple[list[float], float]:
    """Strengths that move the figure of an excerpt, ascending, up to the first that moves it as far as is wanted, and the
    share of what is wanted that the last comes to."""
    figure = MEASURES[intent.measure][2]
    before = figure(_sum(excerpts))
    wanted = intent.wish(before, strength)
    sign = 1.0 if wanted > 0 else -1.0

    def moved_at(at: float) -> float:
        tried = _through(excerpts, {name: steps_of(intent, roles[name], at, len(excerpts)) for name in excerpts})
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
    return good, farthest / abs(wanted)


def _excerpts(parts: dict[str, Waveform], whole: Waveform) -> dict[str, Waveform]:
    """The loudest stretch of at most 10 s of the whole, the same of every part; of longer sounds a copy."""
    size = round(_EXCERPT_S * whole.sample_rate)
    if whole.n_samples <= size:
        return parts
    energy = np.concatenate([[0.0], np.cumsum(_energies(whole))])  # second by second
    seconds = size // whole.sample_rate
    at = int(np.argmax(energy[seconds:] - energy[:-seconds])) * whole.sample_rate
    return {name: Waveform(wave.samples[:, at : at + size].copy(), wave.sample_rate) for name, wave in parts.items()}


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
