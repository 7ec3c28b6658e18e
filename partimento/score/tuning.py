"""How far a SoundFont's samples are out of tune, and the corrections for the built-in one.

Some samples of TimGM6mb are labelled wrong: the accordion's by up to 69 cents, the whistle's by nine semitones; FluidSynth
plays them so. The table ``data/tuning_timgm6mb.yaml`` puts them right. ``python -m partimento.score.tuning`` makes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from partimento.score.sf2_zones import Region
    from partimento.score.soundfont import SoundFont

_SEARCH_CENTS = 100.0
_HARMONICS = 6
_AGREE_CENTS = 30.0
_MIN_CONFIDENCE = 0.8
_WORTH_CENTS = 8.0  # smaller errors are left: they are within what players do
# Noises, effects and untuned percussion of General MIDI; the pitch of a sample used by nothing else means nothing.
_UNPITCHED = frozenset({112, 115, 116, 117, 118, 119, *range(120, 128)})
# Sounds without a clean comb of harmonics, measured at their strongest partial. The whistle's zone names a root key nine
# semitones too high and leaves out the keys at which people whistle.
_BY_HAND = {47: {235: 14}, 52: {491: -18, 495: 18}, 78: {10: 904}, 113: {110: -11}}
_KEYS_BY_HAND = {78: {10: (0, 101)}}


@dataclass(frozen=True)
class Corrections:
    """What to put right in one preset.

    Attributes:
        cents: to add, by sample index.
        keys: the range of keys of the first zone of a sample, by sample index.
    """

    cents: Mapping[int, int]
    keys: Mapping[int, tuple[int, int]]


NO_CORRECTIONS = Corrections({}, {})


@cache
def corrections(font_name: str) -> dict[int, Corrections]:
    """What to put right, by program of bank 0; empty for fonts other than TimGM6mb."""
    if font_name != "TimGM6mb":
        return {}
    import yaml

    text = files("partimento.score").joinpath("data/tuning_timgm6mb.yaml").read_text(encoding="utf-8")
    table: dict[int, dict[int, int]] = yaml.safe_load(text)
    return {program: Corrections(cents, _KEYS_BY_HAND.get(program, {})) for program, cents in table.items()}


def pitch_cents(samples: NDArray[Any], sample_rate: int, expected_hz: float) -> tuple[float, float]:
    """Deviation of a steady sound from an expected pitch.

    The harmonic comb around the expected pitch that gathers most amplitude is found in a long spectrum, then the first
    three harmonics are read off their peaks (parabola through the logarithms).

    Args:
        samples: ``[n]`` or ``[channels, n]``, a fraction of a second or more.
        sample_rate: Hz.
        expected_hz: the pitch it should have.

    Returns:
        Cents (within 100 of zero; NaN for silence) and the share, 0 to 1, of the energy that lies within 30 cents of the
        harmonics found.
    """
    channels = np.atleast_2d(np.asarray(samples, dtype=np.float64))
    size = 1 << max(18, (channels.shape[1] - 1).bit_length())
    power = sum(np.abs(np.fft.rfft(c * np.hanning(len(c)), size)) ** 2 for c in channels)
    power = np.asarray(power)
    if not power.any():
        return math.nan, 0.0
    step_hz = sample_rate / size
    offsets = np.arange(-_SEARCH_CENTS, _SEARCH_CENTS + 0.25, 0.5)
    candidates = expected_hz * 2.0 ** (offsets / 1200.0)
    n_harmonics = max(1, min(_HARMONICS, int(0.45 * sample_rate / expected_hz)))
    comb = sum(np.sqrt(power[np.round(candidates * h / step_hz).astype(int)]) for h in range(1, n_harmonics + 1))
    found_hz = float(candidates[int(np.argmax(comb))])
    total = weights = 0.0
    for h in range(1, min(3, n_harmonics) + 1):
        place, height = _peak(power, found_hz * h / step_hz)
        total += math.sqrt(height) * h * 1200.0 * math.log2(place * step_hz / h / expected_hz)
        weights += math.sqrt(height) * h
    near = 0.0
    spread = 2.0 ** (_AGREE_CENTS / 1200.0)
    for h in range(1, int(0.45 * sample_rate / found_hz) + 1):
        centre = found_hz * h / step_hz
        near += float(power[math.floor(centre / spread) - 2 : math.ceil(centre * spread) + 3].sum())
    return total / weights if weights else math.nan, min(1.0, near / float(power.sum()))


def _peak(power: NDArray[Any], near: float) -> tuple[float, float]:
    """Place (in bins) and height of the peak within 20 cents of a bin."""
    reach = max(2, round(near * (2.0 ** (20.0 / 1200.0) - 1.0)))
    first = max(1, round(near) - reach)
    at = first + int(np.argmax(power[first : round(near) + reach + 1]))
    at = min(at, len(power) - 2)
    left, top, right = (math.log(float(power[at + i]) + 1e-30) for i in (-1, 0, 1))
    bend = left - 2.0 * top + right
    return at + (0.5 * (left - right) / bend if bend < 0 else 0.0), float(power[at])


def measure_corrections(font: SoundFont) -> dict[int, dict[int, int]]:
    """Cents to add by program and sample, where a sample's zones are out of tune by more than a little on average."""
    table: dict[int, dict[int, int]] = {}
    for bank, program in font.presets:
        if bank != 0 or program in _UNPITCHED:
            continue
        found: dict[int, list[float]] = {}
        for region in font.regions(bank, program):
            cents = _region_cents(font, region)
            if cents is not None:
                found.setdefault(region.sample, []).append(cents)
        means = {sample: float(np.mean(values)) for sample, values in sorted(found.items())}
        wrong = {sample: -round(mean) for sample, mean in means.items() if abs(mean) > _WORTH_CENTS}
        wrong |= _BY_HAND.get(program, {})
        if wrong:
            table[program] = wrong
    return dict(sorted(table.items()))


def _region_cents(font: SoundFont, region: Region) -> float | None:
    """Deviation of one region at a key near its root, or None when it has no clear pitch."""
    from partimento.score.sampler_voice import make_voice, render_body

    wave = font.wave(region.sample)
    low, high = max(region.keys[0], 33), min(region.keys[1], 100)
    if low > high:
        return None
    key = min(max(region.root_key, low), high)
    voice = make_voice(region, key, 100, len(wave))
    if voice is None:
        return None
    sample_rate = 44_100
    body = render_body(wave, voice, round(1.1 * sample_rate), sample_rate).held[sample_rate // 10 :]
    if len(body) < sample_rate // 5:
        return None
    cents, confidence = pitch_cents(body, sample_rate, 440.0 * 2.0 ** ((key - 69) / 12.0))
    return cents if confidence >= _MIN_CONFIDENCE and abs(cents) < _SEARCH_CENTS - 5 else None


def main() -> None:
    """Print the table for the built-in SoundFont."""
    from partimento.score.soundfont import SoundFont, find_soundfont

    print("# Cents to add to samples of TimGM6mb that are labelled out of tune: program: {sample: cents}.")
    print("# Made by: python -m partimento.score.tuning")
    for program, cents in measure_corrections(SoundFont(find_soundfont(None).path, corrected=False)).items():
        print(f"{program}: {{{', '.join(f'{sample}: {value}' for sample, value in cents.items())}}}")


if __name__ == "__main__":
    main()
