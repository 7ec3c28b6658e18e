"""Texts through a T5 encoder (Raffel et al. 2020), by transformers.

Each text is encoded by itself, so that its states do not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True, slots=True, eq=False)
class TextStates:
    """Encoded texts.

    Attributes:
        states: float ``[B, L, D]``; zero behind the end of shorter texts.
        mask: boolean ``[B, L]``, True on real positions.
    """

    states: Tensor
    mask: Tensor

    @staticmethod
    def stack(items: Sequence[Tensor]) -> TextStates:
        """From one ``[l, D]`` per text."""
        lengths = torch.tensor([len(item) for item in items])
        states = pad_sequence(list(items), batch_first=True)
        return TextStates(states, torch.arange(states.shape[1])[None, :] < lengths[:, None])


class T5Texts:
    """Encodes texts.

    Args:
        model: a ``T5EncoderModel`` in evaluation mode.
        tokenizer: its tokenizer.
        again: reads the same model once more; with it the model leaves memory after each call, for it is a large part of what
            generating takes and words come seldom.
    """

    def __init__(self, model: Any, tokenizer: Any, again: Callable[[], Any] | None = None) -> None:
        self._model = model
        self._again = again
        self.tokenizer = tokenizer

    @property
    def model(self) -> Any:
        """The encoder, read again where it had left memory."""
        model = self._model
        if model is None and self._again is not None:
            model = self._model = self._again()
        return model

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> TextStates:
        """States of each text as if it were alone.

        An empty text has no position at all, which is what the null text amounts to in both published implementations
        (AudioCraft zeroes it, transformers masks it). transformers' own pipeline differs for an empty *prompt* only: it
        lets the model hear the end mark.
        """
        model, found = self.model, dict[str, Tensor]()
        for text in texts:
            if text not in found:
                ids = self.tokenizer(text, return_tensors="pt").input_ids
                found[text] = model(input_ids=ids).last_hidden_state[0].float()
                if not text.strip():
                    found[text] = found[text][:0]
        if self._again is not None:
            self._model = None
        return TextStates.stack([found[text] for text in texts])
