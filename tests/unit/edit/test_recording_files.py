"""``partimento edit`` on sound files: formats kept, projects begun, folders done."""

import json

import numpy as np
import pytest
import soundfile
from recording_factory import recording

from partimento.audio.source import read_source
from partimento.cli.main import main
from partimento.project import Project

RATE = 22_050


@pytest.fixture(scope="module")
def take():
    return recording(6)


@pytest.fixture
def wav(take, tmp_path):
    soundfile.write(tmp_path / "take.wav", take.samples.T, RATE, "PCM_24")
    return tmp_path / "take.wav"


def call(*arguments):
    return main(["edit", *map(str, arguments)])


def test_a_wav_is_edited_into_a_wav_of_its_kind(wav, tmp_path, capsys):
    out = tmp_path / "out.wav"
    assert call(wav, "silence from 3 s to 4 s", "-o", out) == 0
    shown = capsys.readouterr().out
    assert "mute_region" in shown
    assert "bit-identical" in shown
    before, after = read_source(wav), read_source(out)
    assert (after.subtype, after.wave.sample_rate, after.raw.shape) == ("PCM_24", RATE, before.raw.shape)
    assert np.array_equal(before.raw[: 3 * RATE], after.raw[: 3 * RATE])
    assert np.array_equal(before.raw[4 * RATE :], after.raw[4 * RATE :])
    assert not after.raw[round(3.1 * RATE) : round(3.9 * RATE)].any()
    first = out.read_bytes()
    assert call(wav, "silence from 3 s to 4 s", "-o", out, "--quiet") == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_the_suffix_chooses_the_format_and_loss_is_told(wav, tmp_path, capsys, suffix):
    out = tmp_path / f"out.{suffix}"
    assert call(wav, "fade out over 2 seconds", "-o", out, "--json") == 0
    report = json.loads(capsys.readouterr().out)["report"]
    file = next(f for f in report["findings"] if f["control"] == "file")
    assert file["verdict"] == ("pass" if suffix == "flac" else "not measurable")
    assert soundfile.info(out).samplerate == RATE
    if suffix == "ogg":  # and a lossy file is edited too
        assert call(out, "3 dB softer", "-o", tmp_path / "again.wav") == 0
        assert "lossy" in capsys.readouterr().out


def test_a_recording_becomes_a_project_with_a_history(wav, tmp_path, capsys):
    folder = tmp_path / "song"
    assert call(wav, "3 dB softer", "-o", folder) == 0
    project = Project(folder)
    assert [v.number for v in project.versions()] == [1, 2]
    first = read_source(wav)
    assert np.array_equal(project.load(project.version(1)).mix.samples, first.wave.samples)
    assert call(folder, "silence from 3 s to 4 s") == 0
    assert call(folder, "remove the drums") == 2
    assert "separating" in capsys.readouterr().err
    mix = (folder / "mix.wav").read_bytes()
    assert main(["undo", str(folder)]) == 0
    assert main(["redo", str(folder)]) == 0
    assert (folder / "mix.wav").read_bytes() == mix
    assert main(["checkout", str(folder), "1"]) == 0
    again = read_source(folder / "mix.wav")
    assert np.array_equal(again.raw, first.raw)
    assert main(["checkout", str(folder), "3"]) == 0
    assert main(["replay", str(folder), "-o", str(tmp_path / "copy")]) == 0
    assert "the same" in capsys.readouterr().out


def test_a_folder_is_done_item_by_item_and_what_fails_is_named(wav, take, tmp_path, capsys):
    folder = tmp_path / "takes"
    folder.mkdir()
    soundfile.write(folder / "a.wav", take.samples.T, RATE, "PCM_16")
    soundfile.write(folder / "b.flac", take.samples.T, RATE, "PCM_16")
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "notes.txt").write_text("not for us")
    assert call(wav, "2 dB softer", "-o", folder / "song", "--quiet") == 0
    out = tmp_path / "out"
    assert call(folder, "3 dB softer", "-o", out) == 2
    told = capsys.readouterr()
    assert "skipped broken.wav" in told.err
    assert "3 of 4 done" in told.out
    assert sorted(p.name for p in out.iterdir()) == ["a.wav", "b.flac", "song"]
    assert read_source(out / "b.flac").subtype == "PCM_16"
    assert Project(out / "song").head.number == 3
    assert Project(folder / "song").head.number == 2
    (folder / "broken.wav").unlink()
    assert call(folder, "3 dB softer", "-o", tmp_path / "second", "--quiet") == 0


def test_mistakes_are_told_in_one_line(wav, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments in (
        (wav, "warmer"),
        (wav, "warmer", "-o", wav),
        (wav, "warmer", "-o", tmp_path / "out.m4a"),
        (wav, "warmer", "-o", tmp_path / "out.xyz.wav" / "x.wav"),
        (wav, "add strings", "-o", tmp_path / "out.wav"),
        (wav, "softer in bars 90 to 99", "-o", tmp_path / "out.wav"),
        (tmp_path / "none.wav", "warmer", "-o", tmp_path / "out.wav"),
        (empty, "warmer", "-o", tmp_path / "o"),
        (tmp_path, "warmer", "-o", tmp_path),
        (tmp_path, "warmer"),
    ):
        assert call(*arguments) == 2, arguments
        error = capsys.readouterr().err.strip()
        assert error.startswith("partimento: ")
        assert "\n" not in error
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("out.")]


def test_a_dry_run_writes_nothing(wav, tmp_path, capsys):
    assert call(wav, "warmer", "-o", tmp_path / "out.wav", "--dry-run") == 0
    assert "warmer" in capsys.readouterr().out
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("out.")]


def test_each_item_of_a_folder_has_its_verdict(wav, tmp_path, capsys):
    folder = tmp_path / "takes"
    folder.mkdir()
    wav.rename(folder / "take.wav")
    assert call(folder, "24 dB louder", "-o", tmp_path / "out") == 0
    shown = capsys.readouterr().out
    assert "FAIL take.wav" in shown
    assert "FAIL loudness: asked +24.0 dB" in shown
    assert "1 of them with a line that failed" in shown
    assert call(folder, "3 dB softer", "-o", tmp_path / "out", "--json") == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert row["verdict"] == "pass"
    assert "loudness" in {f["control"] for f in row["report"]["findings"]}


def test_what_no_file_holds_is_not_called_bit_identical(wav, tmp_path, capsys):
    assert call(wav, "silence from 3 s to 4 s", "-o", tmp_path / "out.ogg") == 0
    shown = capsys.readouterr().out
    assert "bit-identical" not in shown
    assert "before coding" in shown


def test_a_file_that_is_cut_off_is_told(wav, tmp_path, capsys):
    whole = wav.read_bytes()
    assert read_source(wav).cut_off == ""
    wav.write_bytes(whole[: len(whole) * 3 // 4])
    assert call(wav, "3 dB softer", "-o", tmp_path / "out.wav") == 0
    told = capsys.readouterr()
    assert "is cut off: its header promises 3.0" in told.err
    assert "cut off" in told.out
    piped = bytearray(whole)
    at = whole.index(b"data") + 4
    piped[at : at + 4] = b"\xff" * 4
    wav.write_bytes(bytes(piped))
    assert read_source(wav).cut_off == ""


def test_wishes_beside_the_point_get_a_way_out(wav, tmp_path, capsys):
    soundfile.write(tmp_path / "one.wav", np.full((1, 1), 0.3), RATE)
    t = np.arange(8 * RATE) / RATE
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(2 * np.pi * 440 * t), RATE)
    assert call(wav, "3 dB softer", "-o", tmp_path / "song", "--quiet") == 0
    for arguments, said in (
        ((tmp_path / "one.wav", "twice as fast", "-o", tmp_path / "out.wav"), "too short"),
        ((tmp_path / "tone.wav", "2 seconds longer", "-o", tmp_path / "out.wav"), "slower"),
        ((tmp_path / "song", "3 dB softer", "-o", tmp_path / "other"), "of a project name a sound file"),
        ((wav, "play it as reggae", "-o", tmp_path / "out.wav"), "which `edit` does not run"),
    ):
        assert call(*arguments) == 2, arguments
        error = capsys.readouterr().err
        assert said in error
        assert "--model" not in error
    assert Project(tmp_path / "song").head.number == 2
    assert not (tmp_path / "out.wav").exists()
