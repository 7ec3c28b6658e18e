"""A MusicGen's own codec as the encoder of a cache."""

from pathlib import Path

import musicgen_factory as factory
import numpy as np
import pytest
import torch

from partimento.data.cache import model_codec
from partimento.data.cache.encoders import EncoderSpec, TokenEncoder, open_encoder
from partimento.data.cache.model_codec import ModelCodec
from partimento.errors import MissingDependencyError
from partimento.models.musicgen.loader import load_musicgen

torch.set_num_threads(1)


folder = factory.checkpoint(factory.build)


def noise(channels: int, seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((channels, round(32_000 * seconds)))).astype(np.float32)


def test_short_sounds_are_what_the_model_hears(folder: Path) -> None:
    model, encoder = load_musicgen(str(folder)), open_encoder(EncoderSpec("tokens", str(folder)))
    sound = noise(1, 1.5)
    assert encoder.layout.width == 4
    assert encoder.layout.cardinality == factory.CARDINALITY
    assert encoder.layout.channels == 1
    assert np.array_equal(encoder.encode(sound).T, model.encode(torch.from_numpy(sound)[None])[0].numpy())


def test_long_sounds_come_in_blocks_of_whole_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = ModelCodec(load_musicgen(str(folder)))
    sound = torch.from_numpy(noise(1, 5.013))[None]
    whole = codec.encode(sound).codes
    monkeypatch.setattr(model_codec, "BLOCK_S", 1.0)
    monkeypatch.setattr(model_codec, "CONTEXT_S", 0.5)
    parts = codec.encode(sound).codes
    assert parts.shape == whole.shape
    assert float((parts[:, 0] == whole[:, 0]).float().mean()) > 0.95


def test_stereo_and_fingerprint(folder: Path, tmp_path: Path) -> None:
    stereo = tmp_path / "stereo"
    factory.save_transformers(stereo, factory.build(channels=2))
    encoder = TokenEncoder(str(stereo))
    sound = noise(2, 1.0)
    assert encoder.layout.channels == 2
    codes = encoder.encode(sound)
    assert codes.shape == (50, 8)
    assert np.array_equal(codes[:, 1::2], encoder.encode(sound[::-1].copy())[:, 0::2])
    other = tmp_path / "audiocraft"
    factory.save_audiocraft(other, factory.build())
    prints = [TokenEncoder(str(place)).layout.fingerprint for place in (folder, other, stereo)]
    assert prints[0] != prints[2]
    assert len(prints[1]) == 64
    with pytest.raises(MissingDependencyError, match="no downloaded model"):
        TokenEncoder("no/model")
