"""Groups of single voices: ranges, voice-leading, the tune's syllables."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from partimento.compose import compose
from partimento.interpret import make_plan
from partimento.metrics import voice_leading
from partimento.plan.request import GenerateRequest
from partimento.report.score_checks import check_score
from partimento.score.instruments import instrument
from partimento.score.score import Score

_SATB = ("soprano", "alto", "tenor", "bass_voice")
_BARBERSHOP = ("high_tenor", "lead_tenor", "baritone", "bass_voice")


def _piece(words: str, seed: int) -> tuple[Score, list[str]]:
    plan = make_plan(GenerateRequest(words=words))
    score = compose(plan, np.random.default_rng(seed))
    return score, [f.control for f in check_score(plan, score) if f.verdict == "fail"]


@pytest.mark.parametrize(
    ("words", "voices", "lead"),
    [
        ("SATB chorale", _SATB, "soprano"),
        ("a cappella choir in four parts", _SATB, "soprano"),
        ("a sad song for SATB choir", _SATB, "soprano"),
        ("混声四部合唱", _SATB, "soprano"),
        ("barbershop quartet", _BARBERSHOP, "lead_tenor"),
        ("男声四重唱", _BARBERSHOP, "lead_tenor"),
    ],
)
def test_the_words_give_four_voices_and_nobody_else(words, voices, lead):
    plan = make_plan(GenerateRequest(words=words))
    assert sorted(p.instrument for p in plan.parts) == sorted(voices)
    assert [p.instrument for p in plan.parts if p.role == "melody"] == [lead]
    assert [p.instrument for p in plan.parts if p.role == "bass"] == ["bass_voice"]


@pytest.mark.parametrize(("words", "voices"), [("SATB chorale", _SATB), ("barbershop quartet", _BARBERSHOP)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_voices_keep_their_places(words, voices, seed):
    score, failed = _piece(words, seed)
    assert failed == []
    tracks = {t.instrument: t for t in score.tracks}
    for name in voices:
        low, high = instrument(name).range
        pitches = [n.pitch for n in tracks[name].notes]
        assert low <= min(pitches) <= max(pitches) <= high
        assert max(abs(a - b) for a, b in pairwise(pitches)) <= 12
        starts = [n.start for n in tracks[name].notes]
        assert len(set(starts)) == len(starts)  # one note at a time
    lines = [
        ([n.start for n in t.notes], [n.duration for n in t.notes], [n.pitch for n in t.notes])
        for t in (tracks[name] for name in voices)
    ]
    figures = voice_leading.evaluate(lines)
    assert figures["crossing_share"] <= 0.06
    assert figures["parallel_fifths_per_100"] <= 2.5
    assert figures["parallel_octaves_per_100"] <= 5.0
    assert figures["wide_spacing_share"] <= 0.2


def test_lower_voices_sing_the_syllables_of_the_tune():
    score, _ = _piece("SATB chorale", 1)
    tune = {round(n.start, 3) for n in next(t for t in score.tracks if t.role == "melody").notes}
    changes = {round(c.start, 3) for c in score.chords}
    bars = {round(b, 3) for b in score.bar_starts}
    for track in (t for t in score.tracks if t.role != "melody"):
        starts = {round(n.start, 3) for n in track.notes}
        assert starts <= tune | changes | bars
        assert len(starts & tune) > 0.5 * len(starts)
