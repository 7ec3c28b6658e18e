"""One training loop: boxed in time, resumed exactly, and at its end a checkpoint that can be shipped.

Randomness and data of step ``n`` depend on the seed and ``n`` only, so a run in ten pieces equals a run in one.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from partimento.errors import FileError, PartimentoError, RequestError, UnsupportedError
from partimento.paths import append_line, make_folder
from partimento.train.best import Best
from partimento.train.board import Board
from partimento.train.processes import Processes
from partimento.train.progress import Pace
from partimento.train.recipe import OptimConfig, Recipe
from partimento.train.resume import resume
from partimento.train.samples import Sampler
from partimento.train.state import Ema, TrainState, lent, load_weights, save_checkpoint
from partimento.train.task import Task

LOG_FILE = "log.jsonl"
MOST_MINUTES = 1e5
_ALARMS_AFTER = 100
"""Steps after the learning rate's rise from which on held-out figures can mean that something is wrong."""


_MOST_LOOK = 0.1
"""Share of a time box that is kept for the last look at held-out data at most; as long as the look before it."""


class TrainingStopped(PartimentoError):
    """The loss is not a number, several steps running; the last checkpoint on disk is sound."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: whichever comes first.

    Attributes:
        minutes: of wall clock, checkpoint included.
        steps: total steps of the run (not of this chunk).

    Raises:
        RequestError: no time, or no step.
    """

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0.0 < self.minutes <= MOST_MINUTES:
            raise RequestError(f"--minutes {self.minutes:g} is outside 0 to {MOST_MINUTES:g} (0 itself is too little)")
        if self.steps is not None and self.steps < 1:
            raise RequestError(f"--steps {self.steps} is no step of a run; 1 or more are")


def learning_rate_factor(step: int, config: OptimConfig) -> float:
    """Share of the peak learning rate at 0-based ``step``: linear warm-up, cosine to ``floor``, then constant."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = min(1.0, (step - config.warmup_steps) / max(1, config.total_steps - config.warmup_steps))
    return config.floor + (1.0 - config.floor) * 0.5 * (1.0 + math.cos(math.pi * done))


def make_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW; only matrices and kernels decay."""
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` takes a CUDA device when there is one.

    Raises:
        UnsupportedError: ``cuda`` is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UnsupportedError("--device cuda needs a CUDA GPU, and PyTorch finds none here; take auto or cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def has_bf16(device: torch.device) -> bool:
    """True when bfloat16 products are faster than float32 ones on this device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("amx_tile"))


class Trainer:
    """Runs one recipe in one folder.

    Args:
        recipe: what to train.
        task: data, losses and model.
        folder: checkpoints (``step-…``) and ``log.jsonl`` go here; a run found there is resumed.
        device: ``auto``, ``cpu``, ``cuda``.
        warm_start: weights to begin from when the folder holds no run: a file, a checkpoint, a run's folder or a built-in name.
        say: gets a line of text now and then.
        processes: those that train this model together; None for this one alone.
        live: gets how far the run is after a step, twice a second at most, for a line that rewrites itself; None says it in the
            log's lines instead.
        best: keeps the best averaged weights by held-out loss and ends the run when that has not fallen for long; None keeps
            the last ones, looks at the raw ones and goes on.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        folder: Path,
        *,
        device: str = "auto",
        warm_start: str | Path | None = None,
        say: Callable[[str], None] = lambda line: None,
        processes: Processes | None = None,
        live: Callable[[str], None] | None = None,
        best: Best | None = None,
    ) -> None:
        self._with = processes or Processes()
        self._indices = self._with.indices(recipe.optim.accumulate)
        self.recipe, self.task, self.folder = recipe, task, folder
        self._say = say if self._with.is_first else lambda line: None
        self._live = live if self._with.is_first else None
        self._pace: Pace | None = None
        self.device = self._with.device or pick_device(device)
        task.to(self.device)
        self.model = task.model
        self.optimizer = make_optimizer(self.model, recipe.optim)
        self.ema = Ema(self.model, recipe.optim.ema_decay)
        self.state = TrainState()
        use_bf16 = recipe.run.bf16 and has_bf16(self.device)
        self.autocast = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=use_bf16)
        self._sampler = Sampler(folder, recipe.run.sample_every if self._with.is_first else 0, self._say)
        self._box_s: float | None = None
        self._look_s = 0.0
        self.best = best
        self._validated = -1
        self._bad_steps = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[tuple[int, int], Future[Tensor]] = {}
        state = resume(folder, recipe, self.model, self.ema, self.optimizer, self._say, may_write=self._with.is_first)
        if state is not None:
            self.state = state
            if warm_start is not None:
                self._say(f"the run in {folder} goes on; {warm_start} is not used")
        elif warm_start is not None:
            load_weights(warm_start, self.model)
            self.ema = Ema(self.model, recipe.optim.ema_decay)
            self._say(f"weights from {warm_start}")
        self._board = Board(folder, self.state.step, self._say, active=self._with.is_first)
        self._sampler.listener = self._board.sample
        if self._with.count > 1:
            self._with.share_model(self.model)
            if not self.state.step:
                self.ema = Ema(self.model, recipe.optim.ema_decay)

    def run(self, limits: Limits) -> TrainState:
        """Train until a limit, then save. Interrupting it saves as well.

        Raises:
            TrainingStopped: ten steps running without a finite loss; the weights before them are kept on disk.
        """
        start, before = time.monotonic(), self.state.wall_s
        # Writing a checkpoint takes seconds, and so do the last samples; a chunk of so many minutes includes both.
        budget_s = math.inf if limits.minutes is None else max(1.0, limits.minutes * 60.0 - 5.0)
        total = limits.steps if limits.steps is not None else (self.recipe.optim.total_steps if limits.minutes is None else None)
        self._box_s = None if limits.minutes is None else limits.minutes * 60.0
        self._pace = Pace(self.state.step, total, self._box_s, before)
        self.model.train()
        interrupted = False
        try:
            with self._with.asked_to_stop() as asked:
                self._train(
                    total, lambda: self._has_time(time.monotonic() - start, budget_s) and not asked.is_set(), start, before
                )
        except KeyboardInterrupt:
            interrupted = True
            self._say("interrupted; saving")
        except Exception:
            self._board.close(self.state.step)
            raise
        if self.best is not None and self._is_over():
            looks = self.best.patience
            self._say(f"held-out loss has not fallen in {looks} looks since step {self.best.step}: stopped at {self.state.step}")
        self._validate()
        self._save_first()
        if not interrupted:
            with suppress(KeyboardInterrupt):  # everything is saved
                self._sample()
        self._board.close(self.state.step)
        self._say(f"ended: {self._pace.progress(ended=True)}")
        return self.state

    def _train(self, total: int | None, goes_on: Callable[[], bool], start: float, before: float) -> None:
        """Steps until ``total``, or until any process no longer goes on; saves now and then."""
        config, last_save = self.recipe.run, start
        while (total is None or self.state.step < total) and self._goes_on(goes_on() and not self._is_over()):
            figures = self._step()
            self.state.wall_s = before + time.monotonic() - start
            step = self.state.step
            self._show_progress(step)
            if step % config.log_every == 0:
                self._log("train", figures)
            if step % config.validate_every == 0:
                self._validate()
            if self._sampler.due(step):
                self._sample()
            if time.monotonic() - last_save > config.save_every_s:
                self._try_to_save()
                last_save = time.monotonic()

    def _show_progress(self, step: int) -> None:
        """Count a step, and show it where a line rewrites itself."""
        if self._pace is not None:
            self._pace.count(step)
            if self._live is not None and self._pace.due():
                self._live(str(self._pace.progress()))

    def _has_time(self, elapsed_s: float, budget_s: float) -> bool:
        """Whether a time box has room for another step before its last look at held-out data and its last samples."""
        if self._box_s is None:
            return True
        look_s = min(self._look_s, _MOST_LOOK * self._box_s)
        return elapsed_s < max(1.0, budget_s - look_s - self._sampler.reserve_s(self._box_s))

    def _sample(self) -> None:
        """Samples of the averaged weights; the training does not notice."""
        self._sampler.take(self.task, self.device, self.ema.values, self.state.step, self._box_s)

    def save(self) -> Path:
        """Write a checkpoint now."""
        return save_checkpoint(self.folder, self.recipe, self.state, self.model, self.ema, self.optimizer)

    def _save_first(self) -> None:
        """One process writes."""
        if self._with.is_first:
            self.save()

    def _try_to_save(self) -> None:
        """A disk that is full now may have room at the next attempt; only the last save must succeed."""
        try:
            self._save_first()
        except FileError as error:
            self._alarm(str(error))

    def _goes_on(self, wanted: bool) -> bool:
        """Whether all processes have time left: they stop after the same step."""
        return self._with.totals({"stop": float(not wanted)}, self.device)["stop"] == 0.0

    def _step(self) -> dict[str, float]:
        """One optimiser step."""
        step, optim = self.state.step, self.recipe.optim
        torch.manual_seed((self.recipe.run.seed * 1_000_003 + step) % 2**63)
        line = self.task.before_step(step, self.device)
        if line:
            self._say(line)
        for group in self.optimizer.param_groups:
            group["lr"] = optim.learning_rate * learning_rate_factor(step, optim)
        self.optimizer.zero_grad(set_to_none=True)
        figures: dict[str, float] = {}
        audio_s = 0.0
        for index in self._indices:
            # Chance of a batch depends on its number, so that it does not matter which process has it.
            torch.manual_seed((self.recipe.run.seed * 1_000_003 + step + index * 7_368_787) % 2**63)
            result = self.task.step(self._batch(step, index).to(self.device), self.autocast)
            (result.loss / optim.accumulate).backward()  # type: ignore[no-untyped-call]
            audio_s += result.audio_s
            for name, value in {"loss": result.loss, **result.figures}.items():
                figures[name] = figures.get(name, 0.0) + float(value.detach()) / optim.accumulate
        self._with.sum_gradients(list(self.model.parameters()))
        self._with.share_buffers(self.model)
        figures = self._with.totals(figures | {"audio_s": audio_s}, self.device)
        self.state.audio_s += figures.pop("audio_s")
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), optim.clip_norm))
        self.state.step += 1
        if not math.isfinite(figures["loss"]) or not math.isfinite(norm):
            self._skip(step)
            return figures
        self._bad_steps = 0
        self.optimizer.step()
        self.ema.update(self.model, step)
        return figures | {"grad_norm": norm, "lr": self.optimizer.param_groups[0]["lr"]}

    def _batch(self, step: int, index: int) -> Tensor:
        """A batch; the one after it is read meanwhile. What it holds depends on its number only, never on the thread."""
        ahead = self._ahead.pop((step, index), None)
        after = index + self._indices.step
        following = (step, after) if after in self._indices else (step + 1, self._indices.start)
        self._ahead = {following: self._reader.submit(self.task.batch, *following)}
        return self.task.batch(step, index) if ahead is None else ahead.result()

    def _skip(self, step: int) -> None:
        """A step without a finite loss moves nothing; ten in a row end the run."""
        self._bad_steps += 1
        self._alarm(f"step {step}: loss or gradient is not a number; skipped")
        if self._bad_steps >= 10:
            raise TrainingStopped(f"no finite loss in steps {step - 9} to {step}: lower the learning rate, resume {self.folder}")

    def _validate(self) -> None:
        """Look at held-out data, once a step."""
        step = self.state.step
        if not self._with.is_first or self._validated == step:
            return
        self._validated, start = step, time.monotonic()
        with lent(self.model, self.ema.values) if self.best is not None else nullcontext():  # what is kept is what is looked at
            figures = self.task.validate(self.device)
        self._look_s = time.monotonic() - start
        if not figures:
            return
        self.state.best = min(self.state.best, figures["valid_loss"])
        self._log("valid", figures)
        if self.best is not None:
            scheduled = step % self.recipe.run.validate_every == 0
            try:
                self.best.look(step, figures["valid_loss"], self.ema.weights(self.model), scheduled=scheduled)
            except FileError as error:  # a disk that is full ends nothing: they are kept in memory
                self._alarm(str(error))
        optim = self.recipe.optim
        if step >= min(optim.warmup_steps + _ALARMS_AFTER, optim.total_steps):
            for alarm in self.task.alarms(figures):
                self._alarm(alarm)

    def _is_over(self) -> bool:
        """Whether held-out loss has not fallen for long."""
        return self.best is not None and self.best.is_over(self.state.step)

    def _alarm(self, text: str) -> None:
        self._say(f"ALARM {text}")
        self._write({"kind": "alarm", "step": self.state.step, "text": text})

    def _log(self, kind: str, figures: dict[str, float]) -> None:
        speed = self.state.audio_s / max(self.state.wall_s, 1e-9)
        counters = {"kind": kind, "step": self.state.step, "wall_s": round(self.state.wall_s, 3)}
        self._write(counters | {"audio_s": round(self.state.audio_s, 1)} | {k: float(f"{v:.5g}") for k, v in figures.items()})
        self._board.scalars(kind, self.state.step, figures | {"wall_s": self.state.wall_s, "audio_s": self.state.audio_s})
        shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        far = f"  [{self._pace.progress()}]" if kind == "train" and self._pace is not None and self._live is None else ""
        self._say(f"{kind} {self.state.step}  {shown}  ({speed:.0f} s of music per s){far}")

    def _write(self, row: dict[str, object]) -> None:
        if not self._with.is_first:
            return
        try:
            append_line(make_folder(self.folder) / LOG_FILE, json.dumps(row))
        except FileError as error:  # a log that is not written is no reason to lose the run
            self._say(str(error))
