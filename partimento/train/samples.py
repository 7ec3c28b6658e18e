"""Samples of the averaged weights while a model trains, in ``RUN/samples/step-…``. They change nothing in the training.

What a task samples is in its ``samples`` method; here is when, with which weights, where to, and that nothing of it ends a run.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from partimento.paths import make_folder, write_text
from partimento.train.sample_kinds import Sample, Written, draw, write_sounding
from partimento.train.state import lent
from partimento.train.task import Task

FOLDER = "samples"
KEEP = 5
"""Folders of samples that are kept, the newest."""
MOST_SHARE = 0.05
"""Samples that are due wait while those before them have taken more than this share of the run's time."""
MOST_S = 60.0
"""A task is asked to be done within this time, and within :data:`MOST_SHARE` of a time box (sampled pieces get shorter)."""
LEAST_S = 2.0
_GUESS_S = 10.0
Listener = Callable[[int, Sample, Written, Path | None], None]
"""Gets a step, a sample, its files and its picture (None where none could be drawn)."""


@contextmanager
def unchanged(model: nn.Module, device: torch.device, weights: dict[str, Tensor]) -> Iterator[None]:
    """Let a model have other weights, in evaluation mode; afterwards it and torch's chance are bit for bit what they were.

    Args:
        model: buffers that are put in another's place meanwhile (grown position tables) are put back, too.
        device: whose generator is kept beside the CPU's.
        weights: parameters by name.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(module, name, b) for module in model.modules() for name, b in module._buffers.items()]
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad(), lent(model, weights):
        try:
            model.eval()
            yield
        finally:
            for module, name, buffer in buffers:
                module._buffers[name] = buffer
            for module, mode in modes:
                module.training = mode


class Sampler:
    """Takes samples of one run.

    Args:
        run: its folder.
        every: steps between samples; 0 for none, not even at the end.
        say: gets lines.
    """

    def __init__(self, run: Path, every: int, say: Callable[[str], None]) -> None:
        self.folder, self.every, self._say = run / FOLDER, every, say
        self._start = time.monotonic()
        self._spent_s, self._last_s = 0.0, 0.0
        self._last_step = -1
        self._may_draw = True
        self.listener: Listener = lambda step, sample, written, picture: None

    def due(self, step: int) -> bool:
        """Whether samples are to be taken after a step; not while earlier ones have cost too much."""
        if self.every < 1 or step % self.every:
            return False
        return self._spent_s <= MOST_SHARE * (time.monotonic() - self._start)

    def reserve_s(self, box_s: float) -> float:
        """Seconds of a time box to keep for the samples at its end."""
        if self.every < 1:
            return 0.0
        return min(self._last_s, MOST_SHARE * box_s) if self._last_step >= 0 else min(_GUESS_S, 0.4 * MOST_SHARE * box_s)

    def take(self, task: Task, device: torch.device, weights: dict[str, Tensor], step: int, box_s: float | None = None) -> None:
        """Sample a task's model with other weights, write and draw; whatever goes wrong is one line.

        Args:
            task: its model is as before afterwards.
            device: where the model is.
            weights: averaged ones.
            step: names the folder; one that was taken last is not taken again.
            box_s: time box of the run, None for none.
        """
        if self.every < 1 or step == self._last_step:
            return
        start = time.monotonic()
        most_s = MOST_S if box_s is None else max(LEAST_S, min(MOST_S, MOST_SHARE * box_s))
        try:
            with unchanged(task.model, device, weights):
                found = task.samples(device, most_s)
            if found:
                self._write(found, step)
        except Exception as error:  # whatever it is, the training is worth more
            self._say(f"no samples of step {step}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        self._last_step, self._last_s = step, time.monotonic() - start
        self._spent_s += self._last_s

    def _write(self, found: list[Sample], step: int) -> None:
        """Files, captions and pictures; old folders go."""
        folder = self.folder / f"step-{step:08d}"
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        for sample in found:
            self.listener(step, sample, write_sounding(sample, folder), self._drawn(sample, folder))
        captions = [f"{sample.name}: {sample.caption}" for sample in found if sample.caption]
        if captions:
            write_text(folder / "captions.txt", "\n".join(captions) + "\n")
        for old in sorted(p for p in self.folder.iterdir() if p.name.startswith("step-"))[:-KEEP]:
            shutil.rmtree(old)
        self._say(f"samples of step {step}: {folder}")

    def _drawn(self, sample: Sample, folder: Path) -> Path | None:
        """The picture; without matplotlib a line, once."""
        if not self._may_draw:
            return None
        try:
            return draw(sample, folder)
        except ImportError as error:
            self._may_draw = False
            self._say(f"no pictures of samples: {error}; they need matplotlib: pip install matplotlib")
            return None
