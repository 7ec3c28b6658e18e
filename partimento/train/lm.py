"""The audio language model's data, loss and checks."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partimento.codec.interface import Encoded
from partimento.codec.loading import load_mini_codec
from partimento.codec.mini import MiniCodec
from partimento.embed.t5 import TextStates
from partimento.embed.words import PAD
from partimento.lm.audio_lm import AudioLm
from partimento.lm.code_chains import CodeChains
from partimento.train.lm_data import TokenWindows
from partimento.train.recipe import Recipe
from partimento.train.sample_kinds import Sample, Sounds
from partimento.train.sampling import N_SAMPLES, SAMPLE_S, sampled_codes
from partimento.train.task import StepResult

_N_VALID = 4
_N_STARTS, _START_S = 32, 2.0
"""The beginnings that show whether a text is heard: so many, so long."""
_NOTHING_HEARD = 1.0 / 3.0
_CHANCE_FRAMES = 200_000


class LmTask:
    """Trains :class:`AudioLm` to say the next codes.

    Args:
        recipe: the run; its text tower's vocabulary and its codec's hash are complete.
        train: windows to learn from.
        valid: windows to check with.
        codebooks: entries ``[K, N, D]`` of the codec, from which embeddings and heads begin; None for a random beginning.
    """

    def __init__(
        self, recipe: Recipe, train: TokenWindows, valid: TokenWindows | None = None, codebooks: Tensor | None = None
    ) -> None:
        self.settings = recipe.lm
        self.seed = recipe.run.seed
        torch.manual_seed(self.seed)
        self.model = AudioLm(recipe.lm_model, recipe.text)
        self.model.initialize()
        if codebooks is not None:
            self.model.start_from_codebooks(codebooks)
        self._train, self._valid = train, valid
        self._n_books, self._n_words = recipe.lm_model.n_codebooks, recipe.text.most_words
        self._rate_hz = train.layout.frame_rate_hz
        self._words, self._codec_source = recipe.text.words, recipe.codec_used.source
        self._codec: MiniCodec | None = None
        chains = train.sequences(_CHANCE_FRAMES)
        counted = CodeChains(chains, recipe.lm_model.cardinality).unigram(chains)
        self.chance = float(np.mean(counted))
        """Nats per code of a model that knows how often each code comes, and nothing else."""

    def to(self, device: torch.device) -> None:
        """Move the model."""
        self.model.to(device)

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Codes and words of a step, one row ``K * n + L`` per window, decided by the seed, the step and the index alone."""
        rng = np.random.default_rng([self.seed, step + 1_000, index])
        parts = self.settings.parts
        count = parts[int(rng.integers(len(parts)))] if len(parts) > 1 else parts[0]
        codes, ids = self._train.batch(rng, self.settings.batch * count, self._train.n_frames // count)
        ids[rng.random(len(ids)) < self.settings.condition_dropout] = PAD
        return packed(codes, ids)

    def before_step(self, step: int, device: torch.device) -> str | None:
        """Nothing has to be set up; the first line names the level that has to be beaten."""
        return f"counting codes alone reaches {self.chance:.3f} nats per code" if step == 0 else None

    def step(self, batch: Tensor, autocast: torch.autocast) -> StepResult:
        """Mean over codebooks of the loss of windows."""
        codes, ids = self._unpacked(batch)
        heard = heard_frames(len(codes), codes.shape[2], self.settings.thinned) if self.settings.thinned else None
        with autocast:
            nats, valid = self.model.losses(codes, ids, heard)
        return codes_result(nats, valid, self._rate_hz)

    @torch.no_grad()
    def validate(self, device: torch.device) -> dict[str, float]:
        """Held-out nats per code with the text (``valid_loss``, ``valid_1`` … per codebook) and without it, and both of the
        first two seconds of windows (``start``), where a text says what nothing before it does."""
        if self._valid is None:
            return {}
        self.model.eval()
        whole = self._held_out(device, _N_VALID, self.settings.batch, None)
        n_frames = min(self._valid.n_frames, round(_START_S * self._rate_hz))
        start = self._held_out(device, 1, _N_STARTS, n_frames)
        self.model.train()
        figures = {"valid_loss": float(whole[0].mean()), "valid_unconditional": float(whole[1].mean())}
        figures |= {"start": float(start[0].mean()), "start_unconditional": float(start[1].mean())}
        return figures | {f"valid_{k + 1}": float(value) for k, value in enumerate(whole[0])}

    def _held_out(self, device: torch.device, count: int, size: int, n_frames: int | None) -> Tensor:
        """Nats per code ``[2, K]`` with the text and without it, of ``count`` batches of ``size`` windows."""
        assert self._valid is not None
        sums = torch.zeros(2, self._n_books, dtype=torch.float64)
        counts = torch.zeros(self._n_books, dtype=torch.float64)
        for i in range(count):
            codes, ids = self._valid.batch(np.random.default_rng([self.seed, 999, i]), size, n_frames)
            rows, words = torch.from_numpy(codes).to(device), torch.from_numpy(ids).to(device)
            for j, text in enumerate((words, torch.zeros_like(words))):
                nats, valid = self.model.losses(rows, text)
                sums[j] += nats.sum((0, 2)).double().cpu()
            counts += valid.sum((0, 2)).double().cpu()
        return sums / counts.clamp_min(1)

    @torch.no_grad()
    def samples(self, device: torch.device, most_s: float) -> list[Sample]:
        """Two pieces of 5 s (less where time is short) to captions of held-out windows."""
        if self._valid is None:
            return []
        ids = torch.from_numpy(self._valid.batch(np.random.default_rng([self.seed, 998]), N_SAMPLES, 1)[1]).to(device)
        prompt = TextStates(*self.model.text(ids))
        if self._codec is None:
            self._codec = load_mini_codec(self._codec_source)
        n_frames = round(SAMPLE_S * self._rate_hz)
        codes = sampled_codes(self.model.lm, prompt, n_frames, self.seed, most_s)
        sounds = self._codec.decode(Encoded(codes))
        words = [" ".join(self._words[i - 1] for i in row.tolist() if i != PAD) for row in ids]
        return [
            Sounds(str(i + 1), {"sampled": sound.numpy()}, self._codec.sample_rate, text)
            for i, (sound, text) in enumerate(zip(sounds, words, strict=True))
        ]

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words: no better than equal chances, or than counting codes."""
        loss = figures["valid_loss"]
        if loss > 0.98 * math.log(self.model.config.cardinality):
            return [f"held-out loss {loss:.2f} is chance level"]
        return [f"held-out loss {loss:.2f} is no better than counting codes ({self.chance:.2f})"] if loss >= self.chance else []

    def _unpacked(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        return batch[:, : -self._n_words].reshape(len(batch), self._n_books, -1), batch[:, -self._n_words :]


def heard_frames(rows: int, n: int, thinned: float) -> Tensor:
    """Which frames of their past models hear: boolean ``[rows, n]``, drawn from torch's generator.

    Args:
        rows, n: windows and frames of each.
        thinned: share of windows that hear less than everything: a third of these nothing, the others a share that is drawn.
    """
    chance = torch.rand(3, rows)
    share = torch.where(chance[1] < _NOTHING_HEARD, torch.zeros(rows), chance[2])
    share = torch.where(chance[0] < thinned, share, torch.ones(rows))
    return torch.rand(rows, n) < share[:, None]


def codes_result(nats: Tensor, valid: Tensor, rate_hz: float) -> StepResult:
    """Mean over codebooks of the mean loss of each, from ``[B, K, T]`` nats and where they count; of frames at ``rate_hz``."""
    books = nats.sum((0, 2)) / valid.sum((0, 2)).clamp_min(1)
    return StepResult(books.mean(), {"first": books[0], "last": books[-1]}, float(valid[:, 0].sum()) / rate_hz)


def packed(codes: NDArray[np.int64], ids: NDArray[np.int64]) -> Tensor:
    """Codes ``[B, K, n]`` and words ``[B, L]`` in one tensor ``[B, K * n + L]``, which is what the loop carries."""
    return torch.from_numpy(np.concatenate([codes.reshape(len(codes), -1), ids], axis=1))
