"""How much of a wish: more and less of a feel or a sound that is named as a noun, and a passage once more."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit

PARTS = ("piano", "electric guitar", "bass", "drums")


def _only(words):
    plan = read_edit(words, PARTS)[0]
    assert len(plan.operations) == 1, words
    assert plan.unknown == (), words
    return plan.operations[0]


@pytest.mark.parametrize("verb", ["来", "弹", "唱", "放", "演奏", "重复", "循环"])
@pytest.mark.parametrize("count", ["一遍", "一次", "遍"])
@pytest.mark.parametrize(("section", "name"), [("副歌", "chorus"), ("主歌", "verse"), ("前奏", "intro")])
def test_a_section_once_more_in_chinese_in_either_order(verb, count, section, name):
    for words in (f"再{verb}{count}{section}", f"{section}再{verb}{count}", f"把{section}再{verb}{count}"):
        done = _only(words)
        assert (done.op, done.region.name, done.amount, done.unit) == ("extend", name, 2.0, "factor"), words


@pytest.mark.parametrize(
    ("words", "op"),
    [
        ("再来一个副歌", "extend"),
        ("再来一段副歌", "extend"),
        ("another chorus please", "extend"),
        ("one more chorus", "extend"),
        ("结尾再来一次副歌", "copy"),
        ("桥段前再来一遍副歌", "copy"),
        ("one more chorus at the end", "copy"),
    ],
)
def test_a_section_once_more_here_or_elsewhere(words, op):
    done = _only(words)
    assert (done.op, done.region.name) == (op, "chorus")


@pytest.mark.parametrize("words", ["每次副歌贝斯大声一点", "每一次副歌贝斯大声一点", "第二次副歌贝斯大声一点"])
def test_every_time_is_a_place(words):
    done = _only(words)
    assert (done.op, done.region.name, done.targets) == ("gain", "chorus", ("bass",))


@pytest.mark.parametrize("words", ["再来一个吉他", "再加一段弦乐"])
def test_one_more_part_is_added(words):
    assert _only(words).op == "add"


@pytest.mark.parametrize(
    ("words", "value", "amount"),
    [
        *(
            (f"{how} swing", "swing", 0.5)
            for how in ("a bit more", "a little more", "slightly more", "just a hint of", "a bit of")
        ),
        *((f"{how} swing", "swing", 1.5) for how in ("a lot more", "much more", "lots of")),
        *(
            (f"{how} swing", "swing", None)
            for how in ("more", "some more", "extra", "not enough", "it needs more", "increase the")
        ),
        *(
            (f"{how} swing", "straight", None)
            for how in ("less", "too much", "reduce the", "turn down the", "dial back the", "no")
        ),
        ("a bit less swing", "straight", 0.5),
        ("dial the swing back a bit", "straight", 0.5),
        ("a bit more shuffle", "swing", 0.5),
        ("take the swing out", "straight", None),
        ("stop swinging", "straight", None),
        ("a bit straighter", "straight", 0.5),
        ("更摇摆一点", "swing", 0.5),
        ("摇摆感强一点", "swing", 0.5),
        ("摇摆感再强一些", "swing", 0.5),
        ("多一点摇摆", "swing", 0.5),
        ("摇摆多一点", "swing", 0.5),
        ("加强摇摆", "swing", None),
        ("不够摇摆", "swing", None),
        ("少一点摇摆", "straight", 0.5),
        ("摇摆少一点", "straight", 0.5),
        ("摇摆感弱一点", "straight", 0.5),
        ("减少摇摆", "straight", None),
        ("太摇摆了", "straight", None),
        ("不摇摆", "straight", None),
        ("取消摇摆感", "straight", None),
    ],
)
def test_more_and_less_swing(words, value, amount):
    done = _only(words)
    assert (done.op, done.targets, done.value, done.amount) == ("dynamics", ("all",), value, amount)


def test_swing_of_a_part_and_in_a_place():
    assert _only("a touch more swing on the drums").targets == ("drums",)
    assert _only("slightly more swing in the chorus").region.name == "chorus"
    assert _only("make the drums shuffle").targets == ("drums",)


@pytest.mark.parametrize("words", ["turn it into swing", "in swing style", "make it a swing tune", "swing version", "改成摇摆乐"])
def test_swing_as_a_style_stays_one(words):
    done = _only(words)
    assert (done.op, done.value) == ("restyle", "jazz")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("reduce the warmth", "brighter"),
        ("too much warmth", "brighter"),
        ("turn the warmth down", "brighter"),
        ("少一点温暖", "brighter"),
        ("减少温暖", "brighter"),
        ("tame the brightness", "darker"),
        ("亮度低一点", "darker"),
        ("亮度高一点", "brighter"),
        ("空间感弱一点", "drier"),
        ("空间感强一点", "spacious"),
        ("turn down the energy", "calmer"),
        ("way too much energy", "calmer"),
        ("reduce the harshness", "less_harsh"),
        ("reduce the mud", "less_muddy"),
        ("冲击力强一点", "punchier"),
        ("爵士味浓一点", "jazzier"),
        ("爵士味淡一点", "plainer"),
        ("a bit more jazz", "jazzier"),
    ],
)
def test_less_of_a_sound_points_the_other_way(words, value):
    assert _only(words).value == value


def test_how_much_of_a_groove_is_heard():
    assert _only("a bit more groove").amount == 0.5
    assert _only("a lot more groove").amount == 1.5


def test_another_bridge_is_not_the_whole_piece():
    with pytest.raises(RequestError, match="bridge"):
        read_edit("another bridge please", PARTS)
