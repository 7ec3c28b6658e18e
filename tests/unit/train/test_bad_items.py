"""One bad item among others never ends a run: it is left out by name, and what is drawn instead is decided by the seed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from partimento.data.audio_folder import AudioWindows, find_audio
from partimento.data.cache.encoders import EncoderSpec
from partimento.data.cache.layout import CONTROLS, INFO, shard_path
from partimento.data.cache.read import FrameCache, FrameWindows
from partimento.data.cache.write import EncodeConfig, encode_dataset
from partimento.data.datasets.item import SKIPPED
from partimento.data.scores import MANIFEST, read_scores
from partimento.errors import FileError
from partimento.train.loop import Limits
from partimento.train.recipe import Recipe, recipe_from
from partimento.train.run import train
from partimento.train.skipping import Skipped
from partimento.train.state import checkpoints

RATE = 8_000
TINY = {
    "task": "codec",
    "model": {
        "sample_rate": RATE, "n_fft": 256, "hop": 64, "n_single": 20, "n_bands": 40, "width": 8, "hidden": 16,
        "encoder_blocks": 1, "decoder_blocks": 1, "quantizer": {"n_codebooks": 2, "cardinality": 8, "dimension": 4},
    },
    "codec": {"batch": 4, "window_frames": 16, "free_steps": 1, "kmeans_batches": 2},
    "run": {"bf16": False},
}  # fmt: skip


@pytest.fixture
def recipe() -> Recipe:
    return recipe_from(TINY)


def sounds(folder: Path, good: int = 2, cut: int = 1) -> Path:
    """Good files, and files with a whole header whose sound is cut off."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(good + cut):
        path = folder / f"{'good' if i < good else 'cut'}{i}.flac"
        soundfile.write(path, 0.1 * rng.standard_normal(3 * RATE), RATE)
        if i >= good:
            os.truncate(path, 2_000)
    return folder


def test_a_cut_file_is_left_out_by_name_and_the_run_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    data, out = sounds(tmp_path / "data"), tmp_path / "out"
    said: list[str] = []
    for steps in (2, 4):
        train(recipe, [data], out, valid=[data], limits=Limits(steps=steps), device="cpu", say=said.append)
    assert checkpoints(out)[-1].name == "step-00000004"
    rows = [json.loads(line) for line in (out / SKIPPED).read_text().splitlines()]
    assert [Path(row["name"]).name for row in rows] == ["cut2.flac"]
    assert sum("cut2.flac" in line for line in said) == 1


def test_what_is_drawn_instead_depends_on_the_generator_alone(tmp_path: Path) -> None:
    files = find_audio(sounds(tmp_path / "data", good=1, cut=3))[0]
    assert len(files) == 4  # the headers are whole
    skipped: list[str] = []
    first = AudioWindows(files, RATE, 1_000, on_skip=lambda name, _: skipped.append(name))
    batches = [first.batch(np.random.default_rng(seed), 3) for seed in range(4)]
    assert skipped
    fresh = AudioWindows(files, RATE, 1_000)
    np.testing.assert_array_equal(batches[3], fresh.batch(np.random.default_rng(3), 3))
    assert all(np.abs(batch).max(axis=1).min() > 0 for batch in batches)


def test_samples_that_are_not_numbers_are_left_out(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "data", good=1, cut=0)
    soundfile.write(folder / "nan.wav", np.full(3 * RATE, np.nan), RATE, subtype="FLOAT")
    skipped: dict[str, str] = {}
    windows = AudioWindows(find_audio(folder)[0], RATE, 1_000, on_skip=skipped.__setitem__)
    assert np.isfinite(windows.batch(np.random.default_rng(0), 20)).all()
    assert skipped == {str(folder / "nan.wav"): "holds samples that are not numbers"}


def test_nothing_but_bad_files_is_refused_in_one_line(recipe: Recipe, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    soundfile.write(data / "nan.wav", np.full(3 * RATE, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(FileError, match=r"none of the 1 sound files can be read"):
        train(recipe, [data], tmp_path / "out", limits=Limits(steps=2), device="cpu")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Features of three sounds."""
    (tmp_path / "sound").mkdir()
    for i in range(3):
        soundfile.write(tmp_path / "sound" / f"{i}.wav", 0.1 * np.random.default_rng(i).standard_normal(32_000), 32_000)
    encode_dataset(EncodeConfig(tmp_path / "sound", tmp_path / "cache", EncoderSpec("mel")))
    return tmp_path / "cache"


def damage(cache: Path, value: float, item: int = 1) -> str:
    """Overwrite an item's frames; returns its name."""
    found = FrameCache(cache)
    entry = found.entries[item]
    kind = np.dtype(found.layout.dtype).newbyteorder("<")
    frames = np.memmap(shard_path(cache, entry.shard), kind, mode="r+").reshape(-1, found.layout.width)
    frames[entry.start : entry.start + entry.n_frames] = value
    del frames  # written when it is closed
    return entry.name


def as_tokens(cache: Path, cardinality: int) -> None:
    """The same bytes as codes."""
    info = json.loads((cache / INFO).read_text())
    (cache / INFO).write_text(json.dumps(info | {"kind": "tokens", "dtype": "uint16", "cardinality": cardinality}))


@pytest.mark.parametrize("kind", ["mel", "tokens"])
def test_an_item_with_impossible_frames_is_named_and_left_out(cache: Path, kind: str) -> None:
    if kind == "tokens":
        as_tokens(cache, 100)
        for item in (0, 2):
            damage(cache, 7, item)
    name = damage(cache, 100 if kind == "tokens" else np.nan)
    with pytest.raises(FileError, match=f"item '{name}'.*" + ("code 100, the codec has 0 to 99" if kind == "tokens" else "")):
        FrameCache(cache).frames(FrameCache(cache).entries[1])
    skipped: dict[str, str] = {}
    windows = FrameWindows([cache], 10, split=None, on_skip=skipped.__setitem__)
    names = {windows.draw(np.random.default_rng(seed)).name for seed in range(12)}
    assert name not in names
    assert len(names) == 2
    assert list(skipped) == [name]


def test_only_bad_items_are_refused(cache: Path) -> None:
    for item in range(3):
        damage(cache, np.inf, item)
    with pytest.raises(FileError, match="none of the 3 items can be read"):
        FrameWindows([cache], 10, split=None).draw(np.random.default_rng(0))


def test_a_damaged_truth_leaves_its_item_out(cache: Path) -> None:
    from dataclasses import replace

    windows = FrameWindows([cache], 10, split=None)
    (cache / CONTROLS).write_bytes(b'{"tempo": 90}{"te\x00')
    own, entry = windows._items[0]
    windows._items[0] = (own, replace(entry, controls=(13, 5)))
    windows._items[1] = (own, replace(windows._items[1][1], controls=(0, 13)))
    names = {windows.draw(np.random.default_rng(seed)).name for seed in range(12)}
    assert len(names) == 2
    assert entry.name not in names


def test_damaged_lines_of_scores_are_left_out(tmp_path: Path) -> None:
    empty: dict[str, list[int]] = {"bars": [], "tracks": [], "chords": [], "conditions": []}
    good = {"id": "a", "split": "train", "source": "song", "piece": empty}
    lines = [json.dumps(good), json.dumps(good | {"id": "b", "piece": {"bars": 3}}), '{"id": "c"']
    (tmp_path / MANIFEST).write_text("\n".join(lines) + "\n")
    skipped: list[str] = []
    found = read_scores(tmp_path, lambda name, _: skipped.append(Path(name).name))
    assert [line["id"] for line in found] == ["a"]
    assert skipped == ["b"]


def test_the_report_names_an_item_once_over_several_runs(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        report = Skipped(tmp_path / "run", said.append)
        report.add("x", "bad")
        report.add("x", "bad")
    assert said == ["skipped x: bad"]
    for i in range(20):
        report.add(str(i), "bad")
    assert len((tmp_path / "run" / SKIPPED).read_text().splitlines()) == 21
    assert len(said) == 1 + 10 + 1
