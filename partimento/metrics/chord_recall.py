"""Chord recall: for what share of the time are the asked-for chords heard, at several depths?

Conventions:
    Annotations are sorted spans ``(start_s, end_s, Harte label)``; the estimate is cropped or padded with ``N`` to the
    reference's span. All comparisons are ``mir_eval``'s (0.8), weighted by duration; time whose reference lies outside a
    comparison's vocabulary is left out: ``root``; ``majmin`` (major and minor triads); ``sevenths`` (maj, min, maj7,
    min7, 7 and N); ``mirex`` (three common notes); ``_inv`` compares the bass as well. Coco-Mulla reports two recalls of
    unlike strictness: ``chord_rec`` here is the share with the right major or minor triad, ``chord_rec_star`` that with
    the right chord of the sevenths vocabulary *and* the right bass. Its published rows use another recogniser and other
    recordings; they are not comparable with figures made here.

References:
    Lin et al., "Content-based controls for music large language modeling", ISMIR 2024, section 4. Pauwels and Peeters,
    "Evaluating automatically estimated chord sequences", ICASSP 2013. Raffel et al., "mir_eval", ISMIR 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from partimento.errors import RequestError
from partimento.metrics.chord_overlap import Span, validate
from partimento.metrics.mir import mir_eval_module

COMPARISONS = ("root", "majmin", "sevenths", "mirex", "majmin_inv", "sevenths_inv")


def _arrays(spans: Sequence[Span]) -> tuple[Any, list[str]]:
    return np.array([[s[0], s[1]] for s in spans], dtype=np.float64), [s[2] for s in spans]


def chord_recall(
    reference: Sequence[Span], estimate: Sequence[Span], comparisons: Sequence[str] = COMPARISONS
) -> dict[str, float]:
    """Weighted overlap by comparison, each 0 to 1; nan where nothing in the reference is within the vocabulary.

    Raises:
        RequestError: no reference, an unknown comparison, labels or spans that ``validate`` refuses.
        MissingDependencyError: ``mir_eval`` is not installed.
    """
    if not reference:
        raise RequestError("the reference has no chord spans")
    unknown = set(comparisons) - set(COMPARISONS)
    if unknown:
        raise RequestError(f"unknown comparison {', '.join(sorted(unknown))}; known: {', '.join(COMPARISONS)}")
    try:
        validate(reference)
        validate(estimate)
    except ValueError as error:
        raise RequestError(str(error)) from error
    chord = mir_eval_module("chord")
    ref_spans, ref_labels = _arrays(reference)
    if not estimate:
        estimate = ((float(ref_spans[0, 0]), float(ref_spans[-1, 1]), "N"),)
    est_spans, est_labels = _arrays(estimate)
    est_spans, est_labels = mir_eval_module("util").adjust_intervals(
        est_spans, est_labels, ref_spans.min(), ref_spans.max(), chord.NO_CHORD, chord.NO_CHORD
    )
    spans, refs, ests = mir_eval_module("util").merge_labeled_intervals(ref_spans, ref_labels, est_spans, est_labels)
    durations = mir_eval_module("util").intervals_to_durations(spans)
    out = {}
    for name in comparisons:
        hits = getattr(chord, name)(refs, ests)
        comparable = durations[hits >= 0].sum()
        out[name] = float(chord.weighted_accuracy(hits, durations)) if comparable > 0 else float("nan")
    return out


def evaluate(reference: Sequence[Span], estimate: Sequence[Span]) -> dict[str, float]:
    """All scores by name: the comparisons, ``chord_rec`` and ``chord_rec_star``."""
    found = chord_recall(reference, estimate)
    return {**found, "chord_rec": found["majmin"], "chord_rec_star": found["sevenths_inv"]}
