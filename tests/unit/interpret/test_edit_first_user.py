"""Whole sentences of a first user: endings that slow down, sides with their own adverbs, named places, what "only" has said."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import Region

CLOSING = Region("last_bars", 4.0)


def _first(words):
    return read_edit(words)[0].operations


@pytest.mark.parametrize(
    "words",
    [
        "end with a ritardando", "repeat the last chorus once more, then end with a ritardando", "slow down at the end",
        "rit. at the end", "finish with a rallentando", "ritardando", "结尾渐慢", "重复最后一段副歌，最后渐慢",
        "in the intro add strings, then end with a ritardando",
    ],
)  # fmt: skip
def test_a_closing_ritardando_slows_the_closing_bars_only(words):
    found = _first(words)[-1]
    assert (found.op, found.region, found.amount, found.value) == ("set_tempo", CLOSING, 0.8, "gradually")


@pytest.mark.parametrize("words", ["gradually slow down the whole piece", "slower", "10 bpm slower", "a ritardando throughout"])
def test_other_slowing_stays_where_it_was(words):
    assert _first(words)[-1].region.kind == "all"


def test_a_ritardando_in_a_place_stays_there():
    assert _first("ritardando in bars 7 to 8")[0].region == Region("bars", 7.0, 8.0)
    assert _first("in the bridge, ritardando")[0].region.name == "bridge"


@pytest.mark.parametrize(
    ("words", "amounts"),
    [
        ("pan the guitar hard left and the piano slightly right", [-1.0, 0.3]),
        ("pan the guitar slightly left and the piano hard right", [-0.3, 1.0]),
        ("pan the piano a bit left, strings all the way to the right", [-0.3, 1.0]),
        ("pan the guitar 40% left and the piano 20% right", [-0.4, 0.2]),
        ("pan the guitar to the left and the piano fully right", [-0.6, 1.0]),
        ("吉他稍微靠左，钢琴靠最右", [-0.3, 1.0]), ("把吉他完全放到左边，钢琴稍微靠右", [-1.0, 0.3]),
    ],
)  # fmt: skip
def test_an_adverb_belongs_to_its_own_side(words, amounts):
    plan = read_edit(words)[0]
    assert [(o.op, o.amount) for o in plan.operations] == [("pan", a) for a in amounts]
    assert not plan.unknown


def test_halfway_to_a_side_is_no_place():
    (found,) = _first("pan the piano halfway right")
    assert (found.amount, found.region.kind) == (0.5, "all")
    with pytest.raises(RequestError, match="0 to 100"):
        _first("pan the guitar 40% left and the piano 200% right")


@pytest.mark.parametrize(
    ("words", "region", "value"),
    [
        ("let the ending breathe", CLOSING, "calmer"), ("make the ending calmer", CLOSING, "calmer"),
        ("warm up the ending", CLOSING, "warmer"), ("让结尾舒缓一点", CLOSING, "calmer"),
        ("let the intro breathe", Region("section", name="intro"), "calmer"),
        ("let the last chorus breathe", Region("section", name="chorus", which=-1), "calmer"),
    ],
)  # fmt: skip
def test_a_named_place_in_a_vague_wish_is_its_region(words, region, value):
    (found,) = _first(words)
    assert (found.region, found.value) == (region, value)


@pytest.mark.parametrize(
    "words",
    [
        "前奏只要吉他，其他乐器都不要", "前奏只要吉他，其他都不要", "only the guitar in the intro, no other instruments",
        "the intro should be guitar only, no other instruments", "only guitar in the intro, nothing else",
    ],
)  # fmt: skip
def test_the_rest_is_out_by_only_already(words):
    (found,) = _first(words)
    assert (found.op, found.targets, found.region.name) == ("extract", ("guitar",), "intro")


def test_what_is_taken_out_elsewhere_is_still_a_wish():
    found = _first("only the guitar in the intro, no drums in the outro")
    assert [o.region.name for o in found] == ["intro", "outro"]


@pytest.mark.parametrize(
    ("words", "target"),
    [("drums should groove more", "drums"), ("the drums should groove harder", "drums"), ("more groove", "all"),
     ("更有律动", "all"), ("让鼓更有律动", "drums")],
)  # fmt: skip
def test_more_groove_is_more_energy(words, target):
    (found,) = _first(words)
    assert (found.op, found.value, found.targets) == ("dynamics", "more_energy", (target,))
