"""Several processes that train one model: ``torchrun --standalone --nproc-per-node 2 -m partimento train …``.

The recipe's batches of a step are shared out, gradients are summed, so the number of processes changes the time, not the model:
what two processes do in a step is what one does with accumulation. Setting up (back end, device, ranks) is accelerate's.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from partimento.errors import MissingDependencyError, RequestError

Reduce = Callable[[Tensor], Tensor]


class Processes:
    """This process among others; a single one by default.

    Args:
        rank: its number; 0 says, validates and saves.
        count: how many there are.
        device: where it computes; None leaves the choice to the loop.
        total: sum of a tensor over all processes.
        first: a tensor as the first process has it.
    """

    def __init__(
        self, rank: int = 0, count: int = 1, device: torch.device | None = None, total: Reduce | None = None,
        first: Reduce | None = None,
    ) -> None:  # fmt: skip
        self.rank, self.count, self.device = rank, count, device
        self._total, self._first = total or (lambda x: x), first or (lambda x: x)

    @property
    def is_first(self) -> bool:
        """Whether this one says, validates and saves."""
        return self.rank == 0

    def indices(self, accumulate: int) -> range:
        """Which of a step's batches are this process's.

        Raises:
            RequestError: they cannot be shared out evenly.
        """
        if accumulate % self.count:
            raise RequestError(
                f"{accumulate} batches a step cannot be shared by {self.count} processes; set optim.accumulate to a multiple"
            )
        return range(self.rank, accumulate, self.count)

    @contextmanager
    def asked_to_stop(self) -> Iterator[threading.Event]:
        """Set when the launcher hands on Ctrl-C or SIGTERM, so that all processes end after the same step; one process alone is
        interrupted at once instead."""
        asked = threading.Event()
        if self.count == 1 or threading.current_thread() is not threading.main_thread():
            yield asked
            return
        before = {s: signal.signal(s, lambda *_: asked.set()) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield asked
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def share_model(self, model: nn.Module) -> None:
        """Parameters and buffers of the first process for all."""
        if self.count > 1:
            with torch.no_grad():
                for tensor in [*model.parameters(), *model.buffers()]:
                    tensor.copy_(self._first(tensor.detach()))

    def share_buffers(self, model: nn.Module) -> None:
        """What a step counts in buffers (codebooks of the codec) comes from the first process's batches."""
        if self.count > 1:
            with torch.no_grad():
                for buffer in model.buffers():
                    buffer.copy_(self._first(buffer))

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Gradients of all processes' losses; a parameter that none used keeps none."""
        if self.count == 1:
            return
        used = self._total(torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device))
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        parts = torch.split(self._total(flat), [p.numel() for p in parameters])
        for parameter, part, n in zip(parameters, parts, used.tolist(), strict=True):
            parameter.grad = part.view_as(parameter) if n else None

    def totals(self, values: dict[str, float], device: torch.device) -> dict[str, float]:
        """Sums over processes; every one gives the same names."""
        if self.count == 1:
            return values
        summed = self._total(torch.tensor(list(values.values()), dtype=torch.float64, device=device)).tolist()
        return dict(zip(values, summed, strict=True))


def join(device: str = "auto") -> Processes:
    """This process's place, from what the launcher left in the environment; alone without a launcher.

    Args:
        device: ``cpu`` keeps all processes off the GPUs.

    Raises:
        MissingDependencyError: there are several processes and no accelerate.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Processes()
    try:
        from accelerate import PartialState
        from accelerate.utils import broadcast, reduce
    except ImportError as error:
        raise MissingDependencyError("several processes need accelerate: pip install 'partimento[train]'") from error
    state = PartialState(cpu=device == "cpu" or not torch.cuda.is_available())

    def total(tensor: Tensor) -> Tensor:
        summed: Tensor = reduce(tensor, "sum")
        return summed

    def first(tensor: Tensor) -> Tensor:
        sent = tensor.clone() if tensor.dtype != torch.bool else tensor.to(torch.uint8)  # gloo knows no booleans
        copy: Tensor = broadcast(sent).to(tensor.dtype)
        return copy

    return Processes(state.process_index, state.num_processes, state.device, total, first)
