import dataclasses
import json
from pathlib import Path

import pytest
import torch

from partimento.codec import mini
from partimento.codec.interface import Codec, Encoded
from partimento.codec.loading import load_mini_codec
from partimento.codec.mini import MiniCodec, MiniCodecConfig
from partimento.codec.quantize import QuantizerConfig
from partimento.errors import FileError, ParseError

torch.set_num_threads(1)  # tiny tensors: a second thread only waits

TINY = MiniCodecConfig(
    sample_rate=8000, n_fft=256, hop=64, n_single=20, n_bands=40, width=16, hidden=32, encoder_blocks=2, decoder_blocks=2,
    quantizer=QuantizerConfig(n_codebooks=3, cardinality=16, dimension=8),
)  # fmt: skip


def noise(n: int = 4000, batch: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(batch, 1, n, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def codec() -> MiniCodec:
    torch.manual_seed(0)
    model = MiniCodec(TINY)
    model.quantizer.initialize(model.latent(model.bands_of(noise()[:, 0])).detach().flatten(0, 1))
    return model.eval()


def test_is_a_codec(codec: MiniCodec) -> None:
    assert isinstance(codec, Codec)
    assert (codec.sample_rate, codec.channels, codec.frame_rate_hz, codec.n_codebooks, codec.cardinality) == (
        8000,
        1,
        125.0,
        3,
        16,
    )
    assert MiniCodec().bitrate_kbps == pytest.approx(4.0)


@pytest.mark.parametrize("n", [1, 64, 65, 4000])
def test_shapes(codec: MiniCodec, n: int) -> None:
    encoded = codec.encode(noise(n))
    frames = -(-n // 64)
    assert encoded.codes.shape == (2, 3, frames)
    assert encoded.codes.dtype == torch.int64
    assert codec.decode(encoded).shape == (2, 1, frames * 64)
    assert codec.decode(Encoded(encoded.codes[:, :1])).shape == (2, 1, frames * 64)


def test_wrong_shape_is_refused(codec: MiniCodec) -> None:
    with pytest.raises(ValueError, match=r"\[B, 1, n\]"):
        codec.encode(torch.zeros(2, 2, 100))


def test_blocks_equal_the_whole(codec: MiniCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    wav = noise(64 * 50)
    whole = codec.encode(wav).codes
    bands = codec.decode_bands(whole)
    monkeypatch.setattr(mini, "_BLOCK_FRAMES", 17)
    assert (codec.encode(wav).codes == whole).float().mean() > 0.999
    torch.testing.assert_close(codec.decode_bands(whole), bands, atol=1e-4, rtol=1e-4)


def test_phases_in_blocks_have_no_seam(codec: MiniCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    t = torch.arange(64 * 60) / 8000
    bands = codec.bands_of(0.5 * torch.sin(2 * torch.pi * 437.5 * t)[None])
    monkeypatch.setattr(mini, "_BLOCK_FRAMES", 20)
    out = codec.sound_of(bands)
    found = codec.bands_of(out[:, 0])
    loud = bands > bands.max() - 3.0
    seams = [19, 20, 21, 39, 40, 41]
    assert float((found - bands).abs()[:, seams][loud[:, seams]].max()) < 0.5


def test_an_attack_at_a_blocks_end_is_as_loud_as_in_one_block(codec: MiniCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    wav = 0.01 * noise(64 * 60)[:, 0]
    wav[:, 64 * 20 :] *= 50.0
    spectrum = codec.stft.forward(wav)
    whole = codec._with_level_kept(spectrum)
    monkeypatch.setattr(mini, "_BLOCK_FRAMES", 20)
    torch.testing.assert_close(codec._with_level_kept(spectrum), whole, rtol=1e-4, atol=1e-4)


def test_first_blocks_do_not_depend_on_later_ones(codec: MiniCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mini, "_BLOCK_FRAMES", 20)
    bands = codec.bands_of(noise(64 * 60)[:, 0])
    # A frame reaches into the next one's samples, so the last few of a block still change.
    torch.testing.assert_close(codec.sound_of(bands)[..., : 34 * 64], codec.sound_of(bands[:, :40])[..., : 34 * 64])


def test_floor_decodes_to_silence(codec: MiniCodec) -> None:
    assert float(codec.sound_of(codec.bands_of(torch.zeros(1, 640))).abs().max()) == 0.0


def test_every_parameter_gets_a_gradient(codec: MiniCodec) -> None:
    codec.train()
    bands = codec.bands_of(noise()[:, 0])
    decoded, quantized = codec(bands)
    ((decoded - bands).abs().mean() + quantized.commitment).backward()
    for name, parameter in codec.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_load_equals_what_was_saved(codec: MiniCodec, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(codec.state_dict(), str(tmp_path / "model.safetensors"))
    (tmp_path / "config.json").write_text(json.dumps({"model": dataclasses.asdict(TINY)}))
    loaded = load_mini_codec(tmp_path)
    assert torch.equal(loaded.encode(noise()).codes, codec.encode(noise()).codes)
    assert not loaded.training


def test_loading_errors(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no codec"):
        load_mini_codec(tmp_path)
    with pytest.raises(FileError, match="neither a folder nor built in"):
        load_mini_codec("no-such-codec")
    (tmp_path / "config.json").write_text('{"model": {"hop": "x"}}')
    with pytest.raises(ParseError, match="does not describe"):
        load_mini_codec(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model": dataclasses.asdict(TINY)}))
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(FileError, match="damaged"):
        load_mini_codec(tmp_path)
