"""Test sounds made of clicks, partials and noise."""

import numpy as np
import pytest

from partimento.audio.waveform import Waveform

RATE = 44_100
QUALITIES = {"maj": (0, 4, 7), "min": (0, 3, 7), "7": (0, 4, 7, 10), "dim": (0, 3, 6)}


def tone(pitch, duration_s, amplitude=0.1, decay_s=1.5, tuning=0.0):
    """A plucked harmonic tone."""
    t = np.arange(int(duration_s * RATE)) / RATE
    hz = 440.0 * 2.0 ** ((pitch + tuning - 69) / 12)
    out = sum(0.6 ** (k - 1) * np.sin(2 * np.pi * hz * k * t + k) * np.exp(-t * np.sqrt(k) / decay_s) for k in range(1, 9))
    return (amplitude * out * np.minimum(1.0, t / 0.005) * np.minimum(1.0, (duration_s - t) / 0.02)).astype(np.float32)


def add(samples, at_s, sound):
    """Mix a sound into samples at a time."""
    at = int(at_s * RATE)
    n = min(len(sound), len(samples) - at)
    if n > 0:
        samples[at : at + n] += sound[:n]


@pytest.fixture(scope="session")
def clicks():
    """Noise bursts at a tempo, every ``accent``-th one louder."""

    def make(bpm, duration_s=20.0, accent=1, jitter_s=0.0, seed=0, offset_s=0.1):
        rng = np.random.default_rng(seed)
        samples = np.zeros(int(duration_s * RATE), np.float32)
        n = int(0.05 * RATE)
        burst = (rng.standard_normal(n) * np.exp(-np.arange(n) / (0.01 * RATE))).astype(np.float32)
        at, i = offset_s, 0
        while at < duration_s - 0.1:
            add(samples, max(0.0, at + rng.normal(0, jitter_s)), burst * (0.5 if i % accent == 0 else 0.2))
            at, i = at + 60.0 / bpm, i + 1
        return Waveform(samples, RATE)

    return make


@pytest.fixture(scope="session")
def chords():
    """Block chords with a bass: ``[(root, quality), …]``, one every ``seconds``; optionally a beat and detuned."""

    def make(progression, seconds=2.0, repeats=2, beat_bpm=None, tuning=0.0, seed=0):
        rng = np.random.default_rng(seed)
        total = len(progression) * seconds * repeats
        samples = np.zeros(int(total * RATE), np.float32)
        for i, (root, quality) in enumerate(list(progression) * repeats):
            for step in QUALITIES[quality]:
                add(samples, i * seconds, tone(60 + (root + step) % 12, seconds, 0.06, tuning=tuning))
            add(samples, i * seconds, tone(36 + root, seconds, 0.12, tuning=tuning))
        if beat_bpm:
            n = int(0.1 * RATE)
            for at in np.arange(0, total, 60.0 / beat_bpm):
                noise = rng.standard_normal(n) * np.exp(-np.arange(n) / (0.02 * RATE))
                add(samples, at, (0.2 * noise).astype(np.float32))
        return Waveform(samples, RATE)

    return make
