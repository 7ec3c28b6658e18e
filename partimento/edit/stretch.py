"""Time-stretching and transposing of recordings: Signalsmith Stretch (``python-stretch``, MIT), length exact to the sample.

The library keeps the pitch of a stretched sound exactly, but its own pitch shift maps spectral bins and is up to twelve
cents off below 300 Hz (sines, 44.1 kHz). Transposing is therefore stretching followed by resampling (soxr), which moves
every partial by the same exact ratio.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.errors import MissingDependencyError, RequestError

MIN_FACTOR, MAX_FACTOR = 0.25, 4.0
"""Bounds of (new tempo / old tempo); beyond a factor of two either way the grains become audible."""
MAX_SEMITONES = 12
_SEED = 1
_LEAD_S = 0.12  # the library's block: silence around the sound lets the first and last grain be whole


def stretch(wave: Waveform, n_samples: int) -> Waveform:
    """The sound in another length at the same pitch; all channels are treated alike, so the stereo image stays.

    Args:
        wave: any rate and number of channels.
        n_samples: the new length; the old one over it must lie in :data:`MIN_FACTOR` to :data:`MAX_FACTOR`.

    Raises:
        RequestError: beyond these bounds. MissingDependencyError: ``python-stretch`` is not installed.
    """
    if n_samples == wave.n_samples:
        return wave
    factor = wave.n_samples / max(1, n_samples)
    if not MIN_FACTOR - 1e-3 <= factor <= MAX_FACTOR + 1e-3:
        raise RequestError(f"{factor:.3g} times the tempo is outside {MIN_FACTOR:g} to {MAX_FACTOR:g} times")
    lead = round(_LEAD_S * wave.sample_rate)
    padded = np.pad(wave.samples, ((0, 0), (lead, 2 * lead)))
    machine = _library().Signalsmith.Stretch(_SEED)
    machine.preset(wave.n_channels, float(wave.sample_rate))
    machine.setTimeFactor(factor)
    made: NDArray[np.float32] = np.asarray(machine.process(np.ascontiguousarray(padded)), np.float32)
    at = round(lead / factor)
    made = made[:, at : at + n_samples]
    return Waveform(np.pad(made, ((0, 0), (0, n_samples - made.shape[1]))), wave.sample_rate)


def shift_pitch(wave: Waveform, semitones: float) -> Waveform:
    """The sound transposed, at its length.

    Args:
        wave: any rate and number of channels.
        semitones: -12 to 12, fractions allowed.

    Raises:
        RequestError: beyond an octave. MissingDependencyError: ``python-stretch`` is not installed.
    """
    import soxr

    if not -MAX_SEMITONES <= semitones <= MAX_SEMITONES:
        raise RequestError(f"a transposition by {semitones:+g} semitones: a recording takes up to {MAX_SEMITONES}, up or down")
    if semitones == 0 or wave.n_samples == 0:
        return wave
    ratio = 2.0 ** (semitones / 12.0)
    longer = stretch(wave, max(1, round(wave.n_samples * ratio)))
    rate = float(wave.sample_rate)
    out = np.zeros(wave.samples.shape, np.float32)
    for i, channel in enumerate(longer.samples):
        made = soxr.resample(channel, rate * ratio, rate, "VHQ")[: wave.n_samples]
        out[i, : len(made)] = made
    return Waveform(out, wave.sample_rate)


def check_installed() -> None:
    """Raise MissingDependencyError unless recordings can be stretched (asked before long work begins)."""
    _library()


def _library() -> Any:
    """The binding, or one line on how to get it."""
    try:
        import python_stretch
    except ImportError as error:
        raise MissingDependencyError(
            "changing the tempo or pitch of a recording needs python-stretch; install it with: pip install python-stretch"
        ) from error
    return python_stretch
