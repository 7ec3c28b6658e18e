"""EnCodec's weights as published: the layout of transformers and that of AudioCraft, to ours.

Both store weight-normalised convolutions as a direction and a length (Salimans & Kingma 2016); they are folded here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from partimento.codec.encodec import EncodecConfig
from partimento.codec.seanet import SeanetConfig
from partimento.errors import ParseError

_LENGTH = re.compile(r"(weight_g|parametrizations\.weight\.original0)$")
_NOT_USED = ("inited", "cluster_size", "embed_avg")


def fold_weight_norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``weight_g``/``weight_v`` (or ``original0``/``original1``) to ``weight = g * v / ||v||``, norms over all axes but 0."""
    out = dict(tensors)
    for name in tensors:
        match = _LENGTH.search(name)
        if match is None:
            continue
        stem = name[: match.start()]
        direction = stem + ("weight_v" if match.group(1) == "weight_g" else "parametrizations.weight.original1")
        if direction not in out:
            continue  # reported as missing by the check against the model
        g, v = out.pop(name).float(), out.pop(direction).float()
        out[stem + "weight"] = v * (g / torch.linalg.vector_norm(v, dim=tuple(range(1, v.ndim)), keepdim=True))
    return out


def _stack_codebooks(tensors: dict[str, Tensor], pattern: str) -> dict[str, Tensor]:
    """Codebooks ``pattern`` (one group: the level) put together as ``quantizer.entries``; training state dropped."""
    found: dict[int, Tensor] = {}
    out: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(pattern + r"\.(\w+)", name)
        if match is None:
            out[name] = tensor
        elif match.group(2) == "embed":
            found[int(match.group(1))] = tensor
        elif match.group(2) not in _NOT_USED:
            out[name] = tensor
    if found and sorted(found) == list(range(len(found))):
        out["quantizer.entries"] = torch.stack([found[i] for i in range(len(found))])
    return out


def weights_from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of :class:`~partimento.codec.encodec.EncodecCodec` from ``EncodecModel``'s keys."""
    return _stack_codebooks(fold_weight_norm(tensors), r"quantizer\.layers\.(\d+)\.codebook")


def weights_from_audiocraft(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same from AudioCraft's keys (``encoder.model.3.conv.conv.weight_g``, ``decoder.model.3.convtr.convtr.…``)."""
    renamed = {}
    for name, tensor in tensors.items():
        new = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
        new = new.replace(".convtr.convtr.", ".conv.").replace(".conv.conv.", ".conv.")
        renamed[re.sub(r"\.(?:conv|convtr)\.norm\.", ".norm.", new)] = tensor
    return _stack_codebooks(fold_weight_norm(renamed), r"quantizer\.vq\.layers\.(\d+)\._codebook")


def config_from_transformers(data: Mapping[str, Any]) -> EncodecConfig:
    """Our configuration from ``config.json`` of ``EncodecModel`` (left-out values are its defaults: the 24 kHz model).

    Raises:
        ParseError: a value that this architecture does not have.
    """
    norm = data.get("norm_type", "weight_norm")
    if norm not in ("weight_norm", "time_group_norm"):
        raise ParseError(f"codec norm_type '{norm}' is unknown; known: weight_norm, time_group_norm")
    try:
        hidden = int(data.get("hidden_size", 128))
        ratios = tuple(int(r) for r in data.get("upsampling_ratios", (8, 5, 4, 2)))
        seanet = SeanetConfig(
            channels=int(data.get("audio_channels", 1)),
            dimension=hidden,
            n_filters=int(data.get("num_filters", 32)),
            ratios=ratios,
            n_residual_layers=int(data.get("num_residual_layers", 1)),
            kernel=int(data.get("kernel_size", 7)),
            last_kernel=int(data.get("last_kernel_size", 7)),
            residual_kernel=int(data.get("residual_kernel_size", 3)),
            dilation_base=int(data.get("dilation_growth_rate", 2)),
            compress=int(data.get("compress", 2)),
            lstm_layers=int(data.get("num_lstm_layers", 2)),
            causal=bool(data.get("use_causal_conv", True)),
            pad_mode=str(data.get("pad_mode", "reflect")),
            trim_right_ratio=float(data.get("trim_right_ratio", 1.0)),
            conv_shortcut=bool(data.get("use_conv_shortcut", True)),
            group_norm=norm == "time_group_norm",
        )
        rate, cardinality = int(data.get("sampling_rate", 24_000)), int(data.get("codebook_size", 1024))
        widest_kbps = float(data.get("target_bandwidths", (24.0,))[-1])
        # As transformers counts them: kilobits per second over whole frames per second and bits per code.
        bits_per_s = -(-rate // seanet.hop) * (cardinality - 1).bit_length()
        return EncodecConfig(
            sample_rate=rate,
            n_codebooks=int(1000 * widest_kbps // bits_per_s),
            cardinality=cardinality,
            normalize=bool(data.get("normalize", False)),
            chunk_s=None if data.get("chunk_length_s") is None else float(data["chunk_length_s"]),
            overlap=EncodecConfig().overlap if data.get("overlap") is None else float(data["overlap"]),
            seanet=seanet,
        )
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise ParseError(f"the codec's config.json does not describe an EnCodec: {error}") from error
