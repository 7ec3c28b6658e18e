from dataclasses import replace

import numpy as np
import pytest

from partimento.score_lm import tune
from partimento.score_lm.familiar import N_NOTES, familiar, remembered, runs_of
from partimento.score_lm.grammar import PartRules
from partimento.score_lm.grid import Conditions, GridBar, GridNote, GridScore, GridTrack
from partimento.score_lm.model import ScoreModel, ScoreModelConfig
from partimento.score_lm.pen import ScoreSampling
from partimento.score_lm.traits import traits_of


def line(*pitches: int, every: int = 12, ticks: int = 12, start: int = 0) -> list[GridNote]:
    return [GridNote(start + i * every, p, ticks) for i, p in enumerate(pitches)]


TUNE = (60, 62, 64, 65, 67, 65, 64, 62, 60, 59)


def grid(notes: list[GridNote], n_bars: int = 8) -> GridScore:
    bars = tuple(GridBar(i * 96, (4, 4), (0, "major"), 12) for i in range(n_bars))
    return GridScore(bars, (GridTrack("melody", "voice", tuple(notes)),), (), Conditions("sheet"))


def test_runs_are_the_same_in_any_key_and_however_long_notes_are_held() -> None:
    runs = runs_of(line(*TUNE))
    assert len(runs) == len(TUNE) - N_NOTES + 1
    assert runs_of(line(*(p + 5 for p in TUNE), ticks=6, start=96)) == runs
    assert runs_of(line(*TUNE, every=24)).isdisjoint(runs)
    assert runs_of(line(*TUNE[:-2])) == set()
    assert not runs_of(line(*TUNE[:-1])).isdisjoint(runs)


def test_text_keeps_all_runs() -> None:
    tunes = [grid(line(*TUNE)), grid(line(*TUNE[::-1])), grid([])]
    assert familiar(remembered(tunes)) == runs_of(line(*TUNE)) | runs_of(line(*TUNE[::-1]))
    assert familiar("") == frozenset()


def test_a_tune_that_says_a_known_run_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = grid(line(*TUNE, *TUNE)), grid(line(*TUNE[::-1], *TUNE[::-1], every=24))
    traits = traits_of(near)
    assert traits is not None
    asked = grid([])
    asked = replace(asked, conditions=replace(asked.conditions, traits=traits))
    monkeypatch.setattr(tune, "perform", lambda model, writings: [far, near])

    def kept(known: str) -> GridScore:
        config = ScoreModelConfig(width=32, n_layers=1, n_heads=2, ffn=64, familiar=known)
        rule = PartRules(55, 84, True, None, 6)
        return tune.write_tune(ScoreModel(config), asked, rule, np.random.default_rng(0), ScoreSampling(candidates=2))

    assert kept("") is near
    assert kept(remembered([grid(line(*TUNE))])) is far
    assert kept(remembered([near, far])) is near
