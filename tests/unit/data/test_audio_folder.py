from pathlib import Path

import numpy as np
import pytest

from partimento.data.audio_folder import AudioWindows, find_audio, find_training_audio
from partimento.errors import FileError


def write(path: Path, n: int, rate: int = 8_000, level: float = 0.1, channels: int = 1) -> None:
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    sound = level * np.random.default_rng(n).standard_normal((n, channels))
    soundfile.write(path, sound, rate)


def test_finds_sounds_and_names_what_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "b.wav", 8_000)
    write(tmp_path / "sub" / "a.flac", 4_000, rate=16_000, channels=2)
    write(tmp_path / "empty.wav", 0)
    (tmp_path / "corrupt.wav").write_bytes(b"RIFFnonsense")
    (tmp_path / "notes.txt").write_text("x")
    files, skipped = find_audio(tmp_path)
    assert [f.path.name for f in files] == ["b.wav", "a.flac"]
    assert [f.duration_s for f in files] == [1.0, 0.25]
    assert len(skipped) == 2
    assert "corrupt.wav: not readable" in skipped[0]
    assert "empty.wav: no samples" in skipped[1]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no folder"):
        find_audio(tmp_path / "none")
    with pytest.raises(FileError, match="no readable sound"):
        find_audio(tmp_path)


def test_windows_depend_on_the_generator_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 9_000)
    write(tmp_path / "b.wav", 2_000)
    windows = AudioWindows(find_audio(tmp_path)[0], 8_000, 1_000, gain_db=6.0)
    first = windows.batch(np.random.default_rng(3), 4)
    assert first.shape == (4, 1_000)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, windows.batch(np.random.default_rng(3), 4))
    assert not np.array_equal(first, windows.batch(np.random.default_rng(4), 4))


def test_other_rates_channels_and_short_files(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 300, rate=16_000, channels=2)
    windows = AudioWindows(find_audio(tmp_path)[0], 8_000, 1_000)
    batch = windows.batch(np.random.default_rng(0), 2)
    assert np.abs(batch[:, :150]).max() > 0
    assert np.abs(batch[:, 151:]).max() == 0


def test_gain_never_clips_and_quiet_windows_are_redrawn(tmp_path: Path) -> None:
    write(tmp_path / "loud.wav", 8_000, level=0.3)
    write(tmp_path / "silent.wav", 8_000, level=0.0)
    batch = AudioWindows(find_audio(tmp_path)[0], 8_000, 500, gain_db=40.0).batch(np.random.default_rng(0), 40)
    assert np.abs(batch).max() <= 1.0
    assert (np.abs(batch).max(axis=1) > 0).mean() > 0.9


def test_rendered_datasets_give_one_split_and_other_folders_everything(tmp_path: Path) -> None:
    for name in ("000001", "000002"):
        write(tmp_path / "r" / "items" / name / "mix.flac", 800)
        write(tmp_path / "r" / "items" / name / "stems" / "00.flac", 800)
    lines = ['{"id": "000002", "split": "train"}', '{"id": "000001", "split": "valid"}', '{"id": "00']
    (tmp_path / "r" / "manifest.jsonl").write_text("\n".join(lines))
    write(tmp_path / "plain" / "x.wav", 800)
    files, skipped = find_training_audio([tmp_path / "r", tmp_path / "plain"])
    assert [f.path.relative_to(tmp_path).as_posix() for f in files] == ["r/items/000002/mix.flac", "plain/x.wav"]
    assert skipped == []
    assert find_training_audio([tmp_path / "r"], "valid")[0][0].path.parent.name == "000001"
    with pytest.raises(FileError, match="split 'test'"):
        find_training_audio([tmp_path / "r"], "test")
