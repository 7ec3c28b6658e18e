"""The decoder's fast way against its modules, one after the other."""

import pytest

torch = pytest.importorskip("torch")

from partimento.codec import decoder_stream  # noqa: E402
from partimento.codec.decoder_stream import DecoderStream, lay_out  # noqa: E402
from partimento.codec.seanet import SeanetConfig, SeanetDecoder  # noqa: E402

SMALL = {"dimension": 8, "n_filters": 4}
SHAPES = {
    "musicgen": {},
    "constant": {"pad_mode": "constant"},
    "causal with shortcuts": {"causal": True, "conv_shortcut": True, "ratios": (8, 5, 4, 2)},
    "stereo without lstm": {"channels": 2, "lstm_layers": 0},
    "dilated": {"n_residual_layers": 3, "ratios": (4, 2)},
    "wide output": {"channels": 6, "ratios": (3,)},
}


def decoder(**shape):
    torch.manual_seed(2)
    return SeanetDecoder(SeanetConfig(**(SMALL | shape))).eval().requires_grad_(False)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("sizes", [(90,), (1,), (2, 1, 0, 60, 3), (1,) * 12])
def test_chunks_of_any_size_are_the_modules_result(name, sizes, monkeypatch):
    monkeypatch.setattr(decoder_stream, "TILE_ROWS", 70)
    model = decoder(**SHAPES[name])
    latent = torch.randn(2, 8, sum(sizes), generator=torch.Generator().manual_seed(1))
    expected = model(latent)
    stream, parts = DecoderStream(model, 2), torch.split(latent, sizes, dim=-1)
    with torch.inference_mode():
        pieces = [stream.push(part, last=i + 1 == len(parts)) for i, part in enumerate(parts)]
    sound = torch.cat(pieces, dim=-1)
    assert sound.shape == expected.shape
    assert expected.std() > 1e-3
    assert (sound - expected).abs().max() <= 1e-5


def test_the_end_may_come_without_frames():
    model = decoder()
    latent = torch.randn(1, 8, 7, generator=torch.Generator().manual_seed(1))
    stream = DecoderStream(model, 1)
    with torch.inference_mode():
        sound = torch.cat([stream.push(latent), stream.push(latent[..., :0], last=True)], dim=-1)
    assert (sound - model(latent)).abs().max() <= 1e-5


def test_laying_out_changes_neither_weights_nor_what_is_stored():
    model = decoder()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    lay_out(model)
    where = [p.data_ptr() for p in model.parameters()]
    lay_out(model)
    assert where == [p.data_ptr() for p in model.parameters()], "done once"
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    other = decoder()
    with torch.no_grad():
        other.layers[3].conv.weight.mul_(2)
    model.load_state_dict(other.state_dict())
    latent = torch.randn(1, 8, 5, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert (DecoderStream(model, 1).push(latent, last=True) - other(latent)).abs().max() <= 1e-5
