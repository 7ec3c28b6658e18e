"""Memory at its peak and time to the first sound of a whole model, each in a process of its own, beside transformers.

A checkpoint with random weights is written once; every way of running it then loads it and makes a few seconds, as the
command line would. ``python -m partimento.evaluate.bench_stream FOLDER ENGINE SECONDS`` is what these processes run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partimento.errors import FileError, RequestError
from partimento.evaluate.bench import BenchRow

PEER = "transformers"
FIRST_SOUND_S = 2.0
MEMORY_SHARE = 0.5
WORDS = "calm piano and strings"
_WORDS = (*WORDS.split(), "slow", "fast")


def write_checkpoint(folder: Path, config: Any) -> None:
    """A checkpoint of random weights in the layout of transformers, with a tokenizer that knows a few words."""
    import tokenizers
    import torch
    import transformers

    torch.manual_seed(0)
    model: Any = transformers.MusicgenForConditionalGeneration(config)
    for level in model.audio_encoder.quantizer.layers:
        level.codebook.embed.normal_()
    model.save_pretrained(folder)
    vocabulary = {name: i for i, name in enumerate(("<pad>", "</s>", "<unk>", *_WORDS))}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    backend.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    make: Any = transformers.PreTrainedTokenizerFast
    make(tokenizer_object=backend, **marks).save_pretrained(folder)


def bench_stream(engines: Sequence[str], shape: str = "small", seconds: float = 2.0, runs: int = 1) -> list[BenchRow]:
    """Measure each engine, then transformers in float32.

    Args:
        engines: names as of ``--engine``.
        shape: one of :data:`partimento.evaluate.bench_lm.SHAPES`.
        seconds: of music, 2 to 30.
        runs: processes per engine; the shortest times and the lowest peak count.

    Raises:
        RequestError: out of range.
    """
    if not 2 <= seconds <= 30:
        raise RequestError(f"{seconds:g} s of music is outside 2 to 30 s")
    from partimento.evaluate.bench_lm import _config

    with tempfile.TemporaryDirectory() as name:
        write_checkpoint(Path(name), _config(shape))
        found = {engine: [_in_a_process(name, engine, seconds) for _ in range(runs)] for engine in (*engines, PEER)}
    best = {engine: {key: min(run[key] for run in made) for key in made[0]} for engine, made in found.items()}
    rows = []
    for engine in engines:
        warm, cold = best[engine]["first_s"], best[engine]["first_s"] + best[engine]["load_s"]
        goal = f"<= {FIRST_SOUND_S:g}"
        rows.append(BenchRow(f"{engine}: first sound, model loaded", warm, "s", goal, warm <= FIRST_SOUND_S))
        rows.append(BenchRow(f"{engine}: first sound, loading included", cold, "s"))
    for engine in engines:
        share = best[engine]["peak_gb"] / best[PEER]["peak_gb"]
        label = f"{engine}: peak memory, {best[engine]['peak_gb']:.2f} GB of {best[PEER]['peak_gb']:.2f} GB"
        rows.append(BenchRow(label, share, "x transformers", f"<= {MEMORY_SHARE:g}", share <= MEMORY_SHARE))
    return rows


def _in_a_process(folder: str, engine: str, seconds: float) -> dict[str, float]:
    """Figures of one run: ``load_s``, ``first_s`` and ``peak_gb``."""
    command = [sys.executable, "-m", "partimento.evaluate.bench_stream", folder, engine, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=False)
    if done.returncode:
        raise FileError(f"{engine} could not be measured: {done.stderr.strip().splitlines()[-1:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _ours(folder: str, engine: str, seconds: float) -> tuple[float, float]:
    """Seconds to load, and from the call of a loaded model to the first sound; makes the whole piece."""
    from partimento.models.musicgen_performer import MusicGenPerformer
    from partimento.pipeline import item_rng, make_plan
    from partimento.plan.request import GenerateRequest

    request = GenerateRequest(WORDS, duration_s=seconds, model=folder, engine=engine)
    performer = MusicGenPerformer(folder)
    start = time.perf_counter()
    performer._load(engine)
    loaded = time.perf_counter()
    pieces = performer.stream(make_plan(request), request, item_rng(request))
    next(pieces)
    first = time.perf_counter()
    for _ in pieces:
        pass
    return loaded - start, first - loaded


def _theirs(folder: str, seconds: float) -> tuple[float, float]:
    """The same of transformers, whose first sound is its last."""
    import torch
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    start = time.perf_counter()
    model: Any = MusicgenForConditionalGeneration.from_pretrained(folder, local_files_only=True)
    model.eval()
    loaded = time.perf_counter()
    tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)(WORDS, return_tensors="pt")
    special = dict.fromkeys(("pad_token_id", "bos_token_id", "decoder_start_token_id"), model.config.decoder.vocab_size)
    n = round(seconds * model.config.audio_encoder.frame_rate) + 3
    with torch.inference_mode():
        model.generate(**tokens, do_sample=True, top_k=250, guidance_scale=3.0, max_new_tokens=n, **special)
    return loaded - start, time.perf_counter() - loaded


def peak_gb() -> float:
    """Most memory that this process has had at once, in GB: of this program alone, not of what started it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20
    except (OSError, StopIteration):  # not Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


def main(folder: str, engine: str, seconds: float) -> None:
    """Run once and print the figures as JSON."""
    load_s, first_s = _theirs(folder, seconds) if engine == PEER else _ours(folder, engine, seconds)
    print(json.dumps({"load_s": load_s, "first_s": first_s, "peak_gb": peak_gb()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
