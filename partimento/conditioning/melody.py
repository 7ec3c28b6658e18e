"""A tune as MusicGen-Melody hears it: the strongest pitch class of each frame.

As published (Copet et al., "Simple and Controllable Music Generation", 2023, section 2.3; AudioCraft's ``ChromaExtractor``,
transformers' ``MusicgenMelodyFeatureExtractor``, which agree): 32 kHz mono, power spectrum of 16384 samples every 4096,
folded into 12 classes by the filters of Ellis ("Chroma feature analysis and synthesis", 2007), each frame divided by its
largest value, only that one kept. Octave and direction of a tune are lost in it. Drums and bass are taken out first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partimento.audio.resample import resample
from partimento.audio.waveform import Waveform
from partimento.errors import RequestError
from partimento.listen.separate import Method, separate

RATE_HZ = 32_000
N_FFT = 16_384
HOP = 4_096
CLASSES = 12
_A0_HZ = 440.0 / 16
_CENTRE_OCTAVE, _OCTAVES_WIDE = 5.0, 2.0
SHORTEST_S = 0.1
"""Of a melody."""
SILENT_PEAK = 1e-4
"""A melody whose peak is below this (-80 dBFS) is silence."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Melody:
    """A tune ready to be heard by a melody model.

    Attributes:
        mono: ``[n]`` at :data:`RATE_HZ`, without drums and bass.
        method: how they were taken out; ``none`` when they were not, ``notes`` when it comes from a score
            (:mod:`partimento.conditioning.melody_notes`).
    """

    mono: Array
    method: Method | str

    def window(self, start_s: float, length_s: float, repeated: bool = True) -> Array:
        """One-hot chroma ``[n, 12]`` of what a window hears.

        Args:
            start_s: where the window starts in the piece.
            length_s: of the window.
            repeated: play the tune again and again, and from ``start_s`` on, as AudioCraft does for pieces of several
                windows. For a piece of one window it gives the tune as it is (the model repeats a short one's chroma).
        """
        n = round(length_s * RATE_HZ)
        if not repeated:
            return one_hot(self.mono[:n])
        return one_hot(self.mono[(round(start_s * RATE_HZ) + np.arange(n)) % self.mono.size])


def prepare_melody(wave: Waveform, method: Method | None = None, solo: bool = False) -> Melody:
    """Take drums and bass out of a recording.

    Args:
        wave: the recording.
        method: how; None for the best that is there.
        solo: it is a tune alone (hummed, whistled): nothing is taken out.

    Raises:
        RequestError: no samples, less than a tenth of a second, or silence: the model would follow the first pitch class.
    """
    check_recording(wave)
    if solo:
        return Melody(resample(Waveform(wave.mono(), wave.sample_rate), RATE_HZ).samples[0], "none")
    parts = separate(wave, ("melody",), method)
    tune = parts.stems["melody"]
    return Melody(resample(Waveform(tune.mono(), tune.sample_rate), RATE_HZ).samples[0], parts.method)


def check_recording(wave: Waveform) -> None:
    """Raise what :func:`prepare_melody` raises, before a longer work begins."""
    if not wave.n_samples:
        raise RequestError("the melody's recording holds no samples; give one with sound")
    if wave.duration_s < SHORTEST_S:
        raise RequestError(f"the melody's recording lasts {wave.duration_s:.4f} s; {SHORTEST_S:g} s or more are needed")
    peak = float(np.abs(wave.samples).max())
    if peak < SILENT_PEAK:
        raise RequestError(f"the melody's recording is silent (its peak is {peak:.1e}, of 1); give one with sound")


def chroma(mono: Array) -> Array:
    """Pitch-class strengths ``[n // 4096 + 1, 12]``, C first, the largest of each frame 1 (all 0 in silence).

    Args:
        mono: ``[n]`` at :data:`RATE_HZ`; less than one window is padded with zeros on both sides.
    """
    from scipy.fft import rfft

    missing = max(0, N_FFT - mono.size)
    mono = np.pad(np.asarray(mono, np.float32), (missing // 2, missing - missing // 2))
    padded = np.pad(mono, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    window = np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT), np.float32)
    power = np.abs(rfft(frames * window, axis=1)) ** 2 / np.sum(window**2)
    strengths = power @ chroma_filters().T
    largest = np.maximum(strengths.max(axis=1, keepdims=True), 1e-6)
    shares: Array = np.asarray(strengths / largest, np.float32)
    return shares


def one_hot(mono: Array) -> Array:
    """The strongest class of each frame ``[n, 12]``; silence is C, which is how these models know no melody."""
    classes: Array = np.eye(CLASSES, dtype=np.float32)[chroma(mono).argmax(axis=1)]
    return classes


@cache
def chroma_filters() -> Array:
    """``[12, 8193]``: a Gaussian round each pitch class over the spectrum's bins, weighted towards the fifth octave.

    Ellis 2007 with the usual settings: columns of unit length, then a Gaussian over octaves (centre 5, width 2).
    """
    hz = np.arange(1, N_FFT) * RATE_HZ / N_FFT
    classes = CLASSES * np.log2(hz / _A0_HZ)
    classes = np.concatenate([[classes[0] - 1.5 * CLASSES], classes])  # 0 Hz: broad, and out of the way
    width = np.concatenate([np.maximum(np.diff(classes), 1.0), [1.0]])
    half = CLASSES // 2
    offset = np.remainder(classes[None, :] - np.arange(CLASSES)[:, None] + half, CLASSES) - half
    filters = np.exp(-0.5 * (2 * offset / width) ** 2)
    filters /= np.linalg.norm(filters, axis=0)
    filters *= np.exp(-0.5 * ((classes / CLASSES - _CENTRE_OCTAVE) / _OCTAVES_WIDE) ** 2)
    from_c = np.roll(filters, -3, axis=0)  # they are counted from A
    return np.asarray(from_c[:, : N_FFT // 2 + 1], np.float32)


def frames_of(length_s: float) -> int:
    """Chroma frames of a sound of that length (235 for 30 s)."""
    return math.floor(length_s * RATE_HZ) // HOP + 1
