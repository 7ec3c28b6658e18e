"""Tensors and layers that are read when they are asked for."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402

from partimento.models.musicgen.folder import read_tensors  # noqa: E402
from partimento.models.musicgen.loader import load_musicgen  # noqa: E402
from partimento.models.musicgen.stored import LazyLayers  # noqa: E402


@pytest.fixture(scope="module", params=["transformers", "audiocraft"])
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    (factory.save_transformers if request.param == "transformers" else factory.save_audiocraft)(path, factory.build())
    return str(path)


def test_layers_are_read_when_used_and_not_kept(folder):
    whole, lazy = load_musicgen(folder).lm, load_musicgen(folder, layerwise=True).lm
    assert isinstance(lazy.layers, LazyLayers)
    assert sum(p.numel() for p in lazy.parameters()) == sum(p.numel() for p in whole.parameters())
    first = lazy.layers[0]
    assert torch.equal(first.self_attn.in_proj.weight, whole.layers[0].self_attn.in_proj.weight)
    assert lazy.layers[0] is not first
    assert len(list(lazy.layers)) == len(whole.layers)
    assert all(p.is_meta for p in lazy.layers.parameters())
    lazy.layers[0] = torch.nn.Identity()
    assert isinstance(lazy.layers[0], torch.nn.Identity)


def test_a_lazy_model_is_the_same_model(folder):
    whole, lazy = load_musicgen(folder).lm, load_musicgen(folder, layerwise=True).lm
    tokens = torch.randint(0, factory.CARDINALITY, (1, 4, 9), generator=torch.Generator().manual_seed(1))
    assert torch.equal(whole(tokens), lazy(tokens))
    lazy.layers = lazy.layers.kept()
    assert torch.equal(whole(tokens), lazy(tokens))
    state = load_musicgen(folder, layerwise=True).lm.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.state_dict().items())
    halved = load_musicgen(folder, layerwise=True).lm.to(torch.bfloat16)
    assert {p.dtype for p in halved.parameters()} == {torch.bfloat16}
    assert torch.equal(halved(tokens), whole.to(torch.bfloat16)(tokens))


def test_stored_tensors(folder, tmp_path):
    factory.save_transformers(tmp_path, factory.build())
    tensors = read_tensors(tmp_path)
    codec = tensors.below("audio_encoder.")
    assert len(codec) == sum(name.startswith("audio_encoder.") for name in tensors)
    assert all(torch.equal(codec[name], tensors[f"audio_encoder.{name}"]) for name in list(codec)[:5])
    assert not any("lm_heads" in name for name in tensors.only(lambda name: "lm_heads" not in name))


def test_fast_engines_have_the_fast_codec(folder):
    from partimento.codec.quick import HalfRecurrent, has_half_products
    from partimento.models.musicgen.loader import load_for_engine

    for engine in ("eager", "bf16"):
        model, _ = load_for_engine(str(folder), engine)
        fast = any(isinstance(layer, HalfRecurrent) for layer in model.codec.decoder.layers)
        assert fast == (engine != "eager" and has_half_products())


def test_the_codecs_encoder_is_read_when_it_is_needed(tmp_path):
    factory.save_transformers(tmp_path, factory.build())
    codec, whole = load_musicgen(str(tmp_path)).codec, load_musicgen(str(tmp_path)).codec
    state = whole.state_dict()
    assert not any(tensor.is_meta for tensor in state.values())
    assert all(p.is_meta for p in codec.encoder.parameters())
    assert not any(p.is_meta for p in codec.decoder.parameters())
    wav = torch.randn(1, codec.channels, 4_000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(codec.encode(wav).codes, whole.encode(wav).codes)
    assert all(torch.equal(tensor, state[name]) for name, tensor in codec.state_dict().items())
    assert not any(p.requires_grad for p in codec.parameters())
