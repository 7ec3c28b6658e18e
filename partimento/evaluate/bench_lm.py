"""Speed of MusicGen from prompt to waveform, codec included, beside transformers in the same run.

Random weights (speed does not depend on them), guidance 3, one piece. A row per engine, with its ratio to the best of
transformers; frames per second ÷ 50 is the multiple of real time.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from partimento.codec.encodec import EncodecCodec
from partimento.codec.encodec_layout import config_from_transformers
from partimento.embed.t5 import TextStates
from partimento.errors import RequestError
from partimento.evaluate.bench import BenchRow
from partimento.lm.engines import ENGINES, get_engine
from partimento.lm.generate import Texts, generate
from partimento.lm.sampling import Sampling
from partimento.lm.transformer import MusicGenLm
from partimento.models.musicgen.hf_layout import lm_config
from partimento.models.musicgen.loader import MusicGen

FRAME_RATE_HZ = 50
PROMPT_IDS = (3, 100, 19, 8, 57, 640, 7, 4200, 95, 1)
"""Any ten tokens: as many as a short prompt has."""
SHAPES: dict[str, dict[str, Any]] = {
    "small": {
        "decoder": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096},
        "text": {"d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "vocab_size": 32128},
        "filters": 64,
    },
    "tiny": {
        "decoder": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 128},
        "text": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 2, "vocab_size": 5000},
        "filters": 4,
    },
}


@dataclass(frozen=True, slots=True)
class _Timed:
    """Seconds of one run: in all, and until the first sound."""

    total_s: float
    first_s: float


def _config(shape: str) -> Any:
    """transformers' configuration of that shape, with MusicGen's codec."""
    from transformers import MusicgenConfig

    part = SHAPES[shape]
    audio = {
        "model_type": "encodec", "sampling_rate": 32_000, "num_filters": part["filters"], "upsampling_ratios": [8, 5, 4, 4],
        "codebook_size": 2048, "target_bandwidths": [2.2], "use_causal_conv": False, "use_conv_shortcut": False,
    }  # fmt: skip
    decoder = {"num_codebooks": 4, "vocab_size": 2048, "dropout": 0.0, **part["decoder"]}
    return MusicgenConfig(text_encoder={"model_type": "t5", **part["text"]}, audio_encoder=audio, decoder=decoder)


def _transformers(shape: str, n_frames: int, dtype: torch.dtype) -> Callable[[], _Timed]:
    """A run of transformers' own ``generate``."""
    from transformers import MusicgenForConditionalGeneration

    model: Any = MusicgenForConditionalGeneration(_config(shape))
    model.eval().to(dtype)
    ids = torch.tensor([PROMPT_IDS])
    special = dict.fromkeys(("pad_token_id", "bos_token_id", "decoder_start_token_id"), 2048)

    def _run() -> _Timed:
        start = time.perf_counter()
        with torch.inference_mode():
            model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, top_k=250, guidance_scale=3.0,
                max_new_tokens=n_frames + 3, **special,
            )  # fmt: skip
        took = time.perf_counter() - start
        return _Timed(took, took)

    return _run


def _ours(shape: str, n_frames: int, engine: str) -> Callable[[], _Timed]:
    """A run of ours by an engine, streamed; the codec in float32."""
    from pathlib import Path

    from transformers import T5EncoderModel

    config = _config(shape)
    lm = get_engine(engine).prepare(MusicGenLm(lm_config(config.to_dict())).eval().requires_grad_(False))
    codec = EncodecCodec(config_from_transformers(config.audio_encoder.to_dict())).eval().requires_grad_(False)
    text_encoder: Any = T5EncoderModel(config.text_encoder)
    text_encoder.eval()
    ids = torch.tensor([PROMPT_IDS])

    def _run() -> _Timed:
        start = time.perf_counter()
        with torch.inference_mode():
            states = text_encoder(input_ids=ids).last_hidden_state
        model = MusicGen(lm, codec, text_encoder, False, "transformers", Path())
        codes = generate(lm, Texts(TextStates(states, torch.ones_like(ids).bool())), n_frames, Sampling(), [0])
        first = 0.0
        for piece in model.decode_stream(codes):
            first = first or (time.perf_counter() - start if piece.shape[-1] else 0.0)
        return _Timed(time.perf_counter() - start, first)

    return _run


def bench_lm(runs: int = 1, seconds: float = 10.0, shape: str = "small") -> list[BenchRow]:
    """Measure, each engine ``runs`` times; the best counts.

    Args:
        runs: at least 1.
        seconds: of music, 1 to 30.
        shape: one of :data:`SHAPES`.

    Raises:
        RequestError: out of range.
    """
    if not 1 <= seconds <= 30:
        raise RequestError(f"{seconds:g} s of music is outside 1 to 30 s")
    n_frames = round(seconds * FRAME_RATE_HZ)
    engines: dict[str, Callable[..., Callable[[], _Timed]]] = {
        **{f"ours {name}": partial(_ours, shape, engine=name) for name in ENGINES},
        "transformers float32": partial(_transformers, shape, dtype=torch.float32),
        "transformers bfloat16": partial(_transformers, shape, dtype=torch.bfloat16),
    }
    rates, firsts, peaks = {}, {}, {}
    for name, build in engines.items():
        run = build(n_frames=n_frames)
        timed = [run() for _ in range(runs)]
        rates[name] = n_frames / min(t.total_s for t in timed)
        firsts[name] = min(t.first_s for t in timed)
        peaks[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        del run
        gc.collect()
    best = max(rate for name, rate in rates.items() if name.startswith("transformers"))
    rows = [
        BenchRow(f"{name}: {rate / FRAME_RATE_HZ:.2f}x real time, {rate / best:.2f}x transformers' best", rate, "frames/s")
        for name, rate in rates.items()
    ]
    rows.append(BenchRow("ours eager: first sound of a stream", firsts["ours eager"], "s", "≤ 2",
                         firsts["ours eager"] <= 2.0))  # fmt: skip
    # The peak of a process only rises, so it says something about the first engine only.
    rows.append(BenchRow("ours eager: peak memory", peaks["ours eager"], "GB"))
    return rows
