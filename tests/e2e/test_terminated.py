"""Ended by SIGTERM."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import sys, time
from partimento.cli import main as cli
from partimento.cli.streaming import _opened

def work():
    with _opened(sys.argv[1]) as file:
        file.write(b"RIFF")
        file.flush()
        print("ready", flush=True)
        time.sleep(60)
cli.main = work
cli.entry()
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM cannot be caught there")
def test_sigterm_leaves_no_half_file(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a.wav")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (143, "", "")
    assert not list(tmp_path.iterdir())
