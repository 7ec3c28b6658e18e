"""Steps per second of MusicGen on a GPU against the floor that the memory sets: weights' bytes ÷ measured copy bandwidth."""

from __future__ import annotations

import gc
import time

import torch

from partimento.embed.t5 import TextStates
from partimento.errors import UnsupportedError
from partimento.evaluate.bench import BenchRow
from partimento.lm.engine_cuda import StaticRunner
from partimento.lm.generate import Texts, generate
from partimento.lm.sampling import Sampling
from partimento.lm.transformer import LmConfig, MusicGenLm

SIZES = {
    "small": (LmConfig(), 4.0),
    "medium": (LmConfig(width=1536, n_layers=48, n_heads=24, ffn=6144), 3.0),
    "large": (LmConfig(width=2048, n_layers=48, n_heads=32, ffn=8192), 2.0),
}
"""Shapes of the published models, and how many times the floor a step may take (bfloat16, one piece, guidance 3)."""
N_FRAMES = 500
_COPIED_BYTES = 1 << 30


def copy_bandwidth(device: torch.device, n_bytes: int = _COPIED_BYTES, runs: int = 5) -> float:
    """Bytes per second that a copy on the device reads and writes, both counted; the best of ``runs``."""
    source = torch.zeros(n_bytes, dtype=torch.uint8, device=device)
    target, best = torch.empty_like(source), 0.0
    for _ in range(runs):
        _wait(device)
        start = time.perf_counter()
        target.copy_(source)
        _wait(device)
        best = max(best, 2 * n_bytes / (time.perf_counter() - start))
    return best


def step_bytes(lm: MusicGenLm) -> int:
    """Bytes of the weights that one step reads: layers and heads, without the text's keys and values (once per piece)."""
    read = [*lm.layers.named_parameters(), *lm.heads.named_parameters()]
    return sum(weight.numel() * weight.element_size() for name, weight in read if "kv_proj" not in name)


def step_s(lm: MusicGenLm, n_frames: int = N_FRAMES) -> float:
    """Seconds per step of a piece of ``n_frames``, text of ten tokens, guidance and drawing included; once to warm up."""
    states = torch.randn(1, 10, lm.config.text_width or 1, generator=torch.Generator().manual_seed(0))
    texts = Texts(TextStates(states, torch.ones(1, 10, dtype=torch.bool)))
    took = 0.0
    for _ in range(2):
        _wait(lm.offsets.device)
        start = time.perf_counter()
        for _piece in generate(lm, texts, n_frames, Sampling(), [0]):
            pass
        took = time.perf_counter() - start
    return took / (n_frames + max(lm.config.delays))


def bench_cuda() -> list[BenchRow]:
    """Measure small, medium and large.

    Raises:
        UnsupportedError: no GPU.
    """
    if not torch.cuda.is_available():
        raise UnsupportedError("bench lm --device cuda needs a CUDA GPU, and PyTorch finds none here; leave --device out")
    device = torch.device("cuda")
    bandwidth = copy_bandwidth(device)
    rows = [BenchRow(f"{torch.cuda.get_device_name()}: copy bandwidth", bandwidth / 1e9, "GB/s")]
    for name, (config, times) in SIZES.items():
        with torch.device(device):
            lm = MusicGenLm(config).to(torch.bfloat16).eval().requires_grad_(False)
        StaticRunner(lm, graphs=True)
        took, floor = step_s(lm), step_bytes(lm) / bandwidth
        rows.append(BenchRow(f"{name}: steps, floor {1 / floor:.0f} a second", 1 / took, "steps/s"))
        rows.append(BenchRow(f"{name}: a step beside its floor", took / floor, "x", f"≤ {times:g}", took <= times * floor))
        del lm
        gc.collect()
        torch.cuda.empty_cache()
    return rows


def _wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()
