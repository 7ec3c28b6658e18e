"""The README's code runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from partimento.audio.io import write_audio
from partimento.audio.waveform import Waveform

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.S | re.M)
SHELL = [line for language, block in BLOCKS if not language for line in block.splitlines() if line.startswith("partimento")]
_DOWNLOADED = "facebook/musicgen-small"
PYTHON = [block for language, block in BLOCKS if language == "python"]


def test_python_in_eight_lines(tmp_path):
    assert len(PYTHON) == 1
    assert len([line for line in PYTHON[0].splitlines() if line.strip()]) <= 8
    subprocess.run([sys.executable, "-c", PYTHON[0]], cwd=tmp_path, check=True, timeout=120)
    assert {p.suffix for p in tmp_path.iterdir()} == {".wav", ".mid", ".json"}


def test_command_line(tmp_path):
    assert len(SHELL) >= 6
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in SHELL:
        if _DOWNLOADED in line:
            continue
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout.strip(), line
    assert (tmp_path / "song" / "versions" / "0004.json").exists()
    names = {p.name for p in tmp_path.iterdir()}
    assert {"jazz.wav", "jazz.mid", "jazz.json", "jazz.png", "march.musicxml", "bossa.flac", "stems"} <= names


def test_lines_with_a_checkpoint_are_understood(tmp_path):
    """They would download gigabytes: with a folder that is not there, all but the folder is right."""
    lines = [line for line in SHELL if _DOWNLOADED in line]
    assert lines
    write_audio(tmp_path / "jazz.wav", Waveform(np.zeros((1, 16000), np.float32), 16000))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in lines:
        line = line.replace(_DOWNLOADED, "./nowhere")
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2, f"{line}\n{done.stderr}"
        assert "nowhere" in done.stderr, line
        assert "usage:" not in done.stderr, line


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
