"""Everyone comes in after two that are named: who came first stays first."""

import pytest

from partimento.interpret import make_plan
from partimento.plan.request import GenerateRequest


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        ("drums alone, then bass, then everyone, funk", "drums", "bass"),
        ("piano, then bass, then everyone joins", "piano", "bass"),
        ("piano, then bass, then the whole band, rock", "piano", "bass"),
        ("first drums, then bass, then the whole band, funk", "drums", "bass"),
    ],
)
def test_named_players_keep_their_order_before_everyone(words: str, first: str, second: str) -> None:
    plan = make_plan(GenerateRequest(words))
    start = {p.name: p.active[0].start_bar for p in plan.parts if p.active}
    assert start[first] == 0 < start[second]
    assert all(bar > start[second] for name, bar in start.items() if not name.startswith((first, second)))
    assert (first, second) in [(o.first, o.then) for o in plan.orders]
    assert not plan.conflicts
