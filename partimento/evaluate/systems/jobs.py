"""What is measured of a single file: faults, embeddings, class scores, what is heard in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.audio import Waveform, resample
from partimento.errors import RequestError
from partimento.evaluate.systems.work import Values
from partimento.metrics.interfaces import Classifier, Embedder
from partimento.metrics.log_mel_statistics import LogMelStatistics

SIGNAL = "log-mel"
"""The embedder that needs no download."""


@lru_cache(maxsize=4)
def embedder(spec: str) -> Embedder:
    """An embedder by ``NAME`` or ``NAME:PATH``; loaded once per process.

    Raises:
        RequestError: the name is unknown. MissingDependencyError, FileError: it cannot be loaded.
    """
    if spec == SIGNAL:
        return LogMelStatistics()
    raise RequestError(f"unknown embedder '{spec}'; known: {SIGNAL}")


def mono_at(wave: Waveform, sample_rate: int) -> NDArray[np.float32]:
    """Mono ``[n]`` at a rate."""
    mono = Waveform(wave.mono(), wave.sample_rate)
    return np.asarray((mono if wave.sample_rate == sample_rate else resample(mono, sample_rate)).samples[0])


@dataclass(frozen=True)
class Faults:
    """Length, silence, clipping, clicks, stuck loops, buzz."""

    key: str = "faults 1"

    def __call__(self, wave: Waveform) -> Values:
        """``duration_s``, ``silent`` (0 or 1), ``faults`` (names)."""
        from partimento.listen.quality import measure_quality

        found = measure_quality(wave)
        return {
            "duration_s": np.array(wave.duration_s),
            "silent": np.array(found.silence_share >= 0.999),
            "clipped": np.array(found.clipped_runs > 0),
            "faults": np.array(" | ".join(found.flags)),
        }


@dataclass(frozen=True)
class Embeddings:
    """Faults and embeddings in one pass.

    Attributes:
        spec: see :func:`embedder`.
    """

    spec: str = SIGNAL

    @property
    def key(self) -> str:
        """For the cache."""
        return f"embeddings 1 {self.spec}"

    def __call__(self, wave: Waveform) -> Values:
        """What :class:`Faults` gives, and ``embeddings [N, D]``."""
        model = embedder(self.spec)
        return {**Faults()(wave), "embeddings": model.embed(mono_at(wave, model.sample_rate))}


@dataclass(frozen=True)
class HeardMusic:
    """Faults, and tempo, beats, downbeats, key, chords and boundaries as :mod:`partimento.listen` hears them."""

    key: str = "heard 1"

    def __call__(self, wave: Waveform) -> Values:
        """Times in seconds; ``chords`` as ``[N, 2]`` spans with ``chord_labels``."""
        from partimento.listen import listen

        heard = listen(wave)
        beats = np.asarray(heard.beats.times_s, dtype=np.float64)
        return {
            **Faults()(wave),
            "tempo_bpm": np.array(heard.beats.tempo_bpm),
            "beats_s": beats,
            "downbeats_s": np.asarray(heard.metre.downbeats_s, dtype=np.float64),
            "key": np.array(heard.key),
            "chords": np.array([[c.start_s, c.end_s] for c in heard.chords], dtype=np.float64).reshape(-1, 2),
            "chord_labels": np.array([c.label for c in heard.chords], dtype=str),
            "boundaries_s": np.array([0.0, *(s.end_s for s in heard.sections)]),
        }


def classifier_scores(model: Classifier, wave: Waveform) -> NDArray[np.float32]:
    """Logits ``[W, C]`` of a recording."""
    return model.logits(mono_at(wave, model.sample_rate))
