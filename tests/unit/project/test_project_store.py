"""Projects: history, branches, exactness, and what is stored once; in a folder and in an archive."""

import numpy as np
import pytest

from partimento.audio import Waveform
from partimento.audio.exact import exact_sum, quantised, sum_after
from partimento.errors import FileError, RequestError
from partimento.plan.request import GenerateRequest
from partimento.project import Contents, Project
from partimento.project.store import BLOCK_SAMPLES, Store, StoredWave
from partimento.project.tree import history_lines


def mix_bytes(project: Project) -> bytes:
    return Project(project.folder).files.read("mix.wav")


def objects(project: Project) -> set[str]:
    files = Project(project.folder).files
    return {name for byte in range(256) for name in files.names(f"objects/{byte:02x}")}


def test_what_was_kept_comes_back_bit_for_bit(project, contents):
    loaded = Project(project.folder).load()
    for name, stem in contents(1).stems.items():
        assert np.array_equal(loaded.stems[name].samples, stem.samples)
    assert loaded.request == GenerateRequest("piano", seed=1)
    assert np.array_equal(loaded.mix.samples, exact_sum(contents(1).stems).samples)


def test_mix_is_the_exact_sum_in_any_order(contents):
    stems = contents(3, ("a", "b", "c")).stems
    backwards = dict(reversed(stems.items()))
    assert np.array_equal(exact_sum(stems).samples, exact_sum(backwards).samples)
    total = sum(s.samples.astype(np.float64) for s in stems.values())
    assert np.array_equal(exact_sum(stems).samples, np.clip(total, -1, 1 - 2**-23))


@pytest.mark.parametrize("loud", [0.2, 0.9], ids=["clear", "clipping"])
def test_a_sum_from_what_changed_is_the_sum(contents, loud):
    rng = np.random.default_rng(5)
    old = {
        name: quantised(Waveform(rng.uniform(-loud, loud, (2, 50_000)).astype(np.float32), 44_100))
        for name in ("a", "b", "c", "d")
    }
    louder = old["b"].samples.copy()
    louder[:, 20_000:30_000] *= np.float32(0.5)
    for new in (
        {**old, "b": quantised(Waveform(louder, 44_100))},
        {name: stem for name, stem in old.items() if name != "c"},
        {**old, "e": quantised(Waveform(louder, 44_100))},
        dict(old),
    ):
        total, (first, end) = sum_after(exact_sum(old), old, new)
        assert np.array_equal(total.samples, exact_sum(new).samples)
        differs = np.flatnonzero((total.samples != exact_sum(old).samples).any(axis=0))
        assert len(differs) == 0 or (first <= differs[0] and differs[-1] < end)


def test_history_undo_redo_branches(project, contents, edit):
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
    versions = Project(project.folder).versions()
    assert [v.number for v in versions] == [1, 2, 3, 4]
    with pytest.raises(RequestError, match="no version 9; there are versions 1 to 4"):
        project.checkout(9)
    drawn = [line.split("  ")[0] for line in history_lines(versions, 4)]
    assert drawn == ["○ 1", "├─○ 2", "│ ○ 3", "● 4"]


def test_undo_and_checkout_give_back_the_bytes(project, contents, edit):
    mixes = {1: mix_bytes(project)}
    for seed, names in ((7, ("piano", "bass")), (8, ("piano",)), (9, ("piano", "bass", "drums"))):
        version = edit(project, "x", contents(seed, names))
        mixes[version.number] = mix_bytes(project)
    assert len(set(mixes.values())) == 4
    for move in (
        project.undo,
        project.undo,
        project.undo,
        project.redo,
        lambda: project.checkout(4),
        lambda: project.checkout(2),
    ):
        version = move()
        assert mix_bytes(project) == mixes[version.number]
        loaded = Project(project.folder).load()
        assert np.array_equal(loaded.mix.samples, exact_sum(loaded.stems).samples)


def test_a_mix_that_somebody_changed_is_made_again(project, contents, edit):
    if project.folder.is_file():
        pytest.skip("inside an archive nothing can be changed beside it")
    good = mix_bytes(project)
    (project.folder / "mix.wav").write_bytes(good[:-600] + bytes(600))
    assert np.array_equal(Project(project.folder).load().mix.samples, exact_sum(contents(1).stems).samples)
    edit(project, "x", contents(2))
    project.undo()
    assert mix_bytes(project) == good


def test_only_blocks_that_changed_are_stored_again(project, contents, edit):
    long = contents(1, n=3 * BLOCK_SAMPLES + 10)
    edit(project, "long", long)
    before = objects(project)
    samples = long.stems["bass"].samples.copy()
    samples[:, BLOCK_SAMPLES + 5 : BLOCK_SAMPLES + 9] = 0.25
    samples[:, 2 * BLOCK_SAMPLES :] = 0.0
    changed = Contents(long.request, None, None, long.report, {**long.stems, "bass": Waveform(samples, 44_100)})
    edit(project, "a click, and silence", changed)
    new = {name for name in objects(project) - before if name.endswith(".flac")}
    assert len(new) == 1
    assert np.array_equal(Project(project.folder).load().stems["bass"].samples, samples)
    edit(project, "as it was", long)
    assert {name for name in objects(project) - before if name.endswith(".flac")} == new


def test_parts_are_read_without_the_rest(project, contents, edit):
    n = 3 * BLOCK_SAMPLES + 10
    edit(project, "long", contents(6, n=n))
    whole = contents(6, n=n).stems["bass"].samples
    for start, end in ((0, 5), (BLOCK_SAMPLES - 3, BLOCK_SAMPLES + 3), (n - 4, n + 99), (7, 7), (-5, 4)):
        stem = Project(project.folder).load().stems["bass"]
        assert np.array_equal(stem.part(start, end).samples, whole[:, max(0, start) : max(0, end)])
    read = []
    store = Project(project.folder).store
    stem = store.get_audio(project.head.stems["bass"])
    store.read_block = lambda name, into: read.append(name) or Store.read_block(store, name, into)
    stem.part(2 * BLOCK_SAMPLES, 2 * BLOCK_SAMPLES + 1)
    assert read == [stem.manifest.blocks[2]]


def test_a_new_project_takes_no_place_that_is_taken(project, contents, tmp_path):
    with pytest.raises(FileError, match="exists already"):
        Project.create(project.folder, contents(1), {}, "again")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FileError, match="exists already"):
        Project.create(tmp_path / "mine", contents(1), {}, "again")
    with pytest.raises(FileError, match="does not exist"):
        Project.create(tmp_path / "no" / "a.partimento", contents(1), {}, "again")


def test_equal_histories_make_equal_archives(tmp_path, contents, edit):
    for name in ("a.partimento", "b.partimento"):
        edit(Project.create(tmp_path / name, contents(1), {"seed": 1}, "piano"), "x", contents(2))
    assert (tmp_path / "a.partimento").read_bytes() == (tmp_path / "b.partimento").read_bytes()


def test_a_sound_that_is_read_whole_is_read_once(project, monkeypatch):
    stem = next(iter(Project(project.folder).load().stems.values()))
    reads = []
    read = StoredWave._read
    monkeypatch.setattr(StoredWave, "_read", lambda self, *blocks: reads.append(blocks) or read(self, *blocks))
    whole = stem.part(0, stem.n_samples)
    assert np.array_equal(stem.samples, whole.samples)
    assert stem.part(5, 3).n_samples == 0
    assert len(reads) == 1
