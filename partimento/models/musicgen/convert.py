"""A loaded MusicGen written in either published layout; reading it back gives the same tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from partimento.codec.encodec import EncodecCodec, EncodecConfig
from partimento.errors import UnsupportedError
from partimento.models.musicgen import audiocraft_layout, hf_layout
from partimento.models.musicgen.keymap import take_apart
from partimento.models.musicgen.loader import MusicGen

_WINDOW = 16_384
_SEGMENT_S = 30
_VERSION = "1.4.0"  # of AudioCraft, whose export this is


def write_transformers(model: MusicGen, folder: Path) -> None:
    """``config.json``, ``model.safetensors`` and the tokenizer, for ``MusicgenForConditionalGeneration.from_pretrained``.

    Raises:
        UnsupportedError: a variant that this layout cannot hold.
    """
    from safetensors.torch import save_file

    config = model.lm.config
    if config.text_width is None or config.text_projected != (config.text_width != config.width):
        raise UnsupportedError("the layout of transformers projects the text exactly where its width is not the model's; this "
                               "model does otherwise, so keep its layout")  # fmt: skip
    tensors = take_apart(model.lm.state_dict(), hf_layout.lm_table(config))
    tensors |= {f"text_encoder.{name}": t for name, t in model.texts.model.state_dict().items() if name != "shared.weight"}
    tensors["text_encoder.shared.weight"] = tensors.pop("text_encoder.encoder.embed_tokens.weight")
    tensors |= {f"audio_encoder.{name}": t for name, t in codec_tensors(model.codec, "transformers").items()}
    save_file({name: t.contiguous() for name, t in tensors.items()}, str(folder / "model.safetensors"), {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_hf_config(model), indent=2) + "\n", encoding="utf-8")
    special = dict.fromkeys(("bos_token_id", "pad_token_id", "decoder_start_token_id"), config.special)
    n_frames = _SEGMENT_S * round(model.codec.frame_rate_hz)
    sampling = {"do_sample": True, "guidance_scale": 3.0, "max_length": n_frames, "top_k": 250}
    (folder / "generation_config.json").write_text(json.dumps(special | sampling, indent=2) + "\n", encoding="utf-8")
    model.texts.tokenizer.save_pretrained(folder)


def write_audiocraft(model: MusicGen, folder: Path) -> None:
    """``state_dict.bin`` and ``compression_state_dict.bin``, with the text encoder beside them in ``t5``.

    Raises:
        UnsupportedError: a variant that this layout cannot hold.
    """
    from safetensors.torch import save_file

    config = model.lm.config
    if config.text_width is None or not config.text_projected:
        raise UnsupportedError("AudioCraft's layout always projects the text; this model does not, so keep its layout")
    state = take_apart(model.lm.state_dict(), audiocraft_layout.lm_table(config))
    if config.melody_classes is not None:
        state["condition_provider.conditioners.self_wav.chroma.spec.window"] = torch.hann_window(_WINDOW)
    more = {"version": _VERSION, "exported": True}
    lm = {"best_state": _own(state), "xp.cfg": yaml.safe_dump(_lm_settings(model), sort_keys=False)}
    torch.save(lm | more, folder / "state_dict.bin")
    settings = yaml.safe_dump(_codec_settings(model.codec.config), sort_keys=False)
    codec = {"best_state": _own(codec_tensors(model.codec, "audiocraft")), "xp.cfg": settings}
    torch.save(codec | more, folder / "compression_state_dict.bin")
    (folder / "t5").mkdir()
    t5 = _own({name: t for name, t in model.texts.model.state_dict().items() if name != "encoder.embed_tokens.weight"})
    save_file(t5, str(folder / "t5" / "model.safetensors"), {"format": "pt"})
    (folder / "t5" / "config.json").write_text(model.texts.model.config.to_json_string(), encoding="utf-8")
    model.texts.tokenizer.save_pretrained(folder / "t5")


def _own(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor with its own memory: a saved view would carry the whole matrix with it."""
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def codec_tensors(codec: EncodecCodec, layout: str) -> dict[str, Tensor]:
    """A codec's tensors under published names, weight norm put back (length of a direction that is the weight itself)."""
    out: dict[str, Tensor] = {}
    for name, tensor in codec.state_dict().items():
        if name == "quantizer.entries":
            stem = "quantizer.layers.{}.codebook" if layout == "transformers" else "quantizer.vq.layers.{}._codebook"
            for q, entries in enumerate(tensor):
                key = stem.format(q)
                out |= {f"{key}.embed": entries, f"{key}.embed_avg": entries.clone()}
                out |= {f"{key}.inited": torch.ones(1), f"{key}.cluster_size": torch.ones(entries.shape[0])}
            continue
        key = name if layout == "transformers" else _audiocraft_name(codec, name)
        if name.endswith(".conv.weight") and not codec.config.seanet.group_norm:
            out[f"{key}_g"] = torch.linalg.vector_norm(tensor, dim=tuple(range(1, tensor.ndim)), keepdim=True)
            out[f"{key}_v"] = tensor
        else:
            out[key] = tensor
    return out


def _audiocraft_name(codec: EncodecCodec, name: str) -> str:
    """``decoder.layers.3.conv.weight`` to ``decoder.model.3.convtr.convtr.weight``."""
    side, _, rest = name.partition(".layers.")
    module = codec.get_submodule(name.rpartition(".")[0])
    kind = "convtr" if isinstance(module, torch.nn.ConvTranspose1d) else "conv"
    if isinstance(module, torch.nn.GroupNorm):
        owner = codec.get_submodule(name.rsplit(".", 2)[0] + ".conv")
        kind = "convtr" if isinstance(owner, torch.nn.ConvTranspose1d) else "conv"
        head, _, last = rest.rpartition(".norm.")
        return f"{side}.model.{head}.{kind}.norm.{last}"
    head, found, last = rest.rpartition(".conv.")
    return f"{side}.model.{head}.{kind}.{kind}.{last}" if found else f"{side}.model.{rest}"


def _hf_config(model: MusicGen) -> dict[str, Any]:
    """``config.json`` of transformers."""
    lm, melody = model.lm.config, model.lm.config.melody_classes is not None
    kind = "musicgen_melody" if melody else "musicgen"
    special = dict.fromkeys(("bos_token_id", "pad_token_id"), lm.special)
    decoder = {
        "model_type": f"{kind}_decoder", "vocab_size": lm.cardinality, "hidden_size": lm.width, "num_hidden_layers": lm.n_layers,
        "num_attention_heads": lm.n_heads, "ffn_dim": lm.ffn, "num_codebooks": lm.n_codebooks, "activation_function": "gelu",
        "audio_channels": model.channels, "tie_word_embeddings": False, "scale_embedding": False, **special,
    }  # fmt: skip
    text = {**model.texts.model.config.to_dict(), "model_type": "t5"}
    name = f"{'MusicgenMelody' if melody else 'Musicgen'}ForConditionalGeneration"
    more = {"num_chroma": lm.melody_classes, "chroma_length": lm.melody_frames} if melody else {}
    parts = {"decoder": decoder, "text_encoder": text, "audio_encoder": _hf_codec(model.codec.config)}
    return {"model_type": kind, "architectures": [name], **parts, **more}


def _hf_codec(config: EncodecConfig) -> dict[str, Any]:
    """The codec's part of it, or of its own ``config.json``."""
    seanet = config.seanet
    bits_per_s = -(-config.sample_rate // seanet.hop) * (config.cardinality - 1).bit_length()
    return {
        "model_type": "encodec", "sampling_rate": config.sample_rate, "audio_channels": seanet.channels,
        "hidden_size": seanet.dimension, "num_filters": seanet.n_filters, "upsampling_ratios": list(seanet.ratios),
        "num_residual_layers": seanet.n_residual_layers, "kernel_size": seanet.kernel, "last_kernel_size": seanet.last_kernel,
        "residual_kernel_size": seanet.residual_kernel, "dilation_growth_rate": seanet.dilation_base,
        "compress": seanet.compress, "num_lstm_layers": seanet.lstm_layers, "use_causal_conv": seanet.causal,
        "pad_mode": seanet.pad_mode, "trim_right_ratio": seanet.trim_right_ratio, "use_conv_shortcut": seanet.conv_shortcut,
        "norm_type": "time_group_norm" if seanet.group_norm else "weight_norm", "normalize": config.normalize,
        "chunk_length_s": config.chunk_s, "overlap": None if config.chunk_s is None else config.overlap,
        "codebook_size": config.cardinality,
        "codebook_dim": seanet.dimension, "target_bandwidths": [config.n_codebooks * bits_per_s / 1000],
    }  # fmt: skip


def _lm_settings(model: MusicGen) -> dict[str, Any]:
    """What AudioCraft's ``xp.cfg`` says of the language model."""
    lm, melody = model.lm.config, model.lm.config.melody_classes is not None
    conditioners: dict[str, Any] = {
        "description": {"model": "t5", "t5": {"name": "t5-base", "finetune": False, "word_dropout": 0.0, "normalize_text": False}}
    }
    if melody:
        chroma = {"sample_rate": model.codec.sample_rate, "n_chroma": lm.melody_classes, "radix2_exp": 14, "argmax": True,
                  "match_len_on_eval": True, "eval_wavs": None, "n_eval_wavs": 100}  # fmt: skip
        conditioners["self_wav"] = {"model": "chroma_stem", "chroma_stem": chroma}
    prefix = ["self_wav", "description"] if melody else []
    return {
        "solver": "musicgen", "sample_rate": model.codec.sample_rate, "channels": model.channels, "lm_model": "transformer_lm",
        "interleave_stereo_codebooks": {"use": model.stereo, "per_timestep": False},
        "dataset": {"segment_duration": _SEGMENT_S},
        "transformer_lm": {
            "dim": lm.width, "num_heads": lm.n_heads, "num_layers": lm.n_layers, "hidden_scale": lm.ffn // lm.width,
            "n_q": lm.n_codebooks, "card": lm.cardinality, "dropout": 0.0, "emb_lr": None, "activation": "gelu",
            "norm_first": True,
            "bias_ff": False, "bias_attn": False, "bias_proj": False, "past_context": None, "causal": True, "custom": False,
            "memory_efficient": True, "attention_as_float32": False, "positional_embedding": "sin", "cross_attention": False,
            "norm": "layer_norm", "qk_layer_norm": False, "kv_repeat": 1, "two_step_cfg": False,
        },
        "codebooks_pattern": {"modeling": "delay", "delay": {
            "delays": list(lm.delays), "flatten_first": 0, "empty_initial": 0}},
        "classifier_free_guidance": {"training_dropout": 0.3, "inference_coef": 3.0},
        "attribute_dropout": {"args": {"active_on_eval": False}, "text": {}, "wav": {}},
        "conditioners": conditioners,
        "fuser": {"cross_attention_pos_emb": False, "cross_attention_pos_emb_scale": 1, "sum": [], "prepend": prefix,
                  "cross": [] if melody else ["description"], "input_interpolate": []},
    }  # fmt: skip


def _codec_settings(config: EncodecConfig) -> dict[str, Any]:
    """What AudioCraft's ``xp.cfg`` says of the codec."""
    seanet = config.seanet
    return {
        "solver": "compression", "sample_rate": config.sample_rate, "channels": seanet.channels, "compression_model": "encodec",
        "encodec": {"autoencoder": "seanet", "quantizer": "rvq", "sample_rate": config.sample_rate, "channels": seanet.channels,
                    "causal": seanet.causal, "renormalize": config.normalize},
        "seanet": {
            "dimension": seanet.dimension, "channels": seanet.channels, "causal": seanet.causal, "n_filters": seanet.n_filters,
            "n_residual_layers": seanet.n_residual_layers, "ratios": list(seanet.ratios), "activation": "ELU",
            "activation_params": {"alpha": 1.0}, "norm": "time_group_norm" if seanet.group_norm else "weight_norm",
            "norm_params": {}, "kernel_size": seanet.kernel, "residual_kernel_size": seanet.residual_kernel,
            "last_kernel_size": seanet.last_kernel, "dilation_base": seanet.dilation_base, "pad_mode": seanet.pad_mode,
            "true_skip": not seanet.conv_shortcut, "compress": seanet.compress, "lstm": seanet.lstm_layers,
            "disable_norm_outer_blocks": 0, "decoder": {"trim_right_ratio": seanet.trim_right_ratio, "final_activation": None},
        },
        "rvq": {"n_q": config.n_codebooks, "bins": config.cardinality, "q_dropout": False},
    }  # fmt: skip
