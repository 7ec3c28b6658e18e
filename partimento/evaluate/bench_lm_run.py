"""One way of running a MusicGen, measured in a process of its own.

Run as ``python -m partimento.evaluate.bench_lm_run SYSTEM FOLDER SECONDS``.

``FOLDER`` holds a checkpoint. Prints the figures as JSON. Times are of this process
alone, and so is the peak of memory: what one system leaves behind is not counted as the next one's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from partimento.evaluate.bench_stream import WORDS, peak_gb

FRAME_RATE_HZ = 50
PEERS = {"transformers float32": torch.float32, "transformers bfloat16": torch.bfloat16}
SHORT_S, LONG_S = 30, 300


def ours(folder: str, engine: str, n_frames: int) -> dict[str, float]:
    """Ours by an engine: the whole way streamed, then the language model alone and the codec alone."""
    from partimento.lm.generate import Texts, generate
    from partimento.lm.sampling import Sampling
    from partimento.models.musicgen.loader import load_for_engine

    start = time.perf_counter()
    model, _ = load_for_engine(folder, engine)
    loaded, first = time.perf_counter(), 0.0
    codes = generate(model.lm, Texts(model.texts.encode([WORDS])), n_frames, Sampling(), [0])
    kept = []

    def counted() -> Any:
        for piece in codes:
            kept.append(piece)
            yield piece

    for piece in model.decode_stream(counted()):
        first = first or (time.perf_counter() if piece.shape[-1] else 0.0)
    total_s = time.perf_counter() - loaded
    peak = peak_gb()
    start_codec = time.perf_counter()
    for _ in model.decode_stream(iter(kept)):
        pass
    codec_s = time.perf_counter() - start_codec
    return {
        "load_s": loaded - start, "total_s": total_s, "first_s": first - loaded, "peak_gb": peak, "codec_s": codec_s,
        "lm_s": total_s - codec_s,
    }  # fmt: skip


def theirs(folder: str, dtype: torch.dtype, n_frames: int) -> dict[str, float]:
    """transformers' own ``generate``, whose first sound is its last, then its codec alone."""
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    start = time.perf_counter()
    model: Any = MusicgenForConditionalGeneration.from_pretrained(folder, local_files_only=True, dtype=dtype)
    model.eval()
    loaded = time.perf_counter()
    tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)(WORDS, return_tensors="pt")
    special = dict.fromkeys(("pad_token_id", "bos_token_id", "decoder_start_token_id"), model.config.decoder.vocab_size)
    options = {"do_sample": True, "top_k": 250, "guidance_scale": 3.0, "max_new_tokens": n_frames + 3, **special}
    with torch.inference_mode():
        model.generate(**tokens, **options)
        total_s, peak = time.perf_counter() - loaded, peak_gb()
        codes = torch.randint(0, 2048, (1, 1, 4, n_frames))
        start_codec = time.perf_counter()
        model.audio_encoder.decode(codes, [None])
    codec_s = time.perf_counter() - start_codec
    return {
        "load_s": loaded - start, "total_s": total_s, "first_s": total_s, "peak_gb": peak, "codec_s": codec_s,
        "lm_s": total_s - codec_s,
    }  # fmt: skip


def long(folder: str, engine: str) -> dict[str, float]:
    """Cost of 5 minutes and of 30 s from prompt to waveform by an engine, and the memory after the first of each."""
    from partimento.lm.generate import Texts, generate
    from partimento.lm.sampling import Sampling
    from partimento.models.musicgen.loader import load_for_engine

    model, _ = load_for_engine(folder, engine)
    figures: dict[str, float] = {}
    # The machine's pace changes over minutes: a short piece stands on either side of the long one, and their mean counts.
    for seconds, share in ((SHORT_S, 0.5), (LONG_S, 1.0), (SHORT_S, 0.5)):
        cpu, wall = time.process_time(), time.perf_counter()
        codes = generate(model.lm, Texts(model.texts.encode([WORDS])), seconds * FRAME_RATE_HZ, Sampling(), [0])
        for _ in model.decode_stream(codes):
            pass
        spent = {f"cpu_{seconds}_s": time.process_time() - cpu, f"wall_{seconds}_s": time.perf_counter() - wall}
        figures |= {key: figures.get(key, 0.0) + share * value for key, value in spent.items()}
        figures.setdefault(f"resident_{seconds}_gb", _resident_gb())
    return figures


def _resident_gb() -> float:
    """Memory that this process has now; where that is not told, the most that it had."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 2**30 if status.exists() else peak_gb()


def main(system: str, folder: str, seconds: float) -> None:
    """Measure one system and print the figures."""
    n_frames = round(seconds * FRAME_RATE_HZ)
    if system in PEERS:
        figures = theirs(folder, PEERS[system], n_frames)
    elif system.startswith("long "):
        figures = long(folder, system.removeprefix("long "))
    else:
        figures = ours(folder, system, n_frames)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
