"""Projects: edited, undone, and made again from their requests."""

import numpy as np
import pytest

from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.plan.request import GenerateRequest
from partimento.project import Project
from partimento.sessions import create_project, edit_project, replay

EDITS = [
    EditOperation("add", instrument="strings", region=Region("bars", 2, 2)),
    EditOperation("gain", ("bass",), amount=-3.0, unit="dB"),
    EditOperation("replace", ("piano",), instrument="vibraphone"),
    EditOperation("effect", ("bass",), value="warmer"),
    EditOperation("transpose", amount=2.0, unit="semitones"),
]


def test_edit_undo_replay(tmp_path):
    request = GenerateRequest("jazz with piano, bass and drums", duration_s=5.0, seed=4, sample_rate=16_000)
    project = create_project(tmp_path / "song", request)
    mixes = [(project.folder / "mix.wav").read_bytes()]
    for i, operation in enumerate(EDITS):
        version, edited = edit_project(project, EditRequest(f"edit {i}", seed=i), EditPlan((operation,)))
        assert version.number == i + 2
        assert version.changed == edited.changed
        mixes.append((project.folder / "mix.wav").read_bytes())
    assert len(set(mixes)) == len(mixes)
    loaded = Project(project.folder).load()
    assert all(np.array_equal(loaded.stems[n].samples, s.samples) for n, s in edited.contents.stems.items())
    assert loaded.sound == edited.contents.sound
    again = replay(project, tmp_path / "again")
    assert (again.folder / "mix.wav").read_bytes() == mixes[-1]
    assert again.head.stems == project.head.stems
    assert again.head.objects == project.head.objects
    for mix in mixes[-2::-1]:
        project.undo()
        assert (project.folder / "mix.wav").read_bytes() == mix


def test_a_failed_edit_leaves_the_project_alone(tmp_path):
    request = GenerateRequest("piano", duration_s=3.0, sample_rate=16_000)
    project = create_project(tmp_path / "song", request)
    with pytest.raises(UnsupportedError):
        edit_project(project, EditRequest("x"), EditPlan((EditOperation("effect", value="purple"),)))
    assert Project(project.folder).head.number == 1


def test_replay_makes_branches_again(tmp_path):
    request = GenerateRequest("piano and bass", duration_s=3.0, seed=2, sample_rate=16_000)
    project = create_project(tmp_path / "song", request)
    edit_project(project, EditRequest("a"), EditPlan((EditOperation("gain", ("bass",), amount=-3.0, unit="dB"),)))
    project.checkout(1)
    edit_project(project, EditRequest("b"), EditPlan((EditOperation("remove", ("bass",)),)))
    edit_project(project, EditRequest("c"), EditPlan((EditOperation("gain", ("piano",), amount=-6.0, unit="dB"),)))
    project.undo()
    again = replay(project, tmp_path / "again")
    assert again.head.number == project.head.number == 3
    rows = [[(v.number, v.parent, v.mix_sha256, v.stems) for v in p.versions()] for p in (project, again)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4
