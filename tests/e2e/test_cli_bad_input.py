"""Whatever a user gets wrong: one clear line on stderr, exit code 2, no traceback, no partial file."""

import functools
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def cli(*args: str, cwd: Path, stdin: str | None = None, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "partimento", *args], cwd=cwd, capture_output=True, text=True, input=stdin, timeout=120, **more
    )


def assert_refused(done: subprocess.CompletedProcess, folder: Path, *mentions: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("partimento"), done.stderr
    for word in mentions:
        assert word in last, last
    assert not [p for p in folder.rglob("*") if p.suffix in {".part", ".wav"} and p.is_file() and p.name != "kept.wav"]


@pytest.mark.parametrize(
    ("args", "mentions"),
    [
        ([""], ["nothing was asked"]),
        (["piano", "--tempo", "0"], ["tempo 0", "20"]),
        (["piano", "--tempo", "10000"], ["tempo 10000", "400"]),
        (["piano", "--tempo", "nan"], ["tempo nan"]),
        (["piano", "--duration", "-3"], ["duration -3"]),
        (["piano", "--bars", "0"], ["bars 0"]),
        (["piano", "--seed", "-1"], ["seed -1"]),
        (["piano", "--chords", "Am7 | Hm7"], ["Hm7"]),
        (["piano", "--key", "H flat purple"], ["key"]),
        (["piano", "--metre", "4/5"], ["4/5"]),
        (["piano", "--style", "polka-core"], ["polka-core"]),
        (["piano", "--model", "gpt-9"], ["gpt-9", "score"]),
        (["piano", "--soundfont", "nowhere.sf2"], ["nowhere.sf2"]),
        (["piano", "--midi", "nowhere.mid"], ["nowhere.mid"]),
        (["piano", "--n", "0"], ["--n 0"]),
    ],
)
def test_bad_values(tmp_path, args, mentions):
    assert_refused(cli("generate", *args, "-o", "out.wav", cwd=tmp_path), tmp_path, *mentions)


def test_a_prompt_of_100_kilobytes(tmp_path):
    assert_refused(cli("generate", "-", "-o", "out.wav", cwd=tmp_path, stdin="piano " * 17_000), tmp_path, "limit is 4000")


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".mxl", ".abc"])
@pytest.mark.parametrize("content", [b"", b"\x00\xffnot a score" * 50])
def test_corrupt_and_empty_scores(tmp_path, suffix, content):
    bad = tmp_path / f"bad{suffix}"
    bad.write_bytes(content)
    assert_refused(cli("generate", "--melody", bad.name, "-o", "out.wav", cwd=tmp_path), tmp_path, bad.name)


@pytest.mark.parametrize("content", [b"", b"\x00\xffnot a sound" * 50])
def test_corrupt_and_empty_recordings(tmp_path, content):
    (tmp_path / "kept.wav").write_bytes(content)
    assert_refused(cli("listen", "kept.wav", cwd=tmp_path), tmp_path, "kept.wav")


def test_outputs_that_cannot_be_written(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    assert_refused(cli("generate", "piano", "-o", "no/such/out.wav", cwd=tmp_path), tmp_path, "does not exist")
    done = cli("generate", "piano", "-o", "folder.wav", cwd=tmp_path)
    assert done.returncode == 2
    assert "it is a directory" in done.stderr
    assert_refused(cli("generate", "piano", "-o", "out.xyz", cwd=tmp_path), tmp_path / "none", ".xyz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_refused(cli("generate", "piano", "-o", "locked/out.wav", cwd=tmp_path), tmp_path, "no permission")


def test_a_full_disk(tmp_path):
    """A file-size limit stands in for a full disk: the kernel refuses the same write."""

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = cli("generate", "piano", "--duration", "4", "--stems", "stems", "-o", "out.wav", cwd=tmp_path, preexec_fn=small_files)
    assert_refused(done, tmp_path, "cannot write")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "partimento", "generate", "piano", "--duration", "600", "-o", "out.wav"]
    # A runner in the background may have been told to ignore Ctrl-C, and would hand that down.
    default = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=default)
    time.sleep(2.0)  # past Python's own start, which no program can guard
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("*.wav"))
    assert not list(tmp_path.glob(".*part"))


def test_unknown_command_and_option(tmp_path):
    for args in (["generat"], ["generate", "piano", "-o", "a.wav", "--tmepo", "90"]):
        done = cli(*args, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
