import pytest

from partimento.errors import FileError
from partimento.interpret import make_plan
from partimento.interpret.heard_tune import heard_tune
from partimento.models import get_performer, performer_names
from partimento.models.score_performer import ScorePerformer
from partimento.plan.plan import Origin
from partimento.plan.request import COMPOSERS, GenerateRequest
from partimento.score.io import write_score
from partimento.score.score import Note, Score, Track
from partimento.score.timing import TempoPoint

MODEL = "facebook/musicgen-melody"


def written(path, *tracks, bpm=100.0):
    made = tuple(
        Track(name, "drums" if drum else role, "drums" if drum else "piano", 0, drum, tuple(Note(*n) for n in notes))
        for name, role, drum, notes in tracks
    )
    write_score(Score(made, 8.0, (TempoPoint(0.0, bpm),)), path)
    return str(path)


def heard(path, words="calm piano", **controls):
    request = GenerateRequest(words, melody=path, model=MODEL, **controls)
    plan = make_plan(request)
    return plan, heard_tune(request, plan.tempo, plan.key)


SCALE = [(float(i), 1.0, p) for i, p in enumerate((60, 62, 64, 65, 67, 65, 64, 60))]


def test_nothing_is_arranged_round_it(tmp_path):
    path = written(tmp_path / "tune.mid", ("Tune", "melody", False, SCALE))
    plan, tune = heard(path)
    plain = make_plan(GenerateRequest("calm piano", model=MODEL))
    assert plan.sketch == ()
    assert (plan.duration_s, plan.tempo, plan.key, plan.parts) == (plain.duration_s, plain.tempo, plain.key, plain.parts)
    assert [n.pitch for n in tune.line.notes] == [n[2] for n in SCALE]
    assert tune.score.tempo_bpm == pytest.approx(100.0)
    assert plan.remarks[-1].startswith("the model hears the 8 notes of 'Tune' (0.0 to 4.8 s) as pitch classes")
    assert len(make_plan(GenerateRequest("calm piano", melody=path)).sketch) == 1, "the score performer plays it"


def test_which_part_and_which_notes(tmp_path):
    chords = [(2.0 * i, 2.0, p) for i in range(4) for p in (48, 52, 55)]
    kit = [(float(i), 0.5, 38) for i in range(8)]
    path = written(
        tmp_path / "band.mid", ("Kit", "drums", True, kit), ("Keys", "chords", False, chords), ("Tune", "melody", False, SCALE)
    )
    _, tune = heard(path)
    assert tune.line.name == "Tune"
    # Both hands in one part: what sounds below the tune is left out, where the tune's notes overlap a little they are cut.
    both = [(0.0, 4.0, 72), (1.0, 1.0, 48), (2.0, 1.0, 52), (3.9, 2.0, 71), (5.8, 2.0, 74), (5.8, 2.0, 50)]
    _, tune = heard(written(tmp_path / "hands.mid", ("Piano", "melody", False, both)))
    assert [n.pitch for n in tune.line.notes] == [72, 71, 74]
    assert all(a.end <= b.start + 1e-6 for a, b in zip(tune.line.notes, tune.line.notes[1:], strict=False))
    with pytest.raises(FileError, match="no pitched notes"):
        heard(written(tmp_path / "kit.mid", ("Kit", "drums", True, kit)))


def test_asked_tempo_and_key_are_the_tunes(tmp_path):
    path = written(tmp_path / "tune.mid", ("Tune", "melody", False, SCALE))
    for words, controls in (("calm piano", {"tempo_bpm": 80.0, "key": "D major"}), ("calm piano at 80 bpm in D major", {})):
        plan, tune = heard(path, words, **controls)
        assert plan.key.origin in (Origin.GIVEN, Origin.SAID)
        assert tune.score.tempo_bpm == pytest.approx(80.0)
        assert [n.pitch % 12 for n in tune.line.notes] == [(n[2] + 2) % 12 for n in SCALE]
        assert any("at 80 bpm" in remark for remark in plan.remarks)
        assert any("transposed by +2" in remark for remark in plan.remarks)
    plan, _ = heard(path, key="D minor")
    assert plan.conflicts == ()
    assert "the given tune is in major: it moves to the tonic and keeps its notes; the model is told D minor" in plan.remarks
    _, tune = heard(path, "slow piano")
    assert tune.score.tempo_bpm == pytest.approx(100.0), "a tempo word is for the model"


def test_who_plays_and_who_hears(tmp_path):
    playing = {name for name in performer_names() if isinstance(get_performer(name), ScorePerformer)}
    assert playing == COMPOSERS
    assert heard_tune(GenerateRequest("a", melody="hum.wav", model=MODEL), *_values()) is None
    assert heard_tune(GenerateRequest("a", melody="tune.mid"), *_values()) is None
    assert heard_tune(GenerateRequest("a", model=MODEL), *_values()) is None


def _values():
    plan = make_plan(GenerateRequest("a"))
    return plan.tempo, plan.key
