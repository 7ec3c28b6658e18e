"""The chord overlap agrees with mir_eval on random annotations."""

import itertools

import numpy as np
import pytest

from partimento.metrics.chord_overlap import encode_label, evaluate, majmin_overlap, root_overlap, validate

LABELS = [
    "C:maj", "A:min", "F#:maj7", "Bb:7", "D:min7/b7", "G:sus4", "E:dim", "N", "X", "Ab:aug", "C:maj/3", "B:hdim7",
    "Db:min9", "F", "G:7(b9)", "A:min(*5)", "E:(1,5)", "D:13", "C:maj/9", "Eb:maj6/5",
]  # fmt: skip


def _annotation(rng: np.random.Generator, start: float, end: float, n: int) -> list[tuple[float, float, str]]:
    cuts = np.sort(np.concatenate([[start, end], rng.uniform(start, end, n - 1)]))
    return [(float(a), float(b), str(rng.choice(LABELS))) for a, b in itertools.pairwise(cuts)]


@pytest.mark.parametrize("seed", range(12))
def test_equals_mir_eval(seed: int) -> None:
    mir_eval = pytest.importorskip("mir_eval")
    rng = np.random.default_rng(seed)
    reference = _annotation(rng, 0.0, 30.0, 14)
    estimate = _annotation(rng, -1.0 if seed % 2 else 2.0, 27.0 if seed % 3 else 33.0, 17)
    estimate[5] = (estimate[5][0], estimate[5][1], reference[6][2])

    def arrays(spans: list[tuple[float, float, str]]) -> tuple[np.ndarray, list[str]]:
        return np.array([[a, b] for a, b, _ in spans]), [label for _, _, label in spans]

    theirs = mir_eval.chord.evaluate(*arrays(reference), *arrays(estimate))
    ours = evaluate(reference, estimate)
    assert ours["majmin"] == pytest.approx(theirs["majmin"], abs=1e-9)
    assert ours["root"] == pytest.approx(theirs["root"], abs=1e-9)


def test_identity_and_nothing_in_common() -> None:
    reference = [(0.0, 2.0, "C:maj"), (2.0, 4.0, "A:min7")]
    assert majmin_overlap(reference, reference) == 1.0
    assert majmin_overlap(reference, [(0.0, 4.0, "F#:min")]) == 0.0
    assert root_overlap(reference, [(0.0, 4.0, "C:min")]) == 0.5
    assert majmin_overlap(reference, []) == 0.0


def test_sevenths_count_as_their_triad_and_sus_is_left_out() -> None:
    assert majmin_overlap([(0.0, 1.0, "G:7")], [(0.0, 1.0, "G:maj")]) == 1.0
    assert majmin_overlap([(0.0, 1.0, "G:sus4"), (1.0, 2.0, "C")], [(0.0, 2.0, "C:maj")]) == 1.0


@pytest.mark.parametrize("label", ["H:maj", "C:foo", "C:maj/14", "", "C:maj(#15)"])
def test_bad_labels_are_refused(label: str) -> None:
    with pytest.raises(ValueError):
        encode_label(label)


def test_overlapping_spans_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        validate([(0.0, 2.0, "C"), (1.0, 3.0, "F")])
    with pytest.raises(ValueError, match="no chord spans"):
        majmin_overlap([], [])
