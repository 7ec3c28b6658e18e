import hashlib
import json
from pathlib import Path

import pytest

from partimento.data.scores import MANIFEST, SKIPPED, ScoresConfig, build_scores, open_files, read_scores
from partimento.errors import FileError
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


def test_sealed_sheets_stay_closed(tmp_path: Path) -> None:
    names = [f"{i:04d}.mxl" for i in range(103)]
    for name in names:
        (tmp_path / name).write_bytes(b"not opened")
    ranked = sorted(names, key=lambda n: hashlib.sha256(f"partimento-compose:{n}".encode()).hexdigest())
    assert [p.name for p in open_files(tmp_path, sheets=True)] == sorted(ranked[100:])
    assert len(open_files(tmp_path)) == 103
    with pytest.raises(FileError, match="beyond 100 sealed ones"):
        (tmp_path / "few").mkdir()
        open_files(tmp_path / "few", sheets=True)


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
