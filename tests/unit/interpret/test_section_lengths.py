"""Bars of single sections."""

import pytest

from partimento.interpret import make_plan
from partimento.interpret.absence import DRUM_KIT, excludes
from partimento.interpret.section_lengths import section_lengths
from partimento.plan.request import GenerateRequest


@pytest.mark.parametrize(
    ("words", "layout"),
    [
        ("intro 4 bars, verse 8 bars, chorus 8 bars, outro 4 bars, indie rock", "intro4 verse8 chorus8 outro4"),
        ("pop: intro (2 bars piano), verse (8 bars, + bass), chorus (6 bars, + drums)", "intro2 verse8 chorus6"),
        ("rock with a 4-bar intro, an 8-bar verse and an 8-bar chorus", "intro4 verse8 chorus8"),
        ("pop, verse of eight bars, chorus of 8 bars, outro with piano only", "verse8 chorus8 outro4"),
        ("前奏4小节钢琴，主歌8小节加入贝斯，副歌八小节加入鼓", "intro4 verse8 chorus8"),
    ],
)
def test_sections_have_their_bars(words: str, layout: str) -> None:
    plan = make_plan(GenerateRequest(words))
    assert " ".join(f"{s.name}{s.n_bars}" for s in plan.sections.value) == layout
    assert plan.n_bars.value == sum(s.n_bars for s in plan.sections.value)


def test_one_section_is_not_the_piece() -> None:
    plan = make_plan(GenerateRequest("16 bars, intro 4 bars, pop"))
    assert plan.n_bars.value == 16


def test_a_given_duration_decides_and_the_form_keeps_its_order() -> None:
    plan = make_plan(GenerateRequest("intro 4 bars, verse 8 bars, chorus 8 bars, rock", duration_s=30.0))
    assert plan.duration_s.value == 30.0
    assert [s.name for s in plan.sections.value] == ["intro", "verse", "chorus"]


@pytest.mark.parametrize("words", ["drums enter after 8 bars, chorus", "strings in the chorus 4 bars in", "a song of 12 bars"])
def test_places_are_no_lengths(words: str) -> None:
    assert section_lengths(words) == []


@pytest.mark.parametrize(
    "words", ["reggae with no drums but with percussion", "salsa, percussion but no drums", "folk, congas, no drums"]
)
def test_hand_percussion_without_a_kit(words: str) -> None:
    plan = make_plan(GenerateRequest(words))
    assert [a.value for a in plan.absent] == [DRUM_KIT]
    assert not any(excludes(DRUM_KIT, p.instrument, p.role) for p in plan.parts)
    assert any(p.role == "percussion" for p in plan.parts)


def test_exception_of_a_single_drum() -> None:
    plan = make_plan(GenerateRequest("jazz, no drums except congas"))
    absent = {a.value for a in plan.absent}
    assert absent >= {DRUM_KIT, "bongo"}
    assert "conga" not in absent
    assert not any(excludes(a, p.instrument, p.role) for a in absent for p in plan.parts)


def test_players_of_an_orchestra_enter_with_it() -> None:
    plan = make_plan(GenerateRequest("first a music box alone, then strings, finally full orchestra, 88 bpm"))
    start = {p.name: p.active[0].start_bar for p in plan.parts}
    assert start["music box"] == 0 < start["strings"] < start["flute"] == start["french horn"]
