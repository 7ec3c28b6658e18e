"""Lists of places are all meant; a place that is not understood is asked for and never becomes the whole piece."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import Region

FIRST, LAST = Region("first_bars", 1.0), Region("last_bars", 1.0)


def _verse(which: int) -> Region:
    return Region("section", name="verse", which=which)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("in the first and last bar, only piano", [FIRST, LAST]),
        ("only piano in the last and first bars", [LAST, FIRST]),
        ("第一小节和最后一小节只要钢琴", [FIRST, LAST]),
        ("in the first and last four bars, mute the drums", [Region("first_bars", 4.0), Region("last_bars", 4.0)]),
        ("at the beginning and the end, piano louder", [Region("first_bars", 4.0), Region("last_bars", 4.0)]),
        ("piano louder in the first and second verse", [_verse(1), _verse(2)]),
        ("第一和第二段主歌钢琴大声", [_verse(1), _verse(2)]),
        ("in bars 2 and 4 piano louder", [Region("bars", 2, 2), Region("bars", 4, 4)]),
        ("piano louder in bars 4, 5 and 9", [Region("bars", 4, 5), Region("bars", 9, 9)]),
        ("bars 1-4 and 9-12, drums louder", [Region("bars", 1, 4), Region("bars", 9, 12)]),
        ("第2、4小节钢琴大声", [Region("bars", 2, 2), Region("bars", 4, 4)]),
        ("piano louder between bars 2 and 4", [Region("bars", 2, 4)]),
    ],
)
def test_every_place_is_meant(words: str, places: list[Region]) -> None:
    assert [o.region for o in read_edit(words)[0].operations] == places


@pytest.mark.parametrize(
    "words",
    [
        "piano louder from 60 to 70", "drums louder 20 to 30",
        "piano louder at 45",
        "piano louder in the fourth thing",
        "make the piano louder in the next bar", "remove the drums in the last bit",
        "make the third note longer", "drums louder on the downbeats", "piano louder in the ritornello",
        "drums softer during the rap",
    ],
)  # fmt: skip
def test_a_place_that_is_not_understood_is_asked_for(words: str) -> None:
    with pytest.raises(RequestError, match=r"the place '.*' is not understood"):
        read_edit(words)


def test_numbers_of_a_place_are_no_tempo() -> None:
    found = read_edit("faster in bars 5 to 8")[0].operations[0]
    assert (found.unit, found.region) == ("factor", Region("bars", 5, 8))


@pytest.mark.parametrize("words", ["warmer like in the movies", "louder in the mix", "less harsh in the highs"])
def test_what_only_looks_like_a_place_is_none(words: str) -> None:
    assert read_edit(words)[0].operations[0].region == Region()
