"""Speed and memory of MusicGen from prompt to waveform, codec included, beside transformers in the same run.

A checkpoint with random weights (speed does not depend on them) is written once; each system loads it in a process of its
own and makes one piece with guidance 3. Frames per second ÷ 50 is the multiple of real time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partimento.errors import FileError, RequestError
from partimento.evaluate.bench import BenchRow
from partimento.evaluate.bench_lm_run import FRAME_RATE_HZ, LONG_S, PEERS, SHORT_S
from partimento.evaluate.bench_stream import write_checkpoint
from partimento.lm.engines import ENGINES, has_numba

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
LONG = "long"
GOAL_FRAMES_S = 50.0
GOAL_RATIO = 3.5
GOAL_LONG = 12.0
GOAL_MEMORY = 0.5
GOAL_FIRST_S = 2.0


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


def systems() -> list[str]:
    """What can be measured here: our engines for the CPU, transformers, and the cost of a long piece."""
    here = [name for name, engine in ENGINES.items() if engine.device in (None, "cpu")]
    here = [name for name in here if has_numba() or not name.startswith("int")]
    return [*here, *PEERS, LONG]


def bench_lm(
    runs: int = 1, seconds: float = 10.0, shape: str = "small", only: Sequence[str] = (), say: Callable[[str], None] = print
) -> list[BenchRow]:
    """Measure, each system in ``runs`` processes, one system after the other; the best of each counts.

    Args:
        runs: at least 1.
        seconds: of music, 1 to 30.
        shape: one of :data:`SHAPES`.
        only: some of :func:`systems` ("transformers" for both of its types); empty for all but the long piece.
        say: takes a line of progress.

    Raises:
        RequestError: out of range, or no such system.
    """
    if not 1 <= seconds <= 30:
        raise RequestError(f"{seconds:g} s of music is outside 1 to 30 s")
    known = systems()
    wanted = [name for name in known if (name in only or name.split()[0] in only) or (not only and name != LONG)]
    wrong = [name for name in only if not any(name in (one, one.split()[0]) for one in known)]
    if wrong:
        raise RequestError(f"nothing here is called '{wrong[0]}'; known: {', '.join(known)}")
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), _config(shape))
        for turn in range(runs):
            for name in wanted:
                say(f"{name} ({turn + 1} of {runs})")
                task = f"{LONG} {'int4' if has_numba() else 'eager'}" if name == LONG else name
                figures = _in_a_process(task, folder, seconds)
                best = found.setdefault(name, figures)
                found[name] = {key: min(value, figures[key]) for key, value in best.items()}
    long = found.pop(LONG, None)
    return [*_rows(found, round(seconds * FRAME_RATE_HZ)), *([] if long is None else _long_rows(long))]


def _in_a_process(system: str, folder: str, seconds: float) -> dict[str, float]:
    """Figures of one run."""
    command = [sys.executable, "-m", "partimento.evaluate.bench_lm_run", system, folder, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=False)
    if done.returncode:
        raise FileError(f"{system} could not be measured: {done.stderr.strip().splitlines()[-1:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _rows(found: dict[str, dict[str, float]], n_frames: int) -> list[BenchRow]:
    """The table: end to end, then its parts, then memory and first sound."""
    peers = [name for name in found if name in PEERS]
    best = max((n_frames / found[name]["total_s"] for name in peers), default=None)
    least = min((found[name]["peak_gb"] for name in peers), default=None)
    rows, fastest = [], max((n for n in found if n not in PEERS), key=lambda n: -found[n]["total_s"], default="")
    for name, figures in found.items():
        rate = n_frames / figures["total_s"]
        ratio = "" if best is None else f", {rate / best:.2f}x transformers' best"
        met = None if best is None or name != fastest else rate >= GOAL_FRAMES_S and rate >= GOAL_RATIO * best
        goal = f"≥ {GOAL_FRAMES_S:g} and ≥ {GOAL_RATIO:g}x" if name == fastest else ""
        label = f"{name}: prompt to waveform, {rate / FRAME_RATE_HZ:.2f}x real time{ratio}"
        rows.append(BenchRow(label, rate, "frames/s", goal, met))
    for name, figures in found.items():
        label = f"{name}: language model alone, {1000 * figures['lm_s'] / n_frames:.1f} ms a frame"
        rows.append(BenchRow(label, n_frames / figures["lm_s"], "frames/s"))
    for name, figures in found.items():
        rows.append(BenchRow(f"{name}: codec alone", n_frames / FRAME_RATE_HZ / figures["codec_s"], "x real time"))
    for name, figures in found.items():
        share = "" if least is None else f", {figures['peak_gb'] / least:.2f}x transformers' least"
        met = None if least is None or name in PEERS else figures["peak_gb"] <= GOAL_MEMORY * least
        goal = "" if met is None else f"≤ {GOAL_MEMORY:g}x"
        rows.append(BenchRow(f"{name}: peak memory{share}", figures["peak_gb"], "GB", goal, met))
    for name, figures in found.items():
        if name not in PEERS:
            label, first = f"{name}: first sound of a stream (loaded in {figures['load_s']:.1f} s)", figures["first_s"]
            rows.append(BenchRow(label, first, "s", f"≤ {GOAL_FIRST_S:g}", first <= GOAL_FIRST_S))
    return rows


def _long_rows(figures: dict[str, float]) -> list[BenchRow]:
    """Five minutes beside 30 s."""
    of = f"{LONG_S} s beside {SHORT_S} s, codec included"
    cost = figures[f"cpu_{LONG_S}_s"] / figures[f"cpu_{SHORT_S}_s"]
    slower = figures[f"wall_{LONG_S}_s"] / figures[f"wall_{SHORT_S}_s"]
    grown = figures[f"resident_{LONG_S}_gb"] - figures[f"resident_{SHORT_S}_gb"]
    return [
        BenchRow(f"{of}: processor time", cost, "x", f"≤ {GOAL_LONG:g}", cost <= GOAL_LONG),
        BenchRow(f"{of}: time by the clock, {LONG_S / figures[f'wall_{LONG_S}_s']:.2f}x real time", slower, "x"),
        BenchRow(f"{of}: memory more", 1024 * grown, "MB", "≤ 50", 1024 * grown <= 50),
    ]
