import json
from pathlib import Path

import pytest
from dataset_factory import musdb, sound

from partimento.cli.main import main as cli


def test_inspect_prints_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb(tmp_path / "data")
    sound(musdb(tmp_path / "data", "test", "C - D") / "vocals.wav", level=0.0)
    report = tmp_path / "skipped.jsonl"
    assert cli(["data", "inspect", str(tmp_path / "data"), "--sound", "--report", str(report)]) == 0
    out = capsys.readouterr().out
    assert "layout    musdb18-hq" in out
    assert "items     2 (0 with captions, 0 with a score)" in out
    assert "splits    test 1, train 1" in out
    assert "stems     7:" in out
    assert "skipped   1" in out
    assert "stem C - D/vocals.wav: vocals: silent" in out
    assert json.loads(report.read_text())["name"] == "C - D/vocals.wav"
    assert cli(["data", "inspect", str(tmp_path / "data"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rates"] == {"8000": 2}


def test_inspect_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["data", "inspect", str(tmp_path)]) == 2
    assert cli(["data", "inspect", str(tmp_path), "--layout", "slack"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "no layout 'slack'" in lines[1]
