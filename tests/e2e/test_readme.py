"""The README's code runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [
    line for block in re.findall(r"```\n(.*?)```", TEXT, re.S) for line in block.splitlines() if line.startswith("partimento")
]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def test_python_in_eight_lines(tmp_path):
    assert len(PYTHON) == 1
    assert len([line for line in PYTHON[0].splitlines() if line.strip()]) <= 8
    subprocess.run([sys.executable, "-c", PYTHON[0]], cwd=tmp_path, check=True, timeout=120)
    assert {p.suffix for p in tmp_path.iterdir()} == {".wav", ".mid", ".json"}


def test_command_line(tmp_path):
    assert len(SHELL) >= 6
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in SHELL:
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout.strip(), line
    assert (tmp_path / "song" / "versions" / "0004.json").exists()
    names = {p.name for p in tmp_path.iterdir()}
    assert {"jazz.wav", "jazz.mid", "jazz.json", "jazz.png", "march.musicxml", "bossa.flac", "stems"} <= names


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
