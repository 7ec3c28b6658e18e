"""What is measured of files that belong together: an edit and what it should be, an inpainting and the whole piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio import Waveform
from partimento.audio.resample import mono_at
from partimento.errors import RequestError
from partimento.evaluate.embedders import SIGNAL, embedder
from partimento.evaluate.systems.work import Values
from partimento.listen.separate import separate
from partimento.metrics.bit_exactness import bit_exactness
from partimento.metrics.chroma_cosine import chroma_cosine
from partimento.metrics.instrument_presence import stem_score
from partimento.metrics.log_spectral_distance import log_spectral_distance_db
from partimento.metrics.mel_distance import mel_distance
from partimento.metrics.mel_ssim import SAMPLE_RATE as SSIM_RATE
from partimento.metrics.mel_ssim import mel_ssim
from partimento.metrics.seam_quality import seam_quality
from partimento.metrics.si_sdr import si_sdr_db, si_sdr_improvement_db

RATE = 32_000
SAME_LENGTH_S = 0.1
STEM_SCORE = "stem as asked"
SCORE = "score "
"""What the names of a pair's scores begin with, beside ``ours`` and ``theirs`` (embeddings), ``silent`` and ``method``."""
_SILENT = 1e-4


@dataclass(frozen=True)
class EditJob:
    """An edit, what it should be, and (where it is known) what went in.

    Attributes:
        spec: embedder, see :mod:`partimento.evaluate.embedders`.
        stem: one of :data:`partimento.listen.separate.STEMS` to look for, or None.
        gone: ask whether it is gone.
    """

    spec: str = SIGNAL
    stem: str | None = None
    gone: bool = False

    @property
    def key(self) -> str:
        """For the cache."""
        return f"edit 1 {self.spec} {self.stem} {self.gone}"

    def __call__(self, waves: Sequence[Waveform]) -> Values:
        """Scores of ``(made, target)`` or ``(made, target, before)``.

        Raises:
            RequestError: they differ in length.
        """
        made, target = waves[:2]
        before = waves[2] if len(waves) > 2 else None
        _same_length(made, target)
        if before is not None and abs(before.duration_s - target.duration_s) > SAME_LENGTH_S:
            raise RequestError(f"its input is {before.duration_s:.2f} s long where the reference has {target.duration_s:.2f} s")
        scores, methods = _edit_scores(target, made, before), set()

        def separator(samples: NDArray[np.float32], sample_rate: int) -> dict[str, NDArray[np.float32]]:
            """The one place that takes recordings apart, as the metric wants it."""
            found = separate(Waveform(samples[None], sample_rate), (self.stem or "drums",))
            methods.add(found.method)
            return {name: wave.mono() for name, wave in found.stems.items()}

        if self.stem is not None:
            scores[STEM_SCORE] = stem_score(made.mono(), made.sample_rate, separator, self.stem, there=not self.gone)
        return _values(self.spec, target, made, scores) | {"method": np.array(", ".join(sorted(methods)))}


@dataclass(frozen=True)
class InpaintJob:
    """An inpainting and the piece that it was cut from; nothing outside ``start_s`` to ``end_s`` may differ."""

    start_s: float
    end_s: float
    spec: str = SIGNAL

    @property
    def key(self) -> str:
        """For the cache."""
        return f"inpaint 1 {self.spec} {self.start_s!r} {self.end_s!r}"

    def __call__(self, waves: Sequence[Waveform]) -> Values:
        """Scores of ``(made, target)``; only the region is embedded, and only its silence counts.

        Raises:
            RequestError: they differ in length, rate or channels, or the region is not in the piece.
        """
        made, target = waves
        _same_length(made, target)
        start, end = (round(t * target.sample_rate) for t in (self.start_s, self.end_s))
        if end > target.n_samples:
            raise RequestError(f"its region ends at {self.end_s:g} s, the piece at {target.duration_s:g} s")
        scores = _inpaint_scores(target, made, start, end)
        return _values(self.spec, target.part(start, end), made.part(start, end), scores)


def _same_length(made: Waveform, target: Waveform) -> None:
    if abs(target.duration_s - made.duration_s) > SAME_LENGTH_S:
        raise RequestError(f"{made.duration_s:.2f} s long where the reference has {target.duration_s:.2f} s")


def _values(spec: str, target: Waveform, made: Waveform, scores: Mapping[str, float]) -> Values:
    """Scores, embeddings of both, and whether what was made is silent."""
    model = embedder(spec)
    return {
        **{SCORE + name: np.array(value, dtype=np.float64) for name, value in scores.items()},
        "theirs": model.embed(mono_at(target, model.sample_rate)),
        "ours": model.embed(mono_at(made, model.sample_rate)),
        "silent": np.array(float(np.abs(made.samples).max(initial=0.0)) < _SILENT),
    }


def _both(target: Waveform, made: Waveform, rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mono at a rate, of one length."""
    a, b = mono_at(target, rate), mono_at(made, rate)
    n = min(len(a), len(b))
    return a[:n], b[:n]


def _edit_scores(target: Waveform, made: Waveform, before: Waveform | None) -> dict[str, float]:
    a, b = _both(target, made, RATE)
    x, y = _both(target, made, SSIM_RATE)
    scores = {
        "mel": mel_distance(a, b, RATE),
        "LSD": log_spectral_distance_db(a, b),
        "chroma": chroma_cosine(a, b, RATE),
        "SSIM": mel_ssim(x, y),
    }
    if float(np.abs(x).max()) < _SILENT:
        return scores
    scores |= {"SSIM log": mel_ssim(x, y, log=True), "SI-SDR": si_sdr_db(x, y)}
    if before is not None:
        z = mono_at(before, SSIM_RATE)
        n = min(len(x), len(z))
        scores["SI-SDRi"] = si_sdr_improvement_db(z[:n], x[:n], y[:n])
    return scores


def _inpaint_scores(target: Waveform, made: Waveform, start: int, end: int) -> dict[str, float]:
    if (made.sample_rate, made.n_channels) != (target.sample_rate, target.n_channels):
        raise RequestError(
            f"{made.sample_rate} Hz and {made.n_channels} channel(s); the piece has {target.sample_rate} and {target.n_channels}"
        )
    same_length = made.n_samples == target.n_samples
    exact = same_length and bit_exactness(target.samples, made.samples, (start, end)).exact
    edges = [t / made.sample_rate for t in (start, end) if 0 < t < made.n_samples]
    scores = {"exact outside": float(exact)}
    if edges and made.duration_s >= 1.0:
        seams = seam_quality(made.mono(), made.sample_rate, edges)
        scores |= {
            "seam percentile": max(s.worst_percentile for s in seams),
            "seam click": max(s.click for s in seams),
        }
    a, b = _both(target.part(start, end), made.part(start, end), RATE)
    return {**scores, "mel inside": mel_distance(a, b, RATE), "chroma inside": chroma_cosine(a, b, RATE)}
