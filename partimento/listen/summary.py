"""``listen_to(wave)``: everything that this package hears in a recording, as one value and as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from partimento.audio.loudness import integrated_lufs, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.listen.chords import ChordSegment, recognise_chords
from partimento.listen.chroma import chroma
from partimento.listen.energy import FLOOR_DB, stretch_levels
from partimento.listen.key import find_key
from partimento.listen.metre import MetreGuess, guess_metre
from partimento.listen.onsets import onset_envelope
from partimento.listen.quality import Quality, measure_quality
from partimento.listen.spectrum import Sound
from partimento.listen.structure import section_boundaries
from partimento.listen.tempo import Beats, track_beats
from partimento.tables import text_table


@dataclass(frozen=True, slots=True)
class HeardSection:
    """A stretch between two boundaries with its level in dB relative to full scale."""

    start_s: float
    end_s: float
    level_db: float


@dataclass(frozen=True)
class Heard:
    """What is in a recording; JSON through :mod:`partimento.plan.serial`.

    Attributes:
        duration_s, sample_rate, n_channels: of the recording.
        beats: beats and tempo.
        metre: beats per bar and downbeats.
        key: best key, e.g. ``A minor``; ``unknown`` for silence or noise without pitch.
        key_strength: 0 to 1.
        key_ranking: the five best keys with their scores.
        tuning_cents: deviation from A4 = 440 Hz.
        chords: without gaps; labels in Harte's syntax.
        loudness_lufs: integrated loudness (BS.1770).
        true_peak_dbtp: true peak.
        sections: stretches between changes, with their levels.
        quality: faults.
    """

    duration_s: float
    sample_rate: int
    n_channels: int
    beats: Beats
    metre: MetreGuess
    key: str
    key_strength: float
    key_ranking: tuple[tuple[str, float], ...]
    tuning_cents: float
    chords: tuple[ChordSegment, ...]
    loudness_lufs: float
    true_peak_dbtp: float
    sections: tuple[HeardSection, ...]
    quality: Quality


def listen_to(wave: Waveform) -> Heard:
    """Analyse a recording: tempo, beats, metre, key, chords, loudness, sections, faults."""
    sound = Sound(wave)
    envelope = onset_envelope(sound)
    beats = track_beats(sound, envelope=envelope)
    found = chroma(sound)
    chords = recognise_chords(sound, beats if beats.confidence > 0.5 else None, found)
    key = find_key(sound, found, chords)
    pitched = bool(found.level.any()) and float(np.ptp(found.treble.sum(axis=0))) > 0
    edges = (0.0, *section_boundaries(sound, found), round(wave.duration_s, 3))
    levels = stretch_levels(wave, edges)
    return Heard(
        duration_s=round(wave.duration_s, 4),
        sample_rate=wave.sample_rate,
        n_channels=wave.n_channels,
        beats=beats,
        metre=guess_metre(beats, envelope, found),
        key=str(key.key) if pitched else "unknown",
        key_strength=round(key.strength, 3) if pitched else 0.0,
        key_ranking=tuple((str(k), round(score, 3)) for k, score in key.ranking[:5]) if pitched else (),
        tuning_cents=round(100 * found.tuning_semitones, 1),
        chords=chords,
        loudness_lufs=round(_finite(integrated_lufs(wave)), 2),
        true_peak_dbtp=round(_finite(true_peak_dbtp(wave)), 2),
        sections=tuple(HeardSection(a, b, round(level, 1)) for a, b, level in zip(edges[:-1], edges[1:], levels, strict=True)),
        quality=measure_quality(sound),
    )


def heard_table(heard: Heard, n_chords: int = 24) -> str:
    """The summary as readable text; the first ``n_chords`` chords are listed."""
    beats = heard.beats
    chords = " ".join(f"{c.label}@{c.start_s:.1f}" for c in heard.chords[:n_chords])
    if len(heard.chords) > n_chords:
        chords += f" … ({len(heard.chords)} in all)"
    sections = " | ".join(f"{s.start_s:.1f}–{s.end_s:.1f} s {s.level_db:.0f} dB" for s in heard.sections)
    tempo = f"{beats.tempo_bpm:.2f} bpm, confidence {beats.confidence:.2f}, {len(beats.times_s)} beats"
    rows = [
        ("duration", f"{heard.duration_s:.3f} s, {heard.sample_rate} Hz, {heard.n_channels} channel(s)"),
        ("tempo", tempo if beats.tempo_bpm else "no pulse"),
        ("metre", f"{heard.metre.text}, confidence {heard.metre.confidence:.2f}"),
        ("key", f"{heard.key}, strength {heard.key_strength:.2f}"),
        ("next keys", ", ".join(f"{name} {score:.2f}" for name, score in heard.key_ranking[1:4])),
        ("tuning", f"{heard.tuning_cents:+.0f} cents"),
        ("chords", chords),
        ("loudness", f"{heard.loudness_lufs:.1f} LUFS, true peak {heard.true_peak_dbtp:.1f} dBTP"),
        ("sections", sections),
        ("faults", ", ".join(heard.quality.flags) or "none"),
    ]
    return text_table(("what", "heard"), rows, max_width=2_000)


def _finite(value: float) -> float:
    """The value, or the floor for silence (JSON has no infinity)."""
    return max(value, FLOOR_DB) if np.isfinite(value) else FLOOR_DB
