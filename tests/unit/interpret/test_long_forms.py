"""Long pieces: another instrument leads once."""

import numpy as np
import pytest

from partimento.compose import compose
from partimento.interpret import make_plan
from partimento.interpret.long_forms import with_second_lead
from partimento.plan.plan import BarRange, Origin, PartPlan
from partimento.plan.request import GenerateRequest
from partimento.score.score import Section

SECTIONS = tuple(Section(m.upper(), m, 8 * i, 8, 0.5) for i, m in enumerate("aabaca"))


def part(name: str, role: str, **fields: object) -> PartPlan:
    return PartPlan(name, name, role, Origin.SAID, (BarRange(0, 48),), **fields)  # type: ignore[arg-type]


def test_the_lead_rests_where_another_leads() -> None:
    parts = (part("violin", "melody"), part("viola", "counter"), part("piano", "chords"))
    lead, second, _ = with_second_lead(parts, SECTIONS, 200.0)
    assert lead.active == (BarRange(0, 24), BarRange(32, 48))
    assert second.solo == (BarRange(24, 32),)
    assert with_second_lead(parts, SECTIONS, 100.0) == parts
    assert with_second_lead(parts[:1], SECTIONS, 200.0) == parts[:1]
    assert with_second_lead(parts, SECTIONS[:2], 200.0) == parts


@pytest.mark.parametrize("words", ["jazz", "folk", "pop"])
def test_a_second_lead_is_heard(words: str) -> None:
    plan = make_plan(GenerateRequest(words=words, duration_s=200.0))
    second = next(p for p in plan.parts if p.solo)
    score = compose(plan, np.random.default_rng(1))
    lead = next(p for p in plan.parts if p.role == "melody")
    bars = range(second.solo[0].start_bar, second.solo[0].end_bar)
    start, end = score.bar_starts[bars[0]], score.bar_span(bars[-1])[1]
    assert not [n for n in score.track(lead.name).notes if start <= n.start < end - 1e-6]
    assert len([n for n in score.track(second.name).notes if start <= n.start < end]) >= len(bars)
    assert not any(p.solo for p in make_plan(GenerateRequest(words=words)).parts)
