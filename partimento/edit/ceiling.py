"""An edit must not let the mix clip: what changed gives way, first its short peaks, then all of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from partimento.audio.exact import exact_sum, sum_after
from partimento.audio.fades import fade_curve
from partimento.audio.loudness import true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.contents import Contents

MAX_TRUE_PEAK_DBTP = -0.1
"""An edit that lets the mix rise above this lowers what it changed."""
MAX_LIMITED_DB = 4.0
"""Short peaks are taken down by at most this; what is more is taken off everything that changed."""
Gain = float | NDArray[np.float32]
"""Of what changed: one factor, or one per sample."""
_OVERSHOOT = 1.5
_MOST_LOWERED_DB = -24.0
_PEAK_CONTEXT = 1024
_NO_PEAK_DBTP = -120.0
_HOLD_S = 0.003
_PASSES = 4


def unclipped(
    stems_at: Callable[[Gain], dict[str, Waveform]], parent: Contents, all_changed: bool, limited: tuple[str, ...] = ()
) -> tuple[dict[str, Waveform], Waveform, float, float]:
    """The stems with what changed made smaller until the mix no longer clips.

    Where only a part of the mix changed, the steps are larger than the excess, because only that part gives way.

    Args:
        stems_at: gives all stems, those that changed at a gain.
        parent: what was there.
        all_changed: nothing of the parent's sound is left.
        limited: stems whose short peaks may give way before all of them is lowered.

    Returns:
        Stems, mix, by how much everything that changed was lowered (dB, 0 or less), and its peaks (dB, 0 or more).
    """
    stems = stems_at(1.0)
    mix, peak = _summed(parent, stems)
    if peak <= MAX_TRUE_PEAK_DBTP:
        return stems, mix, 0.0, 0.0
    limit = max(MAX_TRUE_PEAK_DBTP, true_peak_dbtp(parent.mix) + 0.01)
    gain_db = 0.0
    while peak > limit and gain_db > _MOST_LOWERED_DB:
        if limited and (found := _limited(stems_at, parent, stems, limited, limit, gain_db)) is not None:
            return found
        step = (peak - limit) * (1.0 if all_changed else _OVERSHOOT) + 0.02
        gain_db = max(_MOST_LOWERED_DB, gain_db - (min(1.0, step) if limited else step))
        stems = stems_at(10.0 ** (gain_db / 20.0))
        # Clipped samples hide how far it is above full scale, so this is done again until it fits.
        mix, peak = _summed(parent, stems)
    return stems, mix, gain_db, 0.0


def _limited(
    stems_at: Callable[[Gain], dict[str, Waveform]],
    parent: Contents, stems: dict[str, Waveform], names: tuple[str, ...], limit_dbtp: float, gain_db: float,
) -> tuple[dict[str, Waveform], Waveform, float, float] | None:  # fmt: skip
    """The same with short peaks of some stems taken down, or None where that is not enough."""
    rate = next(iter(stems.values())).sample_rate
    total: NDArray[np.float32] = np.asarray(sum(stem.samples for stem in stems.values()))
    own: NDArray[np.float32] = np.asarray(sum(stems[name].samples for name in names if name in stems))
    target = 10.0 ** (limit_dbtp / 20.0)
    factor = np.float32(10.0 ** (gain_db / 20.0))
    for _ in range(_PASSES):
        curve = _curve(total, own, target, rate)
        if float(curve.min()) < 10.0 ** (-MAX_LIMITED_DB / 20.0):
            return None
        made = stems_at(curve * factor)
        mix, peak = _summed(parent, made)
        if peak <= limit_dbtp:
            return made, mix, gain_db, -20.0 * float(np.log10(curve.min()))
        # What stands out between the samples is taken off the target.
        target *= 10.0 ** (-(peak - limit_dbtp + 0.02) / 20.0)
    return None


def _curve(total: NDArray[np.float32], own: NDArray[np.float32], target: float, rate: int) -> NDArray[np.float32]:
    """A smooth gain per sample of one share of a sum, with which no sample of the sum lies above a target."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    wanted = np.ones(total.shape[1], np.float32)
    for share, whole in zip(own, total, strict=True):
        over = np.flatnonzero(np.abs(whole) > target)
        signed = share[over] * np.sign(whole[over])
        rest = np.abs(whole[over]) - signed
        fits = np.where(signed > 1e-6, (target - rest) / np.maximum(signed, 1e-6), 0.0)
        wanted[over] = np.minimum(wanted[over], np.clip(fits, 0.0, 1.0))
    size = 2 * round(_HOLD_S * rate / 2) + 1
    held = minimum_filter1d(wanted, size)
    return np.asarray(uniform_filter1d(held, size), np.float32)


def _summed(parent: Contents, stems: dict[str, Waveform]) -> tuple[Waveform, float]:
    """The sum of stems, and its true peak (dBTP) where it differs from the parent's; what is left and right of that is no
    louder than it was, and what was too loud before the edit is not the edit's to mend."""
    if not any(parent.stems.get(name) is stem for name, stem in stems.items()):  # nothing of the parent's mix is left
        mix = exact_sum(stems)
        return mix, true_peak_dbtp(mix)
    mix, (first, end) = sum_after(parent.mix, parent.stems, stems)
    if first == end:
        return mix, _NO_PEAK_DBTP
    start, stop = max(0, first - 2 * _PEAK_CONTEXT), min(mix.n_samples, end + 2 * _PEAK_CONTEXT)
    around = mix.samples[:, start:stop].copy()
    # A cut would make peaks of its own: where there is one, the sound beside what changed is faded.
    if start > 0:
        around[:, :_PEAK_CONTEXT] *= fade_curve(_PEAK_CONTEXT)
    if stop < mix.n_samples:
        around[:, -_PEAK_CONTEXT:] *= fade_curve(_PEAK_CONTEXT)[::-1]
    return mix, true_peak_dbtp(Waveform(around, mix.sample_rate))
