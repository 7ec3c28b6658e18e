"""Tempo, metre and length."""

import pytest

from partimento.interpret import make_plan
from partimento.interpret.grid import bars_in, fit_tempo
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest
from partimento.score.score import MetrePoint, Score
from partimento.score.timing import Metre, TempoPoint
from partimento.styles import style


def _plan(words: str = "pop", **controls: object) -> Plan:
    return make_plan(GenerateRequest(words=words, **controls))  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [2.0, 9.9, 10.66, 10.67, 30.0, 31.3, 47.123])
@pytest.mark.parametrize("metre", [Metre(4, 4), Metre(3, 4), Metre(7, 8), Metre(12, 8)])
def test_bars_agree_with_the_score(seconds: float, metre: Metre) -> None:
    score = Score((), seconds * 97 / 60, (TempoPoint(0, 97.0),), (MetrePoint(0, metre),))
    assert bars_in(seconds, 97.0, metre) == score.n_bars


def test_tempo_moves_little_and_lands_on_bars() -> None:
    bpm, n = fit_tempo(30.0, 97.0, Metre(), 0.02)
    assert abs(bpm / 97.0 - 1) <= 0.02
    assert n * 4 * 60 / bpm == pytest.approx(30.0)


def test_tempo_stays_when_no_bar_is_near() -> None:
    assert fit_tempo(2.9, 97.0, Metre(3, 4), 0.02) == (97.0, 2)
    # A bar and a sixth of a beat: the last chord has no place but behind the bar line, so that is a bar of its own.
    assert fit_tempo(2.5, 100.0, Metre(), 0.02) == (100.0, 2)


@pytest.mark.parametrize("words", ["jazz", "slow waltz", "allegro, 7/8", "慢板的二胡曲", "techno in 5/4"])
def test_a_free_tempo_moves_two_percent_at_most_to_end_on_a_bar(words: str) -> None:
    free = _plan(words, bars=16).tempo_bpm  # nothing to meet: the tempo as chosen
    plan = _plan(words, duration_s=40.0)
    assert abs(plan.tempo_bpm / free - 1) <= 0.02 + 1e-9
    wanted = 40.0 * free / 60 / plan.first_metre.bar_quarters
    near = any(abs(n / wanted - 1) <= 0.02 for n in (int(wanted), int(wanted) + 1))
    bars = 40.0 * plan.tempo_bpm / 60 / plan.first_metre.bar_quarters
    assert (bars == pytest.approx(plan.n_bars.value)) == near
    assert plan.duration_s.value == 40.0


def test_said_tempo_is_exact() -> None:
    plan = _plan("lofi at 83 bpm", duration_s=31.0)
    assert (plan.tempo_bpm, plan.tempo.origin, plan.tempo.words) == (83.0, Origin.SAID, ("83 bpm",))
    assert plan.duration_s.value == 31.0


def test_given_beats_said_and_the_conflict_is_listed() -> None:
    plan = _plan("rock at 120 bpm in 3/4, 20 seconds, in A minor", tempo_bpm=90, metre="4/4", duration_s=40, key="C major")
    assert (plan.tempo_bpm, str(plan.first_metre), plan.duration_s.value, str(plan.first_key)) == (90, "4/4", 40, "C major")
    assert {c.field for c in plan.conflicts} == {"tempo", "metre", "duration", "key"}
    assert all(v.origin is Origin.GIVEN for v in (plan.tempo, plan.metre, plan.duration_s, plan.key))


def test_duration_beats_bars() -> None:
    plan = _plan("120 bpm", duration_s=30.0, bars=64)
    assert plan.duration_s.value == 30.0
    assert [c.field for c in plan.conflicts] == ["bars"]


def test_bars_and_seconds_may_agree_on_a_free_tempo() -> None:
    plan = _plan("pop, 16 bars, 35 seconds")
    assert (plan.n_bars.value, plan.duration_s.value, plan.conflicts) == (16, 35.0, ())
    assert plan.tempo_bpm == pytest.approx(16 * 4 * 60 / 35)


def test_bars_alone_decide_the_duration() -> None:
    plan = _plan("120 bpm", bars=8)
    assert (plan.n_bars.value, plan.duration_s.value) == (8, 16.0)


def test_default_is_thirty_seconds() -> None:
    plan = _plan("calm piano")
    assert (plan.duration_s.value, plan.duration_s.origin) == (30.0, Origin.DEFAULT)


def test_dotted_beats_in_compound_metres() -> None:
    plan = _plan("6/8 at 60 bpm")
    assert plan.tempo_bpm == 90.0
    assert any("dotted" in r for r in plan.remarks)
    assert _plan("in 6/8", tempo_bpm=60).tempo_bpm == 60


@pytest.mark.parametrize(("slower", "faster"), [("slow jazz", "jazz"), ("jazz", "fast jazz"), ("very slow jazz", "slow jazz")])
def test_tempo_words_order(slower: str, faster: str) -> None:
    assert _plan(slower).tempo_bpm < _plan(faster).tempo_bpm


def test_style_words_bring_tempo_and_metre() -> None:
    assert str(_plan("a waltz").first_metre) == "3/4"
    assert _plan("a waltz").metre.origin is Origin.SAID
    assert _plan("dubstep").tempo_bpm == pytest.approx(140, rel=0.06)
    low, _, high = style("jazz").tempo
    assert low <= _plan("jazz").tempo_bpm <= high


def test_a_tempo_that_changes() -> None:
    first, last = _plan("a polka that speeds up").tempo.value
    assert last.ramp
    assert last.bpm > first.bpm
    first, last = _plan("a polka that slows down").tempo.value
    assert last.bpm < first.bpm


@pytest.mark.parametrize("words", ["accelerando", "ritardando"])
def test_a_moving_tempo_begins_at_the_given_one_to_the_last_bit(words: str) -> None:
    tempi = [57.0, 91.3, *(20.0 + 0.37 * k for k in range(200))]
    assert [make_plan(GenerateRequest(words=words, tempo_bpm=bpm)).tempo_bpm for bpm in tempi] == tempi
