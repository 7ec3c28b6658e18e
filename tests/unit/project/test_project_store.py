"""Projects on disk: history, branches, exactness, damage, and being killed at any moment."""

import json
import multiprocessing
import os

import numpy as np
import pytest

from partimento.audio import Waveform, read_audio
from partimento.audio.exact import exact_sum, quantised
from partimento.errors import FileError, RequestError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Report
from partimento.project import Contents, Project


def contents(seed: int, names=("piano", "bass")) -> Contents:
    rng = np.random.default_rng(seed)
    stems = {name: quantised(Waveform(rng.uniform(-0.4, 0.4, (2, 2_000)).astype(np.float32), 44_100)) for name in names}
    return Contents(GenerateRequest("piano", seed=seed), None, None, Report(()), stems)


def edit(project: Project, words: str, new: Contents, parent: int | None = None):
    plan = EditPlan((EditOperation("remove", ("bass",)),))
    return project.commit(new, EditRequest(words), plan, ("bass removed",), {}, parent)


@pytest.fixture
def project(tmp_path):
    return Project.create(tmp_path / "song", contents(1), {"seed": 1}, "piano")


def test_what_was_kept_comes_back_bit_for_bit(project):
    loaded = Project(project.folder).load()
    for name, stem in contents(1).stems.items():
        assert np.array_equal(loaded.stems[name].samples, stem.samples)
    assert loaded.request == GenerateRequest("piano", seed=1)
    assert np.array_equal(read_audio(project.folder / "mix.wav").samples, loaded.mix.samples)


def test_mix_is_the_exact_sum_in_any_order():
    stems = contents(3, ("a", "b", "c")).stems
    backwards = dict(reversed(stems.items()))
    assert np.array_equal(exact_sum(stems).samples, exact_sum(backwards).samples)
    total = sum(s.samples.astype(np.float64) for s in stems.values())
    assert np.array_equal(exact_sum(stems).samples, np.clip(total, -1, 1 - 2**-23))


def test_history_undo_redo_branches(project):
    edit(project, "remove the bass", contents(1, ("piano",)))
    edit(project, "again", contents(2))
    assert [v.number for v in project.lineage()] == [1, 2, 3]
    assert project.undo().number == 2
    assert project.undo().number == 1
    with pytest.raises(RequestError, match="nothing to undo"):
        project.undo()
    assert project.redo().number == 2
    assert project.redo().number == 3
    with pytest.raises(RequestError, match="nothing to redo"):
        project.redo()
    project.checkout(1)
    branch = edit(project, "other way", contents(4))
    assert (branch.number, branch.parent) == (4, 1)
    assert [v.number for v in Project(project.folder).versions()] == [1, 2, 3, 4]
    with pytest.raises(RequestError, match="no version 9; there are versions 1 to 4"):
        project.checkout(9)


def test_undo_gives_the_same_mix_bytes(project):
    before = (project.folder / "mix.wav").read_bytes()
    edit(project, "x", contents(7))
    assert (project.folder / "mix.wav").read_bytes() != before
    project.undo()
    assert (project.folder / "mix.wav").read_bytes() == before


def test_unchanged_stems_are_stored_once(project):
    def n_flac() -> int:
        return len(list(project.folder.rglob("*.flac")))

    assert n_flac() == 2
    edit(project, "remove the bass", contents(1, ("piano",)))
    assert n_flac() == 2


def test_newer_damaged_and_missing(project, tmp_path):
    with pytest.raises(FileError, match="not a project"):
        Project(tmp_path)
    with pytest.raises(FileError, match="exists already"):
        Project.create(project.folder, contents(1), {}, "again")
    stem = next(project.folder.rglob("*.flac"))
    whole = stem.read_bytes()
    stem.write_bytes(whole[:-9] + b"damaged!!")
    with pytest.raises(FileError, match="damaged"):
        [stem.samples for stem in project.load().stems.values()]
    state = project.folder / "project.json"
    state.write_text(json.dumps({"format": 99, "head": 1}))
    with pytest.raises(FileError, match="newer Partimento"):
        Project(project.folder)
    state.write_text("{")
    with pytest.raises(FileError, match="damaged"):
        Project(project.folder)


def test_two_processes_do_not_overwrite_each_other(project):
    other = Project(project.folder)
    edit(other, "first", contents(5))
    with pytest.raises(FileError, match="changed by another process"):
        edit(project, "second", contents(6))


def test_a_held_lock_is_said(project):
    from filelock import FileLock

    with FileLock(project.folder / ".lock"), pytest.raises(FileError, match="being edited by another process"):
        edit(project, "x", contents(5))


def _edit_and_die(folder, step: int) -> None:
    """Commit a version, but die right before the ``step``-th rename."""
    real, count = os.replace, 0

    def replace(a, b):
        nonlocal count
        count += 1
        if count == step:
            os._exit(9)
        real(a, b)

    os.replace = replace
    edit(Project(folder), "dies", contents(99, ("piano", "bass", "drums")))


@pytest.mark.parametrize("step", range(1, 11))
def test_killed_at_any_rename_the_last_complete_version_opens(project, step):
    before = {name: s.samples.copy() for name, s in project.load().stems.items()}
    child = multiprocessing.get_context("fork").Process(target=_edit_and_die, args=(project.folder, step))
    child.start()
    child.join()
    again = Project(project.folder)
    assert again.head.number in (1, 2)
    loaded = again.load()
    if again.head.number == 1:
        assert all(np.array_equal(loaded.stems[name].samples, samples) for name, samples in before.items())
    edit(again, "goes on", contents(3))
    assert again.load().mix.n_samples == 2_000
