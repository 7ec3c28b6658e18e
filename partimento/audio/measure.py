"""Figures of a sound that vague words are about: brightness, weight, punch, width, roominess, roughness.

All work on ``Waveform`` and return floats; silence gives neutral values, never NaN.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from partimento.audio.transforms import irfft, next_fast_len, rfft
from partimento.audio.waveform import Waveform

_WINDOW = 2048
_WINDOWS_AT_ONCE = 128
_EPS = 1e-12
_TAIL_HZ, _TAIL_BANDS = (200.0, 8_000.0), 16


def power_spectrum(wave: Waveform) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Long-term power spectrum of the mono sum (Hann windows of 2048, half overlap): frequencies in Hz and power."""
    power, count = np.zeros(_WINDOW // 2 + 1), 0
    for powers in _powers(wave):
        power += powers.sum(axis=0, dtype=np.float64)
        count += len(powers)
    frequency = np.asarray(np.fft.rfftfreq(_WINDOW, 1 / wave.sample_rate), np.float64)
    return frequency, power / count


def spectral_centroid_hz(wave: Waveform) -> float:
    """Centre of gravity of the long-term amplitude spectrum (Hz): brightness."""
    frequency, power = power_spectrum(wave)
    amplitude = np.sqrt(power)
    return float((frequency * amplitude).sum() / (amplitude.sum() + _EPS))


def band_share(wave: Waveform, low_hz: float, high_hz: float) -> float:
    """Share of the power between two frequencies, 0–1."""
    frequency, power = power_spectrum(wave)
    inside = (frequency >= low_hz) & (frequency < high_hz)
    return float(power[inside].sum() / (power.sum() + _EPS))


def low_high_ratio_db(wave: Waveform, split_hz: float = 500.0) -> float:
    """Power below a frequency over power above it, in dB: warmth, weight."""
    low = band_share(wave, 0.0, split_hz)
    return float(10 * np.log10((low + 1e-9) / (1 - low + 1e-9)))


def crest_factor_db(wave: Waveform) -> float:
    """Peak over RMS in dB, median over 400-ms windows that sound: punch."""
    mono = wave.mono().astype(np.float64)
    size = max(1, round(0.4 * wave.sample_rate))
    n = max(1, len(mono) // size)
    blocks = mono[: n * size].reshape(n, -1) if len(mono) >= size else mono[None]
    rms, peak = np.sqrt(np.mean(blocks**2, axis=1)), np.abs(blocks).max(axis=1)
    loud = rms > max(1e-5, 0.05 * rms.max(initial=0.0))
    return float(np.median(20 * np.log10(peak[loud] / rms[loud]))) if loud.any() else 0.0


def stereo_width(wave: Waveform) -> float:
    """Side RMS over mid RMS (0 mono, 1 as wide as it is deep)."""
    if wave.n_channels < 2:
        return 0.0
    left, right = wave.samples[0].astype(np.float64), wave.samples[1].astype(np.float64)
    middle, side = np.sqrt(np.mean((left + right) ** 2)), np.sqrt(np.mean((left - right) ** 2))
    return float(side / (middle + 1e-9)) if middle + side > 1e-7 else 0.0


def tail_share_db(wave: Waveform) -> float:
    """Level between onsets against level at onsets: the 15th percentile of 20-ms levels under the 90th, in dB.

    Near 0 for sound that fills every gap (reverberant, sustained), strongly negative for dry, separate notes.
    """
    level = _levels_db(wave, 0.02)
    if len(level) < 10:
        return 0.0
    level = level[level > level.max() - 70]
    return float(np.percentile(level, 15) - np.percentile(level, 90))


def band_tail_db(wave: Waveform) -> float:
    """Level between notes against level of notes, band by band: the mean over bands from 200 Hz to 8 kHz of the 20th
    percentile of their levels under the 90th, in dB.

    Room in one channel: in a mix something begins all the time and :func:`tail_share_db` finds no gaps, a third of an octave
    alone has them. Bands more than 40 dB below the loudest do not count.
    """
    frequency = np.fft.rfftfreq(_WINDOW, 1 / wave.sample_rate)
    edges = np.searchsorted(frequency, np.geomspace(_TAIL_HZ[0], min(_TAIL_HZ[1], 0.45 * wave.sample_rate), _TAIL_BANDS + 1))
    edges = np.minimum(edges, len(frequency) - 1)
    bands = [np.add.reduceat(powers, edges, axis=1)[:, :-1] for powers in _powers(wave)]
    level = 10.0 * np.log10(np.concatenate(bands) + _EPS)
    top = np.percentile(level, 95, axis=0)
    level = np.maximum(level, top - 60.0)
    tails = np.percentile(level, 20, axis=0) - np.percentile(level, 90, axis=0)
    return float(tails[top > top.max() - 40.0].mean())


def harshness_share(wave: Waveform) -> float:
    """Share of the power between 2 and 5 kHz, where the ear is most sensitive."""
    return band_share(wave, 2_000.0, 5_000.0)


def mud_share(wave: Waveform) -> float:
    """Share of the power between 180 and 450 Hz."""
    return band_share(wave, 180.0, 450.0)


def dynamic_range_db(wave: Waveform) -> float:
    """Spread of short-term levels (95th minus 10th percentile of 400-ms RMS, in dB)."""
    level = _levels_db(wave, 0.4)
    if len(level) < 3:
        return 0.0
    level = level[level > level.max() - 50]
    return float(np.percentile(level, 95) - np.percentile(level, 10))


def harmonic_density(wave: Waveform) -> float:
    """Spectral flatness of the long-term spectrum between 200 Hz and 8 kHz (0 few partials, 1 noise): dirt."""
    frequency, power = power_spectrum(wave)
    band = power[(frequency >= 200) & (frequency < 8_000)] + _EPS
    return float(np.exp(np.mean(np.log(band))) / np.mean(band))


def echo_strength_db(wave: Waveform, delay_s: float) -> float:
    """How plainly the sound is heard again after a delay, in dB (0 would be all of it, −60 the floor).

    Autocorrelation of the flattened spectrum (amplitudes to the power 0.7, so that tones do not speak for themselves) of
    at most 24 s from the middle, largest within 2 ms of the delay.
    """
    mono, rate = wave.mono(), wave.sample_rate
    size = min(len(mono), 24 * rate)
    first = (len(mono) - size) // 2
    spectrum = np.abs(rfft(mono[first : first + size], next_fast_len(2 * size)))
    match = np.abs(irfft(spectrum**0.7)[: round((delay_s + 0.002) * rate) + 1])
    if match[0] < _EPS or len(match) <= round(delay_s * rate):
        return -60.0
    return float(20 * np.log10(match[round((delay_s - 0.002) * rate) :].max() / match[0] + 1e-3))


def outside_speech_band_db(wave: Waveform) -> float:
    """Share of the power outside 300 to 3400 Hz (the telephone band of ITU-T G.712), in dB."""
    return float(10 * np.log10(1 - band_share(wave, 300.0, 3_400.0) + 1e-7))


def _levels_db(wave: Waveform, window_s: float) -> NDArray[np.float64]:
    """RMS level in dB of each whole window of the mono sum (−100 for silence)."""
    mono = wave.mono().astype(np.float64)
    size = max(1, round(window_s * wave.sample_rate))
    n = len(mono) // size
    return np.asarray(10 * np.log10(np.mean(mono[: n * size].reshape(n, size) ** 2, axis=1) + 1e-10), np.float64)


def _powers(wave: Waveform) -> Iterator[NDArray[np.float32]]:
    """Power spectra ``[n, 1025]`` of the mono sum's Hann windows, one after the other.

    In single precision and some hundred windows at a time, which keeps them in the processor's cache.
    """
    frames, window = _frames(wave.mono()), np.hanning(_WINDOW).astype(np.float32)
    for first in range(0, len(frames), _WINDOWS_AT_ONCE):
        spectra = rfft(frames[first : first + _WINDOWS_AT_ONCE] * window)
        yield spectra.real**2 + spectra.imag**2


def _frames(mono: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-overlapping windows ``[N, 2048]`` (a view; at least one, zero-padded)."""
    if len(mono) < _WINDOW:
        mono = np.pad(mono, (0, _WINDOW - len(mono)))
    return np.lib.stride_tricks.sliding_window_view(mono, _WINDOW)[:: _WINDOW // 2]
