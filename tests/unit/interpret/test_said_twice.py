"""Wishes that the words take back or say twice, and effects, which no composer makes."""

import pytest

from partimento.interpret import make_plan
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest


def _plan(words: str) -> Plan:
    return make_plan(GenerateRequest(words=words))


@pytest.mark.parametrize(
    ("words", "conflict"),
    [
        ("tempo 90, then 120 from the chorus", ("tempo", "tempo 90", "120")),
        ("90 bpm, no, 100 bpm", ("tempo", "100 bpm", "90 bpm")),
        ("C major, then D minor in the bridge", ("key", "C major", "D minor")),
        ("loopable lofi beat, fade out", ("ending", "fade out", "loopable")),
    ],
)
def test_both_are_listed(words: str, conflict: tuple[str, str, str]) -> None:
    assert conflict in [(c.field, c.kept, c.dropped) for c in _plan(words).conflicts]


def test_the_first_holds_unless_corrected() -> None:
    assert _plan("tempo 90, then 120 from the chorus").tempo_bpm == 90
    assert _plan("90 bpm, no, 100 bpm").tempo_bpm == 100


def test_effects_are_listed() -> None:
    assert {"reverb", "flanger", "autotune"} <= set(_plan("piano with reverb, flanger and autotune").unknown)
    assert {"混响", "自动调音"} <= set(_plan("钢琴加混响和自动调音").unknown)
    assert "reverb" not in _plan("guitar without reverb").unknown


def test_styles_by_their_usual_words() -> None:
    assert _plan("ragtime piano").style.value == "ragtime"
    assert _plan("jazz ballad with piano").tempo_bpm < 90
    assert _plan("先慢后快的钢琴").tempo.reason != "slow"
