"""Tables of systems: what they measure, what they leave out, what they never do."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from partimento.audio import Waveform, write_audio
from partimento.cli.main import main
from partimento.errors import FileError, RequestError
from partimento.evaluate.systems import controls, distribution, pairs, text_to_music, work
from partimento.evaluate.systems.distribution import VectorSet, distances
from partimento.evaluate.systems.jobs import Embeddings
from partimento.evaluate.systems.papers import paper_rows
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, mean_figure

RATE = 32_000


def tune(seed: int, seconds: float = 3.0) -> np.ndarray:
    """Plucked random notes."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    out = np.zeros_like(t)
    for k in range(int(seconds * 4)):
        at = t - k / 4
        hz = 220.0 * 2.0 ** (int(rng.integers(0, 13)) / 12.0)
        out += np.where(at >= 0, 0.2 * np.sin(2 * np.pi * hz * at) * np.exp(-6 * np.maximum(at, 0)), 0)
    return out.astype(np.float32)


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory, monkeypatch):
    """No test touches the user's cache, or finds anything there."""
    monkeypatch.setenv("PARTIMENTO_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folders(tmp_path):
    """Two systems (good, and one with noise), one silent, and a reference."""
    rng = np.random.default_rng(0)
    for name in ("good", "noisy", "silent", "reference"):
        (tmp_path / name).mkdir()
    for i in range(12):
        clean, other = tune(i), tune(100 + i)
        noise = 0.1 * rng.normal(size=len(clean)).astype(np.float32)
        for name, sound in (("good", other), ("noisy", other + noise), ("silent", clean * 0), ("reference", clean)):
            write_audio(tmp_path / name / f"{i:02d}.wav", Waveform(sound[None], RATE))
    return tmp_path


def options(root, *names, **more):
    return text_to_music.Options(
        tuple(root / n for n in names), root / "reference", cache=root / "cache", n_jobs=1, bootstrap=10, **more
    )


def test_noise_is_further_and_silence_never_wins(folders):
    table = text_to_music.evaluate_text_to_music(options(folders, "good", "noisy", "silent", papers=True), "the command")
    rows = {r.system: r for r in table.rows}
    for figure in ("FAD", "KAD"):
        good, noisy, silent = (rows[name].figures[figure].value for name in ("good", "noisy", "silent"))
        assert good < noisy
        assert good < silent
    assert rows["silent"].silent_share == 1.0
    assert not rows["silent"].competes
    page = table.markdown()
    assert "the command" in page
    assert "100 % (!)" in page
    assert "MusicLM" in page
    assert "not comparable" in page
    assert "**" not in next(line for line in page.splitlines() if line.startswith("| silent"))
    table.write(folders / "out", "t")
    assert json.loads((folders / "out" / "t.json").read_text())["rows"]
    assert len(list(csv.reader((folders / "out" / "t.csv").open()))) > 8
    assert (folders / "out" / "t.png").read_bytes()[:4] == b"\x89PNG"


def test_a_broken_file_is_named_and_nothing_stops(folders):
    (folders / "good" / "broken.wav").write_bytes(b"nothing")
    nan = tune(1)
    nan[7] = np.nan
    write_audio(folders / "good" / "nan.wav", Waveform(nan[None], RATE), depth="float")
    table = text_to_music.evaluate_text_to_music(options(folders, "good", equal_n=False), "c")
    good = next(r for r in table.rows if r.system == "good")
    assert (good.n_clips, good.n_skipped) == (12, 2)
    assert any("broken.wav" in line for line in table.skipped)
    assert any("nan.wav" in line and "NaN" in line for line in table.skipped)
    assert not any(str(folders) in line for line in table.skipped)


def test_captions_choose_the_clips(folders):
    captions = folders / "captions.csv"
    captions.write_text("id,caption\n00,a\n03,b\n05,c\n", encoding="utf-8")
    table = text_to_music.evaluate_text_to_music(options(folders, "good", captions=captions), "c")
    assert next(r for r in table.rows if r.system == "good").n_clips == 3
    captions.write_text("id,caption\nzz,a\n", encoding="utf-8")
    with pytest.raises(RequestError, match="named by the captions"):
        text_to_music.evaluate_text_to_music(options(folders, "good", captions=captions), "c")
    captions.write_text("x,y\n", encoding="utf-8")
    with pytest.raises(FileError, match="columns"):
        text_to_music.read_captions(captions)


def test_cached_results_are_used_and_damaged_ones_made_again(folders, monkeypatch):
    paths = list(work.sound_files(folders / "good").values())
    first = list(work.measure(paths, Embeddings(), cache=folders / "cache", n_jobs=1))
    monkeypatch.setattr(work, "read_audio", lambda path: pytest.fail("read again"))
    again = list(work.measure(paths, Embeddings(), cache=folders / "cache", n_jobs=1))
    assert all(np.array_equal(a.values["embeddings"], b.values["embeddings"]) for a, b in zip(first, again, strict=True))
    monkeypatch.undo()
    for entry in (folders / "cache" / "measured").iterdir():
        entry.write_bytes(entry.read_bytes()[:100])
    mended = list(work.measure(paths, Embeddings(), cache=folders / "cache", n_jobs=2))
    assert np.array_equal(first[3].values["embeddings"], mended[3].values["embeddings"])


def test_folders_that_cannot_be_measured_are_refused(folders):
    (folders / "empty").mkdir()
    with pytest.raises(FileError, match="no sound files"):
        text_to_music.evaluate_text_to_music(options(folders, "empty"), "c")
    with pytest.raises(FileError, match="not a folder"):
        text_to_music.evaluate_text_to_music(options(folders, "missing"), "c")
    with pytest.raises(RequestError, match="two systems"):
        text_to_music.named((folders / "good", folders / "good"))
    (folders / "good" / "more").mkdir()
    write_audio(folders / "good" / "more" / "00.wav", Waveform(tune(1)[None], RATE))
    with pytest.raises(FileError, match="two files named 00"):
        work.sound_files(folders / "good")


def test_the_kept_sample_is_bounded_even_and_the_same_in_any_order(monkeypatch):
    monkeypatch.setattr(distribution, "MAX_ROWS", 500)
    monkeypatch.setattr(distribution, "MAX_CLIPS", 20)
    clips = [np.arange(start, start + 10, dtype=np.float32)[:, None] for start in range(0, 5_000, 10)]
    vectors, backwards = VectorSet(1), VectorSet(1)
    for clip in clips:
        vectors.add(clip)
    for clip in reversed(clips):
        backwards.add(clip)
    assert (len(vectors.kept), vectors.n, vectors.n_clips, vectors.n_kept_clips, len(vectors.means)) == (500, 5_000, 500, 50, 20)
    assert np.array_equal(vectors.kept, backwards.kept)
    assert np.array_equal(vectors.means, backwards.means)
    assert not np.array_equal(vectors.kept, VectorSet(1, seed=1).kept)
    assert abs(float(vectors.kept.mean()) - 2_500) < 600
    assert vectors.running.result().mean[0] == pytest.approx(2_499.5)
    figures, notes = distances(vectors, VectorSet(1))
    assert figures == {}
    assert "too few" in notes[0]
    _, notes = distances(vectors, backwards, bootstrap=3)
    assert "reference: interval and FAD∞ from 500 of 5000 vectors (50 of 500 clips), KAD from 20 clips" in notes[0]


def test_a_clip_longer_than_the_sample_is_thinned(monkeypatch):
    monkeypatch.setattr(distribution, "MAX_ROWS", 100)
    vectors = VectorSet(1)
    vectors.add(np.arange(5_000, dtype=np.float32)[:, None])
    assert len(vectors.kept) == 25
    assert vectors.n == 5_000


def test_running_sums_agree_with_the_whole():
    rng = np.random.default_rng(3)
    rows = rng.normal(100.0, 0.01, size=(5_000, 12)).astype(np.float32)
    vectors = VectorSet(12)
    for part in np.array_split(rows, 317):
        vectors.add(part)
    found, whole = vectors.running.result(), rows.astype(np.float64)
    assert np.abs(found.mean - whole.mean(axis=0)).max() < 1e-9
    assert np.abs(found.covariance - np.cov(whole.T)).max() < 1e-9


def test_the_interval_of_a_sample_is_about_that_of_the_set(monkeypatch):
    rng = np.random.default_rng(4)
    clips = [rng.normal(size=(1, 3)) + 0.3 * rng.normal(size=(10, 3)) for _ in range(240)]

    def width() -> float:
        sets = VectorSet(3), VectorSet(3)
        for index, clip in enumerate(clips):
            sets[index % 2].add(clip.astype(np.float32))
        fad = distances(*sets, bootstrap=80)[0]["FAD"]
        return fad.high - fad.low

    whole = width()
    monkeypatch.setattr(distribution, "MAX_ROWS", 400)
    assert whole / 2.5 < width() < 2.5 * whole


def test_controls_of_a_piece_of_ours_are_heard_in_it(tmp_path):
    from partimento.pipeline import generate
    from partimento.plan.request import GenerateRequest

    (tmp_path / "asked").mkdir()
    (tmp_path / "ours").mkdir()
    result = generate(GenerateRequest("pop, piano, bass and drums, 110 bpm, in C major, 8 bars", seed=3), audio_report=False)
    write_audio(tmp_path / "ours" / "a.wav", result.audio)
    body = controls.controls_of(result.score)
    assert body["tempo_bpm"] == pytest.approx(110, rel=0.01)
    assert len(body["beats_s"]) == 4 * len(body["downbeats_s"]) == 32
    (tmp_path / "asked" / "a.json").write_text(json.dumps(body), encoding="utf-8")
    asked = controls.Options((tmp_path / "ours",), tmp_path / "asked", n_jobs=1, cache=tmp_path / "cache")
    row = controls.evaluate_controls(asked, "c").rows[0]
    assert row.figures["tempo Acc2"].value == 1.0
    assert row.figures["chord_rec"].value > 0.5
    assert row.figures["key"].value > 0.2
    (tmp_path / "asked" / "a.json").write_text(json.dumps({"key": "H flat"}), encoding="utf-8")
    bad = controls.evaluate_controls(asked, "c")
    assert bad.rows[0].n_skipped == 1
    assert "cannot be read" in bad.skipped[0]
    (tmp_path / "asked" / "a.json").write_text("[]", encoding="utf-8")
    with pytest.raises(FileError, match="holds none"):
        controls.evaluate_controls(asked, "c")


def test_edits_a_better_one_scores_better_and_pairs_must_match(folders):
    for name in ("inputs", "close", "far"):
        (folders / name).mkdir()
    for i in range(4):
        clean, extra = tune(i), tune(50 + i)
        for name, sound in (("inputs", clean + extra), ("close", clean + 0.1 * extra), ("far", clean + 2 * extra)):
            write_audio(folders / name / f"{i:02d}.wav", Waveform(sound[None], RATE))
    write_audio(folders / "close" / "04.wav", Waveform(tune(4, 2.0)[None], RATE))
    table = pairs.evaluate_edit_audio(
        pairs.Options((folders / "close", folders / "far"), folders / "reference", folders / "inputs", bootstrap=5), "c"
    )
    rows = {r.system: r for r in table.rows}
    assert rows["close"].figures["SI-SDRi"].value == pytest.approx(20, abs=3)
    assert rows["far"].figures["SI-SDRi"].value < 0
    assert rows["(the unedited input)"].figures["SI-SDRi"].value == pytest.approx(0, abs=0.01)
    for figure, less in (("mel", True), ("SSIM log", False), ("LSD", True)):
        close, far = rows["close"].figures[figure].value, rows["far"].figures[figure].value
        assert (close < far) == less
    assert any("04.wav: 2.00 s long" in line for line in table.skipped)
    assert rows["close"].n_skipped == 8  # one of another length, seven missing


def test_inpainting_exact_outside_and_seams(folders):
    regions = folders / "regions.csv"
    regions.write_text("id,start_s,end_s\n" + "".join(f"{i:02d},1.0,2.0\n" for i in range(12)), encoding="utf-8")
    for name in ("kept", "drifting"):
        (folders / name).mkdir()
    for i in range(12):
        made = tune(i)
        made[RATE : 2 * RATE] = tune(60 + i)[RATE : 2 * RATE]
        write_audio(folders / "kept" / f"{i:02d}.wav", Waveform(made[None], RATE))
        write_audio(folders / "drifting" / f"{i:02d}.wav", Waveform(made[None] * np.float32(0.99), RATE))
    chosen = pairs.Options((folders / "kept", folders / "drifting"), folders / "reference", regions=regions, bootstrap=5)
    rows = {r.system: r for r in pairs.evaluate_inpaint(chosen, "c").rows}
    assert rows["kept"].figures["exact outside"].value == 1.0
    assert rows["drifting"].figures["exact outside"].value == 0.0
    assert rows["kept"].figures["seam percentile"].value <= 100.0
    regions.write_text("id,start_s,end_s\n00,2.0,1.0\n", encoding="utf-8")
    with pytest.raises(FileError, match=r"runs from 2 to 1 s"):
        pairs.evaluate_inpaint(chosen, "c")


def test_infinite_figures_are_null_in_json():
    table = SystemsTable("T", "c", (Column("x", "about", "more"),), (Row("a", 1, 0, 0.0, {"x": Figure(float("-inf"))}),))
    assert json.loads(table.json())["rows"][0]["figures"]["x"]["value"] is None
    assert "| - |" in table.markdown()


def test_the_command_line(folders, capsys):
    where = ["--reference", str(folders / "reference"), "--out", str(folders / "out"), "--cache", str(folders / "cache")]
    code = main(["evaluate", "text-to-music", "--systems", str(folders / "good"), *where, "--jobs", "1", "--bootstrap", "5"])
    assert code == 0
    assert "FAD" in capsys.readouterr().out
    assert (folders / "out" / "text_to_music.md").exists()
    assert main(["evaluate", "controls", "--systems", str(folders / "good"), "--reference", str(folders / "nowhere")]) == 2
    assert "not a folder" in capsys.readouterr().err
    assert main(["evaluate", "edit", "--systems", str(folders / "good")]) == 2
    assert "--reference" in capsys.readouterr().err


def test_class_scores_and_captions_add_columns(folders, monkeypatch):
    from partimento.evaluate.systems import jobs

    class Bands:
        name, sample_rate, dim, labels = "bands", 8_000, 4, ("a", "b", "c", "d")

        def logits(self, samples):
            power = np.abs(np.fft.rfft(samples)) ** 2
            return np.log([[part.sum() + 1e-3 for part in np.array_split(power, 4)]]).astype(np.float32)

        embed = logits

        def embed_text(self, texts):
            return np.array([[1.0, 0, 0, float(len(t))] for t in texts], dtype=np.float32)

    for module in (jobs, text_to_music):
        monkeypatch.setattr(module, "text_embedder", lambda spec: Bands())
        monkeypatch.setattr(module, "classifier", lambda spec: Bands())
    captions = folders / "captions.csv"
    captions.write_text("id,caption\n" + "".join(f"{i:02d},{'x' * i}\n" for i in range(12)), encoding="utf-8")
    chosen = options(folders, "good", "noisy", captions=captions, classifier="bands", words="bands")
    rows = {r.system: r for r in text_to_music.evaluate_text_to_music(chosen, "c").rows}
    assert rows["good"].figures["KLD"].value < rows["noisy"].figures["KLD"].value
    assert rows["good"].figures["KLD pooled"].n == 12
    assert set(rows["good"].figures) >= {"text match", "shuffled", "R@10"}
    with pytest.raises(RequestError, match="--captions"):
        text_to_music.evaluate_text_to_music(options(folders, "good", words="bands"), "c")


def test_clips_are_made_once_and_failures_named(tmp_path):
    from partimento.evaluate.systems.make_clips import make_clips

    captions = {"a": "solo piano, calm", "b": "techno"}
    folder, failed = make_clips("score", captions, tmp_path, n_clips=1, duration_s=3.0)
    assert ([p.name for p in sorted(folder.iterdir())], failed) == (["a.flac"], ())
    made = (folder / "a.flac").read_bytes()
    (folder / "a.flac").write_bytes(b"kept")
    make_clips("score", captions, tmp_path, n_clips=1, duration_s=3.0)
    assert (folder / "a.flac").read_bytes() == b"kept"
    (folder / "a.flac").unlink()
    make_clips("score", captions, tmp_path, n_clips=1, duration_s=3.0)
    assert (folder / "a.flac").read_bytes() == made
    _, failed = make_clips(str(tmp_path / "nowhere"), captions, tmp_path / "other", n_clips=1)
    assert failed
    assert "a:" in failed[0]
    with pytest.raises(RequestError, match="file name"):
        make_clips("score", {"../x": "words"}, tmp_path)


def test_a_rendered_dataset_gives_its_mixes(tmp_path):
    for item in ("000001", "000002"):
        (tmp_path / "items" / item / "stems").mkdir(parents=True)
        for name in ("mix.flac", "stems/00.flac"):
            write_audio(tmp_path / "items" / item / name, Waveform(tune(1, 1.0)[None], RATE))
    (tmp_path / "manifest.jsonl").write_text("")
    assert list(work.sound_files(tmp_path)) == ["000001", "000002"]


def test_clips_of_one_distribution_are_about_zero_apart():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(40):
        sets = []
        for _ in range(2):
            vectors = VectorSet(6)
            for _ in range(16):  # the windows of a clip are alike
                vectors.add((rng.normal(size=(1, 6)) + 0.1 * rng.normal(size=(9, 6))).astype(np.float32))
            sets.append(vectors)
        found, _ = distances(*sets, bootstrap=5)
        assert found["FAD"].low <= found["FAD"].value <= found["FAD"].high
        values.append(found["KAD"].value)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_clips_are_drawn_from_those_that_can_be_measured(folders):
    for name in ("a", "b", "c"):
        (folders / "good" / f"{name}.wav").write_bytes(b"nothing")
    write_audio(folders / "good" / "short.wav", Waveform(np.ones((1, 1), np.float32), RATE))
    good = {r.system: r for r in text_to_music.evaluate_text_to_music(options(folders, "good"), "c").rows}["good"]
    assert (good.n_clips, good.n_skipped, good.partial) == (12, 4, False)
    assert len(good.data) == 12


def test_a_silent_region_is_silent_and_an_input_of_another_length_is_left_out(folders):
    regions = folders / "regions.csv"
    regions.write_text("id,start_s,end_s\n" + "".join(f"{i:02d},1.0,2.0\n" for i in range(12)), encoding="utf-8")
    (folders / "holes").mkdir()
    (folders / "inputs").mkdir()
    for i in range(12):
        made = tune(i)
        made[RATE : 2 * RATE] = 0
        write_audio(folders / "holes" / f"{i:02d}.wav", Waveform(made[None], RATE))
        write_audio(folders / "inputs" / f"{i:02d}.wav", Waveform(tune(i, 2.0 if i == 1 else 3.0)[None], RATE))
    table = pairs.evaluate_inpaint(pairs.Options((folders / "holes",), folders / "reference", regions=regions, bootstrap=0), "c")
    assert table.rows[0].silent_share == 1.0
    edited = pairs.evaluate_edit_audio(
        pairs.Options((folders / "good",), folders / "reference", folders / "inputs", bootstrap=0), "c"
    )
    rows = {r.system: r for r in edited.rows}
    assert rows["good"].n_clips == rows["(the unedited input)"].n_clips == 11


def test_a_system_with_fewer_clips_does_not_compete(folders):
    (folders / "few").mkdir()
    for i in range(3):
        write_audio(folders / "few" / f"{i:02d}.wav", Waveform(tune(i)[None], RATE))
    table = pairs.evaluate_edit_audio(pairs.Options((folders / "few", folders / "good"), folders / "reference", bootstrap=0), "c")
    rows = {r.system: r for r in table.rows}
    assert rows["few"].partial
    assert not rows["few"].competes
    assert "3 (fewer)" in table.markdown()


def test_a_stem_that_should_be_gone_and_reconstructions(folders, capsys):
    low = np.sin(2 * np.pi * 60 * np.arange(3 * RATE) / RATE).astype(np.float32) * 0.4
    (folders / "with_bass").mkdir()
    for i in range(3):
        write_audio(folders / "with_bass" / f"{i:02d}.wav", Waveform((tune(i) + low)[None], RATE))
    chosen = pairs.Options((folders / "with_bass", folders / "good"), folders / "reference", bootstrap=0, stem="bass", gone=True)
    table = pairs.evaluate_edit_audio(chosen, "c")
    rows = {r.system: r for r in table.rows}
    assert rows["with_bass"].figures["stem as asked"].value == 0.0
    assert any("taken apart by" in note for note in table.notes)
    systems = ["--systems", str(folders / "good"), "--reference", str(folders / "reference"), "--bootstrap", "0"]
    assert main(["evaluate", "codec", *systems, "--out", str(folders / "out")]) == 0
    assert "Reconstructions" in capsys.readouterr().out
    assert (folders / "out" / "codec_audio.md").exists()
    assert main(["evaluate", "codec"]) == 2
    assert "--systems" in capsys.readouterr().err


def test_pairs_are_cached_measured_on_cores_and_named(folders, monkeypatch):
    (folders / "good" / "more.wav").write_bytes((folders / "good" / "00.wav").read_bytes())
    (folders / "reference" / "02.wav").write_bytes(b"nothing")
    chosen = pairs.Options((folders / "good",), folders / "reference", bootstrap=0, n_jobs=2, cache=folders / "cache")
    first = pairs.evaluate_edit_audio(chosen, "c")
    assert first.rows[0].n_clips == 11
    assert first.rows[0].data
    assert "good/more.wav: the reference has no file of that name" in first.skipped
    assert any(line.startswith("good/02.wav: reference/02.wav: cannot read") for line in first.skipped)

    def no_reading(_path):
        raise AssertionError("what is in the cache is not read again")

    (folders / "reference" / "02.wav").unlink()
    monkeypatch.setattr(work, "read_audio", no_reading)
    again = pairs.evaluate_edit_audio(replace(chosen, n_jobs=1), "c")
    assert again.rows[0].figures == first.rows[0].figures


def test_paper_figures_have_columns_of_their_own():
    measured = {c.name for c in (*pairs.EDIT_COLUMNS, *pairs.INPAINT_COLUMNS, *controls.COLUMNS)} | {"KLD", "KLD pooled", "FAD"}
    for table in ("text-to-music", "controls", "inpaint", "edit"):
        assert not measured & {name for row in paper_rows(table) for name in row.figures}


def test_an_interval_holds_its_figure():
    for seed in range(20):
        found = mean_figure([0.0] * 9 + [1.0], 3, seed)
        assert found.low <= found.value <= found.high


def test_a_classifier_that_is_not_there_is_said_before_any_file(folders, monkeypatch):
    monkeypatch.setattr(work, "read_audio", lambda _path: pytest.fail("nothing is measured"))
    with pytest.raises(FileError, match="nowhere"):
        text_to_music.evaluate_text_to_music(options(folders, "good", classifier=f"panns:{folders / 'nowhere'}"), "c")


def test_captions_without_a_clip_are_counted(folders):
    captions = folders / "captions.csv"
    captions.write_text("id,caption\n00,a tune\n01,another\nzz,nothing\n", encoding="utf-8")
    table = text_to_music.evaluate_text_to_music(options(folders, "good", captions=captions), "c")
    assert "good: 1 of 3 captions have no clip" in table.notes


def test_too_few_clips_have_no_interval(folders):
    for i in range(3, 12):
        (folders / "good" / f"{i:02d}.wav").unlink()
    rows = {r.system: r for r in text_to_music.evaluate_text_to_music(options(folders, "good"), "c").rows}
    assert rows["good"].figures["FAD"].low is None


def test_one_system_alone_is_not_the_best_and_the_references_own_clips_are_said(folders):
    for name in ("00.wav", "01.wav"):
        (folders / "good" / name).write_bytes((folders / "reference" / name).read_bytes())
    table = text_to_music.evaluate_text_to_music(options(folders, "good"), "c")
    assert "**" not in table.markdown()
    assert any(note.startswith("good: 2 clips are the reference's own") for note in table.notes)
    assert "**" in text_to_music.evaluate_text_to_music(options(folders, "good", "noisy"), "c").markdown()
