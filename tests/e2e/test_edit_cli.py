"""Edits from the command line: what is refused is refused in one line, and nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def cli(*args: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "partimento", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edits")
    done = cli("generate", "folk for flute, acoustic guitar and double bass", "--duration", "8", "-o", "song", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_dry_run_changes_nothing(song):
    before = (song / "song" / "project.json").read_bytes()
    done = cli("edit", "song", "remove the guitar", "--dry-run", "--json", cwd=song)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["operations"][0]["op"] == "remove"
    assert (song / "song" / "project.json").read_bytes() == before


def test_dry_run_shows_what_a_vague_word_comes_to(song):
    done = cli("edit", "song", "warmer in the last two bars", "--dry-run", "--json", cwd=song)
    (controls,) = [o["controls"] for o in json.loads(done.stdout)[0]["operations"]]
    assert controls[0] == "low shelf up to +4.5 dB at 280 Hz"
    shown = cli("edit", "song", "warmer in the last two bars", "--dry-run", cwd=song).stdout
    assert "low shelf up to +4.5 dB at 280 Hz" in shown
    assert "the last 2 bars" in shown


def test_edit_undo_redo_give_back_the_bytes(song):
    mix = song / "song" / "mix.wav"
    before = mix.read_bytes()
    assert cli("edit", "song", "把吉他去掉", "--yes", cwd=song).returncode == 0
    after = mix.read_bytes()
    assert after != before
    assert cli("undo", "song", cwd=song).returncode == 0
    assert mix.read_bytes() == before
    assert cli("redo", "song", cwd=song).returncode == 0
    assert mix.read_bytes() == after
    assert cli("checkout", "song", "1", cwd=song).returncode == 0
    versions = json.loads(cli("history", "song", "--json", cwd=song).stdout)
    assert versions["head"] == 1


@pytest.mark.parametrize(
    ("args", "mention"),
    [
        (("edit", "song", "make my coffee stronger"), ""),
        (("edit", "song", "remove the flute", "--bars", "90-99"), "90"),
        (("edit", "song", "remove the flute", "--bars", "x"), "--bars x"),
        (("edit", "song", "louder", "--stem", "tuba"), "tuba"),
        (("edit", "song", ""), "no instruction"),
        (("edit", "nowhere", "remove the flute"), "nowhere"),
        (("edit", "song", "remove the flute", "--pick", "9"), "--pick 9"),
        (("checkout", "song", "77"), "77"),
        (("generate", "folk", "-o", "song"), "exists already"),
    ],
)
def test_refusals(song, args, mention):
    before = (song / "song" / "project.json").read_bytes()
    done = cli(*args, cwd=song)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert mention in done.stderr
    assert (song / "song" / "project.json").read_bytes() == before
