"""Left and right, parts that change places, sections and bars that go or come again; what is no music is refused."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import Region
from partimento.styles import style, style_ids


def _first(words: str):
    return read_edit(words)[0].operations


@pytest.mark.parametrize(
    ("words", "targets", "amount"),
    [
        ("pan the guitar left", ("guitar",), -0.6), ("pan the guitar hard left", ("guitar",), -1.0),
        ("pan the piano 30% right", ("piano",), 0.3), ("move the piano to the right side", ("piano",), 0.6),
        ("pan the strings a bit to the right", ("strings",), 0.3), ("centre the vocals", ("voice",), 0.0),
        ("吉他放左边", ("guitar",), -0.6), ("把钢琴放到右边", ("piano",), 0.6), ("吉他往左一点", ("guitar",), -0.3),
        ("钢琴声像往右30%", ("piano",), 0.3), ("贝斯放中间", ("bass",), 0.0),
    ],
)  # fmt: skip
def test_parts_go_to_a_side(words, targets, amount):
    (found,) = _first(words)
    assert (found.op, found.targets, found.amount, found.unit) == ("pan", targets, amount, "position")
    assert found.region == Region()


def test_each_side_has_its_own_parts():
    left, right = _first("put the guitar on the left and the piano on the right")
    assert (left.targets, left.amount, right.targets, right.amount) == (("guitar",), -0.6, ("piano",), 0.6)


@pytest.mark.parametrize(
    "words",
    ["let piano and guitar swap", "swap the piano and the guitar", "let the piano and the guitar trade parts", "钢琴和吉他互换",
     "piano and guitar swap roles", "让钢琴和吉他交换声部"],
)  # fmt: skip
def test_two_parts_change_places(words):
    (found,) = _first(words)
    assert (found.op, found.targets) == ("trade", ("piano", "guitar"))


def test_one_for_the_other_is_still_an_exchange():
    assert [(o.op, o.instrument) for o in _first("swap the piano for a guitar")] == [("replace", "guitar")]
    assert [(o.op, o.instrument) for o in _first("replace the strings with a brass section")] == [("replace", "brass")]
    assert [(o.op, o.instrument) for o in _first("replace the piano with a string quartet")] == [("replace", "strings")]


CHORUS, BRIDGE = Region("section", name="chorus"), Region("section", name="bridge")


@pytest.mark.parametrize(
    ("words", "op", "region", "to"),
    [
        ("repeat the chorus at the end", "copy", CHORUS, Region("last_bars", 4.0)),
        ("结尾再来一遍副歌", "copy", CHORUS, Region("last_bars", 4.0)),
        ("move the bridge before the last chorus", "move", BRIDGE, Region("before", name="chorus", which=-1)),
        ("put the bridge after the second chorus", "move", BRIDGE, Region("after", name="chorus", which=2)),
        ("把桥段移到最后一个副歌前面", "move", BRIDGE, Region("before", name="chorus", which=-1)),
        ("move the chorus to the beginning", "move", CHORUS, Region("first_bars", 4.0)),
        ("start with the chorus", "move", CHORUS, Region("first_bars", 4.0)),
        ("把副歌移到开头", "move", CHORUS, Region("first_bars", 4.0)),
        ("copy bars 1 to 4 to bar 9", "copy", Region("bars", 1.0, 4.0), Region("before", 9.0)),
        ("把前奏复制到结尾", "copy", Region("section", name="intro"), Region("last_bars", 4.0)),
    ],
)
def test_sections_go_and_come_again(words, op, region, to):
    (found,) = _first(words)
    assert (found.op, found.region, found.to) == (op, region, to)


def test_times_over_and_cuts_are_as_before():
    assert [(o.op, o.amount) for o in _first("play the verse twice")] == [("extend", 2.0)]
    assert [(o.op, o.amount) for o in _first("主歌来三遍")] == [("extend", 3.0)]
    assert [(o.op, o.region) for o in _first("cut bars 5 to 8")] == [("trim", Region("bars", 5.0, 8.0))]


@pytest.mark.parametrize("words", ["from the second chorus on, add strings", "从第二段副歌开始加弦乐"])
def test_from_a_section_on_reaches_the_end(words):
    assert _first(words)[0].region == Region("from", name="chorus", which=2)


def test_only_from_a_section_on_is_silent_before():
    (found,) = _first("drums only from the second chorus on")
    assert (found.op, found.region) == ("mute_region", Region("before", name="chorus", which=2))


def test_everyone_again_needs_nothing():
    for words in ("first half only guitar, second half everyone", "前半段只要吉他，后半段一起来"):
        assert [(o.op, o.region.kind, o.region.end) for o in _first(words)] == [("extract", "fraction", 0.5)]


@pytest.mark.parametrize(
    "words", ["hold the last chord", "fermata at the end", "let the last chord ring", "最后一个和弦延长一点"]
)
def test_the_last_chord_is_held(words):
    (found,) = _first(words)
    assert (found.op, found.value, found.unit) in {("dynamics", "held", ""), ("dynamics", "held", "factor")}


def test_a_general_rest_is_one_bar():
    (found,) = _first("general pause before the chorus")
    assert (found.op, found.region) == ("mute_region", Region("before", 1.0, name="chorus"))


def test_every_style_can_be_asked_for():
    for id_ in style_ids():
        for words in (f"turn it into {style(id_).en}", f"改成{style(id_).zh}"):
            assert any(o.op == "restyle" and o.value == id_ for o in _first(words)), words


@pytest.mark.parametrize(
    "words",
    ["slow down time itself", "make the piano taste like blue", "把时间变慢", "让钢琴尝起来像蓝色", "make it faster than light",
     "let the bass smell of coffee", "pan the sandwich left", "move the sofa before the last chorus", "swap the moon and the sun",
     "repeat the homework"],
)  # fmt: skip
def test_what_is_no_music_is_refused_with_what_can_be_asked(words):
    with pytest.raises(RequestError, match="say what to change"):
        read_edit(words)
