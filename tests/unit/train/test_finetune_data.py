"""Songs of a user: what is found, said, left out and held out."""

import json
import shutil
from pathlib import Path

import finetune_factory as factory
import numpy as np
import pytest
import soundfile
import torch
from train_factory import RATE, tiny_cache, tiny_codec

from partimento.embed.t5 import TextStates
from partimento.errors import FileError, RequestError
from partimento.train.finetune_data import SongWindows, TextTable, gather, genre_in, words_of_name

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("03 - slow_blues_in_A", "slow blues in A"),
        ("SlowBlues", "Slow Blues"),
        ("Track 07 (final mix)", ""),
        ("blues", ""),
        ("2024-11-03 14.20", ""),
        ("take_2_funky-bass  groove", "funky bass groove"),
    ],
)
def test_what_file_names_say(name: str, said: str) -> None:
    assert words_of_name(name) == said


def test_genre_of_a_file(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE, 1) as file:
        file.genre = "slow  blues"
        file.write(np.zeros(RATE))
    assert genre_in(tmp_path / "a.flac") == "slow blues"
    (tmp_path / "b.wav").write_bytes(b"no sound")
    assert genre_in(tmp_path / "b.wav") == ""


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_codec(tmp_path_factory.mktemp("codec") / "codec"))


def test_bad_files_are_named_and_the_rest_is_shared_out(codec: str, tmp_path: Path) -> None:
    data = factory.songs(tmp_path / "mine", n=3)
    (data / "broken.wav").write_bytes(b"RIFF nothing")
    shutil.copy(data / "one.wav", data / "one again.wav")
    soundfile.write(data / "short.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    soundfile.write(data / "silent.wav", np.zeros(6 * RATE), RATE)
    songs = gather(data, codec, tmp_path / "tokens", tmp_path / "skipped.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    reasons = {Path(line["name"]).name: line["reason"] for line in lines}
    assert set(reasons) == {"broken.wav", "one.wav", "short.wav", "silent.wav"}
    assert reasons["one.wav"] == "the same sound as mine/one again.wav"
    assert reasons["short.wav"].startswith("1.0 s long; 5 s or more")
    assert "silent" in reasons["silent.wav"]
    assert len(songs.learn) == 2
    assert len(songs.held_out) == 1
    assert songs.learn | songs.held_out == {"mine/one again.wav", "mine/slow-piano blues 2.wav", "mine/Track 03.wav"}
    again = gather(data, codec, tmp_path / "tokens", tmp_path / "skipped.jsonl")
    assert (again.learn, again.held_out) == (songs.learn, songs.held_out)


def test_where_words_come_from(codec: str, tmp_path: Path) -> None:
    data = factory.songs(tmp_path / "mine", n=3)
    songs = gather(data, codec, tmp_path / "tokens", tmp_path / "skipped.jsonl")
    assert songs.told_by == {"captions": 1, "file names": 1, "nothing (learned without text)": 1}
    assert songs.words == {"mine/slow-piano blues 2.wav": "slow piano blues"}
    windows = SongWindows(songs, ["mine/one.wav", "mine/slow-piano blues 2.wav"], 2, 50)
    codes, texts = windows.batch(np.random.default_rng(0), 12)
    assert codes.shape == (12, 2, 50)
    assert set(texts) == {"calm jazz with piano", "slow piano blues"}
    said = gather(data, codec, tmp_path / "tokens", tmp_path / "skipped.jsonl", text="my band")
    assert said.told_by == {"captions": 1, "--text": 2}
    with pytest.raises(RequestError, match="holds 3 codebooks, the model speaks 4"):
        SongWindows(songs, songs.learn, 4, 50)


def test_splits_of_folders_are_kept(codec: str, tmp_path: Path) -> None:
    data = factory.songs(tmp_path / "mine", n=3)
    (data / "test").mkdir()
    (data / "valid").mkdir()
    shutil.move(data / "one.wav", data / "test" / "one.wav")
    shutil.move(data / "Track 03.wav", data / "valid" / "x.wav")
    songs = gather(data, codec, tmp_path / "tokens", tmp_path / "skipped.jsonl")
    assert (songs.learn, songs.held_out) == ({"mine/slow-piano blues 2.wav"}, {"mine/valid/x.wav"})


def test_a_cache_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partimento.train.finetune_data.MIN_S", 1.0)
    tokens, codec = tiny_cache(tmp_path)
    songs = gather(tokens, str(codec), tmp_path / "unused", tmp_path / "skipped.jsonl")
    assert (len(songs.learn), len(songs.held_out)) == (5, 1)
    assert not (tmp_path / "unused").exists()
    _, texts = SongWindows(songs, songs.learn, 2, 40).batch(np.random.default_rng(0), 20)
    assert any("bpm" in text for text in texts)
    with pytest.raises(RequestError, match="the model speaks those of mini-codec"):
        gather(tokens, "mini-codec", tmp_path / "unused", tmp_path / "skipped.jsonl")


def test_nothing_that_can_be_used(codec: str, tmp_path: Path) -> None:
    data = factory.songs(tmp_path / "mine", n=1)
    soundfile.write(data / "one.wav", np.zeros(6 * RATE), RATE)
    with pytest.raises(FileError, match="holds no sound of 5 s or more that can be learned from; 1 left out, see"):
        gather(data, codec, tmp_path / "tokens", tmp_path / "skipped.jsonl")


def test_texts_are_encoded_once_and_the_empty_one_has_a_place() -> None:
    asked: list[list[str]] = []

    def encode(texts: list[str]) -> TextStates:
        asked.append(texts)
        with torch.inference_mode():
            return TextStates.stack([torch.full((len(text.split()), 3), float(len(text))) for text in texts])

    table = TextTable(encode, most=2)
    numbers = [table.number(text) for text in ("a b", "", "c", "a b")]
    assert numbers == [1, 0, 2, 1]
    states = table.states(numbers)
    assert states.states.shape == (4, 2, 3)
    assert states.mask.tolist() == [[True, True], [False, False], [True, False], [True, True]]
    assert not states.states.is_inference()
    assert asked == [["a b"], [""], ["c"]]
    alone = table.states([0, 0])
    assert alone.states.shape == (2, 1, 3)
    assert not bool(alone.mask.any())
