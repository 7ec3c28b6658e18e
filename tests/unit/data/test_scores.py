import json
from dataclasses import replace
from pathlib import Path

import pytest

from partimento.cli.main import main as cli
from partimento.data.pull import find_source
from partimento.data.scores import MANIFEST, SKIPPED, ScoresConfig, build_scores, open_files, read_scores
from partimento.data.scores_sealed import is_sealed_copy, sealed_names
from partimento.errors import FileError, RequestError
from partimento.evaluate.compose_data import split
from partimento.score.harmony import chord_in_key
from partimento.score.musicxml import write_musicxml
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import Key, Metre


def sheet(numerator: int = 4, final: int = 0) -> Score:
    metre = Metre(numerator, 4)
    bar = metre.bar_quarters
    notes = tuple(Note(i * bar, bar, 60 + i) for i in range(4))
    chords = (
        ChordSpan(0.0, 3 * bar, chord_in_key(0, (0, 4, 7), Key())),
        ChordSpan(3 * bar, 4 * bar, chord_in_key(final, (0, 3, 7) if final else (0, 4, 7), Key())),
    )
    track = Track("voice", "melody", "voice", 53, False, notes)
    return Score((track,), 4 * bar, metres=(MetrePoint(0, metre),), keys=(KeyPoint(0.0, Key()),), chords=chords)


WANTED = find_source("openewld").wanted


def test_sealed_sheets_of_openewld_stay_closed(tmp_path: Path) -> None:
    for file in WANTED:
        with (tmp_path / file.name).open("wb") as empty:
            empty.truncate(file.n_bytes)
    working, sealed = split(file.name for file in WANTED)
    assert sealed_names() == set(sealed)
    assert [p.name for p in open_files(tmp_path, sheets=True)] == list(working)
    assert len(open_files(tmp_path)) == len(WANTED)
    for name in working[3:]:
        (tmp_path / name).unlink()
    assert [p.name for p in open_files(tmp_path, sheets=True)] == list(working[:3])
    for name in working[:3]:
        (tmp_path / name).unlink()
    with pytest.raises(FileError, match=r"all 100 sheets under .* are sealed"):
        open_files(tmp_path, sheets=True)


def test_saved_again_openewld_is_sealed_by_name(tmp_path: Path) -> None:
    for file in WANTED:
        (tmp_path / file.name).write_bytes(b"saved again")
    assert len(open_files(tmp_path, sheets=True)) == len(WANTED) - 100


@pytest.mark.parametrize("n_sheets", [3, 1000])
def test_a_collection_of_ones_own_has_no_sealed_sheets(tmp_path: Path, n_sheets: int) -> None:
    for i in range(n_sheets):
        (tmp_path / f"{i:04d}.mxl").write_bytes(b"mine")
    (tmp_path / "folder.mxl").mkdir()
    assert len(open_files(tmp_path, sheets=True)) == n_sheets


def test_a_sealed_sheet_under_another_name_is_known_by_its_hash() -> None:
    hashes = {file.name: file.sha256 for file in WANTED}
    _, sealed = split(hashes)
    assert is_sealed_copy("mine.mxl", hashes[sealed[0]])
    assert not is_sealed_copy(sealed[0], hashes[sealed[0]])
    assert not is_sealed_copy("mine.mxl", "0" * 64)


def test_other_settings_are_refused_and_growing_is_not(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    write_musicxml(sheet(), songs / "a.musicxml")
    config = ScoresConfig(tmp_path / "out", songs=songs)
    assert build_scores(config) == 1
    with pytest.raises(RequestError, match=r"--quartets none, not 1 files.*another folder"):
        build_scores(replace(config, quartets=songs))
    assert build_scores(replace(config, n_composed=1, seed=3)) == 2
    with pytest.raises(RequestError, match="--seed 3, not 4"):
        build_scores(replace(config, n_composed=1, seed=4))
    assert build_scores(replace(config, n_composed=2, seed=3), jobs=2) == 3
    (config.out / "settings.json").unlink()
    with pytest.raises(RequestError, match="--seed 3, not 4"):
        build_scores(replace(config, n_composed=1, seed=4))
    with pytest.raises(RequestError, match="--songs"):
        build_scores(ScoresConfig(config.out, n_composed=1, seed=3))
    before = (config.out / MANIFEST).read_bytes()
    assert build_scores(replace(config, n_composed=2, seed=3)) == 3
    assert (config.out / MANIFEST).read_bytes() == before
    (config.out / MANIFEST).write_bytes(before + before)
    assert len(read_scores(config.out)) == 3


@pytest.mark.parametrize(
    "options", [[], ["--composed", "-3"], ["--composed", "1", "--seed", "-1"], ["--composed", "1", "--jobs", "0"]]
)
def test_what_can_never_work_is_refused_first(tmp_path: Path, options: list[str]) -> None:
    assert cli(["data", "scores", "--out", str(tmp_path / "out"), *options]) == 2
    assert not (tmp_path / "out").exists()


def test_no_usable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.mxl").write_bytes(b"PK")
    (tmp_path / "b.mxl").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileError, match="not one piece"):
        build_scores(ScoresConfig(tmp_path / "out", sheets=tmp_path))
    why = (tmp_path / "out" / SKIPPED).read_text()
    assert "b.mxl: No such file" in why


def test_songs_are_read_and_bad_files_named(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    write_musicxml(sheet(), songs / "good.musicxml")
    write_musicxml(sheet(9), songs / "long.musicxml")
    (songs / "broken.mxl").write_bytes(b"PK broken")
    out = tmp_path / "out"
    said: list[str] = []
    assert build_scores(ScoresConfig(out, songs=songs), say=said.append) == 1
    (line,) = read_scores(out)
    assert (line["source"], len(line["piece"].bars), len(line["piece"].tracks[0].notes)) == ("song", 4, 4)
    assert [c.root for c in line["piece"].chords] == [0, 0]
    reasons = [json.loads(text)["why"] for text in (out / SKIPPED).read_text().splitlines()]
    assert len(reasons) == 2
    assert any("no bars of 9/4" in why for why in reasons)
    assert sum("skipped" in text for text in said) == 2
    before = (out / MANIFEST).read_bytes()
    assert build_scores(ScoresConfig(out, songs=songs)) == 1
    assert (out / MANIFEST).read_bytes() == before


def test_a_sheet_that_ends_on_the_sixth_degree_is_minor(tmp_path: Path) -> None:
    from partimento.data.scores import _read

    write_musicxml(sheet(final=9), tmp_path / "a.musicxml")
    grid, _ = _read("sheet", tmp_path / "a.musicxml")
    assert grid.bars[0].key == (9, "minor")
    assert grid.conditions.source == "sheet"
