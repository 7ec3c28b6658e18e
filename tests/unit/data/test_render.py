import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from partimento.audio.io import read_audio
from partimento.cli.main import main as cli
from partimento.data.annotations import annotate
from partimento.data.captions import TEST_TEMPLATES, TRAIN_TEMPLATES, captions, facts_of
from partimento.data.orchestrate import OrchestrationOdds, excerpt, orchestrate, transposed_chord
from partimento.data.render import mix_item, read_manifest, render_dataset
from partimento.data.render_config import RenderConfig
from partimento.data.splits import melody_group, split_of
from partimento.errors import FileError
from partimento.plan.serial import from_json
from partimento.score.chord import Chord
from partimento.score.instruments import instruments
from partimento.score.score import ChordSpan, KeyPoint, Note, Score, Section, Track
from partimento.score.soundfont import find_soundfont
from partimento.score.timing import Key, TempoPoint

RATE = 16_000


def sheet(n_bars: int = 8, transpose: int = 0) -> Score:
    tune = tuple(Note(i, 1.0, 60 + transpose + (0, 4, 7, 5)[i % 4] + i % 3) for i in range(4 * n_bars))
    low = tuple(Note(4.0 * b, 4.0, p + transpose) for b in range(n_bars) for p in (48, 52, 55))
    chords = tuple(ChordSpan(4.0 * b, 4.0 * b + 4, Chord(transpose % 12, (0, 4, 7), transpose % 12, "C")) for b in range(n_bars))
    tracks = (Track("Violin", "melody", "violin", 40, False, tune), Track("Piano", "chords", "piano", 0, False, low))
    sections = (Section("A", "a", 0, n_bars // 2), Section("B", "b", n_bars // 2, n_bars - n_bars // 2))
    return Score(tracks, 4.0 * n_bars, (TempoPoint(0.0, 120.0),), keys=(KeyPoint(0.0, Key()),), chords=chords, sections=sections)


NAMES = ("C", "D", "E", "F", "G", "A", "B")


def musicxml(seed: int, n_bars: int = 12) -> str:
    """A random tune with a chord symbol in every bar."""
    rng = np.random.default_rng(seed)
    bars = []
    for bar in range(n_bars):
        head = (
            "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
            if bar == 0
            else ""
        )
        chord = f"<harmony><root><root-step>{NAMES[rng.integers(7)]}</root-step></root><kind>major</kind></harmony>"
        notes = "".join(
            f"<note><pitch><step>{NAMES[rng.integers(7)]}</step><octave>5</octave></pitch><duration>2</duration></note>"
            for _ in range(4)
        )
        bars.append(f'<measure number="{bar + 1}">{head}{chord}{notes}</measure>')
    parts = '<part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>'
    return f'<score-partwise version="3.1">{parts}<part id="P1">{"".join(bars)}</part></score-partwise>'


@pytest.fixture
def config(tmp_path: Path) -> RenderConfig:
    sheets = tmp_path / "sheets"
    sheets.mkdir()
    for i in range(3):
        (sheets / f"{i}.musicxml").write_text(musicxml(i))
    font = str(find_soundfont(None).path)
    return RenderConfig(tmp_path / "out", sheets, 3, 4, (font,), sample_rate=RATE, seconds=(3.0, 4.0), composed_share=0.0)


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_seed_same_bytes_also_when_interrupted(config: RenderConfig, tmp_path: Path) -> None:
    assert render_dataset(config) == 3
    other = replace(config, out=tmp_path / "again")
    render_dataset(replace(other, n_items=1))
    (other.out / "items" / "000001.partial").mkdir()
    render_dataset(other)
    assert tree(other.out) == tree(config.out)
    assert not (other.out / "items" / "000001.partial").exists()


def test_an_item_is_complete_and_its_stems_add_up(config: RenderConfig) -> None:
    render_dataset(config)
    lines = read_manifest(config.out)
    assert [line["id"] for line in lines] == ["000000", "000001", "000002"]
    for line in lines:
        folder = config.out / "items" / line["id"]
        item = json.loads((folder / "item.json").read_text())
        mix = read_audio(folder / "mix.flac").samples[0]
        stems = [read_audio(folder / row["file"]).samples[0] for row in item["stems"]]
        assert len(stems) == line["stems"]
        for row, stem in zip(item["stems"], stems, strict=True):
            first_s = row["active"][0][0]
            assert np.abs(stem[: round(max(0.0, first_s - 0.1) * RATE)]).max(initial=0.0) < 0.01, "nothing before it plays"
            assert all(end > start for start, end in row["active"])
        np.testing.assert_allclose(np.sum(stems, axis=0), mix, atol=(len(stems) + 1) / 2**15)
        assert np.abs(mix).max() <= 0.9
        assert len(mix) == pytest.approx(line["seconds"] * RATE, abs=RATE * 0.001)
        score = from_json((folder / "score.json").read_bytes(), Score)
        assert score.duration_s == pytest.approx(line["seconds"], abs=1e-3)
        assert len(line["captions"]) == 3


def test_a_bad_sheet_is_named_once_and_another_one_drawn(config: RenderConfig, tmp_path: Path) -> None:
    assert config.sheets is not None
    assert render_dataset(replace(config, n_items=6)) == 6
    good = {line["id"]: line for line in read_manifest(config.out)}
    (config.sheets / "0.musicxml").write_text("<score-partwise>")
    (config.sheets / "x.mxl").mkdir()
    other = replace(config, out=tmp_path / "other", n_items=6)
    said: list[str] = []
    assert render_dataset(other, say=said.append) == 6
    rows = [json.loads(text) for text in (other.out / "skipped.jsonl").read_text().splitlines()]
    assert [row["sheet"] for row in rows] == ["0.musicxml"]
    assert sum("0.musicxml" in text for text in said) == 1
    kept = [line["id"] for line in good.values() if line["source"] != "0.musicxml"]
    assert 0 < len(kept) < 6
    for line in read_manifest(other.out):
        assert line["source"] != "0.musicxml"
        if line["id"] in kept:
            assert tree(other.out / "items" / line["id"]) == tree(config.out / "items" / line["id"])
    two = replace(other, out=tmp_path / "two")
    render_dataset(two, jobs=2)
    assert tree(two.out / "items") == tree(other.out / "items")


def test_two_processes_make_the_same_items(tmp_path: Path, config: RenderConfig) -> None:
    render_dataset(config)
    assert render_dataset(replace(config, out=tmp_path / "two"), jobs=2) == 3
    assert tree(tmp_path / "two" / "items") == tree(config.out / "items")
    assert read_manifest(tmp_path / "two") == read_manifest(config.out)


def test_no_sheets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no MusicXML"):
        render_dataset(RenderConfig(tmp_path / "o", tmp_path))


def test_silent_stems_are_left_out_and_levels_follow_the_rule() -> None:
    rng = np.random.default_rng(0)
    noise = (0.01 * rng.standard_normal((2, RATE * 2))).astype(np.float32)
    config = RenderConfig(Path(), sample_rate=RATE, gain_jitter_db=0.0, room_share=0.0)
    stems, levels, gain_db = mix_item({"a": noise, "b": 4 * noise, "c": noise * 1e-3}.items(), config, rng)
    assert sorted(stems) == ["a", "b"]
    assert levels["a"] - levels["b"] == pytest.approx(20 * np.log10(4), abs=0.01)
    np.testing.assert_allclose(stems["a"], stems["b"], rtol=0.01, atol=1e-4)
    assert gain_db <= 0
    assert np.abs(stems["a"] + stems["b"]).max() <= 10 ** (-1 / 20) + 1e-4


def test_the_mono_room_is_the_mean_of_the_stereo_one() -> None:
    from partimento.data.mono_room import add_mono_room
    from partimento.score.room import add_room

    rng = np.random.default_rng(5)
    dry = rng.standard_normal(RATE * 40).astype(np.float32)
    dry[RATE * 3 : RATE * 30] = 0.0
    stereo = np.zeros((2, len(dry)), np.float32)
    add_room(dry[None], 0.3, stereo, RATE)
    mono = np.zeros_like(dry)
    add_mono_room(dry, 0.3, mono, RATE)
    np.testing.assert_allclose(mono, stereo.mean(axis=0), atol=1e-5)
    assert np.abs(mono).max() > 0.1


def test_panned_stems_are_folded_and_centred_ones_are_not_changed() -> None:
    rng = np.random.default_rng(1)
    one = (0.05 * rng.standard_normal(RATE * 2)).astype(np.float32)
    centred = np.broadcast_to(one, (2, len(one)))
    panned = np.stack([one, 0.5 * one])
    config = RenderConfig(Path(), sample_rate=RATE, gain_jitter_db=0.0, room_share=0.0)
    stems, levels, _ = mix_item([("a", centred), ("b", panned)], config, rng)
    np.testing.assert_allclose(stems["a"] / np.abs(stems["a"]).max(), one / np.abs(one).max(), atol=1e-6)
    np.testing.assert_allclose(stems["b"] / np.abs(stems["b"]).max(), one / np.abs(one).max(), atol=1e-6)
    assert levels["b"] - levels["a"] == pytest.approx(10 * np.log10(2 / 1.25), abs=0.01)
    np.testing.assert_array_equal(centred[0], one)


def test_a_line_that_a_crash_cut_off_costs_that_item_only(config: RenderConfig, tmp_path: Path) -> None:
    render_dataset(replace(config, n_items=2))
    manifest = config.out / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-9])
    assert render_dataset(config) == 3
    assert [line["id"] for line in read_manifest(config.out)] == ["000000", "000001", "000002"]
    assert len(manifest.read_text().splitlines()) == 3


def test_the_same_tune_in_another_key_is_in_the_same_split() -> None:
    assert melody_group(sheet()) == melody_group(sheet(transpose=5))
    assert melody_group(sheet()) != melody_group(excerpt(sheet(), 1, 4))


def test_split_shares() -> None:
    splits = [split_of(str(i)) for i in range(4000)]
    assert 0.86 < splits.count("train") / 4000 < 0.90
    assert 0.045 < splits.count("valid") / 4000 < 0.075


def test_excerpt() -> None:
    part = excerpt(sheet(), 3, 3)
    assert part.length == 12.0
    assert part.n_bars == 3
    assert [(s.name, s.start_bar, s.n_bars) for s in part.sections] == [("A", 0, 1), ("B", 1, 2)]
    assert len(part.chords) == 3
    assert len(part.tracks[0].notes) == 12
    assert excerpt(sheet(), 6, 10).n_bars == 2


@pytest.mark.parametrize("seed", range(25))
def test_orchestration_keeps_ranges_and_truth(seed: int) -> None:
    always = OrchestrationOdds(drums=1.0, bass=1.0, pad=1.0, double=1.0, thin=0.0, split=1.0)
    piece = orchestrate(sheet(16), np.random.default_rng(seed), 10.0, always)
    assert piece == orchestrate(sheet(16), np.random.default_rng(seed), 10.0, always)
    assert 6.0 < piece.duration_s < 16.0
    assert any(t.is_drum for t in piece.tracks)
    for track in piece.tracks:
        assert all(n.end <= piece.length + 1e-6 for n in track.notes)
        if not track.is_drum:
            low, high = instruments()[track.instrument].range
            assert all(low <= n.pitch <= high or high - low < 11 for n in track.notes)
    tonic = piece.key.tonic
    assert {c.chord.root for c in piece.chords} == {tonic}
    assert all(c.chord.symbol == piece.key.spell(tonic) for c in piece.chords)


def test_transposed_chord_symbols() -> None:
    chord = Chord(9, (0, 3, 7, 10), 7, "Am7/G")
    assert transposed_chord(chord, 3, True).symbol == "Cm7/Bb"
    assert transposed_chord(chord, 1, False) == Chord(10, (0, 3, 7, 10), 8, "A#m7/G#")


def test_captions_say_what_is_true() -> None:
    late = Track("Flute", "counter", "flute", 73, False, (Note(20.0, 1.0, 80),))
    facts = facts_of(sheet().with_track(late), "waltz", ("calm",))
    assert facts.instruments == ("piano", "violin", "flute")
    assert facts.late == "flute"
    assert facts.tempo == "fast"
    assert "drums" in facts.absent
    assert "strings" not in facts.absent
    short, middle, long = captions(facts, np.random.default_rng(1))
    assert short == "calm waltz"
    assert all(name in long for name in facts.instruments)
    assert "{" not in middle + long
    assert not set(TRAIN_TEMPLATES) & set(TEST_TEMPLATES)


def test_annotations_are_in_seconds() -> None:
    truth = annotate(sheet())
    assert truth["beats"][:3] == [0.0, 0.5, 1.0]
    assert truth["downbeats"][:2] == [0.0, 2.0]
    assert truth["chords"][1] == [2.0, 4.0, "C"]
    assert truth["melody"][1] == [0.5, 1.0, 65]
    assert truth["sections"] == [[0.0, 8.0, "A"], [8.0, 16.0, "B"]]


def test_command_line(config: RenderConfig, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(config.out), "--sheets", str(config.sheets), "--items", "1", "--composed", "0", "--no-stems"]
    assert cli(["data", "render", *arguments, "--soundfont", config.soundfonts[0]]) == 0
    assert "1 items" in capsys.readouterr().out
    assert cli(["data", "render", "--out", str(config.out), "--sheets", str(config.out / "none")]) == 2


def test_composed_items_say_their_style_and_mood(config: RenderConfig) -> None:
    assert render_dataset(replace(config, sheets=None, n_items=2, composed_share=1.0)) == 2
    for line in read_manifest(config.out):
        item = json.loads((config.out / "items" / line["id"] / "item.json").read_text())
        mood, style = line["captions"][0].split(" ", 1)
        assert line["source"].startswith(f"composed: {mood} {style}")
        assert item["chords"]
        assert 3.0 <= line["seconds"] <= 4.0
