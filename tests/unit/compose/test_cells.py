from __future__ import annotations

import pytest

from partimento.compose import cells
from partimento.compose.cells import UNITS, beats_of, group_of, nearest_cell, read_cell, vocabulary
from partimento.score.timing import Metre


@pytest.mark.parametrize(
    ("metre", "lengths", "places"),
    [
        (Metre(4, 4), [1, 1, 1, 1], [0, 2, 1, 3]),
        (Metre(3, 4), [1, 1, 1], [0, 2, 3]),
        (Metre(2, 2), [1, 1, 1, 1], [0, 2, 1, 3]),
        (Metre(6, 8), [1.5, 1.5], [0, 3]),
        (Metre(7, 8), [1, 1, 1.5], [0, 2, 3]),
        (Metre(12, 8), [1.5] * 4, [0, 2, 1, 3]),
        (Metre(5, 4), [1] * 5, [0, 2, 2, 2, 3]),
    ],
)
def test_beats_fill_the_bar(metre, lengths, places):
    beats = beats_of(metre)
    assert [b.quarters for b in beats] == lengths
    assert [b.place for b in beats] == places
    assert sum(b.quarters for b in beats) == metre.bar_quarters


def test_cells_are_read_from_notes():
    notes = [(0.0, 0.5), (0.5, 1.75), (2.0, 2.25)]
    assert read_cell(notes, 0.0, 1.0) == "x-----x-----"
    assert read_cell(notes, 1.0, 1.0) == "---------..."
    assert read_cell(notes, 2.0, 1.0) == "x--........."


@pytest.mark.parametrize(
    ("cell", "group"),
    [
        ("------------", cells.HOLD),
        ("............", cells.REST),
        ("x-----------", cells.LONG),
        ("x-----......", cells.SHORT),
        ("x-----x-----", cells.PAIR),
        ("x--------x--", cells.DOTTED),
        ("x---x---x---", cells.TRIPLET),
        ("x--x--x--x--", cells.MANY),
        ("------x-----", cells.OFFBEAT),
        ("......x-----", cells.UPBEAT),
    ],
)
def test_families(cell, group):
    assert group_of(cell) == group


def test_vocabulary_knows_how_cells_begin_and_end():
    words = vocabulary(("x-----......", "------x-----", "......x-----", "............"))
    assert words.needs_sound.tolist() == [False, True, False, False]
    assert words.ends_sounding.tolist() == [False, True, True, False]
    assert words.events == (((0, True), (6, False)), ((6, True),), ((0, False), (6, True)), ((0, False),))
    assert words.unheld[1] == 2  # silence in the place of the held half


def test_rare_cells_go_to_a_similar_one():
    words = ("x-----------", "x-----x-----", "............")
    assert (
        words[nearest_cell("x------x----", words)] == "x-----x-----"
        or words[nearest_cell("x------x----", words)] == "x-----------"
    )
    assert words[nearest_cell("." * UNITS, words)] == "............"
