"""Weighted chord overlap: for what share of the time does an estimate name the same major or minor triad?

Conventions:
    Chord annotations are sorted, non-overlapping spans ``(start_s, end_s, label)`` with labels in Harte's syntax
    (``A:min7``, ``F#:maj/3``, ``N`` for no chord, ``X`` for unknown). Gaps in the estimate count as ``N``; the
    estimate is cropped to the reference's span. Labels are reduced to their root and the first eight semitones; a
    reference chord that is then neither major nor minor nor ``N`` is left out, as MIREX does.

Metrics:
    :func:`majmin_overlap`, :func:`root_overlap`, both by :func:`evaluate`. Equal to ``mir_eval.chord`` (0.8).

References:
    Harte, "Towards Automatic Extraction of Harmony Information from Music Signals", PhD thesis, QMUL 2010 (syntax).
    Raffel et al., "mir_eval: a transparent implementation of common MIR metrics", ISMIR 2014.
    Pauwels and Peeters, "Evaluating automatically estimated chord sequences", ICASSP 2013.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

Span = tuple[float, float, str]
NO_CHORD = "N"
UNKNOWN = "X"
_LABEL = re.compile(r"^([A-G][b#]*)(?::([a-z0-9]*)(?:\(([^)]*)\))?)?(?:/([b#]*\d+))?$")
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DEGREES = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11, 8: 12, 9: 14, 10: 16, 11: 17, 12: 19, 13: 21}
# Semitones within the octave; ninths and above fold away, as in mir_eval's table.
_QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "aug": (0, 4, 8), "dim": (0, 3, 6), "sus4": (0, 5, 7), "sus2": (0, 2, 7),
    "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10), "minmaj7": (0, 3, 7, 11), "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10), "aug7": (0, 4, 8, 10),
    "maj9": (0, 4, 7, 11), "min9": (0, 3, 7, 10), "9": (0, 4, 7, 10), "maj11": (0, 4, 7, 11), "min11": (0, 3, 7, 10),
    "11": (0, 4, 7, 10), "maj13": (0, 4, 7, 11), "min13": (0, 3, 7, 10), "13": (0, 4, 7, 10), "1": (0,), "5": (0, 7),
    "": (0,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EncodedChord:
    """A label as numbers: ``root`` 0–11 (-1 for ``N`` and ``X``) and the set of semitones above it.

    ``known`` is False for ``X`` only.
    """

    root: int
    semitones: frozenset[int]
    known: bool = True

    @property
    def triad(self) -> frozenset[int]:
        """The semitones that major-minor comparison looks at (0–7)."""
        return frozenset(s for s in self.semitones if s < 8)

    @property
    def in_majmin(self) -> bool:
        """True for major, minor and no chord."""
        return self.known and self.triad in (frozenset({0, 4, 7}), frozenset({0, 3, 7}), frozenset())


def _degree(text: str) -> int:
    """Semitones of a scale degree such as ``b7`` or ``#11``."""
    number = int(text.lstrip("b#"))
    if number not in _DEGREES:
        raise ValueError(f"scale degree '{text}' is not 1 to 13")
    return _DEGREES[number] + text.count("#") - text.count("b")


@lru_cache(maxsize=4096)
def encode_label(label: str) -> EncodedChord:
    """Read a Harte label.

    Raises:
        ValueError: when the label is not in Harte's syntax.
    """
    if label in (NO_CHORD, UNKNOWN):
        return EncodedChord(-1, frozenset(), label == NO_CHORD)
    match = _LABEL.match(label)
    if match is None:
        raise ValueError(f"'{label}' is not a chord label like A:min7, F#:maj/3 or N")
    name, quality, extra, bass = match.groups()
    if quality is None or (quality == "" and not extra):
        quality = "maj"
    if quality not in _QUALITIES:
        raise ValueError(f"unknown chord quality '{quality}' in '{label}'; known: {', '.join(q for q in _QUALITIES if q)}")
    root = (_NATURALS[name[0]] + name.count("#") - name.count("b")) % 12
    present = set(_QUALITIES[quality])
    for item in filter(None, (part.strip() for part in (extra or "").split(","))):
        semitone = _degree(item.lstrip("*"))
        if item.startswith("*"):
            present.discard(semitone)
        elif semitone < 12:
            present.add(semitone)
    if bass:
        present.add(_degree(bass) % 12)
    return EncodedChord(root, frozenset(present))


def validate(spans: Sequence[Span]) -> None:
    """Check that spans are ordered, do not overlap and have readable labels.

    Raises:
        ValueError: with the offending span.
    """
    before = float("-inf")
    for start, end, label in spans:
        if not (end >= start >= before - 1e-9):  # NaN fails too
            raise ValueError(f"chord span {start:g} to {end:g} s ({label}) overlaps or runs backwards")
        encode_label(label)
        before = end


def _merged(reference: Sequence[Span], estimate: Sequence[Span]) -> Iterable[tuple[float, str, str]]:
    """Durations with both labels, over the reference's span; a place without a label has ``N``."""
    low, high = reference[0][0], reference[-1][1]
    cuts = {low, high}
    for start, end, _ in (*reference, *estimate):
        cuts.update(t for t in (start, end) if low < t < high)
    times = sorted(cuts)
    ref_at = est_at = 0
    for start, end in itertools.pairwise(times):
        middle = 0.5 * (start + end)
        while ref_at < len(reference) and reference[ref_at][1] <= middle:
            ref_at += 1
        while est_at < len(estimate) and estimate[est_at][1] <= middle:
            est_at += 1
        yield end - start, _label(reference, ref_at, middle), _label(estimate, est_at, middle)


def _label(spans: Sequence[Span], index: int, at: float) -> str:
    """Label of the span at ``index`` when it holds ``at``, else ``N``."""
    return spans[index][2] if index < len(spans) and spans[index][0] <= at else NO_CHORD


def majmin_overlap(reference: Sequence[Span], estimate: Sequence[Span]) -> float:
    """Share of the comparable time with the same root and the same major or minor triad.

    Args:
        reference: what is true.
        estimate: what was heard.

    Returns:
        0 to 1; 0 when nothing in the reference is comparable.

    Raises:
        ValueError: when either does not :func:`validate` or the reference is empty.
    """
    good = total = 0.0
    _check(reference, estimate)
    for duration, ref_label, est_label in _merged(reference, estimate):
        ref, est = encode_label(ref_label), encode_label(est_label)
        if ref.in_majmin:
            total += duration
            good += duration * (ref.root == est.root and ref.triad == est.triad and est.known)
    return good / total if total > 0 else 0.0


def root_overlap(reference: Sequence[Span], estimate: Sequence[Span]) -> float:
    """Share of the time with the same root (``X`` in the reference is left out), 0 to 1.

    Raises:
        ValueError: as :func:`majmin_overlap`.
    """
    good = total = 0.0
    _check(reference, estimate)
    for duration, ref_label, est_label in _merged(reference, estimate):
        ref, est = encode_label(ref_label), encode_label(est_label)
        if ref.known:
            total += duration
            good += duration * (ref.root == est.root)
    return good / total if total > 0 else 0.0


def _check(reference: Sequence[Span], estimate: Sequence[Span]) -> None:
    """Validate both sides."""
    if not reference:
        raise ValueError("the reference has no chord spans")
    validate(reference)
    validate(estimate)


def evaluate(reference: Sequence[Span], estimate: Sequence[Span]) -> dict[str, float]:
    """All scores of this file by name (``majmin``, ``root``)."""
    return {"majmin": majmin_overlap(reference, estimate), "root": root_overlap(reference, estimate)}
