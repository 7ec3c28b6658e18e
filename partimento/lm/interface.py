"""What runs the layers of a language model in place of its own PyTorch modules."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from partimento.lm.cache import TextContext


class Past(Protocol):
    """What a runner keeps of one batch of sequences between its steps.

    Attributes:
        length: positions that are past.
    """

    length: int


class Runner(Protocol):
    """Runs all layers and the heads; embeddings, positions and projections stay the model's."""

    def cache(self, rows: int, capacity: int) -> Past:
        """An empty past for ``rows`` sequences of up to ``capacity`` positions."""
        ...

    def text(self, text: Tensor, mask: Tensor | None) -> TextContext:
        """Keys and values of a projected text ``[R, L, d]``, with its mask as :class:`TextContext` has it."""
        ...

    def __call__(self, x: Tensor, text: TextContext | None, cache: Any, wanted: int) -> Tensor:
        """Logits ``[R, wanted, K * N]`` of the last of embeddings with positions ``[R, n, d]``, 1 to n.

        All are added to ``cache`` (None: no past).
        """
        ...
