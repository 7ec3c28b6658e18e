"""Copies of indexed pieces are found, other pieces are not."""

import numpy as np
import pytest

from partimento.audio import write_audio
from partimento.audio.waveform import Waveform
from partimento.errors import FileError, RequestError
from partimento.evaluate.training_check import build_index, check_file, check_result, check_score, check_sound, with_findings
from partimento.evaluate.training_features import SoundFeatures
from partimento.evaluate.training_index import TrainingIndex, index_sounds, index_tunes, read_index, write_index
from partimento.plan.result import Finding, Report
from partimento.score.io import write_score
from partimento.score.score import Note, Score, Track

RATE = 16_000


def tune(seed, n=60, low=55):
    rng = np.random.default_rng(seed)
    pitches = np.clip(np.cumsum(rng.choice([-5, -3, -2, 2, 3, 4, 5], n)) % 24 + low, 0, 127)
    lengths = rng.choice([0.5, 1.0, 1.5], n)
    return [Note(float(s), float(d), int(p)) for s, d, p in zip(np.cumsum([0, *lengths[:-1]]), lengths, pitches, strict=True)]


def score(notes):
    track = Track("lead", "melody", "piano", 0, False, tuple(notes))
    return Score(tracks=(track,), length=float(np.ceil(notes[-1].end)))


def sound(notes, gain=0.3, quarter_s=0.4):
    """Notes as decaying tones with three partials."""
    out = np.zeros(int((notes[-1].end * quarter_s + 0.5) * RATE))
    for note in notes:
        t = np.arange(int(note.duration * quarter_s * RATE)) / RATE
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3)) * np.exp(-2 * t)
        start = int(note.start * quarter_s * RATE)
        out[start : start + len(t)] += gain * tone
    return Waveform(out.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("set")
    (path / "deep").mkdir()
    for i in range(8):
        write_audio(path / "deep" / f"s{i}.wav", sound(tune(i)))
        write_score(score(tune(i)), path / f"s{i}.mid")
    (path / "broken.wav").write_bytes(b"no sound")
    return path


@pytest.fixture(scope="module")
def index(folder, tmp_path_factory):
    built = build_index(folder, cache=tmp_path_factory.mktemp("cache"), n_jobs=1)
    assert (built.n_sounds, built.n_scores) == (8, 8)
    assert "broken.wav" in built.skipped[0]
    assert built.index.sounds.repeats == built.index.scores.repeats == ()
    return built.index


def test_an_excerpt_with_noise_at_another_level_is_found_in_its_place(index):
    rng = np.random.default_rng(0)
    whole = sound(tune(3))
    part = whole.samples[0, 4 * RATE : 12 * RATE]
    noise = rng.normal(size=part.shape) * np.sqrt(np.mean(part**2)) * 0.1
    found = index.sounds.search(SoundFeatures()(Waveform((0.2 * (part + noise)).astype(np.float32), RATE)))
    assert found.found
    assert found.name == "deep/s3.wav"
    assert found.piece_at_s - found.at_s == pytest.approx(4, abs=0.3)
    finding = check_sound(Waveform(part, RATE), TrainingIndex(index.sounds))
    assert finding.verdict == "fail"
    assert finding.control == "memorization"
    assert "deep/s3.wav" in finding.heard


def test_a_copy_inside_something_else_is_found(index):
    mixed = np.concatenate([sound(tune(70)).samples[0, : 9 * RATE], sound(tune(5)).samples[0, 2 * RATE : 9 * RATE]])
    found = index.sounds.search(SoundFeatures()(Waveform(mixed, RATE)))
    assert found.found
    assert (found.name, found.at_s) == ("deep/s5.wav", pytest.approx(9.5, abs=1.6))


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_other_pieces_pass(index, seed):
    assert check_sound(sound(tune(seed)), index).verdict == "pass"
    assert check_score(score(tune(seed)), index).verdict == "pass"


def test_transposed_tunes_are_found_in_scores(index):
    notes = [Note(n.start + 4, n.duration, n.pitch + 3) for n in tune(2)[10:30]]
    finding = check_score(score([*tune(55)[:3], *notes]), index)
    assert finding.verdict == "fail"
    assert finding.value == 20
    assert "s2.mid: " in finding.heard
    assert finding.level == "score"


def test_silence_and_drums_are_not_measurable(index):
    assert check_sound(Waveform(np.zeros(8 * RATE, np.float32), RATE), index).verdict == "not measurable"
    drums = Track("drums", "drums", "drum_kit", 0, True, (Note(0, 1, 36), Note(1, 1, 38), Note(2, 1, 36)))
    assert check_score(Score(tracks=(drums,), length=4.0), index).verdict == "not measurable"


def test_the_index_survives_the_disk(index, tmp_path):
    one, two = write_index(index, tmp_path / "a.npz"), write_index(index, tmp_path / "b.npz")
    assert one.read_bytes() == two.read_bytes()
    again = read_index(one)
    wave = sound(tune(6))
    assert again.sounds.search(SoundFeatures()(wave)) == index.sounds.search(SoundFeatures()(wave))
    assert check_score(score(tune(6)), again) == check_score(score(tune(6)), index)


def test_pieces_that_are_there_twice_do_not_spoil_the_threshold():
    job = SoundFeatures()
    waves = [sound(tune(i, 30)) for i in (0, 1, 2, 3, 0)]
    found = index_sounds(list("abcde"), [job(w) for w in waves])
    assert set(found.repeats) == {("a", "e"), ("e", "a")}
    assert found.threshold > 0.05
    tunes = {name: {"t": ([n.start for n in t], [n.duration for n in t], [n.pitch for n in t])}
             for name, t in zip("abcde", [tune(i, 30) for i in (0, 1, 2, 3, 0)], strict=True)}  # fmt: skip
    scores = index_tunes(tunes)
    assert len(scores.repeats) == 2
    assert scores.threshold == 9


def test_it_becomes_part_of_a_results_report(index):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Outcome:
        audio: Waveform
        score: Score | None
        report: Report

    line = Finding("tempo", "100", "100", "notes", "pass", "score")
    outcome = Outcome(sound(tune(1)), score(tune(1)), Report((line,)))
    findings = check_result(outcome, index)
    assert [f.level for f in findings] == ["audio", "score"]
    reported = with_findings(outcome, findings)
    assert reported.report.findings == (line, *findings)
    assert not reported.report.passed


def test_bad_input(index, folder, tmp_path):
    with pytest.raises(FileError, match="not a folder"):
        build_index(tmp_path / "nowhere")
    with pytest.raises(FileError, match="no sounds and no scores"):
        build_index(tmp_path)
    with pytest.raises(FileError, match="none of"):
        check_file(tmp_path / "a.txt", index)
    (tmp_path / "x.npz").write_bytes(b"PK nothing")
    with pytest.raises(FileError, match="not an index"):
        read_index(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", a=np.zeros(3))
    with pytest.raises(FileError, match="not an index"):
        read_index(tmp_path / "y.npz")
    with pytest.raises(FileError, match=r"an \.npz file"):
        write_index(index, tmp_path / "a.txt")
    with pytest.raises(RequestError, match="scores only"):
        check_sound(sound(tune(1)), TrainingIndex(None, index.scores))
    with pytest.raises(RequestError, match="sounds only"):
        check_score(score(tune(1)), TrainingIndex(index.sounds))
    with pytest.raises(RequestError, match="at least 2"):
        index_sounds(["a"], [SoundFeatures()(sound(tune(1, 20)))])
