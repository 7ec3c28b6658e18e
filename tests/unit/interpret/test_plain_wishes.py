"""Wishes as a new user words them: each sentence with what the plan must say."""

from __future__ import annotations

import pytest

from partimento.interpret.resolve import make_plan
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest


def plan_of(words: str) -> Plan:
    return make_plan(GenerateRequest(words=words))


def bars_of(plan: Plan, instrument: str) -> list[int]:
    """1-based bars in which an instrument plays."""
    part = next(p for p in plan.parts if p.instrument == instrument)
    return [bar + 1 for bar in range(plan.n_bars.value) if part.plays_in(bar)]


@pytest.mark.parametrize("words", ["two saxophones and drums", "trombones and xylophones", "gramophones, one song"])
def test_an_end_of_a_word_is_no_length(words: str) -> None:
    assert plan_of(words).duration_s.value == 30.0


def test_a_length_with_a_unit_is_still_read() -> None:
    assert plan_of("piano, one minute").duration_s.value == 60.0
    assert plan_of("piano, 45s").duration_s.value == 45.0


@pytest.mark.parametrize("name", ["stringed instruments", "string instruments", "low strings", "bowed strings"])
def test_names_of_the_string_family(name: str) -> None:
    plan = plan_of(f"{name}, then brass, 40 s")
    assert {p.instrument for p in plan.parts} >= {"strings", "brass"}
    assert [(o.first, o.then) for o in plan.orders] == [("strings", "brass")]


@pytest.mark.parametrize(
    "words",
    [
        "drums don't play in the intro, rock",
        "no drums in the intro, rock",
        "rock, drums stay silent for the first 4 bars",
        "鼓不要在开头出现，摇滚",
        "摇滚，前四小节不要鼓",
        "鼓在前四小节不演奏，摇滚",
    ],
)
def test_silent_at_first_enters_behind_the_opening(words: str) -> None:
    plan = plan_of(words)
    assert bars_of(plan, "drums") == list(range(5, plan.n_bars.value + 1))
    assert bars_of(plan, "bass")[0] == 1
    assert not plan.absent


def test_silent_in_the_chorus_pauses_there_only() -> None:
    plan = plan_of("verse chorus verse, rock, the drums don't play in the chorus")
    chorus = next(s for s in plan.sections.value if s.name == "chorus")
    inside = set(range(chorus.start_bar + 1, chorus.end_bar + 1))
    assert set(bars_of(plan, "drums")) == set(range(1, plan.n_bars.value + 1)) - inside
