"""Files keep their own numbers: what is copied is written back bit for bit, whatever the format."""

import io

import numpy as np
import pytest
import soundfile

from partimento.audio.source import Copied, encode_source, exact_in, read_source, target_subtype
from partimento.errors import FileError

FORMATS = [
    ("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("wav", "FLOAT"), ("wav", "DOUBLE"),
    ("flac", "PCM_16"), ("flac", "PCM_24"),
]  # fmt: skip


def write(path, subtype, rate=44_100, n_channels=2, n=5_000, seed=0):
    rng = np.random.default_rng(seed)
    samples = np.clip(rng.normal(0, 0.2, (n, n_channels)), -0.99, 0.99)
    soundfile.write(path, samples, rate, subtype)
    return path


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_a_copy_of_everything_has_the_sources_numbers(tmp_path, suffix, subtype):
    source = read_source(write(tmp_path / f"a.{suffix}", subtype))
    data = encode_source(source, source.wave, (Copied(0, 0, source.wave.n_samples),), f".{suffix}")
    (tmp_path / f"b.{suffix}").write_bytes(data)
    again = read_source(tmp_path / f"b.{suffix}")
    assert again.subtype == subtype == target_subtype(source, f".{suffix}")
    assert again.wave.sample_rate == 44_100
    assert np.array_equal(again.raw, source.raw)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_samples_that_are_not_copied_are_rounded_not_truncated(tmp_path, suffix, subtype):
    source = read_source(write(tmp_path / f"a.{suffix}", subtype))
    data = encode_source(source, source.wave, (), f".{suffix}")
    decoded, _ = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    step = {"PCM_U8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23}.get(subtype, 2**-24)
    assert np.abs(decoded.T - source.wave.samples).max() <= 0.51 * step
    assert data == encode_source(source, source.wave, (), f".{suffix}")


def test_six_channels_at_96_khz_and_tags_come_back(tmp_path):
    path = write(tmp_path / "a.flac", "PCM_24", 96_000, 6)
    with soundfile.SoundFile(tmp_path / "t.wav", "w", 48_000, 2, "PCM_16") as file:
        file.title = "A take"
        file.write(np.zeros((100, 2)))
    source = read_source(path)
    assert source.wave.samples.shape == (6, 5_000)
    assert encode_source(source, source.wave, (Copied(0, 0, 5_000),), ".flac")
    tagged = read_source(tmp_path / "t.wav")
    assert tagged.tags["title"] == "A take"
    again = soundfile.SoundFile(io.BytesIO(encode_source(tagged, tagged.wave, (), ".wav")))
    assert again.title == "A take"


def test_lossy_and_rounded_formats_are_known_as_such(tmp_path):
    wav = read_source(write(tmp_path / "a.wav", "FLOAT"))
    assert exact_in(wav, ".wav")
    assert not exact_in(wav, ".flac")
    assert not exact_in(wav, ".mp3")
    soundfile.write(tmp_path / "a.ogg", wav.wave.samples.T, 44_100)
    ogg = read_source(tmp_path / "a.ogg")
    assert ogg.lossy
    assert not exact_in(ogg, ".wav")
    assert target_subtype(ogg, ".wav") == "PCM_24"


@pytest.mark.parametrize("content", [b"", b"nonsense" * 50, "nan", "empty"])
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "x.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        soundfile.write(path, np.full((10 if content == "nan" else 0, 1), np.nan, np.float32), 8_000, "FLOAT")
    with pytest.raises(FileError) as error:
        read_source(path)
    assert "\n" not in str(error.value)
