"""The built wheel, installed alone into an empty environment without torch, generates music."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[2]


def test_the_wheel_alone_makes_music(tmp_path):
    def run(*command: object, **more) -> str:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=400, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    source = tmp_path / "source"
    run("git", "-C", ROOT, "checkout-index", "--all", f"--prefix={source}/")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source)
    wheel = next(tmp_path.glob("*.whl"))
    assert wheel.stat().st_size < 100e6

    run(sys.executable, "-m", "venv", tmp_path / "empty")
    python = tmp_path / "empty" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    assert run(python, "-c", "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('mir_eval'))") == "None None\n"
    # No system package may help: an empty PATH, and a folder from which the checkout cannot be imported.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PATH": "/nowhere"}
    command = [python, "-m", "partimento", "generate", "waltz for clarinet and strings", "--duration", "6", "-o", "out.flac"]
    said = run(*command, "--stems", "stems", "--midi-out", "out.mid", cwd=tmp_path, env=clean)
    assert "clarinet" in said
    samples, rate = soundfile.read(tmp_path / "out.flac")
    assert len(samples) == 6 * rate
    assert np.abs(samples).max() > 0.1
    assert len(list((tmp_path / "stems").glob("*.wav"))) >= 2
