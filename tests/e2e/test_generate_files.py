"""The files of a result: stems that add up, sidecars, several results, the same bytes twice."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile


def cli(*args: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-m", "partimento", *args], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_stems_add_up_to_the_mix_as_written(tmp_path):
    cli("generate", "funk with brass, no piano", "--duration", "8", "-o", "a.wav", "--stems", "stems", "--quiet", cwd=tmp_path)
    mix, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    stems = [soundfile.read(p, dtype="int16")[0].astype(int) for p in sorted((tmp_path / "stems").glob("*.wav"))]
    assert len(mix) == 8 * rate
    assert len(stems) >= 3
    residual = np.abs(sum(stems) - mix.astype(int)).max() / 2**15
    assert 20 * np.log10(residual + 1e-9) <= -84


def test_n_results_differ_and_the_same_seed_gives_the_same_bytes(tmp_path):
    command = ["generate", "celtic harp and flute", "--duration", "6", "--seed", "5", "--no-audio-report", "--quiet"]
    cli(*command, "--n", "2", "-o", "a.flac", "--midi-out", "a.mid", cwd=tmp_path)
    cli(*command, "--n", "2", "-o", "b.flac", "--midi-out", "b.mid", cwd=tmp_path)
    for suffix in ("flac", "mid", "provenance.json", "request.json"):
        for i in (1, 2):
            assert (tmp_path / f"a-{i}.{suffix}").read_bytes() == (tmp_path / f"b-{i}.{suffix}").read_bytes(), suffix
    assert (tmp_path / "a-1.flac").read_bytes() != (tmp_path / "a-2.flac").read_bytes()


def test_sidecars_and_tags_say_where_it_came_from(tmp_path):
    cli("generate", "slow waltz for cello", "--duration", "5", "--seed", "9", "-o", "a.wav", "--report", "r.json", cwd=tmp_path)
    request = json.loads((tmp_path / "a.request.json").read_text())
    provenance = json.loads((tmp_path / "a.provenance.json").read_text())
    assert request["words"] == "slow waltz for cello"
    assert provenance["seed"] == 9
    assert provenance["soundfont"]
    assert provenance["soundfont_licence"]
    assert str(tmp_path) not in (tmp_path / "a.provenance.json").read_text()
    assert {f["verdict"] for f in json.loads((tmp_path / "r.json").read_text())["findings"]} <= {"pass", "fail", "not measurable"}
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        assert file.title == "slow waltz for cello"
        assert provenance["request_sha256"] in file.comment


def test_machine_readable_output(tmp_path):
    made = json.loads(cli("generate", "solo piano", "--duration", "4", "-o", "a.ogg", "--json", cwd=tmp_path))
    assert made["files"][0] == "a.ogg"
    assert made["plan"]["parts"]
    assert json.loads(cli("plan", "solo piano in 3/4", "--json", cwd=tmp_path))["metre"]["value"][0]["metre"]["numerator"] == 3
    assert json.loads(cli("listen", "a.ogg", "--json", cwd=tmp_path))["a.ogg"]
    assert "score" in json.loads(cli("models", "list", "--json", cwd=tmp_path))
