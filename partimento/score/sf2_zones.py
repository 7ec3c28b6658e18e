"""From the zones of a SoundFont to regions: which sample sounds for which keys, with all generator values summed.

*SoundFont Technical Specification 2.04*, sections 8 (generators and modulators) and 9.4 (how the levels combine):
instrument values are absolute and replace the default, the instrument's global zone stands in where a zone says
nothing, and preset values are added on top; ranges intersect. Everything is clipped to the limits of section 8.1.3,
so that no file, however damaged, yields a number that the sampler cannot play.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.score.tuning import NO_CORRECTIONS, Corrections

GEN_START, GEN_END, GEN_LOOP_START, GEN_LOOP_END, GEN_START_COARSE = 0, 1, 2, 3, 4
GEN_MOD_LFO_TO_PITCH, GEN_VIB_LFO_TO_PITCH, GEN_MOD_ENV_TO_PITCH = 5, 6, 7
GEN_FILTER_CENTS, GEN_FILTER_Q, GEN_MOD_LFO_TO_FILTER, GEN_MOD_ENV_TO_FILTER = 8, 9, 10, 11
GEN_END_COARSE, GEN_MOD_LFO_TO_VOLUME, GEN_PAN = 12, 13, 17
GEN_MOD_LFO_DELAY, GEN_MOD_LFO_FREQ, GEN_VIB_LFO_DELAY, GEN_VIB_LFO_FREQ = 21, 22, 23, 24
GEN_MOD_ENV, GEN_VOL_ENV = 25, 33  # delay; attack, hold, decay, sustain, release and the two key scalings follow
GEN_INSTRUMENT, GEN_KEY_RANGE, GEN_VELOCITY_RANGE, GEN_LOOP_START_COARSE = 41, 43, 44, 45
GEN_KEY, GEN_VELOCITY, GEN_ATTENUATION, GEN_LOOP_END_COARSE = 46, 47, 48, 50
GEN_COARSE_TUNE, GEN_FINE_TUNE, GEN_SAMPLE, GEN_SAMPLE_MODES = 51, 52, 53, 54
GEN_SCALE_TUNING, GEN_EXCLUSIVE_CLASS, GEN_ROOT_KEY = 56, 57, 58
N_GENERATORS = 61

_DEFAULTS = {GEN_FILTER_CENTS: 13500, GEN_SCALE_TUNING: 100, GEN_KEY: -1, GEN_VELOCITY: -1, GEN_ROOT_KEY: -1}
_DEFAULTS |= dict.fromkeys((21, 23, 25, 26, 27, 28, 30, 33, 34, 35, 36, 38), -12000)
_LIMITS = {
    5: (-12000, 12000), 6: (-12000, 12000), 7: (-12000, 12000), 8: (1500, 13500), 9: (0, 960), 10: (-12000, 12000),
    11: (-12000, 12000), 13: (-960, 960), 17: (-500, 500), 21: (-12000, 5000), 22: (-16000, 4500), 23: (-12000, 5000),
    24: (-16000, 4500), 25: (-12000, 5000), 26: (-12000, 8000), 27: (-12000, 5000), 28: (-12000, 8000), 29: (0, 1000),
    30: (-12000, 8000), 31: (-1200, 1200), 32: (-1200, 1200), 33: (-12000, 5000), 34: (-12000, 8000), 35: (-12000, 5000),
    36: (-12000, 8000), 37: (0, 1440), 38: (-12000, 8000), 39: (-1200, 1200), 40: (-1200, 1200), 46: (-1, 127),
    47: (-1, 127), 48: (0, 1440), 51: (-120, 120), 52: (-99, 99), 56: (0, 1200), 57: (0, 127), 58: (-1, 127),
}  # fmt: skip
_DEFAULT_VALUES = np.array([float(_DEFAULTS.get(number, 0)) for number in range(N_GENERATORS)])
_LOWEST, _HIGHEST = np.array([_LIMITS.get(number, (-32768, 32767)) for number in range(N_GENERATORS)], dtype=float).T
# A preset zone may not set these (section 8.5): they choose or address the sample.
_NOT_IN_PRESETS = frozenset({0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 53, 54, 57, 58})

VELOCITY = 2
"""Controller index of the note-on velocity in a modulator's source."""
_VELOCITY_TO_ATTENUATION = (0x0502, GEN_ATTENUATION, 960, 0, 0)
# Values of the MIDI controllers while nobody moves them. Volume and expression are full: the mixer sets levels.
_RESTING = {7: 127, 10: 64, 11: 127}


@dataclass(frozen=True, slots=True)
class Modulator:
    """A modulator of section 8.2: adds ``amount`` x source x amount source to the generator ``dest``.

    Only note-on velocity and key vary here; the MIDI controllers rest at their defaults.
    """

    source: int
    dest: int
    amount: int
    amount_source: int
    transform: int

    def value(self, key: int, velocity: int) -> float:
        """What it adds to its generator for a note."""
        product = _source(self.source, key, velocity) * (_source(self.amount_source, key, velocity) if self.amount_source else 1)
        return self.amount * (abs(product) if self.transform == 2 else product)

    @property
    def follows_velocity(self) -> bool:
        """True when the value depends on the velocity."""
        return any(not s & 0x80 and s & 0x7F == VELOCITY for s in (self.source, self.amount_source))


@dataclass(frozen=True, eq=False)
class Region:
    """A sample with the keys and velocities that it sounds for, and its generator values.

    Attributes:
        keys, velocities: inclusive ranges.
        sample: index of the sample header.
        sample_rate_hz, root_key, correction_cents: of the sample.
        start, end, loop_start, loop_end: in samples from the start of the sample's own data.
        gens: summed generator values, ``[61]``, in the file's units, within the specification's limits.
        modulators: those that can be other than zero.
        percussive: belongs to a drum kit.
    """

    keys: tuple[int, int]
    velocities: tuple[int, int]
    sample: int
    sample_rate_hz: float
    root_key: int
    correction_cents: int
    start: int
    end: int
    loop_start: int
    loop_end: int
    gens: NDArray[np.float64]
    modulators: tuple[Modulator, ...]
    percussive: bool = False

    def sounds(self, key: int, velocity: int) -> bool:
        """True when a note of this key and velocity plays the region."""
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    @property
    def timbre_follows_velocity(self) -> bool:
        """True when more than the loudness follows the velocity."""
        return any(m.follows_velocity and m.dest != GEN_ATTENUATION for m in self.modulators)

    @property
    def exclusive_class(self) -> int:
        """Notes of one class (not 0) in one preset cut each other off."""
        return int(self.gens[GEN_EXCLUSIVE_CLASS])


@dataclass(frozen=True)
class _Zone:
    """One zone: generators by number and modulators, in file order."""

    gens: dict[int, int]
    mods: tuple[Modulator, ...]


def build_regions(
    tables: Mapping[bytes, NDArray[Any]], preset: int, fix: Corrections = NO_CORRECTIONS, percussive: bool = False
) -> tuple[Region, ...]:
    """All regions of a preset.

    Args:
        tables: the nine ``pdta`` tables by name, indices checked.
        preset: row in ``phdr``.
        fix: what to put right in the file's values.
        percussive: the preset is a drum kit.
    """
    regions: list[Region] = []
    preset_global, preset_zones = _zones(tables, b"phdr", preset, GEN_INSTRUMENT)
    for zone in preset_zones:
        instrument = zone.gens[GEN_INSTRUMENT] & 0xFFFF
        if instrument >= len(tables[b"inst"]) - 1:
            continue
        preset_gens = preset_global.gens | zone.gens
        preset_mods = _override(preset_global.mods, zone.mods)
        inst_global, inst_zones = _zones(tables, b"inst", instrument, GEN_SAMPLE)
        for inner in inst_zones:
            gens = inst_global.gens | inner.gens
            mods = _override(_override((Modulator(*_VELOCITY_TO_ATTENUATION),), inst_global.mods), inner.mods)
            region = _region(tables[b"shdr"], gens, preset_gens, mods + preset_mods)
            if region is not None:
                regions.append(region)
    return tuple(_corrected(regions, fix, percussive))


def _corrected(regions: list[Region], fix: Corrections, percussive: bool) -> list[Region]:
    """The regions with known mistakes of the file put right, and their kind."""
    keys = dict(fix.keys)
    return [
        replace(
            region,
            correction_cents=region.correction_cents + fix.cents.get(region.sample, 0),
            keys=keys.pop(region.sample, region.keys),
            percussive=percussive,
        )
        for region in regions
    ]


def _zones(tables: Mapping[bytes, NDArray[Any]], owner: bytes, index: int, terminal: int) -> tuple[_Zone, list[_Zone]]:
    """The global zone (empty when there is none) and the zones that end in ``terminal``."""
    letter = owner[:1]
    bags, gens, mods = tables[letter + b"bag"], tables[letter + b"gen"], tables[letter + b"mod"]
    first, last = int(tables[owner]["bag"][index]), int(tables[owner]["bag"][index + 1])
    common, zones = _Zone({}, ()), []
    for bag in range(first, last):
        rows = gens[int(bags["gen"][bag]) : int(bags["gen"][bag + 1])]
        values: dict[int, int] = {}
        for oper, amount in zip(rows["oper"].tolist(), rows["amount"].tolist(), strict=True):
            if oper < N_GENERATORS:
                values[oper] = amount
            if oper == terminal:
                break  # whatever follows the terminal generator is to be ignored
        zone = _Zone(values, tuple(Modulator(*row) for row in mods[int(bags["mod"][bag]) : int(bags["mod"][bag + 1])].tolist()))
        if terminal in values:
            zones.append(zone)
        elif bag == first:
            common = zone
    return common, zones


def _override(base: tuple[Modulator, ...], more: tuple[Modulator, ...]) -> tuple[Modulator, ...]:
    """Modulators of ``base`` with those of ``more`` put in, replacing the ones with the same source and destination."""
    table = {(m.source, m.dest, m.amount_source, m.transform): m for m in base}
    table.update({(m.source, m.dest, m.amount_source, m.transform): m for m in more})
    return tuple(table.values())


def _region(headers: NDArray[Any], inst: dict[int, int], preset: dict[int, int], mods: tuple[Modulator, ...]) -> Region | None:
    """One region, or None when its ranges are empty or its sample does not exist."""
    sample = inst[GEN_SAMPLE] & 0xFFFF
    if sample >= len(headers) - 1:
        return None
    keys = _intersection(inst.get(GEN_KEY_RANGE), preset.get(GEN_KEY_RANGE))
    velocities = _intersection(inst.get(GEN_VELOCITY_RANGE), preset.get(GEN_VELOCITY_RANGE))
    if keys[0] > keys[1] or velocities[0] > velocities[1]:
        return None
    gens = _DEFAULT_VALUES.copy()
    for number, value in inst.items():
        gens[number] = value
    for number, value in preset.items():
        if number not in _NOT_IN_PRESETS:
            gens[number] += value
    np.clip(gens, _LOWEST, _HIGHEST, out=gens)
    row = headers[sample]
    base = int(row["start"])
    root = int(gens[GEN_ROOT_KEY]) if gens[GEN_ROOT_KEY] >= 0 else int(row["key"])
    return Region(
        keys=keys,
        velocities=velocities,
        sample=sample,
        sample_rate_hz=float(min(max(int(row["rate"]), 400), 192_000)),
        root_key=root if root <= 127 else 60,  # 255 marks an unpitched sample, to be played as if it were middle C
        correction_cents=int(row["correction"]),
        start=int(gens[GEN_START] + 32768 * gens[GEN_START_COARSE]),
        end=int(row["end"]) - base + int(gens[GEN_END] + 32768 * gens[GEN_END_COARSE]),
        loop_start=int(row["loop_start"]) - base + int(gens[GEN_LOOP_START] + 32768 * gens[GEN_LOOP_START_COARSE]),
        loop_end=int(row["loop_end"]) - base + int(gens[GEN_LOOP_END] + 32768 * gens[GEN_LOOP_END_COARSE]),
        gens=gens,
        modulators=tuple(m for m in mods if m.amount and m.dest < N_GENERATORS and _can_move(m)),
    )


def _intersection(inner: int | None, outer: int | None) -> tuple[int, int]:
    """Common part of two ranges, each packed as low byte = lowest, high byte = highest."""
    low, high = 0, 127
    for packed in (inner, outer):
        if packed is not None:
            low, high = max(low, packed & 0xFF), min(high, (packed >> 8) & 0xFF)
    return low, high


def _can_move(mod: Modulator) -> bool:
    """False for a modulator that is zero for every note because its controller rests at zero."""
    return any(mod.value(key, velocity) for key in (0, 60, 127) for velocity in (1, 63, 64, 100, 127))


def _source(source: int, key: int, velocity: int) -> float:
    """Value of a modulator source (section 8.2.1-8.2.4), -1 to 1."""
    index, is_controller = source & 0x7F, bool(source & 0x80)
    if is_controller:
        value = float(_RESTING.get(index, 0))
    elif index == 0:
        return 1.0  # "no controller": the constant 1
    elif index in (VELOCITY, 3):
        value = float(velocity if index == VELOCITY else key)
    elif index == 14:
        value = 64.0  # pitch wheel in its middle
    elif index == 16:
        value = 2.0  # pitch wheel sensitivity, semitones
    else:
        value = 0.0
    if source & 0x0100:
        value = 127.0 - value
    curve, bipolar = source >> 10, bool(source & 0x0200)
    if curve == 3:
        shaped = 1.0 if value >= 64 else 0.0
        return 2 * shaped - 1 if bipolar else shaped
    if not bipolar:
        return _curve(curve, value / 127.0)
    if curve == 0:
        return (value - 64.0) / 64.0
    centred = (value - 64.0) / 63.0
    return float(np.sign(centred)) * _curve(curve, min(abs(centred), 1.0))


def _curve(curve: int, x: float) -> float:
    """Linear, concave or convex (section 8.2.4): the concave one reaches 1 at ``x`` = 1 and is 40/96 log10 below."""
    if curve == 1:
        return 1.0 if x >= 1 else min(1.0, -40.0 / 96.0 * float(np.log10(1.0 - x)))
    if curve == 2:
        return 0.0 if x <= 0 else max(0.0, 1.0 + 40.0 / 96.0 * float(np.log10(x)))
    return x
