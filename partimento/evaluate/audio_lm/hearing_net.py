"""The network that hears families, its training on a CPU, how well it hears, and from where on it says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from partimento.evaluate.audio_lm.hearing import FRAME_RATE_HZ, N_MELS, Stems, draw_example, log_mel_frames
from partimento.evaluate.audio_lm.windows import families
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.paths import make_folder, write_text
from partimento.train.loop import has_bf16

Floats = NDArray[np.float64]
_MEAN, _DEVIATION = -4.0, 3.0
_VERSION = 2


@dataclass(frozen=True, slots=True)
class HearingConfig:
    """How the network is trained.

    Attributes:
        steps: of the optimiser; 6,000 take about six minutes of one core (in bfloat16 where the processor has it).
        batch: examples of a step.
        window_s: length of an example.
        learning_rate: at its highest; falls to 0 along a cosine.
        width: channels of the first layer.
        judged: held-out mixes by which it is judged.
        seed: of weights and examples.
    """

    steps: int = 6_000
    batch: int = 24
    window_s: float = 6.0
    learning_rate: float = 2e-3
    width: int = 16
    judged: int = 800
    seed: int = 0


class HearingNet(nn.Module):
    """Log-mel frames ``[B, T, 128]`` to logits ``[B, F]``: strided convolutions, then the loudest and the mean over time."""

    def __init__(self, n_families: int, width: int) -> None:
        super().__init__()
        widths = (1, width, 2 * width, 4 * width, 6 * width)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 5 if i == 0 else 3, stride=2, padding=2 if i == 0 else 1, bias=False)
            for i, (a, b) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[1:])
        inside = widths[-1] * (N_MELS // 16)
        self.hidden = nn.Linear(inside, 128)
        self.leave = nn.Linear(256, n_families)

    def forward(self, mel: Tensor) -> Tensor:
        """See the class."""
        x = ((mel - _MEAN) / _DEVIATION)[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x)))
        x = functional.relu(self.hidden(x.permute(0, 2, 1, 3).flatten(2)))
        x = functional.dropout(torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1), 0.2, self.training)
        out: Tensor = self.leave(x)
        return out


class Hearing:
    """A trained network.

    Args:
        net: in evaluation mode.
        own_auc: ``[F]`` on held-out stems of its own SoundFonts; NaN where there was nothing to judge.
        soundfonts: that it was trained on.
        thresholds: logits ``[F]`` from which on a family counts as heard; None takes 0.
    """

    def __init__(
        self, net: HearingNet, own_auc: Floats, soundfonts: Sequence[str], thresholds: Floats | None = None
    ) -> None:  # fmt: skip
        self.net, self.own_auc, self.soundfonts = net, own_auc, tuple(soundfonts)
        self.families = families()
        self.thresholds = np.zeros(len(self.families)) if thresholds is None else thresholds

    def calibrated(self, logits: Floats, present: NDArray[np.bool_]) -> Hearing:
        """With the thresholds that suit these sounds best, ``[N, F]`` each (rate of hits minus rate of false alarms)."""
        limits = [best_threshold(column, truth) for column, truth in zip(logits.T, present.T, strict=True)]
        return Hearing(self.net, self.own_auc, self.soundfonts, np.array(limits))

    @torch.inference_mode()
    def logits(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """``[F]`` of mono ``samples [n]`` at 32 kHz."""
        found = self.net(torch.from_numpy(log_mel_frames(samples))[None])[0]
        return np.asarray(found.numpy(), dtype=np.float64)

    def key(self) -> str:
        """Names these weights."""
        digest = hashlib.sha256()
        for tensor in self.net.state_dict().values():
            digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
        return digest.hexdigest()[:20]


def trained(stems: Stems, work: Path, config: HearingConfig | None = None, progress: Progress = no_progress) -> Hearing:
    """The network for these stems, from ``work`` where it has been trained before.

    Args:
        stems: of other SoundFonts than the model's.
        work: where it is kept.
        config: of the training.
        progress: bar.
    """
    from safetensors.torch import load_file, save_file

    config = config or HearingConfig()
    use_bf16 = has_bf16(torch.device("cpu"))
    facts = json.dumps({"stems": stems.fingerprint, "version": _VERSION, "bf16": use_bf16} | asdict(config), sort_keys=True)
    folder = make_folder(work / "hearing" / hashlib.sha256(facts.encode()).hexdigest()[:16])
    weights, figures = folder / "model.safetensors", folder / "auc.json"
    net = _untrained(config)
    if not weights.exists():
        _train(net, stems, config, progress, use_bf16)
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, str(weights))
    net.load_state_dict(load_file(str(weights)))
    net.eval().requires_grad_(False)
    if not figures.exists():
        write_text(figures, json.dumps(_own_auc(net, stems, config).tolist()))
    found = np.array(json.loads(figures.read_text(encoding="utf-8")), dtype=np.float64)
    return Hearing(net, found, stems.soundfonts)


def _untrained(config: HearingConfig) -> HearingNet:
    """A network whose weights depend on the seed only."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return HearingNet(len(families()), config.width)


def _batch(stems: Stems, config: HearingConfig, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """The examples of a step: they depend on seed and step only."""
    rng = np.random.default_rng([config.seed, step])
    n = round(config.window_s * FRAME_RATE_HZ)
    drawn = [draw_example(stems.train, n, rng) for _ in range(config.batch)]
    mel, present, sure = (np.stack(part) for part in zip(*drawn, strict=True))
    return torch.from_numpy(mel), torch.from_numpy(present), torch.from_numpy(sure)


def _train(net: HearingNet, stems: Stems, config: HearingConfig, progress: Progress, use_bf16: bool) -> None:
    """Binary cross-entropy of every family that is sure."""
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=use_bf16)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)  # of dropout
        optimiser = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=max(2, config.steps))
        net.train()
        for step in progress(range(config.steps), config.steps, "learning to hear"):
            mel, present, sure = _batch(stems, config, step)
            with autocast:
                logits = net(mel)
            loss = functional.binary_cross_entropy_with_logits(logits.float(), present, reduction="none")
            torch.autograd.backward((loss * sure).sum() / sure.sum())
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
    net.eval()


@torch.inference_mode()
def _own_auc(net: HearingNet, stems: Stems, config: HearingConfig) -> Floats:
    """AUC of every family on new mixes of held-out stems; NaN without mixes of both kinds."""
    from partimento.evaluate.joint_embedding import auc

    rng = np.random.default_rng([config.seed, 0, 1])
    n = round(config.window_s * FRAME_RATE_HZ)
    drawn = [draw_example(stems.held_out, n, rng) for _ in range(config.judged)]
    logits = np.concatenate([net(torch.from_numpy(mel)[None]).numpy() for mel, _, _ in drawn]).astype(np.float64)
    present, sure = (np.stack([example[i] for example in drawn]).astype(bool) for i in (1, 2))
    found = np.full(len(families()), np.nan)
    for f in range(len(found)):
        scores, truth = logits[sure[:, f], f], present[sure[:, f], f]
        if truth.any() and not truth.all():
            found[f] = auc(scores, truth)
    return found


def best_threshold(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The score from which on "present" makes rate of hits minus rate of false alarms largest; 0 without both kinds."""
    if positive.all() or not positive.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order]) / positive.sum()
    alarms = np.cumsum(~positive[order]) / (~positive).sum()
    best = int(np.argmax(hits - alarms))
    following = scores[order[best + 1]] if best + 1 < len(scores) else scores[order[best]] - 1.0
    return float((scores[order[best]] + following) / 2.0)
