"""Nobody is left alone with silence."""

import numpy as np
import pytest

from partimento.compose import compose
from partimento.interpret import make_plan
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.report.score_checks import check_score


def _plan(words: str) -> Plan:
    return make_plan(GenerateRequest(words=words))


def _covered(plan: Plan) -> bool:
    return all(any(p.plays_in(bar) for p in plan.parts) for bar in range(plan.n_bars.value))


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("piano drops out in the second half", "piano"),
        ("a guitar piece, the guitar drops out in the second half", "guitar"),
        ("an accordion waltz where the accordion drops out in the second half", "accordion"),
        ("a flute that rests in the chorus", "flute"),
    ],
)
def test_others_take_over_when_all_named_players_leave(words: str, who: str) -> None:
    plan = _plan(words)
    assert _covered(plan)
    assert not plan.conflicts
    named = [p for p in plan.parts if p.instrument == who]
    assert named
    assert all(p.active[-1].end_bar < plan.n_bars.value for p in named)
    leads = [p for p in plan.parts if p.role == "melody" and p.instrument != who]
    assert [p.active[0].start_bar for p in leads] == [named[0].active[-1].end_bar]
    failed = [f.control for f in check_score(plan, compose(plan, np.random.default_rng(1))) if f.verdict == "fail"]
    assert failed == []


@pytest.mark.parametrize(
    "words",
    ["solo piano, the piano drops out in the second half", "drums only, the drums drop out halfway", "只有钢琴，后半段钢琴停止"],
)
def test_an_only_player_stays_and_the_conflict_is_listed(words: str) -> None:
    plan = _plan(words)
    assert _covered(plan)
    assert len({p.instrument for p in plan.parts}) == 1
    assert [c.field for c in plan.conflicts] == ["entrances"]
