"""Slips of the tongue, waits, amounts with measure words: what an instruction is about after all."""

from __future__ import annotations

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation


def _only(words: str) -> EditOperation:
    (operation,) = read_edit(words)[0].operations
    return operation


@pytest.mark.parametrize(
    ("words", "op", "targets", "amount", "unit"),
    [
        ("小提琴压低四个dB", "gain", ("violin",), -4.0, "dB"),
        ("把鼓往下压两个半dB", "gain", ("drums",), -2.5, "dB"),
        ("bass up a couple of dB", "gain", ("bass",), 2.0, "dB"),
        ("提速到每分钟132拍", "set_tempo", ("all",), 132.0, "bpm"),
        ("再快8拍", "set_tempo", ("all",), 8.0, "bpm_change"),
        ("慢5拍", "set_tempo", ("all",), -5.0, "bpm_change"),
        ("人声太小了", "gain", ("voice",), 3.0, "dB"),
        ("人声太大了", "gain", ("voice",), -3.0, "dB"),
        ("鼓有点小", "gain", ("drums",), 1.5, "dB"),
        ("boost the sub... I mean the bass, by 3 dB", "gain", ("bass",), 3.0, "dB"),
        ("raise the guitar... I mean the piano, by 2 dB", "gain", ("piano",), 2.0, "dB"),
        ("把小提琴，我是说中提琴，调小2dB", "gain", ("viola",), -2.0, "dB"),
        ("piano up 3 dB, sorry, 4 dB", "gain", ("piano",), 4.0, "dB"),
        ("turn the bass up, I mean down", "gain", ("bass",), -3.0, "dB"),
        ("去掉鼓。还是算了，鼓留着，小声一点", "gain", ("drums",), -1.5, "dB"),
        ("delete the strings. no, leave them, just take them down 3 dB", "gain", ("strings",), -3.0, "dB"),
        ("ease it in over 4 s", "fade", ("all",), 4.0, "s"),
        ("let the choir come in over four bars", "fade", ("choir",), 4.0, "bars"),
        ("let it die away over the final 8 seconds", "fade", ("all",), 8.0, "s"),
        ("fade out the strings at the end, 6 seconds", "fade", ("strings",), 6.0, "s"),
    ],
)
def test_how_much_of_what(words: str, op: str, targets: tuple[str, ...], amount: float, unit: str) -> None:
    o = _only(words)
    assert (o.op, o.targets, o.amount, o.unit) == (op, targets, amount, unit)


@pytest.mark.parametrize(
    ("words", "op", "part", "kind", "name"),
    [
        ("can we have a viola come in after the harp", "add", "viola", "after", "harp"),
        ("中提琴在竖琴之后进来", "add", "viola", "after", "harp"),
        ("等钢琴进来以后再加弦乐", "add", "strings", "after", "piano"),
        ("bring in the horns right after the bass", "add", "brass", "after", "bass"),
        ("add a flute after the guitar solo", "add", "flute", "after", "solo"),
        ("鼓先别出来，等吉他进来以后再打", "mute_region", "drums", "before", "guitar"),
        ("wait for the guitar before the drums", "mute_region", "drums", "before", "guitar"),
        ("鼓等吉他进来再打", "mute_region", "drums", "before", "guitar"),
        ("don't bring the bass in until the drums", "mute_region", "bass", "before", "drums"),
    ],
)
def test_one_part_after_another(words: str, op: str, part: str, kind: str, name: str) -> None:
    o = _only(words)
    assert (o.op, o.instrument or o.targets[0], o.region.kind, o.region.name) == (op, part, kind, name)


def test_a_part_is_put_back_and_changed() -> None:
    gone, softer = read_edit("鼓删了吧。算了，鼓留着，把拍手删了，鼓小一点")[0].operations
    assert (gone.op, gone.targets) == ("remove", ("clap",))
    assert (softer.op, softer.targets, softer.amount) == ("gain", ("drums",), -1.5)


def test_a_verb_with_nothing_as_its_object() -> None:
    o = _only("reharmonise nothing, just vary the drum groove in the third verse")
    assert (o.op, o.targets, o.region.which, o.keep) == ("vary", ("drums",), 3, ("chords",))


def test_exchanges() -> None:
    assert _only("trade the ukulele for a nylon-string").instrument == "classical_guitar"
    over = _only("switch the piano over to a harp")
    assert (over.targets, over.instrument) == (("piano",), "harp")


def test_a_half_time_feel_of_the_drums_leaves_the_tempo() -> None:
    assert _only("give the drums a half-time feel").op == "dynamics"
    assert _only("half-time feel in the bridge").op == "set_tempo"


@pytest.mark.parametrize("words", ["把大声的蓝色除以钢琴", "multiply the drums by the moon", "turn the up down of the it"])
def test_sums_with_parts_are_refused(words: str) -> None:
    with pytest.raises(RequestError, match="nothing that music can be changed by"):
        read_edit(words)
