"""The loader against tables of the released checkpoints that were written apart from it (nothing is allocated)."""

import math

import pytest

torch = pytest.importorskip("torch")

from partimento.codec.encodec import EncodecCodec  # noqa: E402
from partimento.codec.encodec_layout import (  # noqa: E402
    config_from_transformers,
    weights_from_audiocraft,
    weights_from_transformers,
)
from partimento.errors import FileError, RequestError  # noqa: E402
from partimento.lm.transformer import MusicGenLm  # noqa: E402
from partimento.models.musicgen import audiocraft_layout, hf_layout  # noqa: E402
from partimento.models.musicgen import tables as released  # noqa: E402
from partimento.models.musicgen.keymap import assemble  # noqa: E402

IDS = released.released_ids()
PARAMETERS = {"musicgen-small": 0.420e9, "musicgen-medium": 1.84e9, "musicgen-large": 3.26e9, "musicgen-melody": 1.38e9,
              "musicgen-melody-large": 2.45e9}  # fmt: skip
CODEC_CONFIGS = {  # config.json of facebook/encodec_*, where it differs from the defaults of transformers
    "encodec_32khz": {
        "sampling_rate": 32_000, "num_filters": 64, "upsampling_ratios": [8, 5, 4, 4], "codebook_size": 2048,
        "target_bandwidths": [2.2], "use_causal_conv": False, "use_conv_shortcut": False,
    },
    "encodec_24khz": {"target_bandwidths": [1.5, 3.0, 6.0, 12.0, 24.0]},
    "encodec_48khz": {
        "sampling_rate": 48_000, "audio_channels": 2, "normalize": True, "norm_type": "time_group_norm", "overlap": 0.01,
        "use_causal_conv": False, "chunk_length_s": 1.0, "target_bandwidths": [3.0, 6.0, 12.0, 24.0],
    },
}  # fmt: skip
SEANET = {  # AudioCraft's own configuration of the same codecs
    "encodec_32khz": {"sample_rate": 32_000, "channels": 1, "seanet": {
        "dimension": 128, "n_filters": 64, "ratios": [8, 5, 4, 4], "true_skip": True, "causal": False, "lstm": 2}},
    "encodec_24khz": {"sample_rate": 24_000, "channels": 1, "seanet": {
        "dimension": 128, "n_filters": 32, "ratios": [8, 5, 4, 2], "true_skip": False, "causal": True, "lstm": 2}},
    "encodec_48khz": {"sample_rate": 48_000, "channels": 2, "encodec": {"renormalize": True}, "seanet": {
        "dimension": 128, "n_filters": 32, "ratios": [8, 5, 4, 2], "true_skip": False, "causal": False, "lstm": 2,
        "norm": "time_group_norm"}},
}  # fmt: skip


def meta(shapes):
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def hf_config(name):
    row = released.facts(name)
    decoder = {
        "hidden_size": row["d"], "num_hidden_layers": row["layers"], "num_attention_heads": row["heads"], "ffn_dim": row["f"],
        "num_codebooks": row["codebooks"], "audio_channels": row["channels"], "vocab_size": 2048,
    }  # fmt: skip
    kind = "musicgen_melody" if row["text"] == "prefix" else "musicgen"
    return {"model_type": kind, "decoder": decoder, "text_encoder": {"d_model": 768}}


def model(config):
    with torch.device("meta"):
        return MusicGenLm(config)


@pytest.mark.parametrize("name", IDS)
def test_language_models_in_both_layouts(name):
    row = released.facts(name)
    theirs = meta(released.language_model(name, "huggingface"))
    config = hf_layout.lm_config(hf_config(name))
    ours = model(config)
    state = assemble(theirs, hf_layout.lm_table(config), ours, name)
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in ours.state_dict().items()}

    tensors, _ = audiocraft_layout.unpack({"best_state": meta(released.language_model(name, "audiocraft"))}, name)
    same = audiocraft_layout.lm_config(tensors, {}, name)
    assert same == config
    assert set(assemble(tensors, audiocraft_layout.lm_table(same), ours, name)) == set(state)
    assert (config.n_heads, config.width // config.n_heads) == (row["heads"], 64)
    assert config.delays == ((0, 0, 1, 1, 2, 2, 3, 3) if row["channels"] == 2 else (0, 1, 2, 3))


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_sizes_are_those_published(name, count):
    shapes = released.language_model(name, "huggingface").values()
    assert sum(math.prod(shape) for shape in shapes) == pytest.approx(count, rel=0.005)


@pytest.mark.parametrize("name", ["musicgen-small", "musicgen-stereo-small", "musicgen-melody"])
def test_transformers_has_the_same_keys(name):
    transformers = pytest.importorskip("transformers")
    config = hf_config(name)
    melody = config["model_type"] == "musicgen_melody"
    kind = transformers.MusicgenMelodyForCausalLM if melody else transformers.MusicgenForCausalLM
    settings = (transformers.MusicgenMelodyDecoderConfig if melody else transformers.MusicgenDecoderConfig)(**config["decoder"])
    with torch.device("meta"):
        theirs = kind(settings).state_dict()
    found = {f"decoder.{key}": tuple(t.shape) for key, t in theirs.items() if "embed_positions" not in key}
    wanted = released.language_model(name, "huggingface")
    assert found == {key: shape for key, shape in wanted.items() if key.startswith("decoder.")}


@pytest.mark.parametrize("name", released.released_codecs())
def test_codecs_in_both_layouts(name):
    row, config = released.facts(name), config_from_transformers(CODEC_CONFIGS[name])
    with torch.device("meta"):
        ours = {key: tensor.shape for key, tensor in EncodecCodec(config).state_dict().items()}
    theirs = weights_from_transformers(meta(released.codec(name, "huggingface")))
    assert {key: tensor.shape for key, tensor in theirs.items()} == ours
    package = meta(released.codec(name, "audiocraft"))
    assert {key: tensor.shape for key, tensor in weights_from_audiocraft(package).items()} == ours
    same = audiocraft_layout.codec_config(package, SEANET[name])
    assert (same.sample_rate, same.n_codebooks, same.cardinality, same.normalize, same.seanet.hop) == (
        config.sample_rate, config.n_codebooks, config.cardinality, config.normalize, config.seanet.hop,
    )  # fmt: skip
    assert (same.seanet.channels, same.n_codebooks) == (row["channels"], row["codebooks"])
    with torch.device("meta"):
        assert {key: tensor.shape for key, tensor in EncodecCodec(same).state_dict().items()} == ours


def test_newer_torch_names_of_weight_norm():
    shapes = released.codec("encodec_32khz", "huggingface")
    renamed = (("weight_g", "parametrizations.weight.original0"), ("weight_v", "parametrizations.weight.original1"))
    newer = shapes
    for old, new in renamed:
        newer = {key.replace(old, new): shape for key, shape in newer.items()}
    assert newer.keys() != shapes.keys()
    assert weights_from_transformers(meta(newer)).keys() == weights_from_transformers(meta(shapes)).keys()


def test_a_table_with_an_error_is_noticed():
    shapes = released.language_model("musicgen-small", "huggingface")
    config = hf_layout.lm_config(hf_config("musicgen-small"))
    for key in ("decoder.lm_heads.3.weight", "enc_to_dec_proj.bias"):
        with pytest.raises(FileError, match=key):
            assemble(meta({k: s for k, s in shapes.items() if k != key}), hf_layout.lm_table(config), model(config), "x")
    with pytest.raises(RequestError, match="musicgen-stereo-melody-large"):
        released.facts("musicgen-huge")
