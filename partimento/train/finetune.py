"""A model of the user's own songs: what ``partimento train finetune`` calls.

    partimento train finetune --model mini --data my_songs/ --out runs/mine --minutes 20

The base stays as it is; low-rank adapters in its language model learn. ``runs/mine`` holds the songs' tokens, checkpoints of
the loop (adapters only), ``skipped.jsonl`` and at the end ``adapter`` in peft's layout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from partimento.data.cache.encoders import open_encoder
from partimento.data.datasets.item import SKIPPED
from partimento.errors import RequestError
from partimento.models import get_performer
from partimento.models.mini import is_mini, load_audio_lm
from partimento.models.musicgen.loader import MusicGen, load_musicgen
from partimento.paths import check_folder
from partimento.train.best import Best
from partimento.train.finetune_adapter import RANK_RANGE, AdapterCard, lm_hash, need_peft, write_adapter
from partimento.train.finetune_data import Songs, SongWindows, gather
from partimento.train.finetune_memory import GIB, free_bytes, needed
from partimento.train.finetune_recipe import BATCH, RANK, TASK, FinetuneRecipe, FinetuneTraining, refuse_another
from partimento.train.finetune_task import FinetuneTask
from partimento.train.loop import Limits, Trainer, has_bf16, pick_device
from partimento.train.recipe import OptimConfig, RunConfig
from partimento.train.skipping import Skipped
from partimento.train.state import checkpoints

STEPS = 500
"""Without ``--steps`` and ``--minutes``; also the length of the learning rate's cosine without ``--steps``."""
LOOK_EVERY = 20
"""Steps between looks at the songs held out; more often in runs of less than ten times as many."""
RATE_OF_WIDTH = 0.5
"""2e-3 for mini (tried: learns fifteen times as much in 25 steps as 3e-4), 5e-4 for MusicGen small: wide models want less."""
WINDOW_RANGE_S = (1.0, 30.0)
"""The models have learned windows of 30 s."""
BATCH_RANGE = (1, 256)


@dataclass(frozen=True, slots=True)
class FinetuneConfig:
    """What to fine-tune on what.

    Attributes:
        model: ``mini``, a checkpoint folder like it, or a MusicGen (folder or id).
        data: songs.
        out: folder of the run.
        rank: of the adapters.
        batch: windows per step.
        window_s: length of a window; shorter where the longest song is.
        learning_rate: peak; None takes :data:`RATE_OF_WIDTH` over the model's width.
        steps: in all; None for :data:`STEPS`, or as many as ``minutes`` allow.
        minutes: of wall clock; encoding the songs comes before.
        text: said about songs without words of their own.
        cache: folder of the tokens; None takes ``out/tokens``.
        jobs: processes that encode.
        device: ``auto``, ``cpu`` or ``cuda``.
        seed: decides everything random.
        bf16: matrix products in bfloat16 where the machine has it.
    """

    model: str
    data: Path
    out: Path
    rank: int = RANK
    batch: int = BATCH
    window_s: float = 30.0
    learning_rate: float | None = None
    steps: int | None = None
    minutes: float | None = None
    text: str = ""
    cache: Path | None = None
    jobs: int = 1
    device: str = "auto"
    seed: int = 0
    bf16: bool = True

    def __post_init__(self) -> None:
        ranges: tuple[tuple[str, float, float, float], ...] = (
            ("rank", self.rank, *RANK_RANGE), ("batch", self.batch, *BATCH_RANGE), ("window", self.window_s, *WINDOW_RANGE_S),
            ("learning rate", 1e-3 if self.learning_rate is None else self.learning_rate, 1e-6, 0.1),
            ("steps", 1 if self.steps is None else self.steps, 1, 10**7),
            ("minutes", 1.0 if self.minutes is None else self.minutes, 0.05, 10**5), ("jobs", self.jobs, 1, 256),
        )  # fmt: skip
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise RequestError(f"{name} {value:g} is outside {low:g} to {high:g}")
        if self.model in ("score", "mini-score"):
            raise RequestError(f"'{self.model}' speaks no audio tokens; fine-tune mini or a MusicGen")


@dataclass(frozen=True, slots=True)
class Finetuned:
    """What came out.

    Attributes:
        adapter: its folder.
        card: what is known of it.
        songs: what was used and left out.
    """

    adapter: Path
    card: AdapterCard
    songs: Songs


def finetune(
    config: FinetuneConfig, say: Callable[[str], None] = lambda line: None, live: Callable[[str], None] | None = None
) -> Finetuned:
    """Fine-tune, or go on with it, in the folder ``config.out``.

    Args:
        config: what.
        say: gets progress lines.
        live: as of :class:`partimento.train.loop.Trainer`.

    Raises:
        RequestError: a run of other settings in that folder. FileError: no songs, no model, or damaged ones.
        MissingDependencyError: no peft, or the model is not on this machine. TrainingStopped: as the loop.
    """
    need_peft()
    pick_device(config.device)
    check_folder(config.out)
    get_performer(config.model)  # says which models there are when there is none of that name
    songs = gather(
        config.data, _codec_of(config.model), config.cache or config.out / "tokens", config.out / SKIPPED,
        text=config.text, jobs=config.jobs,
    )  # fmt: skip
    open_encoder.cache_clear()  # the codec has done its work
    base = load_musicgen(config.model)
    recipe = _recipe(config, base, songs)
    found = checkpoints(config.out)
    if found:
        refuse_another(found[-1], recipe)
    train, valid = _windows(songs, base, recipe, Skipped(config.out, say).add)
    _say_songs(songs, train, config, say)
    _say_memory(base, recipe, config, say)
    task = FinetuneTask(base, recipe, train, valid)
    best = Best(config.out) if valid is not None else None
    if best is not None and not found:
        best.forget()
    trainer = Trainer(recipe, task, config.out, device=config.device, say=say, live=live, best=best)
    total = config.steps if config.steps is not None or config.minutes is not None else STEPS
    state = trainer.run(Limits(config.minutes, total))
    card = AdapterCard(
        config.model, recipe.finetune.base_sha256, state.step, tuple(sorted(songs.learn)), tuple(sorted(songs.held_out))
    )
    weights = trainer.ema.weights(trainer.model)
    if best is not None:
        card, weights = _judged(card, best, weights, task.base_loss(trainer.device))
    folder = config.out / "adapter"
    write_adapter(folder, task.adapted, weights, card)
    return Finetuned(folder, card, songs)


def _judged(card: AdapterCard, best: Best, final: dict[str, Tensor], before: float) -> tuple[AdapterCard, dict[str, Tensor]]:
    """The card with losses, and the weights that are shipped: those of the best look, the last one among them."""
    assert best.last is not None
    kept, weights = (
        (best.last, final) if best.step is None or best.last[1] < best.loss else ((best.step, best.loss), best.weights)
    )
    step, after = kept
    judged = replace(
        card, loss_before=round(before, 4), loss_after=round(after, 4), kept_step=step, better_than_base=after < before
    )
    return judged, weights


def _codec_of(model: str) -> str:
    """Whose tokens a model speaks."""
    if not is_mini(model):
        return model
    used = load_audio_lm(model)[1].get("codec_used") or {}
    return str(used.get("source", ""))


def _recipe(config: FinetuneConfig, base: MusicGen, songs: Songs) -> FinetuneRecipe:
    """The run, with what its checkpoints must name."""
    from partimento.data.cache.read import FrameCache

    cache = FrameCache(songs.cache)
    longest = max(entry.n_frames for entry in cache.entries if entry.name in songs.learn)
    frames = min(round(config.window_s * cache.layout.frame_rate_hz), longest)
    steps = config.steps or STEPS
    return FinetuneRecipe(
        TASK,
        finetune=FinetuneTraining(
            config.model, lm_hash(base.lm), config.rank, 2.0 * config.rank, config.batch, frames
        ),
        optim=OptimConfig(
            learning_rate=config.learning_rate or RATE_OF_WIDTH / base.lm.config.width, betas=(0.9, 0.99), weight_decay=0.0,
            warmup_steps=min(10, max(1, steps // 10)), total_steps=steps, floor=0.1, ema_decay=0.98,
        ),
        run=RunConfig(seed=config.seed, log_every=10, validate_every=max(1, min(LOOK_EVERY, steps // 10)), bf16=config.bf16),
    )  # fmt: skip


def _windows(
    songs: Songs, base: MusicGen, recipe: FinetuneRecipe, on_skip: Callable[[str, str], None]
) -> tuple[SongWindows, SongWindows | None]:
    """Windows to learn from and to check with."""
    n_books, n_frames = base.lm.config.n_codebooks, recipe.finetune.window_frames
    train = SongWindows(songs, songs.learn, n_books, n_frames, on_skip)
    return train, SongWindows(songs, songs.held_out, n_books, n_frames, on_skip) if songs.held_out else None


def _say_songs(songs: Songs, train: SongWindows, config: FinetuneConfig, say: Callable[[str], None]) -> None:
    """What is learned from, which words there are, and what was left out."""
    say(f"{len(songs.learn)} songs, {train.duration_s / 60:.1f} minutes to learn from; held out: {_few(sorted(songs.held_out))}")
    say(f"words from {', '.join(f'{place}: {n}' for place, n in songs.told_by.items())}")
    for skip in songs.skips[:10]:
        say(f"left out: {skip.name} ({skip.reason})")
    if len(songs.skips) > 10:
        say(f"and {len(songs.skips) - 10} more, in {config.out / SKIPPED}")


def _few(names: list[str]) -> str:
    """Names in a line."""
    return (
        "none (give two songs or more to see what is learned)" if not names else ", ".join(names[:3]) + ", …" * (len(names) > 3)
    )


def _say_memory(base: MusicGen, recipe: FinetuneRecipe, config: FinetuneConfig, say: Callable[[str], None]) -> None:
    """What it takes, and whether that is there."""
    device = pick_device(config.device)
    tuning = recipe.finetune
    need = needed(
        base.lm.config, rank=tuning.rank, batch=tuning.batch, n_frames=tuning.window_frames,
        bf16=recipe.run.bf16 and has_bf16(device),
    )  # fmt: skip
    free = free_bytes(str(device))
    say(f"memory on {device}: {need}" + ("" if free is None else f"; free: {free / GIB:.1f} GiB"))
    if free is not None and need.total > free:
        say(f"that may not fit: --batch {max(1, tuning.batch // 2)} or a shorter --window takes less")
