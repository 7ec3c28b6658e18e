"""Roles that are ruled out by name."""

import pytest

from partimento.interpret import make_plan
from partimento.plan.request import GenerateRequest


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("ambient drone, no melody", "melody"),
        ("solo piano, no melody", "melody"),
        ("电子音乐，没有旋律", "melody"),
        ("pop without chords", "chords"),
        ("synthwave, no pads", "pad"),
        ("不要琶音的电子乐", "arpeggio"),
    ],
)
def test_nobody_plays_a_banned_role(words, role):
    plan = make_plan(GenerateRequest(words))
    assert role in {a.value for a in plan.absent}
    assert plan.parts
    assert role not in {p.role for p in plan.parts}


def test_an_instrument_that_can_do_nothing_else_wins_and_it_is_said():
    plan = make_plan(GenerateRequest("flute without melody"))
    assert "flute" in {p.instrument for p in plan.parts}
    assert plan.conflicts


@pytest.mark.parametrize("words", ["techno, no chord changes", "no melodic minor, piano", "a melody for flute"])
def test_other_uses_of_the_words_ban_nothing(words):
    assert not make_plan(GenerateRequest(words)).absent
