"""What must not be there."""

import pytest

from partimento.interpret import read


def _absent(text: str) -> set[str]:
    return {a.value for a in read(text).absent}


def _present(text: str) -> set[str]:
    return {i.instrument for i in read(text).instruments}


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("no drums or bass", {"drums", "bass"}),
        ("no drums, bass or vocals", {"drums", "bass", "voice"}),
        ("no drums and bass", {"drums", "bass"}),
        ("without any vocals", {"voice"}),
        ("instrumental", {"voice"}),
        ("an instrumental rock song", {"voice"}),
        ("a cappella", {"*"}),
        ("everything except drums", {"drums"}),
        ("everything but the drums", {"drums"}),
        ("drumless jazz", {"drums"}),
        ("only piano", {"*"}),
        ("nothing but guitar", {"*"}),
        ("piano only", {"*"}),
        ("just a piano", {"*"}),
        ("there are no other instruments", {"*"}),
        ("don't use drums", {"drums"}),
        ("avoid guitars", {"guitar"}),
        ("drums are not needed", {"drums"}),
        ("drum-free techno", {"drums"}),
        ("violin, but the drums should not play", {"drums"}),
        ("no lyrics", {"voice"}),
        ("free of percussion", {"percussion"}),
        ("beatless ambient", {"drums", "percussion"}),
        ("no instruments except piano", {"*"}),
        ("neither drums nor bass", {"drums", "bass"}),
        ("piano, not guitar", {"guitar"}),
        ("congas instead of drums", {"drums"}),
        ("没有鼓也没有贝斯", {"drums", "bass"}),
        ("不要鼓", {"drums"}),
        ("不要有鼓聲", {"drums"}),
        ("纯音乐", {"voice"}),
        ("无人声", {"voice"}),
        ("只要马林巴", {"*"}),
        ("除此之外不加别的", {"*"}),
        ("萨克斯就不用了", {"saxophone"}),
        ("弦乐一概不用", {"strings"}),
        ("无伴奏", {"*"}),
        ("别加电吉他", {"electric_guitar"}),
        ("没有任何节奏乐器", {"drums", "percussion"}),
        ("不要人声和弦乐", {"voice", "strings"}),
        ("除了钢琴什么都不要", {"*"}),
        ("除了鼓都可以", {"drums"}),
    ],
)
def test_absent(text: str, absent: set[str]) -> None:
    assert _absent(text) == absent


@pytest.mark.parametrize(
    "text",
    [
        "not too fast, with drums",
        "no doubt a piano",
        "the instrumental has drums and male vocals",
        "not only piano",
        "drums just before the end",
        "feature a kick in the second half",
        "不要太快，有鼓",
        "特别的钢琴",
        "无缝循环的钢琴",
        "不要一开始就把鼓塞满",
        "不要突然变大声，钢琴",
    ],
)
def test_nothing_absent(text: str) -> None:
    assert _absent(text) == set()


def test_and_with_an_article_ends_the_negation() -> None:
    assert _absent("no drums and a soft piano") == {"drums"}
    assert _present("no drums and a soft piano") == {"piano"}


def test_a_comma_ends_it_when_something_was_asked_before() -> None:
    assert _absent("calm piano, no drums, soft strings") == {"drums"}
    assert _present("calm piano, no drums, soft strings") == {"piano", "strings"}


def test_a_place_makes_it_an_entry() -> None:
    reading = read("jazz with piano, no drums until the chorus")
    assert not reading.absent
    passage = next(p for p in reading.passages if p.instruments == ("drums",))
    assert (passage.kind, passage.where.unit, passage.where.name) == ("enter", "section", "chorus")
    leaving = read("rock, no drums at the end")
    assert [(p.kind, p.instruments) for p in leaving.passages] == [("leave", ("drums",))]


def test_only_at_a_place_is_not_for_the_whole() -> None:
    assert _absent("in the second half only guitar") == set()
    assert _absent("最后只剩口琴") == set()


def test_the_later_wish_holds_and_the_other_is_listed() -> None:
    taken_back = read("drums and bass. Actually no drums.")
    assert {i.instrument for i in taken_back.instruments} == {"bass"}
    assert {a.value for a in taken_back.absent} == {"drums"}
    assert taken_back.contradictions
    restored = read("No drums. Then again, use soft drums.")
    assert {i.instrument for i in restored.instruments} == {"drums"}
    assert not restored.absent


def test_words_are_verbatim() -> None:
    assert read("Piano, NO Drums or bass.").absent[1].words == ("NO Drums or bass",)
