"""Small MusicGen checkpoints with random weights, in both published layouts, tokenizer included."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

CARDINALITY = 64
WORDS = ["calm", "piano", "and", "strings", "fast", "drums", "vocals", "no", "a", "slow", "song", "intro", "jazz"]


def config(channels: int = 1, text_width: int = 24) -> Any:
    import transformers

    decoder = {
        "vocab_size": CARDINALITY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "ffn_dim": 64,
        "num_codebooks": 4 * channels, "audio_channels": channels, "pad_token_id": CARDINALITY, "bos_token_id": CARDINALITY,
    }  # fmt: skip
    text = {"model_type": "t5", "d_model": text_width, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 3, "vocab_size": 50}
    audio = {
        "model_type": "encodec", "num_filters": 4, "hidden_size": 16, "codebook_size": CARDINALITY, "sampling_rate": 32_000,
        "upsampling_ratios": [8, 5, 4, 4], "target_bandwidths": [1.2], "use_causal_conv": False, "use_conv_shortcut": False,
    }  # fmt: skip
    return transformers.MusicgenConfig(text_encoder=text, audio_encoder=audio, decoder=decoder)


def build(channels: int = 1, text_width: int = 24) -> Any:
    """A ``MusicgenForConditionalGeneration`` whose outputs are not all alike."""
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(5)
    model = transformers.MusicgenForConditionalGeneration(config(channels, text_width)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("decoder.", "enc_to_dec")):
                parameter.add_(torch.randn_like(parameter) * 0.15)
        for level in model.audio_encoder.quantizer.layers:
            level.codebook.embed.normal_()
    return model


def build_melody(chroma_length: int = 20) -> Any:
    """A ``MusicgenMelodyForConditionalGeneration`` of the same size."""
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(7)
    parts = config().to_dict()
    parts["decoder"]["model_type"] = "musicgen_melody_decoder"
    settings = transformers.MusicgenMelodyConfig(
        text_encoder=parts["text_encoder"], audio_encoder=parts["audio_encoder"], decoder=parts["decoder"],
        chroma_length=chroma_length,
    )  # fmt: skip
    model = transformers.MusicgenMelodyForConditionalGeneration(settings).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("decoder.", "enc_to_dec", "audio_enc_to")):
                parameter.add_(torch.randn_like(parameter) * 0.15)
        for level in model.audio_encoder.quantizer.layers:
            level.codebook.embed.normal_()
    return model


def tokenizer() -> Any:
    """One token per word of :data:`WORDS`, then the end mark, as T5 does."""
    import tokenizers
    import transformers

    vocabulary = {"<pad>": 0, "</s>": 1, "<unk>": 2} | {word: i + 3 for i, word in enumerate(WORDS)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    backend.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def save_transformers(folder: Path, model: Any) -> None:
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def save_audiocraft(folder: Path, model: Any, pointer: bool = False) -> None:
    """The same weights in AudioCraft's layout, written from the documented key map, not by our own tables."""
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    renamed = (
        ("decoder.model.decoder.embed_tokens.", "emb."), ("decoder.model.decoder.layers.", "transformer.layers."),
        ("decoder.model.decoder.layer_norm", "out_norm"), ("decoder.lm_heads.", "linears."),
        ("enc_to_dec_proj.", "condition_provider.conditioners.description.output_proj."), (".encoder_attn.", ".cross_attention."),
        (".fc1.", ".linear1."), (".fc2.", ".linear2."), (".self_attn_layer_norm.", ".norm1."),
        (".encoder_attn_layer_norm.", ".norm_cross."), (".final_layer_norm.", ".norm2."),
    )  # fmt: skip
    lm, codec = {}, {}
    for name, tensor in state.items():
        if name.startswith("text_encoder.") or "embed_positions" in name:
            continue
        if name.startswith("audio_encoder."):
            new = name.removeprefix("audio_encoder.").replace("parametrizations.weight.original0", "weight_g")
            new = new.replace("parametrizations.weight.original1", "weight_v").replace("coder.layers.", "coder.model.")
            upsampling = new.startswith("decoder.model") and new.split(".")[2] in ("3", "6", "9", "12")
            new = new.replace(".conv.", ".convtr.convtr." if upsampling else ".conv.conv.")
            new = new.replace("quantizer.layers.", "quantizer.vq.layers.").replace(".codebook.", "._codebook.")
            codec[new] = tensor.clone()
            continue
        new = name
        for old, replacement in renamed:
            new = new.replace(old, replacement)
        if not any(f".{x}_proj." in new for x in "qkv"):
            lm[new] = tensor.clone()
        elif ".q_proj." in new:
            stem = name.rsplit(".q_proj", 1)[0]
            lm[new.replace("q_proj.weight", "in_proj_weight")] = torch.cat([state[f"{stem}.{x}_proj.weight"] for x in "qkv"])
    settings = model.config
    audio = settings.audio_encoder
    lm_cfg = {
        "transformer_lm": {"num_heads": settings.decoder.num_attention_heads},
        "codebooks_pattern": {"modeling": "delay", "delay": {"delays": [0, 1, 2, 3]}},
    }
    codec_cfg = {
        "sample_rate": audio.sampling_rate, "channels": 1, "encodec": {"renormalize": False},
        "seanet": {
            "dimension": audio.hidden_size, "n_filters": audio.num_filters, "ratios": list(audio.upsampling_ratios),
            "causal": False, "true_skip": True, "pad_mode": "reflect", "lstm": 2, "channels": "${channels}",
        },
    }  # fmt: skip
    more = {"version": "1.4.0", "exported": True}
    torch.save({"best_state": lm, "xp.cfg": yaml.safe_dump(lm_cfg)} | more, folder / "state_dict.bin")
    if pointer:
        torch.save({"pretrained": "facebook/encodec_32khz"} | more, folder / "compression_state_dict.bin")
        model.audio_encoder.save_pretrained(folder / "encodec_32khz")
    else:
        torch.save({"best_state": codec, "xp.cfg": yaml.safe_dump(codec_cfg)} | more, folder / "compression_state_dict.bin")
    model.text_encoder.save_pretrained(folder / "t5")
    tokenizer().save_pretrained(folder / "t5")


def checkpoint(build: Callable[..., Any], save: Callable[[Path, Any], None] = save_transformers, **options: Any) -> Any:
    """A fixture: the folder of a model that ``build`` makes, once per module; ``mono = checkpoint(build)``.

    Args:
        build: :func:`build` or :func:`build_melody`.
        save: :func:`save_transformers` or :func:`save_audiocraft`.
        options: of ``build``.
    """

    @pytest.fixture(scope="module")
    def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
        made = tmp_path_factory.mktemp("checkpoint")
        save(made, build(**options))
        return made

    return folder
