"""Throughput of the tables: a thousand ten-second clips through FAD with the embedder that needs no download."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from partimento.audio import Waveform, write_audio
from partimento.evaluate.bench import BenchRow

N_CLIPS = 1_000
CLIP_S = 10.0
RATE = 32_000
_FEW = 100
_MEMORY_GOAL = 1.15
_RUN = """
import resource, sys
from pathlib import Path
from partimento.evaluate.systems.text_to_music import Options, evaluate_text_to_music
root = Path(sys.argv[1])
evaluate_text_to_music(Options((root / sys.argv[2],), root / "reference", equal_n=False, cache=root / sys.argv[3]), "bench")
own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(own / 1024, children / 1024)
"""


def bench_metrics(n_clips: int = N_CLIPS) -> list[BenchRow]:
    """Time and memory of ``evaluate text-to-music`` on ``n_clips`` clips of noise bursts, and memory on a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _clips(root / "reference", _FEW, 1)
        _clips(root / "few", max(2, n_clips // 10), 2)
        _clips(root / "many", n_clips, 3)
        _, few_mb = _run(root, "few", "cache_few")
        seconds, many_mb = _run(root, "many", "cache_many")
    goal_s = 120.0
    return [
        BenchRow(f"{n_clips} ten-second clips, FAD and KAD with intervals", seconds, "s", f"<= {goal_s:g}", seconds <= goal_s),
        BenchRow("the same per clip", 1000.0 * seconds / n_clips, "ms", "", None),
        BenchRow(
            f"memory, ten times the clips ({many_mb:.0f} MB against {few_mb:.0f})",
            many_mb / few_mb,
            "x",
            f"<= {_MEMORY_GOAL:g}",
            many_mb <= _MEMORY_GOAL * few_mb,
        ),
    ]


def _clips(folder: Path, n: int, seed: int) -> None:
    """Bursts of noise and tones; content does not matter for speed."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    t = np.arange(round(CLIP_S * RATE)) / RATE
    noise = rng.normal(size=len(t)).astype(np.float32)
    for index in range(n):
        tone = np.sin(2 * np.pi * float(rng.uniform(80, 2_000)) * t, dtype=np.float64)
        envelope = np.exp(-4.0 * (t * float(rng.uniform(1, 4)) % 1.0))
        sound = (0.3 * envelope * (tone + 0.2 * np.roll(noise, int(rng.integers(len(t)))))).astype(np.float32)
        write_audio(folder / f"{index:05d}.wav", Waveform(sound[None], RATE))


def _run(root: Path, name: str, cache: str) -> tuple[float, float]:
    """Seconds and MB of a fresh process (its own and its largest child's)."""
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", _RUN, str(root), name, cache], check=True, capture_output=True, text=True)
    own, children = map(float, out.stdout.split())
    return time.perf_counter() - start, max(own, children)
