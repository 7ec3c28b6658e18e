"""Can a cut be heard? The jump at a seam against the jumps that the piece makes anyway.

Conventions:
    Frames of 1024 samples, hop 256, Hann. Two figures per place: the change of level between the 50 ms before and after
    (dB, absolute), and the spectral flux across it (L1 change of the log magnitude, mean over bins). Each is placed
    within the distribution of the same figure at all other places of the piece: the *percentile*, 0–100. A seam on a
    beat of lively music may be at the 80th and still go unheard; above the 99th it stands out. *Click*: the largest
    sample-to-sample step within 2 ms of the seam over the 99.9th percentile of steps in the surrounding half second;
    above about 2 it clicks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError

_WINDOW, _HOP = 1024, 256
_SIDE_S, _CLICK_S, _AROUND_S = 0.05, 0.002, 0.25
_FLOOR = 1e-4


@dataclass(frozen=True)
class Seam:
    """One place.

    Attributes:
        time_s: where.
        level_percentile, flux_percentile: 0–100 against the rest of the piece.
        click: ratio of steps (see the head of this file).
    """

    time_s: float
    level_percentile: float
    flux_percentile: float
    click: float

    @property
    def worst_percentile(self) -> float:
        """The larger of both."""
        return max(self.level_percentile, self.flux_percentile)


def seam_quality(samples: NDArray[np.floating], sample_rate: int, seams_s: Sequence[float]) -> tuple[Seam, ...]:
    """Judge seams of mono ``samples [n]``.

    Args:
        samples: the piece after the edit, at least a second.
        sample_rate: Hz.
        seams_s: seconds, each within the piece.

    Raises:
        RequestError: too short, more than one channel, not finite, or a seam outside.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 1 or len(samples) < sample_rate:
        raise RequestError(f"mono sound of at least a second is needed, got shape {samples.shape} at {sample_rate} Hz")
    if not np.isfinite(samples).all():
        raise RequestError("the sound holds samples that are not finite")
    duration = len(samples) / sample_rate
    for at in seams_s:
        if not 0 < at < duration:
            raise RequestError(f"seam at {at:g} s lies outside the sound (0 to {duration:g} s)")
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, _WINDOW // 2), _WINDOW)[::_HOP]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW + 1)[:-1], axis=1))
    flux_apart = max(1, round(_WINDOW / 2 / _HOP))
    log = np.log(magnitude + _FLOOR)
    flux = np.zeros(len(log))
    flux[flux_apart:-flux_apart] = np.abs(log[2 * flux_apart :] - log[: -2 * flux_apart]).mean(axis=1)
    side = max(1, round(_SIDE_S * sample_rate))
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    places = np.arange(len(flux)) * _HOP

    def level_jump(at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Change of level across samples ``at``, dB."""
        at = np.clip(at, 1, len(samples) - 1)
        before = (energy[at] - energy[np.maximum(at - side, 0)]) / side
        after = (energy[np.minimum(at + side, len(samples))] - energy[at]) / side
        return np.asarray(np.abs(10.0 * np.log10((after + 1e-9) / (before + 1e-9))))

    jumps = level_jump(places)
    found = []
    for at in seams_s:
        n = round(at * sample_rate)
        near = np.abs(places - n) <= max(side, _WINDOW)
        frame = min(len(flux) - 1, round(n / _HOP))
        found.append(
            Seam(at, _percentile(float(level_jump(np.array([n]))[0]), jumps[~near]), _percentile(float(flux[frame]), flux[~near]),
                 _click(np.asarray(samples, dtype=np.float64), sample_rate, n))
        )  # fmt: skip
    return tuple(found)


def _percentile(value: float, others: NDArray[np.float64]) -> float:
    """Share of the others that lie below, ties half, 0–100."""
    if not len(others):
        return 50.0
    return float(100.0 * (np.mean(others < value) + np.mean(others == value) / 2.0))


def _click(samples: NDArray[np.float64], sample_rate: int, n: int) -> float:
    """Largest step at the seam over what is usual around it."""
    near, around = max(2, round(_CLICK_S * sample_rate)), round(_AROUND_S * sample_rate)
    steps = np.abs(np.diff(samples[max(0, n - around) : n + around]))
    centre = min(n, around)
    at = steps[max(0, centre - near) : centre + near]
    rest = np.concatenate([steps[: max(0, centre - near)], steps[centre + near :]])
    usual = float(np.quantile(rest, 0.999)) if len(rest) else 0.0
    return float(at.max(initial=0.0) / max(usual, 1e-5))


def evaluate(samples: NDArray[np.floating], sample_rate: int, seams_s: Sequence[float]) -> dict[str, float]:
    """The worst seam by name (``seam_percentile``, ``seam_click``).

    Raises:
        RequestError: no seams, or see :func:`seam_quality`.
    """
    if not len(seams_s):
        raise RequestError("no seams given")
    found = seam_quality(samples, sample_rate, seams_s)
    return {"seam_percentile": max(s.worst_percentile for s in found), "seam_click": max(s.click for s in found)}
