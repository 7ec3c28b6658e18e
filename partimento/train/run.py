"""From a recipe and folders of sound to a trained model: what ``partimento train`` calls.

partimento train recipes/mini-codec.yaml --data train/ --valid valid/ --out runs/codec --minutes 20
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from partimento.data.audio_folder import RENDERED_MANIFEST, AudioWindows, find_training_audio
from partimento.train.loop import Limits, Trainer
from partimento.train.processes import join
from partimento.train.recipe import Recipe
from partimento.train.state import TrainState
from partimento.train.task import Task

VALID_SEED = 77


def train(
    recipe: Recipe,
    data: Sequence[Path],
    out: Path,
    *,
    valid: Sequence[Path] | None = None,
    limits: Limits | None = None,
    device: str = "auto",
    warm_start: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    live: Callable[[str], None] | None = None,
) -> TrainState:
    """Train, or go on training, in the folder ``out``.

    Args:
        recipe: what.
        data: for the codec folders of sound files or datasets of :mod:`partimento.data.render` (their training split); for the
            score model datasets of :mod:`partimento.data.scores`; for the language model caches of ``partimento data encode``,
            for the joint embedding those of its log-mel features.
        out: folder of the run.
        valid: the same, held out; None takes the ``valid`` split when all ``data`` are rendered datasets, else nothing.
        limits: when to stop; none means the recipe's total steps.
        device: ``auto``, ``cpu`` or ``cuda``.
        warm_start: checkpoint or weights to begin from.
        say: gets progress lines.
        live: as of :class:`partimento.train.loop.Trainer`.

    Raises:
        FileError: data or weights cannot be read.
        TrainingStopped: the loss is no longer a number.
    """
    processes = join(device)
    if not processes.is_first:
        say = _silence
    task: Task
    if recipe.task == "lm":
        from partimento.train.lm_setup import lm_task

        recipe, task = lm_task(recipe, data, valid, say)
    elif recipe.task == "embed":
        from partimento.train.embed import embed_task

        recipe, task = embed_task(recipe, data, valid, say)
    else:
        task = _score_task(recipe, data, valid, say) if recipe.task == "score" else _codec_task(recipe, data, valid, say)
    trainer = Trainer(recipe, task, out, device=device, warm_start=warm_start, say=say, processes=processes, live=live)
    return trainer.run(limits or Limits())


def _silence(_line: str) -> None:
    """Of all processes but the first."""


def _codec_task(recipe: Recipe, data: Sequence[Path], valid: Sequence[Path] | None, say: Callable[[str], None]) -> Task:
    """The codec on sound files."""
    from partimento.train.codec import CodecTask

    codec, model = recipe.codec, recipe.model
    window = codec.window_frames * model.hop
    files, skipped = find_training_audio(data)
    for line in skipped:
        say(f"skipped {line}")
    windows = AudioWindows(files, model.sample_rate, window, gain_db=codec.gain_db)
    if valid is None and all((folder / RENDERED_MANIFEST).exists() for folder in data):
        valid = data
    held_out = None
    if valid is not None:
        held_out = AudioWindows(find_training_audio(valid, "valid")[0], model.sample_rate, window)
    say(f"{len(files)} files, {windows.duration_s / 3600:.2f} h of sound")
    return CodecTask(recipe, windows, held_out)


def _score_task(recipe: Recipe, data: Sequence[Path], valid: Sequence[Path] | None, say: Callable[[str], None]) -> Task:
    """The score model on datasets of scores."""
    from partimento.data.scores import read_scores
    from partimento.train.score import ScoreTask
    from partimento.train.score_data import ScoreWindows

    model = recipe.score_model

    def windows(folders: Sequence[Path], split: str) -> ScoreWindows:
        lines = [line for folder in folders for line in read_scores(folder) if line["split"] == split]
        return ScoreWindows(lines, recipe.score, model.vocabulary, model.context, chords=model.chord_tokens)

    train, held_out = windows(data, "train"), windows(valid or data, "valid")
    say(f"{train.n_pieces} pieces to learn from, {held_out.n_pieces} held out")
    return ScoreTask(recipe, train, held_out)
