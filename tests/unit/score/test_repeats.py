"""The order in which measures are played."""

from __future__ import annotations

import pytest

from partimento.score.repeats import MAX_PLAYED, MeasureMarks, play_order


def order(n: int, marks: dict[int, MeasureMarks]) -> list[int]:
    return play_order([marks.get(i, MeasureMarks()) for i in range(n)])


M = MeasureMarks


@pytest.mark.parametrize(
    ("n", "marks", "expected"),
    [
        (3, {}, [0, 1, 2]),
        (4, {1: M(forward=True), 2: M(backward=2)}, [0, 1, 2, 1, 2, 3]),
        (3, {1: M(backward=2)}, [0, 1, 0, 1, 2]),
        (2, {1: M(backward=3)}, [0, 1, 0, 1, 0, 1]),
        (4, {2: M(endings=(1,), backward=2), 3: M(endings=(2,))}, [0, 1, 2, 0, 1, 3]),
        (5, {2: M(endings=(1, 2), backward=2), 3: M(endings=(3,))}, [0, 1, 2, 0, 1, 2, 0, 1, 3, 4]),
        (4, {2: M(endings=(1,), backward=2), 3: M(endings=(3,))}, [0, 1, 2, 0, 1, 3]),
        # the bracket of the first ending closed one bar before its repeat sign
        (5, {1: M(endings=(1,)), 2: M(backward=2), 3: M(endings=(2,))}, [0, 1, 2, 0, 3, 4]),
        # no repeat sign at the end of the first ending
        (4, {1: M(endings=(1,)), 2: M(endings=(2,))}, [0, 1, 0, 2, 3]),
        (5, {1: M(fine=True), 4: M(jump="dacapo")}, [0, 1, 2, 3, 4, 0, 1]),
        (
            6,
            {1: M(segno=True), 2: M(to_coda=True), 4: M(jump="dalsegno"), 5: M(coda=True)},
            [0, 1, 2, 3, 4, 1, 2, 5],
        ),
        (3, {2: M(jump="dalsegno")}, [0, 1, 2]),
        (
            6,
            {
                1: M(endings=(1,), fine=True, backward=2),
                2: M(endings=(2,)),
                3: M(forward=True),
                4: M(endings=(1,), backward=2),
                5: M(endings=(2,), jump="dacapo"),
            },
            [0, 1, 0, 2, 3, 4, 3, 5, 0, 1],
        ),
    ],
)
def test_play_order(n, marks, expected):
    assert order(n, marks) == expected


def test_absurd_repeats_fall_back_to_the_page():
    n = MAX_PLAYED // 3
    assert order(n, {n - 1: M(backward=4)}) == list(range(n))
