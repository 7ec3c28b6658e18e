"""Killed at any file operation, a project opens with its last complete version, and the next edit works."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from partimento.project import Project

# Counts every call that changes a file, and dies with SIGKILL right before (or, for a write, in the middle of) the n-th.
KILLER = """
import os, signal, sys, io, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from partimento.project import Project
from partimento.plan.edit import EditOperation, EditPlan, EditRequest
import filelock, soundfile
left = int(sys.argv[2])

def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def wrapped(real):
    def call(*args, **more):
        step()
        return real(*args, **more)
    return call

for name in ("replace", "rename", "unlink", "mkdir", "chmod", "fsync", "remove"):
    setattr(os, name, wrapped(getattr(os, name)))
tempfile.mkstemp = wrapped(tempfile.mkstemp)
real_fdopen = os.fdopen

class Half:
    # A file that is killed with half of its data written.
    def __init__(self, file):
        self.file = file
    def write(self, data):
        global left
        if left == 1:
            self.file.write(bytes(data)[: len(data) // 2])
            self.file.flush()
        step()
        return self.file.write(data)
    def __getattr__(self, name):
        return getattr(self.file, name)
    def __enter__(self):
        return self
    def __exit__(self, *args):
        self.file.close()

os.fdopen = lambda *args, **more: Half(real_fdopen(*args, **more))

from killed_contents import contents
project = Project(Path(sys.argv[1]))
plan = EditPlan((EditOperation("remove", ("bass",)),))
project.commit(contents(99, ("piano", "bass", "drums")), EditRequest("dies"), plan, ("x",), {})
print("finished")
"""
HELPER = """
import numpy as np
from partimento.audio import Waveform
from partimento.audio.exact import quantised
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Report
from partimento.project import Contents

def contents(seed, names):
    rng = np.random.default_rng(seed)
    stems = {name: quantised(Waveform(rng.uniform(-0.4, 0.4, (2, 70_000)).astype(np.float32), 44_100)) for name in names}
    return Contents(GenerateRequest("piano", seed=seed), None, None, Report(()), stems)
"""


def kill_at(path: Path, step: int) -> bool:
    """Edit in a process of its own that dies at the step; False when it finished before."""
    folder = path.parent / "code"
    folder.mkdir(exist_ok=True)
    (folder / "killed_contents.py").write_text(HELPER)
    command = [sys.executable, "-c", KILLER, str(path), str(step), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def check(path: Path, contents, edit, before) -> int:
    """Open it, look at it, edit it; returns the version that it opened with."""
    opened = Project(path)
    number = opened.head.number
    loaded = opened.load()
    if number == 1:
        assert all(np.array_equal(loaded.stems[name].samples, samples) for name, samples in before.items())
    assert loaded.mix.n_samples in (2_000, 70_000)
    assert [v.number for v in opened.versions()] == list(range(1, number + 1))
    again = edit(opened, "goes on", contents(3))
    assert again.number == number + 1
    assert again.parent == number
    assert np.array_equal(Project(path).load().stems["bass"].samples, contents(3).stems["bass"].samples)
    assert Project(path).checkout(1).number == 1
    place = path if path.is_dir() else path.parent
    assert not [p for p in place.rglob("*") if p.name.endswith(".part")]
    return number


def killed(path: Path, steps, contents, edit) -> list[int]:
    """Which versions the project opened with after each kill."""
    opened = []
    project = Project.create(path, contents(1), {}, "piano")
    before = {name: stem.samples.copy() for name, stem in project.load().stems.items()}
    whole = {p: p.read_bytes() for p in (path, *path.rglob("*")) if p.is_file()}
    for step in steps:
        for p in path.rglob("*"):
            if p.is_file() and p not in whole:
                p.unlink()
        for p, data in whole.items():
            p.write_bytes(data)
        if not kill_at(path, step):
            break
        opened.append(check(path, contents, edit, before))
    return opened


@pytest.mark.parametrize(("name", "steps"), [("song", (1, 7, 20)), ("song.partimento", (1, 4, 6))])
def test_killed_at_a_few_steps(tmp_path, contents, edit, name, steps):
    assert killed(tmp_path / name, steps, contents, edit) == [1, 1, 1]


@pytest.mark.slow
def test_killed_at_fifty_steps(tmp_path, contents, edit):
    for name in ("song", "song.partimento"):
        opened = killed(tmp_path / name, range(1, 51), contents, edit)
        assert len(opened) == 50, f"{name}: the edit was finished after {len(opened)} steps"
        assert set(opened) <= {1, 2}


@pytest.mark.parametrize("name", ["song", "song.partimento"])
def test_killed_right_after_the_last_step_it_is_the_new_version(tmp_path, contents, edit, name):
    path = tmp_path / name
    project = Project.create(path, contents(1), {}, "piano")
    before = {stem: wave.samples.copy() for stem, wave in project.load().stems.items()}
    assert not kill_at(path, 10_000)
    assert check(path, contents, edit, before) == 2
