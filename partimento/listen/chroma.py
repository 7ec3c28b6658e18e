"""Which notes sound: a tuned semitone spectrum, note strengths by non-negative least squares, chroma and bass chroma.

Source: Mauch and Dixon, "Approximate note transcription for the improved identification of difficult chords", ISMIR
2010 (log-frequency spectrum with three bins per semitone, tuning, whitening, note dictionary with geometric partials,
bass and treble profiles); here with multiplicative updates (Lee and Seung, NIPS 2000) instead of active sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.listen.spectrum import PITCH_FFT, PITCH_RATE_HZ, Array, Sound

LOWEST_PITCH = 24  # C1, 32.7 Hz
N_PITCHES = 84  # to B7
BINS_PER_SEMITONE = 3
_PARTIAL_DECAY = 0.88  # amplitude of each partial against the one before, after whitening
_N_PARTIALS = 12
_WHITENING = 0.5  # exponent: 0 keeps the levels, 1 makes all octaves equally loud
_UPDATES = 40
_HARMONIC_FRAMES = 5  # 0.46 s: a drum stroke is shorter than half of it, a chord longer


@dataclass(frozen=True)
class Chroma:
    """Note strengths over time.

    Attributes:
        notes: float32 ``[T, N_PITCHES]``, strength of each MIDI pitch from :data:`LOWEST_PITCH` up, ≥ 0.
        treble: float32 ``[T, 12]``, folded with a weight that favours the middle register.
        bass: float32 ``[T, 12]``, folded from the low register.
        level: float32 ``[T]``, sounding level of the frame relative to the loudest, 0 to 1.
        rate_hz: frames per second; frame t is centred on ``t / rate_hz``.
        tuning_semitones: deviation of the tuning from A4 = 440 Hz, -0.5 to 0.5.
    """

    notes: Array
    treble: Array
    bass: Array
    level: Array
    rate_hz: float
    tuning_semitones: float


def chroma(sound: Waveform | Sound) -> Chroma:
    """Chroma of a recording."""
    shared = Sound.of(sound)
    magnitude = shared.pitch_magnitude
    tuning = estimate_tuning(magnitude)
    spectrum = magnitude @ _semitone_filters(round(tuning, 2))
    steady = _harmonic(spectrum)
    level = np.sqrt((spectrum**2).sum(axis=1))
    notes = _note_strengths(_whitened(steady))
    # Weighted by the frame's own level, so that a fading tail does not count like a played chord.
    peak = float(level.max(initial=0.0))
    relative = level / peak if peak > 1e-6 else np.zeros_like(level)
    treble, bass = fold(notes)
    return Chroma(notes, treble, bass, np.asarray(relative, np.float32), shared.pitch_frame_rate_hz, tuning)


def fold(notes: Array) -> tuple[Array, Array]:
    """Treble and bass chroma ``[T, 12]`` of note strengths ``[T, N_PITCHES]``.

    Like the profiles of Mauch and Dixon 2010, but leaning to the middle register, where chords are played rather than
    tunes. Strengths are compressed by a square root, so that one loud note does not speak for the chord.
    """
    pitch = np.arange(LOWEST_PITCH, LOWEST_PITCH + N_PITCHES)
    treble_weight = np.clip((pitch - 42) / 12.0, 0.0, 1.0) * np.clip((108 - pitch) / 64.0, 0.0, 1.0)
    bass_weight = np.clip((52 - pitch) / 20.0, 0.0, 1.0)
    folded = np.sqrt(notes).reshape(notes.shape[0], -1, 12)  # LOWEST_PITCH is a C
    treble = (folded * treble_weight.reshape(-1, 12).astype(np.float32)).sum(axis=1)
    bass = (folded * bass_weight.reshape(-1, 12).astype(np.float32)).sum(axis=1)
    return np.asarray(treble, np.float32), np.asarray(bass, np.float32)


def estimate_tuning(magnitude: Array) -> float:
    """Deviation from A4 = 440 Hz in semitones, -0.5 to 0.5: circular mean over interpolated spectral peaks, 200-2000 Hz."""
    low, high = (round(hz * PITCH_FFT / PITCH_RATE_HZ) for hz in (200.0, 2000.0))
    part = magnitude[::2, low - 1 : high + 1]
    mid, left, right = part[:, 1:-1], part[:, :-2], part[:, 2:]
    floor = 0.05 * part.max(axis=1, initial=0.0, keepdims=True) + 1e-6
    rows, bins = np.nonzero((mid > left) & (mid >= right) & (mid > floor))
    if rows.size == 0:
        return 0.0
    logs = [np.log(a[rows, bins] + 1e-9) for a in (left, mid, right)]
    shift = 0.5 * (logs[0] - logs[2]) / np.minimum(logs[0] - 2 * logs[1] + logs[2], -1e-6)
    hz = (bins + low + np.clip(shift, -0.5, 0.5)) * PITCH_RATE_HZ / PITCH_FFT
    phase = np.exp(2j * np.pi * 12.0 * np.log2(hz / 440.0))
    return float(np.angle((phase * np.sqrt(mid[rows, bins])).sum()) / (2 * np.pi))


def _bin_pitches() -> NDArray[np.float64]:
    """MIDI pitch of every log-frequency bin."""
    n = N_PITCHES * BINS_PER_SEMITONE
    return LOWEST_PITCH + (np.arange(n) - BINS_PER_SEMITONE // 2) / BINS_PER_SEMITONE


@lru_cache(maxsize=4)
def _semitone_filters(tuning_semitones: float) -> Array:
    """Filters ``[PITCH_FFT // 2 + 1, bins]`` from the linear spectrum to log-frequency bins, centred on the tuning."""
    centres = 440.0 * 2.0 ** ((_bin_pitches() + tuning_semitones - 69.0) / 12.0)
    hz = np.arange(PITCH_FFT // 2 + 1) * PITCH_RATE_HZ / PITCH_FFT
    # Half width: one log bin, but never less than a bin of the spectrum.
    width = np.maximum(centres * (2.0 ** (1.0 / (12 * BINS_PER_SEMITONE)) - 1.0), PITCH_RATE_HZ / PITCH_FFT)
    filters = np.clip(1.0 - np.abs(hz[:, None] - centres) / width, 0.0, None)
    norm = np.sqrt((filters**2).sum(axis=0))
    return np.asarray(filters / np.maximum(norm, 1e-9), np.float32)


@lru_cache(maxsize=1)
def _dictionary() -> Array:
    """Note templates ``[N_PITCHES, bins]``: partials with geometric amplitudes, seen through the same filters."""
    filters = _semitone_filters(0.0)
    hz = np.arange(PITCH_FFT // 2 + 1) * PITCH_RATE_HZ / PITCH_FFT
    rows = []
    for pitch in range(LOWEST_PITCH, LOWEST_PITCH + N_PITCHES):
        spectrum = np.zeros(hz.size)
        for partial in range(1, _N_PARTIALS + 1):
            at = partial * 440.0 * 2.0 ** ((pitch - 69) / 12.0)
            spectrum += _PARTIAL_DECAY ** (partial - 1) * _hann_lobe((hz - at) * PITCH_FFT / PITCH_RATE_HZ)
        rows.append(spectrum @ filters)
    table = np.array(rows)
    return np.asarray(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9), np.float32)


def _hann_lobe(offset_bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitude of the Hann window's transform at an offset in bins (main lobe, 1 at 0)."""
    inside = np.abs(offset_bins) < 2.0
    x = np.where(inside, offset_bins, 0.5)
    denominator = np.where(np.abs(1.0 - x**2) < 1e-6, np.inf, 1.0 - x**2)
    lobe = np.where(np.isinf(denominator), 0.5, np.abs(np.sinc(x) / denominator))
    return np.asarray(np.where(inside, lobe, 0.0))


def _harmonic(spectrum: Array) -> Array:
    """Harmonic part by a median over time (Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010).

    Soft mask: a drum stroke stands above the median in time at all pitches and is pressed down; a held note is not.
    """
    from scipy.ndimage import median_filter

    if spectrum.shape[0] < 3:
        return spectrum
    steady = median_filter(spectrum, size=(_HARMONIC_FRAMES, 1), mode="nearest")
    struck = median_filter(spectrum, size=(1, 7 * BINS_PER_SEMITONE), mode="nearest")
    mask = steady**2 / np.maximum(steady**2 + struck**2, 1e-12)
    return np.asarray(spectrum * mask, np.float32)


def _whitened(spectrum: Array) -> Array:
    """Flatten the spectral envelope over an octave, keeping only what stands above the local mean.

    Quiet notes get the same say as loud ones (Mauch and Dixon 2010, section 2.1, with exponent 1/2).
    """
    from scipy.ndimage import uniform_filter1d

    size = 12 * BINS_PER_SEMITONE + 1
    mean = uniform_filter1d(spectrum, size, axis=1, mode="nearest")
    spread = np.sqrt(np.maximum(uniform_filter1d(spectrum**2, size, axis=1, mode="nearest") - mean**2, 0.0))
    above = np.maximum(spectrum - mean, 0.0)
    floor = 1e-3 * float(spectrum.max(initial=0.0)) + 1e-7
    return np.asarray(above / np.maximum(spread, floor) ** _WHITENING, np.float32)


def _note_strengths(spectrum: Array) -> Array:
    """Non-negative strengths ``[T, N_PITCHES]`` whose templates add up to the spectrum (least squares)."""
    table = _dictionary()
    target = spectrum @ table.T
    gram = table @ table.T
    strengths = np.maximum(target, 1e-6)
    for _ in range(_UPDATES):
        strengths *= target / np.maximum(strengths @ gram, 1e-9)
    return np.asarray(strengths, np.float32)
