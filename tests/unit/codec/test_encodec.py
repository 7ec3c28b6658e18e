import pytest

torch = pytest.importorskip("torch")

from partimento.codec.encodec import EncodecCodec, EncodecConfig  # noqa: E402
from partimento.codec.encodec_layout import (  # noqa: E402
    config_from_transformers,
    fold_weight_norm,
    weights_from_audiocraft,
    weights_from_transformers,
)
from partimento.codec.interface import Codec, Encoded  # noqa: E402
from partimento.codec.seanet import SeanetConfig  # noqa: E402
from partimento.errors import ParseError, RequestError  # noqa: E402

SMALL = EncodecConfig(n_codebooks=2, cardinality=16, seanet=SeanetConfig(n_filters=4, dimension=8))


@pytest.fixture(scope="module")
def codec():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = EncodecCodec(SMALL).eval()
    model.quantizer.entries.normal_()
    return model


def test_keeps_the_contract(codec):
    assert isinstance(codec, Codec)
    assert (codec.sample_rate, codec.channels, codec.frame_rate_hz) == (32_000, 1, 50)
    assert (codec.n_codebooks, codec.cardinality) == (2, 16)
    encoded = codec.encode(torch.zeros(3, 1, 6401))
    assert encoded.codes.shape == (3, 2, 11)
    assert codec.decode(encoded).shape == (3, 1, 7040)


def test_default_shape_is_musicgens():
    with torch.device("meta"):
        model = EncodecCodec()
    shapes = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    assert shapes["encoder.layers.0.conv.weight"] == (64, 1, 7)
    assert shapes["encoder.layers.12.conv.weight"] == (1024, 512, 16)
    assert shapes["encoder.layers.13.lstm.weight_ih_l1"] == (4096, 1024)
    assert shapes["encoder.layers.15.conv.weight"] == (128, 1024, 7)
    assert shapes["decoder.layers.3.conv.weight"] == (1024, 512, 16)
    assert shapes["decoder.layers.13.block.3.conv.weight"] == (64, 32, 1)
    assert shapes["decoder.layers.15.conv.weight"] == (1, 64, 7)
    assert shapes["quantizer.entries"] == (4, 2048, 128)


def test_folding_equals_torchs_weight_norm():
    for layer in (torch.nn.Conv1d(3, 5, 4), torch.nn.ConvTranspose1d(3, 5, 4)):
        normed = torch.nn.utils.parametrizations.weight_norm(layer)
        with torch.no_grad():
            normed.parametrizations.weight.original0.mul_(1.7)
        folded = fold_weight_norm(normed.state_dict())
        assert set(folded) == {"weight", "bias"}
        assert torch.allclose(folded["weight"], normed.weight, atol=1e-6)


def published(codec, audiocraft):
    """The codec's weights under the published names, weight norm and all."""
    out = {}
    for name, tensor in codec.state_dict().items():
        if name == "quantizer.entries":
            stem = "quantizer.vq.layers.{}._codebook." if audiocraft else "quantizer.layers.{}.codebook."
            for i, entries in enumerate(tensor):
                out[stem.format(i) + "embed"] = entries
                out[stem.format(i) + "embed_avg"] = entries
                out[stem.format(i) + "cluster_size"] = entries[:, 0]
                out[stem.format(i) + "inited"] = torch.ones(1)
            continue
        if audiocraft:
            name = name.replace(".layers.", ".model.")
            upsampling = name.startswith("decoder") and name.split(".")[2] in ("3", "6", "9", "12")
            name = name.replace(".conv.", ".convtr.convtr." if upsampling else ".conv.conv.")
        if name.endswith("conv.weight") or name.endswith("convtr.weight"):
            norm = torch.linalg.vector_norm(tensor, dim=(1, 2), keepdim=True)
            out[name + "_g"], out[name + "_v"] = norm, tensor / norm * 3.0
        else:
            out[name] = tensor
    return out


@pytest.mark.parametrize("audiocraft", [False, True])
def test_both_layouts_give_the_same_weights(codec, audiocraft):
    read = weights_from_audiocraft if audiocraft else weights_from_transformers
    weights = read(published(codec, audiocraft))
    own = codec.state_dict()
    assert set(weights) == set(own)
    for name, tensor in own.items():
        assert torch.allclose(weights[name], tensor, atol=1e-6), name


def test_mistakes_are_named(codec):
    with pytest.raises(RequestError, match=r"\[batch, 1, samples\]"):
        codec.encode(torch.zeros(1, 2, 100))
    with pytest.raises(RequestError, match="1 to 2"):
        codec.encode(torch.zeros(1, 1, 100), n_codebooks=3)
    with pytest.raises(RequestError, match="0 to 15"):
        codec.decode(Encoded(torch.full((1, 2, 3), 16)))
    with pytest.raises(RequestError, match="has 2"):
        codec.decode(Encoded(torch.zeros(1, 3, 3, dtype=torch.int64)))
    with pytest.raises(ParseError, match="norm_type 'batch'"):
        config_from_transformers({"norm_type": "batch"})
    with pytest.raises(ParseError, match="does not describe"):
        config_from_transformers({"upsampling_ratios": "abc"})
