"""What MusicGen's commands refuse is refused before anything is made, and what nobody asked is not reported."""

import json

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402

from partimento.cli.main import main  # noqa: E402
from partimento.models import musicgen_performer  # noqa: E402

mono = factory.checkpoint(factory.build)
melodic = factory.checkpoint(factory.build_melody)
audiocraft = factory.checkpoint(factory.build, save=factory.save_audiocraft)


def recording(path, channels=1, subtype="PCM_16", seconds=2.0, rate=44_100):
    t = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 330 * t)[:, None] * np.ones(channels)
    soundfile.write(path, sound, rate, subtype=subtype)
    return str(path)


def refusal(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-o", "a.flac", "--depth", "float"], "flac holds 16 or 24 bit, not float"),
        (["-o", "a.mp3", "--sample-rate", "96000"], "mp3 holds 1-2 channels at"),
        (["-o", "/proc/x.wav"], "cannot write /proc/x.wav"),
        (["-o", "/proc/x.wav", "--stream"], "cannot write /proc/x.wav"),
        (["-o", "a.wav", "--soundfont", "fluidr3"], "MusicGen plays no SoundFont; leave out --soundfont"),
        (["-o", "a.wav", "--melody-alone"], "give the recording with --melody FILE"),
        (["-o", "a.wav", "--melody", "tune.mid", "--melody-alone"], "give the recording with --melody FILE"),
        (
            ["-o", "a.wav", "--melody", "tune.mid"],
            "this checkpoint hears no melody; a melody checkpoint does (facebook/musicgen-melody), and --model score plays notes",
        ),
        (["-o", "a.wav", "--top-p", "0"], "top p 0 keeps no code"),
        (["-o", "a.wav", "--story", "0:30 calm; 0:04 fast"], "4 s does not come after 30 s"),
        (["-o", "a.wav", "--story", "0:4 calm"], "'0:4' is not clear; a time has two digits of seconds"),
        (["-o", "a.wav", "--story", "0: calm; 90: drums", "--duration", "5"], "a story section starts at 90 s of 5 s"),
        (["-o", "a.wav", "--midi", "tune.mid"], "MusicGen cannot follow --midi"),
        (["-o", "a.wav", "--chords", "C"], "MusicGen cannot follow --chords"),
        (["-o", "a.wav", "--melody", "none.mid"], "none.mid"),
    ],
)
@pytest.mark.parametrize("n", [1, 2])
def test_before_the_model_is_loaded(mono, tmp_path, capsys, monkeypatch, more, said, n):
    if n > 1 and "--stream" in more:
        said = "a stream is one piece"
    elif n > 1:
        said = said.replace("/proc/x.wav", "/proc/x-1.wav")
    more = [*more, "--n", n]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(musicgen_performer, "_loaded", None)  # a load would be a TypeError
    (tmp_path / "tune.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x0c\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0")
    assert said in refusal(capsys, "generate", "calm piano", "--model", mono, *more)
    assert [path.name for path in tmp_path.iterdir()] == ["tune.mid"]


@pytest.mark.parametrize("n", [1, 2])
def test_melodies_before_the_model_is_loaded(melodic, tmp_path, capsys, monkeypatch, n):
    monkeypatch.setattr(musicgen_performer, "_loaded", None)
    soundfile.write(tmp_path / "silent.wav", np.zeros(32_000), 32_000)
    for name, text in (
        ("late.abc", "X:1\nL:1/4\nQ:1/4=60\nM:4/4\nK:C\nz4|z4|CDEF|\n"),
        ("rests.abc", "X:1\nM:4/4\nK:C\nz4|z4|\n"),
    ):
        (tmp_path / name).write_text(text)
    for name, said in (
        ("silent.wav", "the melody's recording is silent"),
        ("late.abc", "the melody's first note is at 8 s of 5 s; give a longer --duration"),
        ("rests.abc", "no notes after its K: line"),
        ("none.wav", "none.wav"),
        ("tune.txt", "a score file ends in one of"),
    ):
        command = ["generate", "calm", "--model", melodic, "--duration", "5", "--melody", tmp_path / name, "--n", n]
        assert said in refusal(capsys, *command, "-o", tmp_path / "a.wav")


def test_audiocraft_files_are_asked_without_reading_their_weights(audiocraft, tmp_path, capsys, monkeypatch):
    from partimento.models.musicgen.loader import hears_melody

    monkeypatch.setattr(musicgen_performer, "_loaded", None)
    tune = recording(tmp_path / "tune.wav")
    command = ["generate", "calm", "--model", audiocraft, "--melody", tune, "--n", "2", "-o", tmp_path / "a.wav"]
    assert "this checkpoint hears no melody" in refusal(capsys, *command)
    state = torch.load(audiocraft / "state_dict.bin", weights_only=True)
    hearing = tmp_path / "hearing"
    hearing.mkdir()
    state["best_state"]["condition_provider.conditioners.self_wav.output_proj.weight"] = torch.zeros(32, 12)
    torch.save(state, hearing / "state_dict.bin")
    assert hears_melody(str(hearing)) is True
    (hearing / "state_dict.bin").write_bytes(b"half")
    assert hears_melody(str(hearing)) is None


def test_of_extensions(mono, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(musicgen_performer, "_loaded", None)
    six = recording(tmp_path / "six.wav", channels=6)
    said = refusal(capsys, "extend", six, "--model", mono, "--seconds", "2", "-o", tmp_path / "b.wav")
    assert "six.wav has 6 channels; MusicGen goes on from 1 or 2" in said
    said = refusal(capsys, "extend", six, "--model", mono, "--seconds", "0", "-o", tmp_path / "b.wav")
    assert "--seconds 0 must be above 0" in said
    said = refusal(capsys, "extend", six, "--model", mono, "--seconds", "2", "--n", "2", "-o", tmp_path / "b.wav")
    assert "six.wav has 6 channels" in said


def test_engines_are_of_models(tmp_path, capsys):
    said = refusal(capsys, "generate", "jazz", "--engine", "nonsense", "-o", tmp_path / "a.wav")
    assert "no --engine; leave it out, or give --model DIR" in said


@pytest.mark.parametrize(
    ("subtype", "name", "kept"),
    [("PCM_24", "a.wav", "PCM_24"), ("FLOAT", "a.wav", "FLOAT"), ("FLOAT", "a.flac", "PCM_24"), ("PCM_16", "a.wav", "PCM_16")],
)
def test_extensions_keep_depth_and_ask_for_nothing(mono, tmp_path, capsys, subtype, name, kept):
    source = recording(tmp_path / "source.wav", subtype=subtype)
    out = tmp_path / name
    more = ["--no-audio-report"] if subtype == "FLOAT" else []
    assert main(["extend", source, "--model", str(mono), "--seconds", "1", "-o", str(out), "--json", *more]) == 0
    said = json.loads(capsys.readouterr().out)
    assert soundfile.info(out).subtype == kept
    assert said["plan"]["caption"] == ""
    assert {found["control"] for found in said["report"]["findings"]} <= {"duration", "true peak", "faults"}
    assert len(said["report"]["findings"]) == (0 if more else 3)
    before, rate = soundfile.read(source)
    after, _ = soundfile.read(out)
    same = round(1.96 * rate)
    assert np.abs(before[:same] - after[:same]).max() <= (0 if kept == subtype else 2.0**-24)


def test_no_report_no_table(mono, tmp_path, capsys):
    source = recording(tmp_path / "source.wav")
    command = ["extend", source, "--model", str(mono), "--seconds", "1", "-o", str(tmp_path / "a.wav"), "--no-audio-report"]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "a.wav")]
    assert main([*command, "--depth", "24"]) == 0
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"
