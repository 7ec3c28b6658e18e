"""Order in time."""

import pytest

from partimento.interpret import read


def _pairs(text: str) -> set[tuple[str, str]]:
    return {(o.first, o.then) for o in read(text).orders}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("starts with piano, then drums enter", {("piano", "drums")}),
        ("starts with piano, then drums enter, and halfway the choir joins", {("piano", "drums"), ("drums", "choir")}),
        ("piano first, followed by strings", {("piano", "strings")}),
        ("Someone plays the guitar and then a trumpet comes in", {("guitar", "trumpet")}),
        ("Initially there is a pad. Then drums and bass start playing", {("synth_pad", "drums"), ("synth_pad", "bass")}),
        ("ends with solo flute", {("*", "flute")}),
        ("guitar and bass; at the very end there is a cymbal crash", {("*", "drums")}),
        ("strings come in after the piano", {("piano", "strings")}),
        ("a choir before a single voice takes over", {("choir", "voice")}),
        ("after 8 bars the bass comes in, piano plays chords", {("*", "bass")}),
        ("The drums are busy in the first half. In the second half the synth bass kicks in.", {("drums", "synth_bass")}),
        ("开头是古筝，笛子接着吹，后面二胡进来", {("guzheng", "dizi"), ("dizi", "erhu")}),
        ("木吉他先弹一段，第二段再加入弦乐", {("acoustic_guitar", "strings")}),
        ("钢琴，最后只剩口琴", {("*", "harmonica")}),
        ("邦戈鼓，后半段小号加进来", {("bongo", "trumpet")}),
        ("先只有大提琴，8小节之后全体爆发，铜管和定音鼓要猛", {("cello", "brass"), ("cello", "timpani")}),
    ],
)
def test_orders(text: str, pairs: set[tuple[str, str]]) -> None:
    assert _pairs(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "the song features piano, followed by drums and bass",
        "when the voices start to sing, the accordions play the melody",
        "the kick is on the first and second counts",
        "a choir at the end of a phrase with piano",
        "it is joined by percussion and piano",
        "音乐慢慢进来",
        "加入小提琴和钢琴",
        "再来点滑棒吉他和班卓琴",
        "先锋爵士，钢琴和鼓",
    ],
)
def test_no_order(text: str) -> None:
    assert _pairs(text) == set()


@pytest.mark.parametrize(
    ("text", "kind", "unit", "amount"),
    [
        ("piano; after 8 bars the bass comes in", "enter", "bars", 8),
        ("piano; at bar 9 the bass comes in", "enter", "bars", 8),
        ("piano; halfway the choir joins", "enter", "fraction", 0.5),
        ("钢琴，二十秒的时候琵琶进来", "enter", "seconds", 20),
        ("piano and drums, drums drop out in the last 4 bars", "leave", "bars", -4),
        ("piano, strings in the chorus", "during", "section", 0),
        ("guitar solo in the bridge", "solo", "section", 0),
        ("piano and drums, in the second half only piano", "only", "fraction", 0.5),
    ],
)
def test_places(text: str, kind: str, unit: str, amount: float) -> None:
    passages = read(text).passages
    assert (kind, unit, amount) in [(p.kind, p.where.unit, p.where.amount) for p in passages]


def test_negated_instruments_take_no_part() -> None:
    assert _pairs("starts with piano, then strings enter, no drums") == {("piano", "strings")}
