"""Given files: the tune is kept, tracks are arranged around."""

from pathlib import Path

import pytest

from partimento.errors import PartimentoError
from partimento.interpret import make_plan
from partimento.plan.plan import Origin
from partimento.plan.request import GenerateRequest
from partimento.score.io import write_score
from partimento.score.score import KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import Key, Metre, TempoPoint


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    notes = tuple(Note(float(i), 1.0, 67 + (0, 2, 4, 5, 7, 5, 4, 2)[i % 8]) for i in range(24))
    bass = tuple(Note(3.0 * i, 3.0, 43) for i in range(8))
    score = Score(
        (Track("lead", "melody", "flute", 73, False, notes), Track("low", "bass", "bass", 33, False, bass)),
        24.0,
        (TempoPoint(0.0, 100.0),),
        (MetrePoint(0, Metre(3, 4)),),
        (KeyPoint(0.0, Key(7, "major")),),
    )
    path = tmp_path / "tune.mid"
    write_score(score, path)
    return path


def test_melody_is_kept(tune: Path) -> None:
    plan = make_plan(GenerateRequest(words="jazz", melody=str(tune)))
    part = next(p for p in plan.parts if p.sketch == 0)
    assert (part.role, part.origin) == ("melody", Origin.GIVEN)
    assert len(plan.sketch) == 1
    assert len(plan.sketch[0].notes) == 24
    assert (plan.tempo_bpm, str(plan.first_metre), plan.n_bars.value) == (pytest.approx(100.0), "3/4", 8)
    assert {p.role for p in plan.parts} >= {"melody", "bass", "chords"}
    assert sum(p.role == "melody" for p in plan.parts) == 1


def test_controls_overrule_the_file(tune: Path) -> None:
    plan = make_plan(GenerateRequest(words="", melody=str(tune), tempo_bpm=140.0, key="A minor"))
    assert (plan.tempo_bpm, str(plan.first_key)) == (140.0, "A minor")


def test_midi_tracks_stay(tune: Path) -> None:
    plan = make_plan(GenerateRequest(words="", midi=str(tune)))
    assert [p.sketch for p in plan.parts if p.origin is Origin.GIVEN] == [0, 1]


def test_a_bad_file_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(PartimentoError):
        make_plan(GenerateRequest(words="pop", melody=str(tmp_path / "none.mid")))
