"""How many times as fast as it plays is music made, codec included?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from partimento.evaluate.audio_lm.clips import Studio
from partimento.evaluate.audio_lm.page import Page

GOAL = 3.0
BATCHES = (1, 4, 16)
_WORDS = "A calm jazz piece with piano, upright bass and drums, 100 bpm, 4/4, C major."


def timed(studio: Studio, batch: int, seconds: float) -> tuple[float, float]:
    """Seconds that the language model and the codec take for so many pieces."""
    n_frames = studio.frames_of(seconds)
    start = time.perf_counter()
    codes = studio.sing([_WORDS] * batch, list(range(batch)), n_frames)
    between = time.perf_counter()
    with torch.inference_mode():
        studio.model.decode(torch.from_numpy(np.ascontiguousarray(codes)))
    return between - start, time.perf_counter() - between


def speed_page(studio: Studio, *, seconds: float = 30.0, batches: Sequence[int] = BATCHES) -> Page:
    """The table; alone on the machine, or the figures say nothing.

    Args:
        studio: the model.
        seconds: of each piece.
        batches: numbers of pieces made together, the first of them alone.
    """
    timed(studio, 1, min(1.0, seconds))  # what happens once per process
    rows, figures = [], {}
    for batch in batches:
        lm_s, codec_s = timed(studio, batch, seconds)
        music_s = batch * seconds
        real = music_s / (lm_s + codec_s)
        rows.append((str(batch), f"{real:.1f}", f"{music_s / lm_s:.1f}", f"{music_s / codec_s:.1f}"))
        figures[str(batch)] = {"times_real_time": real, "lm_s": lm_s, "codec_s": codec_s}
    head = ("pieces together", "x real time", "language model alone", "codec alone")
    notes = (
        f"Pieces of {seconds:g} s with guidance {studio.sampling.guidance:g}; engine {studio.engine}, "
        f"{torch.get_num_threads()} threads. Seconds of music per second.",
        f"Model: {Path(studio.checkpoint).name}.",
    )
    alone = figures[str(batches[0])]["times_real_time"]
    goals = {f"one piece at {GOAL:g} times real time or more": bool(alone >= GOAL)}
    return Page("speed", "Speed", head, tuple(rows), notes, figures, goals)
