"""Tempi that move from one stated number to another."""

import io

import numpy as np
import pytest

from partimento.compose import compose
from partimento.interpret import make_plan
from partimento.interpret.tempo_course import ramp_in_seconds
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest
from partimento.report.score_checks import check_score
from partimento.score.midi_write import midi_bytes
from partimento.score.timing import Metre, mean_bpm


def _plan(words: str, **controls: object) -> Plan:
    return make_plan(GenerateRequest(words=words, **controls))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words",
    [
        "accelerando from 80 to 140 bpm, piano and drums",
        "speeds up from 80 bpm to 140 bpm",
        "piano, starts at 80 bpm and speeds up to 140 bpm",
        "the tempo rises from 80 to 140 bpm",
        "钢琴，从80 bpm加速到140 bpm",
        "速度从80加速到140",
    ],
)
@pytest.mark.parametrize("duration_s", [None, 20.0, 31.7])
def test_stated_tempi_begin_and_end_the_piece(words: str, duration_s: float | None) -> None:
    plan = _plan(words, duration_s=duration_s)
    points = plan.tempo.value
    assert (points[0].bpm, points[-1].bpm, points[-1].ramp) == (80.0, 140.0, True)
    assert plan.tempo.origin is Origin.SAID
    assert plan.duration_s.value == (duration_s or 30.0)
    assert not plan.conflicts
    assert all(80.0 < p.bpm < 140.0 and p.ramp for p in points[1:-1])


@pytest.mark.parametrize("duration_s", [3.0, 10.0, 30.0, 45.3])
@pytest.mark.parametrize("words", ["accelerando from 80 to 140 bpm, piano and drums", "ritardando from 120 to 60 bpm, flute"])
def test_notes_midi_and_report_keep_to_them(words: str, duration_s: float) -> None:
    import mido

    plan = _plan(words, duration_s=duration_s)
    score = compose(plan, np.random.default_rng(3))
    first, last = plan.tempo.value[0].bpm, plan.tempo.value[-1].bpm
    assert score.tempos[0].bpm == first
    assert score.tempos[-1].bpm == pytest.approx(last)
    assert score.duration_s == pytest.approx(duration_s, abs=1e-9)
    assert mido.MidiFile(file=io.BytesIO(midi_bytes(score))).length == pytest.approx(duration_s, abs=0.002)
    lines = {f.control: f for f in check_score(plan, score)}
    assert [lines[c].verdict for c in ("tempo", "bars", "duration", "ending")] == ["pass"] * 4


def test_bars_may_be_kept_with_the_tempi() -> None:
    plan = _plan("16 bars, accelerando from 80 to 140 bpm")
    assert plan.n_bars.value == 16
    assert plan.duration_s.value == pytest.approx(64 * 60 / mean_bpm(80, 140))


def test_bars_and_seconds_agree_on_a_bent_curve() -> None:
    plan = _plan("16 bars, 34 seconds, accelerando from 80 to 140 bpm")
    assert (plan.n_bars.value, plan.duration_s.value, plan.conflicts) == (16, 34.0, ())
    assert [p.bar for p in plan.tempo.value] == [0, 8, 16]


def test_dotted_beats_are_converted_in_compound_metres() -> None:
    plan = _plan("accelerando from 80 to 120 bpm in 6/8")
    assert (plan.tempo.value[0].bpm, plan.tempo.value[-1].bpm) == (120.0, 180.0)


def test_a_given_tempo_beats_the_course() -> None:
    plan = _plan("accelerando from 80 to 140 bpm", tempo_bpm=100)
    assert plan.tempo.value[0].bpm == 100.0
    assert [c.field for c in plan.conflicts] == ["tempo"]


def test_a_range_without_change_stays_a_tempo() -> None:
    assert [p.bpm for p in _plan("pop, 80 to 100 bpm").tempo.value] == [90.0]


def test_a_curve_that_would_bend_too_far_is_refused() -> None:
    assert ramp_in_seconds(100.0, 104.0, 10.0, Metre(), n_bars=8) is None
    straight = ramp_in_seconds(100.0, 104.0, 3.3, Metre())
    assert straight is not None
    assert straight.points[-1].bar == pytest.approx(3.3 * mean_bpm(100, 104) / 240)
