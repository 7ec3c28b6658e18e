import gzip
import json
from pathlib import Path

import pytest
from dataset_factory import MUSICCAPS_HEAD, RATE, fma, moisesdb, musdb, slakh, sound, table

from partimento.data.datasets.item import ROLES, Item, Skip
from partimento.data.datasets.registry import LAYOUTS, find_layout, inspect_dataset, read_dataset
from partimento.errors import FileError, RequestError


def read(root: Path, level: str = "headers") -> tuple[dict[str, Item], dict[str, str]]:
    """Items and reasons of what was left out, by name."""
    skips: list[Skip] = []
    items = {item.id: item for item in read_dataset(root, level=level, on_skip=skips.append)}
    assert all(stem.role in ROLES for item in items.values() for stem in item.stems)
    return items, {skip.name: f"{skip.what}: {skip.reason}" for skip in skips}


def test_slakh_redux(tmp_path: Path) -> None:
    slakh(tmp_path, "train", 1)
    slakh(tmp_path, "validation", 2)
    slakh(tmp_path, "omitted", 3)
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "slakh"
    assert {name: item.split for name, item in items.items()} == {"Track00001": "train", "Track00002": "valid"}
    item = items["Track00001"]
    assert [(s.name, s.role) for s in item.stems] == [
        ("Guitar 30", "guitar"), ("Drums 128", "drums"), ("Strings (continued) 52", "vocals"),
    ]  # fmt: skip
    assert item.stems[0].score == tmp_path / "train/Track00001/MIDI/S00.mid"
    assert item.score == tmp_path / "train/Track00001/all_src.mid"
    assert (item.duration_s, item.sample_rate, item.licence) == (0.5, RATE, "CC-BY-4.0")
    assert item.paths == (tmp_path / "train/Track00001/mix.flac",)
    assert skips == {}


def test_slakh_original_with_redux_json_and_flat_babyslakh(tmp_path: Path) -> None:
    slakh(tmp_path / "orig", "train", 1)
    slakh(tmp_path / "orig", "train", 2)
    moves = {"Track00001": {"action": "omit", "source_split": "train"},
             "Track00002": {"action": "move", "source_split": "train", "destination_split": "test"}}  # fmt: skip
    (tmp_path / "orig" / "redux.json").write_text(json.dumps(moves))
    assert {n: i.split for n, i in read(tmp_path / "orig")[0].items()} == {"Track00002": "test"}
    slakh(tmp_path / "baby", "", 7)
    assert {n: i.split for n, i in read(tmp_path / "baby")[0].items()} == {"Track00007": None}


def test_slakh_bad_tracks_are_named_and_nothing_stops(tmp_path: Path) -> None:
    slakh(tmp_path, "train", 1).joinpath("metadata.yaml").write_text("stems: [1,")
    slakh(tmp_path, "train", 2).joinpath("mix.flac").write_bytes(b"fLaCnonsense")
    (slakh(tmp_path, "train", 3) / "stems" / "S01.flac").write_bytes(b"")
    sound(slakh(tmp_path, "train", 4) / "stems" / "S00.flac", rate=16_000)
    slakh(tmp_path, "train", 5).joinpath("metadata.yaml").unlink()
    slakh(tmp_path, "train", 6)
    items, skips = read(tmp_path)
    assert sorted(items) == ["Track00003", "Track00006"]
    assert len(items["Track00003"].stems) == 2
    assert "metadata.yaml is damaged" in skips["Track00001"]
    assert "not readable" in skips["Track00002"]
    assert skips["Track00003/S01.flac"] == "stem: Drums 128: file is empty"
    assert "mixed sample rates: 8000, 16000 Hz" in skips["Track00004"]
    assert "missing" in skips["Track00005"]


def test_a_silent_stem_is_found_by_listening(tmp_path: Path) -> None:
    sound(slakh(tmp_path) / "stems" / "S02.flac", level=0.0)
    assert len(read(tmp_path)[0]["Track00001"].stems) == 3
    items, skips = read(tmp_path, "sound")
    assert [s.role for s in items["Track00001"].stems] == ["guitar", "drums"]
    assert "silent" in skips["Track00001/S02.flac"]


def test_moisesdb(tmp_path: Path) -> None:
    moisesdb(tmp_path, "a0")
    broken = moisesdb(tmp_path, "a1")
    (broken / "drums" / "d1.wav").unlink()
    (moisesdb(tmp_path, "a2") / "data.json").write_text("{")
    outside = moisesdb(tmp_path, "a3")
    (outside / "data.json").write_text((outside / "data.json").read_text().replace('"d1"', '"../../../x"'))
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == find_layout(tmp_path / "moisesdb_v0.1") == "moisesdb"
    item = items["a0"]
    assert item.audio is None
    assert len(item.paths) == 3
    assert [(s.name, s.role) for s in item.stems] == [
        ("acoustic guitar", "guitar"), ("clean electric guitar", "guitar"), ("full acoustic drumkit", "drums"),
    ]  # fmt: skip
    assert item.duration_s == pytest.approx(0.6)
    assert (item.tags, item.split, item.licence) == (("rock",), None, "CC-BY-NC-SA-4.0")
    assert "sum of its stems" in skips["a1"]
    assert "damaged" in skips["a2"]
    assert "outside" in skips["a3"]
    assert list(items) == ["a0"]


def test_musdb(tmp_path: Path) -> None:
    musdb(tmp_path)
    musdb(tmp_path, "train", "Leaf - Summerghost")
    musdb(tmp_path, "test", "C - D")
    musdb(tmp_path, "test", "E - F").joinpath("mixture.wav").write_bytes(b"RIFF")
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "musdb18-hq"
    assert {n: i.split for n, i in items.items()} == {"Band - Song": "train", "Leaf - Summerghost": "valid", "C - D": "test"}
    assert [s.role for s in items["C - D"].stems] == ["vocals", "drums", "bass", "other"]
    assert "not readable" in skips["E - F"]


def test_musiccaps(tmp_path: Path) -> None:
    def row(
        ytid: str, caption: str = "A calm song.", start: object = 1, end: object = 3, test: bool = False
    ) -> tuple[object, ...]:
        return (ytid, start, end, "/m/04rlf", "['calm', \"don't\"]", caption, 4, False, test)

    rows = [
        row("-0Gj8-vB1q4"), row("whole-video", test=True), row("abcdefghijk"), row("emptycaptio", " "),
        row("shortvideoX", start=4, end=6),
        row("bracketsXYZ"), row("badnumbersX", start="x"),
    ]  # fmt: skip
    table(tmp_path / "musiccaps-public.csv", MUSICCAPS_HEAD, rows)
    sound(tmp_path / "audio" / "-0Gj8-vB1q4.wav", 2.0)
    sound(tmp_path / "audio" / "whole-video.flac", 9.0)
    sound(tmp_path / "audio" / "[bracketsXYZ]-[1-3].wav", 2.0)
    sound(tmp_path / "audio" / "emptycaptio.wav", 2.0)
    sound(tmp_path / "audio" / "shortvideoX.wav", 4.5)
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "musiccaps"
    clip, whole = items["-0Gj8-vB1q4"], items["whole-video"]
    assert (clip.start_s, clip.duration_s, clip.split) == (0.0, 2.0, "train")
    assert (whole.start_s, whole.duration_s, whole.split) == (1.0, 2.0, "test")
    assert clip.captions == ("A calm song.",)
    assert clip.tags == ("calm", "don't")
    assert "bracketsXYZ" in items
    assert skips["abcdefghijk"] == "item: no sound file of this identifier"
    assert skips["emptycaptio"] == "item: no caption"
    assert "lasts 4.5 s" in skips["shortvideoX"]
    assert "name no excerpt" in skips["badnumbersX"]


def test_song_describer(tmp_path: Path) -> None:
    head = ("caption_id", "track_id", "caption", "is_valid_subset", "familiarity", "artist_id", "album_id", "path", "duration")
    rows = [
        (1, 1004034, "A slow waltz.", True, 1, 5, 6, "34/1004034.mp3", 200.0),
        (2, 1004034, "Strings play\na waltz.", False, 2, 5, 6, "34/1004034.mp3", 200.0),
        (3, 77, "", False, 2, 5, 6, "77/77.mp3", 200.0), (4, 88, "Gone.", False, 2, 5, 6, "88/88.mp3", 9.0),
    ]  # fmt: skip
    table(tmp_path / "song_describer.csv", head, rows)
    sound(tmp_path / "audio" / "34" / "1004034.2min.mp3", 1.0, 44_100)
    sound(tmp_path / "audio" / "77" / "77.2min.mp3", 1.0, 44_100)
    (tmp_path / "audio_licenses.txt").write_text(
        "34/1004034.mp3\nX by Y from Jamendo: http://j/1\nAvailable under a license: http://cc/by/3.0/\n"
    )
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "song-describer"
    item = items["1004034"]
    assert item.captions == ("A slow waltz.", "Strings play a waltz.")
    assert (item.split, item.tags, item.licence) == ("test", ("validated",), "http://cc/by/3.0/")
    assert item.duration_s == pytest.approx(1.0, abs=0.1)
    assert skips == {"77": "item: no caption", "88": "item: file is missing"}


def test_fma(tmp_path: Path) -> None:
    fma(tmp_path, [
        (2, "Way", "training", "small", "Hip-Hop", "[21]", "Attribution", "['beat']", "Food"),
        (10, "Way", "test", "medium", "Jazz", "[4, 21]", "Attribution", "[]", "Freeway"),
        (137, "Way", "validation", "small", "", "[4]", "CC0", "[]", "Gone"),
    ])  # fmt: skip
    sound(tmp_path / "fma_small" / "000" / "000002.mp3", 1.0, 44_100)
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "fma"
    assert list(items) == ["000002"]
    assert items["000002"].tags == ("Hip-Hop", "beat")
    assert (items["000002"].split, items["000002"].licence) == ("train", "Attribution")
    assert skips == {"000137": "item: file is missing"}
    sound(tmp_path / "fma_full" / "000" / "000010.mp3", 1.0, 44_100)
    assert list(read(tmp_path)[0]) == ["000002", "000010"]


@pytest.mark.parametrize("packed", [False, True])
def test_audiocraft(tmp_path: Path, packed: bool) -> None:
    for name in ("one", "two", "three", "four"):
        sound(tmp_path / "dataset" / f"{name}.wav")
    (tmp_path / "dataset" / "one.json").write_text(
        json.dumps({"description": "Soft pads", "genre": "electronic", "moods": ["calm"], "bpm": 90, "key": "C"})
    )
    (tmp_path / "dataset" / "two.json").write_text('{"description": ""}')
    (tmp_path / "dataset" / "four.json").write_text("{")
    line = {"duration": 0.5, "sample_rate": RATE, "amplitude": None, "weight": None, "info_path": None}
    rows = [line | {"path": f"dataset/{n}.wav"} for n in ("one", "two", "missing", "four")]
    rows += [line | {"path": "dataset/three.wav", "duration": 9.0}, line | {"path": "a.zip:b.wav"}]
    text = "\n".join([*map(json.dumps, rows), '{"path": "dat'])
    manifest = tmp_path / "egs" / "valid" / ("data.jsonl.gz" if packed else "data.jsonl")
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == find_layout(manifest) == "audiocraft"
    assert list(items) == ["dataset/one.wav", "dataset/two.wav", "dataset/four.wav"]
    assert items["dataset/one.wav"].captions == ("Soft pads",)
    assert items["dataset/one.wav"].tags == ("electronic", "calm")
    assert items["dataset/one.wav"].split == "valid"
    assert skips["dataset/two.wav"] == "caption: empty description"
    assert "damaged" in skips["dataset/four.wav"]
    assert skips["dataset/missing.wav"] == "item: file is missing"
    assert "the manifest says 9.0 s" in skips["dataset/three.wav"]
    assert "zip" in skips["a.zip:b.wav"]
    assert any("the line is damaged" in reason for reason in skips.values())


def test_audiocraft_cut_off_archive_gives_what_it_holds(tmp_path: Path) -> None:
    rng_lines = []
    for i in range(40):
        sound(tmp_path / f"{i:02d}.wav", 0.05)
        rng_lines.append(json.dumps({"path": f"{i:02d}.wav", "duration": 0.05, "sample_rate": RATE, "weight": i * 0.61803}))
    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress("\n".join(rng_lines).encode())[:-60])
    items, skips = read(tmp_path)
    assert 0 < len(items) < 41
    assert "the manifest is damaged" in skips["data.jsonl.gz"]


def test_folder_with_and_without_text(tmp_path: Path) -> None:
    for name in ("a.wav", "train/b.flac", "train/c.ogg", "test/d.wav", "e.wav", ".hidden/x.wav", "._a.wav"):
        sound(tmp_path / name)
    (tmp_path / "a.txt").write_text("Warm strings\n\nViolins, slow\n")
    (tmp_path / "train" / "b.json").write_text(json.dumps({"captions": ["One", "Two"], "tags": "x, y", "license": "CC0"}))
    (tmp_path / "train" / "c.txt").write_text(" \n")
    table(tmp_path / "metadata.csv", ("file_name", "text", "genre"), [("test/d.wav", "Drums only", "techno")])
    (tmp_path / "empty.wav").write_bytes(b"")
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "folder"
    assert {n: i.captions for n, i in items.items()} == {
        "a.wav": ("Warm strings", "Violins, slow"), "e.wav": (), "test/d.wav": ("Drums only",), "train/b.flac": ("One", "Two"),
        "train/c.ogg": (),
    }  # fmt: skip
    assert items["train/b.flac"].tags == ("x", "y")
    assert (items["train/b.flac"].licence, items["train/b.flac"].split) == ("CC0", "train")
    assert (items["test/d.wav"].tags, items["test/d.wav"].split) == (("techno",), "test")
    assert skips == {"train/c.ogg": "caption: c.txt is empty", "empty.wav": "item: file is empty"}


def test_rendered(tmp_path: Path) -> None:
    row = {"file": "stems/00.flac", "name": "Lead", "role": "melody", "instrument": "violin", "program": 40, "is_drum": False}
    drums = row | {"file": "stems/01.flac", "name": "Kit", "is_drum": True}
    piano = row | {"file": "stems/02.flac", "name": "Keys", "instrument": "piano", "program": 0}
    folder = tmp_path / "items" / "000000"
    for name in ("mix.flac", "stems/00.flac", "stems/01.flac", "stems/02.flac"):
        sound(folder / name)
    (folder / "item.json").write_text(json.dumps({"stems": [row, drums, piano]}))
    (folder / "score.json").write_text("{}")
    line = {"id": "000000", "split": "valid", "captions": ["calm", "calm violin"]}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n" + json.dumps(line | {"id": "000001"}) + '\n{"id"')
    items, skips = read(tmp_path)
    assert find_layout(tmp_path) == "rendered"
    assert [(s.name, s.role) for s in items["000000"].stems] == [
        ("Lead", "bowed_strings"), ("Kit", "drums"), ("Keys", "piano"),
    ]  # fmt: skip
    assert (items["000000"].split, items["000000"].captions) == ("valid", ("calm", "calm violin"))
    assert skips["000001"] == "item: its folder is missing"


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no folder"):
        find_layout(tmp_path / "none")
    with pytest.raises(FileError, match="no sound"):
        find_layout(tmp_path)
    sound(tmp_path / "a.wav")
    with pytest.raises(RequestError, match="no layout 'slack'"):
        find_layout(tmp_path, "slack")
    with pytest.raises(RequestError, match="has not the layout 'slakh'"):
        find_layout(tmp_path, "slakh")
    assert all(find_layout(tmp_path, name) == name for name in LAYOUTS if name == "folder")


def test_reading_is_lazy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import partimento.data.datasets.build as build

    for i in range(5):
        sound(tmp_path / f"{i}.wav")
    opened = []
    original = build.check_sound
    monkeypatch.setattr(build, "check_sound", lambda path, level: opened.append(path) or original(path, level))
    next(read_dataset(tmp_path))
    assert len(opened) == 1


def test_cut_off_and_not_a_number_are_found_by_listening(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    whole = sound(tmp_path / "whole.flac", 4.0)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    items, skips = read(tmp_path, "sound")
    assert list(items) == ["whole.flac"]
    assert "cut off" in skips["cut.flac"] or "not readable" in skips["cut.flac"]
    assert "not numbers" in skips["nan.wav"]


def test_inspect_counts_and_writes_a_report(tmp_path: Path) -> None:
    for i in range(3):
        slakh(tmp_path / "data", "train", i + 1)
    (tmp_path / "data/train/Track00002/mix.flac").write_bytes(b"x")
    summary = inspect_dataset(tmp_path / "data", report=tmp_path / "skipped.jsonl")
    assert (summary.layout, summary.items, summary.stems, summary.scored) == ("slakh", 2, 6, 2)
    assert summary.duration_s == 1.0
    assert summary.splits == {"train": 2}
    assert summary.roles == {"guitar": 2, "drums": 2, "vocals": 2}
    rows = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert [(row["name"], row["what"]) for row in rows] == [("Track00002", "item")]
