"""Ways of running the language model, by name: ``eager`` is the reference, the others trade exactness for speed.

``int8`` and ``int4``: weights of the layers in 8 or 4 bits, activations rounded to 8 bits for the product, each step one call of
compiled code (:mod:`partimento.lm.engine_packed`); heads are 8-bit in both. ``bf16``: everything in bfloat16. ``cuda``: bfloat16
on a GPU, each step one CUDA graph (:mod:`partimento.lm.engine_cuda`). Tokens are drawn from float32 logits by all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import torch

from partimento.errors import MissingDependencyError, RequestError, UnsupportedError
from partimento.lm.threads import SMALL_WEIGHTS
from partimento.lm.transformer import MusicGenLm

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Engine:
    """A way of running the model.

    Attributes:
        name: as in ``--engine``.
        description: one line.
        prepare: changes a model in place and returns it; raises UnsupportedError or MissingDependencyError where it cannot
            run.
        logits_tolerance: largest difference of teacher-forced logits from eager's, in standard deviations of eager's; the
            tests hold it to that.
        loss_tolerance: largest relative difference of held-out negative log-likelihood from eager's, likewise.
        device: type of the device that it runs on; None for any.
    """

    name: str
    description: str
    prepare: Callable[[MusicGenLm], MusicGenLm]
    logits_tolerance: float
    loss_tolerance: float
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that runs a model.

    Attributes:
        engine: it.
        reason: why, in a few words.
    """

    engine: Engine
    reason: str


def has_numba() -> bool:
    """Whether numba is installed, which compiles the fast engines for a CPU."""
    return importlib.util.find_spec("numba") is not None


def _eager(lm: MusicGenLm) -> MusicGenLm:
    return lm


def _bf16(lm: MusicGenLm) -> MusicGenLm:
    return lm.to(torch.bfloat16)


def _packed(lm: MusicGenLm, bits: int) -> MusicGenLm:
    if not has_numba():
        raise MissingDependencyError(f"engine int{bits} needs numba: pip install 'partimento[fast]', or take eager")
    if lm.out_norm.weight.device.type != "cpu":
        raise UnsupportedError(f"engine int{bits} runs on the CPU; on a GPU take cuda, elsewhere eager or bf16")
    from partimento.lm.engine_packed import PackedRunner

    PackedRunner(lm, bits)
    return lm


def _int8(lm: MusicGenLm) -> MusicGenLm:
    return _packed(lm, 8)


def _int4(lm: MusicGenLm) -> MusicGenLm:
    return _packed(lm, 4)


def _cuda(lm: MusicGenLm) -> MusicGenLm:
    if not torch.cuda.is_available():
        raise UnsupportedError("engine cuda needs a CUDA GPU, and PyTorch finds none here; take auto")
    from partimento.lm.engine_cuda import StaticRunner

    StaticRunner(lm.to("cuda", torch.bfloat16), graphs=True)
    return lm


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("eager", "PyTorch in float32: the reference", _eager, 0.0, 1e-7),
        Engine("int8", "8-bit weights on the CPU", _int8, 0.15, 0.005, "cpu"),
        Engine("int4", "4-bit weights on the CPU", _int4, 0.4, 0.02, "cpu"),
        Engine("bf16", "bfloat16", _bf16, 0.15, 0.005),
        Engine("cuda", "bfloat16 on a GPU, each step one CUDA graph", _cuda, 0.15, 0.005, "cuda"),
    )
}
"""All engines by name."""


def get_engine(name: str) -> Engine:
    """The engine of that name, which is not ``auto``.

    Raises:
        RequestError: there is none.
    """
    found = ENGINES.get(name)
    if found is None:
        raise RequestError(f"unknown engine '{name}'; known: {AUTO}, {', '.join(ENGINES)}")
    return found


def choose_engine(name: str, lm: MusicGenLm) -> Choice:
    """The engine of that name; for ``auto`` the one that is best for the model on this machine.

    ``auto`` stays with eager for a small model (:data:`partimento.lm.threads.SMALL_WEIGHTS`), and never takes 4 bits: that costs
    quality, so it is asked for.

    Raises:
        RequestError: there is none of that name.
    """
    if name != AUTO:
        return Choice(get_engine(name), "asked for")
    weights = sum(parameter.numel() for parameter in lm.parameters())
    if weights <= SMALL_WEIGHTS:
        return Choice(ENGINES["eager"], f"{weights / 1e6:.1f} million weights need nothing faster than the reference")
    if torch.cuda.is_available():
        return Choice(ENGINES["cuda"], "there is a CUDA GPU")
    if has_numba():
        return Choice(ENGINES["int8"], "nearest to the reference among the fast ones on a CPU")
    return Choice(ENGINES["eager"], "numba is not installed; pip install 'partimento[fast]' makes it several times as fast")
