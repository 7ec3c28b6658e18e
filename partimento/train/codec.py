"""The codec's data, losses and checks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from partimento.codec.mini import MAGNITUDE_FLOOR, MiniCodec
from partimento.codec.quantize import perplexities
from partimento.data.audio_folder import AudioWindows
from partimento.errors import RequestError
from partimento.metrics.mel_distance import mel_filters
from partimento.train.recipe import CodecTraining, Recipe
from partimento.train.sample_kinds import Sample, Sounds
from partimento.train.task import StepResult

_FULL_SCALE_LOG = 6.5
_MEL_BANDS = (128, 80, 32, 8)
_STATISTICS_STEP = -1
_KMEANS_STEP = -2
_N_SAMPLES = 2


class CodecTask:
    """Trains :class:`MiniCodec` on windows of sound.

    Args:
        recipe: the run.
        train: windows to learn from.
        valid: windows to check with.
    """

    def __init__(self, recipe: Recipe, train: AudioWindows, valid: AudioWindows | None = None) -> None:
        self.settings: CodecTraining = recipe.codec
        self.seed = recipe.run.seed
        self.model = MiniCodec(recipe.model)
        if self.settings.decoder_only:
            for part in (self.model.enter, self.model.encoder, self.model.squeeze):
                part.requires_grad_(False)
        self._train, self._valid = train, valid
        config = recipe.model
        # Bands spread over their bins, then mel filters: log-mel spectra straight from the decoded bands.
        spread = torch.zeros(config.n_bands, config.n_fft // 2 + 1)
        bands = torch.from_numpy(config.bands.band_of_bin())
        spread[bands, torch.arange(len(bands))] = 1.0
        self._mels = [
            spread @ torch.tensor(np.array(mel_filters(config.n_fft, n, config.sample_rate).T), dtype=torch.float32)
            for n in _MEL_BANDS
        ]

    def to(self, device: torch.device) -> None:
        """Move the model and constants."""
        self.model.to(device)
        self._mels = [m.to(device) for m in self._mels]

    def batch(self, step: int, index: int = 0) -> Tensor:
        """Windows ``[B, n]`` of a step, decided by the seed, the step and the index alone (exact resume)."""
        rng = np.random.default_rng([self.seed, step + 1_000, index])
        return torch.from_numpy(self._train.batch(rng, self.settings.batch))

    @torch.no_grad()
    def before_step(self, step: int, device: torch.device) -> str | None:
        """Work that some steps need first: the bands' statistics, the codebooks' start. Returns a line to log."""
        model = self.model
        if self.settings.decoder_only:
            if not bool(model.quantizer.ready):
                raise RequestError("codec.decoder_only learns the way back from codes it finds: give --warm-start mini-codec")
            return None
        if step == 0:
            bands = torch.cat([model.bands_of(self.batch(_STATISTICS_STEP, i).to(device)) for i in range(16)])
            model.mean.copy_(bands.mean((0, 1)))
            model.deviation.copy_(bands.std((0, 1)).clamp_min(0.1))
        if step >= self.settings.free_steps and not bool(model.quantizer.ready):
            vectors = [
                model.latent(model.bands_of(self.batch(_KMEANS_STEP, i).to(device))).float().flatten(0, 1)
                for i in range(self.settings.kmeans_batches)
            ]
            model.quantizer.initialize(torch.cat(vectors))
            return f"codebooks set by k-means on {sum(len(v) for v in vectors)} vectors"
        return None

    def losses(self, bands: Tensor, decoded: Tensor, commitment: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Total loss and its parts for log bands ``[B, T, n_bands]``.

        Loud bins count more (``loud``), because the ear hears them; the mel part counts energy, which the L1's median
        would put too low in noisy bands.
        """
        s = self.settings
        floor = math.log(MAGNITUDE_FLOOR)
        weight = 1.0 + s.loud * ((bands - floor) / (_FULL_SCALE_LOG - floor)).clamp(0.0, 1.0)
        weight = weight / (1.0 + s.loud / 2.0)
        l1 = (weight * (bands - decoded).abs()).mean()
        magnitude, target = decoded.clamp(max=12.0).exp(), bands.exp()
        errors = [torch.log(magnitude @ m + 1e-5) - torch.log(target @ m + 1e-5) for m in self._mels]
        mel = torch.stack([e.abs().mean() for e in errors]).mean()
        loss = l1 + s.mel * mel + s.commitment * commitment
        figures = {"l1": l1, "mel": mel, "commitment": commitment}
        if s.delta:
            # How the error moves from frame to frame: attacks that come too softly, and warbling that was not there.
            figures["delta"] = torch.stack([e.diff(dim=1).abs().mean() for e in errors]).mean()
            loss = loss + s.delta * figures["delta"]
        return loss, figures

    def step(self, wav: Tensor, autocast: torch.autocast) -> StepResult:
        """Loss of windows ``[B, n]``."""
        bands = self.model.bands_of(wav)
        if self.settings.decoder_only:
            commitment = bands.new_zeros(())
            with autocast:
                decoded = self.model.from_given_codes(bands)
        else:
            with autocast:
                vectors = self.model.latent(bands)
            quantized = self.model.quantizer(vectors.float())
            commitment = quantized.commitment
            with autocast:
                decoded = self.model.spectrum(quantized.values)
        loss, figures = self.losses(bands, decoded.float(), commitment)
        return StepResult(loss, figures, wav.numel() / self.model.sample_rate)

    @torch.no_grad()
    def validate(self, device: torch.device) -> dict[str, float]:
        """Held-out log-band and mel losses (``valid_loss`` is their sum) and codebook perplexities."""
        if self._valid is None:
            return {}
        self.model.eval()
        sums: dict[str, float] = {}
        codes = []
        for wav in self._valid_batches():
            bands = self.model.bands_of(wav.to(device))
            decoded, quantized = self.model(bands)
            _, figures = self.losses(bands, decoded, quantized.commitment)
            codes.append(quantized.codes)
            for name in ("l1", "mel"):
                sums[name] = sums.get(name, 0.0) + float(figures[name]) / self._n_valid
        self.model.train()
        out = {"valid_l1": sums["l1"], "valid_mel": sums["mel"], "valid_loss": sums["l1"] + sums["mel"]}
        if bool(self.model.quantizer.ready):
            used = perplexities(torch.cat(codes), self.model.cardinality)
            out |= {f"perplexity_{i + 1}": value for i, value in enumerate(used)}
        return out

    _n_valid = 6

    def _valid_batches(self) -> Iterator[Tensor]:
        assert self._valid is not None
        for i in range(self._n_valid):
            yield torch.from_numpy(self._valid.batch(np.random.default_rng([self.seed, 999, i]), self.settings.batch))

    @torch.no_grad()
    def samples(self, device: torch.device, most_s: float) -> list[Sample]:
        """Two held-out windows beside what the codec makes of them."""
        if self._valid is None:
            return []
        wav = torch.from_numpy(self._valid.batch(np.random.default_rng([self.seed, 998]), _N_SAMPLES))
        made = self.model.sound_of(self.model(self.model.bands_of(wav.to(device)))[0].float())[:, 0].cpu()
        return [
            Sounds(str(i + 1), {"original": before.numpy()[None], "reconstruction": after.numpy()[None]}, self.model.sample_rate)
            for i, (before, after) in enumerate(zip(wav, made, strict=True))
        ]

    def alarms(self, figures: dict[str, float]) -> list[str]:
        """What is wrong with validation figures, in words."""
        least = 0.05 * self.model.cardinality
        return [
            f"codebook {name.rsplit('_', 1)[-1]} uses {value:.0f} of {self.model.cardinality} entries"
            for name, value in figures.items()
            if name.startswith("perplexity_") and value < least
        ]
