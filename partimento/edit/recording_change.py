"""What an operation on a recording gives back, and the seams between old sound and new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from partimento.audio.effects import limit
from partimento.audio.fades import fade_curve
from partimento.audio.loudness import true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_region import Stretch
from partimento.plan.edit import EditOperation
from partimento.plan.result import Finding

IN_SEAM_S = 0.012
OUT_SEAM_S = 0.03
"""Cross-fades where changed sound begins and ends; both lie inside the region, so that the next beat keeps its attack."""
CEILING_DBTP = -0.1
"""An edit never lets the true peak rise above this, unless the source is above it already."""
MAX_LOWERED_DB = 0.7
"""What would clip is turned down by at most this much; only what still stands out is limited."""
_LIMITER_PASSES = 6


@dataclass(frozen=True)
class Outcome:
    """What an operation did.

    Attributes:
        wave: the recording afterwards.
        kept: which samples of the recording before are in it unchanged, ascending in both.
        lines: for people: what was done.
        findings: what was measured.
    """

    wave: Waveform
    kept: tuple[Kept, ...]
    lines: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


Operation = Callable[[Ear, EditOperation, Stretch], Outcome]
"""One operation on one stretch of a recording."""


def measured(control: str, asked: str, heard: str, how: str, good: bool | None, value: float | None = None) -> Finding:
    """A line of the report; ``good`` None is not measurable."""
    return Finding(control, asked, heard, how, "not measurable" if good is None else "pass" if good else "fail", "audio",
                   "said", value)  # fmt: skip


def outside(stretch: Stretch, n_samples: int) -> tuple[Kept, ...]:
    """Everything before and after a stretch that keeps its length."""
    pieces = (Kept(0, 0, stretch.start), Kept(stretch.end, stretch.end, n_samples - stretch.end))
    return tuple(k for k in pieces if k.n > 0)


def through(first: tuple[Kept, ...], second: tuple[Kept, ...]) -> tuple[Kept, ...]:
    """What two changes, one after the other, both keep: from the start of the first to the end of the second."""
    found = []
    for b in second:
        for a in first:
            low, high = max(a.new, b.old), min(a.new + a.n, b.old + b.n)
            if high > low:
                found.append(Kept(a.old + low - a.new, b.new + low - b.old, high - low))
    return tuple(sorted(found, key=lambda k: k.new))


def part(wave: Waveform, start: int, end: int) -> Waveform:
    """A stretch of a sound (a view)."""
    return Waveform(wave.samples[:, max(0, start) : end], wave.sample_rate)


def put(wave: Waveform, made: Waveform, stretch: Stretch) -> Waveform:
    """A recording with a stretch replaced by new sound, which may be longer or shorter.

    Inside the stretch the new sound fades in from what was there and out into what would have followed.
    """
    rate = wave.sample_rate
    source, new = wave.samples, made.samples.copy()
    n = new.shape[1]
    size = min(round(IN_SEAM_S * rate), n // 4, stretch.n_samples // 4)
    if stretch.start > 0 and size > 0:
        rise = fade_curve(size)
        new[:, :size] = source[:, stretch.start : stretch.start + size] * (1 - rise) + new[:, :size] * rise
    size = min(round(OUT_SEAM_S * rate), n // 4, stretch.n_samples // 4)
    if stretch.end < wave.n_samples and size > 0:
        rise = fade_curve(size)
        new[:, n - size :] = new[:, n - size :] * (1 - rise) + source[:, stretch.end - size : stretch.end] * rise
    return Waveform(np.concatenate([source[:, : stretch.start], new, source[:, stretch.end :]], axis=1), rate)


def ceiling_of(wave: Waveform) -> float:
    """The highest true peak (dBTP) that an edit of this recording may have."""
    return max(CEILING_DBTP, true_peak_dbtp(wave))


def below(wave: Waveform, ceiling_dbtp: float) -> tuple[Waveform, tuple[str, ...]]:
    """A sound that does not clip, and lines on what it took: a little less gain first, then a limiter."""
    peak = true_peak_dbtp(wave)
    if peak <= ceiling_dbtp:
        return wave, ()
    lowered_db = min(MAX_LOWERED_DB, peak - ceiling_dbtp + 0.01)
    wave = Waveform(wave.samples * np.float32(10.0 ** (-lowered_db / 20.0)), wave.sample_rate)
    lines = [f"lowered by {lowered_db:.1f} dB so that it does not clip"]
    wave, limited_db = limited_to(wave, ceiling_dbtp)
    lines += [f"peaks limited by up to {limited_db:.1f} dB"] if limited_db > 0.0 else []
    return wave, tuple(lines)


def limited_to(wave: Waveform, ceiling_dbtp: float) -> tuple[Waveform, float]:
    """A sound whose peaks are held at a true peak, and by how much they stood above it (dB, 0 where none did)."""
    target, most = ceiling_dbtp - 0.02, 0.0
    for _ in range(_LIMITER_PASSES):
        over = true_peak_dbtp(wave) - ceiling_dbtp
        if over <= 0.0:
            break
        # The gain's own change can lift what lies between samples a little; that is taken off the ceiling.
        target -= max(0.02, over) if most else 0.0
        most = most or over
        wave = Waveform(limit(wave.samples, wave.sample_rate, target), wave.sample_rate)
    return wave, most


def seam_db(new: Waveform, at: int, old: Waveform, places: tuple[int, ...]) -> float:
    """How far the sharpest bend within 3 ms of a seam stands above those of the half second around it, in dB, less the same of
    the source's own places which met there.

    A click is a bend of the waveform that its surroundings do not have: the second difference, largest against the 99.9th
    percentile. Around 0 and below is unheard; an unfaded cut gives 15 dB and more. All are held against the liveliest of their
    surroundings: a beat beside what has become silent or softer is not sharper than it was.
    """
    seam, usual = _bends(new, at)
    own = [_bends(old, place) for place in places]
    usual = max(usual, *(there for _, there in own))
    return _over_db(seam, usual) - max(0.0, *(_over_db(bend, usual) for bend, _ in own))


def _over_db(bend: float, usual: float) -> float:
    return float(20.0 * np.log10(max(bend, 1e-7) / usual))


def _bends(wave: Waveform, at: int) -> tuple[float, float]:
    """The sharpest bend within 3 ms of a place, and the usual one of the half second around it."""
    rate = wave.sample_rate
    near, wide = max(4, round(0.003 * rate)), round(0.25 * rate)
    low, high = max(0, at - wide), min(wave.n_samples, at + wide)
    if high - low < 8 * near:
        return 1e-5, 1e-5
    bend = np.abs(np.diff(wave.samples[:, low:high].astype(np.float64), 2, axis=1)).max(axis=0)
    centre = at - low
    seam = bend[max(0, centre - near) : centre + near].max(initial=0.0)
    around = np.concatenate([bend[: max(0, centre - near)], bend[centre + near :]])
    return float(seam), max(float(np.percentile(around, 99.9)), 1e-5)
