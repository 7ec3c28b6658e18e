import numpy as np
import pytest

from partimento.errors import RequestError
from partimento.metrics.subsequence_alignment import best_occurrence


def frames(n, seed=0, width=12):
    rows = np.random.default_rng(seed).normal(size=(n, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow(query, reference):
    """The recursion as it is written in the textbook."""
    distance = 1 - query @ reference.T
    total = np.full(distance.shape, np.inf)
    total[0] = distance[0]
    for i in range(1, len(query)):
        for j in range(len(reference)):
            ways = [total[i - 1, j - 1] if j >= 1 else np.inf, total[i - 1, j - 2] if j >= 2 else np.inf]
            ways.append(total[i - 2, j - 1] + distance[i - 1, j] if i >= 2 and j >= 1 else np.inf)
            total[i, j] = min(ways) + distance[i, j]
    return max(0.0, total[-1].min() / len(query))


def test_an_excerpt_is_found_where_it_is():
    reference = frames(200)
    found = best_occurrence(reference[50:90], reference)
    assert found.cost == pytest.approx(0, abs=1e-6)
    assert (found.query_start, found.start, found.end) == (0, 50, 90)


def test_a_stretch_inside_a_query_is_found():
    reference = frames(200)
    query = np.concatenate([frames(37, 1), reference[120:160], frames(30, 2)])
    found = best_occurrence(query, reference, window=40, hop=1)
    assert found.cost == pytest.approx(0, abs=1e-6)
    assert (found.query_start, found.start) == (37, 120)


def test_half_and_double_tempo_are_found():
    reference = np.repeat(frames(80), 4, axis=0)
    for stretched in (reference[80:240:2], np.repeat(reference[80:160], 2, axis=0)):
        assert best_occurrence(stretched, reference).cost < 0.06
    assert best_occurrence(frames(80, 9), reference).cost > 0.4


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_textbook_recursion(seed):
    query, reference = frames(9, seed), frames(25, seed + 50)
    assert best_occurrence(query, reference).cost == pytest.approx(slow(query, reference), abs=1e-5)


def test_short_references_and_bad_input():
    assert best_occurrence(frames(20), frames(3, 1)).cost == 2
    assert best_occurrence(frames(1), frames(1)).cost == pytest.approx(0, abs=1e-6)
    with pytest.raises(RequestError, match="needed"):
        best_occurrence(frames(5), frames(5, width=3))
    with pytest.raises(RequestError, match="finite"):
        best_occurrence(np.full((3, 12), np.nan), frames(5))
    with pytest.raises(RequestError, match="window 0"):
        best_occurrence(frames(5), frames(5), window=0)
