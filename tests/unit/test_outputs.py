"""Results on disk: all files or none, whatever goes wrong while they are written."""

from __future__ import annotations

import numpy as np
import pytest

from partimento import outputs
from partimento.audio.waveform import Waveform
from partimento.errors import FileError
from partimento.outputs import OutputPaths, save
from partimento.paths import check_folder
from partimento.pipeline import make_plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Performance, Report, Result


@pytest.fixture
def result():
    request = GenerateRequest("piano and bass", duration_s=4.0)
    stem = Waveform(np.full((2, 400), 0.1, np.float32), 44_100)
    performance = Performance(Waveform(stem.samples * 2, 44_100), {"piano": stem, "bass": stem})
    provenance = {"software": "test", "model": "score", "seed": 0, "index": 0, "request_sha256": "0"}
    return Result(request, make_plan(request), performance, Report(()), provenance)


def full_disk_after(monkeypatch, n_files, error):
    real, count = outputs.write_audio, [0]

    def write(path, *args, **named):
        count[0] += 1
        if count[0] > n_files:
            raise error
        return real(path, *args, **named)

    monkeypatch.setattr(outputs, "write_audio", write)


@pytest.mark.parametrize("n_files", [0, 1, 2])
@pytest.mark.parametrize("error", [FileError("cannot write: No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_leaves_nothing_behind(result, tmp_path, monkeypatch, n_files, error):
    full_disk_after(monkeypatch, n_files, error)
    with pytest.raises(type(error)):
        save(result, OutputPaths(tmp_path / "out.wav", tmp_path / "new" / "stems"))
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(result, tmp_path, monkeypatch):
    stems = tmp_path / "stems"
    stems.mkdir()
    (stems / "notes.txt").write_text("mine")
    save(result, OutputPaths(tmp_path / "out.wav", stems))
    full_disk_after(monkeypatch, 1, FileError("cannot write: No space left on device"))
    with pytest.raises(FileError):
        save(result, OutputPaths(tmp_path / "out.wav", stems))
    assert (stems / "notes.txt").read_text() == "mine"
    assert (tmp_path / "out.wav").stat().st_size > 0
    assert sorted(p.name for p in stems.iterdir()) == ["bass.wav", "notes.txt", "piano.wav"]


def test_checking_creates_nothing(tmp_path):
    paths = OutputPaths(tmp_path / "out.wav", tmp_path / "a" / "stems")
    paths.check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="not a folder"):
        check_folder(tmp_path / "file" / "stems")
    with pytest.raises(FileError, match="not a folder"):
        OutputPaths(tmp_path / "out.wav", tmp_path / "file").check()
