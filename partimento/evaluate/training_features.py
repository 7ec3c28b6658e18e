"""What the index of a training set keeps of each piece: how it sounds, which notes it has, which tunes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.resample import resample
from partimento.audio.waveform import Waveform
from partimento.metrics.chroma_cosine import chroma
from partimento.metrics.log_mel_statistics import LogMelStatistics
from partimento.metrics.tune_overlap import TICKS, Tune
from partimento.score.score import Score

Array = NDArray[np.float32]
CHROMA_RATE_HZ = 7.8125
"""Chroma frames per second: 16 kHz, a hop of 2048 samples."""
_CHROMA_SAMPLE_RATE = 16_000
_CHROMA_WINDOW = 8192
_GRID_FRAMES = 4
"""Chroma frames per row of the coarse grid (0.5 s), each row over twice as many."""
_SILENCE = 1e-3
"""Chroma frames below this share of the loudest are silent (-60 dB)."""


@dataclass(frozen=True)
class SoundFeatures:
    """Also the job of :func:`partimento.evaluate.systems.work.measure`: called with a sound, it gives the arrays by name.

    ``vectors`` ``[N, 144]``: log-mel statistics of each half second. ``chroma`` ``[T, 12]``: centred frames of unit
    length at :data:`CHROMA_RATE_HZ`, zeros in silence. ``grid`` ``[M, 12]``: the same every half second, over a second.
    """

    @property
    def key(self) -> str:
        """Name and version of this measurement."""
        return "training features 1"

    def __call__(self, wave: Waveform) -> dict[str, NDArray[Any]]:
        """Measure a sound."""
        embedder = LogMelStatistics()
        frames = chroma_frames(wave)
        sound = Waveform(wave.mono()[None], wave.sample_rate)
        vectors = embedder.embed(resample(sound, embedder.sample_rate).samples[0])
        return {"vectors": vectors, "chroma": frames, "grid": _grid(frames)}


def chroma_frames(wave: Waveform) -> Array:
    """Centred chroma of unit length ``[T, 12]`` at :data:`CHROMA_RATE_HZ`; zeros where it is silent."""
    sound = resample(Waveform(wave.mono()[None], wave.sample_rate), _CHROMA_SAMPLE_RATE)
    raw = chroma(sound.samples[0], _CHROMA_SAMPLE_RATE, _CHROMA_WINDOW)
    level = raw.max(axis=1)
    sounding = level > max(float(level.max(initial=0.0)) * _SILENCE, 1e-6)
    # The square root lets quiet notes have a say; centring keeps noise, which has all classes, from resembling everything.
    shape = np.sqrt(raw / np.maximum(level, 1e-12)[:, None])
    return unit(np.where(sounding[:, None], shape - shape.mean(axis=1, keepdims=True), 0.0))


def unit(rows: NDArray[np.floating]) -> Array:
    """Rows of length 1; zeros stay."""
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(np.where(norm > 1e-9, rows / np.maximum(norm, 1e-9), 0.0), dtype=np.float32)


def _grid(frames: Array) -> Array:
    """Sums of chroma over a second, each half second, of unit length."""
    rows = [frames[s : s + 2 * _GRID_FRAMES].sum(axis=0) for s in range(0, max(1, len(frames) - _GRID_FRAMES), _GRID_FRAMES)]
    return unit(np.stack(rows))


def tunes_of(score: Score) -> dict[str, Tune]:
    """The upper line of every pitched track with at least three notes, by the track's name."""
    found: dict[str, Tune] = {}
    for track in score.tracks:
        if track.is_drum:
            continue
        top: dict[int, tuple[int, float]] = {}
        for note in track.notes:
            tick = round(note.start * TICKS)
            if tick not in top or note.pitch > top[tick][0]:
                top[tick] = (note.pitch, note.duration)
        if len(top) >= 3:
            ticks = sorted(top)
            onsets = np.array(ticks) / TICKS
            found[track.name] = (onsets, np.array([top[t][1] for t in ticks]), np.array([top[t][0] for t in ticks]))
    return found


@lru_cache(maxsize=1)
def embedder_name() -> str:
    """Of the embedder that the vectors come from."""
    return LogMelStatistics.name
