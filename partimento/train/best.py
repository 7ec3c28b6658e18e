"""The best weights of a run by held-out loss, kept beside its checkpoints, and when there is no more to gain."""

from __future__ import annotations

import json
import math
from pathlib import Path

from torch import Tensor

from partimento.paths import make_folder, write_bytes, write_text

BEST_FILE = "best.json"
PATIENCE = 5
"""Looks at held-out data without a new lowest loss after which a run ends."""


class Best:
    """Remembers every look at held-out data and the weights of the best one; read again when the run goes on.

    Weights of a look stay valid when a run goes on from an earlier checkpoint: it is the same run.

    Args:
        folder: of the run.
        patience: looks without a new lowest loss after which :meth:`is_over` says so.
    """

    def __init__(self, folder: Path, patience: int = PATIENCE) -> None:
        self.patience, self._folder = patience, folder
        self._looks: dict[int, float] = {}
        self.step: int | None = None
        """Of the best look; None before the first."""
        self.weights: dict[str, Tensor] = {}
        self.last: tuple[int, float] | None = None
        """The newest look, scheduled or not."""
        self._read()

    @property
    def loss(self) -> float:
        """Of the best look; infinite before the first."""
        return float("inf") if self.step is None else self._looks[self.step]

    def look(self, step: int, loss: float, weights: dict[str, Tensor], *, scheduled: bool) -> None:
        """Note a held-out loss, and keep the weights where it is the lowest.

        Args:
            step: of the run.
            loss: held out, of these weights.
            weights: by name.
            scheduled: whether every run of this recipe looks here. A look at the end of a piece of a run is not remembered, so
                that a run in pieces keeps what a run in one keeps.

        Raises:
            FileError: they cannot be written; they are kept in memory.
        """
        self.last = (step, loss)
        if not scheduled or not math.isfinite(loss):
            return
        before = self.step
        is_best = loss < self.loss or (step == before and not self.weights)
        self._looks[step] = loss if is_best or step != before else self.loss
        if is_best:
            self.step, self.weights = step, {name: value.detach().cpu().clone() for name, value in weights.items()}
        self._write(is_best, before)

    def is_over(self, step: int) -> bool:
        """Whether the last looks until ``step`` have all been worse than one before them."""
        return self.step is not None and sum(self.step < at <= step for at in self._looks) >= self.patience

    def forget(self) -> None:
        """Begin anew: there is no run yet that this could be of."""
        self._looks, self.step, self.weights = {}, None, {}

    def _weights_file(self, step: int) -> Path:
        return self._folder / f"best-{step:08d}.safetensors"

    def _write(self, is_best: bool, before: int | None) -> None:
        from safetensors.torch import save

        assert self.step is not None
        make_folder(self._folder)
        if is_best:
            data = save({name: value.contiguous() for name, value in self.weights.items()})
            write_bytes(self._weights_file(self.step), data)
        looks = sorted(self._looks.items())
        write_text(self._folder / BEST_FILE, json.dumps({"step": self.step, "looks": looks}) + "\n")
        if is_best and before is not None and before != self.step:
            self._weights_file(before).unlink(missing_ok=True)

    def _read(self) -> None:
        """What is there; damaged files count as none."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            data = json.loads((self._folder / BEST_FILE).read_text(encoding="utf-8"))
            step, looks = int(data["step"]), {int(at): float(loss) for at, loss in data["looks"]}
            weights = load_file(str(self._weights_file(step)))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            return
        if step in looks:
            self.step, self._looks, self.weights = step, looks, weights
