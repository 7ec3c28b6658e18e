"""Speed of decoding EnCodec's tokens to sound, beside transformers in the same run.

MusicGen's 32 kHz codec with random weights (speed does not depend on them), the same for both. Runs take turns, so that a
machine that is busy for a while slows all of them down; the best of each counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from partimento.codec.encodec import EncodecCodec
from partimento.codec.encodec_layout import config_from_transformers, weights_from_transformers
from partimento.codec.interface import Encoded
from partimento.errors import RequestError
from partimento.evaluate.bench import BenchRow, best_of

GOAL_X = 12.0
TOLERANCE = 1e-4
"""Largest difference of any sample from transformers'."""
BLOCK_FRAMES = 50
MUSICGEN: Mapping[str, Any] = {
    "sampling_rate": 32_000, "num_filters": 64, "upsampling_ratios": [8, 5, 4, 4], "codebook_size": 2048,
    "target_bandwidths": [2.2], "use_causal_conv": False, "use_conv_shortcut": False,
}  # fmt: skip
SMALL: Mapping[str, Any] = {**MUSICGEN, "num_filters": 4, "hidden_size": 16, "codebook_size": 64, "target_bandwidths": [1.2]}


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
    theirs, ours = _pair(shape)
    n_frames = round(seconds * ours.frame_rate_hz)
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, ours.cardinality, (1, ours.n_codebooks, n_frames), generator=generator)

    def _peer() -> torch.Tensor:
        with torch.inference_mode():
            sound: torch.Tensor = theirs.decode(codes[None], [None]).audio_values
        return sound

    def _stream() -> torch.Tensor:
        return torch.cat(list(ours.decode_chunks(Encoded(codes), BLOCK_FRAMES)), dim=-1)

    def _both_sides() -> torch.Tensor:
        return ours.decode(Encoded(codes.repeat(2, 1, 1)))

    ways: dict[str, Callable[[], torch.Tensor]] = {
        "transformers": _peer,
        "ours": lambda: ours.decode(Encoded(codes)),
        "ours, streamed in blocks of a second": _stream,
        "ours, both sides of stereo": _both_sides,
    }
    error = max(float((work()[:1] - _peer()).abs().max()) for work in ways.values())
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(runs):
        for name, work in ways.items():
            best[name] = min(best[name], best_of(1, work))
    goal = f">= {GOAL_X:g}"
    rows = []
    for name, took in best.items():
        x, wanted = seconds / took, name.startswith("ours") and "stereo" not in name
        label = f"{name}: {best['transformers'] / took:.2f}x transformers" if name.startswith("ours") else name
        rows.append(BenchRow(label, x, "x real time", goal if wanted else "", x >= GOAL_X if wanted else None))
    rows.append(BenchRow("largest difference from transformers", error * 1e6, "millionths", "<= 100", error <= TOLERANCE))
    return rows


def _pair(shape: Mapping[str, Any]) -> tuple[Any, EncodecCodec]:
    """transformers' codec and ours, of the same weights."""
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    config = EncodecConfig(**shape)
    theirs: Any = EncodecModel(config)
    theirs.eval()
    with torch.no_grad():
        for level in theirs.quantizer.layers:
            level.codebook.embed.normal_()
    ours = EncodecCodec(config_from_transformers(config.to_dict())).eval().requires_grad_(False)
    ours.load_state_dict(weights_from_transformers(theirs.state_dict()))
    return theirs, ours
