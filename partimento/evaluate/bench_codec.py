"""Speed of decoding EnCodec's tokens to sound, beside transformers in the same run.

MusicGen's 32 kHz codec with random weights (speed does not depend on them), the same for all. Runs take turns, so that a
machine that is busy for a while slows all of them down; the best of each counts. "Fast" is the codec of all engines but
eager (:mod:`partimento.codec.quick`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from partimento.codec.encodec import EncodecCodec
from partimento.codec.encodec_layout import config_from_transformers, weights_from_transformers
from partimento.codec.interface import Encoded
from partimento.errors import RequestError
from partimento.evaluate.bench import BenchRow, best_of

GOAL_X = 12.0
GOAL_DB = 45.0
"""Signal to noise of the fast codec against float32."""
TOLERANCE = 1e-4
"""Largest difference of any sample from transformers'."""
BLOCK_FRAMES = 50
PEER, PEER_BF16 = "transformers", "transformers in bfloat16"
MUSICGEN: Mapping[str, Any] = {
    "sampling_rate": 32_000, "num_filters": 64, "upsampling_ratios": [8, 5, 4, 4], "codebook_size": 2048,
    "target_bandwidths": [2.2], "use_causal_conv": False, "use_conv_shortcut": False,
}  # fmt: skip
SMALL: Mapping[str, Any] = {**MUSICGEN, "num_filters": 4, "hidden_size": 16, "codebook_size": 64, "target_bandwidths": [1.2]}
_LOUDNESS = 0.2  # RMS of the sound, about


def bench_codec(runs: int = 3, seconds: float = 10.0, shape: Mapping[str, Any] = MUSICGEN) -> list[BenchRow]:
    """Measure.

    Args:
        runs: at least 1.
        seconds: of music, 1 to 60.
        shape: arguments of transformers' ``EncodecConfig``.

    Raises:
        RequestError: out of range.
    """
    if not 1 <= seconds <= 60:
        raise RequestError(f"{seconds:g} s of music is outside 1 to 60 s")
    theirs, ours = codec_pair(shape)
    low, fast = copy.deepcopy(theirs).to(torch.bfloat16), copy.deepcopy(ours)
    fast.quicken()
    n_frames = round(seconds * ours.frame_rate_hz)
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, ours.cardinality, (1, ours.n_codebooks, n_frames), generator=generator)

    def _peer(model: Any) -> Tensor:
        with torch.inference_mode():
            sound: Tensor = model.decode(codes[None], [None]).audio_values
        return sound.float()

    ways: dict[str, Callable[[], Tensor]] = {
        PEER: lambda: _peer(theirs),
        PEER_BF16: lambda: _peer(low),
        "ours, float32 (eager)": lambda: ours.decode(Encoded(codes)),
        "ours, fast": lambda: fast.decode(Encoded(codes)),
        "ours, fast, in blocks of a second": lambda: torch.cat(list(fast.decode_chunks(Encoded(codes), BLOCK_FRAMES)), dim=-1),
        "ours, fast, both sides of stereo": lambda: fast.decode(Encoded(codes.repeat(2, 1, 1))),
    }
    best = dict.fromkeys(ways, float("inf"))
    sounds = {name: work()[:1] for name, work in ways.items()}
    for _ in range(runs):
        for name, work in ways.items():
            best[name] = min(best[name], best_of(1, work))
    return [*_speeds(best, seconds), *_errors(sounds)]


def _speeds(best: Mapping[str, float], seconds: float) -> list[BenchRow]:
    """A row for each way."""
    rows, peer = [], min(best[PEER], best[PEER_BF16])
    for name, took in best.items():
        x, wanted = seconds / took, "fast" in name and "stereo" not in name
        label = f"{name}: {peer / took:.2f}x transformers' faster type" if name.startswith("ours") else name
        rows.append(BenchRow(label, x, "x real time", f">= {GOAL_X:g}" if wanted else "", x >= GOAL_X if wanted else None))
    return rows


def _errors(sounds: Mapping[str, Tensor]) -> list[BenchRow]:
    """How far each is from float32."""
    reference = sounds[PEER]
    exact = max(float((sound - reference).abs().max()) for name, sound in sounds.items() if "float32" in name)
    rows = [
        BenchRow("ours, float32: largest difference from transformers", exact * 1e6, "millionths", "<= 100", exact <= TOLERANCE)
    ]
    fast = min(snr_db(sound, reference) for name, sound in sounds.items() if "fast" in name)
    rows.append(BenchRow("ours, fast: signal to noise against float32", fast, "dB", f">= {GOAL_DB:g}", fast >= GOAL_DB))
    return [*rows, BenchRow(f"{PEER_BF16}: the same", snr_db(sounds[PEER_BF16], reference), "dB")]


def snr_db(sound: Tensor, reference: Tensor) -> float:
    """Power of what varies in the reference ÷ power of the difference, in dB; a constant is not heard and counts for nothing."""
    signal = (reference - reference.mean()).pow(2).mean()
    return float(10 * torch.log10(signal / (sound - reference).pow(2).mean().clamp_min(1e-20)))


def codec_pair(shape: Mapping[str, Any]) -> tuple[Any, EncodecCodec]:
    """transformers' codec and ours, of the same weights: random ones that what the codes say passes (:func:`enliven`)."""
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    config = EncodecConfig(**shape)
    theirs: Any = EncodecModel(config)
    theirs.eval().requires_grad_(False)
    for level in theirs.quantizer.layers:
        level.codebook.embed.normal_(std=0.5)
    enliven(theirs.decoder)
    ours = EncodecCodec(config_from_transformers(config.to_dict())).eval().requires_grad_(False)
    ours.load_state_dict(weights_from_transformers(theirs.state_dict()))
    return theirs, ours


@torch.no_grad()
def enliven(decoder: nn.Module) -> None:
    """Random weights with which each layer passes on about as much as it gets.

    With those that a new module has, biases drown the codes: errors before the last layers could hardly be heard.
    """
    generator = torch.Generator().manual_seed(5)
    convs: list[Any] = [module for module in decoder.modules() if isinstance(module, nn.Conv1d | nn.ConvTranspose1d)]
    for conv in convs:
        transposed = isinstance(conv, nn.ConvTranspose1d)
        heard = conv.in_channels * conv.kernel_size[0] / (conv.stride[0] if transposed else 1)
        gain = _LOUDNESS if conv is convs[-1] else 1.0
        weight = torch.randn(conv.weight.shape, generator=generator) * gain * (1.2 / heard) ** 0.5
        if is_parametrized(conv):
            conv.weight = weight
        else:
            conv.weight.copy_(weight)
        conv.bias.copy_(0.1 * gain * torch.randn(conv.bias.shape, generator=generator))
    lstms = [module for module in decoder.modules() if isinstance(module, nn.LSTM)]
    for weight in (weight for lstm in lstms for weight in lstm.parameters()):
        std = 0.1 if weight.ndim == 1 else 2 * weight.shape[1] ** -0.5
        weight.copy_(torch.randn(weight.shape, generator=generator) * std)
