"""All parts of a named instrument are meant, unless one of them is named itself."""

import pytest

from partimento.interpret.edit_reader import read_edit

_TRACKS = ("electric guitar", "electric guitar accompaniment", "bass", "drums")
_BOTH = ("electric_guitar", "electric guitar accompaniment")


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        ("把电吉他换成原声吉他", _BOTH),
        ("swap the electric guitar for a piano", _BOTH),
        ("make the electric guitar warmer", _BOTH),
        ("only the electric guitar", _BOTH),
        ("remove the electric guitar accompaniment", _BOTH[1:]),
        ("去掉电吉他伴奏", _BOTH[1:]),
        ("remove the electric guitar and the electric guitar accompaniment", _BOTH),
        ("remove the bass", ("bass",)),
        ("make the accompaniment softer", ("chords",)),
    ],
)
def test_parts_of_an_instrument(words, targets):
    assert read_edit(words, _TRACKS)[0].operations[0].targets == targets


def test_without_such_a_part_nothing_is_added():
    assert read_edit("swap the electric guitar for a piano", ("electric guitar", "bass"))[0].operations[0].targets == _BOTH[:1]


def test_a_numbered_part_that_stays_is_said():
    plan = read_edit("swap the piano for a harp", ("piano", "piano 2", "bass"))[0]
    assert any("piano 2 stays as it is" in remark for remark in plan.remarks)
    assert not read_edit("swap the piano for a harp", ("piano", "bass"))[0].remarks
