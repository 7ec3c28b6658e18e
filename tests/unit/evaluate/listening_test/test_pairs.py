import itertools
from collections import Counter

import listening_factory as factory
import numpy as np
import pytest

from partimento.audio import read_audio, write_audio
from partimento.audio.loudness import integrated_lufs, peak_dbfs
from partimento.audio.waveform import Waveform
from partimento.errors import FileError, RequestError
from partimento.evaluate.listening_test.pairs import BuildOptions, build, read_test, tasks_of


def clip(root, test, system, item):
    key = next(k for k, c in test.clips.items() if (c.system, c.item) == (system, item))
    return read_audio(root / "test" / "clips" / f"{key}.flac")


def test_every_pair_of_systems_under_every_caption(tmp_path):
    test = factory.make(tmp_path)
    assert len(test.pairs) == 3 * 4
    assert Counter(test.system_pair(p) for p in test.pairs) == dict.fromkeys(itertools.combinations(factory.SYSTEMS, 2), 4)
    assert test.captions["c1"] == "Caption 1, with a comma"
    assert read_test(tmp_path / "test") == test
    assert all(test.clips[p.first].item == test.clips[p.second].item == p.item for p in test.pairs.values())


def test_fewer_pairs_are_spread_over_the_systems_and_only_their_clips_are_copied(tmp_path):
    test = factory.make(tmp_path, n_pairs=5, seed=3)
    assert sorted(Counter(test.system_pair(p) for p in test.pairs).values()) == [1, 2, 2]
    used = {c for p in test.pairs.values() for c in (p.first, p.second)}
    assert used == set(test.clips) == {f.stem for f in (tmp_path / "test" / "clips").iterdir()}


def test_same_seed_same_bytes_other_seed_other_pairs(tmp_path):
    sources = tuple(factory.folders(tmp_path))
    options = [BuildOptions(sources, tmp_path / "captions.csv", n_pairs=5, seed=s) for s in (1, 1, 2)]
    tests = [build(o, tmp_path / f"t{i}") for i, o in enumerate(options)]
    assert tests[0] == tests[1]
    assert tests[0].pairs != tests[2].pairs
    for path in (tmp_path / "t0").rglob("*.flac"):
        assert path.read_bytes() == (tmp_path / "t1" / "clips" / path.name).read_bytes()


def test_copies_say_nothing_of_their_system(tmp_path):
    test = factory.make(tmp_path)
    for key in test.clips:
        data = (tmp_path / "test" / "clips" / f"{key}.flac").read_bytes()
        assert not any(name.encode() in data or name in key for name in factory.SYSTEMS)
    plain = clip(tmp_path, test, "gamma", "c1")
    original = read_audio(tmp_path / "gamma" / "c1.wav")
    assert np.array_equal(plain.samples, original.samples)
    assert test.matched_lufs is None


def test_loudness_is_matched_without_clipping(tmp_path):
    sources = tuple(factory.folders(tmp_path, n_items=2))
    spiky = np.zeros((1, factory.RATE), np.float32)
    spiky[0, ::2000] = 0.9  # quiet, but with peaks near full scale: it sets the level
    write_audio(tmp_path / "alpha" / "c0.wav", Waveform(spiky, factory.RATE))
    test = build(BuildOptions(sources, tmp_path / "captions.csv", match_loudness=True), tmp_path / "test")
    waves = [clip(tmp_path, test, c.system, c.item) for c in test.clips.values()]
    assert [integrated_lufs(w) for w in waves] == pytest.approx([test.matched_lufs] * len(waves), abs=0.1)
    assert max(peak_dbfs(w) for w in waves) == pytest.approx(-1, abs=0.1)
    assert test.matched_lufs < -23


def test_what_is_missing_is_named(tmp_path):
    sources = tuple(factory.folders(tmp_path))
    (tmp_path / "beta" / "c2.wav").unlink()
    (tmp_path / "beta" / "c3.wav").rename(tmp_path / "beta" / "extra.wav")
    test = build(BuildOptions(sources, tmp_path / "captions.csv"), tmp_path / "test")
    assert set(test.left_out) == {"c2: no sound of beta", "c3: no sound of beta", "beta/extra.wav: no caption"}
    assert Counter(test.system_pair(p) for p in test.pairs) == {("alpha", "beta"): 2, ("beta", "gamma"): 2, ("alpha", "gamma"): 4}


def test_sides_are_balanced_within_a_rater_and_between_two(tmp_path):
    test = factory.make(tmp_path, n_items=5)
    for rater in range(6):
        tasks = tasks_of(test, rater)
        assert tasks == tasks_of(test, rater)
        assert {t.pair for t in tasks} == set(test.pairs)
        for systems in itertools.combinations(factory.SYSTEMS, 2):
            first_is_a = [t.a == test.pairs[t.pair].first for t in tasks if test.system_pair(t.pair) == systems]
            assert sum(first_is_a) in (2, 3)
    for couple in range(3):
        one, two = ({t.pair: t.a for t in tasks_of(test, 2 * couple + k)} for k in (0, 1))
        assert all(one[pair] != two[pair] for pair in test.pairs)
    assert len({tuple(t.pair for t in tasks_of(test, r)) for r in range(6)}) == 6


def test_a_share_of_the_pairs_per_rater_covers_all_evenly(tmp_path):
    test = factory.make(tmp_path, per_rater=5)
    counts = Counter(t.pair for r in range(24) for t in tasks_of(test, r))
    assert all(len(tasks_of(test, r)) == 5 for r in range(24))
    assert set(counts) == set(test.pairs)
    assert set(counts.values()) == {10}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_pairs": 0}, "--pairs 0: must be 1 to 12"),
        ({"n_pairs": 13}, "1 to 12"),
        ({"per_rater": 0}, "--per-rater 0"),
        ({"seed": -1}, "--seed -1"),
    ],
)
def test_bad_numbers(tmp_path, change, message):
    with pytest.raises(RequestError, match=message):
        factory.make(tmp_path, **change)


def test_bad_folders_and_files(tmp_path):
    sources = tuple(factory.folders(tmp_path))
    captions = tmp_path / "captions.csv"
    with pytest.raises(RequestError, match="at least two systems"):
        build(BuildOptions(sources[:1], captions), tmp_path / "t")
    with pytest.raises(RequestError, match="two systems are named 'alpha'"):
        build(BuildOptions((sources[0], sources[0]), captions), tmp_path / "t")
    with pytest.raises(FileError, match="not a folder"):
        build(BuildOptions((*sources, tmp_path / "none"), captions), tmp_path / "t")
    with pytest.raises(FileError, match="captions"):
        build(BuildOptions(sources, tmp_path / "none.csv"), tmp_path / "t")
    other = tmp_path / "other.csv"
    other.write_text("id,caption\nz1,nothing\n")
    with pytest.raises(RequestError, match="no caption has a file in two"):
        build(BuildOptions(sources, other), tmp_path / "t")
    build(BuildOptions(sources, captions), tmp_path / "t")
    with pytest.raises(FileError, match="holds a test already"):
        build(BuildOptions(sources, captions), tmp_path / "t")
    with pytest.raises(FileError, match="holds no listening test"):
        read_test(tmp_path / "alpha")
    (tmp_path / "t" / "test.json").write_text('{"format": 1}')
    with pytest.raises(FileError, match="damaged"):
        read_test(tmp_path / "t")
