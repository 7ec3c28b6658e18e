"""Ways of running the language model, by name: ``eager`` is the reference, the others trade exactness for speed.

``int8``: weights of all matrices in 8 bits with one scale per row (symmetric, round to nearest), activations in bfloat16 for
the product only, by torch's packed kernel. ``bf16``: everything in bfloat16; tokens are still drawn in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from partimento.errors import RequestError, UnsupportedError
from partimento.lm.transformer import MusicGenLm

AUTO = "auto"
_KERNEL = "_weight_int8pack_mm"
_LEVELS = 127
_VECTOR = 32


@dataclass(frozen=True, slots=True)
class Engine:
    """A way of running the model.

    Attributes:
        name: as in ``--engine``.
        description: one line.
        prepare: changes a model in place and returns it; raises UnsupportedError where it cannot run.
        logits_tolerance: largest difference of teacher-forced logits from eager's, in standard deviations of eager's; the
            tests hold it to that.
    """

    name: str
    description: str
    prepare: Callable[[MusicGenLm], MusicGenLm]
    logits_tolerance: float


class Int8Linear(nn.Module):
    """A linear layer without bias whose weights are 8-bit integers.

    Args:
        weight: float ``[outputs, inputs]``.
    """

    weight: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        # The kernel reads whole vectors of inputs: on other widths it reads beyond the end.
        weight = functional.pad(weight, (0, -weight.shape[1] % _VECTOR))
        scales = weight.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / _LEVELS
        # The kernel takes scales in the activations' type; rounded first, the integers make up for it.
        scales = scales.to(torch.bfloat16)
        self.register_buffer("weight", (weight / scales.float()[:, None]).round().clamp(-_LEVELS, _LEVELS).to(torch.int8))
        self.register_buffer("scales", scales)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``, in the type of ``x``."""
        rows = x.reshape(-1, x.shape[-1]).to(torch.bfloat16)
        if rows.shape[1] != self.weight.shape[1]:
            rows = functional.pad(rows, (0, self.weight.shape[1] - rows.shape[1]))
        y: Tensor = torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.scales)
        return y.to(x.dtype).view(*x.shape[:-1], -1)


def _eager(lm: MusicGenLm) -> MusicGenLm:
    return lm


def _bf16(lm: MusicGenLm) -> MusicGenLm:
    return lm.to(torch.bfloat16)


def _int8(lm: MusicGenLm) -> MusicGenLm:
    if not hasattr(torch.ops.aten, _KERNEL):
        raise UnsupportedError(f"engine int8 needs torch's kernel {_KERNEL}, which torch {torch.__version__} lacks; take eager")
    if lm.out_norm.weight.device.type != "cpu":
        raise UnsupportedError("engine int8 runs on the CPU; on other devices take eager or bf16")
    for owner in list(lm.modules()):
        for name, layer in list(owner.named_children()):
            # Projections of text and melody run once per piece: nothing is gained there.
            if isinstance(layer, nn.Linear) and layer.bias is None:
                setattr(owner, name, Int8Linear(layer.weight.detach()))
    return lm


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("eager", "PyTorch in float32: the reference", _eager, 0.0),
        Engine("int8", "8-bit weights on the CPU", _int8, 0.15),
        Engine("bf16", "bfloat16", _bf16, 0.15),
    )
}
"""All engines by name."""


def get_engine(name: str) -> Engine:
    """The engine of that name; ``auto`` is eager, the only one that always gives the reference's tokens.

    Raises:
        RequestError: there is none.
    """
    found = ENGINES.get("eager" if name == AUTO else name)
    if found is None:
        raise RequestError(f"unknown engine '{name}'; known: {AUTO}, {', '.join(ENGINES)}")
    return found
