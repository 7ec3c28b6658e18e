"""Boundaries of sections, from the novelty of a self-similarity matrix.

Source: Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000 (checkerboard kernel).
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from partimento.listen.chroma import Chroma
from partimento.listen.spectrum import Sound

STEP_S = 0.5
_KERNEL_S = 8.0
_LEAST_SECTION_S = 5.0


def section_boundaries(sound: Sound, found: Chroma) -> tuple[float, ...]:
    """Times in seconds where the music changes (harmony, colour or level); start and end are not among them."""
    table = _features(sound, found)
    half = round(_KERNEL_S / STEP_S)
    if table.shape[0] < 2 * half:
        return ()
    novelty = _novelty(table @ table.T, half)
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(novelty, distance=round(_LEAST_SECTION_S / STEP_S), prominence=0.12)
    least, most = _LEAST_SECTION_S, sound.duration_s - _LEAST_SECTION_S
    return tuple(round(float(p * STEP_S), 2) for p in peaks if least <= p * STEP_S <= most)


def _features(sound: Sound, found: Chroma) -> NDArray[np.float64]:
    """Unit rows every half second: chroma beside the standardised log-mel spectrum."""
    n = max(1, round(sound.duration_s / STEP_S))
    harmony = _pooled(np.concatenate([found.treble, found.bass], axis=1), found.rate_hz, n)
    colour = _pooled(np.log1p(3e4 * sound.mel), sound.onset_frame_rate_hz, n)
    colour -= colour.mean(axis=0)
    parts = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6) for part in (harmony, colour)]
    return np.asarray(np.concatenate(parts, axis=1) / np.sqrt(2.0))


def _pooled(frames: NDArray[np.float32], rate_hz: float, n: int) -> NDArray[np.float64]:
    """Mean of the frames in each step."""
    edges = np.minimum(np.round(np.arange(n + 1) * STEP_S * rate_hz).astype(int), frames.shape[0] - 1)
    return np.array([frames[a : max(b, a + 1)].mean(axis=0) for a, b in itertools.pairwise(edges)], np.float64)


def _novelty(similarity: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Checkerboard kernel with a Gaussian taper slid along the diagonal; edges are padded by reflection."""
    axis = np.arange(-half, half) + 0.5
    taper = np.exp(-4.0 * (axis / half) ** 2)
    kernel = np.outer(np.sign(axis) * taper, np.sign(axis) * taper)
    kernel /= np.abs(kernel).sum()
    padded = np.pad(similarity, half, mode="reflect")
    return np.array([(padded[i : i + 2 * half, i : i + 2 * half] * kernel).sum() for i in range(similarity.shape[0])])
