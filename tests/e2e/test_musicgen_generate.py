"""``--model DIR`` from words to a file, on a small checkpoint with random weights."""

import json

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402

from partimento.cli.main import main  # noqa: E402


@pytest.fixture(scope="module", params=["transformers", "stereo", "audiocraft"])
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    model = factory.build(channels=2 if request.param == "stereo" else 1)
    (factory.save_audiocraft if request.param == "audiocraft" else factory.save_transformers)(path, model)
    return path


def test_words_to_a_file(folder, tmp_path):
    def make(name, *more):
        out = tmp_path / name
        words = ["generate", "calm piano, no drums", "--duration", "3", "--model", str(folder), "--seed", "4", "--quiet"]
        assert main([*words, "-o", str(out), "--no-audio-report", *more]) == 0
        return soundfile.read(out, dtype="float32", always_2d=True)

    sound, rate = make("a.wav")
    assert rate == 44_100
    assert sound.shape == (3 * 44_100, 2 if folder.name.startswith("stereo") else 1)
    assert np.abs(sound).max() > 0.05
    assert (tmp_path / "a.wav").read_bytes() == (make("b.wav"), (tmp_path / "b.wav").read_bytes())[1]
    assert not np.array_equal(make("c.wav", "--seed", "5")[0], sound)
    provenance = json.loads(next(tmp_path.glob("a*provenance*")).read_text())
    assert provenance["model"] == "musicgen"
    assert len(provenance["state_dict.bin_sha256" if folder.name.startswith("audiocraft") else "model.safetensors_sha256"]) == 64


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--chords", "C | F"], "--model score plays it exactly"), (["--model", "facebook/none"], "hf download facebook/none")],
)
def test_refusals_are_one_line(folder, tmp_path, capsys, monkeypatch, more, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    arguments = ["generate", "calm piano", "-o", str(tmp_path / "a.wav"), "--model", str(folder), *more]
    assert main(arguments) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert message in lines[-1]
