"""A tune of notes as MusicGen-Melody hears it.

Its notes are sounded as plain tones of one octave (chroma knows no octave) and heard by the very code that hears recordings
(:mod:`partimento.conditioning.melody`), so frames, edges, repetition and silence, which is C in these models, are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from partimento.conditioning.melody import CLASSES, RATE_HZ, SHORTEST_S, Array, Melody
from partimento.errors import RequestError
from partimento.score.score import Note, Score

METHOD = "notes"
"""What :attr:`Melody.method` says: there was nothing to be taken out."""
_LOWEST = 76  # E5: round 880 Hz the published filters weigh most, and a semitone is some 27 bins of the spectrum wide
_RAMP = RATE_HZ // 200  # 5 ms


def melody_from_notes(score: Score, notes: Sequence[Note], heard_s: float) -> Melody:
    """The tune as a melody model hears it.

    Args:
        score: tempo and length. A piece longer than the score hears the tune again from the score's end on.
        notes: one at a time, by start.
        heard_s: what lies behind this moment is never heard.

    Raises:
        RequestError: less than a tenth of a second, or no note within ``heard_s``.
    """
    check_tune(score, notes, heard_s)
    mono = np.zeros(round(min(score.duration_s, heard_s) * RATE_HZ), np.float32)
    for note in notes:
        start_s, end_s = played_s(score, note)
        start, end = max(0, round(start_s * RATE_HZ)), min(mono.size, round(end_s * RATE_HZ))
        if start < end:
            mono[start:end] = _tone(note.pitch, end - start)
    return Melody(mono, METHOD)


def check_tune(score: Score, notes: Sequence[Note], heard_s: float) -> None:
    """Raise what :func:`melody_from_notes` raises."""
    if score.duration_s < SHORTEST_S:
        raise RequestError(f"the melody's notes last {score.duration_s:.4f} s; {SHORTEST_S:g} s or more are needed")
    first_s = min(played_s(score, note)[0] for note in notes)
    if first_s >= heard_s:
        raise RequestError(f"the melody's first note is at {first_s:g} s of {heard_s:g} s; give a longer --duration")


def played_s(score: Score, note: Note) -> tuple[float, float]:
    """Beginning and end of a note in seconds, as it is played."""
    seconds = score.tempo_map.seconds
    return seconds(note.start) + note.nudge_s, seconds(note.end) + note.nudge_s


def _tone(pitch: int, n: int) -> Array:
    """``n`` samples of a pitch class, without clicks."""
    tone = np.resize(_seconds_of_tone()[pitch % CLASSES], n)
    ramp = min(_RAMP, n // 2)
    slope = np.arange(ramp, dtype=np.float32) / max(1, ramp)
    tone[:ramp] *= slope
    tone[n - ramp :] *= slope[::-1]
    return tone


@cache
def _seconds_of_tone() -> Array:
    """``[12, RATE_HZ]``: a second of each pitch class, C first; of whole hertz (1.3 cents off at most), so that it repeats."""
    pitches = _LOWEST + (np.arange(CLASSES) - _LOWEST) % CLASSES
    hz = np.rint(440.0 * 2.0 ** ((pitches - 69) / 12))
    t = np.arange(RATE_HZ) / RATE_HZ
    return np.asarray(0.5 * np.sin(2 * np.pi * hz[:, None] * t), np.float32)
