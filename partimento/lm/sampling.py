"""From logits to tokens: guidance, then a choice by the item's own generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from partimento.errors import FileError, RequestError
from partimento.threads import one_thread


class NotNumbersError(FileError):
    """A model came to NaN or infinity: weights of it are damaged."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; the defaults are MusicGen's (AudioCraft's ``set_generation_params``).

    Attributes:
        greedy: take the likeliest code.
        temperature: divides the logits, > 0.
        top_k: keep this many likeliest codes (and ties); 0 keeps all.
        top_p: keep the likeliest codes up to this share of probability, 0 to 1; when above 0, ``top_k`` has no effect.
        guidance: classifier-free guidance, ≥ 1 (1 is none): null + guidance * (prompt - null).
    """

    greedy: bool = False
    temperature: float = 1.0
    top_k: int = 250
    top_p: float = 0.0
    guidance: float = 3.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise RequestError(f"temperature {self.temperature}: must be above 0; for the likeliest codes ask for greedy")
        if self.top_k < 0:
            raise RequestError(f"top_k {self.top_k}: must be 0 (all codes) or more")
        if not 0 <= self.top_p <= 1:
            raise RequestError(f"top_p {self.top_p}: must be 0 (off) to 1")
        if not self.guidance >= 1:
            raise RequestError(f"guidance {self.guidance}: must be 1 (none) or more")


def guide(prompted: Tensor, null: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): away from ``null``, along the prompt."""
    return null + (prompted - null) * guidance


def guide_double(full: Tensor, sound_only: Tensor, null: Tensor, guidance: float, text_guidance: float) -> Tensor:
    """Double guidance of MusicGen-Style (Rouard et al. 2024): text pushed by ``text_guidance`` within the sound's."""
    return null + guidance * (sound_only + text_guidance * (full - sound_only) - null)


def keep_top_k(probabilities: Tensor, k: int) -> Tensor:
    """Only values ≥ the k-th largest of the last axis (ties stay), rescaled to sum 1."""
    if not 0 < k < probabilities.shape[-1]:
        return probabilities
    threshold = probabilities.topk(k, dim=-1).values[..., -1:]
    kept = probabilities * (probabilities >= threshold)
    return kept / kept.sum(dim=-1, keepdim=True)


def keep_top_p(probabilities: Tensor, p: float) -> Tensor:
    """The fewest likeliest values whose sum reaches ``p``, rescaled to sum 1 (Holtzman et al. 2020, nucleus sampling)."""
    ordered, index = probabilities.sort(dim=-1, descending=True)
    ordered = ordered * (ordered.cumsum(dim=-1) - ordered <= p)
    kept = torch.zeros_like(probabilities).scatter(-1, index, ordered)
    return kept / kept.sum(dim=-1, keepdim=True)


def sample(logits: Tensor, sampling: Sampling, generators: Sequence[torch.Generator]) -> Tensor:
    """Tokens ``[B, K]`` from logits ``[B, K, N]``; item b draws from ``generators[b]`` only.

    Raises:
        NotNumbersError: there are logits that are not numbers.
    """
    # Some of these operations would wake all threads even for so few rows: milliseconds where the cores are not idle, and the
    # woken ones keep spinning beside the next step.
    with one_thread():
        if sampling.greedy:
            return logits.argmax(dim=-1)
        probabilities = torch.softmax(logits.float() / sampling.temperature, dim=-1)
        if sampling.top_p > 0:
            probabilities = keep_top_p(probabilities, sampling.top_p)
        else:
            probabilities = keep_top_k(probabilities, sampling.top_k)
        try:
            drawn = [torch.multinomial(p, 1, generator=g)[:, 0] for p, g in zip(probabilities, generators, strict=True)]
        except RuntimeError as error:  # torch looks at every probability itself: a look of our own would cost each step
            if torch.isfinite(probabilities).all():
                raise
            raise NotNumbersError("the model's logits are not numbers (NaN or infinity)") from error
        return torch.stack(drawn)
