"""MusicGen as transformers stores it: configuration and key table (``MusicgenForConditionalGeneration``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partimento.errors import ParseError, UnsupportedError
from partimento.lm.patterns import delay_delays, stereo_delays
from partimento.lm.transformer import LmConfig
from partimento.models.musicgen.keymap import Part, Table

_NORMS = {"norm1": "self_attn_layer_norm", "norm_cross": "encoder_attn_layer_norm", "norm2": "final_layer_norm"}


def lm_config(data: Mapping[str, Any]) -> LmConfig:
    """The language model's shape from ``config.json``.

    Raises:
        ParseError: not a MusicGen configuration.
        UnsupportedError: one with parts that no published model has.
    """
    kind = data.get("model_type")
    if kind not in ("musicgen", "musicgen_melody"):
        raise ParseError(f"config.json is of model_type '{kind}'; known: musicgen, musicgen_melody")
    try:
        decoder, text = data["decoder"], data["text_encoder"]
        if decoder.get("activation_function", "gelu") != "gelu" or decoder.get("scale_embedding", False):
            raise UnsupportedError(
                "config.json asks for another activation than gelu, or scaled embeddings; no published model does"
            )
        n_codebooks, width = int(decoder.get("num_codebooks", 4)), int(decoder.get("hidden_size", 1024))
        stereo = int(decoder.get("audio_channels", 1)) == 2
        melody = kind == "musicgen_melody"
        text_width = int(text.get("d_model", 512))
        return LmConfig(
            n_codebooks=n_codebooks,
            cardinality=int(decoder.get("vocab_size", 2048)),
            width=width,
            n_layers=int(decoder.get("num_hidden_layers", 24)),
            n_heads=int(decoder.get("num_attention_heads", 16)),
            ffn=int(decoder.get("ffn_dim", 4096)),
            cross_attention=not melody,
            text_width=text_width,
            text_projected=text_width != width,
            melody_classes=int(data.get("num_chroma", 12)) if melody else None,
            melody_frames=int(data.get("chroma_length", 235)),
            delays=stereo_delays(n_codebooks) if stereo else delay_delays(n_codebooks),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ParseError(f"config.json does not describe a MusicGen: {error}") from error


def lm_table(config: LmConfig) -> Table:
    """Our language model's tensors from those of ``decoder.*`` and the projections."""
    root = "decoder.model.decoder."
    table: Table = {
        "embed.weight": tuple(Part(f"{root}embed_tokens.{k}.weight") for k in range(config.n_codebooks)),
        "heads.weight": tuple(Part(f"decoder.lm_heads.{k}.weight") for k in range(config.n_codebooks)),
        "out_norm.weight": (Part(f"{root}layer_norm.weight"),),
        "out_norm.bias": (Part(f"{root}layer_norm.bias"),),
    }
    for i in range(config.n_layers):
        own, theirs = f"layers.{i}.", f"{root}layers.{i}."
        table[f"{own}self_attn.in_proj.weight"] = tuple(Part(f"{theirs}self_attn.{x}_proj.weight") for x in "qkv")
        table[f"{own}self_attn.out_proj.weight"] = (Part(f"{theirs}self_attn.out_proj.weight"),)
        table[f"{own}linear1.weight"] = (Part(f"{theirs}fc1.weight"),)
        table[f"{own}linear2.weight"] = (Part(f"{theirs}fc2.weight"),)
        if config.cross_attention:
            table[f"{own}cross_attn.q_proj.weight"] = (Part(f"{theirs}encoder_attn.q_proj.weight"),)
            table[f"{own}cross_attn.kv_proj.weight"] = tuple(Part(f"{theirs}encoder_attn.{x}_proj.weight") for x in "kv")
            table[f"{own}cross_attn.out_proj.weight"] = (Part(f"{theirs}encoder_attn.out_proj.weight"),)
        for ours, name in _NORMS.items():
            if ours != "norm_cross" or config.cross_attention:
                table[f"{own}{ours}.weight"] = (Part(f"{theirs}{name}.weight"),)
                table[f"{own}{ours}.bias"] = (Part(f"{theirs}{name}.bias"),)
    for projection, name, there in (
        ("text_projection", "enc_to_dec_proj", config.text_width is not None and config.text_projected),
        ("melody_projection", "audio_enc_to_dec_proj", config.melody_classes is not None),
    ):
        if there:
            table[f"{projection}.weight"] = (Part(f"{name}.weight"),)
            table[f"{projection}.bias"] = (Part(f"{name}.bias"),)
    return table
