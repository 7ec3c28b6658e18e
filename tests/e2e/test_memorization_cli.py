"""``partimento evaluate memorization`` in its three uses, on small things."""

import csv
import json

import numpy as np
import pytest

from partimento.audio import write_audio
from partimento.audio.waveform import Waveform
from partimento.cli.main import main

RATE = 16_000


def melody(seed, seconds=9.0):
    """Quarter-second tones."""
    rng = np.random.default_rng(seed)
    hz = 220 * 2 ** (rng.integers(0, 24, int(seconds * 4)) / 12)
    t = np.arange(RATE // 4) / RATE
    return Waveform(np.concatenate([0.3 * np.sin(2 * np.pi * f * t) * np.exp(-3 * t) for f in hz]).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for i in range(4):
        write_audio(folder / f"m{i}.wav", melody(i))
    (folder / "captions.csv").write_text("id,caption\nm0,calm piano\nm1,fast drums\n")
    return folder


def test_a_small_musicgen_from_its_folder(data, tmp_path, capsys):
    pytest.importorskip("transformers")
    factory = pytest.importorskip("musicgen_factory")
    factory.save_transformers(tmp_path / "model", factory.build())
    args = ["evaluate", "memorization", "--model", str(tmp_path / "model"), "--data", str(data), "--prompts", "0,1",
            "--continuation", "1", "--captions", str(data / "captions.csv"), "--codebooks", "2", "--quiet"]  # fmt: skip
    assert main([*args, "--out", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "2 of 4 pieces have a caption" in page
    body = json.loads((tmp_path / "out" / "memorization.json").read_text())
    assert [body["rates"][t]["n"] for t in ("0", "1")] == [4, 4]
    assert all(body["rates"][t]["exact"] == 0 for t in ("0", "1"))  # random weights know no piece
    assert body["calibration"]["n_pairs"] == 12
    assert len(list(csv.DictReader((tmp_path / "out" / "memorization.csv").open()))) == 8
    assert main([*args, "--out", str(tmp_path / "again")]) == 0
    for name in ("memorization.json", "memorization.csv", "memorization.md", "memorization.png"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_model_that_continues_its_own_greedy_song_is_found(tmp_path):
    """The real adapter on a piece that the real model makes itself: exact at every prompt."""
    pytest.importorskip("transformers")
    factory = pytest.importorskip("musicgen_factory")
    from partimento.evaluate.memorization import Options, Piece, analyse
    from partimento.evaluate.memorization_musicgen import MusicGenTokens

    factory.save_transformers(tmp_path / "model", factory.build())
    model = MusicGenTokens(str(tmp_path / "model"))
    rng = np.random.default_rng(0)
    seeds = [rng.integers(0, 64, (4, 10)) for _ in range(3)]
    own = [
        Piece(f"own{i}", np.concatenate([s, model.continue_greedily(s, 110, "calm piano")], axis=1), "calm piano")
        for i, s in enumerate(seeds)
    ]
    foreign = [Piece(f"foreign{i}", rng.integers(0, 64, (4, 120))) for i in range(3)]
    result = analyse(model, [*own, *foreign], Options(prompts_s=(0.2, 1.0), continuation_s=1.0))
    assert {(c.piece[:3], c.exact) for c in result.continuations} == {("own", True), ("for", False)}


def test_stereo_tokens_have_the_codebook_of_their_level(data, tmp_path):
    pytest.importorskip("transformers")
    factory = pytest.importorskip("musicgen_factory")
    from partimento.evaluate.memorization_musicgen import MusicGenTokens

    factory.save_transformers(tmp_path / "model", factory.build(channels=2))
    model = MusicGenTokens(str(tmp_path / "model"))
    assert model.codebooks.shape == (8, 64, 16)
    assert np.array_equal(model.codebooks[0], model.codebooks[1])
    assert not np.array_equal(model.codebooks[1], model.codebooks[2])
    tokens = model.encode(data / "m0.wav", 1.0)
    assert tokens.shape == (8, 50)
    assert np.array_equal(tokens[0], tokens[1])  # a mono file is the same on both sides
    assert model.continue_greedily(tokens[:, :0], 7).shape == (8, 7)


def test_index_and_check(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PARTIMENTO_CACHE", str(tmp_path / "cache"))
    index = tmp_path / "index.npz"
    assert main(["evaluate", "memorization", "--index", str(data), "-o", str(index), "--jobs", "1", "--quiet"]) == 0
    assert "4 sounds and 0 scores" in capsys.readouterr().out
    copy, other = tmp_path / "copy.wav", tmp_path / "other.wav"
    write_audio(copy, Waveform(melody(2).samples[:, RATE : 8 * RATE] * 0.5, RATE))
    write_audio(other, melody(33))
    check = ["evaluate", "memorization", "--index", str(index), "--check"]
    assert main([*check, str(other)]) == 0
    capsys.readouterr()
    assert main([*check, str(other), str(copy), "--out", str(tmp_path / "out")]) == 1
    assert "a copy of m2.wav from" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "memorization_check.json").read_text())
    assert [line["verdict"] for line in found["checked"]] == ["pass", "fail"]
    assert found["left_out"] == []


@pytest.mark.parametrize(
    ("args", "mentions"),
    [
        ([], "--model DIR --data DIR"),
        (["--index", "{data}"], "-o INDEX.npz"),
        (["--index", "{data}", "-o", "index.txt"], ".npz"),
        (["--index", "{tmp}", "-o", "{tmp}/i.npz"], "no sounds"),
        (["--index", "{tmp}/none", "-o", "{tmp}/i.npz"], "not a folder"),
        (["--check", "{data}/m0.wav"], "needs an index"),
        (["--check", "{data}/m0.wav", "--index", "{tmp}/none.npz"], "none.npz"),
        (["--check", "{data}/m0.wav", "--index", "{data}"], "directory"),
        (["--model", "{tmp}", "--data", "{data}"], "not a MusicGen"),
        (["--model", "{tmp}", "--data", "{data}", "--prompts", "a,b"], "--prompts a,b"),
        (["--model", "{tmp}", "--data", "{data}", "--seed", "-1"], "--seed -1"),
        (["--model", "{tmp}", "--data", "{data}", "--continuation", "-1"], "continuation"),
    ],
)
def test_bad_input_is_one_line(data, tmp_path, capsys, args, mentions):
    filled = [a.format(data=data, tmp=tmp_path) for a in args]
    assert main(["evaluate", "memorization", *filled, "--quiet"]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert mentions in errors[0]
