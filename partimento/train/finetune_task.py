"""Adapters as a task of the training loop: batches of a user's songs, their loss, and checks on songs held out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from partimento.lm.audio_lm import code_losses
from partimento.models.musicgen.loader import MusicGen
from partimento.train.finetune_adapter import AdapterSet, adapted
from partimento.train.finetune_data import SongWindows, TextTable
from partimento.train.finetune_recipe import FinetuneRecipe
from partimento.train.lm import codes_result
from partimento.train.loop import has_bf16
from partimento.train.sample_kinds import Sample, Sounds
from partimento.train.sampling import N_SAMPLES, SAMPLE_S, sampled_codes
from partimento.train.task import StepResult

N_VALID = 8
"""Held-out windows that are looked at."""
_WORSE = 1.02


class FinetuneTask:
    """Trains adapters in a language model to say the next codes of songs.

    Args:
        base: its language model gets the adapters and stays frozen; its text encoder stays on the CPU.
        recipe: the run.
        train: windows to learn from.
        valid: windows to check with.
    """

    def __init__(self, base: MusicGen, recipe: FinetuneRecipe, train: SongWindows, valid: SongWindows | None) -> None:
        self.settings, self.seed, self._bf16 = recipe.finetune, recipe.run.seed, recipe.run.bf16
        self._base, self.lm, self._texts = base, base.lm, TextTable(base.texts.encode)
        self.adapted = adapted(base.lm, self.settings.rank, self.settings.alpha, self.seed)
        self.model: nn.Module = AdapterSet(self.adapted)
        self._train, self._valid = train, valid
        self._shape = (base.lm.config.n_codebooks, self.settings.window_frames)
        self.loss_before: float | None = None
        self._best = float("inf")

    def to(self, device: torch.device) -> None:
        """Move the language model; its frozen matrices become bfloat16 where products are."""
        self._autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._bf16 and has_bf16(device))
        if self._bf16 and has_bf16(device):
            for module in self.lm.modules():
                if isinstance(module, nn.Linear) and not module.weight.requires_grad:
                    module.to(torch.bfloat16)
        self.lm.to(device)

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Codes and the number of the text, one row ``K * n + 1`` per window; the seed, step and index alone decide."""
        rng = np.random.default_rng([self.seed, step + 1_000, index])
        codes, texts = self._train.batch(rng, self.settings.batch)
        silent = rng.random(len(texts)) < self.settings.condition_dropout
        return self._packed(codes, ["" if left_out else text for text, left_out in zip(texts, silent, strict=True)])

    def before_step(self, step: int, device: torch.device) -> str | None:
        """What the base says of the songs held out, before the first step."""
        if step or self._valid is None:
            return None
        return f"held-out loss of the base: {self.base_loss(device):.4f} nats per code"

    def step(self, batch: Tensor, autocast: torch.autocast) -> StepResult:
        """Mean over codebooks of the loss of windows."""
        with autocast:
            nats, valid = self._losses(batch)
        return codes_result(nats, valid, self._train.rate_hz)

    @torch.no_grad()
    def validate(self, device: torch.device) -> dict[str, float]:
        """Nats per code of windows of held-out songs with their text (``valid_loss``, ``valid_1`` … per codebook)."""
        if self._valid is None:
            return {}
        sums = torch.zeros(2, self._shape[0], dtype=torch.float64)
        for i in range(N_VALID):
            codes, texts = self._valid.batch(np.random.default_rng([self.seed, 999, i]), 1)
            with self._autocast:
                nats, valid = self._losses(self._packed(codes, texts).to(device))
            sums += torch.stack([nats.sum((0, 2)), valid.sum((0, 2))]).double().cpu()
        books = sums[0] / sums[1].clamp_min(1)
        return {"valid_loss": float(books.mean())} | {f"valid_{k + 1}": float(value) for k, value in enumerate(books)}

    def base_loss(self, device: torch.device) -> float:
        """``valid_loss`` of the base model: adapters out of the way. 0 without songs held out."""
        if self.loss_before is None:
            with self.adapted.disable_adapter():
                self.loss_before = self.validate(device).get("valid_loss", 0.0)
        return self.loss_before

    @torch.no_grad()
    def samples(self, device: torch.device, most_s: float) -> list[Sample]:
        """Two pieces of 5 s (less where time is short) to words of held-out songs, or of all where none is held out."""
        texts = (self._valid or self._train).batch(np.random.default_rng([self.seed, 998]), N_SAMPLES)[1]
        states = self._texts.states([self._texts.number(text) for text in texts])
        with self._autocast:
            codes = sampled_codes(self.lm, states, round(SAMPLE_S * self._train.rate_hz), self.seed, most_s)
        rate = self._base.codec.sample_rate
        return [
            Sounds(str(i + 1), {"sampled": sound.float().numpy()}, rate, text)
            for i, (sound, text) in enumerate(zip(self._base.decode(codes), texts, strict=True))
        ]

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words: worse than the base, or than an earlier look."""
        loss, device = figures["valid_loss"], next(self.lm.parameters()).device
        before, best = self.base_loss(device), self._best
        self._best = min(best, loss)
        if loss > before:
            return [f"held-out loss {loss:.3f} is above the base's {before:.3f}: fewer steps, a lower rate, or more songs"]
        if loss > _WORSE * best:
            return [f"held-out loss {loss:.3f} has been {best:.3f}: the songs are being learned by heart"]
        return []

    def _packed(self, codes: np.ndarray, texts: list[str]) -> Tensor:
        numbers = np.array([[self._texts.number(text)] for text in texts], dtype=np.int64)
        return torch.from_numpy(np.concatenate([codes.reshape(len(codes), -1), numbers], axis=1))

    def _losses(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """As :func:`partimento.lm.audio_lm.code_losses`, of a packed batch."""
        codes = batch[:, :-1].reshape(-1, *self._shape)
        states = self._texts.states([int(number) for number in batch[:, -1].tolist()])
        heard, mask = states.states.to(batch.device), states.mask.to(batch.device)
        if self.lm.config.cross_attention:
            return code_losses(self.lm, codes, self.lm.text_context(heard, mask))
        return code_losses(self.lm, codes, None, self.lm.prefix(heard, mask))
