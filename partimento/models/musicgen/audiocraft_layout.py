"""MusicGen as AudioCraft stores it: ``state_dict.bin`` and ``compression_state_dict.bin``.

The model's shape is read from the tensors; the file's own configuration (YAML under ``xp.cfg``) only says what tensors
cannot: heads, delays, padding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from torch import Tensor

from partimento.codec.encodec import EncodecConfig
from partimento.codec.seanet import SeanetConfig
from partimento.errors import FileError, ParseError, UnsupportedError
from partimento.lm.patterns import delay_delays, stereo_delays
from partimento.lm.transformer import LmConfig
from partimento.models.musicgen.keymap import Part, Table

HEAD_WIDTH = 64
"""Of every published model."""
_CONDITIONERS = "condition_provider.conditioners."
_TEXT = f"{_CONDITIONERS}description.output_proj."
_MELODY = f"{_CONDITIONERS}self_wav.output_proj."


def unpack(package: Any, source: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and configuration of an exported file or a training checkpoint; computed buffers dropped.

    Raises:
        FileError: no tensors in it.
        ParseError: its configuration is not YAML.
    """
    state = package.get("best_state") if isinstance(package, dict) else None
    if isinstance(state, Mapping) and isinstance(state.get("model"), Mapping):
        state = state["model"]
    if not isinstance(state, Mapping) or not state or not all(isinstance(t, Tensor) for t in state.values()):
        raise FileError(f"{source} has no 'best_state' of tensors: not a file that AudioCraft exported")
    text = package.get("xp.cfg")
    try:
        config = yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError as error:
        raise ParseError(f"the configuration in {source} is not YAML: {str(error).splitlines()[0]}") from error
    tensors = {name: tensor for name, tensor in state.items() if ".chroma." not in name}
    return tensors, config if isinstance(config, dict) else {}


def _at(config: Mapping[str, Any], *path: str) -> Any:
    """A value inside nested mappings, or None."""
    value: Any = config
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _shape(tensors: Mapping[str, Tensor], key: str, source: str) -> tuple[int, int]:
    """Shape of a matrix that must be there."""
    if key not in tensors or tensors[key].ndim != 2:
        raise FileError(f"{source} has no matrix {key}: not a MusicGen language model")
    rows, columns = tensors[key].shape
    return rows, columns


def _count(names: Iterable[str], pattern: str) -> int:
    """One more than the highest number that the pattern finds, so that a tensor which is missing in between is missed."""
    return 1 + max((int(match.group(1)) for name in names if (match := re.match(pattern, name))), default=-1)


def lm_config(tensors: Mapping[str, Tensor], config: Mapping[str, Any], source: str) -> LmConfig:
    """The language model's shape.

    Raises:
        FileError: not a MusicGen.
        UnsupportedError: a codebook pattern other than delay.
    """
    rows, width = _shape(tensors, "emb.0.weight", source)
    ffn, _ = _shape(tensors, "transformer.layers.0.linear1.weight", source)
    n_codebooks = _count(tensors, r"(?:emb|linears)\.(\d+)\.weight")
    pattern = _at(config, "codebooks_pattern", "modeling")
    if pattern not in (None, "delay"):
        raise UnsupportedError(f"{source} has codebook pattern '{pattern}'; delay patterns are what is supported")
    delays = _at(config, "codebooks_pattern", "delay", "delays")
    if not isinstance(delays, list) or len(delays) != n_codebooks or not all(isinstance(d, int) for d in delays):
        delays = stereo_delays(n_codebooks) if n_codebooks == 8 else delay_delays(n_codebooks)
    heads = _at(config, "transformer_lm", "num_heads")
    return LmConfig(
        n_codebooks=n_codebooks,
        cardinality=rows - 1,
        width=width,
        n_layers=_count(tensors, r"transformer\.layers\.(\d+)\."),
        n_heads=heads if isinstance(heads, int) else width // HEAD_WIDTH,
        ffn=ffn,
        cross_attention=any(".cross_attention." in name for name in tensors),
        text_width=_shape(tensors, f"{_TEXT}weight", source)[1] if any(name.startswith(_TEXT) for name in tensors) else None,
        melody_classes=_shape(tensors, f"{_MELODY}weight", source)[1] if any(n.startswith(_MELODY) for n in tensors) else None,
        delays=tuple(delays),
    )


def lm_table(config: LmConfig) -> Table:
    """Our language model's tensors from AudioCraft's."""
    table: Table = {
        "embed.weight": tuple(Part(f"emb.{k}.weight") for k in range(config.n_codebooks)),
        "heads.weight": tuple(Part(f"linears.{k}.weight") for k in range(config.n_codebooks)),
        "out_norm.weight": (Part("out_norm.weight"),),
        "out_norm.bias": (Part("out_norm.bias"),),
    }
    for i in range(config.n_layers):
        own, theirs = f"layers.{i}.", f"transformer.layers.{i}."
        table[f"{own}self_attn.in_proj.weight"] = (Part(f"{theirs}self_attn.in_proj_weight"),)
        table[f"{own}self_attn.out_proj.weight"] = (Part(f"{theirs}self_attn.out_proj.weight"),)
        names = ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "linear1.weight", "linear2.weight"]
        if config.cross_attention:
            table[f"{own}cross_attn.q_proj.weight"] = (Part(f"{theirs}cross_attention.in_proj_weight", (0, 1, 3)),)
            table[f"{own}cross_attn.kv_proj.weight"] = (Part(f"{theirs}cross_attention.in_proj_weight", (1, 3, 3)),)
            table[f"{own}cross_attn.out_proj.weight"] = (Part(f"{theirs}cross_attention.out_proj.weight"),)
            names += ["norm_cross.weight", "norm_cross.bias"]
        table |= {f"{own}{name}": (Part(f"{theirs}{name}"),) for name in names}
    for projection, stem, there in (
        ("text_projection", _TEXT, config.text_width is not None),
        ("melody_projection", _MELODY, config.melody_classes is not None),
    ):
        if there:
            table |= {f"{projection}.{kind}": (Part(f"{stem}{kind}"),) for kind in ("weight", "bias")}
    return table


def codec_config(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> EncodecConfig:
    """The codec's shape; what the configuration leaves out is that of MusicGen's 32 kHz codec.

    Raises:
        ParseError: the configuration has a value of the wrong kind.
    """
    usual, seanet = SeanetConfig(), _at(config, "seanet") or {}
    codebooks = [tensor for name, tensor in tensors.items() if name.endswith("_codebook.embed")]

    def of(name: str, default: Any, kind: type = int) -> Any:
        value = seanet.get(name, default)
        return kind(default if value is None or (isinstance(value, str) and value.startswith("${")) else value)

    try:
        return EncodecConfig(
            sample_rate=int(_at(config, "sample_rate") or EncodecConfig().sample_rate),
            n_codebooks=_count(tensors, r"quantizer\.vq\.layers\.(\d+)\."),
            cardinality=codebooks[0].shape[0],
            normalize=bool(_at(config, "encodec", "renormalize")),
            seanet=SeanetConfig(
                channels=of("channels", _at(config, "channels") or usual.channels),
                dimension=of("dimension", usual.dimension),
                n_filters=of("n_filters", usual.n_filters),
                ratios=tuple(int(r) for r in of("ratios", usual.ratios, tuple)),
                n_residual_layers=of("n_residual_layers", usual.n_residual_layers),
                kernel=of("kernel_size", usual.kernel),
                last_kernel=of("last_kernel_size", usual.last_kernel),
                residual_kernel=of("residual_kernel_size", usual.residual_kernel),
                dilation_base=of("dilation_base", usual.dilation_base),
                compress=of("compress", usual.compress),
                lstm_layers=of("lstm", usual.lstm_layers),
                causal=of("causal", usual.causal, bool),
                pad_mode=of("pad_mode", usual.pad_mode, str),
                trim_right_ratio=float(_at(seanet, "decoder", "trim_right_ratio") or usual.trim_right_ratio),
                conv_shortcut=not of("true_skip", not usual.conv_shortcut, bool),
                group_norm=of("norm", "weight_norm", str) == "time_group_norm",
            ),
        )
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise ParseError(f"compression_state_dict.bin does not describe an EnCodec: {error}") from error
