"""Projects in one file from the command line: the same as the folder, edited, undone, exported, replayed; and two at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from partimento.audio import read_audio
from partimento.project import Project

COMMAND = [sys.executable, "-m", "partimento"]


def cli(*args: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, *args], cwd=cwd, capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    done = cli(
        "generate", "folk for flute, acoustic guitar and double bass", "--duration", "8", "-o", "song.partimento", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "3 stems" in done.stdout
    assert os.listdir(folder) == ["song.partimento"]
    return folder


def test_an_archive_is_edited_undone_exported_replayed_and_heard(place):
    first = (place / "song.partimento").read_bytes()
    assert cli("edit", "song.partimento", "remove the guitar", "--yes", "--dry-run", cwd=place).returncode == 0
    assert (place / "song.partimento").read_bytes() == first
    assert cli("checkout", "song.partimento", "-o", "1.flac", "--stems", "stems-1", cwd=place).returncode == 0
    done = cli("edit", "song.partimento", "remove the guitar", "--yes", cwd=place)
    assert done.returncode == 0, done.stderr
    assert cli("edit", "song.partimento", "make the flute softer in bar 2", "--yes", cwd=place).returncode == 0
    done = cli("history", "song.partimento", cwd=place)
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["○", "1"], ["○", "2"], ["●", "3"]]
    assert cli("undo", "song.partimento", cwd=place).returncode == 0
    outputs = ["-o", "again.flac", "--stems", "stems-again", "--midi-out", "again.mid", "--report", "again.json"]
    done = cli("undo", "song.partimento", *outputs, cwd=place)
    assert done.returncode == 0, done.stderr
    assert (place / "again.flac").read_bytes() == (place / "1.flac").read_bytes()
    assert sorted(os.listdir(place / "stems-again")) == sorted(os.listdir(place / "stems-1"))
    for stem in (place / "stems-1").iterdir():
        assert (place / "stems-again" / stem.name).read_bytes() == stem.read_bytes()
    total = sum(read_audio(p).samples.astype("f8") for p in (place / "stems-1").iterdir())
    assert (total == read_audio(place / "1.flac").samples).all()
    assert json.loads((place / "again.json").read_text())["findings"]
    assert cli("redo", "song.partimento", cwd=place).returncode == 0
    done = cli("replay", "song.partimento", "-o", "copy.partimento", "--json", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    same = {"mix_same": True, "stems_same": True, "different": []}
    assert json.loads(done.stdout) == {"project": "copy.partimento", "version": 2, "versions": 3, **same}
    done = cli("listen", "song.partimento", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    assert not [name for name in os.listdir(place) if name.startswith(".")]


@pytest.mark.parametrize(
    ("args", "mention"),
    [
        (("edit", "song.partimento", "remove the flute", "--bars", "90-99"), "90"),
        (("edit", "song.partimento", "remove the flute", "--from", "900"), "900"),
        (("edit", "song.partimento", "remove the tuba"), "tuba"),
        (("edit", "song.partimento", "louder", "--stem", "tuba"), "tuba"),
        (("edit", "song.partimento", "add a zorgophone"), ""),
        (("undo", "missing.partimento"), "missing.partimento"),
        (("history", "."), "project.json"),
        (("checkout", "song.partimento", "77"), "77"),
        (("checkout", "song.partimento", "--midi-out", "a.xyz"), ".xyz"),
        (("checkout", "song.partimento", "-o", "no/such/a.wav"), "does not exist"),
        (("replay", "song.partimento", "-o", "song.partimento"), "the project itself"),
        (("generate", "folk", "-o", "song.partimento"), "exists already"),
        (("generate", "folk", "-o", "no/such/song.partimento"), "does not exist"),
        (("generate", "folk", "-o", "b.partimento", "--n", "2"), "--n"),
    ],
)
def test_refusals(place, args, mention):
    before = (place / "song.partimento").read_bytes()
    done = cli(*args, cwd=place)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert mention in done.stderr
    assert (place / "song.partimento").read_bytes() == before


@pytest.mark.parametrize("name", ["two", "two.partimento"])
def test_two_processes_edit_one_project_one_after_the_other(place, name):
    assert cli("generate", "flute and double bass", "--duration", "4", "-o", name, cwd=place).returncode == 0
    both = [
        subprocess.Popen([*COMMAND, "edit", name, words, "--yes", "--quiet"], cwd=place, stderr=subprocess.PIPE, text=True)
        for words in ("make the flute louder", "make the bass softer")
    ]
    for process in both:
        _, error = process.communicate(timeout=180)
        assert process.returncode in (0, 2), error
        assert len(error.strip().splitlines()) <= 1, error
    project = Project(place / name)
    assert project.head.number == 1 + sum(process.returncode == 0 for process in both)
    assert [v.parent for v in project.versions()] == [None, *range(1, project.head.number)]
    assert any(process.returncode == 0 for process in both)
