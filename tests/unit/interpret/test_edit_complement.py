"""Places that are left out, and stops of so many beats or bars before a section."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation, Region

REST = Region("except", name="chorus")


def _only(words: str) -> EditOperation:
    operations = read_edit(words)[0].operations
    assert len(operations) == 1
    return operations[0]


@pytest.mark.parametrize(
    ("words", "region"),
    [
        ("drums quieter except in the chorus", REST), ("remove the drums everywhere but the chorus", REST),
        ("drums louder, but not in the chorus", REST), ("drums louder outside the chorus", REST), ("除了副歌，鼓小声一点", REST),
        ("make the drums brighter except in bars 5 to 8", Region("except", 5, 8)),
        ("drums louder except in the last four bars", Region("except", -4)),
        ("drums louder except for the first four bars", Region("bars", 5)),
        ("drums louder except in the second half", Region("fraction", 0, 0.5)),
        ("drums louder except in the second chorus", Region("except", name="chorus", which=2)),
    ],
)  # fmt: skip
def test_all_but_a_place(words: str, region: Region) -> None:
    found = _only(words)
    assert (found.targets, found.region) == (("drums",), region)


@pytest.mark.parametrize("words", ["add strings except in the chorus", "add strings but not in the chorus", "加弦乐，但副歌不要"])
def test_what_comes_in_is_silent_there(words: str) -> None:
    operations = read_edit(words)[0].operations
    assert [(o.op, o.region) for o in operations] == [("add", Region()), ("mute_region", Region("section", name="chorus"))]


def test_several_places_are_left_out_at_once() -> None:
    for words in ("piano louder except in the intro and the outro", "除了前奏和尾奏，钢琴都大声一点"):
        places = (Region("section", name="intro"), Region("section", name="outro"))
        assert _only(words).region == Region("except", others=places)


@pytest.mark.parametrize(
    "words",
    ["drums louder in the second half but not in the chorus",
     "add strings in bars 1-8, but not in bar 3"],
)  # fmt: skip
def test_more_than_one_place_left_out_is_refused(words: str) -> None:
    with pytest.raises(RequestError, match=r"one place|two places"):
        read_edit(words)


@pytest.mark.parametrize(
    ("words", "targets", "region"),
    [
        ("stop before the last chorus for one beat", ("all",), Region("before", end=1, name="chorus", which=-1)),
        ("mute everything for one bar before the chorus", ("all",), Region("before", 1, name="chorus")),
        ("a one-beat stop before the chorus", ("all",), Region("before", end=1, name="chorus")),
        ("mute the drums for two beats before the chorus", ("drums",), Region("before", end=2, name="chorus")),
        ("在副歌前停一拍", ("all",), Region("before", end=1, name="chorus")),
        ("mute the drums for two bars from bar 5", ("drums",), Region("bars", 5, 6)),
        ("stop for a bar before bar 9", ("all",), Region("bars", 8, 8)),
    ],
)
def test_a_stop_before_something(words: str, targets: tuple[str, ...], region: Region) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.region) == ("mute_region", targets, region)


@pytest.mark.parametrize("words", ["stop for one beat", "mute the drums for four bars", "stop in the chorus for one beat"])
def test_a_stop_nowhere_is_refused(words: str) -> None:
    with pytest.raises(RequestError, match="before which"):
        read_edit(words)
