"""Sound files: round trips, formats, tags, determinism, and everything that can be wrong with a file."""

import numpy as np
import pytest
import soundfile

from partimento.audio import Waveform, read_audio, write_audio
from partimento.audio.io import encode_audio
from partimento.errors import FileError


def tone(n_channels: int = 2, sample_rate: int = 44_100, seconds: float = 0.5) -> Waveform:
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    samples = np.stack([0.4 * np.sin(2 * np.pi * (440 + 110 * c) * t) for c in range(n_channels)])
    return Waveform(samples.astype(np.float32), sample_rate)


@pytest.mark.parametrize(
    ("suffix", "depth", "tolerance"), [(".wav", "16", 2**-15), (".wav", "24", 2**-23), (".wav", "float", 0.0)]
)
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_wav_round_trip(tmp_path, suffix, depth, tolerance, n_channels):
    wave = tone(n_channels, 48_000)
    again = read_audio(write_audio(tmp_path / f"a{suffix}", wave, depth=depth))
    assert again.sample_rate == 48_000
    assert np.abs(again.samples - wave.samples).max() <= tolerance


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_compressed_formats_keep_rate_channels_and_sound(tmp_path, suffix):
    wave = tone()
    again = read_audio(write_audio(tmp_path / f"a{suffix}", wave))
    assert (again.sample_rate, again.n_channels) == (wave.sample_rate, wave.n_channels)
    spectrum = np.abs(np.fft.rfft(again.samples[0][: wave.n_samples]))
    assert abs(np.argmax(spectrum) * wave.sample_rate / wave.n_samples - 440) < 4


@pytest.mark.parametrize(
    ("suffix", "depth"), [(".wav", "float"), (".wav", "16"), (".flac", "24"), (".ogg", "16"), (".mp3", "16")]
)
def test_same_sound_same_bytes(monkeypatch, suffix, depth):
    wave = tone(seconds=0.2)
    first = encode_audio(wave, suffix, depth=depth, tags={"title": "t"})
    import time

    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + 86_400)
    time.sleep(1.1)  # libsndfile reads the C clock, in whole seconds
    assert encode_audio(wave, suffix, depth=depth, tags={"title": "t"}) == first


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_tags(tmp_path, suffix):
    path = write_audio(tmp_path / f"a{suffix}", tone(), tags={"title": "Tune", "comment": "seed 7"})
    with soundfile.SoundFile(path) as file:
        assert file.title == "Tune"
        assert file.comment == "seed 7"


def test_what_is_wrong_is_said(tmp_path):
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    with pytest.raises(FileError, match="empty"):
        read_audio(empty)
    noise = tmp_path / "noise.wav"
    noise.write_bytes(bytes(range(256)) * 9)
    with pytest.raises(FileError, match="as audio"):
        read_audio(noise)
    with pytest.raises(FileError, match="directory"):
        read_audio(tmp_path)
    with pytest.raises(FileError, match="No such file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(FileError, match="directory"):
        write_audio(tmp_path, tone())
    with pytest.raises(FileError, match="not one of"):
        write_audio(tmp_path / "a.xyz", tone())
    with pytest.raises(FileError, match="does not exist"):
        write_audio(tmp_path / "no" / "a.wav", tone())
    with pytest.raises(FileError, match="mp3 holds"):
        write_audio(tmp_path / "a.mp3", tone(6))
    with pytest.raises(FileError, match="flac holds"):
        write_audio(tmp_path / "a.flac", tone(), depth="float")
    nan = Waveform(np.array([[0.0, np.nan]], np.float32), 44_100)
    with pytest.raises(FileError, match="not numbers"):
        read_audio(write_audio(tmp_path / "nan.wav", nan, depth="float"))


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    import os

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileError, match="No space left"):
        write_audio(tmp_path / "a.wav", tone())
    assert list(tmp_path.iterdir()) == []
