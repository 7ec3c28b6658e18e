"""Any text becomes a plan that holds together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.errors import PartimentoError
from partimento.interpret import make_plan, read
from partimento.interpret.absence import excludes
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.serial import from_json, to_json
from partimento.score.instruments import instruments
from partimento.score.score import ROLES

PIECES = [
    "piano",
    "two violins",
    "drums",
    "no drums",
    "without any vocals or bass",
    "only guitar",
    "nothing but a flute",
    "a cappella",
    "instrumental",
    "starts with",
    "then",
    "enters",
    "halfway",
    "the choir joins",
    "ends with",
    "drop out at the end",
    "after 8 bars",
    "in the chorus",
    "jazz",
    "deep house",
    "waltz",
    "90 bpm",
    "6/8",
    "in A minor",
    "Am F C G",
    "AABA",
    "30 seconds",
    "16 bars",
    "not too fast",
    "slow",
    "fades out",
    "builds up",
    "string quartet",
    "big band",
    "sounds like a trumpet",
    ",",
    ".",
    "and",
    "or",
    "but",
    "with",
    "的",
    "钢琴",
    "不要鼓",
    "先",
    "然后",
    "二胡",
    "加入",
    "最后只剩",
    "纯音乐",
    "，",
    "。",
    "慢板",
    "每分钟90拍",
    "四分之三拍",
    "降B大调",
    "16小节",
    "只要",
    "除了",
    "everything except",
    "drumless",
    "1/0",
    "0 bpm",
    "99999 bars",
    "chords",
    "| C | G |",
    "%",
    "in the first 8 bars",
    "solo",
    "duo",
    "accelerando",
]
phrases = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map(" ".join)
anything = st.text(max_size=200)


def check(plan: Plan) -> None:
    """What must hold of every plan."""
    assert plan.n_bars.value >= 1
    assert plan.duration_s.value > 0
    at = 0
    for section in plan.sections.value:
        assert section.start_bar == at
        assert section.n_bars >= 1
        assert 0.0 <= section.energy <= 1.0
        at = section.end_bar
    assert at == plan.n_bars.value
    assert 1 <= len(plan.parts) <= 12
    assert len({p.name for p in plan.parts}) == len(plan.parts)
    star = any(a.value == "*" for a in plan.absent)
    for part in plan.parts:
        assert part.instrument in instruments()
        assert part.role in ROLES
        assert part.active
        last = 0
        for span in part.active:
            assert last <= span.start_bar < span.end_bar <= plan.n_bars.value
            last = span.end_bar
        if part.origin is Origin.INFERRED and not part.words:
            assert not star
            assert not any(excludes(a.value, part.instrument, part.role) for a in plan.absent)
        assert all(a.value != part.instrument for a in plan.absent)
    begins = {
        id_: min(p.active[0].start_bar for p in plan.parts if p.instrument == id_) for id_ in {p.instrument for p in plan.parts}
    }
    for order in plan.orders:
        if order.first in begins and order.then in begins:
            assert begins[order.first] < begins[order.then]
    assert any(p.plays_in(0) for p in plan.parts)
    assert plan.tempo.value[0].bar == 0
    assert plan.dynamics.value[0].bar == 0
    assert plan.caption
    assert from_json(to_json(plan), Plan) == plan


@settings(max_examples=80, deadline=None)
@given(anything)
def test_read_never_raises(words: str) -> None:
    reading = read(words)
    assert reading.text == words
    for word in reading.unknown:
        assert word in words


@settings(max_examples=40, deadline=None)
@given(anything.filter(lambda text: bool(text.strip())))
def test_any_text_becomes_a_plan(words: str) -> None:
    check(make_plan(GenerateRequest(words=words)))


@settings(max_examples=80, deadline=None)
@given(phrases)
def test_any_phrases_become_a_plan(words: str) -> None:
    check(make_plan(GenerateRequest(words=words)))


@settings(max_examples=40, deadline=None)
@given(
    phrases,
    st.one_of(st.none(), st.floats(2.0, 600.0)),
    st.one_of(st.none(), st.integers(1, 200)),
    st.one_of(st.none(), st.floats(20.0, 400.0)),
    st.sampled_from([None, "3/4", "7/8", "12/8", "5/4"]),
    st.sampled_from(["", "drums", "vocals, guitar", "鼓，贝斯"]),
)
def test_controls_are_kept(
    words: str, duration_s: float | None, bars: int | None, tempo_bpm: float | None, metre: str | None, negative: str
) -> None:
    request = GenerateRequest(words=words, duration_s=duration_s, bars=bars, tempo_bpm=tempo_bpm, metre=metre, negative=negative)
    try:
        plan = make_plan(request)
    except PartimentoError:
        assert bars is not None
        return
    check(plan)
    if duration_s is not None:
        assert plan.duration_s.value == duration_s
    elif bars is not None:
        # Only the longest piece there may be (30 minutes) can stand against a given number, and then it is said.
        assert plan.n_bars.value == bars or any(c.field == "bars" and "1800 s" in c.reason for c in plan.conflicts)
    if tempo_bpm is not None:
        assert plan.tempo_bpm == tempo_bpm
    if metre is not None:
        assert str(plan.first_metre) == metre
    for absent in plan.absent:
        if absent.origin is Origin.GIVEN:
            assert not any(excludes(absent.value, p.instrument, p.role) for p in plan.parts)
