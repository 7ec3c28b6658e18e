"""A lullaby is played by the named players and softly: nothing brings a drum kit that was not asked for."""

import pytest

from partimento.interpret import make_plan
from partimento.plan.request import GenerateRequest


def test_named_players_sing_it_alone() -> None:
    plan = make_plan(GenerateRequest(words="gentle lullaby in 6/8 with celesta and harp"))
    assert {p.instrument for p in plan.parts} == {"celesta", "harp"}
    assert "melody" in {p.role for p in plan.parts}


@pytest.mark.parametrize("words", ["a lullaby", "摇篮曲", "a cradle song with flute and harp"])
def test_no_kit(words: str) -> None:
    assert "drums" not in {p.role for p in make_plan(GenerateRequest(words=words)).parts}


def test_a_kit_that_is_asked_for_plays() -> None:
    assert "drums" in {p.role for p in make_plan(GenerateRequest(words="lullaby with harp and soft drums")).parts}
