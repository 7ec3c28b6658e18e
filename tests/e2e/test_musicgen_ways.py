"""Melody, continuation, story, streaming, long pieces and Ctrl-C of ``--model DIR``, on small checkpoints with random weights."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402

from partimento.cli.main import main  # noqa: E402
from partimento.models import get_performer  # noqa: E402
from partimento.pipeline import item_rng, make_plan  # noqa: E402
from partimento.plan.request import GenerateRequest  # noqa: E402

RATE = 32_000


mono = factory.checkpoint(factory.build)
stereo = factory.checkpoint(factory.build, channels=2)
melodic = factory.checkpoint(factory.build_melody)


def tune(path, pitches=(60, 64, 67), seconds=1.0, rate=RATE, channels=1):
    t = np.arange(round(seconds * rate)) / rate
    sound = np.concatenate([0.3 * np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * t) for p in pitches])
    soundfile.write(path, np.repeat(sound[:, None], channels, axis=1), rate)
    return path


def make(folder, out, *more, words="calm piano", seconds=3):
    command = ["generate", words, "--duration", str(seconds), "--model", str(folder), "--quiet", "--no-audio-report"]
    assert main([*command, "--sample-rate", str(RATE), "-o", str(out), *more]) == 0
    return soundfile.read(out, dtype="float32", always_2d=True)[0]


def refusal(capsys, *arguments):
    assert main([str(a) for a in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("partimento")]
    assert len(lines) == 1
    return lines[0]


def test_a_hummed_melody_is_heard(melodic, mono, tmp_path, capsys):
    hum = tune(tmp_path / "hum.wav")
    with_tune = make(melodic, tmp_path / "a.wav", "--melody", str(hum))
    assert with_tune.shape == (3 * RATE, 1)
    assert not np.array_equal(with_tune, make(melodic, tmp_path / "b.wav"))
    other = tune(tmp_path / "other.wav", (61, 66, 70))
    assert not np.array_equal(with_tune, make(melodic, tmp_path / "c.wav", "--melody", str(other)))
    assert json.loads((tmp_path / "a.provenance.json").read_text())["melody_separation"] in ("harmonic", "demucs")
    make(melodic, tmp_path / "e.wav", "--melody", str(hum), "--melody-alone")
    assert json.loads((tmp_path / "e.provenance.json").read_text())["melody_separation"] == "none"
    said = refusal(capsys, "generate", "jazz", "--model", mono, "--melody", hum, "-o", tmp_path / "d.wav")
    assert "hears no melody" in said
    assert "musicgen-melody" in said
    assert not (tmp_path / "d.wav").exists()


def test_a_melody_of_notes_is_heard(melodic, tmp_path, capsys):
    head = "X:1\nL:1/4\nQ:1/4=60\nM:3/4\nK:C\n"
    abc, other = tmp_path / "tune.abc", tmp_path / "other.abc"
    abc.write_text(f"{head}CEG|CEG|\n")
    other.write_text(f"{head}DF_A|DF_A|\n")
    told = make(melodic, tmp_path / "a.wav", "--melody", str(abc))
    assert np.array_equal(told, make(melodic, tmp_path / "b.wav", "--melody", str(abc)))
    assert not np.array_equal(told, make(melodic, tmp_path / "c.wav", "--melody", str(other)))
    hum = tune(tmp_path / "hum.wav", (60, 64, 67) * 2)
    played = make(melodic, tmp_path / "d.wav", "--melody", str(hum), "--melody-alone")
    assert np.array_equal(told, played), "the same tune, hummed"
    said = json.loads((tmp_path / "a.provenance.json").read_text())
    assert (said["melody_from"], said["melody_notes"]) == ("notes", "6")
    assert json.loads((tmp_path / "d.provenance.json").read_text())["melody_from"] == "recording"
    capsys.readouterr()
    command = ["generate", "calm piano", "--duration", "3", "--model", str(melodic), "--melody", str(abc), "--no-audio-report"]
    assert main([*command, "-o", str(tmp_path / "e.wav"), "--n", "2"]) == 0
    assert "note: the model hears the 6 notes of " in capsys.readouterr().out
    assert main([*command, "-o", str(tmp_path / "f.wav"), "--stream"]) == 0


@pytest.mark.parametrize(("model", "rate", "channels"), [("mono", 44_100, 2), ("mono", RATE, 1), ("stereo", 22_050, 2)])
def test_going_on_from_a_recording(model, rate, channels, tmp_path, request):
    folder = request.getfixturevalue(model)
    source = tune(tmp_path / "in.wav", rate=rate, channels=channels, seconds=0.837)
    given = soundfile.read(source, dtype="int16", always_2d=True)[0]
    out = tmp_path / "out.wav"
    command = ["extend", str(source), "--model", str(folder), "--seconds", "2", "-o", str(out), "--quiet", "--no-audio-report"]
    assert main(command) == 0
    whole, out_rate = soundfile.read(out, dtype="int16", always_2d=True)
    assert out_rate == rate
    assert whole.shape == (round((len(given) / rate + 2) * rate), channels)
    kept = len(given) - round(0.045 * rate)
    assert np.array_equal(whole[:kept], given[:kept])
    assert np.abs(whole[len(given) :].astype(float)).mean() > 1
    said = json.loads(out.with_suffix(".request.json").read_text())
    assert said["extends"] == str(source)
    assert main([*command[:-3], str(tmp_path / "again.wav"), *command[-2:]]) == 0
    assert (tmp_path / "again.wav").read_bytes() == out.read_bytes()
    assert main([*command[:-3], str(tmp_path / "told.wav"), *command[-2:], "--seed", "3"]) == 0
    assert (tmp_path / "told.wav").read_bytes() != out.read_bytes()


def test_a_story(mono, tmp_path, capsys):
    plain = make(mono, tmp_path / "a.wav", words="calm piano", seconds=6)
    told = make(mono, tmp_path / "b.wav", "--story", "3: fast drums; 4.5: a slow song", words="calm piano", seconds=6)
    level = np.abs(plain).max() / np.abs(told).max()  # each whole piece is brought to one loudness
    assert np.allclose(plain[: round(2.8 * RATE)], told[: round(2.8 * RATE)] * level, atol=2e-2)
    assert not np.allclose(plain[3 * RATE :], told[3 * RATE :] * level, atol=2e-2)
    mistakes = (("3: drums; 2: piano", "does not come after"), ("drums", "is not 'SECONDS: words'"), (" ; ", "no section"))
    for story, message in mistakes:
        assert message in refusal(capsys, "generate", "a", "--model", mono, "--story", story, "-o", tmp_path / "c.wav")
    late = refusal(capsys, "generate", "a", "--model", mono, "--story", "90: drums", "--duration", "5", "-o", tmp_path / "c.wav")
    assert "90 s of 5 s" in late
    assert "--model DIR" in refusal(capsys, "generate", "a", "--story", "0: piano", "-o", tmp_path / "c.wav")


def test_the_first_chunk_comes_before_the_end(mono):
    request = GenerateRequest("calm piano", duration_s=40.0, model=str(mono), sample_rate=16_000)
    performer = get_performer(request.model)
    steps = 0
    lm = performer._load(request.engine).lm
    original = lm.forward

    def counted(*args, **kwargs):
        nonlocal steps
        steps += 1
        return original(*args, **kwargs)

    lm.forward = counted
    try:
        pieces = performer.stream(make_plan(request), request, item_rng(request))
        first = next(pieces)
        assert first.n_samples > 0
        assert steps < 150
        pieces.close()
        assert steps < 150
    finally:
        del lm.forward


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_stream_is_the_whole_piece_at_the_models_own_level(stereo, tmp_path, rate):
    request = GenerateRequest("calm piano", duration_s=3.3, model=str(stereo), sample_rate=rate)
    performer = get_performer(request.model)
    pieces = list(performer.stream(make_plan(request), request, item_rng(request)))
    streamed = np.concatenate([piece.samples for piece in pieces], axis=1)
    whole = performer.perform(make_plan(request), request, item_rng(request)).audio
    assert len(pieces) >= 3
    assert streamed.shape == whole.samples.shape == (2, round(3.3 * rate))
    gain = np.abs(whole.samples).max() / np.abs(streamed).max()
    assert np.abs(streamed * gain - whole.samples).max() < 1e-3


def test_stream_to_a_file_and_to_a_pipe(mono, tmp_path, capsys):
    out = tmp_path / "s.wav"
    sound = make(mono, out, "--stream")
    assert sound.shape == (3 * RATE, 1)
    assert json.loads(out.with_suffix(".provenance.json").read_text())["model"] == "musicgen"
    command = ["generate", "calm piano", "--duration", "3", "--model", str(mono), "--sample-rate", str(RATE)]
    command += ["--stream", "-o", "-"]
    # The same bytes are promised for the same number of threads, which other tests of this process may have set.
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(
        [sys.executable, "-m", "partimento", *command], capture_output=True, check=True, timeout=120, env=threads
    )
    body = np.frombuffer(done.stdout[44:], "<i2")
    assert done.stdout[:4] == b"RIFF"
    assert np.array_equal(body, soundfile.read(io.BytesIO(out.read_bytes()), dtype="int16")[0])
    assert "makes the whole piece" in refusal(capsys, "generate", "jazz", "--stream", "-o", out)
    assert "standard output" in refusal(capsys, "generate", "jazz", "--model", mono, "--stream", "-o", tmp_path / "a.flac")


@pytest.mark.parametrize("more", [(), ("--stream",)])
def test_ctrl_c_leaves_nothing(mono, tmp_path, monkeypatch, more):
    from partimento.codec.encodec import DecodeStream

    original, calls = DecodeStream.push, []

    def push(self, codes, last=False):
        calls.append(last)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, codes, last)

    monkeypatch.setattr(DecodeStream, "push", push)
    command = ["generate", "calm piano", "--duration", "8", "--model", str(mono), "-o", str(tmp_path / "a.wav"), *more]
    assert main(command) == 130
    assert not list(Path(tmp_path).iterdir())


def test_several_pieces_are_each_their_own(mono, tmp_path):
    make_three = ["generate", "calm piano", "--duration", "2", "--model", str(mono), "--quiet", "--no-audio-report", "--n", "3"]
    assert main([*make_three, "-o", str(tmp_path / "a.wav")]) == 0
    files = [tmp_path / f"a-{i}.wav" for i in (1, 2, 3)]
    assert len({file.read_bytes() for file in files}) == 3
    request = GenerateRequest("calm piano", duration_s=2.0, model=str(mono), index=2)
    alone = get_performer(request.model).perform(make_plan(request), request, item_rng(request)).audio
    third = soundfile.read(files[2], dtype="float32", always_2d=True)[0].T
    assert np.abs(third - np.clip(alone.samples, -1, 1)).max() < 1e-4


def test_several_pieces_of_a_fast_engine_are_one_batch(mono, melodic, tmp_path):
    from partimento.models.musicgen_performer import _loaded

    command = [
        "generate",
        "calm piano",
        "--duration",
        "2",
        "--model",
        str(mono),
        "--quiet",
        "--no-audio-report",
        "--engine",
        "bf16",
    ]
    assert main([*command, "--n", "6", "-o", str(tmp_path / "a.wav")]) == 0
    lm, rows = _loaded(str(mono), "bf16")[0].lm, set()
    original = lm.forward

    def counted(tokens, *args, **kwargs):
        rows.add(len(tokens))
        return original(tokens, *args, **kwargs)

    lm.forward = counted
    try:
        assert main([*command, "--n", "6", "-o", str(tmp_path / "b.wav")]) == 0
    finally:
        del lm.forward
    assert rows == {8, 4}, "four pieces and two, prompted and not"
    files = [(tmp_path / f"{name}-{i}.wav").read_bytes() for name in "ab" for i in range(1, 7)]
    assert files[:6] == files[6:]
    assert len(set(files)) == 6
    indices = [json.loads((tmp_path / f"a-{i}.request.json").read_text()).get("index", 0) for i in range(1, 7)]
    assert indices == [0, 1, 2, 3, 4, 5]
    hum = ["--melody", str(tune(tmp_path / "hum.wav")), "--model", str(melodic)]
    assert main([*command, *hum, "--n", "2", "-o", str(tmp_path / "m.wav")]) == 0
    longer = ["extend", str(tmp_path / "hum.wav"), "--model", str(mono), "--engine", "bf16", "--seconds", "2", "--quiet"]
    assert main([*longer, "--n", "2", "--no-audio-report", "-o", str(tmp_path / "x.wav")]) == 0
    assert (tmp_path / "x-1.wav").read_bytes() != (tmp_path / "x-2.wav").read_bytes()


@pytest.mark.parametrize("engine", ["auto", "eager", "int8", "int4", "bf16"])
def test_engines(mono, melodic, tmp_path, engine, capsys):
    sound = make(mono, tmp_path / "a.wav", "--engine", engine)
    assert sound.shape == (3 * RATE, 1)
    assert np.array_equal(sound, make(mono, tmp_path / "b.wav", "--engine", engine))
    said = json.loads((tmp_path / "a.provenance.json").read_text())["engine"]
    assert said == ("eager" if engine == "auto" else engine)
    assert make(melodic, tmp_path / "c.wav", "--engine", engine, "--melody", str(tune(tmp_path / "hum.wav"))).shape == sound.shape
    known = refusal(capsys, "generate", "a", "--model", mono, "--engine", "warp", "-o", tmp_path / "d.wav")
    assert "unknown engine 'warp'; known: auto, eager, int8, int4, bf16, cuda" in known


def test_how_codes_are_drawn(mono, tmp_path, capsys):
    plain = make(mono, tmp_path / "a.wav", seconds=2)
    for more in (("--top-k", "2"), ("--top-p", "0.3"), ("--temperature", "3"), ("--guidance", "9")):
        assert not np.array_equal(plain, make(mono, tmp_path / "b.wav", *more, seconds=2)), more
    assert np.array_equal(plain, make(mono, tmp_path / "c.wav", "--top-k", "250", "--guidance", "3", seconds=2))
    said = refusal(capsys, "generate", "jazz", "--temperature", "2", "-o", tmp_path / "d.wav")
    assert "score performer draws no codes, so it has no --temperature" in said
    said = refusal(capsys, "generate", "jazz", "--model", mono, "--guidance", "0", "-o", tmp_path / "d.wav")
    assert "guidance 0 is outside 1 to 50" in said


def test_a_section_without_drums(mono, tmp_path):
    told = make(mono, tmp_path / "a.wav", "--story", "0: calm piano; 2: slow song, no drums", seconds=4)
    same_words = make(mono, tmp_path / "b.wav", "--story", "0: calm piano; 2: slow song, no drums", "--negative", "", seconds=4)
    assert np.array_equal(told, same_words)
    throughout = make(
        mono, tmp_path / "c.wav", "--story", "0: calm piano; 2: slow song, no drums", "--negative", "drums", seconds=4
    )
    n = round(1.8 * RATE)
    assert not np.array_equal(told[:n], throughout[:n]), "the first section does not know of it"


def test_what_a_model_does_not_have_is_refused(mono, tmp_path, capsys):
    for option, path in (("--stems", tmp_path / "stems"), ("--midi-out", tmp_path / "a.mid")):
        said = refusal(capsys, "generate", "jazz", "--model", mono, "-o", tmp_path / "a.wav", option, path)
        assert f"for {option}; --model score has" in said
    assert not list(tmp_path.iterdir())


def test_sixty_seconds_in_stereo(stereo, tmp_path):
    sound = make(stereo, tmp_path / "long.wav", seconds=60)
    assert sound.shape == (60 * RATE, 2)
    second = np.abs(sound.reshape(60, RATE, 2)).max(axis=1)
    assert (second > 1e-3).all(), "every second sounds, on both sides"
