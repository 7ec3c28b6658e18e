"""Short pieces by a language model that is being trained."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from partimento.embed.t5 import TextStates
from partimento.lm.generate import Texts, generate_window, item_generators
from partimento.lm.sampling import Sampling
from partimento.lm.transformer import MusicGenLm

N_SAMPLES = 2
SAMPLE_S = 5.0
_BLOCK = 25


def sampled_codes(lm: MusicGenLm, prompt: TextStates, n_frames: int, seed: int, most_s: float) -> Tensor:
    """Codes ``[B, K, T]`` on the CPU, one piece per text; ``T`` is ``n_frames``, or less when ``most_s`` seconds are over."""
    batch, start, blocks = len(prompt.states), time.monotonic(), []
    generators = item_generators([seed + i for i in range(batch)], lm.offsets.device)
    for block in generate_window(lm, Texts(prompt), n_frames, Sampling(), generators, block=min(_BLOCK, n_frames)):
        blocks.append(block)
        if time.monotonic() - start > most_s:
            break
    return torch.cat(blocks, dim=2).cpu()
