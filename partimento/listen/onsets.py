"""Onset strength: where something starts to sound, from a logarithmic spectral flux in mel bands.

Sources: Dixon, "Onset detection revisited", DAFx 2006 (spectral flux); Böck and Widmer, "Maximum filter vibrato
suppression for onset detection", DAFx 2013 (maximum over neighbouring bands, lag of two frames).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.listen.spectrum import Array, Sound

_COMPRESSION = 3e4  # log(1 + c·power): quiet starts count nearly as much as loud ones
_LAG = 2  # frames between the spectra that are compared
LOW_BANDS = slice(0, 6)  # below about 250 Hz: kick drum and bass
# The flux of a click peaks this much after the click in frames (measured; the lag pulls it later, the window earlier).
_DELAY_FRAMES = 0.15


@dataclass(frozen=True)
class OnsetEnvelope:
    """Onset strength over time.

    Attributes:
        strength: float32 ``[T]``, all bands, local mean removed, ≥ 0, mean of its positive values 1.
        low: the same from the bands below about 250 Hz.
        rate_hz: frames per second.
    """

    strength: Array
    low: Array
    rate_hz: float

    def times_s(self) -> Array:
        """Time of every frame in seconds."""
        return np.asarray((np.arange(self.strength.size) - _DELAY_FRAMES) / self.rate_hz, np.float32)

    def frame_at(self, time_s: float) -> float:
        """Fractional frame of a time (inverse of :meth:`times_s`)."""
        return time_s * self.rate_hz + _DELAY_FRAMES


def onset_envelope(sound: Waveform | Sound) -> OnsetEnvelope:
    """Multi-band logarithmic spectral flux of a recording."""
    shared = Sound.of(sound)
    level = np.log1p(_COMPRESSION * shared.mel)
    # The maximum over three bands before subtracting keeps vibrato and slides from counting as onsets.
    spread = level.copy()
    np.maximum(spread[:, 1:], level[:, :-1], out=spread[:, 1:])
    np.maximum(spread[:, :-1], level[:, 1:], out=spread[:, :-1])
    flux = np.zeros_like(level)
    flux[_LAG:] = np.maximum(level[_LAG:] - spread[:-_LAG], 0.0)
    rate = shared.onset_frame_rate_hz
    return OnsetEnvelope(_detrend(flux.mean(axis=1), rate), _detrend(flux[:, LOW_BANDS].mean(axis=1), rate), rate)


def onset_times(sound: Waveform | Sound, threshold: float = 0.5) -> Array:
    """Times of the peaks of the onset strength in seconds.

    Args:
        sound: the recording.
        threshold: least height, in units of the mean positive strength.
    """
    from scipy.signal import find_peaks

    envelope = onset_envelope(sound)
    peaks, _ = find_peaks(envelope.strength, height=threshold, distance=max(1, round(0.05 * envelope.rate_hz)))
    return np.asarray(envelope.times_s()[peaks])


def _detrend(flux: Array, rate_hz: float) -> Array:
    """Remove the mean over one second, keep what stands out, and scale it to mean 1 where positive."""
    from scipy.ndimage import uniform_filter1d

    out = np.maximum(flux - uniform_filter1d(flux, max(3, round(rate_hz)), mode="nearest"), 0.0)
    positive = out[out > 0]
    if positive.size == 0 or float(positive.mean()) < 1e-4:
        return np.zeros_like(out)
    return np.asarray(out / positive.mean(), np.float32)
