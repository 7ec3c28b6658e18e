"""A recording made of sums of sines and bursts of noise: known tempo, bars, key."""

import numpy as np

from partimento.audio.waveform import Waveform

BPM = 120.0
BAR_S = 2.0
CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""C, Am, F, G: C major."""


def recording(n_bars: int = 10, rate: int = 22_050, n_channels: int = 2, peak: float = 0.5, seed: int = 4) -> Waveform:
    """Chords, a bass and drums in 4/4 at 120 bpm, from the first sample on; the last chord is C."""
    rng = np.random.default_rng(seed)
    n = round(n_bars * BAR_S * rate)
    mono = np.zeros(n)
    beat = rate * 60 / BPM
    t = np.arange(round(BAR_S * rate)) / rate
    for bar in range(n_bars):
        chord = CHORDS[0] if bar == n_bars - 1 else CHORDS[bar % 4]
        at = round(bar * BAR_S * rate)
        decay = np.exp(-1.2 * t) * np.minimum(1, t / 0.005)
        notes = [60 + k for k in chord] + [36 + chord[0] % 12]
        for i, pitch in enumerate(notes):
            hz = 440 * 2 ** ((pitch - 69) / 12)
            gain = 0.35 if i == len(notes) - 1 else 0.12
            sound = sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in (1, 2, 3, 4) if hz * k < 0.45 * rate)
            mono[at : at + len(t)] += (gain * decay * sound)[: n - at]
    for k in range(n_bars * 8):
        at = round(k * beat / 2)
        length = round((0.08 if k % 8 == 0 else 0.03) * rate)
        burst = rng.standard_normal(length) * np.exp(-6 * np.arange(length) / length)
        gain = 0.5 if k % 8 == 0 else 0.3 if k % 4 == 2 * (k % 8 > 4) else 0.12
        mono[at : at + length] += (gain * burst)[: n - at]
        if k % 8 == 0:
            kick = np.sin(2 * np.pi * 60 * np.arange(length) / rate) * np.exp(-3 * np.arange(length) / length)
            mono[at : at + length] += (0.8 * kick)[: n - at]
    side = 0.15 * np.convolve(rng.standard_normal(n), np.ones(8) / 8, "same") * np.abs(mono)
    channels = [mono + side * (1 if c % 2 == 0 else -1) * (n_channels > 1) for c in range(n_channels)]
    samples = np.stack(channels)
    return Waveform((samples * peak / np.abs(samples).max()).astype(np.float32), rate)
