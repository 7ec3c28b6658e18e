"""Faults that an ear would notice: clicks, clipping, offset, holes, a stuck loop, a constant buzz.

No faults of taste: each measure looks for something that a clean recording of any music does not have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.listen.energy import level_curve
from partimento.listen.spectrum import ONSET_RATE_HZ, PITCH_FFT, PITCH_RATE_HZ, Array, Sound

DC_LIMIT = 0.005
SILENCE_DB = -60.0
LONGEST_HOLE_S = 2.0
_CLICK_STEP = 0.01  # least jump, full scale: -40 dBFS
_CLICK_RATIO = 8.0  # against everything within the next line's time
_CLICK_ALONE_S = 0.05  # longer than a period of the lowest note: a low saw wave steps once in each
_CLIP_RUN = 4  # equal samples at full scale in a row
_LEAST_FALL = 0.003  # of the peak, beside a run that was cut off; three times that of a round top
_STUCK_WINDOW_S = 3.0
_STUCK_LIKENESS = 0.995
_BUZZ_RATES_HZ = (50.0, 60.0, 75.0)
_BUZZ_TEETH = 4


@dataclass(frozen=True)
class Quality:
    """Faults of a recording.

    Attributes:
        dc_offset: largest mean of a channel, full scale.
        clipped_runs: places where four or more samples in a row stand at the ceiling.
        clicks_s: times of clicks in seconds (the first hundred).
        silence_share: share of the time below -60 dBFS, 0 to 1.
        longest_hole_s: longest silence between the first and the last sound.
        stuck_share: share of the time that repeats itself sample by sample within a second.
        buzz_hz: spacing of a constant comb of lines (mains hum, frame rate of a codec), 0 when there is none.
        flags: what is wrong, in words; empty when nothing is.
    """

    dc_offset: float
    clipped_runs: int
    clicks_s: tuple[float, ...]
    silence_share: float
    longest_hole_s: float
    stuck_share: float
    buzz_hz: float
    flags: tuple[str, ...]


def measure_quality(sound: Waveform | Sound) -> Quality:
    """All measures of this file on a recording."""
    shared = Sound.of(sound)
    wave = shared.wave
    dc = float(np.abs(wave.samples.mean(axis=1, dtype=np.float64)).max(initial=0.0)) if wave.n_samples else 0.0
    clipped = clipped_runs(wave)
    clicks = find_clicks(wave)
    share, hole = silences(wave)
    stuck = stuck_share(shared)
    buzz = buzz_rate_hz(shared)
    finite = bool(np.isfinite(wave.samples).all())
    wrong = (
        ("samples that are not numbers", not finite),
        (f"offset of {dc:.3f}", dc > DC_LIMIT),
        (f"{clipped} clipped peaks", clipped > 0),
        (f"{len(clicks)} clicks", len(clicks) > 0),
        ("silent throughout", share >= 0.999),
        (f"hole of {hole:.1f} s", hole > LONGEST_HOLE_S),
        (f"stuck loop for {100 * stuck:.0f} % of the time", stuck > 0.2),
        (f"buzz at multiples of {buzz:g} Hz", buzz > 0),
    )
    flags = tuple(text for text, is_wrong in wrong if is_wrong)
    return Quality(round(dc, 6), clipped, clicks, round(share, 4), round(hole, 3), round(stuck, 3), buzz, flags)


def clipped_runs(wave: Waveform) -> int:
    """Number of runs of four or more samples within 0.01 % of the ceiling (only where the peak is above -1 dBFS).

    The top of a loud deep tone is as long (below 50 Hz at 44.1 kHz), but round: as far again outside of it the wave has fallen by
    nine times as much, where one that was cut off falls steeply.
    """
    peak = float(np.abs(wave.samples).max(initial=0.0))
    if not peak > 0.89:
        return 0
    runs = 0
    for channel in wave.samples:
        at = np.flatnonzero(np.abs(channel) >= 0.9999 * peak)
        together = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
        runs += sum(len(run) >= _CLIP_RUN and _is_cut_off(channel, run, peak) for run in together)
    return runs


def _is_cut_off(channel: Array, run: NDArray[np.int64], peak: float) -> bool:
    """Whether a wave falls steeply on the sides of a run of samples at its peak; a run without sides is cut off."""
    sides = [i for i in (int(run[0]) - len(run), int(run[-1]) + len(run)) if 0 <= i < len(channel)]
    return not sides or peak - float(np.mean(np.abs(channel[sides]))) > _LEAST_FALL * peak


def find_clicks(wave: Waveform, limit: int = 100) -> tuple[float, ...]:
    """Times of isolated discontinuities in seconds.

    The fourth difference is nearly blind to music (its content lies low) and jumps at a step or a spike. A click
    stands alone: an onset, a square wave or a noisy drum has more of the same within 50 ms.
    """
    reach = round(_CLICK_ALONE_S * wave.sample_rate)
    width = 8  # samples that one discontinuity occupies after four differences, with some ringing
    found: set[int] = set()
    for channel in wave.samples:
        jumps = np.abs(np.diff(channel, 4, prepend=np.zeros(4, np.float32)))
        # A step of 1 makes the fourth difference peak at 3.
        candidates = np.flatnonzero(jumps > 3.0 * _CLICK_STEP)
        if candidates.size == 0:
            continue
        found.update(_isolated(jumps, candidates, reach, width))
    merged: list[int] = []
    for at in sorted(found):
        if not merged or at - merged[-1] > reach:
            merged.append(at)
    return tuple(round(at / wave.sample_rate, 4) for at in merged[:limit])


def _isolated(jumps: Array, candidates: NDArray[np.intp], reach: int, width: int) -> list[int]:
    """Candidates that tower over everything within ``reach`` samples but outside their own ``width``."""
    out = []
    # Only the tallest of a group can be a click; that leaves few to look at even in noise.
    groups = np.split(candidates, np.flatnonzero(np.diff(candidates) > width) + 1)
    for group in groups:
        if group.size > 3 * width:
            continue
        at = int(group[np.argmax(jumps[group])])
        before = jumps[max(0, at - reach) : max(0, at - width)]
        after = jumps[at + width + 1 : at + reach]
        # The piece may begin with its first note: nothing before it is no click.
        if before.size < reach // 2:
            continue
        around = max(float(before.max(initial=0.0)), float(after.max(initial=0.0)))
        if float(jumps[at]) > _CLICK_RATIO * around:
            out.append(at)
    return out


def silences(wave: Waveform) -> tuple[float, float]:
    """Share of the time below -60 dBFS and the longest such stretch between the first and the last sound, seconds."""
    curve = level_curve(wave)
    if curve.db.size == 0:
        return 1.0, 0.0
    quiet = curve.db < SILENCE_DB
    sounding = np.flatnonzero(~quiet)
    hole = int(np.diff(sounding).max() - 1) if sounding.size > 1 else 0
    return float(quiet.mean()), hole * curve.frame_s


def stuck_share(sound: Waveform | Sound) -> float:
    """Share of the time in which the sound repeats itself exactly with a period of 0.1 to 1 s, 0 to 1.

    Held notes also resemble themselves; only stretches whose level moves by 3 dB or more count.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    mono = Sound.of(sound).mono_onset
    size = round(_STUCK_WINDOW_S * ONSET_RATE_HZ)
    low, high = round(0.1 * ONSET_RATE_HZ), ONSET_RATE_HZ
    starts = range(0, max(0, mono.size - size + 1), size // 2)
    n = next_fast_len(2 * size)
    stuck = 0
    for start in starts:
        part = mono[start : start + size].astype(np.float64)
        rms = np.sqrt((part[: size // 66 * 66].reshape(66, -1) ** 2).mean(axis=1))
        if rms.max() < 1e-3 or 20 * np.log10(rms.max() / max(float(np.percentile(rms, 20)), 1e-9)) < 3.0:
            continue
        auto = irfft(np.abs(rfft(part, n)) ** 2, n)[low:high]
        power = np.concatenate([[0.0], np.cumsum(part**2)])
        lags = np.arange(low, high)
        norm = np.sqrt(power[size - lags] * (power[size] - power[lags]))
        stuck += bool((auto / np.maximum(norm, 1e-9)).max() > _STUCK_LIKENESS)
    return stuck / len(starts) if len(starts) else 0.0


def buzz_rate_hz(sound: Waveform | Sound) -> float:
    """Spacing of a comb of spectral lines that never change, of the usual rates; 0 when there is none.

    A line counts when its tenth percentile over time stands 15 dB above its surroundings and it varies by less than
    4 dB: music moves, a hum does not.
    """
    from scipy.ndimage import median_filter

    magnitude = Sound.of(sound).pitch_magnitude[2:-2]
    if magnitude.shape[0] < 40:
        return 0.0
    low, high = np.percentile(magnitude, [10, 90], axis=0)
    around = median_filter(low, 31, mode="nearest")
    line = (low > 5.6 * np.maximum(around, 1e-7)) & (high < 1.6 * low) & (low > 1e-5)
    bin_hz = PITCH_RATE_HZ / PITCH_FFT
    for rate in _BUZZ_RATES_HZ:
        at = np.round(rate * np.arange(1, 13) / bin_hz).astype(int)
        hits = sum(bool(line[k - 1 : k + 2].any()) for k in at)
        # Lines everywhere are a held chord's partials, not a comb.
        if hits >= _BUZZ_TEETH and hits > 0.5 * _count_lines(line):
            return rate
    return 0.0


def _count_lines(line: NDArray[np.bool_]) -> int:
    """Number of separate lines."""
    return int((np.diff(line.astype(np.int8), prepend=0) == 1).sum())
