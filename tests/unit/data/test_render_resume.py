import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from partimento.cli.main import main as cli
from partimento.data import render, render_files, render_record
from partimento.data.render import read_manifest, render_dataset
from partimento.data.render_config import RenderConfig
from partimento.errors import FileError, RequestError
from partimento.score.soundfont import find_soundfont

FONT = str(find_soundfont(None).path)


@pytest.fixture
def config(tmp_path: Path) -> RenderConfig:
    return RenderConfig(tmp_path / "out", None, 2, 4, (FONT,), sample_rate=8000, seconds=(2.0, 2.5), composed_share=1.0)


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def sheet(path: Path) -> None:
    bar = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration></note>"
    head = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bars = "".join(f'<measure number="{i + 1}">{head if i == 0 else ""}{bar}</measure>' for i in range(8))
    parts = '<part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>'
    path.write_text(f'<score-partwise version="3.1">{parts}<part id="P1">{bars}</part></score-partwise>')


def test_other_settings_are_refused_by_name_and_growing_is_not(config: RenderConfig, tmp_path: Path) -> None:
    sheets = tmp_path / "sheets"
    sheets.mkdir()
    sheet(sheets / "a.musicxml")
    font = tmp_path / "Other.sf2"
    font.symlink_to(FONT)
    assert render_dataset(replace(config, n_items=1)) == 1
    before = tree(config.out)
    for name, other in {
        "--seed 4, not 5": replace(config, seed=5),
        "stems True, not False": replace(config, stems=False),
        "--sheets none, not 1 files": replace(config, sheets=sheets),
        "--soundfont": replace(config, soundfonts=(str(font),)),
        "--held-out-soundfont none": replace(config, held_out_soundfont=FONT),
    }.items():
        with pytest.raises(RequestError, match=f"{name}.*another folder"):
            render_dataset(other)
    assert tree(config.out) == before
    assert render_dataset(config, jobs=2) == 2
    mixed = replace(config, out=tmp_path / "mixed", sheets=sheets, n_items=1, composed_share=0.5)
    render_dataset(mixed)
    with pytest.raises(RequestError, match=r"--composed 0\.5, not 0\.7"):
        render_dataset(replace(mixed, composed_share=0.7))
    sheet(sheets / "b.musicxml")
    with pytest.raises(RequestError, match=r"--sheets 1 files, .* not 2 files"):
        render_dataset(mixed)


def test_a_folder_from_before_is_taken_when_nothing_contradicts(config: RenderConfig) -> None:
    render_dataset(config)
    before = tree(config.out)
    (config.out / "settings.json").unlink()
    lines = [{k: v for k, v in line.items() if k != "bytes"} for line in read_manifest(config.out)]
    (config.out / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(RequestError, match="another --seed"):
        render_dataset(replace(config, seed=5))
    with pytest.raises(RequestError, match="stems True, not False"):
        render_dataset(replace(config, stems=False))
    assert render_dataset(config) == 2
    after = tree(config.out)
    assert after["settings.json"] == before["settings.json"]
    assert {k: v for k, v in after.items() if "items" in k} == {k: v for k, v in before.items() if "items" in k}


def test_items_that_were_skipped_before_are_tried_again_once(config: RenderConfig) -> None:
    render_dataset(replace(config, n_items=1))
    (config.out / "settings.json").unlink()
    (config.out / "skipped.jsonl").write_text('{"id": "000001", "why": "FileError: a bad sheet"}\n')
    assert render_dataset(config) == 2


def test_a_manifest_of_another_kind_is_refused(config: RenderConfig) -> None:
    config.out.mkdir()
    for line in ({"id": "song"}, {"id": "000000"}):
        (config.out / "manifest.jsonl").write_text(json.dumps(line) + "\n")
        with pytest.raises(FileError, match="did not write"):
            render_dataset(config)


def test_a_manifest_that_cannot_be_read_is_an_error(config: RenderConfig) -> None:
    (config.out / "manifest.jsonl").mkdir(parents=True)
    with pytest.raises(FileError, match="cannot read"):
        render_dataset(config)


def test_one_writes_at_a_time_and_doubled_lines_count_once(config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_record, "_LOCK_WAIT_S", 0.05)
    render_dataset(config)
    with FileLock(str(config.out / ".lock")), pytest.raises(FileError, match="another process is writing"):
        render_dataset(config)
    manifest = config.out / "manifest.jsonl"
    text = manifest.read_text()
    manifest.write_text(text + text + "3\n")
    assert len(read_manifest(config.out)) == 2
    assert render_dataset(config) == 2
    assert manifest.read_text() == text


@pytest.mark.parametrize("harm", ["folder", "mix", "empty", "cut", "same size", "stem", "json", "score"])
@pytest.mark.parametrize("sizes", [True, False])
def test_damaged_items_are_made_again(config: RenderConfig, harm: str, sizes: bool) -> None:
    config = replace(config, n_items=1)
    render_dataset(config)
    before = tree(config.out)
    if not sizes:
        line = read_manifest(config.out)[0]
        del line["bytes"]
        (config.out / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    folder = config.out / "items" / "000000"
    mix = folder / "mix.flac"
    match harm:
        case "folder":
            shutil.rmtree(folder)
        case "mix":
            mix.unlink()
        case "empty":
            mix.write_bytes(b"")
        case "cut":
            mix.write_bytes(mix.read_bytes()[:-2000])
        case "same size":
            mix.write_bytes(b"\0" * mix.stat().st_size)
        case "stem":
            (folder / "stems" / "00.flac").unlink()
        case "json":
            (folder / "item.json").write_bytes((folder / "item.json").read_bytes()[:-30])
        case _:
            (folder / "score.json").unlink()
    said: list[str] = []
    assert render_dataset(config, say=said.append) == 1
    assert any("item 0 is made again: " in text for text in said)
    assert tree(config.out) == before


def test_whole_items_without_a_line_are_taken_up(config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    render_dataset(config)
    before = tree(config.out)
    (config.out / "manifest.jsonl").unlink()
    monkeypatch.setattr(render, "render_item", lambda *_: pytest.fail("rendered again"))
    assert render_dataset(config) == 2
    assert tree(config.out) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seed", "-1"], "--seed -1"),
        (["--composed", "1.5"], "--composed 1.5"),
        (["--composed", "nan"], "--composed nan"),
        (["--items", "-3"], "--items -3"),
        (["--jobs", "0"], "--jobs 0"),
        (["--jobs", "-1"], "--jobs -1"),
        (["--soundfont", "none.sf2"], "none.sf2"),
        (["--held-out-soundfont", "none.sf2"], "none.sf2"),
    ],
)
def test_what_can_never_work_is_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert cli(["data", "render", "--out", str(tmp_path / "out"), "--soundfont", FONT, *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_no_usable_sheet_is_refused(tmp_path: Path, config: RenderConfig) -> None:
    for i in range(3):
        (tmp_path / f"{i}.mxl").write_bytes(b"PK")
    with pytest.raises(FileError, match="none of the 3 sheets"):
        render_dataset(replace(config, sheets=tmp_path, composed_share=0.0))
    assert not config.out.exists()


@pytest.mark.parametrize("place", ["afile", "/proc/foo"])
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
    (tmp_path / "afile").write_text("x")
    for what in (["render", "--soundfont", FONT], ["scores", "--composed", "1"]):
        assert cli(["data", *what, "--out", str(tmp_path / place)]) == 2
        assert "cannot create" in capsys.readouterr().err


def test_a_full_disk_ends_the_run_with_its_own_words(config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(render_files.Path, "write_bytes", full)
    with pytest.raises(FileError, match="No space left on device"):
        render_dataset(config)
    assert list((config.out / "items").iterdir()) == []
    assert not (config.out / "skipped.jsonl").exists()


def test_flac_bytes_are_those_of_a_file_written_in_place(tmp_path: Path) -> None:
    import soundfile

    noise = (0.1 * np.random.default_rng(0).standard_normal(30_000)).astype(np.float32)
    whole = np.rint(noise * np.float32(2**15)).astype(np.int16)
    soundfile.write(str(tmp_path / "b.flac"), whole, 8000, "PCM_16", compression_level=0.25)
    assert render_files.flac_of(noise, 8000) == (tmp_path / "b.flac").read_bytes()


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_keeps_every_finished_item(tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["data", "render", "--out", str(out), "--items", "500", "--jobs", "2", "--soundfont", FONT]
    run = subprocess.Popen(
        [sys.executable, "-m", "partimento.cli.main", *options], start_new_session=True, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it, and hands that on
    )  # fmt: skip
    end = time.monotonic() + 60.0
    while not (out / "manifest.jsonl").exists() and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in said
    folders = sorted(p.name for p in (out / "items").iterdir())
    assert 0 < len(folders) < 500
    assert folders == [line["id"] for line in read_manifest(out)]
