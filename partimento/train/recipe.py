"""Training recipes: YAML files that hold values of documented dataclasses and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from partimento.codec.mini import MiniCodecConfig
from partimento.embed.joint import JointConfig
from partimento.embed.tower import TowerConfig
from partimento.errors import FileError, ParseError, RequestError
from partimento.lm.audio_lm import AudioLmConfig, CodecUsed
from partimento.score_lm.model import ScoreModelConfig

_MOST = 1e9
_SHARE = (0.0, 1.0)


def _within(values: object, section: str, **ranges: tuple[float, float]) -> None:
    """Raise RequestError for a field outside its range; not a number is outside of every range."""
    for name, (low, high) in ranges.items():
        value = getattr(values, name)
        for number in value if isinstance(value, tuple) else (value,):
            if not low <= number <= high:
                raise RequestError(f"{section}.{name} {number:g} is outside {low:g} to {high:g}")


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """How weights move.

    Attributes:
        learning_rate: peak of the schedule.
        betas: of AdamW.
        weight_decay: on matrices and kernels only.
        clip_norm: gradients are scaled down to this norm.
        warmup_steps: linear rise from zero.
        total_steps: length of the cosine; training past it goes on at ``floor``.
        floor: last learning rate as a share of the peak.
        ema_decay: moving average of the weights, which is what gets shipped; it starts faster (``(1 + n) / (10 + n)``).
        accumulate: batches per step.
    """

    learning_rate: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    warmup_steps: int = 200
    total_steps: int = 20_000
    floor: float = 0.02
    ema_decay: float = 0.999
    accumulate: int = 1

    def __post_init__(self) -> None:
        _within(
            self, "optim", learning_rate=(0.0, 10.0), betas=(0.0, 1.0), weight_decay=(0.0, 10.0), clip_norm=(1e-9, _MOST),
            warmup_steps=(0, _MOST), total_steps=(1, _MOST), floor=_SHARE, ema_decay=_SHARE, accumulate=(1, _MOST),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What the loop does besides training.

    Attributes:
        seed: decides everything random.
        log_every: steps between log lines.
        save_every_s: seconds between checkpoints.
        validate_every: steps between looks at held-out data.
        sample_every: steps between samples of the model (sounds, pieces, pictures) in the run's folder; 0 takes none. Those that
            are due wait while earlier ones have taken more than a twentieth of the time; the last are taken at the end.
        bf16: matrix products in bfloat16 where the machine has it.
    """

    seed: int = 0
    log_every: int = 20
    save_every_s: float = 240.0
    validate_every: int = 500
    sample_every: int = 500
    bf16: bool = True

    def __post_init__(self) -> None:
        _within(
            self, "run", seed=(0, 2**63 - 1), log_every=(1, _MOST), save_every_s=(0.0, _MOST), validate_every=(1, _MOST),
            sample_every=(0, _MOST),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CodecTraining:
    """Losses and data of the codec.

    Attributes:
        batch: windows per step.
        window_frames: token frames per window.
        gain_db: random gain of a window, either way.
        free_steps: first steps without quantiser; then its codebooks start from k-means.
        kmeans_batches: batches whose vectors the k-means sees.
        commitment: weight of the distance between vectors and their codebook entries.
        mel: weight of the log-mel distance of the decoded magnitudes.
        loud: how much more a bin at full level counts than one at the floor.
        delta: weight of the log-mel error's change from frame to frame (attacks, warbling).
        decoder_only: learns the way back from codes alone. Encoder and codebooks stay as in the weights that the run begins from,
            so tokens made with those, and language models of them, remain valid.
    """

    batch: int = 8
    window_frames: int = 128
    gain_db: float = 6.0
    free_steps: int = 300
    kmeans_batches: int = 24
    commitment: float = 0.25
    mel: float = 3.0
    loud: float = 2.0
    delta: float = 1.0
    decoder_only: bool = False

    def __post_init__(self) -> None:
        _within(
            self, "codec", batch=(1, _MOST), window_frames=(1, _MOST), gain_db=(0.0, 120.0), free_steps=(0, _MOST),
            kmeans_batches=(1, _MOST), commitment=(0.0, _MOST), mel=(0.0, _MOST), loud=(0.0, _MOST), delta=(0.0, _MOST),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScoreTraining:
    """Data of the score model.

    Attributes:
        batch: rows of the model's context per step, each filled with windows.
        shares: how often each source is drawn from: ``sheet``, ``song``, ``quartet``, ``composed``; one left out is not used.
        lead_share: share of windows that hold the tune and the chords alone.
        gap_share: share of windows in which bars are to be filled in.
        gap_bars: most bars of a gap.
        max_bars: most bars of a window; what does not fit into the model's context is cut off.
        chordless: share of windows without chords.
        condition_dropout: how often each condition is left out.
        trait_dropout: how often a tune's traits are left out.
    """

    batch: int = 7
    shares: dict[str, float] = field(default_factory=lambda: {"sheet": 0.35, "song": 0.3, "quartet": 0.05, "composed": 0.3})
    lead_share: float = 0.92
    gap_share: float = 0.2
    gap_bars: int = 8
    max_bars: int = 40
    chordless: float = 0.1
    condition_dropout: float = 0.15
    trait_dropout: float = 0.1

    def __post_init__(self) -> None:
        _within(
            self, "score", batch=(1, _MOST), lead_share=_SHARE, gap_share=_SHARE, gap_bars=(1, _MOST), max_bars=(1, _MOST),
            chordless=_SHARE, condition_dropout=_SHARE, trait_dropout=_SHARE,
        )  # fmt: skip
        for source, share in self.shares.items():
            if not 0.0 <= share <= _MOST:
                raise RequestError(f"score.shares.{source} {share:g} is outside 0 to {_MOST:g}")


@dataclass(frozen=True, slots=True)
class LmTraining:
    """Data of the audio language model.

    Attributes:
        batch: windows per step.
        window_frames: token frames per window (1,500 are 30 s at 50 Hz).
        parts: of each step one is drawn; that many times as many windows are learned, that much shorter. What a text says
            is least known to a model that has heard little yet, so that short windows teach it to listen to the text.
        condition_dropout: how often a window is learned without its text, for guidance.
        thinned: how often a window's past is heard with frames left out: all of them in a third of these, else a random share.
            What is not heard has to be told from the text. Windows without a text are thinned as often.
        own_caption_share: how often an item's own caption is kept where the truth about it could be worded.
    """

    batch: int = 2
    window_frames: int = 1500
    parts: tuple[int, ...] = (1,)
    condition_dropout: float = 0.15
    thinned: float = 0.0
    own_caption_share: float = 0.2

    def __post_init__(self) -> None:
        _within(
            self, "lm", batch=(1, _MOST), window_frames=(1, _MOST), condition_dropout=_SHARE, thinned=_SHARE,
            own_caption_share=_SHARE,
        )  # fmt: skip
        if not self.parts or any(n < 1 or n > self.window_frames for n in self.parts):
            raise RequestError(f"lm.parts {list(self.parts)} must be numbers from 1 to {self.window_frames}, at least one")


@dataclass(frozen=True, slots=True)
class EmbedTraining:
    """Data of the joint embedding.

    Attributes:
        batch: pairs per step, each other's negatives.
        own_caption_share: how often an item's own words (of the whole item) are taken where the truth about the window could be
            worded.
        template_share: how often that truth is worded as captions of rendered items are; otherwise as plans are.
        numbers: how often each of tempo in figures, metre and key is said in a plan's wording.
        balance: 0 draws items as often as they come, 1 as if every item's rarest instrument were equally common.
        collage_share: how often a window is two at once and its words say their instruments only, so that an instrument is not
            guessed from the style it usually plays.
        prompt_weight: of the loss that asks for every instrument and style by name.
        gain_db, eq_db: random level, and random curve over the bands, either way.
    """

    batch: int = 48
    own_caption_share: float = 0.1
    template_share: float = 0.5
    numbers: float = 0.3
    balance: float = 0.5
    collage_share: float = 0.25
    prompt_weight: float = 1.0
    gain_db: float = 6.0
    eq_db: float = 4.0

    def __post_init__(self) -> None:
        _within(
            self, "embed", batch=(1, _MOST), own_caption_share=_SHARE, template_share=_SHARE, numbers=_SHARE, balance=(0.0, 10.0),
            collage_share=_SHARE, prompt_weight=(0.0, _MOST), gain_db=(0.0, 120.0), eq_db=(0.0, 120.0),
        )  # fmt: skip


SECTIONS = {
    "codec": ("model", "codec"), "score": ("score_model", "score"), "lm": ("lm_model", "text", "codec_used", "lm"),
    "embed": ("embed_model", "text", "embed"),
}  # fmt: skip
"""Keys of a recipe that a task has beside those of all tasks; a model that it trained needs no others."""
TASKS = tuple(SECTIONS)
"""What can be trained."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run.

    Attributes:
        task: what is trained, one of :data:`TASKS`.
        note: for people.
        model: shape of the codec.
        codec: its losses.
        score_model: shape of the score model.
        score: its data.
        lm_model: shape of the audio language model.
        text: its text tower.
        codec_used: whose tokens it speaks.
        lm: its data.
        embed_model: shape of the joint embedding (``text`` is its text tower).
        embed: its data.
        optim, run: see there.
    """

    task: str
    note: str = ""
    model: MiniCodecConfig = field(default_factory=MiniCodecConfig)
    codec: CodecTraining = field(default_factory=CodecTraining)
    score_model: ScoreModelConfig = field(default_factory=ScoreModelConfig)
    score: ScoreTraining = field(default_factory=ScoreTraining)
    lm_model: AudioLmConfig = field(default_factory=AudioLmConfig)
    text: TowerConfig = field(default_factory=TowerConfig)
    codec_used: CodecUsed = field(default_factory=CodecUsed)
    lm: LmTraining = field(default_factory=LmTraining)
    embed_model: JointConfig = field(default_factory=JointConfig)
    embed: EmbedTraining = field(default_factory=EmbedTraining)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read a recipe.

    Raises:
        FileError: the file cannot be read.
        ParseError: not YAML, an unknown key, a missing one, or a value of the wrong type; the message names it.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot read the recipe {path}: {error.strerror or error}") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParseError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return recipe_from(data, str(path))


def recipe_from(data: Any, where: str = "the recipe") -> Recipe:
    """A recipe from plain dicts and lists; unknown keys are refused. Raises ParseError."""
    if not isinstance(data, dict):
        raise ParseError(f"{where} must be a mapping with at least the key 'task'")
    _refuse_unknown(data, Recipe, where, "")
    try:
        recipe = msgspec.convert(data, Recipe)
    except msgspec.ValidationError as error:
        raise ParseError(f"{where}: {error}") from error
    if recipe.task not in TASKS:
        raise ParseError(f"{where}: task '{recipe.task}' is not known; known: {', '.join(TASKS)}")
    return recipe


def _refuse_unknown(data: Any, kind: Any, where: str, path: str) -> None:
    """Raise ParseError when a mapping has a key that its dataclass lacks (a typing error must not train silently)."""
    import dataclasses
    import typing

    if not dataclasses.is_dataclass(kind) or not isinstance(data, dict):
        return
    types = typing.get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(kind)]
    for key, value in data.items():
        if key not in known:
            raise ParseError(f"{where}: unknown key '{path}{key}'; known here: {', '.join(known)}")
        _refuse_unknown(value, types[key], where, f"{path}{key}.")


def to_plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain dicts, with every default of its task written out (saved beside checkpoints).

    What belongs to other tasks is left out, so that a checkpoint can be read when another task's values change.
    """
    plain: dict[str, Any] = msgspec.to_builtins(recipe)
    others = {key for sections in SECTIONS.values() for key in sections}.difference(SECTIONS.get(recipe.task, plain))
    return {key: value for key, value in plain.items() if key not in others}
