"""Ensembles by their words: complete lists, sizes, orchestras, and movements that need something to move against."""

import pytest

from partimento.interpret import make_plan
from partimento.interpret.ensembles import asked_size, is_closed_list
from partimento.interpret.reader import read
from partimento.plan.request import GenerateRequest
from partimento.score.instruments import instruments


def parts(words: str, **controls: object) -> list[str]:
    return sorted(p.instrument for p in make_plan(GenerateRequest(words=words, **controls)).parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("for cello and harp", ["cello", "harp"]),
        ("a baroque piece for cello and harp", ["cello", "harp"]),
        ("a romantic waltz for violin, viola and two cellos", ["cello", "cello", "viola", "violin"]),
        ("baroque canon for two violins", ["violin", "violin"]),
        ("jazz for saxophone and brushed drums", ["drums", "saxophone"]),
        ("为大提琴和竖琴写一首巴洛克曲子", ["cello", "harp"]),
    ],
)
def test_a_list_of_players_is_complete(words: str, expected: list[str]) -> None:
    assert parts(words) == expected


@pytest.mark.parametrize(
    "words", ["a waltz for violin", "jazz with sax and drums", "music for studying, piano and cello", "piano"]
)
def test_other_words_leave_room(words: str) -> None:
    assert not is_closed_list(read(words))


@pytest.mark.parametrize(
    "words",
    ["epic trailer music", "epic orchestral battle music", "an orchestral film score", "a symphony orchestra", "史诗管弦乐"],
)
def test_orchestras_are_large(words: str) -> None:
    found = parts(words)
    families = {instruments()[i].family for i in found}
    assert len(found) >= 8
    assert families >= {"strings", "brass", "winds", "percussion"}


def test_an_orchestra_keeps_to_what_the_words_rule_out() -> None:
    plan = make_plan(GenerateRequest(words="epic orchestral music, no percussion, no brass"))
    families = {instruments()[p.instrument].family for p in plan.parts}
    assert not families & {"percussion", "drums", "brass"}
    assert parts("epic music for piano and cello") == ["cello", "piano"]


@pytest.mark.parametrize(
    ("words", "n"), [("twelve parts, rock", 12), ("for ten players", 10), ("pop, 7 instruments", 7), ("十二件乐器", 12)]
)
def test_a_number_of_parts_is_met(words: str, n: int) -> None:
    assert asked_size(read(words)) is not None
    assert len(parts(words)) == n


def test_what_is_no_number_of_parts() -> None:
    for words in ("in two parts of the song", "one instrument", "a part for piano", "3 minutes", "thirteen players"):
        assert asked_size(read(words)) is None, words


def test_drums_that_drop_out_drop_out_of_something() -> None:
    plan = make_plan(GenerateRequest(words="the drums drop out in the chorus"))
    assert {p.role for p in plan.parts} >= {"drums", "bass", "melody"}
    assert parts("just drums") == ["drums"]


@pytest.mark.parametrize(
    ("words", "players"),
    [
        ("brass quintet", ["trumpet", "trumpet", "french_horn", "trombone", "tuba"]),
        ("saxophone quartet", ["soprano_sax", "alto_sax", "tenor_sax", "baritone_sax"]),
        ("woodwind trio", ["flute", "clarinet", "bassoon"]),
        ("木管三重奏", ["flute", "clarinet", "bassoon"]),
        ("flute trio", ["flute", "flute", "flute"]),
    ],
)
def test_a_named_ensemble_is_complete(words: str, players: list[str]) -> None:
    plan = make_plan(GenerateRequest(words=words))
    assert sorted(p.instrument for p in plan.parts) == sorted(players)


def test_a_named_ensemble_in_an_asked_style_may_be_accompanied() -> None:
    plan = make_plan(GenerateRequest(words="rock with a string quartet"))
    assert {"violin", "viola", "cello", "drums"} <= {p.instrument for p in plan.parts}


@pytest.mark.parametrize("words", ["brass quintet fanfare", "jazz string quartet", "woodwind trio minuet"])
def test_an_ensemble_that_plays_a_style_is_still_complete(words: str) -> None:
    families = {instruments()[p.instrument].family for p in make_plan(GenerateRequest(words=words)).parts}
    assert families <= {"winds", "brass", "strings"}


def test_percussion_is_the_rhythm_section_where_the_style_has_no_kit() -> None:
    roles = [p.role for p in make_plan(GenerateRequest(words="salsa with trumpets")).parts]
    assert roles.count("percussion") == 3
    assert "drums" not in [p.role for p in make_plan(GenerateRequest(words="salsa with trumpets, no drums")).parts]
