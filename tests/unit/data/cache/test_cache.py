import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from dataset_factory import moisesdb, musdb, sound

from partimento.cli.main import main as cli
from partimento.data.cache.encoders import EncoderSpec, MelEncoder, open_encoder
from partimento.data.cache.layout import INDEX, index_lines, shard_path
from partimento.data.cache.read import FrameCache, FrameWindows, controls_within
from partimento.data.cache.sound import item_key, item_sound
from partimento.data.cache.write import EncodeConfig, EncodeResult, encode_dataset
from partimento.data.datasets.item import SKIPPED, Item, Stem
from partimento.errors import FileError, RequestError

RATE = 8_000
MEL = EncoderSpec("mel")


def folder_of(root: Path, n: int = 6) -> Path:
    """A few sounds of different lengths, rates and channels, some with words."""
    for i in range(n):
        sound(root / ("test" if i == 5 else "train") / f"{i}.wav", 0.3 + 0.2 * i, (RATE, 44_100)[i % 2], channels=1 + i % 2)
        if i % 2:
            (root / ("test" if i == 5 else "train") / f"{i}.txt").write_text(f"caption {i}\nmore words {i}")
    return root


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock"
    }


@pytest.fixture(scope="session")
def tiny_codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of an untrained codec in the trainer's layout."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from partimento.codec.mini import MiniCodec, MiniCodecConfig
    from partimento.codec.quantize import QuantizerConfig

    config = MiniCodecConfig(
        sample_rate=RATE, n_fft=256, hop=64, n_single=20, n_bands=40, width=16, hidden=32, encoder_blocks=2,
        decoder_blocks=2, quantizer=QuantizerConfig(n_codebooks=3, cardinality=16, dimension=8),
    )  # fmt: skip
    torch.manual_seed(0)
    model = MiniCodec(config)
    noise = 0.1 * torch.randn(2, 4000, generator=torch.Generator().manual_seed(3))
    model.quantizer.initialize(model.latent(model.bands_of(noise)).detach().flatten(0, 1))
    folder = tmp_path_factory.mktemp("codec")
    save_file(model.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model": asdict(config)}))
    return folder


def test_tokens_are_the_codecs_and_come_back(tmp_path: Path, tiny_codec: Path) -> None:
    import torch

    from partimento.audio.io import read_audio
    from partimento.codec.loading import load_mini_codec

    data = folder_of(tmp_path / "data")
    result = encode_dataset(EncodeConfig(data, tmp_path / "cache", EncoderSpec("tokens", str(tiny_codec))))
    assert (result.encoded, result.kept, result.skipped) == (6, 0, 0)
    assert result.duration_s == pytest.approx(sum(0.3 + 0.2 * i for i in range(6)), abs=0.01)
    cache = FrameCache(tmp_path / "cache")
    assert (cache.layout.width, cache.layout.cardinality, cache.layout.dtype) == (3, 16, "uint16")
    codec = load_mini_codec(tiny_codec)
    entry = next(e for e in cache.entries if e.name == "data/train/2.wav")
    wave = read_audio(data / "train" / "2.wav")
    codes = codec.encode(torch.from_numpy(wave.samples.copy())[None]).codes[0].T.numpy()
    np.testing.assert_array_equal(cache.frames(entry), codes)
    np.testing.assert_array_equal(cache.frames(entry, 3, 5), codes[3:8])
    assert cache.frames(entry, entry.n_frames - 2, 5).shape == (2, 3)
    assert {e.name: e.split for e in cache.entries}["data/test/5.wav"] == "test"
    assert {e.name: e.captions for e in cache.entries}["data/train/3.wav"] == ("caption 3", "more words 3")


def test_a_second_run_does_nothing_and_changed_files_are_encoded_again(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data")
    config = EncodeConfig(data, tmp_path / "cache", MEL)
    encode_dataset(config)
    before = tree(config.out)
    assert encode_dataset(config) == EncodeResult(0, 6, 0, 0.0)
    assert tree(config.out) == before
    (data / "train" / "1.txt").write_text("new words")
    sound(data / "train" / "2.wav", 1.1)
    (data / "train" / "3.wav").write_bytes(b"broken")
    result = encode_dataset(config)
    assert (result.encoded, result.kept, result.skipped) == (1, 4, 1)
    cache = FrameCache(config.out)
    found = {e.name: e for e in cache.entries}
    assert found["data/train/1.wav"].captions == ("new words",)
    assert found["data/train/2.wav"].n_frames == 55
    assert "train/3.wav" in (config.out / SKIPPED).read_text()


def with_one_and_two_processes(tmp_path: Path, spec: EncoderSpec, shard_bytes: int) -> tuple[Path, Path]:
    """The same cache written twice, in several shards."""
    data = folder_of(tmp_path / "data")
    one = EncodeConfig(data, tmp_path / "one", spec, shard_bytes=shard_bytes)
    encode_dataset(one)
    encode_dataset(replace(one, out=tmp_path / "two", jobs=2))
    assert len(list((tmp_path / "one" / "shards").iterdir())) > 2
    return tmp_path / "one", tmp_path / "two"


def test_the_same_features_with_two_processes_and_small_shards(tmp_path: Path) -> None:
    one, two = with_one_and_two_processes(tmp_path, MEL, 20_000)
    assert tree(one) == tree(two)


@pytest.mark.slow
def test_the_same_tokens_with_two_processes_and_small_shards(tmp_path: Path, tiny_codec: Path) -> None:
    one, two = with_one_and_two_processes(tmp_path, EncoderSpec("tokens", str(tiny_codec)), 600)
    assert tree(one) == tree(two)


@pytest.mark.parametrize("cut", ["index", "shard", "controls"])
def test_what_a_crash_left_incomplete_is_cut_off(tmp_path: Path, cut: str) -> None:
    data = folder_of(tmp_path / "data")
    whole = EncodeConfig(data, tmp_path / "whole", MEL, shard_bytes=30_000)
    encode_dataset(whole)
    broken = replace(whole, out=tmp_path / "broken")
    encode_dataset(broken)
    index = broken.out / INDEX
    if cut == "index":
        index.write_bytes(index.read_bytes()[:-20])
    else:
        lines = index.read_bytes().splitlines(keepends=True)
        index.write_bytes(b"".join(lines[:3]))
        with shard_path(broken.out, 0).open("ab") as file:
            file.write(b"half an item")
    assert len(FrameCache(broken.out).entries) == (5 if cut == "index" else 3)
    encode_dataset(broken)
    assert tree(broken.out) == tree(whole.out)


def test_lost_frames_are_noticed_and_mended(tmp_path: Path) -> None:
    config = EncodeConfig(folder_of(tmp_path / "data"), tmp_path / "cache", MEL)
    encode_dataset(config)
    before = tree(config.out)
    with shard_path(config.out, 0).open("rb+") as file:
        file.truncate(30_000)
    with pytest.raises(FileError, match="cut off"):
        FrameCache(config.out)
    encode_dataset(config)
    assert tree(config.out) == before


def test_kill_9_at_any_moment_loses_nothing_that_was_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for i in range(60):
        sound(data / f"{i:03d}.wav", 0.3)
    config = EncodeConfig(data, tmp_path / "cache", MEL)
    encode_dataset(replace(config, out=tmp_path / "whole"))
    command = [sys.executable, "-m", "partimento", "data", "encode", str(data), "--features", "mel", "--out", str(config.out)]
    counts = []
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        start = size = (config.out / INDEX).stat().st_size if counts else 0
        while process.poll() is None and size < start + 1_500:
            time.sleep(0.002)
            size = (config.out / INDEX).stat().st_size if (config.out / INDEX).exists() else 0
        assert process.poll() is None, "it was to be killed while it worked"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts.append(sum(1 for _ in index_lines(config.out)))
    assert 0 < counts[0] < counts[1] < 60
    assert encode_dataset(config).kept == counts[1]
    assert tree(config.out) == tree(tmp_path / "whole")


def test_bad_items_are_named_and_nothing_stops(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data")
    sound(data / "train" / "silent.wav", level=0.0)
    (data / "train" / "corrupt.flac").write_bytes(b"fLaC")
    (data / "train" / "empty.wav").write_bytes(b"")
    whole = sound(data / "train" / "late.flac", 4.0)
    whole.write_bytes(whole.read_bytes()[:9_000])
    result = encode_dataset(EncodeConfig(data, tmp_path / "cache", MEL))
    rows = {
        json.loads(line)["name"]: json.loads(line)["reason"] for line in (tmp_path / "cache" / SKIPPED).read_text().splitlines()
    }
    assert result.encoded + len(rows) == 10
    assert any("silent" in why for name, why in rows.items() if "silent" in name)
    assert any("empty" in why for why in rows.values())


def test_one_cache_for_one_encoder_and_one_writer(tmp_path: Path, tiny_codec: Path) -> None:
    from filelock import FileLock

    data = folder_of(tmp_path / "data", 2)
    config = EncodeConfig(data, tmp_path / "cache", MEL)
    encode_dataset(config)
    with pytest.raises(FileError, match="another encoder"):
        encode_dataset(replace(config, spec=EncoderSpec("tokens", str(tiny_codec))))
    with FileLock(str(config.out / ".lock")), pytest.raises(FileError, match="another process"):
        encode_dataset(config)


def test_windows_depend_on_the_generator_alone(tmp_path: Path, tiny_codec: Path) -> None:
    spec = EncoderSpec("tokens", str(tiny_codec))
    encode_dataset(EncodeConfig(folder_of(tmp_path / "data"), tmp_path / "cache", spec))
    windows = FrameWindows([tmp_path / "cache"], 100)
    assert windows.n_items == 5
    frames, drawn = windows.batch(np.random.default_rng(1), 40)
    again, _ = windows.batch(np.random.default_rng(1), 40)
    np.testing.assert_array_equal(frames, again)
    assert frames.shape == (40, 100, 3)
    assert frames.dtype == np.uint16
    assert {w.name for w in drawn} <= {f"data/train/{i}.wav" for i in range(5)}
    short = next(w for w in drawn if w.n_valid < 100)
    assert (short.frames[short.n_valid :] == 16).all()
    assert (short.frames[: short.n_valid] < 16).all()
    words = {w.name: {x.caption for x in drawn if x.name == w.name} for w in drawn}
    assert words["data/train/3.wav"] == {"caption 3", "more words 3"}
    assert FrameWindows([tmp_path / "cache"], 10, captioned=True).n_items == 2
    assert FrameWindows([tmp_path / "cache"], 10, split=None).n_items == 6
    with pytest.raises(FileError, match="split 'valid'"):
        FrameWindows([tmp_path / "cache"], 10, split="valid")
    with pytest.raises(RequestError):
        FrameWindows([tmp_path / "cache"], 0)


def test_controls_of_a_window() -> None:
    truth = {
        "tempo_bpm": 120.0, "metre": "4/4", "beats": [0.0, 0.5, 1.0, 1.5, 2.0], "downbeats": [0.0, 2.0],
        "chords": [[0.0, 1.0, "C"], [1.0, 2.0, "G"], [2.0, 3.0, "Am"]],
        "melody": [[0.4, 0.8, 60], [0.6, 1.9, 62], [1.7, 2.0, 64]],
        "keys": [[0.0, "C major"], [0.7, "G major"], [1.2, "A minor"]], "sections": [[0.0, 1.2, "A"], [1.2, 3.0, "B"]],
    }  # fmt: skip
    cut = controls_within(truth, 0.5, 1.6)
    assert cut["beats"] == [0.0, 0.5, 1.0]
    assert cut["downbeats"] == []
    assert cut["chords"] == [[0.0, 0.5, "C"], [0.5, 1.1, "G"]]
    assert cut["melody"] == [[0.1, 1.1, 62]]
    assert cut["keys"] == [[0.0, "C major"], [0.2, "G major"], [0.7, "A minor"]]
    assert cut["sections"] == [[0.0, 0.7, "A"], [0.7, 1.1, "B"]]
    assert (cut["tempo_bpm"], cut["metre"]) == (120.0, "4/4")
    assert controls_within({}, 0.0, 1.0) == {}


def test_rendered_items_keep_their_truth(tmp_path: Path) -> None:
    row = {"file": "stems/00.flac", "name": "Lead", "role": "melody", "instrument": "violin", "program": 40, "is_drum": False}
    folder = tmp_path / "data" / "items" / "000000"
    for name in ("mix.flac", "stems/00.flac"):
        sound(folder / name, 2.0)
    truth = {
        "tempo_bpm": 90.0,
        "chords": [[0.0, 1.0, "C"], [1.0, 2.0, "F"]],
        "beats": [0.0, 1.0],
        "captions": ["x"],
        "stems": [row],
    }
    (folder / "item.json").write_text(json.dumps(truth))
    (tmp_path / "data" / "manifest.jsonl").write_text(json.dumps({"id": "000000", "split": "train", "captions": ["calm"]}) + "\n")
    config = EncodeConfig(tmp_path / "data", tmp_path / "cache", MEL)
    encode_dataset(config)
    window = FrameWindows([tmp_path / "cache"], 10_000).draw(np.random.default_rng(0))
    assert window.controls["chords"] == [[0.0, 1.0, "C"], [1.0, 2.0, "F"]]
    assert window.controls["instruments"] == [{"instrument": "violin", "role": "melody", "is_drum": False}]
    assert window.caption == "calm"
    assert (window.frames[window.n_valid :] == window.frames[window.n_valid - 1]).all()
    before = tree(config.out)
    encode_dataset(config)
    assert tree(config.out) == before
    (folder / "item.json").write_text(json.dumps(truth | {"tempo_bpm": 91.0}))
    assert encode_dataset(config).kept == 1
    assert FrameWindows([tmp_path / "cache"], 5).draw(np.random.default_rng(0)).controls["tempo_bpm"] == 91.0


def test_sound_of_excerpts_and_of_stems(tmp_path: Path) -> None:
    from partimento.data.datasets.registry import read_dataset

    whole = sound(tmp_path / "a.wav", 2.0)
    item = Item("a", "x", whole, 0.5, RATE, start_s=1.0)
    full = item_sound(replace(item, start_s=0.0, duration_s=2.0), RATE, 1)
    np.testing.assert_array_equal(item_sound(item, RATE, 1), full[:, RATE : RATE + RATE // 2])
    assert item_sound(item, 4_000, 2).shape == (2, 2_000)
    song = next(read_dataset(moisesdb(tmp_path / "m").parent))
    parts = [item_sound(Item("p", "x", stem.path, 0.7, RATE), RATE, 1) for stem in song.stems]
    total = item_sound(song, RATE, 1)
    assert total.shape == (1, round(0.6 * RATE))
    np.testing.assert_allclose(total[:, : RATE // 2], sum(p[:, : RATE // 2] for p in parts), atol=1e-6)
    assert item_key(item, "e") != item_key(item, "f")
    assert item_key(item, "e") != item_key(replace(item, start_s=0.5), "e")
    (tmp_path / "b.wav").write_bytes(whole.read_bytes())
    assert item_key(replace(item, audio=tmp_path / "b.wav", id="b"), "e") == item_key(item, "e")
    with pytest.raises(FileError, match="not readable"):
        item_sound(Item("c", "x", None, 1.0, RATE, (Stem("s", "bass", tmp_path / "none.wav"),)), RATE, 1)


def test_mel_frames_are_in_step_with_tokens() -> None:
    encoder = MelEncoder()
    assert encoder.layout.frame_rate_hz == 50.0
    assert encoder.encode(np.zeros((1, 32_000), np.float32)).shape == (50, 128)
    assert encoder.encode(np.zeros((1, 32_001), np.float32)).shape == (51, 128)
    assert open_encoder(MEL) is open_encoder(EncoderSpec("mel"))


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb(tmp_path / "data")
    out = str(tmp_path / "cache")
    assert cli(["data", "encode", str(tmp_path / "data"), "--features", "mel", "--out", out]) == 0
    assert "1 items encoded" in capsys.readouterr().out
    assert cli(["data", "encode", str(tmp_path / "data"), "--features", "mel", "--out", out]) == 0
    assert "0 items encoded (0.00 h), 1 there already, 0 left out" in capsys.readouterr().out
    assert cli(["data", "encode", str(tmp_path / "none"), "--features", "mel", "--out", out]) == 2
    assert cli(["data", "encode", str(tmp_path / "data"), "--codec", "nothing", "--out", out]) == 2
    with pytest.raises(FileError, match="is no cache"):
        FrameCache(tmp_path / "data")
