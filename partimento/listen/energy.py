"""Level over time: RMS curve and the energy of stretches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform

FLOOR_DB = -120.0


@dataclass(frozen=True)
class LevelCurve:
    """RMS level over time.

    Attributes:
        db: level of each frame in dB relative to full scale (a full-scale square wave is 0), at least :data:`FLOOR_DB`.
        frame_s: length of a frame and distance between frames.
    """

    db: NDArray[np.float64]
    frame_s: float


def level_curve(wave: Waveform, frame_s: float = 0.05) -> LevelCurve:
    """RMS over all channels in frames of ``frame_s`` seconds without overlap; the last may be shorter."""
    size = max(1, round(frame_s * wave.sample_rate))
    samples = wave.samples
    n_whole = samples.shape[1] // size
    power = np.zeros(n_whole, np.float64)
    for channel in samples:
        blocks = channel[: n_whole * size].reshape(n_whole, size)
        power += np.einsum("ij,ij->i", blocks, blocks) / size
    rest = samples[:, n_whole * size :]
    if rest.size:
        power = np.append(power, float((rest.astype(np.float64) ** 2).mean()) * samples.shape[0])
    return LevelCurve(_db(power / samples.shape[0]), size / wave.sample_rate)


def stretch_levels(wave: Waveform, edges_s: Sequence[float]) -> tuple[float, ...]:
    """RMS level in dB of every stretch between neighbouring edges.

    Args:
        wave: the recording.
        edges_s: ascending times in seconds.
    """
    out = []
    for start, end in itertools.pairwise(edges_s):
        part = wave.samples[:, max(0, round(start * wave.sample_rate)) : max(0, round(end * wave.sample_rate))]
        out.append(float(_db(np.array([np.mean(part.astype(np.float64) ** 2) if part.size else 0.0]))[0]))
    return tuple(out)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation with mean ranks for ties, -1 to 1; None when either does not vary."""
    a, b = _ranks(np.asarray(first, np.float64)), _ranks(np.asarray(second, np.float64))
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, the mean rank for equal values."""
    return np.array([(values < v).sum() + 0.5 * ((values == v).sum() - 1) for v in values], np.float64)


def _db(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power to dB with a floor."""
    return np.asarray(10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR_DB / 10.0))))
