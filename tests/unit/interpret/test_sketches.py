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
    plan = make_plan(GenerateRequest(words="", melody=str(tune), tempo_bpm=140.0, key="A major"))
    assert (plan.tempo_bpm, str(plan.first_key)) == (140.0, "A major")
    assert [n.pitch - 2 for n in plan.sketch[0].notes] == [67 + (0, 2, 4, 5, 7, 5, 4, 2)[i % 8] for i in range(24)]
    assert any("transposed by +2" in remark for remark in plan.remarks)


def test_the_other_mode_is_a_conflict_and_the_relative_key_moves_nothing(tune: Path) -> None:
    plan = make_plan(GenerateRequest(melody=str(tune), key="A minor"))
    assert str(plan.first_key) == "A major"
    assert [(c.field, c.kept, c.dropped) for c in plan.conflicts] == [("key", "A major", "A minor")]
    plan = make_plan(GenerateRequest(melody=str(tune), key="E minor"))
    assert (str(plan.first_key), plan.conflicts) == ("E minor", ())
    assert plan.sketch[0].notes[0].pitch == 67


def test_a_bare_tune_gets_a_small_band(tune: Path) -> None:
    plan = make_plan(GenerateRequest(melody=str(tune)))
    assert {p.role for p in plan.parts} >= {"melody", "bass"}
    assert any(p.role in ("chords", "pad", "arpeggio") for p in plan.parts)
    assert len(plan.parts) <= 5
    assert plan.style.value in ("waltz", "folk")
    for words in ("unaccompanied", "solo flute", "无伴奏"):
        assert [p.sketch for p in make_plan(GenerateRequest(words=words, melody=str(tune))).parts] == [0], words
    piano = make_plan(GenerateRequest(words="solo piano", melody=str(tune)))
    assert [(p.instrument, p.role) for p in piano.parts] == [("piano", "melody"), ("piano", "chords")]


def test_finished_parts_are_complete(tune: Path) -> None:
    assert [p.sketch for p in make_plan(GenerateRequest(midi=str(tune))).parts] == [0, 1]


@pytest.mark.parametrize(
    ("words", "player", "parts"),
    [("for string quartet", "violin", 4), ("for big band", "alto_sax", 8), ("oboe and harp", "oboe", 2)],
)
def test_an_ensemble_takes_the_tune_over(tune: Path, words: str, player: str, parts: int) -> None:
    plan = make_plan(GenerateRequest(words=words, melody=str(tune)))
    lead = next(p for p in plan.parts if p.sketch is not None)
    assert (lead.instrument, plan.sketch[0].instrument, len(plan.parts)) == (player, player, parts)
    shifts = {a.pitch - (67 + (0, 2, 4, 5, 7, 5, 4, 2)[i % 8]) for i, a in enumerate(plan.sketch[0].notes)}
    assert len(shifts) == 1
    assert shifts.pop() % 12 == 0


@pytest.mark.parametrize("n_bars", [9, 10, 11, 12, 13, 15, 16, 17, 20, 24, 27, 32, 40, 48, 61, 64, 96])
def test_a_longer_piece_has_no_hole(tune: Path, n_bars: int) -> None:
    plan = make_plan(GenerateRequest(melody=str(tune), bars=n_bars))
    assert sum(s.n_bars for s in plan.sections.value) == plan.n_bars.value == n_bars
    for section in plan.sections.value:
        assert section.material in ("a", "i", "z")
        assert section.material == "a" or section.n_bars <= 16
    assert plan.sections.value[-1].material == "a"
    assert any("the piece" in remark for remark in plan.remarks)


def test_a_shorter_piece_keeps_phrases_and_the_end(tune: Path) -> None:
    plan = make_plan(GenerateRequest(melody=str(tune), bars=6))
    assert [(s.name, s.n_bars) for s in plan.sections.value] == [("A", 4), ("outro", 2)]
    assert len(plan.sketch[0].notes) == 18
    assert plan.sketch_left_out == (6,)
    assert plan.sketch[0].notes[-1].pitch == 67 + (0, 2, 4, 5, 7, 5, 4, 2)[23 % 8]
    assert any("bars 5 to 6 of them are left out" in remark for remark in plan.remarks)


def test_upbeat_tempo_changes_and_trailing_silence(tmp_path: Path) -> None:
    notes = (Note(3.0, 1.0, 67), *(Note(4.0 + i, 1.0, 60 + i % 5) for i in range(31)))
    score = Score(
        (Track("lead", "melody", "flute", 73, False, notes),),
        60.0,
        (TempoPoint(0.0, 100.0), TempoPoint(16.0, 120.0), TempoPoint(32.0, 80.0)),
        (MetrePoint(0, Metre(4, 4)),),
        (KeyPoint(0.0, Key(0, "major")),),
    )
    path = tmp_path / "upbeat.mid"
    write_score(score, path)
    plan = make_plan(GenerateRequest(melody=str(path)))
    assert [(s.name, s.n_bars) for s in plan.sections.value] == [("upbeat", 1), ("A", 8)]
    assert [(t.bar, round(t.bpm)) for t in plan.tempo.value] == [(0.0, 100), (4.0, 120), (8.0, 80)]
    assert plan.duration_s.value == pytest.approx(16 * 0.6 + 16 * 0.5 + 4 * 0.75, abs=1e-3)
    again = make_plan(GenerateRequest(melody=str(path), bars=21, tempo_bpm=90.0))
    assert [(t.bar, round(t.bpm)) for t in again.tempo.value] == [(0.0, 90)]
    assert any("tempo changes are not kept" in remark for remark in again.remarks)
    intro = make_plan(GenerateRequest(melody=str(path), bars=20))
    assert intro.sections.value[0].name == "intro"
    assert intro.sketch[0].notes[0].start == pytest.approx(4.0 * intro.sections.value[0].n_bars - 1.0)


def test_chord_symbols_of_the_file_go_with_the_tune(tmp_path: Path) -> None:
    path = tmp_path / "sheet.abc"
    path.write_text('X:1\nM:4/4\nL:1/4\nK:C\n"C"C E G E|"F"F A c A|"G7"G B d B|"C"c4|\n', encoding="utf-8")
    plan = make_plan(GenerateRequest(melody=str(path), key="D major", bars=10))
    lane = plan.chords.value
    assert lane is not None
    first = next(s.start_bar for s in plan.sections.value if s.material == "a")
    under = [c.chord.symbol for c in lane.chords if c.chord is not None and first <= c.start_bar < first + 4]
    assert under == ["D", "G", "A7", "D"]
    assert sum(c.end_bar - c.start_bar for c in lane.chords) == pytest.approx(10.0)


def test_another_metre_is_a_conflict(tune: Path) -> None:
    plan = make_plan(GenerateRequest(melody=str(tune), metre="4/4"))
    assert (str(plan.first_metre), plan.n_bars.value) == ("4/4", 6)
    assert [(c.field, c.kept, c.dropped) for c in plan.conflicts] == [("metre", "4/4", "3/4")]


def test_midi_tracks_stay(tune: Path) -> None:
    plan = make_plan(GenerateRequest(words="", midi=str(tune)))
    assert [p.sketch for p in plan.parts if p.origin is Origin.GIVEN] == [0, 1]


def test_a_bad_file_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(PartimentoError):
        make_plan(GenerateRequest(words="pop", melody=str(tmp_path / "none.mid")))


def test_said_tempo_beats_the_files_and_alone_a_tune_has_one_energy(tune: Path) -> None:
    plan = make_plan(GenerateRequest(words="slow, solo flute", melody=str(tune)))
    assert plan.tempo.origin is Origin.SAID
    assert plan.tempo_bpm < 90.0
    assert len({s.energy for s in plan.sections.value}) == 1


def test_an_orchestra_leads_a_piano_tune_with_its_violins(tmp_path: Path) -> None:
    path = tmp_path / "tune.abc"
    path.write_text("X:1\nM:4/4\nL:1/4\nK:C\nC E G E|F A c A|G B d B|c4|\n", encoding="utf-8")
    plan = make_plan(GenerateRequest(words="epic orchestral", melody=str(path)))
    assert len(plan.parts) >= 8
    assert next(p for p in plan.parts if p.sketch is not None).instrument == "violin"


def test_a_trio_s_pianist_has_two_hands(tmp_path: Path) -> None:
    tune = tmp_path / "ode.abc"
    tune.write_text("X:1\nT:Ode\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\nE E F G|G F E D|C C D E|E3/2 D/ D2|\n", encoding="utf-8")
    plan = make_plan(GenerateRequest(words="jazz trio", melody=str(tune)))
    assert [(p.instrument, p.role) for p in plan.parts if p.instrument == "piano"] == [("piano", "melody"), ("piano", "chords")]
    assert {p.role for p in plan.parts} == {"melody", "chords", "bass", "drums"}
