"""Key score with MIREX weights.

Conventions:
    A key is ``(tonic, is_minor)`` with a pitch class 0–11. Church modes count by their third (dorian is minor,
    mixolydian is major), as key profiles know only two modes.

Metrics:
    :func:`weighted_score`: 1 for the same key, 0.5 for a perfect fifth above in the same mode, 0.3 for the relative,
    0.2 for the parallel key, else 0. Equal to ``mir_eval.key.weighted_score`` (0.8).

References:
    MIREX "Audio Key Detection"; Raffel et al., "mir_eval", ISMIR 2014.
"""

from __future__ import annotations

from partimento.score.timing import Key

RELATIONS = ("same", "fifth", "relative", "parallel", "other")
_WEIGHTS = {"same": 1.0, "fifth": 0.5, "relative": 0.3, "parallel": 0.2, "other": 0.0}


def relation(reference: Key, estimate: Key) -> str:
    """One of :data:`RELATIONS`; ``fifth`` is one-sided: the estimate lies a fifth above."""
    distance = (estimate.tonic - reference.tonic) % 12
    if reference.is_minor == estimate.is_minor:
        return {0: "same", 7: "fifth"}.get(distance, "other")
    if distance == (3 if reference.is_minor else 9):
        return "relative"
    return "parallel" if distance == 0 else "other"


def weighted_score(reference: Key, estimate: Key) -> float:
    """MIREX weight of the :func:`relation`, 0 to 1."""
    return _WEIGHTS[relation(reference, estimate)]


def evaluate(reference: Key, estimate: Key) -> dict[str, float]:
    """All scores of this file by name (``key``)."""
    return {"key": weighted_score(reference, estimate)}
