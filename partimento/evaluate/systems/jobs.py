"""What is measured of a single file: faults, embeddings, class scores, what is heard in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from partimento.audio import Waveform
from partimento.audio.resample import mono_at
from partimento.evaluate.embedders import SIGNAL, classifier, embedder, text_embedder
from partimento.evaluate.systems.work import Values
from partimento.models.best_take import vector_of


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
    """Faults, embeddings, and whatever else was asked for, in one pass.

    Attributes:
        spec: embedder, see :mod:`partimento.evaluate.embedders`.
        classes: classifier, or None.
        words: embedder of words and sound, or None.
    """

    spec: str = SIGNAL
    classes: str | None = None
    words: str | None = None

    @property
    def key(self) -> str:
        """For the cache."""
        return f"embeddings 2 {self.spec} {self.classes} {self.words}"

    def __call__(self, wave: Waveform) -> Values:
        """What :class:`Faults` gives, ``embeddings [N, D]``, ``logits [W, C]``, ``joint [D]``."""
        model = embedder(self.spec)
        found = {**Faults()(wave), "embeddings": model.embed(mono_at(wave, model.sample_rate))}
        if self.classes is not None:
            judge = classifier(self.classes)
            found["logits"] = judge.logits(mono_at(wave, judge.sample_rate))
        if self.words is not None:
            joint = text_embedder(self.words)
            found["joint"] = vector_of(joint, wave)
        return found


@dataclass(frozen=True)
class HeardMusic:
    """Faults, and tempo, beats, downbeats, key, chords and boundaries as :mod:`partimento.listen` hears them."""

    key: str = "heard 1"

    def __call__(self, wave: Waveform) -> Values:
        """Times in seconds; ``chords`` as ``[N, 2]`` spans with ``chord_labels``."""
        from partimento.listen import listen_to

        heard = listen_to(wave)
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
