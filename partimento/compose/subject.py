"""Subjects of fugues: short, clear at the beginning, running on, and with a harmony that an answer fits."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from partimento.compose.frame import Bar
from partimento.compose.harmony_book import numeral
from partimento.score.chord import Chord
from partimento.score.timing import Key

_EPS = 1e-6
SCHEMES = {
    False: (("I", "V", "I", "V"), ("I", "IV", "V", "I"), ("I", "vi", "V", "I")),
    True: (("i", "V", "i", "V"), ("i", "iv", "V", "i"), ("i", "bVI", "V", "i")),
}
"""Harmony under a subject, quarter by quarter of it: in major, in minor."""
_N_SUBJECTS = 160


@dataclass(frozen=True, slots=True)
class Subject:
    """(onset, length, pitch) from the subject's beginning, its length in quarter notes, and the numerals under it."""

    notes: tuple[tuple[float, float, int], ...]
    length: float
    scheme: tuple[str, ...]


def make_subject(key: Key, bars: tuple[Bar, ...], rng: np.random.Generator) -> Subject:
    """A subject: a clear head with a leap or two, a running tail, ending where the answer can come in.

    The best of many random ones: singable, of an octave's range at most, with one highest note.
    """
    length = sum(b.metre.bar_quarters for b in bars)
    schemes = SCHEMES[key.is_minor]
    best: tuple[float, Subject] | None = None
    for _ in range(_N_SUBJECTS):
        scheme = schemes[int(rng.integers(len(schemes)))]
        rhythm = _rhythm(bars, length, rng)
        pitches = _contour(key, rhythm, length, scheme, rng)
        score = _appeal(pitches, rhythm) + float(rng.random())
        if best is None or score > best[0]:
            best = (score, Subject(tuple((o, d, p) for (o, d), p in zip(rhythm, pitches, strict=True)), length, scheme))
    assert best is not None
    return best[1]


def _rhythm(bars: tuple[Bar, ...], length: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Onsets and lengths: beats first, then halves of beats, the last beat whole."""
    beats: list[tuple[float, float]] = []
    at = 0.0
    for bar in bars:
        edges = [*bar.metre.beat_quarters, bar.metre.bar_quarters]
        beats += [(at + a, b - a) for a, b in itertools.pairwise(edges)]
        at += bar.metre.bar_quarters
    out: list[tuple[float, float]] = []
    for i, (start, size) in enumerate(beats):
        share = i / len(beats)
        draw = rng.random()
        parts = 3 if abs(size - 1.5) < _EPS else 2
        if i == len(beats) - 1 or draw > 0.25 + 0.7 * share:
            out.append((start, size))
        else:
            out += [(start + size * k / parts, size / parts) for k in range(parts)]
    if rng.random() < 0.6 and out[0][1] >= 1.0 and out[1][1] >= 1.0:  # a long first note
        out = [(0.0, out[0][1] + out[1][1] / 2), (out[1][0] + out[1][1] / 2, out[1][1] / 2), *out[2:]]
    return out


def _chord_at(scheme: tuple[str, ...], key: Key, at: float, length: float) -> Chord:
    return numeral(scheme[min(len(scheme) - 1, int(at / length * len(scheme) + 1e-9))], key)


def _contour(
    key: Key, rhythm: list[tuple[float, float]], length: float, scheme: tuple[str, ...], rng: np.random.Generator
) -> list[int]:
    """Pitches: chord notes with leaps in the head, steps in the tail, tonic or third at the end."""
    home = 60 + key.tonic if key.tonic <= 6 else 48 + key.tonic
    pitches = [home + (7 if rng.random() < 0.4 else 0)]
    for i, (onset, _) in enumerate(rhythm[1:], start=1):
        chord = _chord_at(scheme, key, onset, length)
        scale = set(key.scale) | (set(chord.pitch_classes))
        strong = abs(onset - round(onset)) < _EPS
        last = i == len(rhythm) - 1
        wanted = set(chord.pitch_classes) if strong else scale
        if last:
            wanted = {key.tonic, key.scale[2]} & wanted or wanted
        reach = 9 if i <= 2 else 5 if strong else 2
        found = [
            p for p in range(pitches[-1] - reach, pitches[-1] + reach + 1) if p % 12 in wanted and home - 5 <= p <= home + 12
        ]
        found = [p for p in found if p != pitches[-1] or rng.random() < 0.15] or [pitches[-1]]
        weight = np.array([1.0 / (1.0 + (abs(p - pitches[-1]) if i > 2 else 0.0)) for p in found])
        pitches.append(int(found[int(rng.choice(len(found), p=weight / weight.sum()))]))
    return pitches


def _appeal(pitches: list[int], rhythm: list[tuple[float, float]]) -> float:
    """How good a subject is."""
    steps = [b - a for a, b in itertools.pairwise(pitches)]
    span = max(pitches) - min(pitches)
    score = -0.6 * abs(span - 9) - 2.0 * sum(abs(s) in (6, 10, 11) or abs(s) > 9 for s in steps)
    score += 1.5 * (pitches.count(max(pitches)) == 1) + 1.5 * any(abs(s) in (5, 7, 8, 9) for s in steps[:3])
    score -= 1.0 * sum(s == 0 for s in steps) + 1.2 * sum(abs(s) > 4 for s in steps[3:])
    for a, b in itertools.pairwise(steps):
        score -= 1.5 * (abs(a) > 4 and a * b > 0) + 0.6 * (abs(a) <= 2 and abs(b) <= 2 and a == -b)
    kinds = len({round(d, 3) for _, d in rhythm})
    return score + 0.8 * min(3, kinds) - 0.5 * abs(len(pitches) - 11)
