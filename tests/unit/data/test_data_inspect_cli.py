import json
import shutil
from pathlib import Path

import pytest
from dataset_factory import musdb, sound

from partimento.cli.main import main as cli
from partimento.data.render import render_dataset
from partimento.data.render_config import RenderConfig
from partimento.score.soundfont import find_soundfont


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


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "ds"
    font = str(find_soundfont(None).path)
    render_dataset(RenderConfig(out, None, 1, 4, (font,), sample_rate=8000, seconds=(2.0, 2.5), composed_share=1.0))
    return out


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("", "item 000000: its folder is missing"),
        ("mix.flac", "item 000000: mix.flac: file is missing"),
        ("item.json", "item 000000: item.json is missing"),
        ("item.json empty", "item 000000: item.json is empty"),
        ("item.json cut", "item 000000: item.json is damaged (not JSON)"),
        ("score.json", "score 000000/score.json: file is missing"),
        ("mix.flac cut", "item 000000: mix.flac: file has "),
        ("mix.flac empty", "item 000000: mix.flac: file is empty"),
        ("stems", "stem 000000/00.flac: "),
        ("stems/00.flac cut", "stem 000000/00.flac: "),
    ],
)
def test_inspect_names_what_is_damaged(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str, said: str
) -> None:
    shutil.copytree(rendered, tmp_path / "ds")
    name, _, how = harm.partition(" ")
    path = tmp_path / "ds" / "items" / "000000" / name
    if how:
        path.write_bytes(path.read_bytes()[:-40] if how == "cut" else b"")
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert cli(["data", "inspect", str(tmp_path / "ds"), "--sound"]) == 0
    assert f"  {said}" in capsys.readouterr().out


def test_doubled_lines_count_once(rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(rendered, tmp_path / "ds")
    manifest = tmp_path / "ds" / "manifest.jsonl"
    manifest.write_text(2 * manifest.read_text())
    assert cli(["data", "inspect", str(tmp_path / "ds"), "--sound"]) == 0
    out = capsys.readouterr().out
    assert "items     1 " in out
    assert "skipped   0" in out


def test_a_report_to_standard_output_and_links_to_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sound(tmp_path / "data" / "a.wav")
    (tmp_path / "data" / "b.wav").symlink_to("gone.wav")
    assert cli(["data", "inspect", "data", "--report", "-"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"name": "b.wav", "what": "item", "reason": "link to nowhere (gone.wav)"}
    assert "items     1 " in said.err
    assert not (tmp_path / "-").exists()
    assert cli(["data", "inspect", "data", "--report", "-", "--json"]) == 2


def test_a_dataset_is_not_encoded_into_itself(rendered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(rendered.rglob("*"))
    assert cli(["data", "encode", str(rendered), "--features", "mel", "--out", str(rendered / "items" / "..")]) == 2
    assert "is the dataset itself" in capsys.readouterr().err
    assert sorted(rendered.rglob("*")) == before
