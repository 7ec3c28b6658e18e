"""Key weights and tempo accuracy agree with mir_eval."""

import pytest

from partimento.metrics import key_score, tempo_accuracy
from partimento.score.timing import PITCH_NAMES_SHARP, Key


def test_key_score_equals_mir_eval_for_all_pairs() -> None:
    mir_eval = pytest.importorskip("mir_eval")
    keys = [Key(tonic, mode) for tonic in range(12) for mode in ("major", "minor")]
    for reference in keys:
        for estimate in keys:
            theirs = mir_eval.key.weighted_score(*(f"{PITCH_NAMES_SHARP[k.tonic]} {k.mode}" for k in (reference, estimate)))
            assert key_score.weighted_score(reference, estimate) == theirs


def test_church_modes_count_by_their_third() -> None:
    assert key_score.evaluate(Key(2, "dorian"), Key(2, "minor")) == {"key": 1.0}
    assert key_score.relation(Key(7, "mixolydian"), Key(4, "minor")) == "relative"


def test_tempo_accuracy_and_levels() -> None:
    assert tempo_accuracy.evaluate(100.0, 103.0)["accuracy1"] == 1.0
    assert tempo_accuracy.accuracy1(100.0, 200.0) == 0.0
    assert tempo_accuracy.accuracy2(100.0, 200.0) == 1.0
    assert tempo_accuracy.accuracy2(100.0, 130.0) == 0.0
    bpm, factor = tempo_accuracy.folded(92.0, 185.0)
    assert (bpm, factor) == (92.5, 2.0)


@pytest.mark.parametrize(("reference", "estimate", "tolerance"), [(0.0, 1.0, 0.1), (1.0, float("nan"), 0.1), (1.0, 1.0, 2.0)])
def test_bad_tempi_are_refused(reference: float, estimate: float, tolerance: float) -> None:
    with pytest.raises(ValueError):
        tempo_accuracy.validate(reference, estimate, tolerance)


def test_detection_equals_mir_eval() -> None:
    mir_eval = pytest.importorskip("mir_eval")
    import numpy as np

    for estimate in (100.0, 107.9, 108.1, 50.0):
        _, one, _ = mir_eval.tempo.detection(np.array([100.0, 0.0]), 1.0, np.array([estimate, estimate]))
        assert tempo_accuracy.accuracy1(100.0, estimate, 0.08) == float(one)
