"""Plans and tunes by any systems in the tables of ours."""

import csv
import json
from importlib.util import find_spec

import numpy as np
import pytest

from partimento.cli.main import main
from partimento.errors import FileError, RequestError
from partimento.evaluate.compose_baselines import random_walk
from partimento.evaluate.systems import plans, tunes
from partimento.score.chord import Chord
from partimento.score.io import write_score
from partimento.score.score import ChordSpan, Note, Score, Track

LABEL = {"absent": [], "optional": [], "order": [], "tempo": {"bpm": None, "word": None}, "key": None, "metre": None, "note": ""}
LABELS = [
    {**LABEL, "id": "one", "text": "slow piano", "present": ["piano"], "tempo": {"bpm": None, "word": "slow"}},
    {
        **LABEL,
        "id": "two",
        "text": "flute and harp, no drums, in 3/4",
        "present": ["flute", "harp"],
        "absent": ["drums"],
        "metre": "3/4",
    },
]


def plan_folder(tmp_path, name, **files):
    folder = tmp_path / name
    folder.mkdir()
    for stem, content in files.items():
        (folder / f"{stem}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_plans_of_others_are_counted_like_ours(tmp_path):
    good = plan_folder(tmp_path, "good", one=LABELS[0], two=LABELS[1])
    half = plan_folder(tmp_path, "half", one={"present": ["piano", "violin"]}, broken="{", two={"tempo": {"bpm": float("nan")}})
    table = plans.evaluate_plan_systems(plans.Options((good, half)), LABELS, {}, "command")
    rows = {row.system: row for row in table.rows}
    assert rows["good"].figures["instruments P"].value == rows["good"].figures["negations R"].value == 1.0
    assert rows["good"].figures["instruments R"].n == 3
    assert rows["half"].figures["instruments P"].value == 0.5
    assert rows["half"].figures["tempo word R"].value == 0.0
    assert "tempo word P" not in rows["half"].figures  # nothing was claimed
    assert (rows["half"].n_clips, rows["half"].n_skipped, rows["half"].partial) == (1, 2, True)
    assert rows[plans.OURS].figures["instruments R"].value == 1.0
    assert any("broken.json" in line for line in table.skipped)
    assert any("'two'" in line for line in table.skipped)
    assert "silent" not in table.markdown()


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"id": 3}', '{"tempo": 90}', '{"tempo": {"word": "brisk"}}', '{"tempo": {"bpm": -1}}', '{"order": "ab"}',
     '{"tempo": {"bpm": true}}', '{"order": [["a"]]}', '{"present": [1]}', '{"metre": 3}', '{"tempo": {"bpm": 1e999}}',
     "[" * 100_000],
)  # fmt: skip
def test_what_is_no_plan_is_left_out_by_name(tmp_path, text):
    found, left_out, _ = plans.read_plans(plan_folder(tmp_path, "s", one=text, two={"present": []}))
    assert list(found) == ["two"]
    assert len(left_out) == 1
    assert left_out[0].startswith("one.json: ")


def test_systems_without_plans_are_refused(tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match="no plans"):
        plans.read_plans(tmp_path / "none")
    with pytest.raises(FileError, match="neither"):
        plans.read_plans(tmp_path / "missing")
    foreign = plan_folder(tmp_path, "foreign", three={"present": []})
    with pytest.raises(RequestError, match="'three'"):
        plans.evaluate_plan_systems(plans.Options((foreign,)), LABELS, {}, "command")


def test_the_command_writes_the_plans_table(tmp_path, capsys):
    labels = tmp_path / "set.jsonl"
    labels.write_text("\n".join(map(json.dumps, LABELS)))
    folder = plan_folder(tmp_path, "theirs", one=LABELS[0], two=LABELS[1])
    out = tmp_path / "out"
    assert main(["evaluate", "plan", "--systems", str(folder), "--labels", str(labels), "--out", str(out), "--quiet"]) == 0
    assert "theirs" in capsys.readouterr().out
    with (out / "plan_systems.csv").open() as file:
        assert {row["system"] for row in csv.DictReader(file)} == {"theirs", plans.OURS}
    assert json.loads((out / "plan_systems.json").read_text())["items"] == "texts"


def sheet(seed, n_bars=12, chords=True):
    rng = np.random.default_rng(seed)
    line = random_walk((), Score((), 4.0).metre, Score((), 4.0).key, n_bars, 100.0, rng)
    spans = tuple(ChordSpan(4.0 * b, 4.0 * b + 4, Chord(0, (0, 4, 7), 0, "C")) for b in range(n_bars)) if chords else ()
    return Score((Track("tune", "melody", "flute", 73, False, line),), 4.0 * n_bars, chords=spans)


@pytest.fixture
def sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(tunes, "split", lambda names: (tuple(sorted(names)), ()))
    folder = tmp_path / "sheets"
    folder.mkdir()
    for seed in range(12):
        write_score(sheet(seed), folder / f"{seed}.musicxml")
    return folder


def test_tunes_of_others_in_the_table_of_ours(sheets, tmp_path, monkeypatch):
    monkeypatch.setattr(tunes, "MIN_TUNES", 100)  # classifiers have a test of their own
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for seed in range(2):
        write_score(sheet(100 + seed, chords=False), theirs / f"{seed}.mid")
    write_score(sheet(3), theirs / "copy.musicxml")
    (theirs / "bad.mid").write_bytes(b"junk")
    write_score(Score((Track("t", "melody", "flute", 73, False, (Note(0, 1, 60),)),), 4.0), theirs / "short.mid")
    table = tunes.evaluate_compose_systems(tunes.Options((theirs,), sheets), "command", composer=random_walk)
    rows = {row.system: row for row in table.rows}
    row = rows["theirs"]
    assert (row.n_clips, row.n_skipped, row.partial) == (3, 2, True)
    assert row.figures["copies"].value == pytest.approx(1 / 3)
    assert row.figures["longest run"].value > 20
    assert row.figures["features"].value < rows[tunes.REAL].figures["features"].value  # no chords in two of three
    assert "AUC logistic" not in row.figures
    assert {tunes.OURS, "Markov chain (baseline)", "random walk (baseline)"} < set(rows)
    assert any("bad.mid" in line for line in table.skipped)
    assert any("short.mid" in line for line in table.skipped)


@pytest.mark.skipif(find_spec("sklearn") is None, reason="needs scikit-learn")
def test_classifiers_tell_a_strange_system_from_the_sheets(sheets, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for seed in range(10):
        line = tuple(Note(float(i), 1.0, 60 + (i + seed) % 2) for i in range(48))
        write_score(Score((Track("t", "melody", "flute", 73, False, line),), 48.0), theirs / f"{seed}.mid")
    table = tunes.evaluate_compose_systems(tunes.Options((theirs,), sheets, ours=False), "command")
    assert table.rows[1].figures["AUC logistic"].value > 0.9


def test_tunes_that_are_not_there(sheets, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match="no scores"):
        tunes.read_tunes(tmp_path / "none")
    with pytest.raises(FileError, match="not a folder"):
        tunes.read_tunes(tmp_path / "missing")
    (tmp_path / "none" / "x.mid").write_bytes(b"")
    with pytest.raises(RequestError, match=r"x\.mid"):
        tunes.evaluate_compose_systems(tunes.Options((tmp_path / "none",), sheets), "command")
