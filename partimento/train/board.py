"""What a run logs, for TensorBoard: ``tensorboard --logdir RUN/tensorboard``.

Scalars of the log's lines (``train/loss``, ``valid/loss`` …), and pictures and sounds of the samples. It needs the package
``tensorboard``, which comes with ``partimento[train]``; without it a line says so and nothing is written.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partimento.train.sample_kinds import Sample, Sounds, Written

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
MISSING = "no TensorBoard files: tensorboard is not installed; pip install 'partimento[train]'"
_FLUSH_S = 20


class Board:
    """Writes event files of one run; nothing that goes wrong here ends it.

    Args:
        run: its folder.
        step: steps that are done; what an interrupted run wrote of later ones does not count any more.
        say: gets a line when nothing can be written.
        active: False for a process that writes nothing.
    """

    def __init__(self, run: Path, step: int, say: Callable[[str], None], active: bool = True) -> None:
        self.folder, self._done, self._say = run / FOLDER, step, say
        self._writer: SummaryWriter | None = None
        self._last: dict[str, int] = {}
        self._active = active and importlib.util.find_spec("tensorboard") is not None
        if active and not self._active:
            say(MISSING)

    def scalars(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Figures of a line of the log, ``valid_`` in their names left out; the first of a step counts."""

        def add(writer: SummaryWriter) -> None:
            """Each figure under its own tag."""
            for name, value in figures.items():
                tag = f"{kind}/{name.removeprefix('valid_')}"
                if self._is_new(tag, step):
                    writer.add_scalar(tag, value, step)

        self._try(add)

    def sample(self, step: int, sample: Sample, written: Written, picture: Path | None) -> None:
        """Picture and sounds of a sample (a listener of :class:`partimento.train.samples.Sampler`)."""

        def add(writer: SummaryWriter) -> None:
            """The picture, then each sound."""
            if picture is not None and self._is_new(f"samples/{sample.name}", step):
                from PIL import Image

                with Image.open(picture) as image:
                    writer.add_image(f"samples/{sample.name}", np.asarray(image.convert("RGB")), step, dataformats="HWC")
            if isinstance(sample, Sounds):
                for name, sound in sample.sounds.items():
                    tag = f"samples/{sample.name}-{name}"
                    if self._is_new(tag, step):
                        mono = np.clip(np.nan_to_num(sound).mean(axis=0), -1.0, 1.0)
                        writer.add_audio(tag, mono[None], step, sample_rate=sample.sample_rate)

        self._try(add)

    def close(self, step: int) -> None:
        """Everything is on disk; more may come after ``step``."""

        def end(writer: SummaryWriter) -> None:
            """Write what is left."""
            writer.close()

        if self._writer is not None:
            self._try(end)
            self._writer, self._done = None, step

    def _is_new(self, tag: str, step: int) -> bool:
        """Whether this is the first of a step, in this run of the program and those before it."""
        if step <= max(self._last.get(tag, 0), self._done):
            return False
        self._last[tag] = step
        return True

    def _try(self, add: Callable[[SummaryWriter], None]) -> None:
        """Open where needed, and write; the first failure is a line, and the last attempt."""
        if not self._active:
            return
        try:
            if self._writer is None:
                from torch.utils.tensorboard import SummaryWriter

                self._writer = SummaryWriter(str(self.folder), purge_step=self._done + 1, flush_secs=_FLUSH_S)
            add(self._writer)
        except Exception as error:  # whatever it is, the training is worth more
            self._active = False
            self._say(f"no more TensorBoard files: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
